/* space_parts: what the files of a space share: space.c, space_group.c (choose), space_feasible.c (constraints). */
#ifndef TUNE_SPACE_PARTS_H
#define TUNE_SPACE_PARTS_H

#include "tune/space.h"

void space_draw_prior(const struct space *s, struct rng *rng, double *dna); /* canonical, whatever the constraints say */
double space_canonical(const struct param *p, double x);                    /* the canonical entry of an active parameter */
bool space_condition(const struct space *s, const struct param *p, double parent); /* holds for the parent's entry */
double space_count_below(const struct space *s, int i); /* values of a parameter times what depends on it */

void space_param_copy(struct param *to, const struct param *from, int n_parent); /* n_parent: choices of its parent */
/* This version again from parameters of other ones: conditions follow by name and value; groups, constraints and version are
 * those of `now`. */
struct space_source {
    const struct space *s;
    int i;
};
struct space *space_assemble(const struct space *now, const struct space_source *from, int n, char **cause);
/* The parameter and what depends on it as they were in an older version. */
struct space *space_restore(const struct space *now, int i, const struct space *old, char **cause);

int space_constrain_loosely(struct space *s, const char *text, size_t *at, char **cause); /* texts need not be choices */
/* Compiles the constraints again: parameters may have moved. */
int space_bind_constraints(struct space *s, char **cause);
int space_broken(const struct space *s, const double *dna); /* index of the first constraint that does not hold */
double space_count_feasible(const struct space *s, double count);

/* Finds the members again after an edit. -1 and a cause when some are gone or no longer alike. */
int space_bind_groups(struct space *s, char **cause);
void space_groups_canon(const struct space *s, double *dna);  /* entries of members are indices already */
void space_groups_draw(const struct space *s, struct rng *rng, double *dna);
double space_group_count(const struct space *s, const struct space_group *g);
const struct space_group *space_group_of(const struct space *s, int param); /* NULL none */

#endif
