/* The list of entries is only appended to; lifting and undoing set marks, so an undo can restore exactly what
 * was there. */
#include "tune/steer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const verbs[] = {
#define STEER_ROW(e, name) name,
    STEER_VERBS(STEER_ROW)
#undef STEER_ROW
};

/* ---- requests ---- */

static int parse_arg(const struct steer_arg *a, struct steer_request *out, char **cause)
{
    double x = NAN;
    char text[2000];
    bool number = tune_number(&a->value, &x) || (a->value.kind == TUNE_STRING && text_double(a->value.s, &x));
    if (!strcmp(a->name, "target") || !strcmp(a->name, "arm") || !strcmp(a->name, "region") ||
        !strcmp(a->name, "words")) {
        if (tune_text(&a->value, text, sizeof text) >= (int)sizeof text)
            return cause_set(cause, "%s: longer than %zu bytes", a->name, sizeof text - 1);
        free(out->target);
        out->target = *text ? mem_str(text) : NULL;
    } else if (!strcmp(a->name, "for")) {
        if (!number || !(x >= 1) || x != floor(x) || x > 1e15)
            return cause_set(cause, "for: how many pulls, a whole number from 1");
        out->pulls = (int64_t)x;
    } else if (!strcmp(a->name, "share")) {
        if (!number || !(x > 0 && x <= 1))
            return cause_set(cause, "share: a number above 0, at most 1");
        out->weight = x;
        out->share = true;
    } else if (!strcmp(a->name, "count") || !strcmp(a->name, "value")) {
        if (!number || !(x >= 1) || x != floor(x) || x > 1e15)
            return cause_set(cause, "%s: how many trials, a whole number from 1", a->name);
        out->weight = x;
    } else if (!strcmp(a->name, "weight") || !strcmp(a->name, "strength")) {
        if (!number || !(x > 0) || isinf(x))
            return cause_set(cause, "weight: a number above 0 (below 1 makes it rarer)");
        out->weight = x;
    } else if (!strcmp(a->name, "factor")) {
        if (!number || !(x >= 0) || isinf(x))
            return cause_set(cause, "factor: a number from 0 (0 none, 1 as designed, 2 twice)");
        out->factor = x;
    } else {
        return cause_set(cause, "unknown argument \"%s\"; known are target, for, weight, factor, share, count, value", a->name);
    }
    return 0;
}

static enum steer_verb verb_called(const char *name)
{
    if (!strcmp(name, "avoid"))
        return STEER_BAN;
    if (!strcmp(name, "weight"))
        return STEER_BOOST;
    int v = 0;
    while (v < STEER_COUNT && strcmp(verbs[v], name))
        v++;
    return (enum steer_verb)v;
}

static int unknown_verb(const char *verb, char **cause)
{
    struct buf known = {0};
    for (int v = 0; v < STEER_COUNT; v++)
        buf_printf(&known, "%s, ", verbs[v]);
    cause_set(cause, "the tuner has no verb \"%s\"; it has %savoid, weight", verb, buf_cstr(&known));
    buf_release(&known);
    return -1;
}

static int check_request(const char *verb, const struct steer_request *rq, char **cause)
{
    enum steer_verb v = rq->verb;
    if (v == STEER_EXPLORE && isnan(rq->factor))
        return cause_set(cause, "explore needs a factor (0 none, 1 as designed, 2 twice)");
    if (v == STEER_QUOTA && isnan(rq->weight))
        return cause_set(cause, "quota needs a count of trials or a share of them");
    if (v == STEER_FOCUS && !(rq->weight > 1))
        return cause_set(cause, "focus: the strength is a number above 1 (4 tries 3 of 4 inside at first)");
    bool needs = v != STEER_EXPLORE && v != STEER_UNPIN && v != STEER_UNBAN && v != STEER_HOLD && v != STEER_STEP &&
                 v != STEER_GO;
    if (needs && !rq->target)
        return cause_set(cause, "%s needs %s", verb,
                         v == STEER_SPACE    ? "an edit, as in lr=1e-4..1e-2"
                         : v == STEER_TUNER  ? "the name of a tuner"
                         : v == STEER_FREEZE || v == STEER_THAW ? "a parameter" : "an arm or a region");
    return 0;
}

