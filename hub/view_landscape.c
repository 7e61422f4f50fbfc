/* view_landscape: the loss over one or two parameters: a picture from the model, or of what was observed,
 * with the trials, the basins, what people steer, and the tuner's own cells. Everything but the acquisition
 * and the cells, which are the live tuner's, comes from the log.
 *
 * The work of one answer is bounded (landscape.h, surrogate.h): the fit is shared through the model cache,
 * the picture by its number of cells, and basins and the fit near the optimum are always worked out on one
 * lattice of LATTICE_X x LATTICE_Y cells, so that they do not depend on the size of the picture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/landscape_parts.h"
#include "hub/params.h"
#include "tune/basins.h"
#include "tune/quadratic.h"
#include "tune/tuner.h"

#define LATTICE_X  40
#define LATTICE_Y  30
#define BASINS_MAX 8
#define CELLS_MAX  512
#define LIST_CELLS 16   /* along an axis of numbers, when the picture is asked for as a list */
#define NEAR       0.15 /* a held number is `inside` within this part of its range */

enum layer { LAYER_MEAN, LAYER_DEVIATION, LAYER_ACQUISITION, LAYER_OBSERVED, LAYER_PARTIAL, LAYER_COUNT };
static const char *const layers[LAYER_COUNT] = {"mean", "deviation", "acquisition", "observed", "partial"};

struct asked { /* the request, understood */
    const struct view_request *rq;
    struct model *m;
    struct landscape_grid grid;
    enum layer layer;
    double *held; /* dna */
    bool *kept;   /* parameters that `fix` names */
    bool known;   /* something has ended with a value */
};

/* ---- the request ---- */

static int read_param(const struct view_request *rq, const char *key, const struct space *s, int *at,
                      char **cause)
{
    char name[256];
    *at = -1;
    if (!cmap_strcpy(rq->body, key, name, sizeof name) || !*name)
        return 0;
    *at = space_find(s, name);
    if (*at >= 0)
        return 0;
    int near = space_find_near(s, name);
    return near >= 0 ? cause_set(cause, "no parameter '%s' in this sweep; did you mean '%s'?", name,
                                 s->params[near].name)
                     : cause_set(cause, "no parameter '%s' in this sweep", name);
}

/* The two that are asked for, else the first two that vary, numbers before choices. */
static int choose_axes(struct asked *a, int *x, int *y, char **cause)
{
    const struct space *s = a->m->space;
    if (read_param(a->rq, "x", s, x, cause) != 0 || read_param(a->rq, "y", s, y, cause) != 0)
        return -1;
    bool free_y = *x < 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < s->n; i++) {
            if (param_count(&s->params[i]) < 2 || param_numeric(&s->params[i]) == (pass == 1) || i == *x ||
                i == *y)
                continue;
            if (*x < 0)
                *x = i;
            else if (free_y && *y < 0)
                *y = i;
        }
    if (*x < 0)
        return cause_set(cause, "nothing varies in this sweep: there is no landscape");
    if (*x == *y)
        return cause_set(cause, "x and y are both %s", s->params[*x].name);
    for (int i = 0; i < 2; i++) {
        int at = i ? *y : *x;
        if (at >= 0 && param_count(&s->params[at]) < 2)
            return cause_set(cause, "%s has only one value", s->params[at].name);
    }
    return 0;
}

static int read_layer(struct asked *a, char **cause)
{
    char name[32];
    a->layer = LAYER_MEAN;
    if (!cmap_strcpy(a->rq->body, "layer", name, sizeof name) || !*name)
        return 0;
    for (int i = 0; i < LAYER_COUNT; i++)
        if (strcmp(layers[i], name) == 0) {
            a->layer = (enum layer)i;
            return 0;
        }
    return cause_set(cause, "no layer '%s': there are mean, deviation, acquisition, observed and partial",
                     name);
}

struct fixing {
    struct asked *a;
    char **cause;
    int rc;
};

