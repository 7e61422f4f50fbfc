/* What happened in each arm: counted anew from the history at every look. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tune/arms.h"

int arms_of(struct arms *a, const struct tuner_env *env, int trial)
{
    const struct history *h = env->history;
    if (h->n > a->cap_known) {
        a->cap_known = 2 * h->n;
        a->known = mem_resize(a->known, (size_t)a->cap_known, sizeof *a->known);
    }
    for (; a->n_known < h->n; a->n_known++) {
        const struct history_trial *t = &h->trials[a->n_known];
        a->known[a->n_known] = t->outside ? -1 : arms_find(a, env->space, t->dna);
    }
    return a->known[trial];
}

static void describe(const struct arms *a, const struct tuner_env *env, int arm, struct arm_row *row)
{
    const struct region *cell = &a->cell[arm];
    *row = (struct arm_row){.mean = NAN, .low = NAN, .high = NAN, .p_next = NAN, .p_best = NAN,
                            .banned = steering_bans(env->steer, env->space, cell),
                            .pinned = steering_pins(env->steer, env->space, cell),
                            .boost = steering_boost(env->steer, env->space, cell)};
    snprintf(row->label, sizeof row->label, "%s", a->label[arm]);
}

void arms_rows(struct arms *a, const struct tuner_env *env, struct arm_row *rows)
{
    const struct history *h = env->history;
    double *sum2 = mem_zero((size_t)a->n, sizeof *sum2), *n = mem_zero((size_t)a->n, sizeof *n);
    for (int i = 0; i < a->n; i++)
        describe(a, env, i, &rows[i]);
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        int arm =
            t->end == END_DONE || t->end == END_PRUNED || t->end == END_FAILED ? arms_of(a, env, i) : -1;
        if (arm < 0)
            continue;
        rows[arm].pulls++;
        if (isnan(t->loss))
            continue;
        /* Welford's running mean and squares */
        double mean = n[arm] ? rows[arm].mean : 0, delta = t->loss - mean;
        n[arm]++;
        rows[arm].mean = mean + delta / n[arm];
        sum2[arm] += delta * (t->loss - rows[arm].mean);
    }
    for (int i = 0; i < a->n; i++) {
        if (n[i] < 2)
            continue;
        double half = 1.959964 * sqrt(sum2[i] / (n[i] - 1) / n[i]);
        rows[i].low = rows[i].mean - half;
        rows[i].high = rows[i].mean + half;
    }
    free(sum2);
    free(n);
}
