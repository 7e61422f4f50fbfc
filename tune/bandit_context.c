/* The contextual policies.
 *
 * TSALLIS_CB: the context's range in equal bins, a Tsallis-INF in each.
 *
 * CHEB_CB: M. Khodak, E. Chow, M.-F. Balcan and A. Talwalkar, "Learning to Relax: Setting Solver Parameters
 * Across a Sequence of Linear System Instances", ICLR 2024, algorithm 3: inverse-gap weighting over one
 * Chebyshev regression an arm, whose coefficients are bounded as those of a Lipschitz function are. Sums are
 * all it keeps; what the authors' program recomputes from its history with today's scale follows from them,
 * since the scale only divides. The losses are costs above `low`, and the smallest one counts as 0.
 *
 * LINUCB: L. Li, W. Chu, J. Langford and R. E. Schapire, WWW 2010, one ridge regression an arm (disjoint
 * models), its inverse updated by Sherman and Morrison. k open pulls of an arm narrow its bound as if their
 * contexts were this one. */
#include "tune/bandit_context.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tune/bandit_policy.h"

const struct bandit_context bandit_context_fallback = {
    .dims = 1, .low = 0, .high = 1, .bins = 5, .features = 6, .alpha = 1};

bool bandit_contextual(enum bandit_algorithm a)
{
    return a == BANDIT_TSALLIS_CB || a == BANDIT_CHEB_CB || a == BANDIT_LINUCB;
}

/* ---- life ---- */

enum { TALLY_PREDICTED, TALLY_PRODUCT, TALLY_LOSS, TALLY_PLAYS, TALLY_SCALE, TALLY_COUNT };

void side_free(struct bandit_side *s)
{
    if (!s)
        return;
    free(s->x);
    free(s->block);
    free(s->work);
    free(s);
}

static double *part(struct bandit_side *s, size_t n)
{
    double *at = s->block ? s->block + s->size : NULL;
    s->size += n;
    return at;
}

/* Places the parts in the block; with no block yet, only adds up its size. */
static void lay_out(struct bandit_side *s)
{
    size_t arms = (size_t)s->arms, n = (size_t)s->n, bins = (size_t)s->as.bins;
    s->size = 0;
    if (s->algorithm == BANDIT_TSALLIS_CB) {
        s->bins = (struct side_bin *)part(s, bins * sizeof *s->bins / sizeof(double));
        s->estimate = part(s, bins * arms);
        return;
    }
    s->gram = part(s, arms * n * n);
    s->cross = part(s, arms * n);
    s->theta = part(s, arms * n);
    s->squares = part(s, arms);
    s->rest = part(s, arms);
    s->plays = part(s, arms);
    s->tally = part(s, TALLY_COUNT);
}

void side_clear(struct bandit_side *s)
{
    if (s->algorithm == BANDIT_TSALLIS_CB)
        return;
    size_t arms = (size_t)s->arms, n = (size_t)s->n;
    memset(s->gram, 0, (size_t)(s->tally - s->gram) * sizeof *s->gram);
    if (s->algorithm == BANDIT_LINUCB)
        for (size_t i = 0; i < arms; i++)
            for (size_t j = 0; j < n; j++)
                s->gram[(i * n + j) * n + j] = 1;
    s->tally[TALLY_SCALE] = 0; /* every fit is made anew */
}

static int features(enum bandit_algorithm a, const struct bandit_context *c)
{
    return a == BANDIT_TSALLIS_CB ? 0 : a == BANDIT_CHEB_CB ? c->features : c->dims + 1;
}

static bool sensible(enum bandit_algorithm a, const struct bandit_context *c)
{
    bool one = c->dims == 1 && c->low < c->high;
    return bandit_contextual(a) && c->dims >= 0 && c->dims <= BANDIT_CONTEXT_MAX && isfinite(c->low) &&
           isfinite(c->high) && isfinite(c->high - c->low) && c->bins >= 1 && c->bins <= BANDIT_BINS_MAX &&
           c->features >= 1 && c->features <= BANDIT_FEATURES_MAX && c->alpha >= 0 && isfinite(c->alpha) &&
           (a == BANDIT_LINUCB ? c->low <= c->high : one);
}

