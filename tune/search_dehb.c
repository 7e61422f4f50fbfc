/* DEHB: N. Awad, N. Mallik and F. Hutter, "DEHB: Evolutionary Hyperband for Scalable, Robust and Efficient Hyperparameter
 * Optimization", IJCAI 2021, with the defaults of automl/DEHB: F = 0.5, crossover 0.5, rand1_bin, random repair.
 *
 * Hyperband's brackets give the budgets and how many evaluations each gets. Every budget has a population, as large as its
 * largest rung. In the first round of brackets the rungs above a bracket's first evaluate the best of the population below
 * that are not yet above (promotions: held trials are resumed); every other evaluation is a mutant whose parents come from the
 * best of the population below, crossed with the next member of its own population in turn, which it replaces when it is no
 * worse. A rung begins when the one before it is complete; while it waits the next bracket begins.
 *
 * Members are points of the unit cube; a choice is floor(u k). What has begun is read off the proposal itself, so steering may
 * have changed it on the way. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/bracket.h"
#include "tune/draw.h"

enum { OPT_ETA, OPT_MIN, OPT_MAX, OPT_F, OPT_CR };

struct member {
    double *u;      /* NULL: not there yet */
    double fitness; /* INFINITY: not evaluated */
    int trial;      /* -1 none */
};

struct population {
    struct member *m;
    int n;
    int next; /* member whose turn it is to be challenged */
};

struct job {
    int trial, bracket, stage, level, member;
    bool done, promoted;
    double *u;
};

struct round { /* a bracket under way */
    int s, stage, begun, done; /* of this stage */
};

struct dehb {
    struct bracket_plan plan;
    double F, cr;
    int dims;
    struct population *pop; /* by level */
    struct job *jobs;
    int n_jobs;
    struct round *rounds;
    int n_rounds, open;
    struct rungs ladder;
};

static void drop(void *self)
{
    struct dehb *d = self;
    for (int l = 0; d->pop && l < d->plan.stages; l++) {
        for (int i = 0; i < d->pop[l].n; i++)
            free(d->pop[l].m[i].u);
        free(d->pop[l].m);
    }
    for (int i = 0; i < d->n_jobs; i++)
        free(d->jobs[i].u);
    free(d->pop);
    free(d->jobs);
    free(d->rounds);
    rungs_release(&d->ladder);
    free(d);
}

static void *make(const struct tuner_env *env, const double *v, char **cause)
{
    struct bracket_plan plan = {.eta = v[OPT_ETA], .min = v[OPT_MIN], .max = v[OPT_MAX]};
    if (bracket_plan_check(&plan, "dehb", cause) < 0)
        return NULL;
    struct dehb *d = MEM_NEW(struct dehb);
    *d = (struct dehb){.plan = plan, .F = v[OPT_F], .cr = v[OPT_CR], .dims = env->space->n};
    d->pop = mem_zero((size_t)plan.stages, sizeof *d->pop);
    for (int s = 0; s < plan.stages; s++) {
        int n[STAGES_MAX];
        bracket_sizes(&plan, s, n);
        for (int j = 0; j <= s; j++) {
            struct population *p = &d->pop[plan.stages - 1 - s + j];
            p->n = n[j] > p->n ? n[j] : p->n;
        }
    }
    for (int l = 0; l < plan.stages; l++) {
        d->pop[l].m = mem_zero((size_t)d->pop[l].n, sizeof *d->pop[l].m);
        for (int i = 0; i < d->pop[l].n; i++)
            d->pop[l].m[i] = (struct member){.fitness = INFINITY, .trial = -1};
        rungs_add(&d->ladder, bracket_budget(&plan, l));
    }
    return d;
}

/* ---- what comes next ---- */

struct turn {
    int round, stage, level;
    bool promotion;
};

static int stage_size(const struct dehb *d, int s, int stage)
{
    int n[STAGES_MAX];
    bracket_sizes(&d->plan, s, n);
    return n[stage];
}

static struct turn turn_at(const struct dehb *d, int round, int s, int stage)
{
    return (struct turn){round, stage, d->plan.stages - 1 - s + stage, round < d->plan.stages && stage > 0};
}

