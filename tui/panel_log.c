/* panel_log: the tail of a trial's output, scrolled and searched. The hub finds the lines: the console holds only those it shows. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/safe_text.h"
#include "tui/panel.h"
#include "tui/row.h"

void panel_log_want(struct console *c, struct rect r)
{
    bool search = c->own.search[0] != '\0';
    struct codec_writer w =
        sub_want(&c->subs, SUB_TEXT, "text", 2 + (c->log_back > 0) + (search ? 1 + (c->own.search_at >= 0) : 0));
    cw_kint(&w, "trial", c->table.sel);
    cw_kint(&w, "lines", r.h > 1 ? r.h : 1);
    if (c->log_back > 0)
        cw_kint(&w, "before", c->log_back);
    if (search)
        cw_kstr(&w, "find", c->own.search);
    if (search && c->own.search_at >= 0)
        cw_kint(&w, "at", c->own.search_at);
    sub_commit(&c->subs, SUB_TEXT, 0, 4);
}

void panel_log_search(struct console *c, const char *text)
{
    struct own *o = &c->own;
    row_format(o->search, sizeof o->search, "%.60s", text);
    o->search_at = -1;
    o->search_go = o->search[0] ? -1 : 0;
    prompt_close(&c->prompt);
}

void panel_log_find(struct console *c, int dir)
{
    if (!c->own.search[0])
        console_toast(c, ST_DIM, "/ looks for a text in the log first");
    else
        c->own.search_go = dir;
}

void panel_log_follow(struct console *c)
{
    struct own *o = &c->own;
    struct span head = sub_head(&c->subs, SUB_TEXT);
    if (!o->search_go || !sub_loaded(&c->subs, SUB_TEXT) || !head.p)
        return;
    struct codec_reader r;
    if (!cmap_find(head, "hits", &r)) /* the answer to another question */
        return;
    int64_t at = cmap_int(head, o->search_go < 0 ? "prev" : "next", -1), end = cmap_int(head, "end", 0);
    if (at < 0) {
        bool any = cmap_int(head, "hits", 0) > 0;
        console_toast(c, ST_WARN, "no %sline has \"%.40s\"", !any ? "" : o->search_go < 0 ? "earlier " : "later ",
                      o->search);
    } else {
        int64_t below = at + c->rows / 3;
        o->search_at = at;
        c->log_back = below < end ? below : 0;
    }
    o->search_go = 0;
}

/* Every place where the text stands, in the drawn line. */
static void mark_hits(const struct console *c, struct canvas *out, int x, int y, int w, const char *text)
{
    size_t n = strlen(c->own.search);
    for (const char *p = text; n && *p; p++)
        if (strncasecmp(p, c->own.search, n) == 0) {
            int from = canvas_columns(text, (size_t)(p - text)), len = canvas_columns(p, n);
            if (from < w)
                canvas_flag(out, (struct rect){x + from, y, from + len > w ? w - from : len, 1}, ST_REVERSE);
            p += n - 1;
        }
}

static void draw_line(const struct console *c, struct canvas *out, struct rect r, int y, struct span row)
{
    char clock[CLOCK_TEXT] = "", text[4 * ROW_TEXT];
    int64_t at = cmap_int(row, "time", -1);
    if (at > 0)
        clock_hms(clock, at);
    struct span stream = cmap_str(row, "stream"), s = cmap_str(row, "text");
    bool err = stream.n && stream.p[0] == 'e';
    text[0] = '\0';
    if (s.p && s.n)
        safe_text(text, sizeof text, s.p, s.n, 400);
    bool found = c->own.search[0] && cmap_int(row, "index", -2) == c->own.search_at;
    int x = r.w >= 40 ? canvas_text(out, r.x, y, found ? ST_MARK : ST_DIM, clock) + 1 : 0;
    canvas_textn(out, r.x + x, y, r.w - x, err ? ST_WARN : ST_PLAIN, text, strlen(text));
    mark_hits(c, out, r.x + x, y, r.w - x, text);
    if (found) {
        out->cursor_x = r.x;
        out->cursor_y = y;
    }
}

void panel_log_draw(const struct console *c, struct canvas *out, struct rect r)
{
    struct rect old = canvas_clip(out, r);
    int n = sub_rows(&c->subs, SUB_TEXT), first = n > r.h ? n - r.h : 0;
    if (sub_error(&c->subs, SUB_TEXT))
        panel_note(out, r, ST_DIM, "no log");
    else if (n == 0)
        panel_note(out, r, ST_DIM, panel_empty(c, SUB_TEXT, "no output yet"));
    for (int i = first; i < n; i++) {
        struct span row = sub_row(&c->subs, SUB_TEXT, i);
        if (row.p)
            draw_line(c, out, r, r.y + i - first, row);
    }
    canvas_clip(out, old);
}