int bandit_set_context(struct bandit *b, const struct bandit_context *c)
{
    if (!sensible(b->algorithm, c))
        return -1;
    struct bandit_side *s = calloc(1, sizeof *s);
    if (!s)
        return -1;
    s->algorithm = b->algorithm;
    s->as = *c;
    s->arms = b->arms;
    s->n = features(b->algorithm, c);
    lay_out(s);
    size_t n = (size_t)s->n;
    s->block = calloc(s->size, sizeof *s->block);
    s->x = calloc(n + 1, sizeof *s->x);
    s->work = calloc(2 * n * n + 2 * n + 1, sizeof *s->work);
    if (!s->block || !s->x || !s->work) {
        side_free(s);
        return -1;
    }
    lay_out(s);
    side_clear(s);
    for (int k = 0; s->bins && k < c->bins; k++)
        s->bins[k].root = NAN;
    side_free(b->side);
    b->side = s;
    side_look(b, NULL, 0);
    return 0;
}

/* ---- contexts ---- */

/* To -1..1 over the range; missing numbers lie in the middle. */
static double placed(const struct bandit_context *c, const double *context, int n, int i)
{
    double half = (c->high - c->low) / 2;
    if (i >= n || !isfinite(context[i]))
        return 0;
    return half > 0 ? fmin(fmax((context[i] - c->low) / half - 1, -1), 1) : context[i];
}

void side_look(struct bandit *b, const double *context, int n)
{
    struct bandit_side *s = b->side;
    if (s->algorithm == BANDIT_LINUCB) {
        s->x[0] = 1;
        for (int i = 1; i < s->n; i++)
            s->x[i] = placed(&s->as, context, n, i - 1);
        return;
    }
    double z = placed(&s->as, context, n, 0);
    if (s->algorithm == BANDIT_TSALLIS_CB) {
        s->bin = (int)fmin((z + 1) / 2 * s->as.bins, s->as.bins - 1);
        return;
    }
    for (int j = 0; j < s->n; j++)
        s->x[j] = j == 0 ? 1 : j == 1 ? z : 2 * z * s->x[j - 1] - s->x[j - 2];
}

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* ---- Tsallis-INF in bins ---- */

static void bins_policy(struct bandit *b)
{
    struct bandit_side *s = b->side;
    struct side_bin *bin = &s->bins[s->bin];
    const double *estimate = s->estimate + (size_t)s->bin * (size_t)b->arms;
    double unit = b->scale > 0                         ? b->scale
                  : bin->learned > 0 && bin->total > 0 ? bin->total / bin->learned
                                                       : 1;
    int n = 0;
    for (int i = 0; i < b->arms; i++)
        if (!bandit_banned(b, i))
            b->loss[n++] = estimate[i] / unit;
    bin->rate = 2 / sqrt(bin->rounds + 1);
    if (n == 1 || b->explore == 0) {
        bandit_greedy(b->loss, n, b->work);
    } else {
        bin->rate /= b->explore;
        bin->root = bandit_tsallis(b->loss, n, bin->rate, bin->root, b->work);
    }
    bandit_spread(b, b->work, true);
}

static void bins_learn(struct bandit *b, int arm, double x, double p)
{
    struct bandit_side *s = b->side;
    struct side_bin *bin = &s->bins[s->bin];
    double *estimate = s->estimate + (size_t)s->bin * (size_t)b->arms;
    bin->learned++;
    bin->total += x;
    if (!(p > 0))
        return;
    bin->rounds++;
    estimate[arm] += x / p;
    for (int i = 0; i < b->arms; i++) /* as in bandit_learn: a ban is no head start */
        if (i != arm && bandit_banned(b, i))
            estimate[i] += b->arm[i].n > 0 ? b->arm[i].sum / b->arm[i].n : bin->total / bin->learned;
}

/* ---- ChebCB ---- */

/* N of the algorithm: how much larger than 1 the scale is; the smallest loss counts as 0. */
static double cheb_factor(int m)
{
    return 2 + 4 * (1 + log(m));
}