int steer_parse(const char *verb, const struct steer_arg *args, int n, struct steer_request *out,
                char **cause)
{
    *out = (struct steer_request){.verb = verb_called(verb), .weight = 2, .factor = NAN, .pulls = -1};
    if (out->verb == STEER_COUNT)
        return unknown_verb(verb, cause);
    out->weight = out->verb == STEER_FOCUS ? 4 : out->verb == STEER_QUOTA ? NAN : out->verb == STEER_STEP ? 1 : 2;
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = parse_arg(&args[i], out, cause);
    if (rc == 0)
        rc = check_request(verb, out, cause);
    if (rc < 0)
        steer_request_release(out);
    return rc;
}

void steer_request_release(struct steer_request *rq)
{
    free(rq->target);
    rq->target = NULL;
}

void steering_release(struct steering *st)
{
    for (int i = 0; i < st->n; i++)
        region_release(&st->entries[i].region);
    free(st->entries);
    memset(st, 0, sizeof *st);
}

/* ---- applying ---- */

bool steering_in_force(const struct steering *st, const struct steer_entry *e)
{
    if (e->verb == STEER_QUOTA && !e->share && (double)e->used >= e->weight)
        return false;
    return !e->lifted && !e->given_up && (e->until < 0 || st->asks < e->until);
}

struct target {
    struct region region;
    char label[96];
};

static void targets_free(struct target *t, int n)
{
    for (int i = 0; i < n; i++)
        region_release(&t[i].region);
    free(t);
}

static int find_target(const struct space *s, const struct steer_arms *arms, char *word, struct target *t,
                       char **cause)
{
    while (*word == ' ')
        word++;
    if (arms && arms->find(arms->self, word, &t->region, t->label) == 0)
        return 0;
    if (region_parse(&t->region, s, word, cause) < 0)
        return -1;
    region_text(&t->region, t->label, sizeof t->label);
    return 0;
}

/* Splits "a, b, c" and finds each. */
static int targets(const struct space *s, const struct steer_arms *arms, const char *text,
                   struct target **out, char **cause)
{
    char *copy = mem_str(text), *at = copy;
    int n = 0;
    *out = NULL;
    while (at) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        *out = mem_resize(*out, (size_t)n + 1, sizeof **out);
        memset(&(*out)[n], 0, sizeof **out);
        if (find_target(s, arms, at, &(*out)[n], cause) < 0) {
            targets_free(*out, n);
            free(copy);
            return -1;
        }
        n++;
        at = comma ? comma + 1 : NULL;
    }
    free(copy);
    return n;
}

static void add(struct steering *st, int64_t token, const struct steer_request *rq, struct target *t)
{
    st->entries = mem_resize(st->entries, (size_t)st->n + 1, sizeof *st->entries);
    struct steer_entry *e = &st->entries[st->n++];
    *e = (struct steer_entry){.token = token, .verb = rq->verb, .weight = rq->weight, .share = rq->share, .since = st->asks,
                              .until = rq->pulls < 0 ? -1 : st->asks + rq->pulls};
    if (rq->verb == STEER_EXPLORE)
        e->weight = rq->factor;
    if (!t)
        return;
    e->region = t->region;
    memset(&t->region, 0, sizeof t->region);
    snprintf(e->label, sizeof e->label, "%s", t->label);
}

static bool same_region(const struct region *a, const struct region *b, const struct space *s)
{
    return region_within(a, b, s) && region_within(b, a, s);
}

/* Lifts entries of a kind that lie within the target (NULL: all of them). How many. */
static int lift(struct steering *st, const struct space *s, enum steer_verb verb, const struct region *r,
                int64_t token)
{
    int n = 0;
    for (int i = 0; i < st->n; i++) {
        struct steer_entry *e = &st->entries[i];
        if (e->verb != verb || !steering_in_force(st, e) ||
            (r && !region_within(&e->region, r, s) && !same_region(&e->region, r, s)))
            continue;
        e->lifted = token;
        n++;
    }
    return n;
}

static void forget_since(struct steering *st, int64_t token)
{
    for (int i = 0; i < st->n; i++) {
        if (st->entries[i].lifted == token)
            st->entries[i].lifted = 0;
        if (st->entries[i].token == token)
            st->entries[i].lifted = token;
    }
}

/* Whether a configuration within a region (NULL: anywhere) can still be proposed: looks for one, with a private stream of
 * chance. */
static bool reachable(const struct steering *st, const struct space *s, const struct region *within)
{
    static const struct region whole = {0};
    struct rng rng;
    double *dna = mem_zero((size_t)s->n, sizeof *dna);
    bool found = false;
    rng_seed(&rng, 1);
    for (int i = 0, misses = 0; i < 4000 && !found && misses < 20; i++) {
        bool drawn = region_sample(within ? within : &whole, s, &rng, dna) == 0;
        misses += !drawn && st->constrained; /* each has searched long already */
        found = drawn && steering_allows(st, s, dna);
    }
    free(dna);
    return found;
}

