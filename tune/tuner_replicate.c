/* tuner_replicate: the facade's part in replicates: which trials may have another run, what is begun, and what becomes of it.
 *
 * A trial that is run again stays done: its run is no trial, algorithms see only that its loss, the mean of its runs, changes. Those
 * that keep sums of their own (bandits, populations) keep the first value. What people banned is not run again, nor what lies outside
 * the present space, nor a member of a population, whose configuration changed under way. The decision draws nothing by chance. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/replicate.h"
#include "tune/tuner_state.h"

static bool counts(const struct history_trial *h)
{
    return h->end == END_DONE && h->id >= 0 && !h->outside && isfinite(h->loss);
}

static bool may_repeat(const struct tuner *t, const struct history_trial *h)
{
    return h->n_begun + 1 < t->replicates && !h->n_changes && steering_allows(&t->steer, t->space, h->dna);
}

struct finished { /* trials that are done */
    struct replicate_trial *v;
    int *index; /* in the history */
    int n;
};

static struct finished gather(const struct tuner *t)
{
    const struct history *h = &t->history;
    struct finished f = {mem_zero((size_t)h->n + 1, sizeof *f.v), mem_zero((size_t)h->n + 1, sizeof *f.index), 0};
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *k = &h->trials[i];
        if (!counts(k))
            continue;
        f.index[f.n] = i;
        f.v[f.n++] = (struct replicate_trial){.mean = k->loss,
                                              .squares = history_squares(k),
                                              .n = k->repeats ? k->n_repeats : 1,
                                              .running = k->repeating,
                                              .free = may_repeat(t, k)};
    }
    return f;
}

static void finished_release(struct finished *f)
{
    free(f->v);
    free(f->index);
}

/* trial and incumbent of *out are indices of the history. */
static void look(const struct tuner *t, bool can_begin, struct replicate_choice *out)
{
    struct finished f = gather(t);
    replicate_choose(f.v, f.n, can_begin, out);
    out->trial = out->trial < 0 ? -1 : f.index[out->trial];
    out->incumbent = out->incumbent < 0 ? -1 : f.index[out->incumbent];
    finished_release(&f);
}

void tuner_bounds(const struct tuner *t, double *out)
{
    struct finished f = gather(t);
    double *bound = mem_zero((size_t)f.n + 1, sizeof *bound);
    replicate_bounds(f.v, f.n, bound);
    for (int i = 0; i < t->history.n; i++)
        out[i] = NAN;
    for (int i = 0; i < f.n; i++)
        out[f.index[i]] = t->maximize ? -bound[i] : bound[i];
    free(bound);
    finished_release(&f);
}

static void say_why(const struct history_trial *h, const struct replicate_choice *c, bool can_begin, char *out, size_t cap)
{
    long long id = (long long)h->id;
    if (c->learning)
        snprintf(out, cap, "another seed of t%lld, the best so far: how much do values differ from seed to seed?", id);
    else if (can_begin)
        snprintf(out, cap, "another seed of t%lld: expected gain %.3g, of a new trial %.3g (noise %.3g, values %d)", id, c->worth,
                 c->fresh, c->noise, h->repeats ? h->n_repeats : 1);
    else
        snprintf(out, cap, "another seed of t%lld: expected gain %.3g; nothing new is left (noise %.3g)", id, c->worth, c->noise);
}

bool tuner_replicate(struct tuner *t, bool can_begin, struct proposal *out)
{
    struct replicate_choice c;
    look(t, can_begin, &c);
    if (c.trial < 0)
        return false;
    struct history_trial *h = &t->history.trials[c.trial];
    say_why(h, &c, can_begin, out->why, sizeof out->why);
    history_repeat(&t->history, c.trial);
    memcpy(out->dna, h->dna, (size_t)t->space->n * sizeof *out->dna);
    out->replicate = h->id;
    out->seed_index = h->n_begun;
    return true;
}

int64_t tuner_repeats(const struct tuner *t, int *open)
{
    int64_t n = 0;
    if (open)
        *open = 0;
    for (int i = 0; t->replicates > 1 && i < t->history.n; i++) {
        n += t->history.trials[i].n_begun;
        if (open)
            *open += t->history.trials[i].repeating;
    }
    return n;
}

void tuner_repeated(struct tuner *t, int trial, int64_t step, double loss)
{
    history_repeated(&t->history, trial, loss);
    if (isnan(loss))
        return;
    /* not final: nobody counts it as another trial, but who keeps a model knows that it is out of date */
    struct observation ob = {.trial = trial, .step = step, .loss = t->history.trials[trial].loss};
    struct part *parts[] = {&t->sampler, &t->stopper};
    for (int i = 0; i < 2; i++)
        if (parts[i]->ops && parts[i]->ops->learn) {
            struct tuner_env env = tuner_env(t, parts[i]);
            parts[i]->ops->learn(parts[i]->self, &env, &ob);
        }
}

int tuner_incumbent(const struct tuner *t)
{
    struct replicate_choice c;
    look(t, true, &c);
    return c.incumbent;
}

bool tuner_replicates(const struct tuner *t, struct tuner_replicates *out)
{
    struct replicate_choice c;
    if (t->replicates < 2)
        return false;
    look(t, true, &c);
    *out = (struct tuner_replicates){.seeds = t->replicates,
                                     .runs = tuner_repeats(t, NULL),
                                     .noise = c.noise,
                                     .mean = t->maximize ? -c.mean : c.mean,
                                     .spread = c.spread,
                                     .worth = c.worth,
                                     .fresh = c.fresh};
    return true;
}

void tuner_say_replicates(const struct tuner *t, char *out, size_t cap)
{
    struct tuner_replicates r;
    if (!tuner_replicates(t, &r) || cap < 2)
        return;
    int n = snprintf(out, cap, ", replicates %lld", (long long)r.runs);
    if (n > 0 && (size_t)n < cap && !isnan(r.noise))
        snprintf(out + n, cap - (size_t)n, " (noise %.3g)", r.noise);
}
