/* compare: what the curves screen knows: which lines there are, on which axes, and where the crosshair
 * stands. Asks for the columns it can draw, keeps them decoded, reads values off them. Draws nothing. */
#ifndef TUI_COMPARE_H
#define TUI_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/axis.h"
#include "tui/layout.h"
#include "tui/theme.h"

struct console;

#define COMPARE_LINES  64
#define COMPARE_PANELS 9
#define COMPARE_HIDDEN 64
#define COMPARE_MARKS  16

enum compare_source {
    COMPARE_AUTO,
    COMPARE_MARKED,
    COMPARE_FILTER,
    COMPARE_BEST5,
    COMPARE_BEST10,
    COMPARE_BEST20,
    COMPARE_SOURCES
};
enum compare_x { COMPARE_STEP, COMPARE_TIME, COMPARE_EPOCH, COMPARE_COST, COMPARE_XS };
enum compare_band { BAND_NONE, BAND_RANGE, BAND_DEVIATION, BAND_KINDS };
enum compare_panels { PANELS_ONE, PANELS_METRICS, PANELS_LINES, PANELS_KINDS };

struct compare_line {
    int64_t trial, run; /* -1: of several */
    int runs, trials;
    uint64_t key; /* stays the same from answer to answer */
    char label[48], metric[64];
    double *mean, *min, *max, *deviation; /* n each, one allocation at mean; deviation may be NULL */
    double *raw;                          /* mean before smoothing, NULL without */
    int n;
    double x0, x1, nan_x, last;
    int letter; /* 0.. by place in the answer; the same for all metrics of a line */
    bool hidden;
    struct compare_mark {
        int64_t id;
        double x;
    } marks[COMPARE_MARKS];
    int n_marks;
};

struct compare {
    enum compare_source source;
    enum compare_x x;
    enum compare_band band;
    enum compare_panels panels;
    bool by_run, log_x;
    int log_y;      /* -1 as the data suggests */
    char group[64]; /* a parameter; "" a line a trial (or a run) */
    bool diff;
    uint64_t diff_key; /* the line the others are compared with */
    bool zoom_x, zoom_y;
    double zx0, zx1, zy0, zy1;
    double cross; /* x of the crosshair; NaN: at the newest point */
    uint64_t sel; /* key of the line under the pointer */
    uint64_t hidden[COMPARE_HIDDEN];
    int n_hidden;
    int drag_x, drag_y, drag_to_x, drag_to_y; /* cells; drag_x -1: no box is being drawn */
    bool panning;

    /* from the answer */
    struct compare_line lines[COMPARE_LINES];
    int n_lines, n_letters;
    int cut;       /* parts that were more than COMPARE_LINES */
    double x0, x1; /* of the columns */
    bool log_columns;
    char why[128];
    uint64_t seen, decoded;           /* version of the view, and the settings, that lines were read with */
    char metrics[COMPARE_PANELS][64]; /* panels by metric */
    int n_metrics;
    struct axis x_axis;
    struct range y[COMPARE_PANELS];
    bool y_log_auto[COMPARE_PANELS];
    double x_need; /* 0: not known yet, then all is asked for */
    uint64_t x_key;
};

void compare_init(struct compare *k);
void compare_release(struct compare *k);
/* Asks for `columns` columns of what is to be seen. */
void compare_want(struct console *c, int columns);
void compare_follow(struct console *c);

/* The panel a line is drawn in, -1 none (hidden, or not in the answer's panels). */
int compare_panel_of(const struct console *c, const struct compare_line *l);
int compare_n_panels(const struct console *c);
void compare_panel_title(const struct console *c, int panel, char *out, size_t cap);
/* The value (as drawn: smoothed, or the difference) at x; NaN outside of the line and where it is cut.
 * Without a crosshair the line's newest. */
double compare_read(const struct compare_line *l, const struct compare *k, double x);
/* The line that differences are taken to, under this metric; NULL when it is not there. */
const struct compare_line *compare_reference(const struct compare *k, const char *metric);
/* Value of a column, or between its neighbours; NaN beyond the ends and where the line is cut. */
double compare_at_column(const double *v, int n, double at);
double compare_cross(const struct compare *k); /* where the crosshair stands, as a number */
style compare_style(const struct compare_line *l);
/* The line under the pointer; NULL when there is none. */
const struct compare_line *compare_selected(const struct compare *k);

/* Changes from keys; each answers false when it has nothing to change. */
void compare_step_line(struct console *c, int by);
void compare_step_cross(struct console *c, int cells, int width);
void compare_zoom(struct console *c, double factor, double about);
void compare_pan(struct console *c, double share);
void compare_fit(struct compare *k);
void compare_toggle(struct console *c, uint64_t key);
void compare_next_group(struct console *c);
void compare_next_x(struct console *c);
void compare_event(struct console *c, int dir);
const char *compare_source_text(const struct console *c, char *out, size_t cap);
const char *compare_x_name(enum compare_x x);

#endif
