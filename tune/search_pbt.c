/* Population based training: M. Jaderberg et al., "Population Based Training of Neural Networks", 2017, and PB2: J. Parker-Holder,
 * V. Nguyen and S. Roberts, NeurIPS 2020.
 *
 * The sweep's trials are the members. At every interval a member writes a checkpoint and is compared with the latest values of
 * all: one of the worst quarter takes over the checkpoint and the configuration of a random one of the best quarter, and goes
 * on from there with a change: PBT draws a number anew with probability 1/4, else multiplies it by 0.8 or 1.2; PB2 asks a
 * model of how much each setting improved its member lately. Only who is replaced changes (the paper's form), and only what
 * `explore` names changes (every number, when it names nothing); all else is the donor's, because it describes the weights.
 *
 * With `turns` members are held at each interval, and a free slot goes to the one furthest behind, so that a population larger
 * than the slots advances together. The state is what each member had at its intervals. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/drift_gp.h"
#include "tune/tuner.h"

enum { OPT_POPULATION, OPT_INTERVAL, OPT_WARMUP, OPT_QUANTILE, OPT_RESAMPLE, OPT_CHOICES, OPT_TURNS, OPTIONS };

#define ROWS_MAX 200 /* of the model: the newest */

struct pbt_member {
    int trial;
    double due, step, loss; /* step from which it is judged next; of the last judgement; NaN none yet */
    double *next;           /* turns: the configuration to go on with; NULL its own */
    int donor;
};

struct pbt_row { /* what a setting did over an interval */
    double t, before, gain;
    double *x;
};

struct pbt {
    double v[OPTIONS];
    bool model; /* PB2 */
    bool *moves; /* by parameter */
    struct pbt_member *m;
    int n;
    struct pbt_row *rows;
    int n_rows;
    int dims;
    double *dna; /* of the last change, lent to the caller */
};

static void drop(void *self)
{
    struct pbt *p = self;
    for (int i = 0; i < p->n; i++)
        free(p->m[i].next);
    for (int i = 0; i < p->n_rows; i++)
        free(p->rows[i].x);
    free(p->m);
    free(p->rows);
    free(p->moves);
    free(p->dna);
    free(p);
}

static bool can_move(const struct pbt *p, const struct param *q)
{
    if (param_count(q) < 2)
        return false;
    return param_numeric(q) || (p->v[OPT_CHOICES] != 0 && !p->model);
}

static void *make_either(const struct tuner_env *env, const double *values, bool model, char **cause)
{
    struct pbt *p = MEM_NEW(struct pbt);
    int named = 0, moving = 0;
    memcpy(p->v, values, sizeof p->v);
    p->model = model;
    p->dims = env->space->n;
    p->moves = mem_zero((size_t)p->dims, sizeof *p->moves);
    p->dna = mem_zero((size_t)p->dims, sizeof *p->dna);
    for (const struct tuner_kv *kv = env->kv; kv && kv->name; kv++) {
        int i = strncmp(kv->name, "explore.", 8) ? -1 : space_find(env->space, kv->name + 8);
        if (i >= 0)
            p->moves[i] = true;
        named += i >= 0;
    }
    for (int i = 0; i < p->dims; i++) {
        p->moves[i] = (p->moves[i] || !named) && can_move(p, &env->space->params[i]);
        moving += p->moves[i];
    }
    if (moving)
        return p;
    drop(p);
    return cause_null(cause, "%s: no parameter can be explored: it needs a number that varies", model ? "pb2" : "pbt");
}

static void *make_pbt(const struct tuner_env *env, const double *values, char **cause)
{
    return make_either(env, values, false, cause);
}

static void *make_pb2(const struct tuner_env *env, const double *values, char **cause)
{
    return make_either(env, values, true, cause);
}

static struct pbt_member *member(const struct pbt *p, int trial)
{
    for (int i = 0; i < p->n; i++)
        if (p->m[i].trial == trial)
            return &p->m[i];
    return NULL;
}

