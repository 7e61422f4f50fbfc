/* The numbers are those of L. Li et al., "Hyperband", JMLR 18, 2018, and of HpBandSter (S. Falkner et al., ICML 2018), whose
 * rounding differs. The guard of 1e-9 keeps ln 243 / ln 3 from being 4.
 *
 * When no new trial can begin (the sweep's budget is spent), the first stage of a bracket makes do with those that have: the
 * best 1/eta of them go on. */
#include "tune/bracket.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"

/* ---- the plan ---- */

int bracket_plan_check(struct bracket_plan *p, const char *who, char **cause)
{
    if (!(p->max >= p->min))
        return cause_set(cause, "%s: max_resource %g is below min_resource %g", who, p->max, p->min);
    double stages = floor(log(p->max / p->min) / log(p->eta) + 1e-9) + 1;
    if (stages > STAGES_MAX)
        return cause_set(cause, "%s: from %g to %g in steps of %g are %g rungs; at most %d", who, p->min, p->max, p->eta,
                         stages, STAGES_MAX);
    p->stages = (int)stages;
    return 0;
}

double bracket_budget(const struct bracket_plan *p, int level)
{
    return ceil(p->max * pow(p->eta, -(p->stages - 1 - level)) * (1 - 1e-12));
}

void bracket_sizes(const struct bracket_plan *p, int s, int n[STAGES_MAX])
{
    double S = p->stages, power = pow(p->eta, s), whole = p->ceil ? S / (s + 1) : floor(S / (s + 1));
    double n0 = p->ceil ? ceil(whole * power * (1 - 1e-12)) : floor(whole * power * (1 + 1e-12));
    n0 = fmin(fmax(n0, 1), 1e6);
    for (int j = 0; j <= s; j++)
        n[j] = (int)fmax(1, floor(n0 * pow(p->eta, -j) * (1 + 1e-12)));
}

/* ---- the book ---- */

void brackets_init(struct brackets *k)
{
    for (int i = 0; i < k->plan.stages; i++)
        rungs_add(&k->ladder, bracket_budget(&k->plan, i));
}

void brackets_release(struct brackets *k)
{
    for (int i = 0; i < k->n; i++)
        free(k->b[i].slots);
    free(k->b);
    free(k->of);
    rungs_release(&k->ladder);
    memset(k, 0, sizeof *k);
}

static int level(const struct brackets *k, const struct bracket *b)
{
    return k->plan.stages - 1 - b->s + b->stage;
}

static bool over(const struct bracket *b)
{
    return b->stage > b->s;
}

static struct bracket planned(const struct brackets *k)
{
    int S = k->plan.stages;
    struct bracket b = {.s = k->same ? S - 1 : S - 1 - k->n % S};
    bracket_sizes(&k->plan, b.s, b.n);
    for (int j = 0; k->first && j <= b.s; j++)
        b.n[j] = (int)fmax(1, floor(k->first * pow(k->plan.eta, -j) * (1 + 1e-12)));
    return b;
}

static struct bracket *bracket_of(const struct brackets *k, int trial)
{
    return trial < k->n_of && k->of[trial] >= 0 ? &k->b[k->of[trial]] : NULL;
}

static struct bracket_slot *slot_of(const struct bracket *b, int trial)
{
    for (int i = 0; b && i < b->n_slots; i++)
        if (b->slots[i].trial == trial)
            return &b->slots[i];
    return NULL;
}

static int by_loss(const void *a, const void *b)
{
    const struct bracket_slot *x = a, *y = b;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->trial - y->trial;
}

static bool all_reported(const struct bracket *b)
{
    for (int i = 0; i < b->n_slots; i++)
        if (!b->slots[i].reported)
            return false;
    return true;
}

/* Trials that can train on: running ones that are about to be paused, and paused ones. ending: the one that is just ending. */
static bool can_go_on(const struct tuner_env *env, int trial, int ending)
{
    const struct history_trial *t = &env->history->trials[trial];
    return trial != ending && (t->end == END_PENDING || t->paused);
}

