#include "policy.h"

#include <math.h>
#include <stdio.h>

#include "orbit.h"

static const double ACCURACY = 3500, SPEED = 4; /* weights of the reward's two parts */
static const double HOPELESS = 0.1;             /* relative error that ends a run */
static const double CHEAPEST = -20,
                    DISASTER = 2000; /* costs are cut off here: how much worse does not matter */

double factor_at(int arm)
{
    return pow(10, -4 + arm / 3.0);
}

static int level(double x, const double *edge, int n)
{
    int k = 0;
    while (k < n && x >= edge[k])
        k++;
    return k;
}

static int state_of(int step, double log_error, double soonest)
{
    static const double phase[PHASES - 1] = {4, 11, 41, 86, 96}, error[ERRORS - 1] = {-11, -9, -7.5, -6},
                                       meeting[MEETINGS - 1] = {0.3, 0.8, 1.5, 2.5, 8};
    return (level(step, phase, PHASES - 1) * ERRORS + level(log_error, error, ERRORS - 1)) * MEETINGS +
           level(soonest, meeting, MEETINGS - 1);
}

bool policy_open(struct policy *p, ht_agent *ht, uint64_t seed)
{
    bool all = true;
    for (int i = 0; i < STATES; i++) {
        char name[40];
        double factors[ARMS];
        for (int k = 0; k < ARMS; k++)
            factors[k] = factor_at(k);
        snprintf(name, sizeof name, "phase%d-error%d-meeting%d", i / (ERRORS * MEETINGS),
                 i / MEETINGS % ERRORS, i % MEETINGS);
        struct ht_bandit_options o = {.size = sizeof o,
                                      .name = name,
                                      .algorithm = HT_THOMPSON,
                                      .arms = ARMS,
                                      .values = factors,
                                      .seed = seed * STATES + (uint64_t)i,
                                      .low = CHEAPEST};
        p->of[i] = ht_bandit_open(ht, &o);
        all &= p->of[i] != NULL;
    }
    return all;
}

void policy_close(struct policy *p)
{
    for (int i = 0; i < STATES; i++)
        ht_bandit_close(p->of[i]);
}

/* log10, not below what double precision can tell from nothing. */
static double log_of(double error)
{
    return log10(fmax(error, 1e-16));
}

/* What an error costs in the reward of step i, times i. */
static double price(double log_error)
{
    return ACCURACY * (log_error + 10) / pow(fabs(log_error), 3);
}

/* 1/i + 1/(i+1) + ... over the steps that are rewarded: the first is not. */
static double remaining(int i)
{
    double sum = 0;
    for (int k = i < 2 ? 2 : i; k <= ORBIT_STEPS; k++)
        sum += 1.0 / k;
    return sum;
}

struct flight fly(uint32_t seed, struct policy *p, double fixed)
{
    struct orbit o;
    struct flight out = {0};
    double before = 0, log_error = -16, total = 0;
    orbit_start(&o, seed);
    while (out.length < ORBIT_STEPS) {
        int i = ++out.length;
        ht_bandit *bandit = p ? p->of[state_of(i, log_error, orbit_meeting(&o))] : NULL;
        double factor = bandit ? ht_bandit_value(bandit, ht_bandit_choose(bandit, NULL)) : fixed;
        double error = orbit_advance(&o, factor), speed = i > 1 ? SPEED / fabs(log10(factor)) : 0;
        log_error = log_of(error);
        double now = price(log_error);
        total += i > 1 ? speed - now / i : 0;
        if (bandit)
            ht_bandit_reward(bandit, fmin((now - before) * remaining(i) - speed, DISASTER));
        before = now;
        if (!(error <= HOPELESS))
            break;
    }
    out.reward = total / out.length;
    out.error = log_error;
    out.steps = o.steps;
    return out;
}
