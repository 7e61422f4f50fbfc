/* Learning rates by hypergradients: A. G. Baydin et al., "Online Learning Rate Adaptation with Hypergradient Descent" (ICLR 2018), and
 * FedHyper (Z. Wang et al., ICLR 2024) with the bounds of its published code. One number of memory beside the vector before. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdbool.h>

#include "agent/hypertop.h"

struct ht_hyper {
    struct ht_hyper_options o;
    double a;          /* rate, a, or b, as the rule says */
    double *before, *momentum;
    size_t n;
    double norm_before;
};

static bool is_server(enum ht_hyper_rule r)
{
    return r == HT_FEDHYPER_GLOBAL || r == HT_FEDHYPER_MOMENTUM || r == HT_FEDHYPER_SERVER;
}

ht_hyper *ht_hyper_open(const struct ht_hyper_options *given)
{
    struct ht_hyper_options o = {0};
    if (!given)
        return NULL;
    memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    bool baydin = o.rule == HT_HYPER_ADD || o.rule == HT_HYPER_MULTIPLY;
    bool rated = baydin || o.rule == HT_FEDHYPER_SERVER || o.rule == HT_FEDHYPER_CLIENT;
    if ((unsigned)o.rule > HT_FEDHYPER_CLIENT || (rated && !(o.rate0 > 0 && isfinite(o.rate0))) || !isfinite(o.beta) ||
        !(o.low <= o.high) || !(o.clients >= 0))
        return NULL;
    if (o.low == 0 && o.high == 0) {
        static const double low[] = {0, 0, -0.8, -0.2, 0.001, 0.1}, high[] = {INFINITY, INFINITY, 4, 4, 0.1, 10};
        o.low = low[o.rule];
        o.high = high[o.rule];
    }
    o.clients = o.clients > 0 ? o.clients : 1;
    ht_hyper *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->o = o;
    h->a = baydin ? o.rate0 : o.rule == HT_FEDHYPER_CLIENT ? 1 : 0;
    return h;
}

void ht_hyper_close(ht_hyper *h)
{
    if (!h)
        return;
    free(h->before);
    free(h->momentum);
    free(h);
}

static double clip(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

double ht_hyper_rate(const ht_hyper *h)
{
    switch (h->o.rule) {
    case HT_FEDHYPER_GLOBAL:
    case HT_FEDHYPER_MOMENTUM: return 1 + h->a;
    case HT_FEDHYPER_SERVER: return clip(h->o.rate0 * (1 + h->a), h->o.low, h->o.high);
    case HT_FEDHYPER_CLIENT: return h->o.rate0 * h->a;
    default: return h->a;
    }
}

double ht_hyper_dots(ht_hyper *h, double dot, double norms, double cross)
{
    const struct ht_hyper_options *o = &h->o;
    double a = h->a;
    if (is_server(o->rule))
        a += o->squash ? 1 / (1 + exp(-0.1 * dot)) : dot;
    else if (o->rule == HT_HYPER_ADD)
        a += o->beta * dot;
    else if (o->rule == HT_HYPER_MULTIPLY)
        a *= norms > 0 ? 1 + o->beta * dot / norms : 1;
    else
        a *= fmin(1.1, 1 + dot + 0.1 * cross / o->clients);
    if (!isnan(a)) /* a diverged step teaches nothing */
        h->a = o->rule == HT_FEDHYPER_SERVER ? a : clip(a, o->low, o->high);
    return ht_hyper_rate(h);
}

static double product(const double *x, const double *y, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[i] * y[i];
    return s;
}

double ht_hyper_step(ht_hyper *h, const double *g, const double *global, size_t n)
{
    bool first = !h->before;
    if (!g || (!first && n != h->n))
        return ht_hyper_rate(h);
    if (first && !(h->before = malloc((n + 1) * sizeof *h->before)))
        return ht_hyper_rate(h);
    double norm = sqrt(product(g, g, n)), cross = global && h->o.rule == HT_FEDHYPER_CLIENT ? product(g, global, n) : 0;
    if (!first || h->o.rule == HT_FEDHYPER_CLIENT)
        ht_hyper_dots(h, first ? 0 : product(g, h->before, n), norm * h->norm_before, cross);
    memcpy(h->before, g, n * sizeof *g);
    h->norm_before = norm;
    h->n = n;
    return ht_hyper_rate(h);
}

int ht_hyper_round(ht_hyper *h, double *mean, const double *delta, size_t n)
{
    bool momentum = h && h->o.rule == HT_FEDHYPER_MOMENTUM;
    if (!h || !mean || !delta || (!momentum && h->o.rule != HT_FEDHYPER_GLOBAL) || (h->before && n != h->n))
        return HT_INVALID;
    if (momentum && !h->momentum && !(h->momentum = calloc(n + 1, sizeof *h->momentum)))
        return HT_FULL;
    ht_hyper_step(h, delta, NULL, n);
    for (size_t i = 0; i < n; i++) {
        double m = momentum ? h->momentum[i] : 0;
        mean[i] += h->a * (delta[i] + 0.9 * m);
        if (momentum)
            h->momentum[i] = delta[i] + 0.9 * m;
    }
    return HT_OK;
}
