/* The probabilities of each policy. Losses are minimised; formulas written for rewards are turned round
 * (reward = 1 - loss).
 *
 * Tsallis-INF: Zimmert and Seldin, "Tsallis-INF: An Optimal Algorithm for Stochastic and Adversarial Bandits"
 * (JMLR 2021), with learning rates 2/sqrt(t) (importance weighted) and 4/sqrt(t) (reduced variance). Newton's
 * method finds the normaliser; its function is convex and increasing left of the smallest loss, so once an
 * iterate is right of the root it falls towards it monotonically. The start is clamped into the bracket, and
 * so is the first step, which may come from the left.
 *
 * Thompson sampling is done as probability matching: P(arm is best) is integrated over the posteriors and the
 * arm is drawn from that vector. The distribution of the pull is the same, and its propensity is known
 * exactly, which drawing one sample of each posterior cannot give. The integral walks up the cost axis: in
 * each cell, the probability that the smallest mean lies in it is shared among the arms by their hazard rates
 * there; this sums to 1 by construction. */
#include "tune/bandit_policy.h"

#include "tune/bandit_context.h"

#include <math.h>
#include <string.h>

double bandit_tsallis(const double *loss, int n, double eta, double start, double *w)
{
    double least = loss[0];
    for (int i = 1; i < n; i++)
        least = loss[i] < least ? loss[i] : least;
    double left = least - 2 * sqrt(n) / eta, right = least - 2 / eta;
    double x = start >= left && start <= right ? start : right, sum = 1;
    for (int step = 0; step < 60; step++) {
        double slope = 0, k = 2 / eta;
        sum = 0;
        for (int i = 0; i < n; i++) {
            double r = k / (loss[i] - x), q = r * r;
            w[i] = q;
            sum += q;
            slope += q * r;
        }
        if (fabs(sum - 1) < 1e-12)
            break;
        double next = x - (sum - 1) / (eta * slope);
        next = next > right ? right : next < left ? left : next;
        if (next == x) /* the last bit of x: the sum cannot come closer to 1 */
            break;
        x = next;
    }
    for (int i = 0; i < n; i++)
        w[i] /= sum;
    return x;
}

double bandit_unit(const struct bandit *b)
{
    if (b->scale > 0)
        return b->scale;
    bool bounds = b->algorithm == BANDIT_UCB1 || b->algorithm == BANDIT_KL_UCB ||
                  b->algorithm == BANDIT_UCB_TUNED || b->algorithm == BANDIT_UCB_DISCOUNTED ||
                  b->algorithm == BANDIT_UCB_SLIDING || b->algorithm == BANDIT_ELIMINATION ||
                  b->algorithm == BANDIT_LINUCB;
    double unit = bounds ? b->largest : b->learned ? b->total / (double)b->learned : 0;
    return unit > 0 ? unit : 1;
}

/* Puts a vector over the allowed arms into b->p, boosts applied, summing to 1. */
void bandit_spread(struct bandit *b, const double *w, bool boost)
{
    double sum = 0;
    for (int i = 0, k = 0; i < b->arms; i++) {
        b->p[i] = 0;
        if (b->arm[i].ban_until && bandit_banned(b, i))
            continue;
        b->p[i] = w[k++] * (boost && b->arm[i].boost_until ? bandit_boosted(b, i) : 1);
        sum += b->p[i];
    }
    if (sum == 1)
        return;
    for (int i = 0; i < b->arms; i++)
        b->p[i] /= sum;
}

/* Scaled estimated losses of the allowed arms into b->loss; how many there are. */
static int estimates(struct bandit *b)
{
    double unit = bandit_unit(b);
    int n = 0;
    for (int i = 0; i < b->arms; i++) {
        const struct bandit_arm *a = &b->arm[i];
        if (a->ban_until && bandit_banned(b, i))
            continue;
        b->loss[n++] = a->estimate / unit + a->control;
    }
    return n;
}

/* All weight on the smallest score, shared by those that tie. */
void bandit_greedy(const double *score, int n, double *w)
{
    double least = INFINITY;
    for (int i = 0; i < n; i++)
        least = fmin(least, score[i]);
    for (int i = 0; i < n; i++)
        w[i] = score[i] == least;
}

