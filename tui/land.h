/* land: what the landscape screen knows: which slice of the space is seen, the map that the hub sent, the
 * crosshair and the box that people steer with. Asks, decodes, and writes boxes as regions in the verbs' own
 * words. Draws nothing.
 *
 * Places on the map run from 0 to 1 along each axis, whatever the parameter's scale is. */
#ifndef TUI_LAND_H
#define TUI_LAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/prompt.h"
#include "tui/row.h"

struct console;

#define LAND_LABELS  24
#define LAND_BASINS  8
#define LAND_REGIONS 32
#define LAND_CELLS   512
#define LAND_HELD    16
#define LAND_FIX     8

#define LAND_NO_STEERING \
    "a loss surface lies in weights, not in parameters: m goes on to the map of the space"

enum land_scale { LAND_LINEAR, LAND_LOG, LAND_RLOG, LAND_CHOICES };
enum land_layer {
    LAND_MEAN,
    LAND_DEVIATION,
    LAND_ACQUISITION,
    LAND_OBSERVED,
    LAND_PARTIAL,
    LAND_PROBE,
    LAND_LAYERS
};

struct land_axis {
    bool there;
    char name[64]; /* as the space has it, for requests and verbs */
    bool whole;    /* integers */
    double low, high;
    enum land_scale scale;
    char labels[LAND_LABELS][40];
    int n_labels;
};

struct land_point {
    int64_t trial, order; /* order -1: not ended */
    const struct row_state *state;
    double x, y, value;
    bool inside; /* near the slice */
};

struct land_region {
    char verb[16], text[96];
    double x0, y0, x1, y1, weight;
    int64_t left, intervention; /* left -1: no end */
};

struct land {
    char x[64], y[64]; /* parameters asked for; "" the hub's choice */
    bool slice;        /* only x */
    enum land_layer layer;
    char hold[32]; /* best, typical or a trial's number */
    struct {
        char name[64], value[64];
    } fix[LAND_FIX];
    int n_fix;
    bool contours, trials, path, cells;
    double u0, u1, v0, v1;             /* the part that is seen */
    double cu, cv;                     /* the crosshair */
    bool box, extending;               /* there is a box; the crosshair draws it */
    double bx0, by0, bx1, by1, au, av; /* the box; where it was begun */
    int drag_x, drag_y;                /* cells; drag_x -1: no button is down */
    bool panning, moved;

    /* from the answer */
    uint64_t seen;
    struct land_axis ax, ay;
    float *z, *deviation; /* rows * columns; deviation of slices, else NULL */
    int columns, rows;
    double z0, z1, noise;
    bool enough;
    int64_t n_trials;
    char why[160], model[120], layer_name[16];
    struct land_point *points;
    int n_points;
    struct {
        int64_t trial;
        double x, y, value;
    } best; /* trial -1: none */
    struct {
        double x, y, value, persistence;
    } basins[LAND_BASINS];
    int n_basins;
    struct land_region regions[LAND_REGIONS];
    int n_regions;
    struct {
        double x0, y0, x1, y1;
        int depth;
    } splits[LAND_CELLS];
    int n_splits;
    struct {
        char name[64], text[48];
        bool number;
    } held[LAND_HELD];
    int n_held;
    struct {
        bool there, convex;
        double x, y, value, r2, plateau;
    } quadratic;
    struct {
        bool there; /* the map is a loss surface, the axes are directions in weights */
        int64_t trial, step;
        double loss, least, done; /* loss: at the weights themselves */
        char state[16], norm[16], why[120];
    } surface;
    uint64_t asked; /* what the coarse picture was asked for */
    bool coarse;
};

void land_init(struct land *k);
void land_release(struct land *k);
void land_want(struct console *c, int w, int h); /* cells of the map; h 0: nothing is drawn as a map */
void land_follow(struct console *c);

double land_value(const struct land_axis *a, double pos); /* choices: their number */
double land_pos(const struct land_axis *a, double value);
/* What stands at a place of an axis: a number to three digits, or the choice. */
void land_text(const struct land_axis *a, double pos, char out[ROW_TEXT]);
const char *land_layer_name(enum land_layer l);
/* Low values are good ones here. */
bool land_low_is_good(const struct console *c);

/* ---- the layer `probe` (land_surface.c) ---- */
void land_next_layer(struct console *c); /* says why when there is no surface to go to */
void land_want_surfaces(struct console *c);
void land_want_surface(struct console *c);
void land_read_surface(struct console *c, struct span head);
/* A surface is shown or asked for: no parameters, no box, no point to try. */
bool land_on_surface(const struct land *k);
void land_surface_title(const struct land *k, char *out, size_t cap);
const char *land_surface_state(const struct land *k); /* in words */

/* ---- the box and the crosshair (land_box.c) ---- */
void land_move(struct console *c, double du, double dv);
void land_begin_box(struct land *k, double u, double v);
void land_extend_box(struct land *k, double u, double v);
void land_size_box(struct land *k, double du, double dv);
void land_zoom(struct land *k, double factor, double u, double v);
void land_pan(struct land *k, double du, double dv);
/* "lr=1e-3..1e-2&optimizer=adam|sgd"; empty without a box. */
void land_region(const struct land *k, char *out, size_t cap);
/* The same in the words of the filter. */
void land_filter(const struct land *k, char *out, size_t cap);
/* "lr=8e-4 wd=1e-3" and what is held: for enqueue. */
void land_point(const struct land *k, char *out, size_t cap);
bool land_in_box(const struct land *k, double x, double y);
/* The command line whose effect is told beside the map: what waits, else focusing on the box; empty: none. */
void land_preview_line(const struct console *c, char *out, size_t cap);

void land_next_param(struct console *c, bool y);
/* ":slice best | typical | t17 | PARAM=VALUE"; -1 and a cause. */
int land_slice(struct console *c, int argc, char **argv, char **cause);

#endif
