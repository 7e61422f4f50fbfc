/* Averages of weights: snapshots of one run, or runs that share their start. Sums in double, whatever the type. */
#include <stdlib.h>
#include <string.h>

#include "agent/lib_plane.h"

struct ht_average {
    struct hti_plane like; /* types and shapes only */
    double *sum;
    int64_t n;
};

ht_average *ht_average_open(const struct ht_tensor *like, size_t n)
{
    ht_average *a = hti_tensors_ok(like, n) ? calloc(1, sizeof *a) : NULL;
    size_t count = 0;
    if (!a)
        return NULL;
    for (size_t i = 0; i < n; i++)
        count += hti_tensor_count(&like[i]);
    a->sum = calloc(count + 1, sizeof *a->sum);
    if (a->sum && hti_plane_init(&a->like, like, n))
        return a;
    free(a->sum);
    free(a);
    return NULL;
}

void ht_average_close(ht_average *a)
{
    if (!a)
        return;
    hti_plane_release(&a->like);
    free(a->sum);
    free(a);
}

static bool fits(const ht_average *a, const struct ht_tensor *t, size_t n)
{
    return n == a->like.n && hti_tensors_ok(t, n) && hti_tensors_alike(a->like.tensors, t, n);
}

int ht_average_add(ht_average *a, const struct ht_tensor *t, size_t n)
{
    if (!a || !fits(a, t, n))
        return HT_INVALID;
    double *sum = a->sum;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0, m = hti_tensor_count(&t[i]); k < m; k++)
            *sum++ += hti_get(t[i].data, t[i].dtype, k);
    a->n++;
    return HT_OK;
}

int64_t ht_average_count(const ht_average *a)
{
    return a->n;
}

int ht_average_get(const ht_average *a, const struct ht_tensor *out, size_t n)
{
    if (!a || !a->n || !fits(a, out, n))
        return HT_INVALID;
    const double *sum = a->sum;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0, m = hti_tensor_count(&out[i]); k < m; k++)
            hti_put(out[i].data, out[i].dtype, k, *sum++ / (double)a->n);
    return HT_OK;
}
