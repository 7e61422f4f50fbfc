/* land_surface: the landscape's layer `probe`: a trial's loss on a plane through its weights, as the trial
 * evaluates it. Asks for it, decodes it into the same map that the other layers are drawn from, and says in
 * words which one it is. Its axes are directions in weights and no parameters, so there is nothing to steer
 * on it. Draws nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/console_state.h"
#include "tui/land.h"

#define MAX_SIDE 512
#define FAR      4 /* so many times the spread of the nine better tenths: the rest is cut from the colours */

bool land_on_surface(const struct land *k)
{
    return k->layer == LAND_PROBE || k->surface.there;
}

void land_next_layer(struct console *c)
{
    struct land *k = &c->land;
    bool was = k->layer == LAND_PROBE;
    k->layer = (k->layer + 1) % LAND_LAYERS;
    bool known = sub_loaded(&c->subs, SUB_SURFACES); /* else the pane tells when the answer is there */
    if (k->layer == LAND_PROBE && known && sub_total(&c->subs, SUB_SURFACES) == 0) {
        k->layer = LAND_MEAN;
        console_toast(c, ST_DIM, "no trial has a loss surface yet: a l asks the selected one for its own");
    }
    if (was || k->layer == LAND_PROBE) { /* other axes: nothing on them stays where it is */
        k->box = k->extending = false;
        k->u0 = k->v0 = 0;
        k->u1 = k->v1 = 1;
        k->cu = k->cv = .5;
    }
}

/* The trial whose surface is shown: the selected one, else the best; -1 none. */
static int64_t trial_of(const struct console *c)
{
    return c->table.sel >= 0 ? c->table.sel : c->sum.best_trial;
}

void land_want_surface(struct console *c)
{
    const struct land *k = &c->land;
    int64_t trial = trial_of(c);
    struct codec_writer q = sub_want(&c->subs, SUB_LANDSCAPE, "probe", 1 + (trial >= 0));
    if (trial >= 0)
        cw_kint(&q, "trial", trial);
    cw_kbool(&q, "fill", !k->surface.there || strcmp(k->surface.state, "on") == 0);
    sub_commit(&c->subs, SUB_LANDSCAPE, 0, 1);
}

void land_want_surfaces(struct console *c)
{
    struct codec_writer q = sub_want(&c->subs, SUB_SURFACES, "surfaces", 1);
    cw_kint(&q, "rows", 1); /* how many there are is all that is asked */
    sub_commit(&c->subs, SUB_SURFACES, 0, 1);
}

/* ---- decoding ---- */

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* What colours run over. Losses far from the middle are often larger by orders of magnitude. */
static void range_of(struct land *k, size_t n)
{
    float *known = mem_alloc(n * sizeof *known);
    size_t m = 0;
    k->z0 = k->z1 = NAN;
    for (size_t i = 0; i < n; i++)
        if (isfinite(k->z[i]))
            known[m++] = k->z[i];
    if (m > 0) {
        qsort(known, m, sizeof *known, ascending);
        double low = (double)known[0], most = (double)known[m - 1], high = (double)known[(m - 1) * 9 / 10];
        k->z0 = low;
        k->z1 = high > low && most - low > FAR * (high - low) ? high : most;
    }
    free(known);
}

static void read_map(struct land *k, struct span head)
{
    size_t n = (size_t)k->columns * (size_t)k->rows;
    struct codec_reader r;
    if (!cmap_bool(head, "enough", false) || !cmap_find(head, "z", &r) || cr_peek(&r) != CT_BIN)
        return;
    struct span b = cr_bin(&r);
    if (b.n != n * sizeof(double))
        return;
    k->z = mem_alloc(n * sizeof *k->z);
    for (size_t i = 0; i < n; i++) {
        double z;
        memcpy(&z, b.p + i * sizeof z, sizeof z);
        k->z[i] = (float)z;
    }
    range_of(k, n);
}

/* The outermost points of the grid are cells of the map, half of which lies beyond them. */
static void axis_of(struct land_axis *a, const char *name, double low, double high, int n)
{
    double half = n > 1 ? (high - low) / (n - 1) / 2 : 0;
    *a = (struct land_axis){.there = n > 1 && isfinite(half) && half > 0, .scale = LAND_LINEAR};
    row_format(a->name, sizeof a->name, "%s", name);
    a->low = low - half;
    a->high = high + half;
}

static void text_of(struct span head, const char *key, char *out, size_t cap)
{
    char text[ROW_TEXT];
    row_text(text, cmap_str(head, key), 100);
    row_format(out, cap, "%s", text);
}

void land_read_surface(struct console *c, struct span head)
{
    struct land *k = &c->land;
    int64_t columns = cmap_int(head, "columns", 0), rows = cmap_int(head, "rows", 0), trial = trial_of(c);
    k->ax = k->ay = (struct land_axis){0};
    k->model[0] = '\0';
    k->noise = NAN;
    k->n_trials = 0;
    k->enough = cmap_bool(head, "enough", false);
    row_format(k->layer_name, sizeof k->layer_name, "loss");
    if (columns < 1 || rows < 1 || columns > MAX_SIDE || rows > MAX_SIDE) {
        if (trial < 0)
            row_format(k->why, sizeof k->why, "no trial, no loss surface");
        else
            row_format(k->why, sizeof k->why, "t%lld has no loss surface: :probe %lld --grid 31x31 (a l)",
                       (long long)trial, (long long)trial);
        return;
    }
    k->surface.there = true;
    k->surface.trial = cmap_int(head, "trial", -1);
    k->surface.step = cmap_int(head, "step", -1);
    k->surface.loss = cmap_double(head, "loss", NAN);
    k->surface.least = cmap_double(head, "min", NAN);
    k->surface.done = cmap_double(head, "done", 0);
    text_of(head, "state", k->surface.state, sizeof k->surface.state);
    text_of(head, "norm", k->surface.norm, sizeof k->surface.norm);
    text_of(head, "why", k->surface.why, sizeof k->surface.why);
    k->columns = (int)columns;
    k->rows = (int)rows;
    axis_of(&k->ax, "direction 1", cmap_double(head, "x0", NAN), cmap_double(head, "x1", NAN), k->columns);
    axis_of(&k->ay, "direction 2", cmap_double(head, "y0", NAN), cmap_double(head, "y1", NAN), k->rows);
    row_format(k->why, sizeof k->why, "t%lld: the first loss of its surface is not there yet",
               (long long)k->surface.trial);
    read_map(k, head);
}

/* ---- words ---- */

const char *land_surface_state(const struct land *k)
{
    static const char *const words[][2] = {
        {"on", "under way"}, {"done", "complete"}, {"stopped", "stopped early"}, {"failed", "failed"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(k->surface.state, words[i][0]) == 0)
            return words[i][1];
    return k->surface.state;
}

void land_surface_title(const struct land *k, char *out, size_t cap)
{
    if (!k->surface.there)
        row_format(out, cap, "loss surface");
    else
        row_format(out, cap, "t%lld loss, %.0f%% known, %s", (long long)k->surface.trial,
                   floor(100 * k->surface.done), land_surface_state(k));
}