/* ban, pin, boost, explore, focus, quota. */
static int apply_add(struct steering *st, const struct space *s, const struct steer_request *rq, struct target *t, int n,
                     int64_t token, char **cause)
{
    if (rq->verb == STEER_PIN && n != 1)
        return cause_set(cause, "pin takes one arm or region");
    if (rq->verb == STEER_PIN || rq->verb == STEER_EXPLORE)
        lift(st, s, rq->verb, NULL, token);
    for (int i = 0; i < n; i++) {
        bool replaces = rq->verb == STEER_BOOST || rq->verb == STEER_FOCUS || rq->verb == STEER_QUOTA;
        for (int k = 0; replaces && k < st->n; k++) /* a new one of the same region takes the place of the old one */
            if (st->entries[k].verb == rq->verb && steering_in_force(st, &st->entries[k]) &&
                same_region(&st->entries[k].region, &t[i].region, s))
                st->entries[k].lifted = token;
        if ((rq->verb == STEER_FOCUS || rq->verb == STEER_QUOTA) && !reachable(st, s, &t[i].region))
            return cause_set(cause, "%s: nothing of it can be tried", t[i].label);
        add(st, token, rq, &t[i]);
    }
    if (rq->verb == STEER_EXPLORE)
        add(st, token, rq, NULL);
    if ((rq->verb == STEER_BAN || rq->verb == STEER_PIN) && !reachable(st, s, steering_pin(st)))
        return cause_set(cause, "%s: nothing would be left to try", rq->target);
    return 0;
}

/* hold, step, go. */
static int apply_hold(struct steering *st, const struct space *s, const struct steer_request *rq, int64_t token,
                      char **cause)
{
    bool held = false;
    for (int i = 0; i < st->n; i++)
        held |= st->entries[i].verb == STEER_HOLD && steering_in_force(st, &st->entries[i]);
    if (rq->verb == STEER_HOLD && held)
        return cause_set(cause, "the tuner is held already");
    if (rq->verb != STEER_HOLD && !held)
        return cause_set(cause, "the tuner is not held");
    if (rq->verb == STEER_GO) {
        lift(st, s, STEER_HOLD, NULL, token);
        lift(st, s, STEER_STEP, NULL, token);
    } else {
        add(st, token, rq, NULL);
    }
    return 0;
}

static int apply_lift(struct steering *st, const struct space *s, const struct steer_request *rq,
                      struct target *t, int n, int64_t token, char **cause)
{
    enum steer_verb verb = rq->verb == STEER_UNBAN ? STEER_BAN : STEER_PIN;
    if (!n && !lift(st, s, verb, NULL, token))
        return cause_set(cause, "nothing is %s", verb == STEER_BAN ? "banned" : "pinned");
    for (int i = 0; i < n; i++)
        if (!lift(st, s, verb, &t[i].region, token))
            return cause_set(cause, "%s is not %s", t[i].label, verb == STEER_BAN ? "banned" : "pinned");
    return 0;
}

int steering_apply(struct steering *st, const struct space *s, const struct steer_arms *arms,
                   const struct steer_request *rq, int64_t *token, char **cause)
{
    struct target *t = NULL;
    int n = rq->target ? targets(s, arms, rq->target, &t, cause) : 0, rc;
    if (n < 0)
        return -1;
    int64_t mine = st->last_token + 1;
    if (rq->verb == STEER_UNBAN || rq->verb == STEER_UNPIN)
        rc = apply_lift(st, s, rq, t, n, mine, cause);
    else if (rq->verb == STEER_HOLD || rq->verb == STEER_STEP || rq->verb == STEER_GO)
        rc = apply_hold(st, s, rq, mine, cause);
    else
        rc = apply_add(st, s, rq, t, n, mine, cause);
    targets_free(t, n);
    if (rc < 0) {
        forget_since(st, mine);
        return -1;
    }
    st->last_token = mine;
    if (token)
        *token = mine;
    return 0;
}

int steering_undo(struct steering *st, int64_t token, char **cause)
{
    if (token < 1 || token > st->last_token)
        return cause_set(cause, "there is no steering %lld to undo", (long long)token);
    forget_since(st, token);
    return 0;
}

/* ---- questions ---- */