/* ---- members ---- */

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    const struct pbt *p = self;
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    out->forced = steering_pin(env->steer) != NULL;
    snprintf(out->why, sizeof out->why, "member %d of the population: a draw from the prior", p->n + 1);
    return 0;
}

static enum tuner_offer offer(void *self, const struct tuner_env *env, struct proposal *out)
{
    const struct pbt *p = self;
    const struct pbt_member *last = NULL;
    bool full = env->last || (p->v[OPT_POPULATION] > 0 && p->n >= p->v[OPT_POPULATION]);
    if (!full)
        return OFFER_NEW;
    for (int i = 0; i < p->n && p->v[OPT_TURNS] != 0; i++) {
        const struct history_trial *t = &env->history->trials[p->m[i].trial];
        if (t->paused && (!last || p->m[i].step < last->step))
            last = &p->m[i];
    }
    if (!last)
        return OFFER_WAIT;
    out->resume = last->trial;
    out->donor = last->next ? last->donor : -1;
    out->steps = (int64_t)(last->step + p->v[OPT_INTERVAL]);
    memcpy(out->dna, last->next ? last->next : env->history->trials[last->trial].dna, (size_t)p->dims * sizeof *out->dna);
    snprintf(out->why, sizeof out->why, "furthest behind of the population%s", last->next ? ", with another's weights" : "");
    return OFFER_RESUME;
}

static void begun(void *self, const struct tuner_env *env, int trial, const struct proposal *proposal)
{
    struct pbt *p = self;
    struct pbt_member *m = member(p, trial);
    if (m) {
        free(m->next);
        m->next = NULL;
        return;
    }
    p->m = mem_resize(p->m, (size_t)p->n + 1, sizeof *p->m);
    p->m[p->n++] = (struct pbt_member){
        .trial = trial, .due = p->v[OPT_WARMUP] + p->v[OPT_INTERVAL], .step = 0, .loss = NAN, .donor = -1};
}

/* ---- exploring ---- */

static double perturbed(const struct pbt *p, const struct tuner_env *env, const struct param *q, double u)
{
    if (!param_numeric(q) || rng_unit(env->rng) < p->v[OPT_RESAMPLE])
        return !param_numeric(q) && rng_unit(env->rng) >= p->v[OPT_RESAMPLE] ? u : draw_place(q, rng_unit(env->rng));
    double x = param_value(q, u) * (rng_below(env->rng, 2) ? 1.2 : 0.8);
    if (q->type == PARAM_INT)
        x = floor(x);
    return fmin(1, fmax(0, param_place(q, x)));
}

static int moving(const struct pbt *p, const double *dna, int *out)
{
    int d = 0;
    for (int i = 0; i < p->dims; i++)
        if (p->moves[i] && !isnan(dna[i]))
            out[d++] = i;
    return d;
}

static void standardise(double *v, int n, double cut)
{
    double mean = 0, sq = 0;
    for (int i = 0; i < n; i++)
        mean += v[i] / n;
    for (int i = 0; i < n; i++)
        sq += (v[i] - mean) * (v[i] - mean) / n;
    for (int i = 0; i < n; i++)
        v[i] = fmax(-cut, fmin(cut, (v[i] - mean) / fmax(sqrt(sq), 1e-12)));
}

/* Rows as the model sees them: the loss before the interval as one more coordinate, scaled to [0, 1]. */
static int gather(const struct pbt *p, const int *at, int d, double *t, double *x, double *y)
{
    int n = p->n_rows, first = n > ROWS_MAX ? n - ROWS_MAX : 0;
    double low = INFINITY, high = -INFINITY;
    for (int i = first; i < n; i++) {
        low = fmin(low, p->rows[i].before);
        high = fmax(high, p->rows[i].before);
    }
    for (int i = first; i < n; i++) {
        double *row = x + (size_t)(i - first) * (size_t)(d + 1);
        t[i - first] = p->rows[i].t / p->v[OPT_INTERVAL];
        y[i - first] = p->rows[i].gain;
        row[0] = high > low ? (p->rows[i].before - low) / (high - low) : 0.5;
        for (int j = 0; j < d; j++)
            row[j + 1] = isnan(p->rows[i].x[at[j]]) ? 0.5 : p->rows[i].x[at[j]];
    }
    return n - first;
}

