/* accept_winners: acceptance measurement A11. Conformal selection on the two simulated settings of the method's
 * authors (twenty inputs, null: y <= 0): mean share of wrong picks (FDP) and of winners found (power) for
 * Benjamini-Hochberg with one predictor fixed beforehand, for OptCS over all predictors, for a split baseline
 * that spends half of the examples on choosing one, and for the naive way of choosing and calibrating on
 * the same examples. Fails when a method with a guarantee exceeds q by more than two standard errors, or OptCS
 * has less power than the split. Argument: [REPETITIONS], 100. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tune/conformal.h"
#include "tune/predictors.h"

#define D 20
#define N 300 /* examples and candidates alike */
#define NOISE 1.0

enum method { FIXED, OPTIMIZED, SPLIT, NAIVE, METHODS };
static const char *const method_name[METHODS] = {"bh_fixed", "optcs", "split", "naive"};

static double truth(int setting, const double *x)
{
    if (setting == 2)
        return 2 * (x[0] * x[1] + x[2] * x[2] + exp(x[3] - 1) - 1);
    bool same = x[0] * x[1] > 0;
    return same ? (x[3] > 0.5) * (0.25 + x[3]) : (x[3] < -0.5) * (x[3] - 0.25);
}

static void draw(struct rng *rng, int setting, int n, double *x, double *y)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < D; j++)
            x[i * D + j] = 2 * rng_unit(rng) - 1;
        y[i] = truth(setting, x + i * D) + NOISE * (setting == 2 ? 1.5 : 1) * 0.5 * rng_normal(rng);
    }
}

/* The predictor that selects most with these examples. */
static int most_selecting(const struct conformal *c, struct rng *rng)
{
    bool *selected = mem_zero((size_t)c->m, sizeof *selected);
    int best = 0, most = -1;
    for (int k = 0; k < c->models; k++) {
        int n = conformal_select(c, k, rng, selected);
        if (n > most) {
            most = n;
            best = k;
        }
    }
    free(selected);
    return best;
}

/* The same problem with a part of the examples. */
static struct conformal part(const struct conformal *c, int from, int n, double *predicted)
{
    struct conformal h = *c;
    for (int k = 0; k < c->models; k++)
        for (int i = 0; i < n; i++)
            predicted[k * n + i] = c->predicted[k * c->n + from + i];
    h.n = n;
    h.y = c->y + from;
    h.predicted = predicted;
    return h;
}

static void apply(enum method how, const struct conformal *c, struct rng *rng, bool *selected)
{
    double *half = mem_zero((size_t)(c->models * c->n), sizeof *half);
    if (how == FIXED) {
        conformal_select(c, PREDICTORS - 1, rng, selected);
    } else if (how == OPTIMIZED) {
        conformal_optimized(c, rng, selected, NULL);
    } else if (how == NAIVE) {
        conformal_select(c, most_selecting(c, rng), rng, selected);
    } else {
        struct conformal first = part(c, 0, c->n / 2, half);
        int k = most_selecting(&first, rng);
        struct conformal second = part(c, c->n / 2, c->n - c->n / 2, half);
        conformal_select(&second, k, rng, selected);
    }
    free(half);
}

struct score {
    double fdp[METHODS], fdp2[METHODS], power[METHODS];
};

static void one(int setting, double q, uint64_t seed, struct score *s)
{
    static double train[N * D], x[N * D], z[N * D], yt[N], y[N], w[N], px[PREDICTORS * N], pz[PREDICTORS * N];
    bool selected[N];
    struct rng rng;
    rng_seed_stream(&rng, seed, (uint64_t)setting);
    draw(&rng, setting, N, train, yt);
    draw(&rng, setting, N, x, y);
    draw(&rng, setting, N, z, w);
    struct predictors *p = predictors_fit(train, yt, N, D);
    for (int k = 0; k < PREDICTORS; k++)
        for (int i = 0; i < N; i++) {
            px[k * N + i] = predictors_predict(p, k, x + i * D);
            pz[k * N + i] = predictors_predict(p, k, z + i * D);
        }
    predictors_free(p);
    struct conformal c = {N, N, PREDICTORS, y, 0, q, px, pz};
    for (int how = 0; how < METHODS; how++) {
        int picked = 0, wrong = 0, winners = 0;
        apply((enum method)how, &c, &rng, selected);
        for (int j = 0; j < N; j++) {
            picked += selected[j];
            wrong += selected[j] && w[j] <= 0;
            winners += w[j] > 0;
        }
        double fdp = picked ? (double)wrong / picked : 0;
        s->fdp[how] += fdp;
        s->fdp2[how] += fdp * fdp;
        s->power[how] += winners ? (double)(picked - wrong) / winners : 0;
    }
}

int main(int argc, char **argv)
{
    int reps = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 100;
    static const double levels[] = {0.2, 0.3, 0.4, 0.5};
    bool good = reps > 1;
    for (int setting = 1; setting <= 2; setting++)
        for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
            struct score s = {{0}, {0}, {0}};
            for (int r = 0; r < reps; r++)
                one(setting, levels[l], (uint64_t)r + 1, &s);
            for (int how = 0; how < METHODS; how++) {
                double mean = s.fdp[how] / reps, var = s.fdp2[how] / reps - mean * mean;
                double se = sqrt(fmax(var, 0) / reps);
                bool ok = how == NAIVE || mean <= levels[l] + 2 * se;
                good &= ok;
                printf("{\"accept\":\"A11\",\"setting\":%d,\"method\":\"%s\",\"q\":%g,\"fdp\":%.4f,\"se\":%.4f,"
                       "\"power\":%.4f,\"repetitions\":%d,\"ok\":%s}\n",
                       setting, method_name[how], levels[l], mean, se, s.power[how] / reps, reps,
                       ok ? "true" : "false");
            }
            if (s.power[OPTIMIZED] < s.power[SPLIT])
                good = false;
        }
    return good ? 0 : 1;
}
