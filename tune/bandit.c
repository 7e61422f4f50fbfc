/* The state of a bandit: pulls, costs, steering, dump and load. What the probabilities are is
 * bandit_policy.c's business.
 *
 * Steering and learning are kept apart by two rules. A boosted or banned policy is still a policy: its own
 * probabilities are what goes into the importance weights, so the estimates stay unbiased. A forced pull
 * (pin) is not: its cost goes to the arm's mean, never to the estimates, and the round count of the learning
 * rate stands still. While an arm is banned its estimate grows by its own mean cost, as if it had been seen
 * at its usual rate; otherwise it would come back with a head start over all arms that went on collecting
 * losses. */
#include "tune/bandit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tune/bandit_context.h"
#include "tune/bandit_policy.h"
#include "tune/bandit_window.h"

static const struct {
    const char *name, *text;
} list[] = {
#define BANDIT_ROW(e, name, text) {name, text},
    BANDITS(BANDIT_ROW)
#undef BANDIT_ROW
};

const char *bandit_name(enum bandit_algorithm a)
{
    return (unsigned)a < BANDIT_COUNT ? list[a].name : "unknown";
}

const char *bandit_text(enum bandit_algorithm a)
{
    return (unsigned)a < BANDIT_COUNT ? list[a].text : "";
}

bool bandit_find(const char *name, enum bandit_algorithm *out)
{
    for (int i = 0; i < BANDIT_COUNT; i++) {
        if (strcmp(list[i].name, name))
            continue;
        *out = (enum bandit_algorithm)i;
        return true;
    }
    return false;
}

static int allocate(struct bandit *b, int arms)
{
    b->arms = arms;
    b->arm = calloc((size_t)arms, sizeof *b->arm);
    b->p = calloc((size_t)arms * 3, sizeof *b->p);
    b->climb = calloc((size_t)arms, sizeof *b->climb);
    if (!b->arm || !b->p || !b->climb) {
        bandit_release(b);
        return -1;
    }
    b->loss = b->p + arms;
    b->work = b->loss + arms;
    return 0;
}

int bandit_init(struct bandit *b, enum bandit_algorithm a, int arms, double low, double scale)
{
    memset(b, 0, sizeof *b);
    if ((unsigned)a >= BANDIT_COUNT || arms < 2 || arms > BANDIT_ARMS_MAX || !isfinite(low) ||
        !(scale >= 0) || isinf(scale))
        return -1;
    if (allocate(b, arms) < 0)
        return -1;
    b->algorithm = a;
    b->low = low;
    b->scale = scale;
    b->explore = 1;
    b->discount = 1 - 1 / (4 * sqrt(1e4)); /* the paper's choice for a horizon of 10,000 pulls */
    b->confidence = 0.05;
    b->pinned = -1;
    b->root = NAN;
    for (int i = 0; i < arms; i++) {
        b->arm[i].boost = 1;
        b->p[i] = 1.0 / arms;
    }
    if ((bandit_contextual(a) && bandit_set_context(b, &bandit_context_fallback) < 0) ||
        (a == BANDIT_UCB_SLIDING && bandit_set_window(b, 1000) < 0)) {
        bandit_release(b);
        return -1;
    }
    return 0;
}

void bandit_release(struct bandit *b)
{
    free(b->arm);
    free(b->p);
    free(b->climb);
    free(b->window);
    side_free(b->side);
    memset(b, 0, sizeof *b);
}

static bool due(uint64_t until, uint64_t now)
{
    return until && (until == BANDIT_FOREVER || now < until);
}

bool bandit_banned(const struct bandit *b, int arm)
{
    return due(b->arm[arm].ban_until, b->choices);
}

int bandit_pinned(const struct bandit *b)
{
    return b->pinned >= 0 && due(b->pin_until, b->choices) ? b->pinned : -1;
}

double bandit_boosted(const struct bandit *b, int arm)
{
    return due(b->arm[arm].boost_until, b->choices) ? b->arm[arm].boost : 1;
}