/* The first place that is free, a new bracket's when there is none. */
static struct turn next_turn(const struct dehb *d)
{
    for (int i = d->open; i < d->n_rounds; i++) {
        const struct round *r = &d->rounds[i];
        if (r->stage <= r->s && r->begun < stage_size(d, r->s, r->stage))
            return turn_at(d, i, r->s, r->stage);
    }
    int S = d->plan.stages;
    return turn_at(d, d->n_rounds, S - 1 - d->n_rounds % S, 0);
}

/* In a population, or on its way into it. */
static bool known_at(const struct dehb *d, int level, int trial)
{
    for (int i = 0; i < d->pop[level].n; i++)
        if (d->pop[level].m[i].trial == trial)
            return true;
    for (int i = 0; i < d->n_jobs; i++)
        if (d->jobs[i].level == level && d->jobs[i].trial == trial)
            return true;
    return false;
}

/* The best member below that is not above, and can train on; -1 none. */
static int promotable(const struct dehb *d, const struct tuner_env *env, int level)
{
    const struct population *below = &d->pop[level - 1];
    int best = -1;
    for (int i = 0; i < below->n; i++) {
        const struct member *m = &below->m[i];
        if (m->trial < 0 || isinf(m->fitness) || (best >= 0 && m->fitness >= below->m[best].fitness))
            continue;
        const struct history_trial *t = &env->history->trials[m->trial];
        if (t->paused && !known_at(d, level, m->trial) && steering_allows(env->steer, env->space, t->dna))
            best = i;
    }
    return best < 0 ? -1 : below->m[best].trial;
}

static enum tuner_offer offer(void *self, const struct tuner_env *env, struct proposal *out)
{
    const struct dehb *d = self;
    struct turn t = next_turn(d);
    int trial = -1;
    if (t.promotion)
        trial = promotable(d, env, t.level);
    for (int l = d->plan.stages - 1; trial < 0 && env->last && l > 0 && d->n_rounds <= d->plan.stages; l--)
        if (d->pop[l].n && (trial = promotable(d, env, l)) >= 0) /* nothing new: the budget's rest goes to the best */
            t.level = l;
    out->steps = (int64_t)d->ladder.rung[t.level].resource;
    if (trial < 0)
        return env->last ? OFFER_WAIT : OFFER_NEW;
    out->resume = trial;
    memcpy(out->dna, env->history->trials[trial].dna, (size_t)env->space->n * sizeof *out->dna);
    snprintf(out->why, sizeof out->why, "among the best of the population at %g steps: promoted to %lld",
             d->ladder.rung[t.level - 1].resource, (long long)out->steps);
    return OFFER_RESUME;
}

/* ---- evolution ---- */

static void random_point(struct rng *rng, double *u, int n)
{
    for (int i = 0; i < n; i++)
        u[i] = rng_unit(rng);
}

static int by_fitness(const void *a, const void *b)
{
    const struct member *x = *(const struct member *const *)a, *y = *(const struct member *const *)b;
    if (x->fitness != y->fitness)
        return x->fitness < y->fitness ? -1 : 1;
    return x->trial - y->trial;
}

/* Where parents come from: the best below, as many as this level has; every evaluated member when those are too few. */
static int parents(const struct dehb *d, int level, const struct member **out)
{
    int n = 0, want = d->pop[level].n, from = level > 0 ? level - 1 : level;
    for (int i = 0; i < d->pop[from].n; i++)
        if (d->pop[from].m[i].u && isfinite(d->pop[from].m[i].fitness))
            out[n++] = &d->pop[from].m[i];
    qsort(out, (size_t)n, sizeof *out, by_fitness);
    n = n > want && level > 0 ? want : n;
    for (int l = 0; l < d->plan.stages && n < 3; l++)
        for (int i = 0; i < d->pop[l].n && l != from; i++)
            if (d->pop[l].m[i].u && isfinite(d->pop[l].m[i].fitness))
                out[n++] = &d->pop[l].m[i];
    return n;
}