/* The setting that should improve a member most from here on: UCB, with the variance as if what runs now were done. */
static void suggested(const struct pbt *p, const struct tuner_env *env, double now, double *dna)
{
    int *at = mem_zero((size_t)p->dims, sizeof *at), d = moving(p, dna, at), all = ROWS_MAX + p->n;
    double *t = mem_zero((size_t)all, sizeof *t), *x = mem_zero((size_t)all * (size_t)(d + 1), sizeof *x),
           *y = mem_zero((size_t)all, sizeof *y), *try = mem_zero((size_t)d + 1, sizeof *try),
           *top = mem_zero((size_t)d + 1, sizeof *top), best = -INFINITY;
    int n = gather(p, at, d, t, x, y), more = n;
    struct drift_gp mean = {0}, spread;
    standardise(y, n, 2);
    bool ok = n >= 4 && drift_gp_fit(&mean, t, x, y, n, d + 1);
    for (int i = 0; ok && i < p->n; i++) {
        const struct history_trial *h = &env->history->trials[p->m[i].trial];
        if (h->end != END_PENDING)
            continue;
        t[more] = now / p->v[OPT_INTERVAL];
        x[(size_t)more * (size_t)(d + 1)] = 0.5;
        for (int j = 0; j < d; j++)
            x[(size_t)more * (size_t)(d + 1) + (size_t)j + 1] = isnan(h->dna[at[j]]) ? 0.5 : h->dna[at[j]];
        more++;
    }
    spread = mean;
    bool wide = ok && drift_gp_fit(&spread, t, x, NULL, more, d + 1);
    double beta = fmax(0, 0.2 * log(0.4 * fmax(n, 1)));
    for (int k = 0; wide && k < 500; k++) {
        double m, v, unused, narrow = k < 250 ? 1 : 0.1;
        for (int j = 0; j < d; j++)
            try[j + 1] = k < 250 ? rng_unit(env->rng) : fmin(1, fmax(0, top[j + 1] + narrow * rng_normal(env->rng)));
        try[0] = 0; /* from the best weights */
        drift_gp_at(&mean, now / p->v[OPT_INTERVAL], try, &m, &unused);
        drift_gp_at(&spread, now / p->v[OPT_INTERVAL], try, &unused, &v);
        if (m + sqrt(beta * v) > best) {
            best = m + sqrt(beta * v);
            memcpy(top, try, ((size_t)d + 1) * sizeof *top);
        }
    }
    for (int j = 0; j < d; j++)
        dna[at[j]] = !wide ? perturbed(p, env, &env->space->params[at[j]], dna[at[j]])
                   : param_numeric(&env->space->params[at[j]]) ? top[j + 1] : dna[at[j]];
    if (ok)
        drift_gp_release(&mean);
    if (ok)
        drift_gp_release(&spread);
    free(at);
    free(t);
    free(x);
    free(y);
    free(try);
    free(top);
}

/* The donor's configuration with a change, inside the bans; false when nothing is allowed. */
static bool explore(struct pbt *p, const struct tuner_env *env, const double *from, double now)
{
    for (int tries = 0; tries < 30; tries++) {
        memcpy(p->dna, from, (size_t)p->dims * sizeof *from);
        if (p->model && tries == 0)
            suggested(p, env, now, p->dna);
        for (int i = 0; (!p->model || tries) && i < p->dims; i++)
            if (p->moves[i] && !isnan(p->dna[i]))
                p->dna[i] = perturbed(p, env, &env->space->params[i], p->dna[i]);
        space_canon(env->space, p->dna);
        if (steering_allows(env->steer, env->space, p->dna))
            return true;
    }
    return false;
}

/* ---- judging ---- */

