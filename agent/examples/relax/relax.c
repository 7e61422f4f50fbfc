/* relax: Learning to Relax as a trial of a hypertop sweep, and as a check of its published numbers.
 *
 * A long sequence of related linear systems is solved; before each solve an in-process bandit chooses the relaxation
 * factor, and is told the iterations it cost. Every pull with its propensity goes to the hub, bans and pins come back.
 *
 *   relax            run the experiment that the sweep's parameters name
 *   relax --table    iteration counts for b = 1 at tolerance 1e-8 (exact integers)
 *   relax --accept   20 repetitions of experiment A beside the reference totals; exit 1 when one is over 2 % off
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hypertop.h"
#include "heat.h"
#include "sor.h"

enum { ARMS = 20, ACCEPT_REPS = 20, ACCEPT_ROUNDS = 5000, HEAT_NX = 50, HEAT_SHARE = 25, REPORT_EVERY = 100 };

static const char *const experiments[] = {"sor-high", "sor-low", "heat"};
static const char *const algorithms[] = {"tsallis-inf", "tsallis-inf-rv", "ucb1", "kl-ucb", "thompson", "exp3"};
static const enum ht_algorithm algorithm_ids[] = {HT_TSALLIS_INF, HT_TSALLIS_INF_RV, HT_UCB1,
                                                  HT_KL_UCB,      HT_THOMPSON,       HT_EXP3};
/* Beta parameters of the diagonal shift: high and low variance. */
static const double shift_beta[2][2] = {{0.5, 1.5}, {2, 6}};

static int index_of(const char *const *list, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return i;
    return 0;
}

static ht_bandit *open_bandit(ht_agent *ht, enum ht_algorithm algorithm, uint64_t seed, double top)
{
    static double omega[ARMS];
    for (int i = 0; i < ARMS; i++)
        omega[i] = 1 + (top - 1) * i / (ARMS - 1);
    struct ht_bandit_options o = {.size = sizeof o, .name = "omega", .algorithm = algorithm, .arms = ARMS,
                                  .values = omega, .seed = seed, .low = 1};
    return ht_bandit_open(ht, &o);
}

/* One solve of the sequence with the chosen factor. */
struct problem {
    int experiment;
    struct rng rng;
    struct heat *heat;
};

static int solve(struct problem *p, double omega)
{
    if (p->experiment == 2)
        return heat_step(p->heat, omega);
    double b[SOR_N], shift = sor_draw(&p->rng, shift_beta[p->experiment][0], shift_beta[p->experiment][1], b);
    return sor_solve(shift, b, omega, 1e-8);
}

/* Reports the mean cost; true when the trial should end. A hub's words (bans, pins, stop) arrive in ht_poll. */
static int report(ht_agent *ht, int64_t t, double total)
{
    return t % REPORT_EVERY == 0 && ht_report(ht, t, total / (double)t) != HT_CONTINUE;
}

static int run_trial(ht_agent *ht)
{
    struct problem p = {.experiment = index_of(experiments, 3, ht_choice(ht, "experiment", experiments, 3, 0))};
    int algorithm = index_of(algorithms, 6, ht_choice(ht, "algorithm", algorithms, 6, 0));
    int64_t rounds = ht_int(ht, "rounds", 1, 100000000, 0);
    uint64_t seed = (uint64_t)ht_seed(ht, 1);
    rng_seed(&p.rng, seed);
    if (p.experiment == 2) {
        rounds = rounds / HEAT_SHARE + 1; /* a step of the heat equation costs about as much as 25 SOR solves */
        p.heat = heat_new(HEAT_NX);
    }
    ht_bandit *bandit = open_bandit(ht, algorithm_ids[algorithm], seed + 1, 1.95);
    if (!bandit || (p.experiment == 2 && !p.heat)) {
        fprintf(stderr, "relax: out of memory\n");
        return 1;
    }
    double total = 0;
    int64_t t;
    for (t = 1; t <= rounds; t++) {
        int arm = ht_bandit_choose(bandit, NULL);
        int cost = solve(&p, ht_bandit_value(bandit, arm));
        ht_bandit_reward(bandit, cost);
        total += cost;
        ht_log(ht, "iterations", t, cost);
        ht_log(ht, "omega", t, ht_bandit_value(bandit, arm));
        if (report(ht, t, total) || ht_poll(ht, NULL) != HT_CONTINUE)
            break;
    }
    if (t > rounds && rounds % REPORT_EVERY != 0)
        ht_report(ht, rounds, total / (double)rounds);
    printf("%s with %s: %.0f iterations in %lld solves, %.2f a solve\n", experiments[p.experiment],
           algorithms[algorithm], total, (long long)(t > rounds ? rounds : t), total / (double)(t > rounds ? rounds : t));
    ht_bandit_close(bandit);
    heat_free(p.heat);
    return 0;
}