static bool fix_one(void *arg, const char *name, struct span value)
{
    struct fixing *f = arg;
    const struct space *s = f->a->m->space;
    int i = space_find(s, name);
    if (i < 0) {
        f->rc = cause_set(f->cause, "no parameter '%s' in this sweep to fix", name);
        return false;
    }
    struct tune_value v = params_value(value);
    f->rc = param_encode(&s->params[i], &v, &f->a->held[i], f->cause);
    f->a->kept[i] = true;
    tune_value_free(&v);
    return f->rc == 0;
}

/* "best", "typical", or a trial: 17, "17", "t17". */
static int read_hold(struct asked *a, char **cause)
{
    const struct model *m = a->m;
    int x = a->grid.x.at, y = a->grid.slice ? -1 : a->grid.y.at, at = -1;
    char text[32];
    enum landscape_hold how = HOLD_BEST;
    int64_t trial = cmap_int(a->rq->body, "hold", -1);
    if (cmap_strcpy(a->rq->body, "hold", text, sizeof text) && *text) {
        char *end;
        const char *digits = *text == 't' ? text + 1 : text;
        long n = strtol(digits, &end, 10);
        if (end != digits && !*end)
            trial = n;
        else if (strcmp(text, "typical") == 0)
            how = HOLD_TYPICAL;
        else if (strcmp(text, "best") != 0)
            return cause_set(cause, "cannot hold at '%s': best, typical or a trial", text);
    }
    if (trial >= 0 && (at = history_find(&m->history, trial)) < 0)
        return cause_set(cause, "there is no trial t%lld to hold the others at", (long long)trial);
    a->known = landscape_hold(m->space, &m->history, how, x, y, a->held);
    if (at >= 0)
        memcpy(a->held, m->history.trials[at].dna, (size_t)m->space->n * sizeof *a->held);
    struct fixing f = {a, cause, 0};
    struct span fix = cmap_value(a->rq->body, "fix");
    if (fix.n)
        params_each(fix, fix_one, &f);
    if (f.rc != 0)
        return -1;
    landscape_activate(m->space, x, y, a->kept, a->held);
    return 0;
}

/* Cells of a list: few enough to read, one for each choice. */
static int list_cells(const struct landscape_axis *axis)
{
    return axis->scale == SCALE_CHOICES ? axis->param->n_choices : LIST_CELLS;
}

static int count_param(const struct view_request *rq, const char *key, int fallback, int most)
{
    int64_t n = cmap_int(rq->body, key, fallback);
    return n < 1 ? 1 : n > most ? most : (int)n;
}

static int understand(struct asked *a, char **cause)
{
    int x, y;
    const struct space *s = a->m->space;
    if (choose_axes(a, &x, &y, cause) != 0 || read_layer(a, cause) != 0)
        return -1;
    a->held = mem_zero((size_t)s->n, sizeof *a->held);
    a->kept = mem_zero((size_t)s->n, sizeof *a->kept);
    a->grid.x = landscape_axis(s, x, &a->m->history);
    a->grid.slice = y < 0;
    if (y >= 0)
        a->grid.y = landscape_axis(s, y, &a->m->history);
    a->grid.columns = count_param(a->rq, "columns", 60, LANDSCAPE_COLUMNS);
    a->grid.rows = y < 0 ? 1 : count_param(a->rq, "rows", 40, LANDSCAPE_ROWS);
    if (landscape_listed(a->rq)) {
        a->grid.columns = list_cells(&a->grid.x);
        a->grid.rows = y < 0 ? 1 : list_cells(&a->grid.y);
    }
    a->grid.held = a->held;
    return read_hold(a, cause);
}

/* ---- the picture ---- */

struct picture {
    float *z, *deviation; /* deviation: slices of mean only, else NULL */
    double z0, z1;        /* NaN: nothing is known */
};

