/* bandit: which arm to pull next, learned from costs (lower is better). The dependency-free part of tune/:
 * libc, libm and base/rng only, so it is linked into libhypertop and decides inside a training process; the
 * hub's tuner uses it too.
 *
 * Every policy is a probability vector over the arms and a draw from it, so the propensity that is recorded
 * is exact, also for Thompson sampling (whose vector is integrated, not estimated) and under steering.
 * Steering is part of it: bans, a pin, boosts, the exploration dial, each with an optional expiry counted in
 * choices.
 *
 *     struct bandit b;
 *     if (bandit_init(&b, BANDIT_TSALLIS_INF, 20, 1, 0) < 0) ...
 *     struct bandit_pull pull;
 *     bandit_choose(&b, &rng, &pull);
 *     bandit_learn(&b, &pull, cost_of(pull.arm));
 *
 * Several pulls may be open at once; costs may arrive in any order. Never prints, aborts or allocates after
 * bandit_init. Not thread-safe. */
#ifndef TUNE_BANDIT_H
#define TUNE_BANDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

/* BANDIT(enumerator, "name", "sentence"); numbers are recorded, so rows are appended, never moved. */
#define BANDITS(BANDIT)                                                                                      \
    BANDIT(TSALLIS_INF, "tsallis", "Tsallis-INF: best of both worlds, no tuning (Zimmert and Seldin 2021)")  \
    BANDIT(TSALLIS_INF_RV, "tsallis_rv", "Tsallis-INF with the reduced-variance estimator")                  \
    BANDIT(UCB1, "ucb1", "upper confidence bounds (Auer, Cesa-Bianchi and Fischer 2002)")                    \
    BANDIT(KL_UCB, "kl_ucb", "confidence bounds from the Bernoulli divergence (Garivier and Cappe 2011)")    \
    BANDIT(THOMPSON, "thompson",                                                                             \
           "probability matching: Beta posterior for costs in a known range, else Gaussian")                 \
    BANDIT(EXP3, "exp3", "exponential weights for adversarial costs (Auer et al. 2002), anytime")            \
    BANDIT(EXP3_IX, "exp3_ix", "exponential weights with implicit exploration (Neu 2015)")                   \
    BANDIT(UCB_TUNED, "ucb_tuned", "confidence bounds that use the measured variance (Auer et al. 2002)")    \
    BANDIT(UCB_DISCOUNTED, "ucb_discounted",                                                                 \
           "confidence bounds that forget, for drifting costs (Garivier and Moulines 2011)")                 \
    BANDIT(UCB_SLIDING, "ucb_sliding",                                                                       \
           "confidence bounds over the last pulls only (Garivier and Moulines 2011)")                        \
    BANDIT(ELIMINATION, "elimination",                                                                       \
           "successive elimination: even pulls of all arms that may be best (Even-Dar et al. 2006)")         \
    BANDIT(TSALLIS_CB, "tsallis_cb", "a Tsallis-INF of its own for each bin of the context")                 \
    BANDIT(CHEB_CB, "chebcb", "SquareCB over Chebyshev features of the context (Khodak et al. 2024)")        \
    BANDIT(LINUCB, "linucb", "confidence bounds of a linear model in the context (Li et al. 2010)")

enum bandit_algorithm {
#define BANDIT_ENUM(e, name, text) BANDIT_##e,
    BANDITS(BANDIT_ENUM)
#undef BANDIT_ENUM
        BANDIT_COUNT
};
const char *bandit_name(enum bandit_algorithm a);
const char *bandit_text(enum bandit_algorithm a);
bool bandit_contextual(enum bandit_algorithm a); /* its probabilities depend on a context */
bool bandit_find(const char *name, enum bandit_algorithm *out);

#define BANDIT_ARMS_MAX 1024
#define BANDIT_FOREVER UINT64_MAX
#define BANDIT_CONTEXT_MAX 64 /* numbers in a context */
#define BANDIT_FEATURES_MAX 16
#define BANDIT_BINS_MAX 1000
#define BANDIT_WINDOW_MAX 1000000

struct bandit_arm {
    uint64_t pulls;      /* costs learned, forced ones included */
    uint64_t pending;    /* chosen, cost not yet there */
    /* weight, sum and sum of squares of cost - low (discounted where the policy forgets) */
    double n, sum, sum2;
    double estimate;     /* importance-weighted sum of cost - low */
    double control;      /* control variates of the reduced-variance estimator, in scaled losses */
    double boost;        /* 1: none */
    uint64_t boost_until, ban_until; /* choice number from which it ends; 0: not set */
};

struct bandit {
    enum bandit_algorithm algorithm;
    int arms;
    double low, scale;     /* loss = (cost - low) / scale; scale 0: unbounded, see bandit_init */
    double explore;        /* dial: 1 as designed, 0 greedy, 2 twice */
    double discount;       /* of UCB_DISCOUNTED, per pull */
    uint64_t choices;      /* bandit_choose calls */
    uint64_t rounds;       /* costs learned from unforced pulls */
    uint64_t learned;      /* all costs learned */
    double total, largest; /* of cost - low, over the costs learned */
    int pinned;            /* arm, -1 none */
    uint64_t pin_until;
    double root;           /* Tsallis-INF: the last normaliser, where Newton starts */
    double rate;           /* learning rate of the last choice */
    struct bandit_arm *arm;
    double *p;             /* probabilities of the last choice */
    double *loss, *work;   /* scratch, arms long each */
    struct bandit_climb *climb; /* scratch of probability matching */
    double confidence;     /* of ELIMINATION: chance of dropping the best arm */
    struct bandit_window *window; /* of UCB_SLIDING */
    struct bandit_side *side;     /* of the contextual ones */
};

