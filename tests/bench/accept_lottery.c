/* accept_lottery: acceptance measurement A16, the hyperparameter lottery: on one simulator, how far do a
 * tuner's own settings spread its final reward, and do all tuners come close to each other once each has its
 * best setting?
 *
 * The simulator is an architecture exploration of the kind of ArchGym (Krishnan et al., ISCA 2023): a memory
 * system with lattices, choices and a condition, whose power and latency are traded off; the reward is target
 * / |value - target| of both, multiplied. Settings are ArchGym's grids where a tuner has such a knob.
 * Arguments: [SEEDS], 8. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/tuner.h"

enum { BUDGET = 300 };

struct setting {
    const char *tuner;
    struct tuner_kv kv[3];
};

static const struct setting settings[] = {
    {"random", {{0}}},
    {"ga", {{"population", 4}, {"crossover", 0.9}}},
    {"ga", {{"population", 8}, {"crossover", 0.9}}},
    {"ga", {{"population", 16}, {"crossover", 0.9}}},
    {"ga", {{"population", 64}, {"crossover", 0.9}}},
    {"ga", {{"population", 64}, {"tournament", 1}}},
    {"evolution", {{"population", 10}, {"sample", 2}}},
    {"evolution", {{"population", 20}, {"sample", 8}}},
    {"evolution", {{"population", 100}, {"sample", 25}}},
    {"evolution", {{"population", 250}, {"sample", 1}}},
    {"de", {{"population", 5}, {"factor", 0.5}}},
    {"de", {{"population", 15}, {"factor", 0.5}}},
    {"de", {{"population", 60}, {"factor", 0.5}}},
    {"de", {{"population", 15}, {"factor", 1.5}}},
    {"pso", {{"population", 4}}},
    {"pso", {{"population", 12}}},
    {"pso", {{"population", 64}}},
    {"pso", {{"population", 12}, {"inertia", 0.1}}},
    {"uct", {{"explore", 0.02}}},
    {"uct", {{"explore", 0.2}}},
    {"uct", {{"explore", 1}}},
    {"uct", {{"surrogate", 1}, {"samples", 32}}},
    {"hoo", {{"width", 0.03}}},
    {"hoo", {{"width", 0.1}}},
    {"hoo", {{"width", 1}}},
    {"tpe", {{"startup", 5}}},
    {"tpe", {{"startup", 10}}},
    {"tpe", {{"startup", 200}}},
};
#define N_SETTINGS (sizeof settings / sizeof *settings)

static struct param *lattice(struct space *s, const char *name, double low, double high,
                             enum param_prior prior)
{
    struct param *p = space_add(s, name);
    p->type = PARAM_INT;
    p->prior = prior;
    p->low = low;
    p->high = high;
    p->quantum = 1;
    return p;
}

static struct param *choice(struct space *s, const char *name, int n, const char *const *words)
{
    struct tune_value v[4];
    struct param *p = space_add(s, name);
    p->type = PARAM_CATEGORICAL;
    for (int i = 0; i < n; i++)
        v[i] = tune_string(words[i]);
    param_set_choices(p, v, n);
    for (int i = 0; i < n; i++)
        tune_value_free(&v[i]);
    return p;
}

enum { BANKS, QUEUE, ROWS, PAGE, SCHEDULER, WINDOW, REFRESH, CLOCK };

static struct space *memory_system(void)
{
    static const char *const page[] = {"open", "closed", "adaptive"},
                             *const scheduler[] = {"fifo", "frfcfs", "grouped"},
                             *const refresh[] = {"all", "bank", "none"};
    struct space *s = space_new();
    lattice(s, "banks", 1, 64, PRIOR_LOG);
    lattice(s, "queue", 1, 128, PRIOR_LOG);
    lattice(s, "rows", 1, 32, PRIOR_UNIFORM);
    choice(s, "page", 3, page);
    choice(s, "scheduler", 3, scheduler);
    struct param *p = lattice(s, "window", 1, 64, PRIOR_LOG); /* only a reordering scheduler has one */
    p->parent = SCHEDULER;
    p->when = mem_zero(3, sizeof *p->when);
    p->when[1] = p->when[2] = true;
    choice(s, "refresh", 3, refresh);
    lattice(s, "clock", 4, 40, PRIOR_UNIFORM);
    if (space_finish(s, NULL) < 0)
        exit(1);
    return s;
}

static double value(const struct space *s, const double *dna, int i)
{
    return param_value(&s->params[i], dna[i]);
}

