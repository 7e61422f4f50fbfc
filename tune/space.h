/* space: what may vary. Parameters with a type, a prior and a scale, conditions between them, and the two
 * ways of writing a configuration: values (what a trainer gets) and dna (what algorithms compute with).
 *
 * dna is one double a parameter, space->n of them:
 *   float, int            u in [0,1]: the quantile of the parameter's prior. Uniform u is a draw from the
 *                         prior; log scales, normal and beta priors are the warp from u to the value
 *   categorical, ordinal  the index of the choice, 0..n_choices-1
 *   constant              0
 *   inactive              NaN (its condition does not hold)
 * A dna is canonical when every u is the one that its value encodes to (quantised parameters have few values)
 * and exactly the inactive entries are NaN; space_canon makes it so, asks and histories hold canonical ones.
 *
 * A space is never changed once it is in use: an edit makes a copy with version + 1, and space_carry takes
 * old configurations along. Pure; chance comes in as an argument. */
#ifndef TUNE_SPACE_H
#define TUNE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"
#include "tune/value.h"

enum param_type { PARAM_FLOAT, PARAM_INT, PARAM_CATEGORICAL, PARAM_ORDINAL, PARAM_CONSTANT };

enum param_prior {
    PRIOR_UNIFORM,     /* on [low, high] */
    PRIOR_LOG,         /* log-uniform on [low, high], low > 0 */
    PRIOR_RLOG,        /* reverse log: dense near high */
    PRIOR_NORMAL,      /* mean a, deviation b; low and high are infinite */
    PRIOR_LOG_NORMAL,  /* exp of a normal */
    PRIOR_BETA,        /* shapes a, b on [0,1] */
};

struct param {
    char *name;                /* nested names joined with '.' */
    enum param_type type;
    enum param_prior prior;    /* float, int */
    /* float, int: smallest and largest value (after quantisation); -inf, inf when unbounded */
    double low, high;
    double a, b;               /* of PRIOR_NORMAL, PRIOR_LOG_NORMAL, PRIOR_BETA */
    /* values are anchor + k quantum; quantum 0: continuous. An int has quantum >= 1 */
    double quantum, anchor;
    struct tune_value *choices; /* categorical, ordinal; constant: one */
    int n_choices;
    double *weights;           /* of the choices, sum 1; NULL: equal */
    double *place;             /* ordinal: where each choice lies in [0,1], for models; NULL otherwise */
    /* what trials of older versions had (a parameter that was added); absent: none */
    struct tune_value fallback;
    int parent;                /* active only when this parameter ... ; -1 always active */
    /* ... has one of these choices (parent->n_choices flags); NULL for a numeric parent: */
    bool *when;
    double when_low, when_high; /* ... has a value in [when_low, when_high] */
    char *distribution;        /* the name it has in the sweep file, for reports; may be NULL */
};

/* k parameters NAME.0 ... NAME.(k-1) that choose from one list (`choose` in a sweep file; pyglove's manyof). In a canonical dna
 * those of a sorted group stand in ascending order and those of a distinct one differ. */
struct space_group {
    char *name;
    int first, k; /* parameters first .. first + k - 1 */
    bool distinct, sorted;
};

struct expr;
struct candidates;

struct space {
    int version; /* from 1 */
    int n;
    struct param *params;
    int *order;  /* parents before children */
    struct space_group *groups;
    int n_groups;
    struct expr **constraints; /* all must hold; expr.h */
    int n_constraints;
    struct candidates *list;   /* only these configurations may be proposed; NULL: all of them; candidates.h */
    double count;              /* of space_count, worked out by space_finish */
};

/* ---- building ---- */
struct space *space_new(void);
void space_free(struct space *s);
struct space *space_copy(const struct space *s); /* same version; edits below raise it */
/* Adds a zeroed parameter of this name (copied) and returns it for filling; the pointer is good until the
 * next call. */
struct param *space_add(struct space *s, const char *name);
/* Takes copies of n values; places ordinals (log-spaced where the numbers look so). */
void param_set_choices(struct param *p, const struct tune_value *values, int n);
/* Adds NAME.0 ... NAME.(k-1) over the same n values. -1 and a cause when there are too few values for them to differ. */
int space_choose_from(struct space *s, const char *name, const struct tune_value *values, int n, int k, bool distinct,
                      bool sorted, char **cause);
/* "batch_size * lr < 0.5"; after the last parameter. -1, a cause and in *at the offset of the offending character. */
int space_constrain(struct space *s, const char *text, size_t *at, char **cause);
/* Checks everything, orders conditions (no cycles), snaps bounds to the lattice. Call once, after the last
 * change. */
int space_finish(struct space *s, char **cause);
int space_find(const struct space *s, const char *name); /* index or -1 */
int space_find_near(const struct space *s, const char *name); /* "did you mean", -1 none */

