/* Filter normalisation as in H. Li et al., "Visualizing the Loss Landscape of Neural Nets" (NeurIPS 2018): d_f *= |w_f| / (|d_f| +
 * 1e-10) for each output filter f, biases and normalisation parameters are left where they are. */
#include "agent/lib_plane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool hti_plane_init(struct hti_plane *p, const struct ht_tensor *t, size_t n)
{
    size_t dims = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        dims += (size_t)t[i].dims;
    *p = (struct hti_plane){.n = n};
    p->tensors = calloc(n, sizeof *p->tensors);
    p->lengths = calloc(dims + 1, sizeof *p->lengths);
    if (!p->tensors || !p->lengths) {
        hti_plane_release(p);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        p->tensors[i] = t[i];
        p->tensors[i].shape = p->lengths + at;
        for (int d = 0; d < t[i].dims; d++)
            p->lengths[at++] = t[i].shape[d];
        p->bytes += hti_tensor_count(&t[i]) * hti_dtype_bytes(t[i].dtype);
    }
    return true;
}

void hti_plane_release(struct hti_plane *p)
{
    hti_plane_close(p);
    free(p->tensors);
    free(p->lengths);
    *p = (struct hti_plane){0};
}

static size_t dir_bytes(enum ht_dtype t)
{
    return t == HT_F64 ? sizeof(double) : sizeof(float);
}

bool hti_plane_open(struct hti_plane *p)
{
    size_t bytes = 8;
    for (size_t i = 0; i < p->n; i++)
        bytes += (hti_tensor_count(&p->tensors[i]) + 1) * dir_bytes(p->tensors[i].dtype) + 8;
    hti_plane_close(p);
    p->centre = malloc(p->bytes + 1);
    p->kept = malloc(p->bytes + 1);
    for (int k = 0; k < 2; k++)
        p->dir[k] = calloc(1, bytes);
    if (p->centre && p->kept && p->dir[0] && p->dir[1])
        return true;
    hti_plane_close(p);
    return false;
}

void hti_plane_close(struct hti_plane *p)
{
    free(p->centre);
    free(p->kept);
    free(p->dir[0]);
    free(p->dir[1]);
    p->centre = p->kept = NULL;
    p->dir[0] = p->dir[1] = NULL;
}

/* ---- walking over the tensors ---- */

struct walk { /* one tensor and its places in the four arrays */
    const struct ht_tensor *t;
    size_t i, count, bytes;
    size_t at, dir_at; /* byte offsets */
};

static bool walk_next(const struct hti_plane *p, struct walk *w)
{
    if (w->t) {
        w->at += w->bytes;
        w->dir_at += w->count * dir_bytes(w->t->dtype);
        w->i++;
    }
    if (w->i == p->n)
        return false;
    w->t = &p->tensors[w->i];
    w->dir_at = (w->dir_at + 7) & ~(size_t)7;
    w->count = hti_tensor_count(w->t);
    w->bytes = w->count * hti_dtype_bytes(w->t->dtype);
    return true;
}

static void *dir_of(const struct hti_plane *p, int which, const struct walk *w)
{
    return (char *)p->dir[which] + w->dir_at;
}

static void dir_put(void *dir, enum ht_dtype t, size_t i, double v)
{
    hti_put(dir, t == HT_F64 ? HT_F64 : HT_F32, i, v);
}

static double dir_get(const void *dir, enum ht_dtype t, size_t i)
{
    return hti_get(dir, t == HT_F64 ? HT_F64 : HT_F32, i);
}

/* A number of a packed array, which is not aligned for its type. */
static double packed(const uint8_t *bytes, const struct ht_tensor *t, size_t i)
{
    union {
        double d;
        float f;
        uint16_t h;
    } one;
    size_t n = hti_dtype_bytes(t->dtype);
    memcpy(&one, bytes + i * n, n);
    return hti_get(&one, t->dtype, 0);
}

void hti_plane_keep(struct hti_plane *p)
{
    for (struct walk w = {0}; walk_next(p, &w);)
        if (w.bytes)
            memcpy(p->kept + w.at, w.t->data, w.bytes);
}

void hti_plane_restore(struct hti_plane *p)
{
    for (struct walk w = {0}; walk_next(p, &w);)
        if (w.bytes)
            memcpy(w.t->data, p->kept + w.at, w.bytes);
}

void hti_plane_centre(struct hti_plane *p)
{
    memcpy(p->centre, p->kept, p->bytes);
}

/* ---- directions ---- */

static void one_filter(const struct hti_plane *p, int which, const struct walk *w, size_t from, size_t n, struct rng *rng)
{
    void *dir = dir_of(p, which, w);
    double weights = 0, length = 0;
    for (size_t i = from; i < from + n; i++) {
        double x = packed(p->centre + w->at, w->t, i), d = rng_normal(rng);
        weights += x * x;
        length += d * d;
        dir_put(dir, w->t->dtype, i, d);
    }
    double scale = sqrt(weights) / (sqrt(length) + 1e-10);
    for (size_t i = from; i < from + n; i++)
        dir_put(dir, w->t->dtype, i, dir_get(dir, w->t->dtype, i) * scale);
}

void hti_plane_random(struct hti_plane *p, int which, struct rng *rng, bool by_layer)
{
    for (struct walk w = {0}; walk_next(p, &w);) {
        if (w.t->dims < 2 || w.count == 0) { /* calloc has made it zero; a plane is opened anew for each probe */
            continue;
        }
        size_t filters = by_layer ? 1 : (size_t)w.t->shape[0], each = w.count / filters;
        for (size_t f = 0; f < filters; f++)
            one_filter(p, which, &w, f * each, each, rng);
    }
}

bool hti_plane_towards(struct hti_plane *p, int which)
{
    bool finite = true;
    for (struct walk w = {0}; walk_next(p, &w);) {
        void *dir = dir_of(p, which, &w);
        for (size_t i = 0; i < w.count; i++) {
            double d = hti_get(w.t->data, w.t->dtype, i) - packed(p->centre + w.at, w.t, i);
            finite &= isfinite(d);
            dir_put(dir, w.t->dtype, i, d);
        }
    }
    return finite;
}

void hti_plane_go(struct hti_plane *p, double a, double b)
{
    for (struct walk w = {0}; walk_next(p, &w);) {
        const void *first = dir_of(p, 0, &w), *second = dir_of(p, 1, &w);
        if (w.bytes)
            memcpy(w.t->data, p->centre + w.at, w.bytes);
        if (a == 0 && b == 0)
            continue;
        if (w.t->dtype == HT_F32) { /* the common case without calls */
            float *x = w.t->data;
            const float *d = first, *e = second;
            for (size_t i = 0; i < w.count; i++)
                x[i] = (float)(x[i] + a * d[i] + b * e[i]);
            continue;
        }
        for (size_t i = 0; i < w.count; i++)
            hti_put(w.t->data, w.t->dtype, i,
                    hti_get(w.t->data, w.t->dtype, i) + a * dir_get(first, w.t->dtype, i) + b * dir_get(second, w.t->dtype, i));
    }
}
