/* A recording gives its finished and pruned trials by the names of their parameters, a CSV file one trial a row: columns named
 * like parameters and one named like the metric; other columns are passed over. Each value must be one of the present
 * space; a parameter that the source lacks takes its default for old trials where it has one. A trial for which that
 * cannot be done is left out and counted; a file of which nothing can be used is an error. */
#include "hub/warm_start.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/csv_table.h"
#include "hub/params.h"
#include "hub/views.h"
#include "tune/steplaw.h"

/* ---- what the sweep file says ---- */

void warm_start_add(struct sweepfile *f, const char *path)
{
    int n = 0;
    while (f->warm && f->warm[n])
        n++;
    f->warm = mem_resize(f->warm, (size_t)n + 2, sizeof *f->warm);
    f->warm[n] = mem_str(path);
    f->warm[n + 1] = NULL;
}

int warm_start_note(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    int n = node->kind == YAML_LIST ? node->n : 1;
    for (int i = 0; i < n; i++) {
        const struct yaml_node *item = node->kind == YAML_LIST ? node->items[i] : node;
        if (item->kind != YAML_SCALAR || !*item->text)
            return sweepfile_error(r, item, "warm_start: the name of a recording or CSV file is expected");
        char *path = sweepfile_beside(f->path, item->text);
        warm_start_add(f, path);
        free(path);
    }
    return 0;
}

/* The parameter named under `key`, else the first of the usual names that is there. */
static int prior_param(struct sweep_reader *r, const struct yaml_node *node, const struct space *s, const char *key,
                       const char *const *usual, char **out)
{
    const struct yaml_node *named = yaml_get(node, key);
    int i = -1;
    for (int k = 0; !named && i < 0 && usual[k]; k++)
        i = space_find(s, usual[k]);
    if (named && named->kind == YAML_SCALAR)
        i = space_find(s, named->text);
    if (i < 0 && named)
        return sweepfile_error(r, named, "prior: no parameter is called \"%s\"", named->kind == YAML_SCALAR ? named->text : "");
    if (i < 0)
        return sweepfile_error(r, node, "prior: which parameter is it? say %s: PARAM", key);
    *out = mem_str(s->params[i].name);
    return 0;
}

int warm_start_note_prior(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    static const char *const rates[] = {"lr", "learning_rate", "learning-rate", NULL};
    static const char *const batches[] = {"batch_size", "bs", "batch", "batch-size", NULL};
    static const char *const known[] = {"name", "N", "D", "lr", "batch_size", "sequence", NULL};
    struct sweepfile_prior *p = &f->prior;
    const struct yaml_node *name = yaml_get(node, "name"), *params = yaml_get(node, "N"), *tokens = yaml_get(node, "D"),
                           *sequence = yaml_get(node, "sequence");
    if (node->kind != YAML_MAP || !name || name->kind != YAML_SCALAR)
        return sweepfile_error(r, node, "prior: {name: steplaw, N: PARAMETERS, D: TOKENS} is expected");
    if (strcmp(name->text, "steplaw"))
        return sweepfile_error(r, name, "prior: there is only steplaw, not \"%s\"", name->text);
    for (int i = 0; i < node->n; i++) {
        int k = 0;
        while (known[k] && strcmp(known[k], node->keys[i]->text))
            k++;
        if (!known[k])
            return sweepfile_error(r, node->keys[i], "prior: there is no key \"%s\"", node->keys[i]->text);
    }
    if (!params || !tokens)
        return sweepfile_error(r, node, "prior: %s is missing", params ? "D, the tokens of a run," : "N, the parameters of the model,");
    p->sequence = 2048;
    if (sweepfile_number(r, params, "N", &p->params) < 0 || sweepfile_number(r, tokens, "D", &p->tokens) < 0 ||
        (sequence && sweepfile_number(r, sequence, "sequence", &p->sequence) < 0))
        return -1;
    if (!(p->params > 0 && p->tokens > 0 && p->sequence > 0))
        return sweepfile_error(r, node, "prior: N, D and sequence are numbers above 0");
    return prior_param(r, node, f->space, "lr", rates, &p->rate) < 0 ||
                   prior_param(r, node, f->space, "batch_size", batches, &p->batch) < 0
               ? -1
               : 0;
}

void warm_start_release(struct sweepfile *f)
{
    for (int i = 0; f->warm && f->warm[i]; i++)
        free(f->warm[i]);
    free(f->warm);
    free(f->prior.rate);
    free(f->prior.batch);
}