static uint64_t until(const struct bandit *b, uint64_t pulls)
{
    return pulls == BANDIT_FOREVER || pulls > BANDIT_FOREVER - 1 - b->choices ? BANDIT_FOREVER
                                                                              : b->choices + pulls;
}

int bandit_ban(struct bandit *b, int arm, uint64_t pulls)
{
    if (arm < 0 || arm >= b->arms)
        return -1;
    if (!pulls) {
        b->arm[arm].ban_until = 0;
        return 0;
    }
    int left = 0;
    for (int i = 0; i < b->arms; i++)
        left += i != arm && !bandit_banned(b, i);
    if (!left || bandit_pinned(b) == arm)
        return -1;
    b->arm[arm].ban_until = until(b, pulls);
    return 0;
}

int bandit_pin(struct bandit *b, int arm, uint64_t pulls)
{
    if (arm < 0 || !pulls) {
        b->pinned = -1;
        b->pin_until = 0;
        return 0;
    }
    if (arm >= b->arms || bandit_banned(b, arm))
        return -1;
    b->pinned = arm;
    b->pin_until = until(b, pulls);
    return 0;
}

int bandit_boost(struct bandit *b, int arm, double weight, uint64_t pulls)
{
    if (arm < 0 || arm >= b->arms || !(weight > 0) || isinf(weight))
        return -1;
    b->arm[arm].boost = pulls ? weight : 1;
    b->arm[arm].boost_until = pulls ? until(b, pulls) : 0;
    return 0;
}

int bandit_explore(struct bandit *b, double factor)
{
    if (!(factor >= 0) || isinf(factor))
        return -1;
    b->explore = factor;
    return 0;
}

void bandit_look(struct bandit *b, const double *context, int n)
{
    if (b->side)
        side_look(b, context, n);
}

void bandit_choose_in(struct bandit *b, const double *context, int n, struct rng *rng, struct bandit_pull *out)
{
    bandit_look(b, context, n);
    bandit_choose(b, rng, out);
}

void bandit_choose(struct bandit *b, struct rng *rng, struct bandit_pull *out)
{
    double u = rng_unit(rng); /* always one draw, so that a pin does not shift the stream of chance */
    int pin = bandit_pinned(b);
    if (pin >= 0) {
        *out = (struct bandit_pull){.arm = pin, .forced = true, .propensity = 1};
    } else {
        bandit_policy(b);
        int arm = -1;
        for (int i = 0; i < b->arms; i++) {
            if (b->p[i] <= 0)
                continue;
            arm = i;
            u -= b->p[i];
            if (u < 0)
                break;
        }
        *out = (struct bandit_pull){.arm = arm, .propensity = b->p[arm]};
    }
    b->arm[out->arm].pending++;
    b->choices++;
}

void bandit_probs(struct bandit *b, double *p)
{
    int pin = bandit_pinned(b);
    double root = b->root, rate = b->rate;
    memcpy(p, b->p, (size_t)b->arms * sizeof *p); /* learn may still need the last choice's vector */
    bandit_policy(b);
    for (int i = 0; i < b->arms; i++) {
        double keep = p[i];
        p[i] = pin < 0 ? b->p[i] : i == pin;
        b->p[i] = keep;
    }
    b->root = root;
    b->rate = rate;
}

void bandit_best(struct bandit *b, double *p)
{
    bandit_match(b, 1, false, p);
}

/* cost - low, made finite: a failed pull counts as the worst seen (or the worst possible when the range is
 * known). */
static double excess(const struct bandit *b, double cost)
{
    double x = cost - b->low;
    if (b->scale > 0)
        return isfinite(x) ? fmin(fmax(x, 0), b->scale) : b->scale;
    return isfinite(x) ? fmax(x, 0) : b->largest > 0 ? b->largest : 1;
}

