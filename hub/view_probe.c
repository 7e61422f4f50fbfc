/* view_probe: loss surfaces around the weights of running trials: the list of them, and one as a map. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/view_parts.h"

#define LIST_CELLS 150000 /* values in one answer of the list; the surfaces before have none */

/* A surface as of the moment that is asked for. */
struct look {
    const struct state_surface *u;
    int n;              /* cells that were there */
    const char *state, *why;
    double *z;          /* columns * rows, NaN unknown */
    double low, high;   /* of the finite ones; NaN none */
};

static bool there(const struct view_request *rq, const struct state_surface *u)
{
    return u->n_changes && u->changes[0].time <= rq->t;
}

static struct look look_at(const struct view_request *rq, const struct state_surface *u)
{
    const struct state_change *c = state_change_at(u->changes, u->n_changes, rq->t);
    const struct state_run *r = state_run(rq->s, u->run);
    const struct state_change *run = r ? state_change_at(r->changes, r->n_changes, rq->t) : NULL;
    struct look k = {.u = u, .low = NAN, .high = NAN};
    k.state = surface_state_name((enum surface_state)c->state);
    k.why = c->why;
    if (c->state == SURFACE_ON && (!run || run_state_terminal((enum run_state)run->state))) {
        k.state = surface_state_name(SURFACE_STOPPED); /* the program went without a word */
        k.why = "its run has ended";
    }
    k.n = STATE_PREFIX(u->cells, u->n_cells, struct state_cell, time, rq->t);
    k.z = mem_alloc((size_t)u->columns * (size_t)u->rows * sizeof *k.z);
    for (int i = 0; i < u->columns * u->rows; i++)
        k.z[i] = NAN;
    for (int i = 0; i < k.n; i++) {
        double z = k.z[u->cells[i].at] = u->cells[i].z;
        if (!isfinite(z))
            continue;
        k.low = isnan(k.low) || z < k.low ? z : k.low;
        k.high = isnan(k.high) || z > k.high ? z : k.high;
    }
    return k;
}

static double centre_of(const struct look *k)
{
    return k->z[k->u->rows / 2 * k->u->columns + k->u->columns / 2];
}

static void put_what(struct codec_writer *w, const struct look *k)
{
    const struct state_surface *u = k->u;
    cw_kint(w, "surface", u->id);
    cw_kint(w, "trial", u->trial);
    cw_kint(w, "run", u->run);
    view_ktime(w, "step", u->step);
    cw_kint(w, "columns", u->columns);
    cw_kint(w, "rows", u->rows);
    cw_kstr(w, "norm", u->norm);
    view_kvalue(w, "loss", u->loss);
    view_kvalue(w, "centre", centre_of(k));
    view_kvalue(w, "min", k->low);
    view_kvalue(w, "max", k->high);
    cw_kdouble(w, "done", (double)k->n / (u->columns * u->rows));
    cw_kstr(w, "state", k->state);
    cw_kstr(w, "why", k->why);
    cw_kint(w, "time", u->time);
    view_kvalue(w, "x0", u->x0);
    view_kvalue(w, "x1", u->x1);
    view_kvalue(w, "y0", u->y0);
    view_kvalue(w, "y1", u->y1);
}
#define WHAT_PAIRS 19

/* ---- the list ---- */

static void put_row(struct codec_writer *w, const struct look *k, bool values)
{
    int n = k->u->columns * k->u->rows;
    cw_map(w, WHAT_PAIRS + 1);
    put_what(w, k);
    if (!values) {
        cw_knil(w, "z");
        return;
    }
    cw_str(w, "z");
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++)
        if (isfinite(k->z[i]))
            cw_double(w, k->z[i]);
        else
            cw_nil(w);
}

int view_surfaces(const struct view_request *rq, struct view_out *out, char **cause)
{
    int64_t only = cmap_int(rq->body, "trial", -1), cells = 0;
    int first = rq->s->n_surfaces; /* of those whose values fit */
    while (first > 0) {
        const struct state_surface *u = rq->s->surfaces[first - 1];
        cells += (int64_t)u->columns * u->rows;
        if (cells > LIST_CELLS)
            break;
        first--;
    }
    for (int i = 0; i < rq->s->n_surfaces; i++) {
        const struct state_surface *u = rq->s->surfaces[i];
        struct codec_writer w;
        if (!there(rq, u) || (only >= 0 && u->trial != only))
            continue;
        struct look k = look_at(rq, u);
        view_part_begin(out, &w, i);
        put_row(&w, &k, i >= first);
        view_part_end(out);
        free(k.z);
    }
    return view_rows_finish(rq, out, cause);
}

/* ---- one map ---- */

static const struct state_surface *pick(const struct view_request *rq)
{
    int64_t id = cmap_int(rq->body, "surface", -1), trial = cmap_int(rq->body, "trial", -1), run = cmap_int(rq->body, "run", -1);
    for (int i = rq->s->n_surfaces - 1; i >= 0; i--) {
        const struct state_surface *u = rq->s->surfaces[i];
        if (there(rq, u) && (id < 0 || u->id == id) && (trial < 0 || u->trial == trial) && (run < 0 || u->run == run))
            return u;
    }
    return NULL;
}

/* Gives each unknown cell the value of the nearest known one toward the middle on the next coarser lattice: what coarse to fine
 * evaluation looks like on a screen. */
static void fill(struct look *k)
{
    int columns = k->u->columns, rows = k->u->rows, cx = columns / 2, cy = rows / 2;
    uint8_t *known = mem_zero((size_t)columns * (size_t)rows, 1);
    for (int i = 0; i < k->n; i++)
        known[k->u->cells[i].at] = 1;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            for (int stride = 2; !known[r * columns + c] && stride <= 512; stride *= 2) {
                int x = cx + (int)lround((double)(c - cx) / stride) * stride, y = cy + (int)lround((double)(r - cy) / stride) * stride;
                if (x < 0 || x >= columns || y < 0 || y >= rows || !known[y * columns + x])
                    continue;
                k->z[r * columns + c] = k->z[y * columns + x];
                break;
            }
    free(known);
}

int view_probe(const struct view_request *rq, struct view_out *out, char **cause)
{
    const struct state_surface *u = pick(rq);
    struct codec_writer w;
    (void)cause;
    if (!u) {
        view_head(out, &w, 2);
        cw_kbool(&w, "enough", false);
        cw_kstr(&w, "why", "no surface was probed: `probe TRIAL` asks a running trial for one");
        return 0;
    }
    struct look k = look_at(rq, u);
    if (cmap_bool(rq->body, "fill", false))
        fill(&k);
    view_head(out, &w, WHAT_PAIRS + 2);
    cw_kbool(&w, "enough", k.n > 0);
    put_what(&w, &k);
    view_kcolumn(&w, "z", k.z, u->columns * u->rows);
    free(k.z);
    return 0;
}
