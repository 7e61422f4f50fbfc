/* conformal: which candidates beat a threshold, with the share of wrong picks (false discovery rate) held below q.
 *
 * Labelled examples (finished trials) calibrate the predictions of unlabelled candidates (trials seen at low
 * fidelity only). The guarantee is exact when examples and candidates are exchangeable and the predictors were
 * fitted on other data; it needs no assumption on how good they are. Pure; chance comes in as an argument.
 *
 * Sources: Jin and Candes, "Selection by prediction with conformal p-values" (JMLR 2023): clipped scores,
 * Benjamini-Hochberg. Bai and Jin, "Optimized conformal selection" (2024): OptCS with e-BH and homogeneous
 * pruning, for a choice among several predictors. */
#ifndef TUNE_CONFORMAL_H
#define TUNE_CONFORMAL_H

#include <stdbool.h>

#include "base/rng.h"

struct conformal {
    int n, m, models;        /* examples, candidates, predictors */
    const double *y;         /* n labels; larger is better */
    double threshold;        /* a winner has y > threshold */
    double q;                /* allowed false discovery rate, 0 < q < 1 */
    const double *predicted; /* models x n: of the examples */
    const double *candidate; /* models x m: of the candidates */
};

/* Conformal p-values of the candidates under one predictor, ties broken by chance. */
void conformal_p(const struct conformal *c, int model, struct rng *rng, double *p);
/* Benjamini-Hochberg: marks the selected among m p-values, returns how many. */
int conformal_bh(const double *p, int m, double q, bool *selected);
/* Conformal selection with one predictor fixed beforehand. Returns how many are selected. */
int conformal_select(const struct conformal *c, int model, struct rng *rng, bool *selected);
/* OptCS: each candidate chooses the predictor that selects most without it. e (m entries) may be NULL. Costs
 * models x m x (m + log n). Returns how many are selected. */
int conformal_optimized(const struct conformal *c, struct rng *rng, bool *selected, double *e);

#endif