static void record(struct brackets *k, const struct bracket *b, int trial, double loss)
{
    if (isfinite(loss) && !rungs_of(&k->ladder, level(k, b), trial))
        rungs_record(&k->ladder, level(k, b), trial, loss)->stopped = b->stage < b->s;
}

/* The complete stage's best begin the next one. One that has ended by itself counts there with the loss that it has. */
static void advance(struct brackets *k, struct bracket *b, const struct tuner_env *env, int ending)
{
    while (!over(b) && all_reported(b)) {
        int at = level(k, b), keep = b->stage < b->s ? b->n[b->stage + 1] : 0;
        qsort(b->slots, (size_t)b->n_slots, sizeof *b->slots, by_loss);
        while (keep > 0 && (keep > b->n_slots || isinf(b->slots[keep - 1].loss)))
            keep--; /* failures do not go on */
        b->n_slots = keep;
        b->stage = keep ? b->stage + 1 : b->s + 1;
        for (int i = 0; i < keep; i++) {
            struct bracket_slot *s = &b->slots[i];
            struct rung_value *v = rungs_of(&k->ladder, at, s->trial);
            s->started = s->reported = !can_go_on(env, s->trial, ending);
            if (v)
                v->stopped = false;
            if (s->reported)
                record(k, b, s->trial, s->loss);
        }
    }
    while (k->open < k->n && over(&k->b[k->open]))
        k->open++;
}

static void settle(struct brackets *k, struct bracket *b, const struct tuner_env *env, int ending)
{
    if (b->n_slots >= b->n[b->stage] || b->stage > 0)
        advance(k, b, env, ending);
}

/* ---- offers ---- */

/* How many of an unfilled first stage go on when nobody can be added to it. */
static int kept_of_few(const struct brackets *k, const struct bracket *b)
{
    return (int)fmax(1, floor(b->n_slots / k->plan.eta * (1 + 1e-12)));
}

/* What people banned meanwhile waits until the ban is lifted. */
static bool allowed(const struct tuner_env *env, int trial)
{
    return steering_allows(env->steer, env->space, env->history->trials[trial].dna);
}

static int resumable(const struct brackets *k, const struct bracket *b, const struct tuner_env *env)
{
    if (b->stage > 0) {
        for (int i = 0; i < b->n_slots; i++)
            if (!b->slots[i].started && allowed(env, b->slots[i].trial))
                return b->slots[i].trial;
        return -1;
    }
    if (!env->last || b->n_slots == 0 || b->s == 0 || b->n_slots >= b->n[0] || !all_reported(b))
        return -1;
    struct bracket_slot *s = mem_dup(b->slots, (size_t)b->n_slots * sizeof *s);
    int keep = kept_of_few(k, b), found = -1;
    qsort(s, (size_t)b->n_slots, sizeof *s, by_loss);
    for (int i = 0; i < keep && found < 0; i++)
        if (isfinite(s[i].loss) && can_go_on(env, s[i].trial, -1) && allowed(env, s[i].trial))
            found = s[i].trial;
    free(s);
    return found;
}

static void offer_resume(const struct brackets *k, const struct bracket *b, const struct tuner_env *env, int trial,
                         struct proposal *out)
{
    const struct history_trial *t = &env->history->trials[trial];
    int to = k->plan.stages - 1 - b->s + (b->stage > 0 ? b->stage : 1);
    out->resume = trial;
    out->steps = (int64_t)bracket_budget(&k->plan, to);
    memcpy(out->dna, t->dna, (size_t)env->space->n * sizeof *t->dna);
    snprintf(out->why, sizeof out->why, "among the best of its rung: goes on from step %lld to %lld", (long long)t->step,
             (long long)out->steps);
}

enum tuner_offer brackets_offer(const struct brackets *k, const struct tuner_env *env, struct proposal *out)
{
    for (int i = k->open; i < k->n; i++) {
        const struct bracket *b = &k->b[i];
        int trial = over(b) ? -1 : resumable(k, b, env);
        if (trial >= 0) {
            offer_resume(k, b, env, trial, out);
            return OFFER_RESUME;
        }
        if (!over(b) && b->stage == 0 && b->n_slots < b->n[0] && !env->last) {
            out->steps = (int64_t)bracket_budget(&k->plan, level(k, b));
            return OFFER_NEW;
        }
    }
    if (env->last || (k->most && k->n >= k->most))
        return OFFER_WAIT;
    struct bracket b = planned(k);
    out->steps = (int64_t)bracket_budget(&k->plan, level(k, &b));
    return OFFER_NEW;
}