static void count(struct bandit *b, int arm, double x)
{
    if (b->algorithm == BANDIT_UCB_DISCOUNTED) {
        for (int i = 0; i < b->arms; i++) {
            b->arm[i].n *= b->discount;
            b->arm[i].sum *= b->discount;
            b->arm[i].sum2 *= b->discount;
        }
    }
    struct bandit_arm *a = &b->arm[arm];
    a->pulls++;
    a->n += 1;
    a->sum += x;
    a->sum2 += x * x;
    if (b->window)
        window_push(b, arm, x);
    b->learned++;
    b->total += x;
    b->largest = fmax(b->largest, x);
}

static double mean_excess(const struct bandit *b, int arm)
{
    const struct bandit_arm *a = &b->arm[arm];
    return a->n > 0 ? a->sum / a->n : b->learned ? b->total / (double)b->learned : 0;
}

static bool weighted(enum bandit_algorithm a)
{
    return a == BANDIT_TSALLIS_INF || a == BANDIT_TSALLIS_INF_RV || a == BANDIT_EXP3 || a == BANDIT_EXP3_IX;
}

void bandit_learn(struct bandit *b, const struct bandit_pull *pull, double cost)
{
    struct bandit_arm *a = &b->arm[pull->arm];
    double x = excess(b, cost), p = pull->propensity;
    if (a->pending)
        a->pending--;
    count(b, pull->arm, x);
    bool forced = pull->forced || !(p > 0);
    b->rounds += !forced;
    if (b->side)
        side_learn(b, pull->arm, x, forced ? 0 : p);
    if (forced || !weighted(b->algorithm))
        return;
    for (int i = 0; i < b->arms; i++)
        if (i != pull->arm && b->arm[i].ban_until && bandit_banned(b, i))
            b->arm[i].estimate += mean_excess(b, i);
    if (b->algorithm == BANDIT_EXP3_IX)
        p += b->rate / 2;
    a->estimate += x / p;
    if (b->algorithm != BANDIT_TSALLIS_INF_RV)
        return;
    /* B_i = 1/2 where the arm is likely enough; any vector known before the draw keeps the estimate
     * unbiased */
    double bar = b->rate * b->rate;
    for (int i = 0; i < b->arms; i++)
        if (i != pull->arm && b->p[i] >= bar)
            b->arm[i].control += 0.5;
    if (p >= bar)
        a->control += 0.5 - 0.5 / p;
}

void bandit_learn_in(struct bandit *b, const struct bandit_pull *pull, const double *context, int n, double cost)
{
    bandit_look(b, context, n);
    bandit_learn(b, pull, cost);
}

void bandit_observe(struct bandit *b, int arm, double cost)
{
    double x = excess(b, cost);
    count(b, arm, x);
    if (b->side)
        side_observe(b, arm, x);
}

void bandit_observe_in(struct bandit *b, int arm, const double *context, int n, double cost)
{
    bandit_look(b, context, n);
    bandit_observe(b, arm, cost);
}

void bandit_clear(struct bandit *b)
{
    for (int i = 0; i < b->arms; i++) {
        struct bandit_arm *a = &b->arm[i];
        a->n = a->sum = a->sum2 = 0;
        a->pulls = a->pending = 0;
    }
    b->total = b->largest = 0;
    b->learned = 0;
    if (b->window)
        window_clear(b->window);
    if (b->side)
        side_clear(b->side);
}

void bandit_forget(struct bandit *b, const struct bandit_pull *pull)
{
    if (b->arm[pull->arm].pending)
        b->arm[pull->arm].pending--;
}

void bandit_explain(const struct bandit *b, int arm, struct bandit_row *out)
{
    const struct bandit_arm *a = &b->arm[arm];
    *out = (struct bandit_row){.pulls = a->pulls, .mean = NAN, .low = NAN, .high = NAN};
    if (!(a->n > 0))
        return;
    double mean = a->sum / a->n;
    out->mean = mean + b->low;
    if (a->n < 1.5)
        return;
    double var = fmax(0, a->sum2 / a->n - mean * mean) * a->n / (a->n - 1),
           half = 1.959964 * sqrt(var / a->n);
    out->low = out->mean - half;
    out->high = out->mean + half;
}