/* The live tuner's opinion counts only for the space that is shown. */
static const struct tuner *live_tuner(const struct asked *a)
{
    const struct tuner *t = a->rq->t == STATE_NOW ? a->rq->ref->tuner : NULL;
    const struct space *s = a->m->space, *own = t ? tuner_space(t) : NULL;
    if (!own || own->n != s->n || own->version != s->version)
        return NULL;
    for (int i = 0; i < s->n; i++)
        if (strcmp(own->params[i].name, s->params[i].name) != 0 || own->params[i].type != s->params[i].type)
            return NULL;
    return t;
}

struct live_score {
    const struct tuner *tuner;
    bool has; /* one to give */
};

static int score_by_tuner(void *self, const double *dna, int n, double *out)
{
    struct live_score *l = self;
    int rc = n ? tuner_score(l->tuner, dna, n, out) : 0;
    l->has |= n && rc == 0;
    return rc;
}

static int score_by_model(void *self, const double *dna, int n, double *out)
{
    surrogate_improvement(self, dna, n, out);
    return 0;
}

static void draw_acquisition(const struct asked *a, float *z)
{
    struct live_score l = {live_tuner(a), false};
    if (l.tuner)
        landscape_score_cells(&a->grid, a->m->space, score_by_tuner, &l, z);
    if (!l.has)
        landscape_score_cells(&a->grid, a->m->space, score_by_model, a->m->surrogate, z);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* What colours run over. Losses: the worse end is cut where some cells are far worse than most, as one
 * diverged corner would leave one colour for all the rest. */
static void range_of(const struct asked *a, struct picture *p, size_t n, bool losses)
{
    float *v = mem_alloc((n + 1) * sizeof *v);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(p->z[i]))
            v[k++] = p->z[i];
    qsort(v, k, sizeof *v, ascending);
    p->z0 = k ? (double)v[0] : NAN;
    p->z1 = k ? (double)v[k - 1] : NAN;
    if (k && losses) {
        double middle = (double)v[k / 2];
        if (a->rq->s->info.maximize)
            p->z0 = fmax(p->z0, middle - 3 * (p->z1 - middle));
        else
            p->z1 = fmin(p->z1, middle + 3 * (middle - p->z0));
    }
    free(v);
}

static void draw(const struct asked *a, struct picture *p)
{
    const struct model *m = a->m;
    size_t n = (size_t)a->grid.columns * (size_t)a->grid.rows;
    bool losses = a->layer == LAYER_MEAN || a->layer == LAYER_OBSERVED || a->layer == LAYER_PARTIAL;
    p->z = mem_alloc(n * sizeof *p->z);
    for (size_t i = 0; i < n; i++)
        p->z[i] = NAN;
    if (a->layer == LAYER_OBSERVED)
        landscape_observed(&a->grid, &m->history, p->z);
    else if (m->surrogate && a->layer == LAYER_MEAN)
        landscape_mean(&a->grid, m->space, m->surrogate, p->z);
    else if (m->surrogate && a->layer == LAYER_PARTIAL)
        landscape_partial(&a->grid, m->space, m->surrogate, p->z);
    else if (m->surrogate && a->layer == LAYER_DEVIATION)
        landscape_deviation(&a->grid, m->space, m->surrogate, p->z);
    else if (m->surrogate)
        draw_acquisition(a, p->z);
    if (m->surrogate && a->grid.slice && a->layer == LAYER_MEAN) {
        p->deviation = mem_alloc(n * sizeof *p->deviation);
        landscape_deviation(&a->grid, m->space, m->surrogate, p->deviation);
    }
    for (size_t i = 0; losses && i < n; i++)
        p->z[i] = (float)model_value(a->rq, (double)p->z[i]);
    range_of(a, p, n, losses);
}

/* ---- writing ---- */

static void put_value(struct codec_writer *w, double v)
{
    if (isfinite(v))
        cw_double(w, v);
    else
        cw_nil(w);
}

