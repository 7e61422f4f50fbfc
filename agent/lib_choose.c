/* In-process bandits: tune/bandit.h decides, this file streams every pull and lets people steer. Steering
 * commands wait in the ring until the program's next ht_poll, like every other command. Without a hub (or
 * disabled, or in a forked child) a bandit decides and learns all the same: only the streaming stops.
 *
 * Now and then the whole vector of probabilities is told, and what people hold on the arms: at the opening,
 * at once when somebody steers and when a ban, pin or boost ends, else at most twice a second and so seldom
 * that it costs less than one part in SAY_SHARE of the time. */
#include "agent/lib_agent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tune/bandit.h"

#define SAY_NS    500000000
#define SAY_SHARE 200

struct ht_bandit {
    ht_agent *agent;
    struct bandit b;
    struct rng rng;
    uint16_t number;
    char name[64];
    char (*labels)[64];
    double *values; /* NULL: none */
    struct bandit_pull pull;
    bool open; /* chosen, cost not yet there */
    double context;
    int64_t t;
    int64_t say_due;       /* when the probabilities are told again */
    uint64_t holds_until;  /* number of the choice before which they are told because something ends */
    double *next, *best;   /* scratch for telling them, and the record */
    struct ring_arm *said;
};

static const enum bandit_algorithm algorithms[] = {
    [HT_TSALLIS_INF] = BANDIT_TSALLIS_INF,
    [HT_TSALLIS_INF_RV] = BANDIT_TSALLIS_INF_RV,
    [HT_UCB1] = BANDIT_UCB1,
    [HT_KL_UCB] = BANDIT_KL_UCB,
    [HT_THOMPSON] = BANDIT_THOMPSON,
    [HT_EXP3] = BANDIT_EXP3,
    [HT_EXP3_IX] = BANDIT_EXP3_IX,
    [HT_UCB_TUNED] = BANDIT_UCB_TUNED,
    [HT_UCB_DISCOUNTED] = BANDIT_UCB_DISCOUNTED,
    [HT_UCB_SLIDING] = BANDIT_UCB_SLIDING,
    [HT_ELIMINATION] = BANDIT_ELIMINATION,
    [HT_TSALLIS_CB] = BANDIT_TSALLIS_CB,
    [HT_CHEB_CB] = BANDIT_CHEB_CB,
    [HT_LINUCB] = BANDIT_LINUCB,
};

/* ---- opening ---- */

static void release(ht_bandit *h)
{
    bandit_release(&h->b);
    free(h->labels);
    free(h->values);
    free(h->next);
    free(h->said);
    free(h);
}

static void label_arms(ht_bandit *h, const struct ht_bandit_options *o)
{
    for (int i = 0; i < o->arms; i++) {
        if (o->labels && o->labels[i])
            snprintf(h->labels[i], sizeof h->labels[i], "%s", o->labels[i]);
        else if (o->values)
            snprintf(h->labels[i], sizeof h->labels[i], "%.6g", o->values[i]);
        else
            snprintf(h->labels[i], sizeof h->labels[i], "%d", i);
        if (h->values)
            h->values[i] = o->values[i];
    }
}

static void say_opened(ht_bandit *h)
{
    struct ring_bandit head = {.arms = (uint32_t)h->b.arms};
    size_t room = 256 + (size_t)h->b.arms * sizeof *h->labels;
    char *text = malloc(room);
    if (!text)
        return;
    size_t used = (size_t)snprintf(text, room, "%s%c%s", h->name, 0, bandit_name(h->b.algorithm)) + 1;
    for (int i = 0; i < h->b.arms; i++)
        used += (size_t)snprintf(text + used, room - used, "%s", h->labels[i]) + 1;
    hti_record(h->agent, RR_BANDIT, h->number, 0, &head, sizeof head, text, used);
    free(text);
}

/* Room for a quarter of the queue at most: probabilities never stand in the way of reports and answers. */
static bool has_room(const ht_agent *a, size_t bytes)
{
    const struct ring_queue *q = &a->ring.control;
    uint64_t used = atomic_load_explicit(&q->cursor->head, memory_order_relaxed) -
                    atomic_load_explicit(&q->cursor->tail, memory_order_relaxed);
    return used + bytes / (RING_CONTROL_SLOT - 32) + 2 <= ((uint64_t)q->mask + 1) / 4;
}

