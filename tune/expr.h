/* expr: a constraint between parameters: `batch_size * lr < 0.5`, `layers >= 2 or dropout == 0`, `not (opt == 'sgd' and
 * momentum > 0.9)`. Compiled once for a space, evaluated on canonical configurations.
 *
 * Numbers, texts in quotes, true and false; names of parameters (`like this` where a name has other characters than
 * letters, digits, _ and .); + - * / % **, unary -, comparisons (a < b < c means both), and, or, not; min, max, log,
 * exp, abs, sqrt. What is said about a parameter that is inactive is neither true nor false, and a constraint that
 * comes out as neither holds: it does not bind. A number that is none (0/0, the logarithm of -1) makes a comparison false. */
#ifndef TUNE_EXPR_H
#define TUNE_EXPR_H

#include <stdbool.h>
#include <stddef.h>

struct space;
struct expr;

/* NULL, a cause and in *at the offset of the offending character. strict: a text that is compared with a parameter must be
 * one of its choices (it need not once an edit has taken the choice away). */
struct expr *expr_compile(const struct space *s, const char *text, bool strict, size_t *at, char **cause);
void expr_free(struct expr *e);
const char *expr_text(const struct expr *e);
bool expr_holds(const struct expr *e, const struct space *s, const double *dna);
/* 0 when it holds, else how far it is from that: larger is farther, on no scale in particular. */
double expr_violation(const struct expr *e, const struct space *s, const double *dna);
bool expr_uses(const struct expr *e, int param);

#endif