/* r1 + F (r2 - r3) of three different ones, crossed with the member whose turn it is. False: too little is known. */
static bool mutant(const struct dehb *d, const struct tuner_env *env, int level, double *u)
{
    int all = 0;
    for (int l = 0; l < d->plan.stages; l++)
        all += d->pop[l].n;
    const struct member **p = mem_zero((size_t)all, sizeof *p);
    const struct member *own = &d->pop[level].m[d->pop[level].next % d->pop[level].n];
    int n = parents(d, level, p), pick[3];
    for (int i = 0; i < 3 && n >= 3;) {
        pick[i] = (int)rng_below(env->rng, (uint64_t)n);
        bool taken = (i > 0 && pick[0] == pick[i]) || (i > 1 && pick[1] == pick[i]);
        i += !taken;
    }
    int sure = (int)rng_below(env->rng, (uint64_t)d->dims);
    for (int j = 0; n >= 3 && j < d->dims; j++) {
        double v = p[pick[0]]->u[j] + d->F * (p[pick[1]]->u[j] - p[pick[2]]->u[j]);
        if (!(v >= 0 && v <= 1))
            v = rng_unit(env->rng);
        u[j] = !own->u || j == sure || rng_unit(env->rng) < d->cr ? v : own->u[j];
    }
    free(p);
    return n >= 3;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    const struct dehb *d = self;
    struct turn t = next_turn(d);
    double *u = mem_zero((size_t)d->dims, sizeof *u);
    bool fresh = steering_pin(env->steer) || (t.round == 0 && t.stage == 0) || !mutant(d, env, t.level, u);
    if (steering_pin(env->steer)) {
        free(u);
        if (draw_prior(env, NULL, out->dna) < 0)
            return cause_set(cause, "the bans and pins leave nothing to try");
        out->forced = true;
        snprintf(out->why, sizeof out->why, "a draw from the prior inside the pin");
        return 0;
    }
    if (fresh)
        random_point(env->rng, u, d->dims);
    for (int j = 0; j < d->dims; j++)
        out->dna[j] = draw_place(&env->space->params[j], u[j]);
    free(u);
    space_canon(env->space, out->dna);
    snprintf(out->why, sizeof out->why, fresh ? "first members of the population at %g steps" :
             "a mutant of the best below, for the population at %g steps", d->ladder.rung[t.level].resource);
    return 0;
}

/* The point of the cube that a configuration is; what it lacks is drawn. */
static void point_of(const struct tuner_env *env, const double *dna, double *u)
{
    for (int j = 0; j < env->space->n; j++) {
        const struct param *p = &env->space->params[j];
        if (isnan(dna[j]))
            u[j] = rng_unit(env->rng);
        else
            u[j] = param_numeric(p) ? dna[j] : p->n_choices > 0 ? (dna[j] + 0.5) / p->n_choices : 0;
    }
}

static void begun(void *self, const struct tuner_env *env, int trial, const struct proposal *p)
{
    struct dehb *d = self;
    struct turn due = next_turn(d), t = due;
    bool resumed = p->resume >= 0;
    for (int l = 0; resumed && l < d->plan.stages; l++) /* at the end of the budget a promotion is not in its turn */
        if ((int64_t)d->ladder.rung[l].resource == p->steps)
            t.level = l;
    bool in_turn = due.level == t.level && due.promotion >= resumed;
    if (in_turn && due.round == d->n_rounds) {
        d->rounds = mem_resize(d->rounds, (size_t)d->n_rounds + 1, sizeof *d->rounds);
        d->rounds[d->n_rounds] = (struct round){.s = d->plan.stages - 1 - d->n_rounds % d->plan.stages};
        d->n_rounds++;
    }
    struct population *pop = &d->pop[t.level];
    struct job job = {.trial = trial, .bracket = in_turn ? due.round : -1, .stage = due.stage, .level = t.level,
                      .member = pop->next++ % pop->n, .promoted = resumed, .u = mem_zero((size_t)d->dims, sizeof(double))};
    point_of(env, p->dna, job.u);
    if (in_turn)
        d->rounds[due.round].begun++;
    d->jobs = mem_resize(d->jobs, (size_t)d->n_jobs + 1, sizeof *d->jobs);
    d->jobs[d->n_jobs++] = job;
}

/* ---- values ---- */

