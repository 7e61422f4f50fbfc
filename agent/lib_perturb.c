/* Online tuning by perturbation: what is usable of Self-Tuning Networks (M. MacKay et al., ICLR 2019) without touching the model. The
 * value lives unconstrained, h = logit of its place in the range; a batch gets h + width N. From the validation losses of `every` batches the
 * evolution-strategies gradient of the expected loss, d/dh = E[(loss - mean) e] / width and d/dln width = E[(loss - mean)(e^2 - 1)], less
 * what entropy is worth; Adam takes the step. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hypertop.h"
#include "base/rng.h"

struct ht_schedule {
    int64_t *step;
    double *value;
    size_t n, cap;
};

struct adam {
    double m, v;
};

struct ht_perturb {
    ht_agent *agent;
    struct ht_perturb_options o;
    char name[64];
    struct rng rng;
    double h, ln_width, e; /* e: of the batch at hand */
    struct adam of_h, of_width;
    int64_t updates;
    double *loss, *noise; /* `every` of each */
    int n;
    ht_schedule done;
};

static bool note(ht_schedule *s, int64_t step, double value)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        int64_t *steps = realloc(s->step, cap * sizeof *steps);
        s->step = steps ? steps : s->step;
        double *values = realloc(s->value, cap * sizeof *values);
        s->value = values ? values : s->value;
        if (!steps || !values)
            return false;
        s->cap = cap;
    }
    s->step[s->n] = step;
    s->value[s->n++] = value;
    return true;
}

/* ---- between the value and the unconstrained h ---- */

static double value_of(const struct ht_perturb_options *o, double h)
{
    double u = 1 / (1 + exp(-h));
    if (o->flags & HT_LOG)
        return exp(log(o->low) + u * (log(o->high) - log(o->low)));
    return o->low + u * (o->high - o->low);
}

static double h_of(const struct ht_perturb_options *o, double v)
{
    double u = o->flags & HT_LOG ? (log(v) - log(o->low)) / (log(o->high) - log(o->low)) : (v - o->low) / (o->high - o->low);
    u = u < 1e-6 ? 1e-6 : u > 1 - 1e-6 ? 1 - 1e-6 : u; /* at a bound it would never leave it */
    return log(u / (1 - u));
}

ht_perturb *ht_perturb_open(ht_agent *a, const struct ht_perturb_options *given)
{
    struct ht_perturb_options o = {0};
    if (!given)
        return NULL;
    memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    o.width = o.width == 0 ? 0.5 : o.width;
    o.rate = o.rate == 0 ? 3e-3 : o.rate;
    o.entropy = o.entropy == 0 ? 1e-3 : o.entropy < 0 ? 0 : o.entropy;
    o.every = o.every == 0 ? 8 : o.every;
    if (!(o.low < o.high) || !isfinite(o.high - o.low) || !(o.start >= o.low && o.start <= o.high) ||
        (o.flags & HT_LOG && o.low <= 0) || !(o.width > 0) || !(o.rate > 0) || o.every < 2 || o.every > 1000000)
        return NULL;
    ht_perturb *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    *p = (struct ht_perturb){.agent = a, .o = o, .h = h_of(&o, o.start), .ln_width = log(o.width), .e = NAN};
    snprintf(p->name, sizeof p->name, "%s", o.name ? o.name : "");
    p->loss = calloc((size_t)o.every, sizeof *p->loss);
    p->noise = calloc((size_t)o.every, sizeof *p->noise);
    rng_seed_stream(&p->rng, o.seed, UINT64_C(0x70657274));
    if (p->loss && p->noise)
        return p;
    ht_perturb_close(p);
    return NULL;
}

void ht_perturb_close(ht_perturb *p)
{
    if (!p)
        return;
    free(p->loss);
    free(p->noise);
    free(p->done.step);
    free(p->done.value);
    free(p);
}

double ht_perturb_next(ht_perturb *p)
{
    p->e = rng_normal(&p->rng);
    return value_of(&p->o, p->h + exp(p->ln_width) * p->e);
}

