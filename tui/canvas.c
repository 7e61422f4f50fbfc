#include "tui/canvas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/utf8.h"

#define REPLACEMENT 0xfffd

void canvas_init(struct canvas *c, bool ascii)
{
    *c = (struct canvas){.ascii = ascii, .heat = 8, .cursor_x = -1, .cursor_y = -1};
}

void canvas_resize(struct canvas *c, int cols, int rows)
{
    c->cols = cols > 0 ? cols : 0;
    c->rows = rows > 0 ? rows : 0;
    c->cells = mem_resize(c->cells, (size_t)c->cols * (size_t)c->rows + 1, sizeof *c->cells);
    canvas_clear(c);
}

void canvas_clear(struct canvas *c)
{
    for (int i = 0; i < c->cols * c->rows; i++)
        c->cells[i] = (struct cell){' ', 0, ST_PLAIN, 1};
    c->clip = (struct rect){0, 0, c->cols, c->rows};
    c->n_hits = 0;
    c->cursor_x = c->cursor_y = -1;
}

void canvas_release(struct canvas *c)
{
    free(c->cells);
    free(c->hits);
    *c = (struct canvas){0};
}

struct rect canvas_clip(struct canvas *c, struct rect r)
{
    struct rect old = c->clip;
    c->clip = rect_both(r, (struct rect){0, 0, c->cols, c->rows});
    return old;
}

/* ---- ASCII translation ---- */

static const struct {
    uint32_t cp;
    char to;
} letters[] = {
    {0x25b6, '>'}, /* running */
    {0x2016, '='}, /* paused */
    {0x2713, '+'}, /* done */
    {0x2702, '%'}, /* pruned */
    {0x25a0, '#'}, /* stopped */
    {0x2717, 'x'}, /* failed */
    {0x00b7, '.'}, /* waiting */
    {0x23f8, '"'}, /* replay is paused */
    {0x2605, '*'}, {0x25cf, 'o'}, {0x25cb, '.'}, {0x25c6, '#'}, {0x2500, '-'}, {0x2501, '='}, {0x2502, '|'},
    {0x2503, '|'}, {0x250a, ':'}, {0x2524, '|'}, {0x2591, '.'}, {0x2592, ':'}, {0x2593, '#'}, {0x2588, '@'},
    {0x258f, '|'}, {0x2026, '.'}, {0x2014, '-'}, {0x2013, '-'}, {0x2212, '-'}, {0x00b1, '~'}, {0x00d7, 'x'},
    {0x2191, '^'}, {0x2193, 'v'}, {0x2190, '<'}, {0x2192, '>'}, {0x21e7, 'S'}, {0x0394, 'd'}, {0x03b7, 'n'},
    {0x2550, '='}, {0x2551, '|'}, {0x2504, '-'}, {0x25bd, 'v'}, {0x25b4, '^'}, {0x256d, '.'}, {0x256e, '.'}, {0x256f, '\''},
    {0x2570, '`'}, {0x2265, '>'}, {0x2264, '<'}, {0x25b2, '^'}, {0x25bc, 'v'}, {0x25be, 'v'}, {0x25c2, '<'}, {0x25b8, '>'}, {0xfffd, '?'},
};

/* One letter for eight dots: by the rows that are lit, which is what the eye follows along a curve. */
static char braille_letter(uint32_t bits)
{
    static const uint8_t rows[4] = {0x01 | 0x08, 0x02 | 0x10, 0x04 | 0x20, 0x40 | 0x80};
    int lit = 0, n = 0;
    for (int i = 0; i < 4; i++)
        if (bits & rows[i]) {
            lit |= 1 << i;
            n++;
        }
    if (n == 0)
        return ' ';
    if (n >= 3)
        return '|';
    static const char by_rows[16] = {' ', '\'', '-',  '`', '-', '\\', '-', '|',
                                     '.', '|',  '\\', '|', ',', '|',  '|', '|'};
    return by_rows[lit];
}

static uint32_t ascii_for(uint32_t cp)
{
    if (cp < 0x7f)
        return cp;
    if (cp >= 0x2800 && cp <= 0x28ff)
        return (uint32_t)braille_letter(cp - 0x2800);
    if (cp >= 0x2581 && cp <= 0x2588)
        return (uint32_t) "_.-=+*#@"[cp - 0x2581];
    if (cp >= 0x2460 && cp <= 0x2468)
        return '1' + (cp - 0x2460);
    if (cp >= 0x2469 && cp <= 0x2473)
        return '#';
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (letters[i].cp == cp)
            return (uint32_t)letters[i].to;
    if (cp >= 0x2500 && cp <= 0x257f)
        return '+';
    return '?';
}

