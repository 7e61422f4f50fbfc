/* relax: Learning to Relax as a trial of a hypertop sweep, and as a check of its published numbers.
 *
 * A long sequence of related linear systems is solved; before each solve an in-process bandit chooses the relaxation
 * factor, and is told the iterations it cost. Every pull with its propensity goes to the hub, bans and pins come back.
 *
 *   relax            run the experiment that the sweep's parameters name
 *   relax --accept [REPETITIONS]   the published numbers beside ours as JSON lines (20); exit 1 when one is off
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"
#include "agent/hypertop.h"
#include "heat.h"
#include "sor.h"

enum { ARMS = 20, ACCEPT_REPS = 20, HEAT_NX = 50, HEAT_SHARE = 25, REPORT_EVERY = 100 };

static const char *const experiments[] = {"sor-high", "sor-low", "heat"};
static const char *const algorithms[] = {"tsallis-inf", "tsallis-inf-rv", "ucb1", "kl-ucb", "thompson", "exp3",
                                         "tsallis-cb", "chebcb"};
static const enum ht_algorithm algorithm_ids[] = {HT_TSALLIS_INF, HT_TSALLIS_INF_RV, HT_UCB1,       HT_KL_UCB,
                                                  HT_THOMPSON,    HT_EXP3,           HT_TSALLIS_CB, HT_CHEB_CB};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };
/* Where the contexts lie: the shift of the diagonal, or the diffusion coefficient. */
static const double context_range[3][2] = {{-0.15, 0.65}, {-0.15, 0.65}, {0, 10}};
/* Beta parameters of the diagonal shift: high and low variance. */
static const double shift_beta[2][2] = {{0.5, 1.5}, {2, 6}};

static int index_of(const char *const *list, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return i;
    return 0;
}

static ht_bandit *open_bandit(ht_agent *ht, enum ht_algorithm algorithm, uint64_t seed, int experiment)
{
    static double omega[ARMS];
    for (int i = 0; i < ARMS; i++)
        omega[i] = 1 + 0.95 * i / (ARMS - 1);
    struct ht_bandit_options o = {.size = sizeof o, .name = "omega", .algorithm = algorithm, .arms = ARMS,
                                  .values = omega, .seed = seed, .low = 1,
                                  .context_low = context_range[experiment][0],
                                  .context_high = context_range[experiment][1]};
    return ht_bandit_open(ht, &o);
}

/* One solve of the sequence with the chosen factor. */
struct problem {
    int experiment;
    struct rng rng;
    struct heat *heat;
    double shift, b[SOR_N]; /* of the system drawn */
};

/* The next system; returns what a contextual policy sees of it. */
static double draw(struct problem *p)
{
    if (p->experiment == 2)
        return heat_context(p->heat);
    p->shift = sor_draw(&p->rng, shift_beta[p->experiment][0], shift_beta[p->experiment][1], p->b);
    return p->shift;
}

static int solve(struct problem *p, double omega)
{
    return p->experiment == 2 ? heat_step(p->heat, omega) : sor_solve(p->shift, p->b, omega, 1e-8);
}

/* Reports the mean cost; true when the trial should end. A hub's words (bans, pins, stop) arrive in ht_poll. */
static int report(ht_agent *ht, int64_t t, double total)
{
    return t % REPORT_EVERY == 0 && ht_report(ht, t, total / (double)t) != HT_CONTINUE;
}

static int run_trial(ht_agent *ht)
{
    struct problem p = {.experiment = index_of(experiments, 3, ht_choice(ht, "experiment", experiments, 3, 0))};
    int algorithm = index_of(algorithms, ALGORITHMS, ht_choice(ht, "algorithm", algorithms, ALGORITHMS, 0));
    int64_t rounds = ht_int(ht, "rounds", 1, 100000000, 0);
    uint64_t seed = (uint64_t)ht_seed(ht, 1);
    rng_seed(&p.rng, seed);
    if (p.experiment == 2) {
        rounds = rounds / HEAT_SHARE + 1; /* a step of the heat equation costs about as much as 25 SOR solves */
        p.heat = heat_new(HEAT_NX);
    }
    ht_bandit *bandit = open_bandit(ht, algorithm_ids[algorithm], seed + 1, p.experiment);
    if (!bandit || (p.experiment == 2 && !p.heat)) {
        fprintf(stderr, "relax: out of memory\n");
        return 1;
    }
    double total = 0;
    int64_t t;
    for (t = 1; t <= rounds; t++) {
        int arm = ht_bandit_choose_in(bandit, draw(&p), NULL);
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

int main(int argc, char **argv)
{
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "--accept") == 0) {
        long reps = argc == 3 ? strtol(argv[2], NULL, 10) : ACCEPT_REPS;
        return accept_all(reps > 0 && reps < 10000 ? (int)reps : ACCEPT_REPS);
    }
    if (argc > 1) {
        fprintf(stderr, "relax: unknown argument %s; usage: relax [--accept [REPETITIONS]]\n", argv[1]);
        return 2;
    }
    struct ht_options opts = {.size = sizeof opts, .program = "relax"};
    ht_agent *ht = ht_open(&opts);
    int status = run_trial(ht);
    ht_close(ht);
    return status;
}
