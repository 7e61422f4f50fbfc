/* space_at: the search space as of a moment, from the log: the newest version that was recorded, else the
 * sweep file. A sweep without a file (trainers that came on their own, an imported recording) has the
 * parameters that its programs declared and its trials had; a range that nobody declared is the one that was
 * seen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/model_at.h"
#include "hub/params.h"
#include "hub/sweepfile.h"

#define SEEN_MAX    64  /* parameters of a sweep without a file */
#define CHOICES_MAX 256 /* of one of them */
#define LOG_SPAN    100 /* a seen range of positive numbers this wide is shown on a log scale */

static struct space *space_of_file(const char *yaml, const char *path)
{
    struct sweepfile file = {0};
    struct space *s = NULL;
    if (!yaml || !*yaml || sweepfile_parse(&file, yaml, strlen(yaml), path ? path : "sweep.yaml", NULL) != 0)
        return NULL;
    s = file.space;
    file.space = NULL;
    sweepfile_release(&file);
    return s;
}

/* ---- seen and declared ---- */

struct seen {
    char *name;
    double low, high;
    bool numbers, whole, logarithmic, declared;
    struct tune_value *choices;
    int n_choices;
};

struct gathering {
    struct seen v[SEEN_MAX];
    int n;
};

static struct seen *seen_named(struct gathering *g, const char *name)
{
    for (int i = 0; i < g->n; i++)
        if (strcmp(g->v[i].name, name) == 0)
            return &g->v[i];
    if (g->n == SEEN_MAX)
        return NULL;
    g->v[g->n] = (struct seen){
        .name = mem_str(name), .low = INFINITY, .high = -INFINITY, .numbers = true, .whole = true};
    return &g->v[g->n++];
}

static void add_choice(struct seen *p, const struct tune_value *v)
{
    for (int i = 0; i < p->n_choices; i++)
        if (tune_same(&p->choices[i], v))
            return;
    if (p->n_choices == CHOICES_MAX)
        return;
    p->choices = mem_resize(p->choices, (size_t)p->n_choices + 1, sizeof *p->choices);
    p->choices[p->n_choices++] = tune_copy(v);
}

static bool see_value(void *arg, const char *name, struct span value)
{
    struct seen *p = seen_named(arg, name);
    struct tune_value v = params_value(value);
    double x;
    if (p) {
        add_choice(p, &v);
        if (!tune_number(&v, &x) || !isfinite(x))
            p->numbers = false;
        else if (!p->declared) {
            p->low = fmin(p->low, x);
            p->high = fmax(p->high, x);
            p->whole &= v.kind == TUNE_INT;
        }
    }
    tune_value_free(&v);
    return true;
}

static void see_declared(struct gathering *g, const struct state_param *d)
{
    bool number = strcmp(d->type, "float") == 0 || strcmp(d->type, "int") == 0;
    struct seen *p = number && d->low < d->high ? seen_named(g, d->name) : NULL;
    if (!p)
        return;
    p->low = fmin(p->low, d->low);
    p->high = fmax(p->high, d->high);
    p->whole = strcmp(d->type, "int") == 0;
    p->logarithmic = d->log && d->low > 0;
    p->declared = true;
}

static void add_seen(struct space *s, struct seen *v)
{
    struct param *p = space_add(s, v->name);
    if (v->n_choices < 2 && !v->declared) {
        p->type = PARAM_CONSTANT;
        param_set_choices(p, v->choices, v->n_choices);
    } else if (!v->numbers) {
        p->type = PARAM_CATEGORICAL;
        param_set_choices(p, v->choices, v->n_choices);
    } else {
        bool wide = !v->declared && v->low > 0 && v->high >= LOG_SPAN * v->low;
        p->type = v->whole ? PARAM_INT : PARAM_FLOAT;
        p->prior = v->logarithmic || wide ? PRIOR_LOG : PRIOR_UNIFORM;
        p->quantum = v->whole ? 1 : 0;
        p->anchor = v->whole ? v->low : 0;
        p->low = v->low;
        p->high = v->high;
    }
}

static struct space *space_seen(const struct view_request *rq, char **cause)
{
    struct gathering g = {.n = 0};
    const struct state *st = rq->s;
    for (int i = 0; i < st->n_runs; i++)
        for (int k = 0; view_has_run(rq, st->runs[i]) && k < st->runs[i]->n_params; k++)
            if (st->runs[i]->params[k].time <= rq->t)
                see_declared(&g, &st->runs[i]->params[k]);
    for (int i = 0; i < st->n_trials; i++)
        if (view_has_trial(rq, st->trials[i]))
            params_each((struct span){st->trials[i]->params, st->trials[i]->params_n}, see_value, &g);
    struct space *s = space_new();
    for (int i = 0; i < g.n; i++) {
        if (g.v[i].n_choices || g.v[i].declared)
            add_seen(s, &g.v[i]);
        for (int k = 0; k < g.v[i].n_choices; k++)
            tune_value_free(&g.v[i].choices[k]);
        free(g.v[i].choices);
        free(g.v[i].name);
    }
    if (s->n > 0 && space_finish(s, cause) == 0)
        return s;
    if (s->n == 0)
        cause_set(cause, "no trial of this sweep has parameters yet");
    space_free(s);
    return NULL;
}

struct space *space_at(const struct view_request *rq, char **cause)
{
    const struct state *st = rq->s;
    int n = STATE_PREFIX(st->spaces, st->n_spaces, struct state_space, time, rq->t);
    struct space *s = NULL;
    while (n > 0 && !s) {
        s = space_of_file(st->spaces[--n].yaml, st->info.path);
        if (s)
            s->version = st->spaces[n].version;
    }
    if (!s)
        s = space_of_file(st->info.yaml, st->info.path);
    return s ? s : space_seen(rq, cause);
}