/* The first end of what people hold on an arm; BANDIT_FOREVER: nothing ends. */
static uint64_t holds_until(const struct bandit *b, int arm)
{
    const struct bandit_arm *a = &b->arm[arm];
    uint64_t first = BANDIT_FOREVER;
    if (bandit_banned(b, arm))
        first = a->ban_until;
    if (bandit_pinned(b) == arm && b->pin_until < first)
        first = b->pin_until;
    if (bandit_boosted(b, arm) != 1 && a->boost_until < first)
        first = a->boost_until;
    return first;
}

/* now: as hti_now. steered: because people's hold on the arms has changed. */
static void say_arms(ht_bandit *h, int64_t now, bool steered)
{
    struct ring_arms head = {.arms = (uint32_t)h->b.arms, .steered = steered};
    size_t bytes = (size_t)h->b.arms * sizeof *h->said;
    h->say_due = now + SAY_NS;
    h->holds_until = BANDIT_FOREVER;
    bandit_probs(&h->b, h->next);
    bandit_best(&h->b, h->best);
    for (int i = 0; i < h->b.arms; i++) {
        uint64_t end = holds_until(&h->b, i);
        h->holds_until = end < h->holds_until ? end : h->holds_until;
        h->said[i] = (struct ring_arm){.p_next = h->next[i],
                                       .p_best = h->best[i],
                                       .boost = bandit_boosted(&h->b, i),
                                       .left = end == BANDIT_FOREVER ? end : end - h->b.choices,
                                       .banned = bandit_banned(&h->b, i),
                                       .pinned = bandit_pinned(&h->b) == i};
    }
    if (steered || has_room(h->agent, bytes))
        hti_record(h->agent, RR_ARMS, h->number, h->t, &head, sizeof head, h->said, bytes);
    int64_t took = hti_now() - now;
    if (took > SAY_NS / SAY_SHARE)
        h->say_due = now + (took < 60 * (int64_t)SAY_NS ? took * SAY_SHARE : SAY_NS);
}

/* Enters the agent's list and announces the bandit; quietly does not when the list is full: it then
 * decides unseen. */
static void enlist(ht_bandit *h, ht_agent *a)
{
    if (!hti_live(a) || a->n_bandits == HTI_BANDITS || a->bandits_opened > UINT16_MAX)
        return;
    h->agent = a;
    h->number = (uint16_t)a->bandits_opened++;
    a->bandits[a->n_bandits++] = h;
    say_opened(h);
    say_arms(h, hti_now(), false);
}

/* The options that only some algorithms have; 0 leaves what bandit_init has set. -1: they make no sense. */
static int configure(struct bandit *b, const struct ht_bandit_options *o)
{
    if (b->algorithm == BANDIT_UCB_SLIDING && o->window)
        return bandit_set_window(b, o->window);
    if (!bandit_contextual(b->algorithm))
        return 0;
    struct bandit_context c = bandit_context_fallback;
    if (o->context_low != 0 || o->context_high != 0) {
        c.low = o->context_low;
        c.high = o->context_high;
    }
    c.bins = o->bins ? o->bins : c.bins;
    c.features = o->features ? o->features : c.features;
    c.alpha = o->alpha != 0 ? o->alpha : c.alpha;
    return c.low < c.high ? bandit_set_context(b, &c) : -1;
}