/* low and scale say what costs look like: loss = (cost - low) / scale is meant to lie in [0,1] (values
 * outside are clamped). scale 0: any cost >= low is fine; the exponential-weights and Tsallis policies divide
 * by the running mean of cost - low as in "Learning to Relax" (Khodak et al. 2024), the confidence bounds by
 * the running maximum, Thompson uses a Gaussian posterior. 0, or -1 when arms is not in 2..BANDIT_ARMS_MAX, a
 * number is not finite, or memory ran out. */
int bandit_init(struct bandit *b, enum bandit_algorithm a, int arms, double low, double scale);
void bandit_release(struct bandit *b); /* frees; safe on a zeroed struct */

/* What a contextual policy looks at. A context is `dims` numbers; those outside low..high count as the bound, those that
 * are missing or not finite as the middle. Only LINUCB takes other than 1 number; with low == high it takes them as they
 * come. */
struct bandit_context {
    int dims;     /* 0..BANDIT_CONTEXT_MAX */
    double low, high;
    int bins;     /* TSALLIS_CB: equal ones */
    int features; /* CHEB_CB: polynomials of degree 0 .. features - 1 */
    double alpha; /* LINUCB: width of the bounds */
};
/* One number in 0..1, 5 bins, 6 features, alpha 1: what bandit_init sets. */
extern const struct bandit_context bandit_context_fallback;
/* Directly after bandit_init; forgets what was learned. -1: makes no sense, not a contextual policy, or no memory. */
int bandit_set_context(struct bandit *b, const struct bandit_context *c);
/* Directly after bandit_init: how many pulls UCB_SLIDING remembers (1000). -1 as above. */
int bandit_set_window(struct bandit *b, int pulls);

struct bandit_pull {
    int arm;
    bool forced;       /* pinned by a person: propensity 1, kept out of the importance-weighted estimates */
    double propensity; /* probability of this arm under the policy as steered */
};

/* Draws one number from rng per call. */
void bandit_choose(struct bandit *b, struct rng *rng, struct bandit_pull *out);
/* The cost of a pull. Not finite: a failure, counted as the worst seen so far. */
void bandit_learn(struct bandit *b, const struct bandit_pull *pull, double cost);
/* The same three under a context; n numbers (0: none). The calls without _in stay under the context looked at last. */
void bandit_look(struct bandit *b, const double *context, int n); /* what the next probabilities are for */
void bandit_choose_in(struct bandit *b, const double *context, int n, struct rng *rng, struct bandit_pull *out);
void bandit_learn_in(struct bandit *b, const struct bandit_pull *pull, const double *context, int n, double cost);
void bandit_observe_in(struct bandit *b, int arm, const double *context, int n, double cost);
/* Forgets all observed costs but keeps steering, estimates and counts of choices: before they are observed anew. */
void bandit_clear(struct bandit *b);
/* A pull whose cost will never come. */
void bandit_forget(struct bandit *b, const struct bandit_pull *pull);
/* Somebody pulled an arm without asking (imported, enqueued): counts for the means alone. */
void bandit_observe(struct bandit *b, int arm, double cost);

/* Steering. `pulls` = for how many choices, BANDIT_FOREVER; 0 lifts. -1: no such arm; the ban would leave no
 * arm, or hits the pinned one; the pinned arm is banned; a weight or factor that is negative or not
 * finite. */
int bandit_ban(struct bandit *b, int arm, uint64_t pulls);
int bandit_pin(struct bandit *b, int arm, uint64_t pulls); /* arm -1 or pulls 0: unpin */
int bandit_boost(struct bandit *b, int arm, double weight, uint64_t pulls);
int bandit_explore(struct bandit *b, double factor);
bool bandit_banned(const struct bandit *b, int arm);  /* at the next choice */
int bandit_pinned(const struct bandit *b);
double bandit_boosted(const struct bandit *b, int arm); /* 1 none */

/* Probabilities of the next choice, steering included. Changes nothing that later choices could see. */
void bandit_probs(struct bandit *b, double *p);
/* Probability of being the best arm under the posterior (Beta or Gaussian as above), without steering. */
void bandit_best(struct bandit *b, double *p);
struct bandit_row {
    uint64_t pulls;
    double mean, low, high; /* cost and its central 95 % interval; NaN while unknown */
};
void bandit_explain(const struct bandit *b, int arm, struct bandit_row *out);

/* The whole state as flat bytes of this machine. dump returns the size and writes when cap suffices. load: -1
 * when the bytes are not a dump of this version, or damaged; b must not be initialised. */
size_t bandit_dump(const struct bandit *b, void *out, size_t cap);
int bandit_load(struct bandit *b, const void *p, size_t n);

/* Parts that tests and benches look at: w_i = 4 / (eta (L_i - x))^2 with sum 1. Returns x; start: a guess,
 * NaN none. */
double bandit_tsallis(const double *loss, int n, double eta, double start, double *w);

#endif