static void remember(struct brackets *k, int trial, int bracket)
{
    if (trial >= k->n_of) {
        int n = trial + 1 > 2 * k->n_of ? trial + 1 : 2 * k->n_of;
        k->of = mem_resize(k->of, (size_t)n, sizeof *k->of);
        for (int i = k->n_of; i < n; i++)
            k->of[i] = -1;
        k->n_of = n;
    }
    k->of[trial] = bracket;
}

static void join(struct brackets *k, int trial)
{
    int i = k->open;
    while (i < k->n && !(k->b[i].stage == 0 && k->b[i].n_slots < k->b[i].n[0]))
        i++;
    if (i == k->n) {
        struct bracket b = planned(k);
        k->b = mem_resize(k->b, (size_t)k->n + 1, sizeof *k->b);
        k->b[k->n++] = b;
    }
    struct bracket *b = &k->b[i];
    b->slots = mem_resize(b->slots, (size_t)b->n_slots + 1, sizeof *b->slots);
    b->slots[b->n_slots++] = (struct bracket_slot){.trial = trial, .started = true, .loss = NAN};
    remember(k, trial, i);
}

void brackets_begun(struct brackets *k, const struct tuner_env *env, int trial, const struct proposal *p)
{
    if (p->resume < 0) {
        join(k, trial);
        return;
    }
    struct bracket *b = bracket_of(k, trial);
    if (!b)
        return;
    if (b->stage == 0) { /* it was offered because nobody can be added any more; it is revived by now, and can go on */
        int keep = kept_of_few(k, b);
        b->n[0] = b->n_slots;
        for (int j = 1; j <= b->s; j++)
            b->n[j] = (int)fmax(1, floor(keep * pow(k->plan.eta, 1 - j) * (1 + 1e-12)));
        advance(k, b, env, -1);
    }
    struct bracket_slot *s = slot_of(b, trial);
    if (s)
        s->started = true;
}

/* ---- values ---- */

void brackets_judge(struct brackets *k, const struct tuner_env *env, const struct observation *ob, struct tell_result *out)
{
    struct bracket *b = bracket_of(k, ob->trial);
    struct bracket_slot *s = b && !over(b) ? slot_of(b, ob->trial) : NULL;
    if (!s || !s->started || s->reported || isnan(ob->loss))
        return;
    int at = level(k, b), stage = b->stage;
    if (!ob->final && (double)ob->step < k->ladder.rung[at].resource)
        return;
    s->reported = true;
    s->loss = ob->loss;
    record(k, b, ob->trial, ob->loss);
    int done = 0;
    for (int i = 0; i < b->n_slots; i++)
        done += b->slots[i].reported;
    out->rung = at;
    bool goes_on = stage < b->s;
    snprintf(out->why, sizeof out->why, goes_on ? "bracket %d, rung at %g: %d of %d are in, the best %d go on" :
             "bracket %d, largest rung at %g: %d of %d are in", (int)(b - k->b), k->ladder.rung[at].resource, done, b->n[stage],
             goes_on ? b->n[stage + 1] : 0);
    settle(k, b, env, ob->final ? ob->trial : -1);
    out->action = goes_on ? TELL_PAUSE : TELL_CONTINUE;
    out->checkpoint = goes_on;
}

/* A failure, or the end of a trial that was held: its place is settled without another value. */
void brackets_learn(struct brackets *k, const struct tuner_env *env, const struct observation *ob)
{
    struct bracket *b = ob->final ? bracket_of(k, ob->trial) : NULL;
    struct bracket_slot *s = b && !over(b) ? slot_of(b, ob->trial) : NULL;
    if (!s || env->history->trials[ob->trial].paused)
        return;
    bool failed = ob->failed || ob->forgotten;
    if (!failed && s->reported)
        return;
    if (!s->reported)
        s->loss = failed ? INFINITY : ob->loss;
    s->started = s->reported = true;
    if (failed)
        s->loss = INFINITY;
    settle(k, b, env, ob->trial);
}