double ht_perturb_value(const ht_perturb *p)
{
    return value_of(&p->o, p->h);
}

double ht_perturb_width(const ht_perturb *p)
{
    return exp(p->ln_width);
}

static double adam(struct adam *s, double g, double rate, int64_t t)
{
    s->m = 0.9 * s->m + 0.1 * g;
    s->v = 0.999 * s->v + 0.001 * g * g;
    return rate * (s->m / (1 - pow(0.9, (double)t))) / (sqrt(s->v / (1 - pow(0.999, (double)t))) + 1e-8);
}

static void update(ht_perturb *p)
{
    double mean = 0, gh = 0, gw = 0;
    for (int i = 0; i < p->n; i++)
        mean += p->loss[i] / p->n;
    for (int i = 0; i < p->n; i++) {
        double d = (p->loss[i] - mean) / (p->n - 1); /* the mean is of the same losses */
        gh += d * p->noise[i] / exp(p->ln_width);
        gw += d * (p->noise[i] * p->noise[i] - 1);
    }
    p->updates++;
    p->h -= adam(&p->of_h, gh, p->o.rate, p->updates);
    p->ln_width -= adam(&p->of_width, gw - p->o.entropy, p->o.rate, p->updates);
    p->ln_width = fmin(fmax(p->ln_width, -7), 3); /* 0.001 to 20: beyond it nothing is learnt */
    p->n = 0;
}

int ht_perturb_tell(ht_perturb *p, int64_t step, double loss)
{
    if (p->done.n == 0)
        note(&p->done, step, p->o.start);
    if (isnan(p->e) || !isfinite(loss))
        return 0;
    p->loss[p->n] = loss;
    p->noise[p->n++] = p->e;
    p->e = NAN; /* a batch is told once */
    if (p->n < p->o.every)
        return 0;
    update(p);
    double now = ht_perturb_value(p);
    note(&p->done, step, now);
    if (*p->name)
        ht_log(p->agent, p->name, step, now);
    return 1;
}

/* ---- schedules ---- */

int ht_perturb_save(const ht_perturb *p, const char *path)
{
    char part[4096];
    if (!path || snprintf(part, sizeof part, "%s.new", path) >= (int)sizeof part)
        return HT_INVALID;
    FILE *f = fopen(part, "w");
    if (!f)
        return HT_INVALID;
    bool ok = fprintf(f, "# hypertop schedule 1: step value\n") > 0;
    for (size_t i = 0; ok && i < p->done.n; i++)
        ok = fprintf(f, "%" PRId64 " %.17g\n", p->done.step[i], p->done.value[i]) > 0;
    ok = fclose(f) == 0 && ok;
    if (ok && rename(part, path) == 0)
        return HT_OK;
    int saved = errno;
    unlink(part);
    errno = saved;
    return HT_INVALID;
}

ht_schedule *ht_schedule_open(const char *path)
{
    FILE *f = path ? fopen(path, "r") : NULL;
    ht_schedule *s = f ? calloc(1, sizeof *s) : NULL;
    char line[256];
    bool ok = s != NULL;
    while (ok && fgets(line, sizeof line, f)) {
        int64_t step;
        double value;
        int end = 0;
        if (*line == '#')
            continue;
        ok = sscanf(line, "%" SCNd64 " %lf %n", &step, &value, &end) == 2 && line[end] == '\0' && isfinite(value) &&
             (s->n == 0 || step >= s->step[s->n - 1]) && note(s, step, value);
    }
    if (f)
        fclose(f);
    if (ok && s->n)
        return s;
    ht_schedule_close(s);
    return NULL;
}

double ht_schedule_at(const ht_schedule *s, int64_t step)
{
    size_t lo = 0, hi = s->n; /* entries with step <= `step` */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (s->step[mid] <= step)
            lo = mid + 1;
        else
            hi = mid;
    }
    return s->value[lo ? lo - 1 : 0];
}

void ht_schedule_close(ht_schedule *s)
{
    if (!s)
        return;
    free(s->step);
    free(s->value);
    free(s);
}
