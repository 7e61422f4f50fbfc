/* accept_replicates: acceptance measurement A15: tuning on one seed overfits that seed. The gap between the score that was tuned on and
 * the score of the same configuration on test seeds, for the same number of runs: every trial with one tuning seed, every trial with
 * five, and as the tuner decides (replicates: auto); and that test seeds among the tuning seeds are refused.
 *
 * The landscape: a bowl in three parameters plus, for each seed, a landscape of its own (random Fourier features, smooth enough to be
 * exploited) and a value by chance. What a configuration is really worth is known: the bowl. Scores are losses, so the gap is
 * test minus tuning. Arguments: [REPETITIONS], 60. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "hub/sweepfile.h"
#include "tune/tuner.h"

enum { DIMS = 3, FEATURES = 12, RUNS = 100, TUNING = 5, TEST = 20 };

static const struct noise {
    const char *name;
    double own, chance; /* deviation of a seed's own landscape, and of what is left to chance */
} noises[] = {{"none", 0, 0}, {"low", 0.02, 0.02}, {"high", 0.15, 0.1}, {"chance", 0, 0.2}};

static double bowl(const double *x)
{
    static const double best[DIMS] = {0.3, 0.7, 0.55};
    double d = 0;
    for (int i = 0; i < DIMS; i++)
        d += (x[i] - best[i]) * (x[i] - best[i]) * (1 + i);
    return d;
}

/* What a configuration reaches with one seed: the same each time. */
static double run(const struct noise *z, const double *x, uint64_t world, int seed)
{
    struct rng r;
    double own = 0;
    rng_seed(&r, world * 1000 + (uint64_t)seed);
    for (int f = 0; f < FEATURES; f++) {
        double phase = rng_unit(&r) * 2 * M_PI;
        for (int i = 0; i < DIMS; i++)
            phase += rng_normal(&r) * 5 * x[i];
        own += cos(phase) * sqrt(2.0 / FEATURES);
    }
    uint64_t mixed = world * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)seed;
    for (int i = 0; i < DIMS; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        mixed = (mixed ^ bits) * UINT64_C(0xd6e8feb86659fd93);
        mixed ^= mixed >> 32;
    }
    rng_seed(&r, mixed);
    return bowl(x) + z->own * own + z->chance * rng_normal(&r);
}

static struct space *cube(void)
{
    static const char *const names[DIMS] = {"x", "y", "z"};
    struct space *s = space_new();
    for (int i = 0; i < DIMS; i++) {
        struct param *p = space_add(s, names[i]);
        p->type = PARAM_FLOAT;
        p->high = 1;
    }
    if (space_finish(s, NULL) < 0)
        exit(1);
    return s;
}

struct outcome {
    double tuned, test, real; /* score of the incumbent: as tuned, on the test seeds, without noise */
    int trials, runs, seeds;  /* seeds: values behind the incumbent */
};

enum how { ONE, FIVE, AUTO };

static struct outcome play(const struct noise *z, enum how how, const char *sampler, uint64_t world)
{
    struct tuner_setup setup = {.space = cube(),
                                .sampler = sampler,
                                .seed = world,
                                .budget = how == FIVE ? RUNS / TUNING : RUNS,
                                .replicates = how == AUTO ? TUNING : 0};
    char *cause = NULL;
    struct tuner *t = tuner_new(&setup, &cause);
    double dna[DIMS];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    struct outcome o = {.runs = 0};
    if (!t) {
        fprintf(stderr, "accept_replicates: %s\n", cause);
        exit(1);
    }
    while (tuner_ask(t, o.trials, &p, NULL) == 0) {
        double y = 0;
        int n = how == FIVE ? TUNING : 1;
        for (int k = 0; k < n; k++, o.runs++)
            y += run(z, dna, world, p.replicate >= 0 ? p.seed_index : k) / n;
        tuner_tell(t, p.replicate >= 0 ? p.replicate : o.trials++, -1, y, true, &r, NULL);
    }
    int64_t best;
    tuner_best(t, &best, &o.tuned);
    const struct history_trial *h = &tuner_history(t)->trials[history_find(tuner_history(t), best)];
    o.seeds = how == FIVE ? TUNING : h->repeats ? h->n_repeats : 1;
    for (int k = 0; k < TEST; k++)
        o.test += run(z, h->dna, world, 100 + k) / TEST;
    o.real = bowl(h->dna);
    tuner_free(t);
    return o;
}

/* Test seeds among the tuning seeds are an error with its place. */
static bool refuses_overlap(void)
{
    static const char yaml[] = "parameters: {x: {min: 0.0, max: 1.0}}\nhypertop: {seeds: [1, 2, 3], replicates: auto, test_seeds: [3, 4]}\n";
    struct sweepfile f;
    char *cause = NULL;
    int rc = sweepfile_parse(&f, yaml, strlen(yaml), "sweep.yaml", &cause);
    printf("{\"accept\":\"A15\",\"what\":\"a test seed that is a tuning seed\",\"refused\":%s,\"says\":\"%s\"}\n",
           rc < 0 ? "true" : "false", cause ? cause : "");
    if (rc == 0)
        sweepfile_release(&f);
    free(cause);
    return rc < 0;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {[ONE] = "1 seed", [FIVE] = "5 seeds", [AUTO] = "auto"};
    static const char *const samplers[] = {"random", "tpe"};
    int repetitions = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 60;
    bool ok = refuses_overlap();
    if (repetitions < 2)
        return 2;
    for (size_t z = 0; z < sizeof noises / sizeof *noises; z++)
        for (size_t a = 0; a < sizeof samplers / sizeof *samplers; a++) {
            double gap[3], real[3];
            for (int how = ONE; how <= AUTO; how++) {
                double sum = 0, squares = 0, trials = 0, seeds = 0, worth = 0, test = 0;
                for (int w = 0; w < repetitions; w++) {
                    struct outcome o = play(&noises[z], (enum how)how, samplers[a], (uint64_t)w + 1);
                    double g = o.test - o.tuned;
                    sum += g / repetitions;
                    squares += g * g / repetitions;
                    trials += (double)o.trials / repetitions;
                    seeds += (double)o.seeds / repetitions;
                    worth += o.real / repetitions;
                    test += o.test / repetitions;
                }
                gap[how] = sum;
                real[how] = worth;
                printf("{\"accept\":\"A15\",\"noise\":\"%s\",\"sampler\":\"%s\",\"tuned_on\":\"%s\",\"runs\":%d,\"trials\":%.1f,"
                       "\"values_of_incumbent\":%.2f,\"gap\":%.4f,\"se\":%.4f,\"test\":%.4f,\"real\":%.4f}\n",
                       noises[z].name, samplers[a], names[how], RUNS, trials, seeds, sum,
                       sqrt(fmax(squares - sum * sum, 0) / repetitions), test, worth);
            }
            bool noisy = noises[z].own + noises[z].chance > 0.1;
            bool good = !noisy || (gap[ONE] > gap[FIVE] && gap[ONE] > gap[AUTO] && real[AUTO] < real[ONE]);
            ok &= good;
        }
    printf("{\"accept\":\"A15\",\"what\":\"gap with 1 tuning seed > gap with 5, and > auto at the same number of runs\",\"ok\":%s}\n",
           ok ? "true" : "false");
    return !ok;
}
