/* The process is fitted to a monotone transform of the losses (gp_outputs): linear as far as matters and
 * logarithmic beyond, or logarithmic throughout where that explains them better. Predictions go back through
 * the pairs (output, loss) of the trials themselves, linearly in between, so that a scale with numbers can
 * stand beside the map. A failed trial counts as bad as the worst.
 *
 * How good a model is is said by trials it has not seen: leave-one-out for the process (Rasmussen and
 * Williams 2006, equations 5.10 to 5.12), out of bag for the forest. */
#include "tune/surrogate.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/forest.h"
#include "tune/gp_space.h"
#include "tune/quantile.h"

#define BLOCK         256 /* configurations predicted at once */
#define FOREST_POINTS 1000
#define FOREST_TREES  32
#define FOREST_GAIN   0.05 /* share of the variance by which a forest must be better */

struct pair {
    double y, loss;
};

struct surrogate {
    const struct space *space;
    struct gp_space shape;
    struct gp gp;
    struct forest *forest;      /* NULL: the process it is */
    double *back_y, *back_loss; /* of the trials used, ascending */
    int n_back;
    double best; /* output to improve on */
    struct surrogate_fit about;
};

/* ---- which trials ---- */

static bool ended(const struct history_trial *t)
{
    return !t->outside && (t->end == END_DONE || t->end == END_PRUNED || t->end == END_FAILED);
}

/* Marks the best third, the latest third, and of the others every k-th; returns how many. */
static int choose(const struct history *h, int most, bool *marks)
{
    int n = 0, got = 0, ranked;
    for (int i = 0; i < h->n; i++)
        n += ended(&h->trials[i]);
    int *sorted = history_sorted(h, &ranked);
    for (int i = 0; i < ranked && (n <= most || got < most / 3); i++, got++)
        marks[sorted[i]] = true;
    free(sorted);
    for (int i = h->n - 1; i >= 0 && (n <= most || got < 2 * (most / 3)); i--) {
        got += ended(&h->trials[i]) && !marks[i];
        marks[i] |= ended(&h->trials[i]);
    }
    int64_t left = n - got, want = most - got, seen = 0;
    for (int i = 0; i < h->n && left > 0; i++) {
        if (!ended(&h->trials[i]) || marks[i])
            continue;
        marks[i] = (seen + 1) * want / left > seen * want / left;
        got += marks[i];
        seen++;
    }
    return got;
}

struct sample {
    int n;
    double *x, *loss, *y;
};

static void sample_release(struct sample *s)
{
    free(s->x);
    free(s->loss);
    free(s->y);
}

/* Every k-th of the trials that are marked, at most `most` of them. */
static struct sample gather(const struct surrogate *m, const struct history *h, const bool *marks, int marked,
                            int most)
{
    size_t c = (size_t)m->shape.shape.coords;
    int n = marked < most ? marked : most;
    struct sample s = {.x = mem_alloc(((size_t)n + 1) * c * sizeof *s.x),
                       .loss = mem_zero((size_t)n + 1, sizeof *s.loss),
                       .y = mem_zero((size_t)n + 1, sizeof *s.y)};
    int64_t seen = 0;
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        if (!marks[i] || (seen++, seen * n / marked == (seen - 1) * n / marked))
            continue;
        gp_space_point(&m->shape, m->space, t->dna, s.x + (size_t)s.n * c);
        s.loss[s.n++] = t->end == END_FAILED ? NAN : t->loss;
    }
    return s;
}

/* ---- back to losses ---- */

static int by_output(const void *a, const void *b)
{
    const struct pair *p = a, *q = b;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return (p->loss > q->loss) - (p->loss < q->loss);
}

static void keep_pairs(struct surrogate *m, const struct sample *s)
{
    struct pair *p = mem_zero((size_t)s->n + 1, sizeof *p);
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (!isnan(s->loss[i]))
            p[n++] = (struct pair){s->y[i], s->loss[i]};
    qsort(p, (size_t)n, sizeof *p, by_output);
    m->back_y = mem_zero((size_t)n + 1, sizeof *m->back_y);
    m->back_loss = mem_zero((size_t)n + 1, sizeof *m->back_loss);
    for (int i = 0; i < n; i++) {
        if (m->n_back && p[i].y <= m->back_y[m->n_back - 1])
            continue;
        m->back_y[m->n_back] = p[i].y;
        m->back_loss[m->n_back++] = p[i].loss;
    }
    free(p);
}

/* Losses per output around the best of them: over the best tenth, where steps between neighbours are noise.
 */
static double slope_at_best(const struct surrogate *m)
{
    int k = m->n_back / 10 < 1 ? 1 : m->n_back / 10;
    if (m->n_back < 2)
        return 0;
    return (m->back_loss[k] - m->back_loss[0]) / (m->back_y[k] - m->back_y[0]);
}

