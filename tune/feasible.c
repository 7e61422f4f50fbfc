/* feasible: see feasible.h. */
#include "tune/feasible.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/forest.h"

#define ENDED_MIN    8
#define TRIALS_MAX   600 /* the newest are learned from */
#define TREES        40
#define CHANCE_LEAST 0.01 /* nothing is ruled out for good */

struct feasible {
    struct forest *forest;
    double share; /* of trials that did not fail */
    double *x;    /* scratch */
};

struct feasible *feasible_learn(const struct space *s, const struct history *h)
{
    int n = 0, failed = 0;
    if (h->failed == 0 || h->done + h->pruned + h->failed < ENDED_MIN)
        return NULL;
    double *dna = mem_zero((size_t)TRIALS_MAX * (size_t)s->n, sizeof *dna), *y = mem_zero(TRIALS_MAX, sizeof *y);
    for (int i = h->n - 1; i >= 0 && n < TRIALS_MAX; i--) {
        const struct history_trial *t = &h->trials[i];
        if (t->outside || (t->end != END_DONE && t->end != END_PRUNED && t->end != END_FAILED))
            continue;
        memcpy(dna + (size_t)n * (size_t)s->n, t->dna, (size_t)s->n * sizeof *dna);
        y[n++] = t->end != END_FAILED;
        failed += t->end == END_FAILED;
    }
    struct feasible *f = NULL;
    if (failed > 0 && failed < n) {
        f = MEM_NEW(struct feasible);
        f->share = 1 - (double)failed / n;
        f->forest = forest_new(s, dna, y, n, &(struct forest_options){.trees = TREES, .leaf = 2, .seed = (uint64_t)h->ended});
        f->x = mem_zero((size_t)f->forest->n_features + 1, sizeof *f->x);
    }
    free(dna);
    free(y);
    return f;
}

void feasible_free(struct feasible *f)
{
    if (!f)
        return;
    forest_free(f->forest);
    free(f->x);
    free(f);
}

double feasible_chance(const struct feasible *f, const struct space *s, const double *dna)
{
    if (!f)
        return 1;
    forest_point(f->forest, s, dna, f->x);
    double p = 0.9 * forest_at(f->forest, f->x, NULL) + 0.1 * f->share;
    return p < CHANCE_LEAST ? CHANCE_LEAST : p;
}