ht_bandit *ht_bandit_open(ht_agent *a, const struct ht_bandit_options *given)
{
    struct ht_bandit_options o = {.size = sizeof o};
    if (!given)
        return NULL;
    memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    if ((unsigned)o.algorithm >= sizeof algorithms / sizeof algorithms[0] || o.arms < 2 ||
        o.arms > BANDIT_ARMS_MAX)
        return NULL;
    ht_bandit *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->labels = calloc((size_t)o.arms, sizeof *h->labels);
    h->values = o.values ? calloc((size_t)o.arms, sizeof *h->values) : NULL;
    h->next = calloc((size_t)o.arms * 2, sizeof *h->next);
    h->best = h->next ? h->next + o.arms : NULL;
    h->said = calloc((size_t)o.arms, sizeof *h->said);
    if (!h->labels || (o.values && !h->values) || !h->next || !h->said ||
        bandit_init(&h->b, algorithms[o.algorithm], o.arms, o.low, o.scale) != 0 || configure(&h->b, &o) != 0) {
        release(h);
        return NULL;
    }
    snprintf(h->name, sizeof h->name, "%s", o.name && *o.name ? o.name : "bandit");
    rng_seed(&h->rng, o.seed);
    label_arms(h, &o);
    enlist(h, a);
    return h;
}

void ht_bandit_close(ht_bandit *h)
{
    if (!h)
        return;
    ht_agent *a = h->agent;
    for (int i = 0; a && i < a->n_bandits; i++)
        if (a->bandits[i] == h) {
            memmove(&a->bandits[i], &a->bandits[i + 1],
                    (size_t)(a->n_bandits - i - 1) * sizeof a->bandits[0]);
            a->n_bandits--;
        }
    release(h);
}

/* ---- playing ---- */

int ht_bandit_choose_in(ht_bandit *h, double context, double *propensity)
{
    if (!h) {
        if (propensity)
            *propensity = 1;
        return 0;
    }
    if (h->open)
        bandit_forget(&h->b, &h->pull);
    bandit_choose_in(&h->b, &context, 1, &h->rng, &h->pull);
    h->open = true;
    h->context = context;
    if (propensity)
        *propensity = h->pull.propensity;
    return h->pull.arm;
}

int ht_bandit_choose(ht_bandit *h, double *propensity)
{
    return ht_bandit_choose_in(h, NAN, propensity);
}

int ht_bandit_reward(ht_bandit *h, double cost)
{
    if (!h || !h->open)
        return HT_INVALID;
    h->open = false;
    h->t++;
    bandit_learn_in(&h->b, &h->pull, &h->context, 1, cost);
    if (!h->agent || !hti_live(h->agent))
        return HT_INERT;
    struct ring_pull p = {.bandit = h->number,
                          .arm = (uint16_t)h->pull.arm,
                          .flags = h->pull.forced ? RING_FORCED : 0,
                          .t = h->t,
                          .time = hti_now(),
                          .cost = cost,
                          .context = h->context,
                          .propensity = h->pull.propensity};
    bool ok = ring_pull_push(hti_lane(h->agent, hti_thread()), &p);
    bool ended = h->b.choices >= h->holds_until;
    if (ended || p.time >= h->say_due)
        say_arms(h, p.time, ended);
    return ok ? HT_OK : HT_DROPPED;
}

double ht_bandit_value(const ht_bandit *h, int arm)
{
    if (!h || arm < 0 || arm >= h->b.arms)
        return NAN;
    return h->values ? h->values[arm] : (double)arm;
}

/* ---- steering ---- */

struct steering { /* what a command may change, to be put back when its second arm turns out to be wrong */
    struct bandit_arm *arm;
    int pinned;
    uint64_t pin_until;
};

/* By label first: an arm may be called "3" and not be the third. */
static int find_arm(const ht_bandit *h, const char *s, size_t n)
{
    for (int i = 0; i < h->b.arms; i++)
        if (strlen(h->labels[i]) == n && memcmp(h->labels[i], s, n) == 0)
            return i;
    char text[16], *end;
    if (n == 0 || n >= sizeof text)
        return -1;
    memcpy(text, s, n);
    text[n] = '\0';
    long i = strtol(text, &end, 10);
    return *end == '\0' && text[0] != '-' && i < h->b.arms ? (int)i : -1;
}