/* Reward of a design: near its targets of 1 W and 0.1 us in both. */
static double reward(const struct space *s, const double *dna)
{
    static const double page_power[] = {1, 0.7, 0.8}, page_time[] = {0.8, 1.15, 0.85},
                        refresh_power[] = {1.1, 1, 0.9}, refresh_time[] = {1.25, 1.05, 1.6};
    double banks = value(s, dna, BANKS), queue = value(s, dna, QUEUE), rows = value(s, dna, ROWS),
           clock = value(s, dna, CLOCK);
    double window = isnan(dna[WINDOW]) ? 1 : value(s, dna, WINDOW);
    double reorder =
        dna[SCHEDULER] == 0 ? 1 : 1 - 0.3 * exp(-pow(log(window / (dna[SCHEDULER] == 1 ? 12 : 5)), 2));
    double power =
        (0.15 + 0.012 * banks + 0.002 * queue + 0.01 * rows + 0.0009 * clock * clock + 0.003 * window) *
        page_power[(int)dna[PAGE]] * refresh_power[(int)dna[REFRESH]];
    double latency = (0.02 + 0.9 / clock) * (0.6 + 2.5 / banks + 0.002 * banks) *
                     (0.7 + 3 / queue + 0.004 * queue) * (0.8 + 1.5 / rows) * reorder *
                     page_time[(int)dna[PAGE]] * refresh_time[(int)dna[REFRESH]];
    double near_power = 1 / (fabs(power - 1) + 0.01), near_latency = 0.1 / (fabs(latency - 0.1) + 0.001);
    return near_power * near_latency;
}

/* log10 of the best reward after the budget. */
static double play(const struct setting *k, uint64_t seed)
{
    struct tuner_setup setup = {.space = memory_system(),
                                .sampler = k->tuner,
                                .sampler_options = k->kv,
                                .seed = seed,
                                .budget = BUDGET,
                                .maximize = true};
    char *cause = NULL;
    struct tuner *t = tuner_new(&setup, &cause);
    double dna[8], best = -INFINITY;
    struct proposal p = {.dna = dna};
    struct tell_result r;
    if (!t) {
        fprintf(stderr, "accept_lottery: %s\n", cause);
        exit(1);
    }
    for (int i = 0; i < BUDGET && tuner_ask(t, i, &p, NULL) == 0; i++) {
        double y = log10(reward(tuner_space(t), dna));
        best = fmax(best, y);
        tuner_tell(t, i, -1, y, true, &r, NULL);
    }
    tuner_free(t);
    return best;
}

int main(int argc, char **argv)
{
    int seeds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 8;
    double top = -INFINITY, tuned_low = INFINITY, tuned_high = -INFINITY, widest = 0;
    double mean[N_SETTINGS];
    if (seeds < 1)
        return 2;
    for (size_t k = 0; k < N_SETTINGS; k++) {
        mean[k] = 0;
        for (int s = 0; s < seeds; s++)
            mean[k] += play(&settings[k], (uint64_t)s) / seeds;
        top = fmax(top, mean[k]);
        printf("{\"accept\":\"A16\",\"tuner\":\"%s\"", settings[k].tuner);
        for (const struct tuner_kv *kv = settings[k].kv; kv->name; kv++)
            printf(",\"%s\":%g", kv->name, kv->value);
        printf(",\"log10_reward\":%.3f}\n", mean[k]);
        fflush(stdout);
    }
    for (size_t from = 0, to; from < N_SETTINGS; from = to) {
        double low = INFINITY, high = -INFINITY;
        for (to = from; to < N_SETTINGS && !strcmp(settings[to].tuner, settings[from].tuner); to++) {
            low = fmin(low, mean[to]);
            high = fmax(high, mean[to]);
        }
        printf("{\"accept\":\"A16\",\"tuner\":\"%s\",\"settings\":%zu,\"worst\":%.3f,\"best\":%.3f,"
               "\"spread\":%.3f}\n",
               settings[from].tuner, to - from, low, high, high - low);
        if (to - from < 2) /* random has nothing to set */
            continue;
        widest = fmax(widest, high - low);
        tuned_low = fmin(tuned_low, high);
        tuned_high = fmax(tuned_high, high);
    }
    /* The published finding: within one tuner the settings matter more than the choice of a tuner does once
     * all are set. */
    bool ok = widest > tuned_high - tuned_low;
    printf("{\"accept\":\"A16\",\"what\":\"spread of settings within a tuner against spread of tuned "
           "tuners\",\"within\":%.3f,"
           "\"between\":%.3f,\"ok\":%s}\n",
           widest, tuned_high - tuned_low, ok ? "true" : "false");
    return !ok;
}
