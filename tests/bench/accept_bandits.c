/* accept_bandits: acceptance measurement A5. Pseudo-regret of eight Bernoulli arms, one of mean 0.375 and
 * seven of 0.5, after 1,000 and 10,000 rounds, beside the reference numbers of another implementation. Fails
 * when the order of the policies at 10,000 rounds is wrong or a mean differs by more than 15 % plus two
 * standard errors. Argument: [REPETITIONS], 200 as in the reference. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tune/bandit.h"

#define ARMS 8
#define ROUNDS 10000
#define EARLY 1000

static const struct {
    enum bandit_algorithm algorithm;
    double early, late;
} reference[] = {
    {BANDIT_TSALLIS_INF, 81.6, 269}, {BANDIT_TSALLIS_INF_RV, 70.8, 175}, {BANDIT_EXP3, 90.2, 363},
    {BANDIT_UCB1, 94.2, 497},        {BANDIT_KL_UCB, 66.1, 174},         {BANDIT_THOMPSON, 57.6, 110},
};
#define N_REFERENCE (sizeof reference / sizeof *reference)

static double one(enum bandit_algorithm a, uint64_t seed, double *early)
{
    struct bandit b;
    struct rng choice, world;
    double regret = 0;
    bandit_init(&b, a, ARMS, 0, 1);
    rng_seed_stream(&choice, seed, 1);
    rng_seed_stream(&world, seed, 2);
    for (int t = 1; t <= ROUNDS; t++) {
        struct bandit_pull pull;
        bandit_choose(&b, &choice, &pull);
        double mean = pull.arm == 3 ? 0.375 : 0.5;
        regret += mean - 0.375;
        bandit_learn(&b, &pull, rng_unit(&world) < mean);
        if (t == EARLY)
            *early = regret;
    }
    bandit_release(&b);
    return regret;
}

static bool near(double got, double want, double error)
{
    return fabs(got - want) <= 0.15 * want + 2 * error;
}

int main(int argc, char **argv)
{
    int reps = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 200;
    double mean[N_REFERENCE];
    bool good = reps > 1;
    for (size_t k = 0; k < N_REFERENCE && good; k++) {
        double sum = 0, sum2 = 0, early = 0, early2 = 0;
        for (int r = 0; r < reps; r++) {
            double first = 0, all = one(reference[k].algorithm, (uint64_t)r, &first);
            sum += all;
            sum2 += all * all;
            early += first;
            early2 += first * first;
        }
        double m = mean[k] = sum / reps, e = early / reps;
        double se = sqrt((sum2 / reps - m * m) / (reps - 1)),
               se_early = sqrt((early2 / reps - e * e) / (reps - 1));
        bool fits = near(m, reference[k].late, se) && near(e, reference[k].early, se_early);
        printf("{\"accept\":\"A5\",\"policy\":\"%s\",\"regret_1000\":%.1f,\"reference_1000\":%.1f,\"regret_"
               "10000\":%.1f,"
               "\"reference_10000\":%.0f,\"standard_error\":%.1f,\"ok\":%s}\n",
               bandit_name(reference[k].algorithm), e, reference[k].early, m, reference[k].late, se,
               fits ? "true" : "false");
        fflush(stdout);
        good &= fits;
    }
    bool order = good && mean[1] < mean[0] && mean[0] < mean[2] && mean[2] < mean[3];
    printf("{\"accept\":\"A5\",\"order\":\"tsallis_rv < tsallis < exp3 < ucb1\",\"ok\":%s}\n",
           order ? "true" : "false");
    return good && order ? 0 : 1;
}
