/* layout: where things go, as pure functions. Every function is total: any size from 1x1 gives rectangles
 * inside the screen, of size zero where there is no room. */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

struct rect {
    int x, y, w, h;
};

/* Cut n cells off one side: returns the piece, shrinks r. n is clamped to what r has. */
struct rect rect_top(struct rect *r, int n);
struct rect rect_bottom(struct rect *r, int n);
struct rect rect_left(struct rect *r, int n);
struct rect rect_right(struct rect *r, int n);
struct rect rect_inset(struct rect r, int dx, int dy); /* never negative */
struct rect rect_both(struct rect a, struct rect b);   /* the overlap */
/* A w x h rectangle in the middle of r, clamped to r. */
struct rect rect_center(struct rect r, int w, int h);

enum layout_size {
    LAYOUT_LINE,   /* under 30x5: two or three lines of text */
    LAYOUT_SMALL,  /* under 60x15: one pane, header and footer */
    LAYOUT_NORMAL, /* 80x24 is the design size: panes share a rule */
    LAYOUT_WIDE,   /* 100x30 and up: boxes */
};

struct layout {
    enum layout_size size;
    struct rect header, tabs, body, status, footer;
};
struct layout layout_frame(int cols, int rows);

#endif
