#include "mlp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IN = DIGITS_PIXELS, OUT = DIGITS_CLASSES };

/* Layout of the flat vector: W1[hidden][IN], b1[hidden], W2[OUT][hidden], b2[OUT]. */
struct layers {
    double *w1, *b1, *w2, *b2;
};

static struct layers view(const struct mlp *net, double *base)
{
    size_t h = (size_t)net->hidden;
    return (struct layers){base, base + h * IN, base + h * IN + h, base + h * IN + h + OUT * h};
}

int mlp_init(struct mlp *net, int hidden, struct rng *rng)
{
    size_t h = (size_t)hidden;
    *net = (struct mlp){.hidden = hidden, .n = h * IN + h + OUT * h + OUT};
    net->w = calloc(net->n, sizeof *net->w);
    net->g = calloc(net->n, sizeof *net->g);
    net->h = calloc(h, sizeof *net->h);
    net->mask = calloc(h, sizeof *net->mask);
    if (!net->w || !net->g || !net->h || !net->mask)
        return -1;
    struct layers l = view(net, net->w);
    for (size_t i = 0; i < h * IN; i++)
        l.w1[i] = rng_normal(rng) * sqrt(2.0 / IN);
    for (size_t i = 0; i < OUT * h; i++)
        l.w2[i] = rng_normal(rng) * sqrt(2.0 / hidden);
    return 0;
}

void mlp_release(struct mlp *net)
{
    free(net->w);
    free(net->g);
    free(net->h);
    free(net->mask);
    *net = (struct mlp){0};
}

/* Forward pass of one image: hidden activations into net->h, log-probabilities into logp. */
static void forward(const struct mlp *net, const double *x, double logp[OUT])
{
    struct layers l = view(net, net->w);
    int h = net->hidden;
    for (int i = 0; i < h; i++) {
        double s = l.b1[i];
        for (int j = 0; j < IN; j++)
            s += l.w1[i * IN + j] * x[j];
        net->h[i] = s > 0 ? s * net->mask[i] : 0;
    }
    double top = -INFINITY, sum = 0;
    for (int k = 0; k < OUT; k++) {
        double s = l.b2[k];
        for (int i = 0; i < h; i++)
            s += l.w2[k * h + i] * net->h[i];
        logp[k] = s;
        top = s > top ? s : top;
    }
    for (int k = 0; k < OUT; k++)
        sum += exp(logp[k] - top);
    for (int k = 0; k < OUT; k++)
        logp[k] -= top + log(sum);
}

static void set_mask(struct mlp *net, double dropout, struct rng *rng)
{
    for (int i = 0; i < net->hidden; i++)
        net->mask[i] = dropout > 0 && rng_unit(rng) < dropout ? 0 : 1 / (1 - dropout);
}

double mlp_gradient(struct mlp *net, const struct digits *d, const int *index, int n, double dropout, struct rng *rng)
{
    struct layers l = view(net, net->w), g = view(net, net->g);
    int h = net->hidden;
    double loss = 0;
    memset(net->g, 0, net->n * sizeof *net->g);
    for (int r = 0; r < n; r++) {
        const double *x = d->x[index[r]];
        double delta[OUT];
        set_mask(net, dropout, rng);
        forward(net, x, delta);
        int label = d->label[index[r]];
        loss -= delta[label];
        for (int k = 0; k < OUT; k++) {
            delta[k] = (exp(delta[k]) - (k == label)) / n;
            g.b2[k] += delta[k];
            for (int i = 0; i < h; i++)
                g.w2[k * h + i] += delta[k] * net->h[i];
        }
        for (int i = 0; i < h; i++) {
            if (net->h[i] <= 0)
                continue;
            double back = 0;
            for (int k = 0; k < OUT; k++)
                back += delta[k] * l.w2[k * h + i];
            back *= net->mask[i];
            g.b1[i] += back;
            for (int j = 0; j < IN; j++)
                g.w1[i * IN + j] += back * x[j];
        }
    }
    return loss / n;
}

double mlp_error(struct mlp *net, const struct digits *d, double *loss)
{
    int wrong = 0;
    *loss = 0;
    set_mask(net, 0, NULL);
    for (int r = 0; r < d->n; r++) {
        double logp[OUT];
        forward(net, d->x[r], logp);
        int best = 0;
        for (int k = 1; k < OUT; k++)
            if (logp[k] > logp[best])
                best = k;
        wrong += best != d->label[r];
        *loss -= logp[d->label[r]];
    }
    *loss /= d->n;
    return (double)wrong / d->n;
}