static void cheb_fit(struct bandit *b, int arm)
{
    struct bandit_side *s = b->side;
    size_t m = (size_t)s->n, i = (size_t)arm;
    double scale = s->tally[TALLY_SCALE], *theta = s->theta + i * m, *g = s->work, *bound = g + m,
           *spare = bound + m;
    const double *G = s->gram + i * m * m;
    bool outside = false;
    for (size_t j = 0; j < m; j++) {
        g[j] = s->cross[i * m + j] / scale;
        bound[j] = (j ? 2 / (double)j : 1) / cheb_factor(s->n);
    }
    side_least_squares(G, g, s->n, theta, spare);
    for (size_t j = 0; j < m; j++)
        outside |= !(fabs(theta[j]) <= bound[j]);
    if (outside)
        side_boxed(G, g, s->n, bound, theta);
    double rest = s->squares[i] / (scale * scale);
    for (size_t j = 0; j < m; j++)
        rest += theta[j] * (dot(G + j * m, theta, s->n) - 2 * g[j]);
    s->rest[i] = fmax(rest, 0);
}

static void cheb_observe(struct bandit *b, int arm, double x)
{
    struct bandit_side *s = b->side;
    size_t m = (size_t)s->n, i = (size_t)arm;
    double scale = b->largest * cheb_factor(s->n);
    for (size_t j = 0; j < m; j++) {
        s->cross[i * m + j] += s->x[j] * x;
        for (size_t k = 0; k < m; k++)
            s->gram[(i * m + j) * m + k] += s->x[j] * s->x[k];
    }
    s->squares[i] += x * x;
    s->plays[i]++;
    if (!(scale > 0)) /* nothing has cost anything yet: all fits are 0 */
        return;
    bool changed = scale != s->tally[TALLY_SCALE];
    s->tally[TALLY_SCALE] = scale;
    for (int k = 0; k < b->arms; k++)
        if (k == arm || (changed && s->plays[k] > 0))
            cheb_fit(b, k);
}

static void cheb_learn(struct bandit *b, int arm, double x, double p)
{
    struct bandit_side *s = b->side;
    if (p > 0) { /* what it expected stands in the units of the fits as they were */
        double predicted = dot(s->theta + (size_t)arm * (size_t)s->n, s->x, s->n);
        s->tally[TALLY_PREDICTED] += predicted * predicted;
        s->tally[TALLY_PRODUCT] += predicted * x;
        s->tally[TALLY_LOSS] += x * x;
        s->tally[TALLY_PLAYS]++;
    }
    cheb_observe(b, arm, x);
}

/* The learning rate of the inverse gaps: t times that of SquareCB's analysis, as in the authors' program. */
static double cheb_rate(const struct bandit *b, int arms)
{
    const struct bandit_side *s = b->side;
    const double *tally = s->tally;
    double scale = tally[TALLY_SCALE], t = tally[TALLY_PLAYS] + 1, m = s->n;
    double alpha = (M_PI + 2 / M_PI * log(2 * m + 1)) / (2 * cheb_factor(s->n) * (m + 1));
    if (!(scale > 0))
        return 0;
    double regret =
        tally[TALLY_PREDICTED] - 2 * tally[TALLY_PRODUCT] / scale + tally[TALLY_LOSS] / (scale * scale);
    for (int i = 0; i < b->arms; i++)
        regret -= s->rest[i];
    return 2 * t * sqrt(arms * t / fmax(1e-12, regret + 2 * alpha * alpha * t));
}

static void cheb_policy(struct bandit *b)
{
    struct bandit_side *s = b->side;
    int n = 0, best = 0;
    for (int i = 0; i < b->arms; i++) {
        if (bandit_banned(b, i))
            continue;
        b->loss[n] = dot(s->theta + (size_t)i * (size_t)s->n, s->x, s->n);
        best = b->loss[n] < b->loss[best] ? n : best;
        n++;
    }
    double rate = cheb_rate(b, n), left = 1;
    if (n == 1 || b->explore == 0) {
        bandit_greedy(b->loss, n, b->work);
    } else {
        for (int k = 0; k < n; k++) {
            b->work[k] = 1 / (n + rate / b->explore * (b->loss[k] - b->loss[best]));
            left -= k == best ? 0 : b->work[k];
        }
        b->work[best] = left;
    }
    bandit_spread(b, b->work, true);
}