/* Below the best the line goes on as it came, above the worst it stops. */
static double loss_of(const struct surrogate *m, double y)
{
    int lo = 0, hi = m->n_back - 1;
    const double *at = m->back_y, *loss = m->back_loss;
    if (y <= at[0])
        return loss[0] + (y - at[0]) * slope_at_best(m);
    if (y >= at[hi])
        return loss[hi];
    while (hi - lo > 1) {
        int mid = (lo + hi) / 2;
        *(at[mid] <= y ? &lo : &hi) = mid;
    }
    return loss[lo] + (y - at[lo]) / (at[hi] - at[lo]) * (loss[hi] - loss[lo]);
}

/* ---- the process ---- */

static bool fit_process(struct surrogate *m, const struct sample *some, const struct sample *s)
{
    static const enum gp_output outputs[] = {GP_SQUASH, GP_LOG};
    struct gp_prior prior = gp_prior_default(m->shape.shape.dims);
    struct gp_theta best = {0};
    enum gp_output how = GP_SQUASH;
    double least = INFINITY;
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        struct gp_theta theta;
        struct gp_data data = {.shape = &m->shape.shape, .n = some->n, .x = some->x, .y = some->y};
        gp_theta_start(&m->shape.shape, &prior, &theta);
        double slopes = gp_outputs(outputs[i], some->loss, some->n, some->y);
        double loss = gp_fit(&data, &prior, &theta, SURROGATE_EVALS) - slopes;
        if (!(loss < least) && i > 0)
            continue;
        least = loss;
        best = theta;
        how = outputs[i];
    }
    gp_outputs(how, s->loss, s->n, s->y);
    struct gp_data data = {.shape = &m->shape.shape, .n = s->n, .x = s->x, .y = s->y};
    return gp_build(&m->gp, &data, &best, NULL, 0) == 0;
}

/* 1 - (squared error of leave-one-out predictions) / variance, over trials that did not fail. */
static double left_out(const struct surrogate *m, const struct sample *s)
{
    int n = s->n, good = 0;
    double *inverse = mem_dup(m->gp.chol, (size_t)n * (size_t)n * sizeof *inverse), error = 0, sum = 0,
           sum2 = 0;
    if (LAPACKE_dpotri(LAPACK_COL_MAJOR, 'L', n, inverse, n) != 0)
        error = NAN;
    for (int i = 0; i < n; i++) {
        double off = m->gp.alpha[i] / inverse[(size_t)i * (size_t)n + (size_t)i];
        if (isnan(s->loss[i]))
            continue;
        good++;
        error += off * off;
        sum += s->y[i];
        sum2 += s->y[i] * s->y[i];
    }
    free(inverse);
    double total = sum2 - sum * sum / good;
    return total > 0 ? 1 - error / total : NAN;
}

/* ---- the forest ---- */

static struct forest *grow(const struct surrogate *m, const struct history *h, struct sample *s)
{
    bool *marks = mem_zero((size_t)h->n + 1, sizeof *marks);
    size_t d = (size_t)m->space->n, at = 0;
    int n = choose(h, FOREST_POINTS, marks);
    double *dna = mem_alloc(((size_t)n * d + 1) * sizeof *dna);
    *s = (struct sample){
        .n = n, .loss = mem_zero((size_t)n + 1, sizeof *s->loss), .y = mem_zero((size_t)n + 1, sizeof *s->y)};
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        if (!marks[i])
            continue;
        memcpy(dna + at * d, t->dna, d * sizeof *dna);
        s->loss[at++] = t->end == END_FAILED ? NAN : t->loss;
    }
    gp_outputs(GP_SQUASH, s->loss, n, s->y);
    struct forest_options o = {.trees = FOREST_TREES, .leaf = 3, .seed = 1};
    struct forest *f = forest_new(m->space, dna, s->y, n, &o);
    free(marks);
    free(dna);
    return f;
}

/* ---- life ---- */

static int count_values(const struct history *h, int *seen)
{
    int values = 0;
    *seen = 0;
    for (int i = 0; i < h->n; i++) {
        *seen += ended(&h->trials[i]);
        values += ended(&h->trials[i]) && h->trials[i].end != END_FAILED;
    }
    return values;
}

/* Best output, and how far repeats lie apart around the best quarter. */
static void finish(struct surrogate *m, const struct sample *s, double noise)
{
    keep_pairs(m, s);
    double at = m->back_y[m->n_back / 4];
    m->best = m->back_y[0];
    m->about.used = s->n;
    m->about.noise = 0.5 * (loss_of(m, at + noise) - loss_of(m, at - noise));
}