double steering_explore(const struct steering *st)
{
    for (int i = st->n - 1; i >= 0; i--)
        if (st->entries[i].verb == STEER_EXPLORE && steering_in_force(st, &st->entries[i]))
            return st->entries[i].weight;
    return 1;
}

const struct region *steering_pin(const struct steering *st)
{
    for (int i = st->n - 1; i >= 0; i--)
        if (st->entries[i].verb == STEER_PIN && steering_in_force(st, &st->entries[i]))
            return &st->entries[i].region;
    return st->turn ? &st->entries[st->turn - 1].region : NULL;
}

bool steering_allows(const struct steering *st, const struct space *s, const double *dna)
{
    const struct region *pin = steering_pin(st);
    if (pin && !region_holds(pin, s, dna))
        return false;
    if (st->constrained && !space_feasible(s, dna))
        return false;
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (e->verb == STEER_BAN && steering_in_force(st, e) && region_holds(&e->region, s, dna))
            return false;
    }
    return true;
}

double steering_weight(const struct steering *st, const struct space *s, const double *dna)
{
    double w = 1;
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (e->verb == STEER_BOOST && steering_in_force(st, e) && region_holds(&e->region, s, dna))
            w *= e->weight;
    }
    return w;
}

bool steering_bans(const struct steering *st, const struct space *s, const struct region *arm)
{
    const struct region *pin = steering_pin(st);
    if (pin && !region_meets(arm, pin, s))
        return true;
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (e->verb == STEER_BAN && steering_in_force(st, e) && region_within(arm, &e->region, s))
            return true;
    }
    return false;
}

bool steering_pins(const struct steering *st, const struct space *s, const struct region *arm)
{
    const struct region *pin = steering_pin(st);
    return pin && region_within(pin, arm, s);
}

double steering_boost(const struct steering *st, const struct space *s, const struct region *arm)
{
    double w = 1;
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (e->verb == STEER_BOOST && steering_in_force(st, e) && region_within(arm, &e->region, s))
            w *= e->weight;
    }
    return w;
}

static bool steered(const struct steering *st)
{
    for (int i = 0; i < st->n; i++) {
        enum steer_verb v = st->entries[i].verb;
        if ((v == STEER_BAN || v == STEER_PIN || v == STEER_BOOST) && steering_in_force(st, &st->entries[i]))
            return true;
    }
    return st->turn != 0;
}

bool steering_any(const struct steering *st)
{
    return st->constrained || steered(st);
}

const char *steering_words(const struct steering *st)
{
    return steered(st) ? "; as steered" : st->constrained ? "; within the constraints" : "";
}

/* ---- bytes ---- */

void steering_pack(const struct steering *st, struct buf *out)
{
    pack_i64(out, st->asks);
    pack_i64(out, st->last_token);
    pack_u64(out, (uint64_t)st->n);
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        pack_i64(out, e->token);
        pack_i64(out, e->lifted);
        pack_u64(out, e->verb);
        pack_f64(out, e->weight);
        pack_u64(out, (uint64_t)(e->share | e->given_up << 1));
        pack_i64(out, e->until);
        pack_i64(out, e->since);
        pack_i64(out, e->used);
        pack_str(out, e->label);
        region_pack(&e->region, out);
    }
}

int steering_unpack(struct steering *st, struct unpack *in)
{
    memset(st, 0, sizeof *st);
    st->asks = unpack_i64(in);
    st->last_token = unpack_i64(in);
    size_t n = unpack_count(in, 8);
    st->entries = mem_zero(n, sizeof *st->entries);
    for (size_t i = 0; i < n && !in->bad; i++) {
        struct steer_entry *e = &st->entries[st->n];
        e->token = unpack_i64(in);
        e->lifted = unpack_i64(in);
        uint64_t verb = unpack_u64(in);
        e->verb = (enum steer_verb)verb;
        in->bad |= verb >= STEER_COUNT;
        e->weight = unpack_f64(in);
        uint64_t flags = unpack_u64(in);
        e->share = flags & 1;
        e->given_up = flags >> 1 & 1;
        e->until = unpack_i64(in);
        e->since = unpack_i64(in);
        e->used = unpack_i64(in);
        char *label = unpack_str(in);
        snprintf(e->label, sizeof e->label, "%s", label ? label : "");
        free(label);
        if (region_unpack(&e->region, in) == 0)
            st->n++;
    }
    if (in->bad)
        steering_release(st);
    return in->bad ? -1 : 0;
}