static int by_loss(const void *a, const void *b)
{
    const struct pbt_member *x = *(const struct pbt_member *const *)a, *y = *(const struct pbt_member *const *)b;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->trial - y->trial;
}

/* A donor for one of the worst; NULL when this one is not, or there is none. */
static const struct pbt_member *donor_for(const struct pbt *p, const struct tuner_env *env, const struct pbt_member *m)
{
    const struct pbt_member **by = mem_zero((size_t)p->n, sizeof *by);
    const struct pbt_member *donor = NULL;
    int n = 0, at = -1;
    for (int i = 0; i < p->n; i++)
        if (isfinite(p->m[i].loss) && env->history->trials[p->m[i].trial].end != END_FORGOTTEN)
            by[n++] = &p->m[i];
    qsort(by, (size_t)n, sizeof *by, by_loss);
    for (int i = 0; i < n; i++)
        at = by[i] == m ? i : at;
    int share = (int)ceil(p->v[OPT_QUANTILE] * n);
    share = share > n / 2 ? n / 2 : share;
    if (share > 0 && at >= n - share)
        donor = by[rng_below(env->rng, (uint64_t)share)];
    free(by);
    return donor;
}

static void note_gain(struct pbt *p, const struct tuner_env *env, const struct pbt_member *m, const struct observation *ob)
{
    if (!p->model || isnan(m->loss))
        return;
    p->rows = mem_resize(p->rows, (size_t)p->n_rows + 1, sizeof *p->rows);
    p->rows[p->n_rows++] = (struct pbt_row){
        (double)ob->step, m->loss, m->loss - ob->loss,
        mem_dup(env->history->trials[ob->trial].dna, (size_t)p->dims * sizeof(double))};
}

static void judge(void *self, const struct tuner_env *env, const struct observation *ob, struct tell_result *out)
{
    struct pbt *p = self;
    struct pbt_member *m = member(p, ob->trial);
    if (!m || isnan(ob->loss) || ob->step < 0 || (double)ob->step < m->due)
        return;
    note_gain(p, env, m, ob);
    m->loss = ob->loss;
    m->step = (double)ob->step;
    while (m->due <= m->step)
        m->due += p->v[OPT_INTERVAL];
    if (ob->final)
        return;
    const struct pbt_member *donor = donor_for(p, env, m);
    out->checkpoint = true;
    snprintf(out->why, sizeof out->why, "at step %lld: not among the worst", (long long)ob->step);
    if (donor && explore(p, env, env->history->trials[donor->trial].dna, (double)ob->step)) {
        snprintf(out->why, sizeof out->why, "among the worst at step %lld: takes over t%lld", (long long)ob->step,
                 (long long)env->history->trials[donor->trial].id);
        out->action = TELL_CHANGE;
        out->dna = p->dna;
        out->donor = donor->trial;
        m->loss = NAN; /* what it will have is the donor's */
    }
    if (p->v[OPT_TURNS] == 0)
        return;
    if (out->action == TELL_CHANGE) {
        m->next = mem_dup(p->dna, (size_t)p->dims * sizeof *p->dna);
        m->donor = donor->trial;
    }
    out->action = TELL_PAUSE;
    out->dna = NULL;
    out->donor = -1;
}

static bool holds(void *self, const struct tuner_env *env, int trial)
{
    return member(self, trial) != NULL;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct pbt *p = self;
    snprintf(out, cap, "%d members, every %g steps%s", p->n, p->v[OPT_INTERVAL], p->v[OPT_TURNS] != 0 ? ", in turns" : "");
}

/* ---- dump ---- */

static void dump(void *self, struct buf *out)
{
    const struct pbt *p = self;
    pack_u64(out, (uint64_t)p->n);
    for (int i = 0; i < p->n; i++) {
        pack_i64(out, p->m[i].trial);
        pack_f64(out, p->m[i].due);
        pack_f64(out, p->m[i].step);
        pack_f64(out, p->m[i].loss);
        pack_i64(out, p->m[i].donor);
        pack_u64(out, p->m[i].next != NULL);
        if (p->m[i].next)
            pack_doubles(out, p->m[i].next, (size_t)p->dims);
    }
    pack_u64(out, (uint64_t)p->n_rows);
    for (int i = 0; i < p->n_rows; i++) {
        pack_f64(out, p->rows[i].t);
        pack_f64(out, p->rows[i].before);
        pack_f64(out, p->rows[i].gain);
        pack_doubles(out, p->rows[i].x, (size_t)p->dims);
    }
}

