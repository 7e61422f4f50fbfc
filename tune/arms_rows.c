/* What happened in each arm: counted anew from the history at every look. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tune/arms.h"
#include "tune/quantile.h"

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

/* ---- which is best ---- */

struct belief {
    double mean, sd;
};

/* Means and deviations of the arms' means; false: nothing to compare. */
static bool beliefs(const struct arm_row *rows, int n, struct belief *out)
{
    double sum = 0, sum2 = 0;
    int known = 0, means = 0;
    for (int i = 0; i < n; i++) {
        known += !isnan(rows[i].low);
        means += !isnan(rows[i].mean);
        sum += isnan(rows[i].mean) ? 0 : rows[i].mean;
        sum2 += isnan(rows[i].mean) ? 0 : rows[i].mean * rows[i].mean;
    }
    double all = sum / means, spread = sqrt(fmax(sum2 / means - all * all, 0));
    for (int i = 0; i < n && known >= 2; i++) {
        double half = 0.5 * (rows[i].high - rows[i].low) / 1.959964;
        out[i] = isnan(half) ? (struct belief){all, spread} : (struct belief){rows[i].mean, half};
        out[i].sd = fmax(out[i].sd, 1e-6 * (spread + 1e-300));
    }
    return known >= 2 && spread > 0;
}

#define BEST_STEPS 256

void arms_p_best(struct arm_row *rows, int n)
{
    struct belief *b = mem_zero((size_t)n, sizeof *b);
    double from = INFINITY, to = INFINITY, total = 0;
    if (!beliefs(rows, n, b))
        n = 0;
    for (int i = 0; i < n; i++) { /* the least mean lies between these */
        from = fmin(from, b[i].mean - 5 * b[i].sd);
        to = fmin(to, b[i].mean + 5 * b[i].sd);
        rows[i].p_best = 0;
    }
    for (int k = 0; n > 0 && k < BEST_STEPS; k++) {
        double low = from + (to - from) * k / BEST_STEPS, high = from + (to - from) * (k + 1) / BEST_STEPS, above = 1;
        for (int i = 0; i < n; i++) /* nobody is below the middle of the step */
            above *= 1 - normal_below((0.5 * (low + high) - b[i].mean) / b[i].sd);
        for (int i = 0; i < n; i++) {
            double p = normal_below((high - b[i].mean) / b[i].sd) - normal_below((low - b[i].mean) / b[i].sd);
            double self = 1 - normal_below((0.5 * (low + high) - b[i].mean) / b[i].sd);
            rows[i].p_best += self > 1e-12 ? p * above / self : 0;
        }
    }
    for (int i = 0; i < n; i++)
        total += rows[i].p_best;
    for (int i = 0; i < n; i++)
        rows[i].p_best = total > 0 ? rows[i].p_best / total : NAN;
    free(b);
}