void warm_start_json(const struct sweepfile *f, struct json_out *out)
{
    jw_key(out, "warm_start");
    jw_array(out);
    for (int i = 0; f->warm && f->warm[i]; i++)
        jw_str(out, f->warm[i]);
    jw_array_end(out);
    jw_key(out, "prior");
    if (!f->prior.rate) {
        jw_null(out);
        return;
    }
    const struct sweepfile_prior *p = &f->prior;
    jw_object(out);
    jw_key(out, "name");
    jw_str(out, "steplaw");
    jw_key(out, p->rate);
    jw_double(out, steplaw_rate(p->params, p->tokens));
    jw_key(out, p->batch);
    jw_double(out, steplaw_batch(p->params, p->tokens) / p->sequence);
    jw_object_end(out);
}

/* ---- trials ---- */

struct taking {
    struct tuner *t;
    const struct sweepfile *f;
    const char *path;
    int source;
    double *dna;
    struct tune_value *values; /* of one trial, by parameter; absent: it has none */
    int taken, outside, failed;
};

/* The values as a configuration of the present space; false when they are none. */
static bool place(struct taking *k)
{
    const struct space *s = tuner_space(k->t);
    for (int j = 0; j < s->n; j++) {
        int i = s->order[j];
        const struct param *p = &s->params[i];
        const struct tune_value *v = k->values[i].kind != TUNE_ABSENT ? &k->values[i] : &p->fallback;
        k->dna[i] = NAN;
        if (!space_active(s, k->dna, i))
            continue;
        if (p->type == PARAM_CONSTANT && v->kind == TUNE_ABSENT)
            k->dna[i] = 0;
        else if (v->kind == TUNE_ABSENT || param_encode(p, v, &k->dna[i], NULL) < 0)
            return false;
    }
    space_canon(s, k->dna);
    return true;
}

static void take(struct taking *k, double value)
{
    if (!isfinite(value))
        k->failed++;
    else if (!place(k) || tuner_warm(k->t, k->dna, value, k->source, NULL) < 0)
        k->outside++;
    else
        k->taken++;
}

static void forget_values(struct taking *k)
{
    for (int i = 0; i < tuner_space(k->t)->n; i++)
        tune_value_free(&k->values[i]);
}

/* ---- recordings ---- */

static bool note_param(void *arg, const char *name, struct span value)
{
    struct taking *k = arg;
    int i = space_find(tuner_space(k->t), name);
    if (i >= 0) {
        tune_value_free(&k->values[i]);
        k->values[i] = params_value(value);
    }
    return true;
}

static int take_recording(struct taking *k, char **cause)
{
    struct sweep_ref *ref = sweep_ref_load(k->path, cause);
    if (!ref)
        return -1;
    const struct state *s = ref->state;
    int rc = 0;
    if (!s->info.metric || strcmp(s->info.metric, k->f->metric))
        rc = cause_set(cause, "%s: its metric is %s, and this sweep's is %s", k->path, s->info.metric ? s->info.metric : "unknown",
                       k->f->metric);
    for (int i = 0; i < s->n_trials && rc == 0; i++) {
        const struct state_trial *tr = s->trials[i];
        enum trial_state state = state_trial_at(tr, STATE_NOW);
        double value = NAN;
        int64_t step;
        if (state != TRIAL_DONE && state != TRIAL_PRUNED)
            continue;
        if (!state_value_at(s, tr, STATE_NOW, &value, &step))
            value = NAN;
        params_each((struct span){tr->params, tr->params_n}, note_param, k);
        take(k, value);
        forget_values(k);
    }
    sweep_ref_free(ref);
    return rc;
}

/* ---- CSV ---- */

static int take_rows(struct taking *k, const struct csv_table *t, char **cause)
{
    const struct space *s = tuner_space(k->t);
    int metric = csv_column(t, k->f->metric), known = 0;
    if (metric < 0)
        return csv_error(t, &t->header[0], cause, "there is no column for the metric %s", k->f->metric);
    for (int i = 0; i < s->n; i++)
        known += csv_column(t, s->params[i].name) >= 0;
    if (!known)
        return csv_error(t, &t->header[0], cause, "no column is named like a parameter of the sweep");
    for (int row = 0; row < t->rows; row++) {
        const struct csv_cell *cell = csv_at(t, row, metric);
        double value = NAN;
        if (*cell->text && !text_double(cell->text, &value))
            return csv_error(t, cell, cause, "%s: \"%.80s\" is not a number", k->f->metric, cell->text);
        for (int i = 0; i < s->n; i++) {
            int column = csv_column(t, s->params[i].name);
            const struct csv_cell *c = column >= 0 ? csv_at(t, row, column) : NULL;
            if (c && (*c->text || c->quoted))
                k->values[i] = tune_string(c->text);
        }
        take(k, value);
        forget_values(k);
    }
    return 0;
}