static struct job *job_of(struct dehb *d, int trial)
{
    for (int i = d->n_jobs - 1; i >= 0; i--)
        if (d->jobs[i].trial == trial)
            return d->jobs[i].done ? NULL : &d->jobs[i];
    return NULL;
}

static void settle(struct dehb *d, struct job *j, double loss)
{
    struct member *m = &d->pop[j->level].m[j->member];
    j->done = true;
    if (!m->u || loss <= m->fitness) {
        free(m->u);
        *m = (struct member){mem_dup(j->u, (size_t)d->dims * sizeof *j->u), loss, j->trial};
    }
    if (j->bracket < 0)
        return;
    struct round *r = &d->rounds[j->bracket];
    if (r->stage == j->stage && ++r->done == stage_size(d, r->s, r->stage)) {
        r->stage++;
        r->begun = r->done = 0;
    }
    while (d->open < d->n_rounds && d->rounds[d->open].stage > d->rounds[d->open].s)
        d->open++;
}

static void judge(void *self, const struct tuner_env *env, const struct observation *ob, struct tell_result *out)
{
    struct dehb *d = self;
    struct job *j = job_of(d, ob->trial);
    if (!j || isnan(ob->loss) || (!ob->final && (double)ob->step < d->ladder.rung[j->level].resource))
        return;
    int level = j->level, top = d->plan.stages - 1;
    if (!rungs_of(&d->ladder, level, ob->trial))
        rungs_record(&d->ladder, level, ob->trial, ob->loss)->stopped = level < top;
    if (j->promoted && level > 0 && rungs_of(&d->ladder, level - 1, ob->trial))
        rungs_of(&d->ladder, level - 1, ob->trial)->stopped = false;
    settle(d, j, ob->loss);
    out->rung = level;
    out->action = level == top ? TELL_CONTINUE : d->n_rounds <= d->plan.stages ? TELL_PAUSE : TELL_STOP;
    out->checkpoint = out->action == TELL_PAUSE;
    snprintf(out->why, sizeof out->why, "member of the population at %g steps", d->ladder.rung[level].resource);
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct dehb *d = self;
    struct job *j = ob->final && (ob->failed || ob->forgotten) ? job_of(d, ob->trial) : NULL;
    if (j)
        settle(d, j, INFINITY);
}

/* Only the first round of brackets promotes. */
static bool holds(void *self, const struct tuner_env *env, int trial)
{
    const struct dehb *d = self;
    if (d->n_rounds > d->plan.stages)
        return false;
    for (int l = 0; l + 1 < d->plan.stages; l++)
        for (int i = 0; i < d->pop[l].n; i++)
            if (d->pop[l].m[i].trial == trial)
                return true;
    return false;
}

static const struct rungs *ladder(void *self)
{
    return &((struct dehb *)self)->ladder;
}

static int rows(void *self, const struct tuner_env *env, struct rung_row *out, int max)
{
    const struct dehb *d = self;
    return rungs_rows(&d->ladder, 1 / d->plan.eta, out, max);
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct dehb *d = self;
    snprintf(out, cap, "eta %g from %g to %g, F %g, crossover %g", d->plan.eta, bracket_budget(&d->plan, 0), d->plan.max, d->F,
             d->cr);
}

/* ---- dump ---- */

static void dump(void *self, struct buf *out)
{
    const struct dehb *d = self;
    rungs_pack(&d->ladder, out);
    for (int l = 0; l < d->plan.stages; l++) {
        pack_i64(out, d->pop[l].next);
        for (int i = 0; i < d->pop[l].n; i++) {
            const struct member *m = &d->pop[l].m[i];
            pack_i64(out, m->trial);
            pack_f64(out, m->fitness);
            pack_u64(out, m->u != NULL);
            if (m->u)
                pack_doubles(out, m->u, (size_t)d->dims);
        }
    }
    pack_u64(out, (uint64_t)d->n_rounds);
    for (int i = 0; i < d->n_rounds; i++) {
        pack_i64(out, d->rounds[i].stage);
        pack_i64(out, d->rounds[i].begun);
        pack_i64(out, d->rounds[i].done);
    }
    pack_u64(out, (uint64_t)d->n_jobs);
    for (int i = 0; i < d->n_jobs; i++) {
        const struct job *j = &d->jobs[i];
        const int64_t v[] = {j->trial, j->bracket, j->stage, j->level, j->member, j->done, j->promoted};
        for (int k = 0; k < 7; k++)
            pack_i64(out, v[k]);
        pack_doubles(out, j->u, (size_t)d->dims);
    }
}