/* ---- dump and load ---- */

/* "htBandB1" on this byte order; another order does not match */
#define DUMP_MAGIC UINT64_C(0x3142646e61427468)

struct dump_head {
    uint64_t magic;
    int64_t algorithm, arms, pinned;
    double low, scale, explore, discount, total, largest, root, rate;
    uint64_t choices, rounds, learned, pin_until;
};

/* What the policies with more state than their arms append: the confidence, the window, the side. */
static size_t more_size(const struct bandit *b)
{
    if (b->window)
        return window_size(b->window);
    if (b->side)
        return side_size(b->side);
    return b->algorithm == BANDIT_ELIMINATION ? sizeof b->confidence : 0;
}

static void more_dump(const struct bandit *b, uint8_t *out)
{
    if (b->window)
        memcpy(out, b->window, window_size(b->window));
    else if (b->side)
        side_dump(b->side, out);
    else if (b->algorithm == BANDIT_ELIMINATION)
        memcpy(out, &b->confidence, sizeof b->confidence);
}

static int more_load(struct bandit *b, const uint8_t *p, size_t n)
{
    if (b->window)
        return window_load(b, p, n);
    if (b->side)
        return side_load(b, p, n);
    if (n != more_size(b))
        return -1;
    if (n)
        memcpy(&b->confidence, p, n);
    return b->confidence > 0 && b->confidence < 1 ? 0 : -1;
}

size_t bandit_dump(const struct bandit *b, void *out, size_t cap)
{
    size_t k = (size_t)b->arms, arms = k * sizeof *b->arm, probs = k * sizeof *b->p;
    size_t size = sizeof(struct dump_head) + arms + probs + more_size(b);
    if (!out || cap < size)
        return size;
    struct dump_head h = {DUMP_MAGIC, b->algorithm, b->arms,    b->pinned,   b->low,  b->scale,
                          b->explore, b->discount,  b->total,   b->largest,  b->root, b->rate,
                          b->choices, b->rounds,    b->learned, b->pin_until};
    uint8_t *at = out;
    memcpy(at, &h, sizeof h);
    memcpy(at + sizeof h, b->arm, arms);
    memcpy(at + sizeof h + arms, b->p, probs);
    more_dump(b, at + sizeof h + arms + probs);
    return size;
}

int bandit_load(struct bandit *b, const void *p, size_t n)
{
    struct dump_head h;
    const uint8_t *at = p;
    if (n < sizeof h)
        return -1;
    memcpy(&h, at, sizeof h);
    if (h.magic != DUMP_MAGIC || h.algorithm < 0 || h.algorithm >= BANDIT_COUNT || h.arms < 2 ||
        h.arms > BANDIT_ARMS_MAX || h.pinned < -1 || h.pinned >= h.arms)
        return -1;
    size_t arms = (size_t)h.arms * sizeof *b->arm, probs = (size_t)h.arms * sizeof *b->p;
    if (n < sizeof h + arms + probs ||
        bandit_init(b, (enum bandit_algorithm)h.algorithm, (int)h.arms, h.low, h.scale) < 0)
        return -1;
    b->pinned = (int)h.pinned;
    b->explore = h.explore;
    b->discount = h.discount;
    b->total = h.total;
    b->largest = h.largest;
    b->root = h.root;
    b->rate = h.rate;
    b->choices = h.choices;
    b->rounds = h.rounds;
    b->learned = h.learned;
    b->pin_until = h.pin_until;
    memcpy(b->arm, at + sizeof h, arms);
    memcpy(b->p, at + sizeof h + arms, probs);
    size_t head = sizeof h + arms + probs;
    if (more_load(b, at + head, n - head) == 0)
        return 0;
    bandit_release(b);
    return -1;
}