static int steer_arm(ht_bandit *h, const struct ring_command *c, int arm, char why[256])
{
    uint64_t pulls = c->count > 0 ? (uint64_t)c->count : BANDIT_FOREVER;
    int rc = -1;
    switch (c->kind) {
    case RING_CMD_BAN:
        rc = bandit_ban(&h->b, arm, pulls);
        break;
    case RING_CMD_UNBAN:
        rc = bandit_ban(&h->b, arm, 0);
        break;
    case RING_CMD_PIN:
        rc = bandit_pin(&h->b, arm, pulls);
        break;
    case RING_CMD_UNPIN:
        rc = bandit_pinned(&h->b) == arm ? bandit_pin(&h->b, -1, 0) : 0;
        break;
    case RING_CMD_BOOST:
        rc = bandit_boost(&h->b, arm, c->value, pulls);
        break;
    }
    if (rc == 0)
        return 0;
    if (c->kind == RING_CMD_BAN)
        snprintf(why, 256, "banning arm %s would leave no arm to pull", h->labels[arm]);
    else if (c->kind == RING_CMD_PIN)
        snprintf(why, 256, "arm %s is banned; lift the ban first", h->labels[arm]);
    else
        snprintf(why, 256, "%g is not a weight: use a number from 0", c->value);
    return -1;
}

static int steer_arms(ht_bandit *h, const struct ring_command *c, char why[256])
{
    const char *s = c->text;
    if (!*s && c->kind == RING_CMD_UNPIN)
        return bandit_pin(&h->b, -1, 0);
    if (!*s && c->kind == RING_CMD_UNBAN) {
        for (int i = 0; i < h->b.arms; i++)
            bandit_ban(&h->b, i, 0);
        return 0;
    }
    for (;;) {
        size_t n = strcspn(s, "\x1f");
        int arm = find_arm(h, s, n);
        if (arm < 0) {
            snprintf(why, 256, "bandit %s has no arm %.*s", h->name, (int)(n < 100 ? n : 100), s);
            return -1;
        }
        if (steer_arm(h, c, arm, why) != 0)
            return -1;
        if (!s[n])
            return 0;
        s += n + 1;
    }
}

/* All of a command's arms or none. */
static int steer(ht_bandit *h, const struct ring_command *c, char why[256])
{
    if (c->kind == RING_CMD_EXPLORE) {
        if (bandit_explore(&h->b, c->value) == 0)
            return 0;
        snprintf(why, 256, "%g is not a factor for exploration: use a number from 0", c->value);
        return -1;
    }
    size_t bytes = (size_t)h->b.arms * sizeof *h->b.arm;
    struct steering before = {malloc(bytes), h->b.pinned, h->b.pin_until};
    if (!before.arm) {
        snprintf(why, 256, "no memory");
        return -1;
    }
    memcpy(before.arm, h->b.arm, bytes);
    int rc = steer_arms(h, c, why);
    if (rc != 0) {
        memcpy(h->b.arm, before.arm, bytes);
        h->b.pinned = before.pinned;
        h->b.pin_until = before.pin_until;
    }
    free(before.arm);
    return rc;
}

/* The bandit is named NAME, or RUN/NAME as on the hub's screens; "" means every bandit of the program. */
static bool meant(const ht_bandit *h, const char *name)
{
    const char *slash = strrchr(name, '/');
    return !*name || strcmp(h->name, name) == 0 || (slash && strcmp(h->name, slash + 1) == 0);
}

void hti_steer(ht_agent *a, const struct ring_command *c)
{
    char why[256] = "";
    int hits = 0;
    int64_t t = 0;
    if (c->kind < RING_CMD_BAN || c->kind > RING_CMD_EXPLORE) {
        hti_reject(a, c, "this library does not know the command");
        return;
    }
    for (int i = 0; i < a->n_bandits && !*why; i++) {
        if (!meant(a->bandits[i], c->name))
            continue;
        hits++;
        t = a->bandits[i]->t;
        if (steer(a->bandits[i], c, why) == 0 && hti_live(a))
            say_arms(a->bandits[i], hti_now(), true); /* before the answer: who waits for that sees it */
    }
    if (!hits)
        snprintf(why, sizeof why,
                 *c->name ? "the program has no bandit %.63s" : "the program has no bandit%.63s", c->name);
    struct hti_reply reply = {.command = c->id,
                              .verb = (enum ring_command_kind)c->kind,
                              .state = *why ? RING_REJECTED : RING_APPLIED,
                              .step = t,
                              .message = why};
    hti_answer(a, &reply);
}