static void unpack_populations(struct dehb *d, int trials, struct unpack *in)
{
    for (int l = 0; l < d->plan.stages; l++) {
        d->pop[l].next = (int)unpack_i64(in);
        in->bad |= d->pop[l].next < 0;
        for (int i = 0; i < d->pop[l].n && !in->bad; i++) {
            struct member *m = &d->pop[l].m[i];
            m->trial = (int)unpack_i64(in);
            m->fitness = unpack_f64(in);
            in->bad |= m->trial < -1 || m->trial >= trials;
            if (unpack_u64(in)) {
                m->u = mem_zero((size_t)d->dims, sizeof *m->u);
                unpack_doubles(in, m->u, (size_t)d->dims);
            }
        }
    }
}

static void unpack_rounds(struct dehb *d, struct unpack *in)
{
    d->n_rounds = (int)unpack_count(in, 24);
    d->rounds = mem_zero((size_t)d->n_rounds, sizeof *d->rounds);
    for (int i = 0; i < d->n_rounds; i++) {
        struct round *r = &d->rounds[i];
        r->s = d->plan.stages - 1 - i % d->plan.stages;
        r->stage = (int)unpack_i64(in);
        r->begun = (int)unpack_i64(in);
        r->done = (int)unpack_i64(in);
        in->bad |= r->stage < 0 || r->stage > r->s + 1;
    }
    while (!in->bad && d->open < d->n_rounds && d->rounds[d->open].stage > d->rounds[d->open].s)
        d->open++;
}

static void unpack_jobs(struct dehb *d, struct unpack *in)
{
    d->n_jobs = (int)unpack_count(in, 56);
    d->jobs = mem_zero((size_t)d->n_jobs, sizeof *d->jobs);
    for (int i = 0; i < d->n_jobs; i++) {
        int64_t v[7];
        for (int k = 0; k < 7; k++)
            v[k] = unpack_i64(in);
        in->bad |= v[3] < 0 || v[3] >= d->plan.stages || v[1] < -1 || v[1] >= d->n_rounds;
        in->bad |= in->bad || v[4] < 0 || v[4] >= d->pop[v[3]].n;
        d->jobs[i] = (struct job){(int)v[0], (int)v[1], (int)v[2], (int)v[3], (int)v[4], v[5] != 0, v[6] != 0,
                                  mem_zero((size_t)d->dims, sizeof(double))};
        unpack_doubles(in, d->jobs[i].u, (size_t)d->dims);
    }
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct dehb *d = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    if (!d)
        return NULL;
    in.bad |= rungs_unpack(&d->ladder, &in) < 0;
    unpack_populations(d, env->history->n, &in);
    unpack_rounds(d, &in);
    unpack_jobs(d, &in);
    if (!in.bad && !in.n)
        return d;
    drop(d);
    return cause_null(cause, "the state is not one of dehb with these rungs");
}

static const struct tuner_option options[] = {
    [OPT_ETA] = {"eta", 1.1, 100, 3, "one in eta goes on at each rung"},
    [OPT_MIN] = {"min_resource", 1e-9, 1e15, 1, "step of the first rung, or a little above it"},
    [OPT_MAX] = {"max_resource", 1e-9, 1e15, 81, "step of a full run; the sweep's fidelity max where that is given"},
    [OPT_F] = {"F", 0, 2, 0.5, "how far a mutant lies from its first parent"},
    [OPT_CR] = {"crossover", 0, 1, 0.5, "share of a mutant's coordinates that replace its parent's"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_dehb = {
    .name = "dehb",
    .paper = "Awad et al. 2021",
    .summary = "differential evolution over Hyperband's budgets",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .judge = judge,
    .offer = offer,
    .begun = begun,
    .holds = holds,
    .ladder = ladder,
    .rungs = rows,
    .describe = describe,
    .dump = dump,
    .load = load,
};