static bool by_process(struct surrogate *m, const struct history *h, struct sample *s)
{
    bool *marks = mem_zero((size_t)h->n + 1, sizeof *marks);
    int n = choose(h, SURROGATE_POINTS, marks);
    struct sample some = gather(m, h, marks, n, SURROGATE_FIT);
    *s = gather(m, h, marks, n, SURROGATE_POINTS);
    bool fitted = fit_process(m, &some, s);
    if (fitted) {
        m->about.kind = "Gaussian process";
        m->about.r2 = left_out(m, s);
    }
    sample_release(&some);
    free(marks);
    return fitted;
}

struct surrogate *surrogate_new(const struct space *s, const struct history *h, char **cause)
{
    struct surrogate *m = MEM_NEW(struct surrogate);
    struct sample own = {0}, other = {0};
    int values = count_values(h, &m->about.seen);
    m->space = s;
    if (values < SURROGATE_LEAST) {
        cause_set(cause, "%d of at least %d trials have ended with a value", values, SURROGATE_LEAST);
        free(m);
        return NULL;
    }
    bool process = gp_space_init(&m->shape, s, NULL) == 0 && by_process(m, h, &own);
    if (!process || m->about.seen > SURROGATE_POINTS || !(m->about.r2 > 0.5)) {
        struct forest *f = grow(m, h, &other);
        bool varies = f->n_features > 0;
        if (varies && (!process || f->r2 > m->about.r2 + FOREST_GAIN || isnan(m->about.r2))) {
            m->forest = f;
            m->about.kind = "random forest";
            m->about.r2 = f->r2;
        } else {
            forest_free(f);
        }
        if (!process && !varies) {
            cause_set(cause, "nothing varies in this space");
            sample_release(&own);
            sample_release(&other);
            surrogate_free(m);
            return NULL;
        }
    }
    finish(m, m->forest ? &other : &own,
           process && !m->forest ? exp(0.5 * m->gp.theta.noise) : sqrt(fmax(0, 1 - m->about.r2)));
    sample_release(&own);
    sample_release(&other);
    return m;
}

void surrogate_free(struct surrogate *m)
{
    if (!m)
        return;
    gp_release(&m->gp);
    forest_free(m->forest);
    free(m->back_y);
    free(m->back_loss);
    free(m);
}

struct surrogate_fit surrogate_about(const struct surrogate *m)
{
    return m->about;
}

/* ---- predictions ---- */

static void outputs_by_process(const struct surrogate *m, const double *dna, int n, double *mean,
                               double *deviation)
{
    size_t c = (size_t)m->shape.shape.coords;
    double *x = mem_alloc((size_t)n * c * sizeof *x), var[BLOCK];
    for (int i = 0; i < n; i++)
        gp_space_point(&m->shape, m->space, dna + (size_t)i * (size_t)m->space->n, x + (size_t)i * c);
    gp_predict(&m->gp, x, n, mean, deviation ? var : NULL);
    for (int i = 0; deviation && i < n; i++)
        deviation[i] = sqrt(var[i]);
    free(x);
}

static void outputs_by_forest(const struct surrogate *m, const double *dna, int n, double *mean,
                              double *deviation)
{
    double *x = mem_zero((size_t)m->forest->n_features, sizeof *x);
    for (int i = 0; i < n; i++) {
        forest_point(m->forest, m->space, dna + (size_t)i * (size_t)m->space->n, x);
        mean[i] = forest_at(m->forest, x, deviation ? &deviation[i] : NULL);
    }
    free(x);
}

/* On the scale of the fit, at most BLOCK at once. */
static void outputs(const struct surrogate *m, const double *dna, int n, double *mean, double *deviation)
{
    (m->forest ? outputs_by_forest : outputs_by_process)(m, dna, n, mean, deviation);
}

void surrogate_predict(const struct surrogate *m, const double *dna, int n, double *mean, double *deviation)
{
    for (int from = 0; from < n; from += BLOCK) {
        int k = n - from < BLOCK ? n - from : BLOCK;
        double *d = deviation ? deviation + from : NULL;
        outputs(m, dna + (size_t)from * (size_t)m->space->n, k, mean + from, d);
        for (int i = from; i < from + k; i++) {
            if (deviation) /* half the width of one deviation to either side, in losses */
                deviation[i] =
                    0.5 * (loss_of(m, mean[i] + deviation[i]) - loss_of(m, mean[i] - deviation[i]));
            mean[i] = loss_of(m, mean[i]);
        }
    }
}

void surrogate_improvement(const struct surrogate *m, const double *dna, int n, double *out)
{
    double deviation[BLOCK], slope = slope_at_best(m);
    for (int from = 0; from < n; from += BLOCK) {
        int k = n - from < BLOCK ? n - from : BLOCK;
        outputs(m, dna + (size_t)from * (size_t)m->space->n, k, out + from, deviation);
        for (int i = 0; i < k; i++) {
            double sd = fmax(deviation[i], 1e-12), z = (m->best - out[from + i]) / sd;
            out[from + i] = slope * sd * (normal_density(z) + z * normal_below(z));
        }
    }
}
