/* replicate: see replicate.h. Everything is computed anew from the trials' means: O(n log n) of the few recent ones, O(n) of all. */
#include "tune/replicate.h"

#include <math.h>
#include <stdlib.h>

/* Deviation over median absolute deviation of a normal distribution. */
#define MAD_SCALE 1.4826022185056018

double replicate_worth(double d, double s)
{
    if (!(s > 0))
        return 0;
    double z = fabs(d) / s;
    double f = exp(-0.5 * z * z) * M_2_SQRTPI * M_SQRT1_2 / 2 - z * 0.5 * erfc(z * M_SQRT1_2);
    return s * fmax(f, 0);
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_size);
    return n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

struct beliefs {
    double noise2, prior, spread2; /* sigma^2, m, tau^2 */
};

static double variance(const struct beliefs *b, int n)
{
    return 1 / (1 / b->spread2 + n / b->noise2);
}

static double believed(const struct beliefs *b, const struct replicate_trial *t)
{
    return variance(b, t->n) * (b->prior / b->spread2 + t->n * t->mean / b->noise2);
}

/* How many degrees of freedom there are. */
static int pool(const struct replicate_trial *t, int n, double *noise2)
{
    double squares = 0;
    int freedom = 0;
    for (int i = 0; i < n; i++) {
        squares += t[i].n > 1 ? t[i].squares : 0;
        freedom += t[i].n - 1;
    }
    *noise2 = freedom ? squares / freedom : NAN;
    return freedom;
}

static void look_back(const struct replicate_trial *t, int n, struct beliefs *b)
{
    double v[REPLICATE_RECENT], share = 0;
    int k = n < REPLICATE_RECENT ? n : REPLICATE_RECENT;
    for (int i = 0; i < k; i++) {
        v[i] = t[n - k + i].mean;
        share += 1.0 / t[n - k + i].n / k;
    }
    b->prior = median(v, k);
    for (int i = 0; i < k; i++)
        v[i] = fabs(v[i] - b->prior);
    double deviation = MAD_SCALE * median(v, k);
    b->spread2 = fmax(deviation * deviation - b->noise2 * share, b->noise2 / 100);
}

static int leader(const struct replicate_trial *t, int n, bool free)
{
    int best = -1;
    for (int i = 0; i < n; i++)
        if ((!free || (t[i].free && !t[i].running)) && (best < 0 || t[i].mean < t[best].mean))
            best = i;
    return best;
}

static void learn_noise(const struct replicate_trial *t, int n, bool can_begin, int freedom, struct replicate_choice *out)
{
    for (int i = 0; i < n; i++)
        freedom += t[i].running;
    out->incumbent = leader(t, n, false);
    if ((n >= REPLICATE_FIRST || !can_begin) && freedom < REPLICATE_FREEDOM)
        out->trial = leader(t, n, true);
    out->learning = out->trial >= 0;
}

/* The lowest and second lowest believed mean; which has the lowest. */
static int lowest(const struct beliefs *b, const struct replicate_trial *t, int n, double low[2])
{
    int first = -1;
    low[0] = low[1] = INFINITY;
    for (int i = 0; i < n; i++) {
        double m = believed(b, &t[i]);
        if (m < low[0]) {
            low[1] = low[0];
            low[0] = m;
            first = i;
        } else if (m < low[1]) {
            low[1] = m;
        }
    }
    return first;
}

void replicate_bounds(const struct replicate_trial *t, int n, double *out)
{
    struct beliefs b;
    bool known = pool(t, n, &b.noise2) >= REPLICATE_FREEDOM && b.noise2 > 0;
    if (known)
        look_back(t, n, &b);
    for (int i = 0; i < n; i++)
        out[i] = known ? believed(&b, &t[i]) + sqrt(variance(&b, t[i].n)) : t[i].mean;
}

static int confirmed(const struct beliefs *b, const struct replicate_trial *t, int n)
{
    int best = -1;
    double least = INFINITY;
    for (int i = 0; i < n; i++) {
        double bound = believed(b, &t[i]) + sqrt(variance(b, t[i].n));
        if (bound < least) {
            least = bound;
            best = i;
        }
    }
    return best;
}

void replicate_choose(const struct replicate_trial *t, int n, bool can_begin, struct replicate_choice *out)
{
    struct beliefs b;
    double low[2];
    *out = (struct replicate_choice){.trial = -1, .incumbent = -1, .noise = NAN, .mean = NAN, .spread = NAN,
                                     .worth = NAN, .fresh = NAN};
    int freedom = pool(t, n, &b.noise2);
    if (n == 0)
        return;
    if (freedom < REPLICATE_FREEDOM) {
        learn_noise(t, n, can_begin, freedom, out);
        return;
    }
    out->noise = sqrt(b.noise2);
    if (!(b.noise2 > 0)) { /* or not a number: values too large to be squared */
        out->incumbent = leader(t, n, false);
        return;
    }
    look_back(t, n, &b);
    out->mean = b.prior;
    out->spread = sqrt(b.spread2);
    out->incumbent = confirmed(&b, t, n);
    int first = lowest(&b, t, n, low);
    out->worth = 0;
    for (int i = 0; i < n; i++) {
        if (!t[i].free || t[i].running)
            continue;
        double other = i == first ? low[1] : low[0], s2 = variance(&b, t[i].n) - variance(&b, t[i].n + 1);
        double worth = n > 1 ? replicate_worth(believed(&b, &t[i]) - other, sqrt(s2)) : 0;
        if (worth > out->worth) {
            out->worth = worth;
            out->trial = i;
        }
    }
    out->fresh = can_begin ? replicate_worth(b.prior - low[0], sqrt(b.spread2 - variance(&b, 1))) : 0;
    if (can_begin ? !(out->worth > out->fresh) : out->worth < REPLICATE_FLOOR * out->noise)
        out->trial = -1;
}