static double *unpack_dna(const struct pbt *p, struct unpack *in)
{
    double *v = mem_zero((size_t)p->dims, sizeof *v);
    unpack_doubles(in, v, (size_t)p->dims);
    return v;
}

static void *load(const struct tuner_env *env, struct pbt *p, const uint8_t *bytes, size_t n, char **cause)
{
    struct unpack in = {.p = bytes, .n = n};
    if (!p)
        return NULL;
    p->n = (int)unpack_count(&in, 48);
    p->m = mem_zero((size_t)p->n, sizeof *p->m);
    for (int i = 0; i < p->n; i++) {
        struct pbt_member *m = &p->m[i];
        m->trial = (int)unpack_i64(&in);
        m->due = unpack_f64(&in);
        m->step = unpack_f64(&in);
        m->loss = unpack_f64(&in);
        m->donor = (int)unpack_i64(&in);
        m->next = unpack_u64(&in) ? unpack_dna(p, &in) : NULL;
        in.bad |= m->trial < 0 || m->trial >= env->history->n || m->donor < -1 || m->donor >= env->history->n;
    }
    p->n_rows = (int)unpack_count(&in, 24);
    p->rows = mem_zero((size_t)p->n_rows, sizeof *p->rows);
    for (int i = 0; i < p->n_rows; i++) {
        p->rows[i].t = unpack_f64(&in);
        p->rows[i].before = unpack_f64(&in);
        p->rows[i].gain = unpack_f64(&in);
        p->rows[i].x = unpack_dna(p, &in);
    }
    if (!in.bad && !in.n)
        return p;
    drop(p);
    return cause_null(cause, "the state is not one of this population");
}

static void *load_pbt(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return load(env, make_pbt(env, values, cause), p, n, cause);
}

static void *load_pb2(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return load(env, make_pb2(env, values, cause), p, n, cause);
}

static const struct tuner_option options[] = {
    [OPT_POPULATION] = {"population", 0, 1e6, 0, "members; 0: the sweep's budget"},
    [OPT_INTERVAL] = {"interval", 1e-9, 1e15, 5, "steps between judgements"},
    [OPT_WARMUP] = {"warmup", 0, 1e15, 0, "steps before the first interval"},
    [OPT_QUANTILE] = {"quantile", 0, 0.5, 0.25, "share of the members that count as worst, and as best"},
    [OPT_RESAMPLE] = {"resample", 0, 1, 0.25, "how often a number is drawn anew and not multiplied"},
    [OPT_CHOICES] = {"choices", 0, 1, 0, "1: pbt draws choices anew too, as often"},
    [OPT_TURNS] = {"turns", 0, 1, 0, "1: members are held at each interval, the one furthest behind goes on"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_pbt = {
    .name = "pbt",
    .paper = "Jaderberg et al. 2017",
    .summary = "a population whose worst members take over the best ones' weights and settings, changed a little",
    .options = options,
    .make = make_pbt,
    .drop = drop,
    .propose = propose,
    .judge = judge,
    .offer = offer,
    .begun = begun,
    .holds = holds,
    .describe = describe,
    .dump = dump,
    .load = load_pbt,
};

const struct tuner_ops tuner_pb2 = {
    .name = "pb2",
    .paper = "Parker-Holder et al. 2020",
    .summary = "the same, with settings from a model of what improved members lately",
    .options = options,
    .make = make_pb2,
    .drop = drop,
    .propose = propose,
    .judge = judge,
    .offer = offer,
    .begun = begun,
    .holds = holds,
    .describe = describe,
    .dump = dump,
    .load = load_pb2,
};