/* ---- LinUCB ---- */

static void lin_observe(struct bandit *b, int arm, double x)
{
    struct bandit_side *s = b->side;
    size_t m = (size_t)s->n, i = (size_t)arm;
    double *inverse = s->gram + i * m * m, *step = s->work, norm;
    for (size_t j = 0; j < m; j++)
        step[j] = dot(inverse + j * m, s->x, s->n);
    norm = 1 + dot(step, s->x, s->n);
    for (size_t j = 0; j < m; j++) {
        s->cross[i * m + j] += s->x[j] * x;
        for (size_t k = 0; k < m; k++)
            inverse[j * m + k] -= step[j] * step[k] / norm;
    }
    for (size_t j = 0; j < m; j++)
        s->theta[i * m + j] = dot(inverse + j * m, s->cross + i * m, s->n);
    s->plays[i]++;
}

static void lin_policy(struct bandit *b)
{
    struct bandit_side *s = b->side;
    size_t m = (size_t)s->n;
    double unit = bandit_unit(b);
    int n = 0;
    for (int i = 0; i < b->arms; i++) {
        if (bandit_banned(b, i))
            continue;
        double width = 0;
        for (size_t j = 0; j < m; j++)
            width += s->x[j] * dot(s->gram + ((size_t)i * m + j) * m, s->x, s->n);
        width /= 1 + width * (double)b->arm[i].pending;
        b->loss[n++] = dot(s->theta + (size_t)i * m, s->x, s->n) / unit -
                       b->explore * s->as.alpha * sqrt(fmax(width, 0) * bandit_boosted(b, i));
    }
    bandit_greedy(b->loss, n, b->work);
    bandit_spread(b, b->work, false);
}

/* ---- all of them ---- */

void side_policy(struct bandit *b)
{
    switch (b->algorithm) {
    case BANDIT_TSALLIS_CB:
        bins_policy(b);
        break;
    case BANDIT_CHEB_CB:
        cheb_policy(b);
        break;
    default:
        lin_policy(b);
    }
}

void side_learn(struct bandit *b, int arm, double x, double p)
{
    if (b->algorithm == BANDIT_TSALLIS_CB)
        bins_learn(b, arm, x, p);
    else if (b->algorithm == BANDIT_CHEB_CB)
        cheb_learn(b, arm, x, p);
    else
        lin_observe(b, arm, x);
}

void side_observe(struct bandit *b, int arm, double x)
{
    if (b->algorithm == BANDIT_TSALLIS_CB)
        bins_learn(b, arm, x, 0);
    else if (b->algorithm == BANDIT_CHEB_CB)
        cheb_observe(b, arm, x);
    else
        lin_observe(b, arm, x);
}

/* ---- bytes ---- */

struct side_head {
    struct bandit_context as;
    int32_t bin, features;
};

size_t side_size(const struct bandit_side *s)
{
    return sizeof(struct side_head) + ((size_t)s->n + s->size) * sizeof(double);
}

void side_dump(const struct bandit_side *s, uint8_t *out)
{
    struct side_head h;
    memset(&h, 0, sizeof h); /* padding too */
    h.as = s->as;
    h.bin = s->bin;
    h.features = s->n;
    memcpy(out, &h, sizeof h);
    memcpy(out + sizeof h, s->x, (size_t)s->n * sizeof *s->x);
    memcpy(out + sizeof h + (size_t)s->n * sizeof *s->x, s->block, s->size * sizeof *s->block);
}

int side_load(struct bandit *b, const uint8_t *p, size_t n)
{
    struct side_head h;
    if (n < sizeof h)
        return -1;
    memcpy(&h, p, sizeof h);
    if (bandit_set_context(b, &h.as) < 0 || n != side_size(b->side) || h.features != b->side->n ||
        h.bin < 0 || h.bin >= h.as.bins)
        return -1;
    struct bandit_side *s = b->side;
    s->bin = h.bin;
    memcpy(s->x, p + sizeof h, (size_t)s->n * sizeof *s->x);
    memcpy(s->block, p + sizeof h + (size_t)s->n * sizeof *s->x, s->size * sizeof *s->block);
    return 0;
}
