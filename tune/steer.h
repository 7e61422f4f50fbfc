/* steer: what people told the tuner: bans, pins, boosts on arms or regions, the explore/exploit dial. Kept
 * here, beside the history and not inside an algorithm, so that every algorithm answers it, it survives a
 * change of tuner, and it can be undone.
 *
 * Each request makes one token; undoing the token takes away what the request added and restores what it
 * lifted. Expiry is counted in asks. Algorithms read it through the questions at the end; the facade also
 * checks every proposal against it, so a ban is never violated, whatever an algorithm does. */
#ifndef TUNE_STEER_H
#define TUNE_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "tune/region.h"

/* STEER(enumerator, "verb") */
#define STEER_VERBS(STEER)                                                                                   \
    STEER(BAN, "ban")                                                                                        \
    STEER(UNBAN, "unban")                                                                                    \
    STEER(PIN, "pin")                                                                                        \
    STEER(UNPIN, "unpin")                                                                                    \
    STEER(BOOST, "boost")                                                                                    \
    STEER(EXPLORE, "explore")                                                                                \
    STEER(FOCUS, "focus")   /* a decaying share of the asks goes into the region, while it does not disappoint */ \
    STEER(QUOTA, "quota")   /* at least this share of the asks, or so many of them, go into the region */    \
    STEER(HOLD, "hold")     /* no asks ... */                                                                \
    STEER(STEP, "step")     /* ... but for so many */                                                        \
    STEER(GO, "go")         /* lifts a hold and its steps */                                                 \
    STEER(SPACE, "space")   /* a new version of the space; these four are the facade's (tuner_steer.c) */     \
    STEER(FREEZE, "freeze")                                                                                  \
    STEER(THAW, "thaw")                                                                                      \
    STEER(TUNER, "tuner")   /* another sampler */

enum steer_verb {
#define STEER_ENUM(e, name) STEER_##e,
    STEER_VERBS(STEER_ENUM)
#undef STEER_ENUM
        STEER_COUNT
};

struct steer_request {
    enum steer_verb verb;
    /* arms or regions, comma-separated: an arm's number or label, or what region_parse reads; NULL none */
    char *target;
    double weight;   /* boost; default 2. focus: strength, default 4. quota: how many asks or (share) which part of them.
                      * step: how many */
    bool share;      /* quota */
    double factor;   /* explore */
    int64_t pulls;   /* for how many asks; -1 until lifted */
};

/* One argument as the hub or the JSON protocol has it. Names: target (or arm, region, words), for, weight (or strength),
 * factor, share, count, value (of step). */
struct steer_arg {
    const char *name;
    struct tune_value value;
};
int steer_parse(const char *verb, const struct steer_arg *args, int n, struct steer_request *out,
                char **cause);
void steer_request_release(struct steer_request *rq);

struct steer_entry {
    int64_t token, lifted; /* made by, lifted by (0: not) */
    enum steer_verb verb;  /* BAN, PIN, BOOST, EXPLORE */
    struct region region;
    char label[96];
    double weight;         /* of a boost; the factor of EXPLORE; strength, share or number as in the request */
    bool share;
    int64_t until;         /* ask number at which it ends, -1 never */
    int64_t since;         /* ask number at which it began */
    int64_t used;          /* FOCUS, QUOTA: asks since then that went inside; STEP: taken */
    bool given_up;         /* FOCUS: the data contradict it */
};

struct steering {
    struct steer_entry *entries;
    int n;
    int64_t asks;       /* asks so far */
    int64_t last_token;
    int turn;           /* 1 + index of the focus or quota whose turn this ask is, which then holds like a pin; 0 none.
                         * Only within an ask */
    bool constrained;   /* the space has constraints, which steering_allows checks as well */
};

void steering_release(struct steering *st);
/* How a target word that names an arm becomes a region: the sampler's arms, or NULL. 0 found, -1 not an
 * arm. */
struct steer_arms {
    void *self;
    int (*find)(void *self, const char *name, struct region *out, char label[96]);
};
int steering_apply(struct steering *st, const struct space *s, const struct steer_arms *arms,
                   const struct steer_request *rq, int64_t *token, char **cause);
int steering_undo(struct steering *st, int64_t token, char **cause);

/* ---- questions, all about the next ask ---- */
double steering_explore(const struct steering *st);
/* no ban holds, every pin does, and so do the constraints of the space */
bool steering_allows(const struct steering *st, const struct space *s, const double *dna);
const struct region *steering_pin(const struct steering *st);  /* NULL: none; the newest */
/* product of boosts */
double steering_weight(const struct steering *st, const struct space *s, const double *dna);
/* Of an arm seen as a region: banned as a whole; pinned (the pin lies in it or it in the pin); boost on all
 * of it. */
bool steering_bans(const struct steering *st, const struct space *s, const struct region *arm);
bool steering_pins(const struct steering *st, const struct space *s, const struct region *arm);
double steering_boost(const struct steering *st, const struct space *s, const struct region *arm);
/* anything in force that rules out configurations or weighs them, constraints of the space among it */
bool steering_any(const struct steering *st);
/* What to add to the sentence of a proposal: "; as steered", "; within the constraints" or "". */
const char *steering_words(const struct steering *st);
/* The share of asks that a focus claims now (it decays with the asks since it began); 0 when it is not in force. */
double steering_share(const struct steering *st, const struct steer_entry *e);
bool steering_in_force(const struct steering *st, const struct steer_entry *e);
/* Nothing that this request asked for is left, as all of it was given up. */
bool steering_given_up(const struct steering *st, int64_t token);
bool steering_held(const struct steering *st); /* a hold without a step left */

/* ---- for the facade: focus and quota (steer_turn.c) ---- */
/* Whose turn the next ask is: sets st->turn, which holds like a pin until steering_turn_over. left: asks that the budget
 * still has, -1 unlimited. */
void steering_turn(struct steering *st, struct rng *rng, int64_t left);
void steering_turn_over(struct steering *st);
/* The ask became this configuration. */
void steering_asked(struct steering *st, const struct space *s, const double *dna);
/* Gives up a focus that the losses contradict: those inside are worse than those outside (Mann-Whitney, 1 %), and the best
 * is outside. True and a sentence when one was given up. */
struct history;
bool steering_review(struct steering *st, const struct space *s, const struct history *h, char *out, size_t cap);
void steering_pack(const struct steering *st, struct buf *out);
int steering_unpack(struct steering *st, struct unpack *in);

#endif