/* ---- one parameter ---- */
bool param_numeric(const struct param *p); /* float or int */
double param_value(const struct param *p, double u);     /* number at u, snapped */
double param_place(const struct param *p, double x);     /* u of a number (clamped into the bounds) */
double param_warp(const struct param *p, double u);     /* number at u, not snapped: u 0 and 1 lie half a quantum outside */
double param_unwarp(const struct param *p, double x);    /* the same without snapping to the lattice */
/* number of distinct values, INFINITY when continuous or unbounded */
double param_count(const struct param *p);
/* dna entry of the k-th value in ascending (choices: given) order */
double param_nth(const struct param *p, int64_t k);
int64_t param_rank(const struct param *p, double dna);   /* its inverse */
/* dna entry -> value (strings borrowed from the space). */
void param_decode(const struct param *p, double dna, struct tune_value *out);
/* value -> dna entry; numbers compare by value (3e6 is 3000000; "0.1" is accepted for 0.1). -1 and a
 * cause. */
int param_encode(const struct param *p, const struct tune_value *v, double *dna, char **cause);
/* coordinate in [0,1] for models: u, or the place of an ordinal */
double param_model(const struct param *p, double dna);

/* ---- whole configurations ---- */
bool space_active(const struct space *s, const double *dna, int i);
void space_canon(const struct space *s, double *dna);
/* A draw from the prior, canonical, and within the constraints unless next to nothing is (space_draw says so). */
void space_sample(const struct space *s, struct rng *rng, double *dna);
bool space_constrained(const struct space *s);                  /* has constraints that a canonical dna may violate */
bool space_feasible(const struct space *s, const double *dna);  /* a canonical dna keeps them all */
/* How far from keeping them; 0: keeps them. */
double space_violation(const struct space *s, const double *dna);
/* A draw by `draw` (canonical; -1 none) that keeps the constraints: drawn again, then repaired parameter by parameter. -1:
 * none was found in a bounded search (out holds the nearest one seen). */
typedef int space_draw_fn(void *arg, const struct space *s, struct rng *rng, double *dna);
int space_draw(const struct space *s, struct rng *rng, space_draw_fn *draw, void *arg, double *out);
bool space_groups_kept(const struct space *s, const double *dna); /* canonical as far as its groups go */
/* Every configuration of a finite space that keeps the constraints, until fn says false. */
typedef bool space_each_fn(void *arg, const double *dna);
void space_each(const struct space *s, space_each_fn *fn, void *arg);
/* Looks for one feasible configuration with a stream of its own: -1 and a cause that names the constraints. */
int space_find_feasible(const struct space *s, char **cause);
/* canonical and inside; -1 and a cause */
int space_check(const struct space *s, const double *dna, char **cause);
/* canonical ones: same configuration */
bool space_same(const struct space *s, const double *a, const double *b);
/* Distinct configurations (inactive ones counted once), INFINITY when continuous. Groups are counted by formula; constraints
 * by trying all when there are at most SPACE_COUNT_MAX, beyond that they are not looked at. */
#define SPACE_COUNT_MAX 200000
double space_count(const struct space *s);
/* A configuration of an older version in this one: added parameters take their fallback, dropped ones go.
 * False when it lies outside (out is then the nearest point inside). */
bool space_carry(const struct space *from, const double *dna, const struct space *to, double *out);
/* "lr=1e-3 optimizer=adam": active parameters, constants left out. */
void space_text(const struct space *s, const double *dna, struct buf *out);

/* The configuration as a tree of numbers: [0.25, (1, 0.5), [0, 2]]: one entry a parameter that is not conditional, with the
 * parameters that depend on it behind it in parentheses, one list a group; a choice by its index, a number by its place u.
 * A constant is left out. space_dna_parse reads it back exactly: 0, or -1 and a cause that names the column. */
void space_dna_text(const struct space *s, const double *dna, struct buf *out);
int space_dna_parse(const struct space *s, const char *text, double *dna, char **cause);

/* ---- edits: a new version, or NULL and a cause. The given space is left alone. ---- */
/* shrink or grow */
struct space *space_bound(const struct space *s, int i, double low, double high, char **cause);
struct space *space_choose(const struct space *s, int i, const struct tune_value *values, int n,
                           char **cause);
struct space *space_freeze(const struct space *s, int i, const struct tune_value *value, char **cause);
/* Takes over *p (a filled parameter, name included; its fallback is what old trials had). */
struct space *space_extend(const struct space *s, struct param *p, char **cause);
struct space *space_drop(const struct space *s, int i, char **cause);
/* An edit in words: lr=1e-4..1e-2 | opt=adam|sgd | opt+=lion | opt-=sgd | +wd=1e-5..1e-2 [log] [int] [default=V] | -wd */
struct space *space_edit(const struct space *s, const char *text, char **cause);
/* Makes parameter by parameter undone what turned `before` into `after`; what was edited later elsewhere stays. */
struct space *space_revert(const struct space *now, const struct space *before, const struct space *after, char **cause);
/* The parameters as one JSON object, as in a sweep file: what the event of a new version says. */
void space_json(const struct space *s, struct json_out *out);

#endif