static int print_table(void)
{
    static const double shifts[] = {-0.15, 0, 0.15, 0.45}, omegas[] = {1, 1.2, 1.4, 1.5, 1.6, 1.8, 1.9, 1.95};
    double b[SOR_N];
    for (int i = 0; i < SOR_N; i++)
        b[i] = 1;
    for (int s = 0; s < 4; s++) {
        double best = sor_optimal(shifts[s]);
        printf("shift %5.2f  optimal %.6f %d ", shifts[s], best, sor_solve(shifts[s], b, best, 1e-8));
        for (int o = 0; o < 8; o++)
            printf(" %.2f:%d", omegas[o], sor_solve(shifts[s], b, omegas[o], 1e-8));
        printf("\n");
    }
    return 0;
}

static double one_repetition(int variance, enum ht_algorithm algorithm, uint64_t seed)
{
    struct problem p = {.experiment = variance};
    rng_seed(&p.rng, seed);
    ht_bandit *bandit = open_bandit(NULL, algorithm, seed + 1000, 1.95);
    double total = 0;
    for (int t = 0; bandit && t < ACCEPT_ROUNDS; t++) {
        int cost = solve(&p, ht_bandit_value(bandit, ht_bandit_choose(bandit, NULL)));
        ht_bandit_reward(bandit, cost);
        total += cost;
    }
    ht_bandit_close(bandit);
    return total;
}

/* Mean totals of an independent implementation over 40 repetitions: ours must lie within 2 %. */
static int accept(void)
{
    static const struct {
        const char *name;
        enum ht_algorithm algorithm;
        double reference[2];
    } rows[] = {{"Tsallis-INF IW", HT_TSALLIS_INF, {603193, 335071}},
                {"Tsallis-INF RV", HT_TSALLIS_INF_RV, {592747, 327736}}};
    int bad = 0;
    printf("%-16s %-5s %12s %10s %12s %8s\n", "policy", "var", "mean total", "std error", "reference", "off");
    for (int r = 0; r < 2; r++)
        for (int v = 0; v < 2; v++) {
            double sum = 0, sq = 0;
            for (int k = 0; k < ACCEPT_REPS; k++) {
                double total = one_repetition(v, rows[r].algorithm, (uint64_t)(k + 1));
                sum += total;
                sq += total * total;
            }
            double mean = sum / ACCEPT_REPS, var = (sq / ACCEPT_REPS - mean * mean) / (ACCEPT_REPS - 1);
            double off = mean / rows[r].reference[v] - 1;
            printf("%-16s %-5s %12.0f %10.0f %12.0f %+7.2f%%\n", rows[r].name, v ? "low" : "high", mean,
                   sqrt(fmax(var, 0)), rows[r].reference[v], 100 * off);
            bad += fabs(off) > 0.02;
        }
    printf(bad ? "accept-relax: %d of 4 means are more than 2 %% off\n" : "accept-relax: all within 2 %%\n", bad);
    return bad != 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--table") == 0)
        return print_table();
    if (argc == 2 && strcmp(argv[1], "--accept") == 0)
        return accept();
    if (argc > 1) {
        fprintf(stderr, "relax: unknown argument %s; usage: relax [--table | --accept]\n", argv[1]);
        return 2;
    }
    struct ht_options opts = {.size = sizeof opts, .program = "relax"};
    ht_agent *ht = ht_open(&opts);
    int status = run_trial(ht);
    ht_close(ht);
    return status;
}
