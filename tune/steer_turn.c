/* Focus, quota, hold and step: steering that says how the asks are shared out.
 *
 * A focus of strength S is a prior that fades (after C. Hvarfner et al., "piBO: Augmenting Acquisition Functions with User
 * Beliefs", ICLR 2022: the weight S^(beta / (beta + asks since it began))). Instead of weighing candidates, which every
 * algorithm would do in its own way, the share 1 - 1/weight of the asks becomes that of a pin: every algorithm honours
 * pins, so every one answers a focus, and the others asks stay what they are. It is given up when the losses contradict
 * it. A quota does the same with a counter instead of a coin. The newest one that claims the ask gets it; a person's pin
 * is stronger than both. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tune/history.h"
#include "tune/steer.h"

#define FADE      20.0 /* asks after which a focus's exponent has halved */
#define LEAST     5    /* asks inside, and trials on either side, before a focus is judged */
#define CONTRADICTS 2.326 /* z of a one-sided 1 % */

double steering_share(const struct steering *st, const struct steer_entry *e)
{
    if (e->verb != STEER_FOCUS || !steering_in_force(st, e))
        return 0;
    double age = (double)(st->asks - e->since);
    return 1 - pow(e->weight, -FADE / (FADE + age));
}

/* Asks that a number in a quota is spread over: those that the budget has, or twice as many as wanted. */
static bool quota_due(const struct steering *st, const struct steer_entry *e, int64_t left)
{
    double age = (double)(st->asks - e->since), used = (double)e->used;
    if (e->share)
        return used < e->weight * (age + 1) - 1e-9;
    double over = left >= 0 ? age + (double)left : 2 * e->weight;
    return age + 1e-9 >= used * fmax(1, over / e->weight);
}

void steering_turn(struct steering *st, struct rng *rng, int64_t left)
{
    st->turn = 0;
    if (steering_pin(st))
        return;
    for (int i = st->n - 1; i >= 0; i--) {
        const struct steer_entry *e = &st->entries[i];
        if ((e->verb != STEER_FOCUS && e->verb != STEER_QUOTA) || !steering_in_force(st, e))
            continue;
        if (e->verb == STEER_QUOTA ? quota_due(st, e, left) : rng_unit(rng) < steering_share(st, e)) {
            st->turn = i + 1;
            return;
        }
    }
}

void steering_turn_over(struct steering *st)
{
    st->turn = 0;
}

void steering_asked(struct steering *st, const struct space *s, const double *dna)
{
    bool stepped = false;
    for (int i = 0; i < st->n; i++) {
        struct steer_entry *e = &st->entries[i];
        if (!steering_in_force(st, e))
            continue;
        if (e->verb == STEER_FOCUS || e->verb == STEER_QUOTA)
            e->used += region_holds(&e->region, s, dna);
        if (e->verb == STEER_STEP && !stepped && (double)e->used < e->weight) {
            e->used++;
            stepped = true;
        }
    }
    st->asks++;
}

bool steering_held(const struct steering *st)
{
    bool held = false;
    double steps = 0;
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (!steering_in_force(st, e))
            continue;
        held |= e->verb == STEER_HOLD;
        steps += e->verb == STEER_STEP ? e->weight - (double)e->used : 0;
    }
    return held && steps <= 0;
}

/* ---- giving up ---- */

struct side {
    double loss;
    bool inside;
};

static int by_loss(const void *a, const void *b)
{
    double x = ((const struct side *)a)->loss, y = ((const struct side *)b)->loss;
    return (x > y) - (x < y);
}

/* z of the rank sum of the inside: above 0 its losses are the larger ones. Sorts v. */
static double rank_sum_z(struct side *v, int n, int inside)
{
    double sum = 0, ties = 0, m = inside, k = n - inside;
    qsort(v, (size_t)n, sizeof *v, by_loss);
    for (int i = 0; i < n;) {
        int j = i;
        while (j < n && v[j].loss == v[i].loss)
            j++;
        for (int at = i; at < j; at++)
            sum += v[at].inside ? (i + j + 1) / 2.0 : 0; /* middle rank, from 1 */
        ties += pow(j - i, 3) - (j - i);
        i = j;
    }
    double variance = m * k / 12 * (n + 1 - ties / ((double)n * (n - 1)));
    return variance > 0 ? (sum - m * (n + 1) / 2) / sqrt(variance) : 0;
}

static bool contradicted(const struct steer_entry *e, const struct space *s, const struct history *h)
{
    struct side *v = mem_zero((size_t)h->n + 1, sizeof *v);
    int n = 0, inside = 0;
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        if (t->outside || (t->end != END_DONE && t->end != END_PRUNED && t->end != END_FAILED))
            continue;
        v[n] = (struct side){t->end == END_FAILED ? INFINITY : t->loss, region_holds(&e->region, s, t->dna)};
        inside += v[n++].inside;
    }
    bool bad = inside >= LEAST && n - inside >= LEAST && rank_sum_z(v, n, inside) > CONTRADICTS && !v[0].inside;
    free(v);
    return bad;
}

bool steering_given_up(const struct steering *st, int64_t token)
{
    bool any = false;
    for (int i = 0; i < st->n; i++) {
        if (st->entries[i].token != token)
            continue;
        if (!st->entries[i].given_up)
            return false;
        any = true;
    }
    return any;
}

bool steering_review(struct steering *st, const struct space *s, const struct history *h, char *out, size_t cap)
{
    for (int i = 0; i < st->n; i++) {
        struct steer_entry *e = &st->entries[i];
        if (e->verb != STEER_FOCUS || !steering_in_force(st, e) || e->used < LEAST || !contradicted(e, s, h))
            continue;
        e->given_up = true;
        snprintf(out, cap, "the focus on %s is given up: %lld trials there, and what lies outside is better", e->label,
                 (long long)e->used);
        return true;
    }
    return false;
}