static void put_axis(struct codec_writer *w, const char *key, const struct landscape_axis *a, bool there)
{
    cw_str(w, key);
    if (!there) {
        cw_nil(w);
        return;
    }
    static const char *const types[] = {"float", "int", "categorical", "ordinal", "constant"};
    bool choices = a->scale == SCALE_CHOICES;
    cw_map(w, 6);
    cw_kstr(w, "name", a->param->name);
    cw_kstr(w, "type", types[a->param->type]);
    view_kvalue(w, "low", choices ? NAN : a->low);
    view_kvalue(w, "high", choices ? NAN : a->high);
    cw_kstr(w, "scale", landscape_scale_name(a->scale));
    cw_str(w, "labels");
    if (!choices) {
        cw_nil(w);
        return;
    }
    cw_array(w, (size_t)a->param->n_choices);
    for (int k = 0; k < a->param->n_choices; k++) {
        char text[80];
        tune_text(&a->param->choices[k], text, sizeof text);
        cw_str(w, text);
    }
}

static bool is_held(const struct asked *a, int i)
{
    return i != a->grid.x.at && (a->grid.slice || i != a->grid.y.at) &&
           param_count(&a->m->space->params[i]) > 1;
}

static void put_held(struct codec_writer *w, const struct asked *a)
{
    size_t n = 0;
    const struct space *s = a->m->space;
    for (int i = 0; i < s->n; i++)
        n += is_held(a, i) && !isnan(a->held[i]);
    cw_str(w, "held");
    cw_array(w, n);
    for (int i = 0; i < s->n; i++) {
        struct tune_value v;
        if (!is_held(a, i) || isnan(a->held[i]))
            continue;
        cw_array(w, 2);
        cw_str(w, s->params[i].name);
        param_decode(&s->params[i], a->held[i], &v);
        params_put_value(w, &v);
    }
}

static void put_best(struct codec_writer *w, const struct asked *a)
{
    int64_t trial;
    double value;
    cw_str(w, "best");
    int at = state_best_at(a->rq->s, a->rq->t, &trial, &value) ? history_find(&a->m->history, trial) : -1;
    if (at < 0) {
        cw_nil(w);
        return;
    }
    const double *dna = a->m->history.trials[at].dna;
    cw_map(w, 4);
    cw_kint(w, "trial", trial);
    view_kvalue(w, "x", axis_place(&a->grid.x, dna[a->grid.x.at]));
    view_kvalue(w, "y", a->grid.slice ? NAN : axis_place(&a->grid.y, dna[a->grid.y.at]));
    view_kvalue(w, "value", value);
}

/* A basin counts when it is deeper than the model is unsure of its two ends. */
static bool significant(const struct asked *a, const struct landscape_grid *g, const struct basin *b)
{
    if (b->pass < 0)
        return true;
    double dna[2], sum = 0, *at = mem_dup(a->held, (size_t)a->m->space->n * sizeof *at);
    int cells[] = {b->low, b->pass};
    for (int i = 0; i < 2; i++) {
        double mean;
        at[g->x.at] = axis_dna(&g->x, (cells[i] % g->columns + 0.5) / g->columns);
        if (!g->slice)
            at[g->y.at] = axis_dna(&g->y, (cells[i] / g->columns + 0.5) / g->rows);
        surrogate_predict(a->m->surrogate, at, 1, &mean, &dna[i]);
        sum += dna[i] * dna[i];
    }
    free(at);
    return b->death - b->birth > sqrt(sum);
}

static void put_basins(struct codec_writer *w, const struct asked *a, const struct landscape_grid *g,
                       const double *z)
{
    struct basin found[BASINS_MAX];
    int n = z ? basins_find(z, g->rows, g->columns, found, BASINS_MAX) : 0, kept = 0;
    n = n < BASINS_MAX ? n : BASINS_MAX;
    for (int i = 0; i < n; i++)
        if (significant(a, g, &found[i]))
            found[kept++] = found[i];
    cw_str(w, "basins");
    cw_array(w, (size_t)kept);
    for (int i = 0; i < kept; i++) {
        const struct basin *b = &found[i];
        cw_array(w, 4);
        cw_double(w, (b->low % g->columns + 0.5) / g->columns);
        put_value(w, g->slice ? NAN : (b->low / g->columns + 0.5) / g->rows);
        put_value(w, model_value(a->rq, b->birth));
        put_value(w, b->death - b->birth);
    }
}