/* Eight dots as four quadrants: one is lit when either of its dots is. */
static uint32_t quadrants(uint32_t dots)
{
    static const uint8_t quarter[4] = {0x01 | 0x02, 0x08 | 0x10, 0x04 | 0x40, 0x20 | 0x80}; /* ul ur ll lr */
    static const uint16_t glyph[16] = {' ',    0x2598, 0x259d, 0x2580, 0x2596, 0x258c, 0x259e, 0x259b,
                                       0x2597, 0x259a, 0x2590, 0x259c, 0x2584, 0x2599, 0x259f, 0x2588};
    int lit = 0;
    for (int i = 0; i < 4; i++)
        lit |= dots & quarter[i] ? 1 << i : 0;
    return glyph[lit];
}

/* ---- cells ---- */

static struct cell *cell_at(struct canvas *c, int x, int y)
{
    return &c->cells[(size_t)y * (size_t)c->cols + (size_t)x];
}

static bool inside(const struct canvas *c, int x, int y)
{
    return x >= c->clip.x && x < c->clip.x + c->clip.w && y >= c->clip.y && y < c->clip.y + c->clip.h;
}

/* Overwriting half of a wide character leaves no other half behind. */
static void unwide(struct canvas *c, int x, int y)
{
    struct cell *e = cell_at(c, x, y);
    if (e->width == 2 && x + 1 < c->cols)
        *cell_at(c, x + 1, y) = (struct cell){' ', 0, e->st, 1};
    else if (e->width == 0 && x > 0)
        *cell_at(c, x - 1, y) = (struct cell){' ', 0, e->st, 1};
}

static int char_width(const struct canvas *c, uint32_t *cp)
{
    if (*cp < 0x20 || *cp == 0x7f) {
        *cp = c->ascii ? '?' : REPLACEMENT;
        return 1;
    }
    if (c->ascii) {
        *cp = ascii_for(*cp);
        return 1;
    }
    if (c->blocks && *cp >= 0x2800 && *cp <= 0x28ff)
        *cp = quadrants(*cp - 0x2800);
    if (*cp < 0x7f)
        return 1;
    int w = wcwidth((wchar_t)*cp);
    if (w >= 0 && w <= 2)
        return w;
    *cp = REPLACEMENT;
    return 1;
}

/* A combining mark goes onto the character before it; a second one is dropped. */
static void put_mark(struct canvas *c, int x, int y, uint32_t cp)
{
    if (!inside(c, x - 1, y))
        return;
    struct cell *e = cell_at(c, x - 1, y);
    if (e->width == 0 && x >= 2)
        e = cell_at(c, x - 2, y);
    /* only true combining marks: bidi controls, zero-width spaces and tags change what is read around them */
    bool combining =
        (cp >= 0x300 && cp <= 0x36f) || (cp >= 0x1ab0 && cp <= 0x1aff) || (cp >= 0x20d0 && cp <= 0x20f0);
    if (combining && e->mark == 0 && e->cp != ' ')
        e->mark = cp;
}

int canvas_put(struct canvas *c, int x, int y, style st, uint32_t cp)
{
    int w = char_width(c, &cp);
    if (w == 0) {
        put_mark(c, x, y, cp);
        return 0;
    }
    if (!inside(c, x, y))
        return w;
    if (w == 2 && !inside(c, x + 1, y)) {
        cp = ' ';
        w = 1;
    }
    unwide(c, x, y);
    if (w == 2)
        unwide(c, x + 1, y);
    *cell_at(c, x, y) = (struct cell){cp, 0, st, (uint8_t)w};
    if (w == 2)
        *cell_at(c, x + 1, y) = (struct cell){0, 0, st, 0};
    return w;
}

static size_t next_char(const char *s, size_t n, uint32_t *cp)
{
    size_t used = utf8_decode(s, n, cp);
    if (used)
        return used;
    *cp = REPLACEMENT;
    return 1;
}

static int columns(const struct canvas *c, const char *s, size_t n)
{
    int cols = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += next_char(s + i, n - i, &cp);
        cols += char_width(c, &cp);
    }
    return cols;
}

int canvas_columns(const char *s, size_t n)
{
    static const struct canvas plain = {.ascii = false};
    return columns(&plain, s, n);
}

int canvas_textn(struct canvas *c, int x, int y, int max_cols, style st, const char *s, size_t n)
{
    bool cut = max_cols >= 0 && columns(c, s, n) > max_cols;
    int limit = cut ? max_cols - 1 : max_cols, used = 0;
    if (max_cols == 0)
        return 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += next_char(s + i, n - i, &cp);
        uint32_t probe = cp;
        if (cut && used + char_width(c, &probe) > limit)
            break;
        used += canvas_put(c, x + used, y, st, cp);
    }
    if (cut)
        used += canvas_put(c, x + used, y, st, 0x2026);
    return used;
}