static void tsallis(struct bandit *b)
{
    int n = estimates(b);
    double base = b->algorithm == BANDIT_TSALLIS_INF_RV ? 4 : 2;
    b->rate = base / sqrt((double)b->rounds + 1);
    if (n == 1 || b->explore == 0) {
        bandit_greedy(b->loss, n, b->work);
    } else {
        b->rate /= b->explore;
        b->root = bandit_tsallis(b->loss, n, b->rate, b->root, b->work);
    }
    bandit_spread(b, b->work, true);
}

static void exp3(struct bandit *b)
{
    int n = estimates(b);
    b->rate = sqrt(log(b->arms) / (((double)b->rounds + 1) * b->arms));
    if (n == 1 || b->explore == 0) {
        bandit_greedy(b->loss, n, b->work);
    } else {
        double least = INFINITY;
        b->rate /= b->explore;
        for (int i = 0; i < n; i++)
            least = fmin(least, b->loss[i]);
        for (int i = 0; i < n; i++)
            b->work[i] = exp(-b->rate * (b->loss[i] - least));
    }
    bandit_spread(b, b->work, true);
}

/* ---- confidence bounds ---- */

static double divergence(double p, double q) /* Kullback-Leibler of Bernoulli(p) from Bernoulli(q) */
{
    double d = 0;
    if (p > 0)
        d += p * log(p / q);
    if (p < 1)
        d += (1 - p) * log((1 - p) / (1 - q));
    return d;
}

/* Smallest loss still plausible for an observed mean loss: bisection on the divergence. */
static double kl_bound(double mean, double budget)
{
    double lo = 0, hi = mean;
    for (int i = 0; i < 40 && hi - lo > 1e-12; i++) {
        double mid = 0.5 * (lo + hi);
        if (divergence(mean, mid) > budget)
            lo = mid;
        else
            hi = mid;
    }
    return hi;
}

static double bound(const struct bandit *b, int i, double unit, double log_t)
{
    const struct bandit_arm *a = &b->arm[i];
    double n = (a->n + (double)a->pending) / bandit_boosted(b, i), c = b->explore;
    double mean = (a->n > 0 ? a->sum / a->n : b->total / (double)b->learned) / unit;
    switch (b->algorithm) {
    case BANDIT_KL_UCB:
        return kl_bound(fmin(fmax(mean, 0), 1), c * log_t / n);
    case BANDIT_UCB_TUNED: {
        double var = a->n > 0 ? fmax(0, a->sum2 / a->n / (unit * unit) - mean * mean) : 0.25;
        return mean - c * sqrt(log_t / n * fmin(0.25, var + sqrt(2 * log_t / n)));
    }
    case BANDIT_UCB_DISCOUNTED:
        return mean - c * 2 * sqrt(0.6 * log_t / n);
    case BANDIT_UCB_SLIDING:
        return mean - c * sqrt(0.6 * log_t / n);
    default:
        return mean - c * sqrt(2 * log_t / n);
    }
}

static void bounds(struct bandit *b)
{
    double unit = bandit_unit(b), t = 1;
    int n = 0, fresh = 0;
    for (int i = 0; i < b->arms; i++) {
        t += b->arm[i].n + (double)b->arm[i].pending;
        if (bandit_banned(b, i))
            continue;
        /* until costs exist, every arm that nobody is trying comes first */
        bool untried = b->arm[i].n + (double)b->arm[i].pending == 0 || !b->learned;
        b->work[n] = untried ? bandit_boosted(b, i) / (1 + (double)b->arm[i].pending) : 0;
        b->loss[n++] = i;
        fresh += untried;
    }
    if (fresh) {
        bandit_spread(b, b->work, false);
        return;
    }
    for (int k = 0; k < n; k++)
        b->loss[k] = bound(b, (int)b->loss[k], unit, log(t));
    bandit_greedy(b->loss, n, b->work);
    bandit_spread(b, b->work, false);
}

/* ---- successive elimination ---- */

