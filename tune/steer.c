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
    char text[400];
    bool number = tune_number(&a->value, &x) || (a->value.kind == TUNE_STRING && text_double(a->value.s, &x));
    if (!strcmp(a->name, "target") || !strcmp(a->name, "arm") || !strcmp(a->name, "region")) {
        if (tune_text(&a->value, text, sizeof text) >= (int)sizeof text)
            return cause_set(cause, "%s: longer than %zu bytes", a->name, sizeof text - 1);
        free(out->target);
        out->target = *text ? mem_str(text) : NULL;
    } else if (!strcmp(a->name, "for")) {
        if (!number || !(x >= 1) || x != floor(x) || x > 1e15)
            return cause_set(cause, "for: how many pulls, a whole number from 1");
        out->pulls = (int64_t)x;
    } else if (!strcmp(a->name, "weight")) {
        if (!number || !(x > 0) || isinf(x))
            return cause_set(cause, "weight: a number above 0 (below 1 makes it rarer)");
        out->weight = x;
    } else if (!strcmp(a->name, "factor")) {
        if (!number || !(x >= 0) || isinf(x))
            return cause_set(cause, "factor: a number from 0 (0 none, 1 as designed, 2 twice)");
        out->factor = x;
    } else {
        return cause_set(cause, "unknown argument \"%s\"; known are target, for, weight, factor", a->name);
    }
    return 0;
}

int steer_parse(const char *verb, const struct steer_arg *args, int n, struct steer_request *out,
                char **cause)
{
    *out = (struct steer_request){.verb = STEER_COUNT, .weight = 2, .factor = NAN, .pulls = -1};
    for (int v = 0; v < STEER_COUNT; v++)
        if (!strcmp(verbs[v], verb))
            out->verb = (enum steer_verb)v;
    if (out->verb == STEER_COUNT)
        return cause_set(cause, "the tuner has no verb \"%s\"; it has ban, unban, pin, unpin, boost, explore",
                         verb);
    for (int i = 0; i < n; i++) {
        if (parse_arg(&args[i], out, cause) == 0)
            continue;
        steer_request_release(out);
        return -1;
    }
    if (out->verb == STEER_EXPLORE && isnan(out->factor))
        return cause_set(cause, "explore needs a factor (0 none, 1 as designed, 2 twice)");
    if (out->verb != STEER_EXPLORE && out->verb != STEER_UNPIN && out->verb != STEER_UNBAN && !out->target)
        return cause_set(cause, "%s needs an arm or a region", verb);
    return 0;
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

static bool in_force(const struct steering *st, const struct steer_entry *e)
{
    return !e->lifted && (e->until < 0 || st->asks < e->until);
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
    *e = (struct steer_entry){.token = token, .verb = rq->verb, .weight = rq->weight,
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
        if (e->verb != verb || !in_force(st, e) ||
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

/* Whether a configuration can still be proposed: looks for one, with a private stream of chance. */
static bool feasible(const struct steering *st, const struct space *s)
{
    static const struct region whole = {0};
    const struct region *pin = steering_pin(st);
    struct rng rng;
    double *dna = mem_zero((size_t)s->n, sizeof *dna);
    bool found = false;
    rng_seed(&rng, 1);
    for (int i = 0; i < 4000 && !found; i++)
        found = region_sample(pin ? pin : &whole, s, &rng, dna) == 0 && steering_allows(st, s, dna);
    free(dna);
    return found;
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
    int n = rq->target ? targets(s, arms, rq->target, &t, cause) : 0, rc = 0;
    if (n < 0)
        return -1;
    int64_t mine = st->last_token + 1;
    if (rq->verb == STEER_UNBAN || rq->verb == STEER_UNPIN) {
        rc = apply_lift(st, s, rq, t, n, mine, cause);
    } else if (rq->verb == STEER_PIN && n != 1) {
        rc = cause_set(cause, "pin takes one arm or region");
    } else {
        if (rq->verb == STEER_PIN)
            lift(st, s, STEER_PIN, NULL, mine);
        if (rq->verb == STEER_EXPLORE)
            lift(st, s, STEER_EXPLORE, NULL, mine);
        for (int i = 0; i < n; i++) {
            if (rq->verb == STEER_BOOST) /* a new boost of the same region replaces the old one */
                for (int k = 0; k < st->n; k++)
                    if (st->entries[k].verb == STEER_BOOST && in_force(st, &st->entries[k]) &&
                        same_region(&st->entries[k].region, &t[i].region, s))
                        st->entries[k].lifted = mine;
            add(st, mine, rq, &t[i]);
        }
        if (rq->verb == STEER_EXPLORE)
            add(st, mine, rq, NULL);
        if ((rq->verb == STEER_BAN || rq->verb == STEER_PIN) && !feasible(st, s))
            rc = cause_set(cause, "%s: nothing would be left to try", rq->target);
    }
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
        if (st->entries[i].verb == STEER_EXPLORE && in_force(st, &st->entries[i]))
            return st->entries[i].weight;
    return 1;
}

const struct region *steering_pin(const struct steering *st)
{
    for (int i = st->n - 1; i >= 0; i--)
        if (st->entries[i].verb == STEER_PIN && in_force(st, &st->entries[i]))
            return &st->entries[i].region;
    return NULL;
}

bool steering_allows(const struct steering *st, const struct space *s, const double *dna)
{
    const struct region *pin = steering_pin(st);
    if (pin && !region_holds(pin, s, dna))
        return false;
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (e->verb == STEER_BAN && in_force(st, e) && region_holds(&e->region, s, dna))
            return false;
    }
    return true;
}

double steering_weight(const struct steering *st, const struct space *s, const double *dna)
{
    double w = 1;
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (e->verb == STEER_BOOST && in_force(st, e) && region_holds(&e->region, s, dna))
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
        if (e->verb == STEER_BAN && in_force(st, e) && region_within(arm, &e->region, s))
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
        if (e->verb == STEER_BOOST && in_force(st, e) && region_within(arm, &e->region, s))
            w *= e->weight;
    }
    return w;
}

bool steering_any(const struct steering *st)
{
    for (int i = 0; i < st->n; i++)
        if (st->entries[i].verb != STEER_EXPLORE && in_force(st, &st->entries[i]))
            return true;
    return false;
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
        pack_i64(out, e->until);
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
        e->until = unpack_i64(in);
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