int canvas_text(struct canvas *c, int x, int y, style st, const char *s)
{
    return canvas_textn(c, x, y, -1, st, s, strlen(s));
}

int canvas_printf(struct canvas *c, int x, int y, style st, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return canvas_text(c, x, y, st, line);
}

void canvas_right(struct canvas *c, int x, int y, int w, style st, const char *s)
{
    int cols = columns(c, s, strlen(s));
    if (cols <= w)
        canvas_text(c, x + w - cols, y, st, s);
    else
        canvas_textn(c, x, y, w, st, s, strlen(s));
}

void canvas_fill(struct canvas *c, struct rect r, style st, uint32_t cp)
{
    r = rect_both(r, c->clip);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            canvas_put(c, x, y, st, cp);
}

void canvas_flag(struct canvas *c, struct rect r, style flags)
{
    r = rect_both(r, c->clip);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            cell_at(c, x, y)->st |= flags;
}

void canvas_hline(struct canvas *c, int x, int y, int w, style st)
{
    for (int i = 0; i < w; i++)
        canvas_put(c, x + i, y, st, 0x2500);
}

struct rect canvas_box(struct canvas *c, struct rect r, const char *title, const char *right)
{
    if (r.w < 2 || r.h < 2)
        return r;
    int x1 = r.x + r.w - 1, y1 = r.y + r.h - 1;
    canvas_hline(c, r.x + 1, r.y, r.w - 2, ST_BORDER);
    canvas_hline(c, r.x + 1, y1, r.w - 2, ST_BORDER);
    for (int y = r.y + 1; y < y1; y++) {
        canvas_put(c, r.x, y, ST_BORDER, 0x2502);
        canvas_put(c, x1, y, ST_BORDER, 0x2502);
    }
    canvas_put(c, r.x, r.y, ST_BORDER, 0x250c);
    canvas_put(c, x1, r.y, ST_BORDER, 0x2510);
    canvas_put(c, r.x, y1, ST_BORDER, 0x2514);
    canvas_put(c, x1, y1, ST_BORDER, 0x2518);
    int room = r.w - 6, used = 0;
    if (title && room > 0) {
        canvas_put(c, r.x + 2, r.y, ST_BORDER, ' ');
        used = canvas_textn(c, r.x + 3, r.y, room, ST_TITLE, title, strlen(title));
        canvas_put(c, r.x + 3 + used, r.y, ST_BORDER, ' ');
    }
    if (right) {
        int cols = columns(c, right, strlen(right));
        if (cols && cols + used + 4 <= room) {
            canvas_put(c, x1 - cols - 3, r.y, ST_BORDER, ' ');
            canvas_text(c, x1 - cols - 2, r.y, ST_DIM, right);
            canvas_put(c, x1 - 2, r.y, ST_BORDER, ' ');
        }
    }
    return rect_inset(r, 1, 1);
}

const struct cell *canvas_at(const struct canvas *c, int x, int y)
{
    if (x < 0 || y < 0 || x >= c->cols || y >= c->rows)
        return NULL;
    return &c->cells[(size_t)y * (size_t)c->cols + (size_t)x];
}

void canvas_hit(struct canvas *c, struct rect r, int what, int64_t arg)
{
    r = rect_both(r, c->clip);
    if (r.w == 0 || r.h == 0)
        return;
    if (c->n_hits == c->cap_hits) {
        c->cap_hits = c->cap_hits ? 2 * c->cap_hits : 32;
        c->hits = mem_resize(c->hits, (size_t)c->cap_hits, sizeof *c->hits);
    }
    c->hits[c->n_hits++] = (struct hit){r, what, arg};
}

const struct hit *canvas_find_hit(const struct canvas *c, int x, int y)
{
    for (int i = c->n_hits; i-- > 0;) {
        struct rect r = c->hits[i].at;
        if (x >= r.x && x < r.x + r.w && y >= r.y && y < r.y + r.h)
            return &c->hits[i];
    }
    return NULL;
}

static void put_utf8(struct buf *out, uint32_t cp)
{
    char b[4];
    buf_put(out, b, utf8_encode(b, cp));
}

void canvas_dump(const struct canvas *c, struct buf *out)
{
    for (int y = 0; y < c->rows; y++) {
        size_t keep = out->len;
        for (int x = 0; x < c->cols; x++) {
            const struct cell *e = canvas_at(c, x, y);
            if (e->width == 0)
                continue;
            put_utf8(out, e->cp);
            if (e->mark)
                put_utf8(out, e->mark);
            if (e->cp != ' ')
                keep = out->len;
        }
        out->len = keep;
        buf_putc(out, '\n');
    }
}