static int take_csv(struct taking *k, char **cause)
{
    struct csv_table t;
    int rc = csv_read(&t, k->path, cause);
    if (rc == 0)
        rc = take_rows(k, &t, cause);
    csv_release(&t);
    return rc;
}

/* ---- all ---- */

static int take_file(struct taking *k, struct buf *said, char **cause)
{
    const char *dot = strrchr(k->path, '.');
    bool mcap = dot && !strcmp(dot, ".mcap");
    if (!mcap && (!dot || strcmp(dot, ".csv")))
        return cause_set(cause, "%s: a warm start is read from a recording (.mcap) or a CSV file (.csv)", k->path);
    if ((mcap ? take_recording : take_csv)(k, cause) < 0)
        return -1;
    if (k->taken == 0)
        return cause_set(cause, "%s: none of its trials can be used: %d outside this sweep's space, %d without a value", k->path,
                         k->outside, k->failed);
    buf_printf(said, "%s%d trials of %s", said->len ? "; " : "", k->taken, k->path);
    if (k->outside || k->failed)
        buf_printf(said, " (%d outside the space, %d without a value)", k->outside, k->failed);
    return 0;
}

/* A side of a region: within `factor` of x on either hand, or the value nearest to it. */
static void put_side(const struct param *p, double x, double factor, bool more, struct buf *out)
{
    double nearest = INFINITY, v;
    buf_printf(out, "%s%s=", more ? " & " : "", p->name);
    if (param_numeric(p)) {
        double low = fmax(p->low, x / factor), high = fmin(p->high, x * factor);
        if (p->quantum > 0 && high - low < 2 * p->quantum) { /* at least one value */
            low = fmax(p->low, x - p->quantum);
            high = fmin(p->high, x + p->quantum);
        }
        buf_printf(out, "%.12g..%.12g", low <= high ? low : x, low <= high ? high : x);
        return;
    }
    for (int k = 0; k < p->n_choices; k++)
        if (tune_number(&p->choices[k], &v) && v > 0)
            nearest = fmin(nearest, fabs(log(v / x)));
    const char *bar = "";
    for (int k = 0; k < p->n_choices; k++) {
        if (!tune_number(&p->choices[k], &v) || !(v > 0) || fabs(log(v / x)) > fmax(log(factor), nearest) + 1e-12)
            continue;
        buf_printf(out, "%s%.12g", bar, v);
        bar = "|";
    }
}

/* One pull at the law's point, and a focus around it that fades and is given up when the losses contradict it. */
static int steer_by(struct tuner *t, const struct sweepfile_prior *p, struct buf *said, char **cause)
{
    static const struct {
        const char *verb;
        double around; /* factor */
        int64_t asks;
    } steps[] = {{"focus", 2, -1}, {"pin", 1.05, 1}};
    const struct space *s = tuner_space(t);
    double at[2] = {steplaw_rate(p->params, p->tokens), steplaw_batch(p->params, p->tokens) / p->sequence};
    const char *const names[2] = {p->rate, p->batch};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct buf target = {0};
        for (int k = 0; k < 2; k++)
            put_side(&s->params[space_find(s, names[k])], at[k], steps[i].around, k > 0, &target);
        struct steer_request rq = {.target = (char *)buf_cstr(&target), .weight = 4, .factor = 1, .pulls = steps[i].asks};
        rq.verb = i == 0 ? STEER_FOCUS : STEER_PIN;
        int64_t token;
        char *why = NULL;
        int rc = tuner_steer(t, &rq, &token, &why);
        if (rc < 0)
            cause_set(cause, "prior: the Step Law's %s = %.3g, %s = %.3g does not fit into the space: %s", p->rate, at[0], p->batch,
                      at[1], why);
        free(why);
        buf_release(&target);
        if (rc < 0)
            return -1;
    }
    buf_printf(said, "%sthe Step Law's %s = %.3g, %s = %.3g first", said->len ? "; " : "", p->rate, at[0], p->batch, at[1]);
    return 0;
}

int warm_start(struct tuner *t, const struct sweepfile *f, struct buf *said, char **cause)
{
    const struct space *s = tuner_space(t);
    double *dna = mem_zero((size_t)s->n + 1, sizeof *dna);
    struct tune_value *values = mem_zero((size_t)s->n + 1, sizeof *values);
    int rc = 0;
    for (int i = 0; f->warm && f->warm[i] && rc == 0; i++) {
        struct taking k = {.t = t, .f = f, .path = f->warm[i], .source = i + 1, .dna = dna, .values = values};
        rc = take_file(&k, said, cause);
        forget_values(&k);
    }
    if (rc == 0 && f->prior.rate)
        rc = steer_by(t, &f->prior, said, cause);
    free(dna);
    free(values);
    return rc;
}