static void put_quadratic(struct codec_writer *w, const struct asked *a, const struct landscape_grid *g,
                          const double *z)
{
    struct quadratic q;
    cw_str(w, "quadratic");
    if (!z || g->slice || g->x.scale == SCALE_CHOICES || g->y.scale == SCALE_CHOICES ||
        !quadratic_near(z, g->rows, g->columns, &q)) {
        cw_nil(w);
        return;
    }
    double noise = surrogate_about(a->m->surrogate).noise;
    cw_map(w, 6);
    view_kvalue(w, "x", q.x);
    view_kvalue(w, "y", q.y);
    view_kvalue(w, "value", model_value(a->rq, q.value));
    cw_kbool(w, "convex", q.convex);
    view_kvalue(w, "r2", q.r2);
    view_kvalue(w, "plateau", plateau_share(z, g->rows * g->columns, fmax(noise, 0)));
}

/* The mean on the lattice that basins and the fit near the optimum come from. */
static double *lattice_mean(const struct asked *a, struct landscape_grid *g)
{
    if (!a->m->surrogate)
        return NULL;
    *g = a->grid;
    g->columns = LATTICE_X;
    g->rows = g->slice ? 1 : LATTICE_Y;
    size_t n = (size_t)g->columns * (size_t)g->rows;
    float *z = mem_alloc(n * sizeof *z);
    double *out = mem_alloc(n * sizeof *out);
    landscape_mean(g, a->m->space, a->m->surrogate, z);
    for (size_t i = 0; i < n; i++)
        out[i] = (double)z[i];
    free(z);
    return out;
}

static void put_cells(struct codec_writer *w, const struct asked *a)
{
    const struct tuner *t = live_tuner(a);
    size_t d = (size_t)a->m->space->n;
    cw_str(w, "cells");
    if (!t) {
        cw_array(w, 0);
        return;
    }
    struct tuner_cell *cells = mem_zero(CELLS_MAX, sizeof *cells);
    double *ends = mem_zero(2 * CELLS_MAX * d, sizeof *ends);
    for (size_t i = 0; i < CELLS_MAX; i++) {
        cells[i].low = ends + 2 * i * d;
        cells[i].high = cells[i].low + d;
    }
    int n = tuner_cells(t, cells, CELLS_MAX);
    n = n < CELLS_MAX ? n : CELLS_MAX;
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++) {
        double box[4];
        landscape_cell_box(&a->grid, cells[i].low, cells[i].high, box);
        cw_array(w, 6);
        for (int k = 0; k < 4; k++)
            put_value(w, box[k]);
        cw_int(w, cells[i].depth);
        cw_int(w, (int64_t)cells[i].pulls);
    }
    free(cells);
    free(ends);
}

static void put_model(struct codec_writer *w, const struct asked *a)
{
    char text[160] = "";
    const struct model *m = a->m;
    struct surrogate_fit f = {.r2 = NAN, .noise = NAN};
    if (m->surrogate) {
        f = surrogate_about(m->surrogate);
        int n = snprintf(text, sizeof text, f.used < f.seen ? "%s on %d of %d trials" : "%s on %d trials",
                         f.kind, f.used, f.seen);
        if (!isnan(f.r2))
            snprintf(text + n, sizeof text - (size_t)n, ", explains %.0f%% of trials left out",
                     100 * fmax(f.r2, 0));
    }
    cw_kstr(w, "model", *text ? text : NULL);
    cw_kint(w, "trials", m->history.done + m->history.pruned);
    view_kvalue(w, "noise", f.noise);
    cw_kbool(w, "enough", m->surrogate != NULL || (a->layer == LAYER_OBSERVED && a->known));
    cw_kstr(w, "why", m->surrogate ? NULL : m->why);
}

