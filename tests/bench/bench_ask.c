/* bench_ask: what an ask costs: milliseconds per ask of every tuner in 6-D with 100, 1,000 and 5,000 finished
 * trials in the history, each ask followed by a tell (so that models are stale every time); and nanoseconds
 * per choose and learn of the in-process bandits with 20 arms. One JSON object per line. Arguments:
 * [TUNER...]. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "tune/bandit.h"
#include "tune/tuner.h"

static struct space *six(void)
{
    struct space *s = space_new();
    for (int i = 0; i < 6; i++) {
        char name[8];
        snprintf(name, sizeof name, "x%d", i);
        struct param *p = space_add(s, name);
        p->type = PARAM_FLOAT;
        p->prior = i % 2 ? PRIOR_LOG : PRIOR_UNIFORM;
        p->low = i % 2 ? 1e-4 : 0;
        p->high = 1;
    }
    space_finish(s, NULL);
    return s;
}

static double objective(const double *u)
{
    double f = 0;
    for (int i = 0; i < 6; i++)
        f += (u[i] - 0.3) * (u[i] - 0.3);
    return f;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *bench, const char *unit, double *v, int n, int observations)
{
    struct buf b = {0};
    struct json_out j;
    qsort(v, (size_t)n, sizeof *v, by_value);
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "bench");
    jw_str(&j, bench);
    jw_key(&j, "unit");
    jw_str(&j, unit);
    jw_key(&j, "median");
    jw_double(&j, v[n / 2]);
    jw_key(&j, "p99");
    jw_double(&j, v[n * 99 / 100]);
    if (observations) {
        jw_key(&j, "observations");
        jw_int(&j, observations);
    }
    jw_object_end(&j);
    puts(buf_cstr(&b));
    fflush(stdout);
    buf_release(&b);
}

/* Trials from the prior, told before the clock runs. */
static void fill(struct tuner *t, int n)
{
    double dna[6];
    struct rng g;
    struct tell_result r;
    rng_seed(&g, 7);
    for (int i = 0; i < n; i++) {
        space_sample(tuner_space(t), &g, dna);
        tuner_adopt(t, i, dna, "bench", NULL);
        tuner_tell(t, i, -1, objective(dna), true, &r, NULL);
    }
}

static void ask(const struct tuner_ops *ops, int observations)
{
    enum { ASKS = 40 };
    double ms[ASKS], dna[6], spent = 0;
    struct tuner_setup setup = {.space = six(), .sampler = ops->name, .seed = 1, .budget = -1};
    struct tuner *t = tuner_new(&setup, NULL);
    char bench[64];
    int n = 0;
    if (!t) { /* a grid of continuous parameters */
        space_free(setup.space);
        return;
    }
    fill(t, observations);
    for (; n < ASKS && spent < 5000; n++) {
        struct proposal p = {.dna = dna};
        struct tell_result r;
        int64_t from = clock_mono_ns();
        tuner_ask(t, 100000 + n, &p, NULL);
        ms[n] = (double)(clock_mono_ns() - from) * 1e-6;
        spent += ms[n];
        tuner_tell(t, 100000 + n, -1, objective(dna), true, &r, NULL);
    }
    snprintf(bench, sizeof bench, "ask_%s", ops->name);
    report(bench, "ms", ms, n, observations);
    tuner_free(t);
}

static void choose(enum bandit_algorithm a)
{
    enum { ROUNDS = 60, EACH = 500 };
    double ns[ROUNDS];
    struct bandit b;
    struct rng g;
    char bench[64];
    if (bandit_init(&b, a, 20, 1, 0) < 0)
        return;
    rng_seed(&g, 7);
    for (int r = 0; r < ROUNDS; r++) {
        int64_t from = clock_mono_ns();
        for (int t = 0; t < EACH; t++) {
            struct bandit_pull pull;
            bandit_choose(&b, &g, &pull);
            bandit_learn(&b, &pull, 50 + 10 * abs(pull.arm - 13) + 20 * rng_unit(&g));
        }
        ns[r] = (double)(clock_mono_ns() - from) / EACH;
    }
    snprintf(bench, sizeof bench, a == BANDIT_TSALLIS_INF ? "bandit_choose" : "bandit_choose_%s",
             bandit_name(a));
    report(bench, "ns", ns, ROUNDS, 0);
    bandit_release(&b);
}

static bool wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], name))
            return true;
    return argc < 2;
}

int main(int argc, char **argv)
{
    static const int sizes[] = {100, 1000, 5000};
    for (int a = 0; tuner_list[a]; a++)
        for (int k = 0; k < 3; k++)
            if (tuner_list[a]->propose && wanted(argc, argv, tuner_list[a]->name))
                ask(tuner_list[a], sizes[k]);
    for (int a = 0; a < BANDIT_COUNT && argc < 2; a++)
        choose((enum bandit_algorithm)a);
    return 0;
}
