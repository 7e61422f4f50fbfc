/* safe_text: an allow-list. A code point passes when it is in none of the ranges below and libc (whose opinion ncurses asks
 * as well) gives it a width; what is unknown is escaped. Widths are always asked in a UTF-8 locale of our own, because
 * the command line tools may run in the C locale. */
#include "proto/safe_text.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

/* Code points that a terminal or its font may treat as more, or less, than one glyph; sorted. */
static const struct {
    uint32_t from, to;
} unsafe[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   /* C0, DEL, C1 */
    {0x00ad, 0x00ad},   {0x034f, 0x034f},   /* soft hyphen, grapheme joiner */
    {0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd}, {0x070f, 0x070f}, {0x0890, 0x0891}, {0x08e2, 0x08e2},
    {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f}, /* fillers and selectors without a glyph */
    {0x200b, 0x200f},   /* zero-width space and joiners, left-to-right and right-to-left marks */
    {0x2028, 0x202e},   /* line and paragraph separator, bidi embeddings and overrides */
    {0x2060, 0x206f},   /* word joiner, invisible operators, bidi isolates, deprecated controls */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xd800, 0xf8ff},   /* surrogates, private use */
    {0xfdd0, 0xfdef},   /* noncharacters */
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, /* variation selectors, byte order mark, half-width filler */
    {0xfff0, 0xfffb},   {0xfffe, 0xffff},   /* interlinear annotation; noncharacters (U+FFFD passes) */
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1345f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff}, {0x3fffe, 0x10ffff}, /* noncharacters; tags, selectors, private planes */
};

static locale_t utf8_locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_locale(void)
{
    static const char *const names[] = {"C.UTF-8", "C.utf8", "en_US.UTF-8", "POSIX.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !utf8_locale; i++)
        utf8_locale = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
}

/* Columns of a code point; -1 when it has none or libc does not know it. Without any UTF-8 locale only ASCII passes. */
static int width_of(uint32_t cp)
{
    pthread_once(&once, make_locale);
    if (!utf8_locale)
        return -1;
    locale_t old = uselocale(utf8_locale);
    int w = wcwidth((wchar_t)cp);
    uselocale(old);
    return w;
}

static bool listed_unsafe(uint32_t cp)
{
    size_t lo = 0, hi = sizeof unsafe / sizeof *unsafe;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cp > unsafe[mid].to)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < sizeof unsafe / sizeof *unsafe && cp >= unsafe[lo].from;
}

void safe_iter_init(struct safe_iter *it, const char *s, size_t n)
{
    *it = (struct safe_iter){.p = s, .end = s + n, .marks = -1};
}

/* An escape is plain ASCII, but no base for a combining mark: it must stay readable. */
static void escape(struct safe_iter *it, const char *fmt, unsigned v)
{
    it->width = snprintf(it->u, sizeof it->u, fmt, v);
    it->marks = -1;
}

static void plain(struct safe_iter *it, const char *bytes, size_t n, int width)
{
    memcpy(it->u, bytes, n);
    it->u[n] = '\0';
    it->width = width;
    it->marks = width ? 0 : it->marks + 1;
}

bool safe_iter_next(struct safe_iter *it)
{
    if (it->p >= it->end)
        return false;
    unsigned char c = (unsigned char)*it->p;
    if (c < 0x80) {
        it->p++;
        if (c == '\t')
            plain(it, " ", 1, 1);
        else if (c < 0x20 || c == 0x7f)
            escape(it, "\\x%02x", c);
        else
            plain(it, (const char *)&c, 1, 1);
        return true;
    }
    uint32_t cp;
    size_t n = utf8_decode(it->p, (size_t)(it->end - it->p), &cp);
    if (n == 0) {
        it->p++;
        escape(it, "\\x%02x", c);
        return true;
    }
    int width = listed_unsafe(cp) ? -1 : width_of(cp);
    bool mark_fits = it->marks >= 0 && it->marks < SAFE_MARKS;
    if (width > 0 || (width == 0 && mark_fits))
        plain(it, it->p, n, width);
    else
        escape(it, "\\u{%x}", cp);
    it->p += n;
    return true;
}

int safe_text(char *out, size_t cap, const char *s, size_t n, int max_columns)
{
    struct safe_iter it;
    size_t len = 0;
    int columns = 0;
    safe_iter_init(&it, s, n);
    while (safe_iter_next(&it)) {
        size_t bytes = strlen(it.u);
        if ((max_columns >= 0 && it.width > max_columns - columns) || bytes > cap - 1 - len)
            break;
        memcpy(out + len, it.u, bytes);
        len += bytes;
        columns += it.width;
    }
    out[len] = '\0';
    return columns;
}

int safe_text_buf(struct buf *b, const char *s, size_t n, int max_columns)
{
    struct safe_iter it;
    int columns = 0;
    safe_iter_init(&it, s, n);
    while (safe_iter_next(&it)) {
        if (max_columns >= 0 && it.width > max_columns - columns)
            break;
        buf_puts(b, it.u);
        columns += it.width;
    }
    return columns;
}

int safe_text_columns(const char *s, size_t n)
{
    struct safe_iter it;
    int columns = 0;
    safe_iter_init(&it, s, n);
    while (safe_iter_next(&it))
        columns += it.width;
    return columns;
}