/* Even-Dar, Mannor and Mansour (JMLR 2006): an arm is out when its bound lies above another's; of those that are left the
 * one pulled least comes next. Judged anew at every choice, so a drift or a late cost can bring an arm back. */
static void eliminate(struct bandit *b)
{
    double unit = bandit_unit(b), least = INFINITY;
    int n = 0;
    for (int i = 0; i < b->arms; i++) {
        const struct bandit_arm *a = &b->arm[i];
        if (bandit_banned(b, i))
            continue;
        double width = INFINITY;
        if (a->n > 0)
            width = b->explore * sqrt(log(4 * b->arms * a->n * a->n / b->confidence) / (2 * a->n));
        double mean = a->n > 0 ? a->sum / a->n / unit : 0;
        b->loss[n] = mean - width;
        b->work[n++] = (a->n + (double)a->pending) / bandit_boosted(b, i);
        if (a->n > 0)
            least = fmin(least, mean + width);
    }
    for (int k = 0; k < n; k++)
        if (b->loss[k] > least)
            b->work[k] = INFINITY;
    bandit_greedy(b->work, n, b->loss);
    bandit_spread(b, b->loss, false);
}

/* ---- probability matching ---- */

#define REACH 6.0 /* standard deviations looked at on either side */
#define CELLS 32  /* in each of two panels: below and around the best arm */

static double ln_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* What is believed of an arm's mean, in units of cost - low (Gaussian) or of loss (Beta). The Gaussian has
 * one pseudo-cost at the mean of all costs; its variance is shrunk to that of all costs by two
 * pseudo-costs. */
static void believe(const struct bandit *b, int i, double m0, double var0, double heat,
                    struct bandit_posterior *q)
{
    const struct bandit_arm *a = &b->arm[i];
    q->beta = b->scale > 0;
    if (!q->beta) {
        double within = a->n > 0 ? fmax(0, a->sum2 - a->sum * a->sum / a->n) : 0;
        q->mean = (m0 + a->sum) / (1 + a->n);
        q->sd = sqrt((within + 2 * var0) / (a->n + 2) / (1 + a->n) * heat);
        return;
    }
    double s = a->sum / b->scale, f = fmax(0, a->n - s), n = 2 + a->n;
    q->mean = (1 + s) / n;
    if (heat == 0)
        return;
    q->a = 1 + s / heat;
    q->b = 1 + f / heat;
    n = q->a + q->b;
    q->mean = q->a / n;
    q->sd = sqrt(q->a * q->b / (n * n * (n + 1)));
    q->norm = ln_gamma(n) - ln_gamma(q->a) - ln_gamma(q->b);
}

static double density(const struct bandit_posterior *q, double x)
{
    x = fmin(fmax(x, 1e-15), 1 - 1e-15);
    return exp(q->norm + (q->a - 1) * log(x) + (q->b - 1) * log1p(-x));
}

static double below(const struct bandit_posterior *q, double x)
{
    return 0.5 * erfc((q->mean - x) / (q->sd * M_SQRT2));
}

/* Moves an arm's climb to x; returns the hazard of the cell, -ln of the share that survived it (to second
 * order). */
static double advance(struct bandit_climb *c, double x, double dx)
{
    double before = fmax(0, 1 - c->cdf);
    if (c->normal) {
        c->cdf = below(&c->q, x);
    } else {
        double d = density(&c->q, x);
        c->cdf = fmin(1, c->cdf + 0.5 * dx * (c->dens + d));
        c->dens = d;
    }
    double after = fmax(0, 1 - c->cdf);
    return before > after ? 2 * (before - after) / (before + after) : 0;
}

static void panel(struct bandit *b, int n, double lo, double hi, double *alive, double *p)
{
    struct bandit_climb *c = b->climb;
    double dx = (hi - lo) / CELLS, *hazard = b->loss;
    for (int i = 0; i < n; i++) {
        c[i].normal = !c[i].q.beta || c[i].q.sd < 1.2 * dx;
        if (c[i].normal)
            c[i].cdf = below(&c[i].q, lo);
        else
            c[i].dens = density(&c[i].q, lo);
    }
    for (int k = 1; k <= CELLS && *alive > 1e-12; k++) {
        double sum = 0, left = 1;
        for (int i = 0; i < n; i++) {
            hazard[i] = advance(&c[i], lo + k * dx, dx);
            sum += hazard[i];
            left *= fmax(0, 1 - c[i].cdf);
        }
        double here = fmax(0, *alive - left);
        for (int i = 0; sum > 0 && i < n; i++)
            p[c[i].arm] += here * hazard[i] / sum;
        *alive = fmin(*alive, left);
    }
}

