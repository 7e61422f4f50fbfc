/* Which trials, and how those of another data set join in: a model of the source alone says what it would expect at this sweep's
 * points, and least squares of the losses found there on what was expected give the source's shift and scale. */
#include "tune/gp_known.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PENDING_MAX 300

void gp_known_release(struct gp_known *k)
{
    free(k->source);
    free(k->x);
    free(k->loss);
    free(k->y);
    free(k->pending);
}

/* ---- which trials ---- */

static bool observed(const struct history_trial *t)
{
    return !t->outside && (t->end == END_DONE || t->end == END_PRUNED || t->end == END_FAILED);
}

struct taking {
    const struct history *h;
    bool *take;
    int got;
};

static void take(struct taking *t, int i)
{
    t->got += !t->take[i];
    t->take[i] = true;
}

/* At most `most` of the observed trials: the best, the latest, and of the rest every k-th. Marks them. */
static int choose(const struct history *h, int most, bool *marks)
{
    struct taking t = {h, marks, 0};
    int n = 0, ranked;
    for (int i = 0; i < h->n; i++)
        n += observed(&h->trials[i]);
    int *sorted = history_sorted(h, &ranked);
    for (int i = 0; i < ranked && (n <= most || t.got < most / 3); i++)
        take(&t, sorted[i]);
    free(sorted);
    for (int i = h->n - 1; i >= 0 && (n <= most || t.got < 2 * most / 3); i--)
        if (observed(&h->trials[i]))
            take(&t, i);
    int64_t left = n - t.got, want = most - t.got, seen = 0;
    for (int i = 0; i < h->n && n > most; i++) {
        if (!observed(&h->trials[i]) || marks[i])
            continue;
        if ((seen + 1) * want / left > seen * want / left)
            take(&t, i);
        seen++;
    }
    return t.got;
}

/* ---- warm starts ---- */

struct level {
    double mean, sd;
    int n;
};

static struct level level_of(const struct gp_known *k, int source)
{
    struct level l = {0};
    for (int i = 0; i < k->n; i++)
        if (k->source[i] == source && !isnan(k->loss[i]))
            l.mean += (k->loss[i] - l.mean) / ++l.n;
    for (int i = 0; i < k->n; i++)
        if (k->source[i] == source && !isnan(k->loss[i]))
            l.sd += (k->loss[i] - l.mean) * (k->loss[i] - l.mean) / l.n;
    l.sd = sqrt(l.sd);
    return l;
}

/* The points of one source and their losses. */
static int points_of(const struct gp_known *k, int source, double *x, double *loss)
{
    size_t c = (size_t)k->coords;
    int n = 0;
    for (int i = 0; i < k->n; i++) {
        if (k->source[i] != source || isnan(k->loss[i]))
            continue;
        memcpy(x + (size_t)n * c, k->x + (size_t)i * c, c * sizeof *x);
        if (source)
            x[(size_t)(n + 1) * c - 1] = 0; /* the model of a source alone knows no others */
        loss[n++] = k->loss[i];
    }
    return n;
}

/* What a model of one source predicts at m points, in its deviations from its mean. */
static bool foresee(const struct gp_known *k, const struct gp_space *g, const struct gp_theta *theta, int source,
                    const double *at, int m, double *out)
{
    double *x = mem_alloc(((size_t)k->n + 1) * (size_t)k->coords * sizeof *x),
           *loss = mem_zero(2 * ((size_t)k->n + 1), sizeof *loss), *y = loss + k->n + 1;
    int n = points_of(k, source, x, loss);
    gp_outputs(GP_STANDARD, loss, n, y);
    struct gp_data data = {.shape = &g->shape, .n = n, .x = x, .y = y};
    struct gp gp;
    bool built = n > 1 && gp_build(&gp, &data, theta, NULL, 0) == 0;
    if (built) {
        gp_predict(&gp, at, m, out, NULL);
        gp_release(&gp);
    }
    free(x);
    free(loss);
    return built;
}

/* loss = shift + scale * (deviations from the source's mean), the scale drawn towards the source's own by one point's worth of
 * belief. */
static void align_source(struct gp_known *k, const struct gp_space *g, const struct gp_theta *theta, int source)
{
    struct level from = level_of(k, source);
    double *x = mem_alloc(((size_t)k->n + 1) * (size_t)k->coords * sizeof *x),
           *told = mem_zero(2 * ((size_t)k->n + 1), sizeof *told), *seen = told + k->n + 1;
    int m = points_of(k, 0, x, told);
    if (m > 0 && from.sd > 0 && foresee(k, g, theta, source, x, m, seen)) {
        double mean_s = 0, mean_t = 0, ss = 1, st = from.sd;
        for (int i = 0; i < m; i++) {
            mean_s += seen[i] / m;
            mean_t += told[i] / m;
        }
        for (int i = 0; i < m; i++) {
            ss += (seen[i] - mean_s) * (seen[i] - mean_s);
            st += (seen[i] - mean_s) * (told[i] - mean_t);
        }
        double scale = fmax(st / ss, 0), shift = mean_t - scale * mean_s;
        for (int i = 0; i < k->n; i++)
            if (k->source[i] == source)
                k->loss[i] = shift + scale * (k->loss[i] - from.mean) / from.sd;
    }
    free(x);
    free(told);
}

/* ---- all ---- */

void gp_known_gather(struct gp_known *k, const struct gp_space *g, const struct gp_theta *theta, const struct space *s,
                     const struct history *h, int most)
{
    bool *marks = mem_zero((size_t)h->n + 1, sizeof *marks);
    size_t c = (size_t)g->shape.coords;
    int at = 0, sources = 0;
    *k = (struct gp_known){.n = choose(h, most, marks), .coords = (int)c};
    k->x = mem_alloc(((size_t)k->n + 1) * c * sizeof *k->x);
    k->source = mem_zero((size_t)k->n + 1, sizeof *k->source);
    k->loss = mem_zero((size_t)k->n + 1, sizeof *k->loss);
    k->y = mem_zero((size_t)k->n + 1, sizeof *k->y);
    k->pending = mem_alloc(((size_t)h->pending + 1) * c * sizeof *k->pending);
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        if (marks[i]) {
            gp_space_point(g, s, t->dna, k->x + (size_t)at * c);
            k->source[at] = history_source(h, i);
            if (g->sources)
                k->x[(size_t)at * c + c - 1] = k->source[at];
            sources = k->source[at] > sources ? k->source[at] : sources;
            k->loss[at++] = t->end == END_FAILED ? NAN : t->loss;
        } else if (t->end == END_PENDING && !t->outside && k->n_pending < PENDING_MAX) {
            gp_space_point(g, s, t->dna, k->pending + (size_t)k->n_pending++ * c);
        }
    }
    for (int source = 1; source <= sources; source++)
        align_source(k, g, theta, source);
    free(marks);
}

void gp_known_outputs(struct gp_known *k, enum gp_output how)
{
    gp_outputs(how, k->loss, k->n, k->y);
}

double gp_known_best(const struct gp_known *k)
{
    double own = INFINITY, any = INFINITY;
    for (int i = 0; i < k->n; i++) {
        any = fmin(any, k->y[i]);
        own = k->source[i] == 0 ? fmin(own, k->y[i]) : own;
    }
    return isinf(own) ? any : own;
}
