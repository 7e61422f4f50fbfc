#include "tui/layout.h"

static int clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

struct rect rect_top(struct rect *r, int n)
{
    n = clamp(n, 0, r->h);
    struct rect out = {r->x, r->y, r->w, n};
    r->y += n;
    r->h -= n;
    return out;
}

struct rect rect_bottom(struct rect *r, int n)
{
    n = clamp(n, 0, r->h);
    r->h -= n;
    return (struct rect){r->x, r->y + r->h, r->w, n};
}

struct rect rect_left(struct rect *r, int n)
{
    n = clamp(n, 0, r->w);
    struct rect out = {r->x, r->y, n, r->h};
    r->x += n;
    r->w -= n;
    return out;
}

struct rect rect_right(struct rect *r, int n)
{
    n = clamp(n, 0, r->w);
    r->w -= n;
    return (struct rect){r->x + r->w, r->y, n, r->h};
}

struct rect rect_inset(struct rect r, int dx, int dy)
{
    int w = r.w - 2 * dx, h = r.h - 2 * dy;
    return (struct rect){r.x + dx, r.y + dy, w > 0 ? w : 0, h > 0 ? h : 0};
}

struct rect rect_both(struct rect a, struct rect b)
{
    int x0 = a.x > b.x ? a.x : b.x, y0 = a.y > b.y ? a.y : b.y;
    int x1 = a.x + a.w < b.x + b.w ? a.x + a.w : b.x + b.w;
    int y1 = a.y + a.h < b.y + b.h ? a.y + a.h : b.y + b.h;
    return (struct rect){x0, y0, x1 > x0 ? x1 - x0 : 0, y1 > y0 ? y1 - y0 : 0};
}

struct rect rect_center(struct rect r, int w, int h)
{
    w = clamp(w, 0, r.w);
    h = clamp(h, 0, r.h);
    return (struct rect){r.x + (r.w - w) / 2, r.y + (r.h - h) / 2, w, h};
}

struct layout layout_frame(int cols, int rows)
{
    struct rect all = {0, 0, cols > 0 ? cols : 0, rows > 0 ? rows : 0};
    struct layout l = {.size = LAYOUT_NORMAL};
    if (cols < 30 || rows < 5)
        l.size = LAYOUT_LINE;
    else if (cols < 60 || rows < 15)
        l.size = LAYOUT_SMALL;
    else if (cols >= 100 && rows >= 30)
        l.size = LAYOUT_WIDE;
    if (l.size == LAYOUT_LINE) {
        l.header = rect_top(&all, 1);
        if (rows >= 3)
            l.footer = rect_bottom(&all, 1);
    } else {
        l.header = rect_top(&all, 1);
        l.footer = rect_bottom(&all, 1);
        if (l.size != LAYOUT_SMALL) {
            l.tabs = rect_top(&all, 1);
            l.status = rect_bottom(&all, 1);
        }
    }
    l.body = all;
    return l;
}