static void put_head(const struct asked *a, const struct picture *p, struct view_out *out)
{
    struct codec_writer w;
    struct landscape_grid lattice;
    size_t n = (size_t)a->grid.columns * (size_t)a->grid.rows;
    double *z = lattice_mean(a, &lattice);
    view_head(out, &w, 20);
    put_axis(&w, "x", &a->grid.x, true);
    put_axis(&w, "y", &a->grid.y, !a->grid.slice);
    cw_kstr(&w, "layer", layers[a->layer]);
    cw_kint(&w, "columns", a->grid.columns);
    cw_kint(&w, "rows", a->grid.rows);
    cw_str(&w, "z");
    cw_bin(&w, p->z, n * sizeof *p->z);
    cw_str(&w, "deviation");
    if (p->deviation)
        cw_bin(&w, p->deviation, n * sizeof *p->deviation);
    else
        cw_nil(&w);
    view_kvalue(&w, "z0", p->z0);
    view_kvalue(&w, "z1", p->z1);
    put_held(&w, a);
    put_model(&w, a);
    put_best(&w, a);
    put_basins(&w, a, &lattice, z);
    landscape_put_regions(&w, a->rq, a->m, &a->grid);
    put_cells(&w, a);
    put_quadratic(&w, a, &lattice, z);
    free(z);
}

/* ---- the trials ---- */

static bool near_slice(const struct asked *a, const double *dna)
{
    const struct space *s = a->m->space;
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        if (!is_held(a, i))
            continue;
        if (isnan(dna[i]) != isnan(a->held[i]))
            return false;
        if (isnan(dna[i]))
            continue;
        if (p->type == PARAM_CATEGORICAL ? dna[i] != a->held[i]
                                         : fabs(param_model(p, dna[i]) - param_model(p, a->held[i])) > NEAR)
            return false;
    }
    return true;
}

static void put_trials(const struct asked *a, struct view_out *out)
{
    const struct history *h = &a->m->history;
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        const struct state_trial *tr = state_trial(a->rq->s, t->id);
        struct codec_writer w;
        view_part_begin(out, &w, i);
        cw_map(&w, 7);
        cw_kint(&w, "trial", t->id);
        cw_kstr(&w, "state", trial_state_name(state_trial_at(tr, a->rq->t)));
        view_kvalue(&w, "x", axis_place(&a->grid.x, t->dna[a->grid.x.at]));
        view_kvalue(&w, "y", a->grid.slice ? NAN : axis_place(&a->grid.y, t->dna[a->grid.y.at]));
        view_kvalue(&w, "value", isnan(t->loss) ? NAN : model_value(a->rq, t->loss));
        view_ktime(&w, "order", t->order);
        cw_kbool(&w, "inside", !t->outside && near_slice(a, t->dna));
        view_part_end(out);
    }
    out->count = h->n;
}

int view_landscape(const struct view_request *rq, struct view_out *out, char **cause)
{
    struct model_cache own = {.clock = 0}, *cache = rq->ref->models ? rq->ref->models : &own;
    struct asked a = {.rq = rq, .m = model_at(cache, rq, cause)};
    struct picture p = {0};
    int rc = a.m ? understand(&a, cause) : -1;
    if (rc == 0) {
        draw(&a, &p);
        put_head(&a, &p, out);
        if (!landscape_listed(rq)) {
            put_trials(&a, out);
        } else {
            if (a.m->surrogate || (a.layer == LAYER_OBSERVED && a.known))
                landscape_put_cells(out, &a.grid, layers[a.layer], p.z, p.deviation);
            rc = view_rows_finish(rq, out, cause);
        }
    }
    free(p.z);
    free(p.deviation);
    free(a.held);
    free(a.kept);
    model_cache_release(&own);
    return rc;
}