bool brackets_holds(const struct brackets *k, int trial)
{
    const struct bracket *b = bracket_of(k, trial);
    return b && !over(b) && slot_of(b, trial);
}

int brackets_rows(const struct brackets *k, struct rung_row *rows, int max)
{
    int n = rungs_rows(&k->ladder, 1 / k->plan.eta, rows, max);
    for (int i = 0; i < n && i < max; i++) { /* one that waits for the others of its stage is neither */
        rows[i].stopped = rows[i].promoted = 0;
        for (int j = 0; j < k->ladder.rung[i].n; j++) {
            const struct rung_value *v = &k->ladder.rung[i].values[j];
            rows[i].promoted += !v->stopped;
            rows[i].stopped += v->stopped && !brackets_holds(k, v->trial);
        }
    }
    return n;
}

void brackets_describe(const struct brackets *k, char *out, size_t cap)
{
    snprintf(out, cap, "eta %g from %g to %g", k->plan.eta, bracket_budget(&k->plan, 0), k->plan.max);
}

/* ---- dump ---- */

void brackets_pack(const struct brackets *k, struct buf *out)
{
    rungs_pack(&k->ladder, out);
    pack_u64(out, (uint64_t)k->n);
    for (int i = 0; i < k->n; i++) {
        const struct bracket *b = &k->b[i];
        pack_u64(out, (uint64_t)b->s);
        pack_u64(out, (uint64_t)b->stage);
        for (int j = 0; j <= b->s; j++)
            pack_u64(out, (uint64_t)b->n[j]);
        pack_u64(out, (uint64_t)b->n_slots);
        for (int j = 0; j < b->n_slots; j++) {
            pack_u64(out, (uint64_t)b->slots[j].trial << 2 | b->slots[j].started << 1 | b->slots[j].reported);
            pack_f64(out, b->slots[j].loss);
        }
    }
    pack_u64(out, (uint64_t)k->n_of);
    for (int i = 0; i < k->n_of; i++)
        pack_i64(out, k->of[i]);
}

static void unpack_bracket(struct bracket *b, int trials, struct unpack *in)
{
    uint64_t s = unpack_u64(in), stage = unpack_u64(in);
    in->bad |= s >= STAGES_MAX || stage > s + 1;
    b->s = in->bad ? 0 : (int)s;
    b->stage = in->bad ? 0 : (int)stage;
    for (int j = 0; j <= b->s; j++)
        b->n[j] = (int)unpack_u64(in);
    b->n_slots = (int)unpack_count(in, 16);
    b->slots = mem_zero((size_t)b->n_slots, sizeof *b->slots);
    for (int j = 0; j < b->n_slots; j++) {
        uint64_t who = unpack_u64(in);
        b->slots[j] = (struct bracket_slot){(int)(who >> 2), who >> 1 & 1, who & 1, unpack_f64(in)};
        in->bad |= who >> 2 >= (uint64_t)trials;
    }
}

int brackets_unpack(struct brackets *k, int trials, struct unpack *in)
{
    if (rungs_unpack(&k->ladder, in) < 0)
        return -1;
    k->n = (int)unpack_count(in, 24);
    k->b = mem_zero((size_t)k->n, sizeof *k->b);
    for (int i = 0; i < k->n; i++)
        unpack_bracket(&k->b[i], trials, in);
    k->n_of = (int)unpack_count(in, 8);
    k->of = mem_zero((size_t)k->n_of, sizeof *k->of);
    for (int i = 0; i < k->n_of; i++) {
        k->of[i] = (int)unpack_i64(in);
        in->bad |= k->of[i] < -1 || k->of[i] >= k->n;
    }
    while (k->open < k->n && over(&k->b[k->open]))
        k->open++;
    return in->bad ? -1 : 0;
}
