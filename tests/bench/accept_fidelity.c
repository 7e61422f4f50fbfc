/* A17: the bracket table of R = 81, eta = 3, and ASHA, BOHB and DEHB against random search at equal budget on CountingOnes with 8
 * choices and 8 numbers (S. Falkner et al. 2018). JSON lines beside the reference; exit status 0 when all hold. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/bracket.h"
#include "tune/tuner.h"

#define HALF      8
#define MAX_STEPS 81
#define RUNS      60 /* full runs' worth of steps for everybody */

static bool table(void)
{
    static const int want[2][5][5] = {{{5}, {6, 2}, {9, 3, 1}, {27, 9, 3, 1}, {81, 27, 9, 3, 1}},
                                      {{5}, {8, 2}, {15, 5, 1}, {34, 11, 3, 1}, {81, 27, 9, 3, 1}}};
    bool all = true;
    for (int rule = 0; rule < 2; rule++)
        for (int s = 4; s >= 0; s--) {
            struct bracket_plan p = {.eta = 3, .min = 1, .max = 81, .ceil = rule == 1};
            int n[STAGES_MAX];
            bool ok = bracket_plan_check(&p, "A17", NULL) == 0;
            bracket_sizes(&p, s, n);
            printf("{\"accept\":\"A17\",\"rule\":\"%s\",\"s\":%d,\"trials\":[", rule ? "jmlr" : "hpbandster", s);
            for (int j = 0; j <= s; j++)
                printf("%s%d", j ? "," : "", n[j]);
            printf("],\"reference\":[");
            for (int j = 0; j <= s; j++) {
                printf("%s%d", j ? "," : "", want[rule][s][j]);
                ok &= n[j] == want[rule][s][j];
            }
            printf("],\"ok\":%s}\n", ok ? "true" : "false");
            all &= ok;
        }
    return all;
}

static struct space *ones(void)
{
    struct space *s = space_new();
    for (int i = 0; i < 2 * HALF; i++) {
        char name[8];
        snprintf(name, sizeof name, "%c%d", i < HALF ? 'c' : 'x', i % HALF);
        struct param *p = space_add(s, name);
        struct tune_value v[2] = {tune_int(0), tune_int(1)};
        p->type = i < HALF ? PARAM_CATEGORICAL : PARAM_FLOAT;
        if (i < HALF)
            param_set_choices(p, v, 2);
        else
            p->high = 1;
    }
    return space_finish(s, NULL) == 0 ? s : NULL;
}

/* -(number of ones + mean of `budget` draws of each Bernoulli(x)); the best is -16. */
static double measured(const double *x, int64_t budget, struct rng *world)
{
    double f = 0;
    for (int i = 0; i < HALF; i++) {
        int64_t hits = 0;
        for (int64_t b = 0; b < budget; b++)
            hits += rng_unit(world) < x[HALF + i];
        f -= x[i] + (double)hits / (double)budget;
    }
    return f;
}

static double truth(const double *x)
{
    double f = 0;
    for (int i = 0; i < 2 * HALF; i++)
        f -= x[i];
    return f;
}

/* True value of the trial that measured best at the largest budget it got, larger budgets first. */
struct incumbent {
    int64_t steps;
    double measured, truth;
};

static double play(const char *sampler, const char *stopper, bool promote, uint64_t seed)
{
    struct tuner_kv kv[] = {{"max_resource", MAX_STEPS}, {"promote", promote}, {NULL, 0}};
    if (!promote)
        kv[1] = (struct tuner_kv){NULL, 0};
    struct tuner_setup setup = {.space = ones(), .sampler = sampler, .stopper = stopper, .seed = seed, .budget = -1,
                                .sampler_options = strcmp(sampler, "random") ? kv : NULL, .stopper_options = stopper ? kv : NULL};
    char *cause = NULL;
    struct tuner *t = tuner_new(&setup, &cause);
    struct incumbent best = {0, 1, 1};
    struct rng world;
    double x[2 * HALF];
    struct proposal p = {.dna = x};
    int64_t used = 0, next = 0;
    if (!t) {
        fprintf(stderr, "%s\n", cause);
        exit(1);
    }
    rng_seed_stream(&world, seed, 17);
    while (used < RUNS * MAX_STEPS && tuner_ask(t, next, &p, NULL) == 0) {
        int64_t id = p.resume >= 0 ? p.resume : next++;
        int64_t from = tuner_history(t)->trials[history_find(tuner_history(t), id)].step, to = p.steps > 0 ? p.steps : MAX_STEPS;
        double y = measured(x, to, &world);
        struct tell_result r;
        used += to - (from > 0 ? from : 0);
        tuner_tell(t, id, to, y, to >= MAX_STEPS, &r, NULL);
        if (to > best.steps || (to == best.steps && y < best.measured))
            best = (struct incumbent){to, y, truth(x)};
    }
    tuner_free(t);
    return best.truth + 2 * HALF; /* regret */
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *sampler, *stopper;
        bool promote;
    } entrants[] = {{"random", "random", NULL, false},
                    {"asha", "random", "asha", true},
                    {"hyperband", "random", "hyperband", false},
                    {"bohb", "bohb", NULL, false},
                    {"dehb", "dehb", NULL, false}};
    int reps = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 30;
    bool good = table();
    double random = 0, random_var = 0;
    for (size_t e = 0; e < sizeof entrants / sizeof *entrants; e++) {
        double sum = 0, sq = 0;
        for (int r = 0; r < reps; r++) {
            double regret = play(entrants[e].sampler, entrants[e].stopper, entrants[e].promote, (uint64_t)r);
            sum += regret;
            sq += regret * regret;
        }
        double mean = sum / reps, var = (sq / reps - mean * mean) / (reps - 1);
        if (e == 0) {
            random = mean;
            random_var = var;
        }
        bool ok = e == 0 || mean + 2 * sqrt(var + random_var) < random; /* better by two standard errors */
        printf("{\"accept\":\"A17\",\"problem\":\"counting_ones_8_8\",\"full_runs\":%d,\"entrant\":\"%s\",\"regret\":%.3f,"
               "\"standard_error\":%.3f,\"random\":%.3f,\"ok\":%s}\n",
               RUNS, entrants[e].name, mean, sqrt(var), random, ok ? "true" : "false");
        fflush(stdout);
        good &= ok;
    }
    return good ? 0 : 1;
}
