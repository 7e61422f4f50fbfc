/* rungs: values recorded at milestones, and who was stopped there. Shared by the stoppers that halve. */
#ifndef TUNE_RUNGS_H
#define TUNE_RUNGS_H

#include "tune/history.h"

struct rung_value {
    int trial;
    bool stopped;
    double loss;
};

struct rung {
    double resource;
    struct rung_value *values;
    int n;
};

struct rungs {
    struct rung *rung; /* by resource, ascending */
    int n;
};

void rungs_release(struct rungs *r);
void rungs_add(struct rungs *r, double resource); /* appends a rung, resource above the last one */
int rungs_reached(const struct rungs *r, double resource); /* highest rung at or below; -1 none */
struct rung_value *rungs_of(const struct rungs *r, int rung, int trial); /* NULL: not recorded there */
struct rung_value *rungs_record(struct rungs *r, int rung, int trial, double loss);
/* The best share's bound among the values of a rung: quantile `share` of the losses, interpolated. NaN when
 * empty. */
double rungs_quantile(const struct rung *r, double share);
double *rungs_sorted(const struct rung *r); /* its losses, smallest first; caller frees */
int rungs_rows(const struct rungs *r, double share, struct rung_row *rows, int max);
void rungs_pack(const struct rungs *r, struct buf *out);
int rungs_unpack(struct rungs *r, struct unpack *in); /* into rungs of the same resources; -1 damaged */
/* The same of a whole dump; false and a cause. */
bool rungs_restore(struct rungs *r, const uint8_t *p, size_t n, char **cause);

#endif
