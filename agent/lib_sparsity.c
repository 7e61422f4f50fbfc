/* The PQ index of a vector (E. Diao et al., "Pruning Deep Neural Networks from a Sparsity Perspective", ICLR 2023), computed with the
 * entries divided by the largest one, so that no power over- or underflows. */
#include <math.h>

#include "agent/lib_tensor.h"

struct sums {
    double top, p, q;
    double d;
    bool finite;
};

static double index_of(const struct ht_tensor *t, size_t n, double p, double q)
{
    struct sums s = {.finite = true};
    if (!(p > 0 && p < q && isfinite(q)) || !hti_tensors_ok(t, n))
        return NAN;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0, m = hti_tensor_count(&t[i]); k < m; k++) {
            double x = fabs(hti_get(t[i].data, t[i].dtype, k));
            s.finite &= isfinite(x);
            s.top = x > s.top ? x : s.top;
            s.d++;
        }
    if (!s.finite)
        return NAN;
    if (s.top == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0, m = hti_tensor_count(&t[i]); k < m; k++) {
            double x = fabs(hti_get(t[i].data, t[i].dtype, k)) / s.top;
            s.p += x == 0 ? 0 : pow(x, p);
            s.q += x == 0 ? 0 : pow(x, q);
        }
    double index = 1 - pow(s.d, 1 / q - 1 / p) * pow(s.p, 1 / p) / pow(s.q, 1 / q);
    return index < 0 ? 0 : index;
}

double ht_pq_index_of(const struct ht_tensor *t, size_t n, double p, double q)
{
    return index_of(t, n, p, q);
}

double ht_pq_index(const double *w, size_t n, double p, double q)
{
    int64_t length = (int64_t)n;
    struct ht_tensor t = {.data = (void *)w, .shape = &length, .dims = 1, .dtype = HT_F64};
    return index_of(&t, 1, p, q);
}

double ht_pq_retain(double d, double index, double p, double q, double eta)
{
    if (!(p > 0 && p < q && d >= 0 && eta > -1 && index <= 1))
        return NAN;
    double m = ceil(d * pow(1 + eta, q / (p - q)) * pow(1 - index, q * p / (q - p)) * (1 - 1e-12));
    return m > d ? d : m;
}