static void pooled(const struct bandit *b, double *mean, double *var)
{
    double n = 0, sum = 0, sum2 = 0;
    for (int i = 0; i < b->arms; i++) {
        n += b->arm[i].n;
        sum += b->arm[i].sum;
        sum2 += b->arm[i].sum2;
    }
    *mean = n > 0 ? sum / n : 0;
    *var = n > 0 ? fmax(sum2 / n - *mean * *mean, 1e-12 * *mean * *mean) : 0;
    if (!(*var > 0)) /* nothing known, or all costs equal and zero: any width, the same for all */
        *var = 1;
}

/* The arms whose posterior reaches below `hi`, where the smallest mean must lie, to the front. Returns how
 * many. */
static int contenders(struct bandit *b, int n, double *lo, double *mid, double *hi)
{
    *lo = *hi = *mid = INFINITY;
    for (int i = 0; i < n; i++) {
        const struct bandit_posterior *q = &b->climb[i].q;
        *lo = fmin(*lo, q->mean - REACH * q->sd);
        if (q->mean + REACH * q->sd < *hi) {
            *hi = q->mean + REACH * q->sd;
            *mid = q->mean - REACH * q->sd;
        }
    }
    if (b->scale > 0) {
        *lo = fmax(*lo, 0);
        *mid = fmax(*mid, 0);
        *hi = fmin(*hi, 1);
    }
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (b->climb[i].q.mean - REACH * b->climb[i].q.sd < *hi)
            b->climb[kept++] = b->climb[i];
    return kept;
}

void bandit_match(struct bandit *b, double heat, bool skip_banned, double *p)
{
    double m0, var0, lo, mid, hi, alive = 1, sum = 0;
    int n = 0;
    pooled(b, &m0, &var0);
    for (int i = 0; i < b->arms; i++) {
        p[i] = 0;
        if (skip_banned && bandit_banned(b, i))
            continue;
        b->climb[n] = (struct bandit_climb){.arm = i};
        believe(b, i, m0, var0, heat, &b->climb[n].q);
        b->loss[n] = b->climb[n].q.mean;
        n++;
    }
    if (heat == 0 || n == 1) {
        bandit_greedy(b->loss, n, b->work);
        for (int i = 0; i < n; i++)
            sum += p[b->climb[i].arm] = b->work[i];
    } else {
        n = contenders(b, n, &lo, &mid, &hi);
        if (mid > lo)
            panel(b, n, lo, mid, &alive, p);
        panel(b, n, mid, hi, &alive, p);
        for (int i = 0; i < n; i++)
            sum += p[b->climb[i].arm];
    }
    for (int i = 0; i < b->arms; i++)
        p[i] /= sum;
}

static void thompson(struct bandit *b)
{
    bandit_match(b, b->explore * b->explore, true, b->p);
    double sum = 0;
    for (int i = 0; i < b->arms; i++)
        sum += b->p[i] *= bandit_boosted(b, i);
    for (int i = 0; i < b->arms; i++)
        b->p[i] /= sum;
}

void bandit_policy(struct bandit *b)
{
    switch (b->algorithm) {
    case BANDIT_TSALLIS_INF:
    case BANDIT_TSALLIS_INF_RV:
        tsallis(b);
        break;
    case BANDIT_EXP3:
    case BANDIT_EXP3_IX:
        exp3(b);
        break;
    case BANDIT_THOMPSON:
        thompson(b);
        break;
    case BANDIT_ELIMINATION:
        eliminate(b);
        break;
    case BANDIT_TSALLIS_CB:
    case BANDIT_CHEB_CB:
    case BANDIT_LINUCB:
        side_policy(b);
        break;
    default:
        bounds(b);
    }
}
