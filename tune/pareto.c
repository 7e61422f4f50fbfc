/* Fast non-dominated sorting and crowding: K. Deb, A. Pratap, S. Agarwal and T. Meyarivan, "A Fast and Elitist Multiobjective
 * Genetic Algorithm: NSGA-II", IEEE TEC 6(2), 2002. Hypervolume: a sweep for two losses, slices for three, and L. While, L.
 * Bradstreet and L. Barone, "A Fast Way of Calculating Exact Hypervolumes" (WFG), IEEE TEC 16(1), 2012, for more. Choosing a
 * subset by volume: A. Guerreiro, C. Fonseca and L. Paquete, "Greedy Hypervolume Subset Selection in Low Dimensions", 2016. */
#include "tune/pareto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool pareto_dominates(const double *a, const double *b, int m)
{
    bool better = false;
    for (int k = 0; k < m; k++) {
        if (a[k] > b[k])
            return false;
        better |= a[k] < b[k];
    }
    return better;
}

int pareto_fronts(const double *x, int n, int m, int *front)
{
    int *above = mem_zero((size_t)n + 1, sizeof *above), left = n, f = 0; /* how many not yet sorted dominate it */
    for (int i = 0; i < n; i++) {
        front[i] = -1;
        for (int j = 0; j < n; j++)
            above[i] += pareto_dominates(x + (size_t)j * (size_t)m, x + (size_t)i * (size_t)m, m);
    }
    for (; left > 0; f++) {
        for (int i = 0; i < n; i++)
            if (front[i] < 0 && above[i] == 0) {
                front[i] = f;
                left--;
            }
        for (int i = 0; i < n; i++)
            for (int j = 0; front[i] == f && j < n; j++)
                above[j] -= front[j] < 0 && pareto_dominates(x + (size_t)i * (size_t)m, x + (size_t)j * (size_t)m, m);
    }
    free(above);
    return f;
}

struct keyed {
    double key;
    int at;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : x->at - y->at;
}

void pareto_crowding(const double *x, int n, int m, double *out)
{
    struct keyed *order = mem_zero((size_t)n + 1, sizeof *order);
    for (int i = 0; i < n; i++)
        out[i] = 0;
    for (int k = 0; k < m; k++) {
        for (int i = 0; i < n; i++)
            order[i] = (struct keyed){x[(size_t)i * (size_t)m + (size_t)k], i};
        qsort(order, (size_t)n, sizeof *order, by_key);
        double range = n ? order[n - 1].key - order[0].key : 0;
        for (int i = 0; i < n; i++)
            if (i == 0 || i == n - 1)
                out[order[i].at] = INFINITY;
            else if (range > 0)
                out[order[i].at] += (order[i + 1].key - order[i - 1].key) / range;
    }
    free(order);
}

/* ---- hypervolume ---- */

/* Two losses: from left to right, each point adds what lies below the lowest so far. */
static double volume2(const double *x, int n, const double *ref)
{
    struct keyed *order = mem_zero((size_t)n + 1, sizeof *order);
    double low = ref[1], sum = 0;
    for (int i = 0; i < n; i++)
        order[i] = (struct keyed){x[2 * i], i};
    qsort(order, (size_t)n, sizeof *order, by_key);
    for (int i = 0; i < n; i++) {
        double y = x[2 * order[i].at + 1];
        if (y >= low)
            continue;
        sum += (ref[0] - order[i].key) * (low - y);
        low = y;
    }
    free(order);
    return sum;
}

/* Three: slices along the third, each as thick as the way to the next point, of the area of all points so far. */
static double volume3(const double *x, int n, const double *ref)
{
    struct keyed *order = mem_zero((size_t)n + 1, sizeof *order);
    double *area = mem_zero(2 * (size_t)n + 1, sizeof *area), sum = 0;
    for (int i = 0; i < n; i++)
        order[i] = (struct keyed){x[3 * i + 2], i};
    qsort(order, (size_t)n, sizeof *order, by_key);
    for (int i = 0; i < n; i++) {
        memcpy(area + 2 * i, x + 3 * order[i].at, 2 * sizeof *area);
        double next = i + 1 < n ? order[i + 1].key : ref[2];
        if (next > order[i].key)
            sum += (next - order[i].key) * volume2(area, i + 1, ref);
    }
    free(area);
    free(order);
    return sum;
}

static int keep_front(double *x, int n, int m)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        bool dominated = false;
        for (int j = 0; j < n && !dominated; j++) {
            const double *a = x + (size_t)j * (size_t)m, *b = x + (size_t)i * (size_t)m;
            /* rows below `kept` were moved there and stand for themselves; of equal ones the first stays */
            dominated = (j >= i || j < kept) && j != i &&
                        (pareto_dominates(a, b, m) || (j < kept && !memcmp(a, b, (size_t)m * sizeof *a)));
        }
        if (!dominated)
            memmove(x + (size_t)kept++ * (size_t)m, x + (size_t)i * (size_t)m, (size_t)m * sizeof *x);
    }
    return kept;
}

static double wfg(const double *x, int n, int m, const double *ref)
{
    if (n == 0)
        return 0;
    if (m == 2)
        return volume2(x, n, ref);
    if (m == 3)
        return volume3(x, n, ref);
    double sum = 0, *limit = mem_alloc((size_t)n * (size_t)m * sizeof *limit);
    for (int i = 0; i < n; i++) { /* what point i dominates and none behind it does */
        const double *p = x + (size_t)i * (size_t)m;
        double box = 1;
        for (int k = 0; k < m; k++)
            box *= ref[k] - p[k];
        for (int j = i + 1; j < n; j++)
            for (int k = 0; k < m; k++)
                limit[(size_t)(j - i - 1) * (size_t)m + (size_t)k] = fmax(p[k], x[(size_t)j * (size_t)m + (size_t)k]);
        int left = keep_front(limit, n - i - 1, m);
        sum += box - wfg(limit, left, m, ref);
    }
    free(limit);
    return sum;
}

double pareto_volume(const double *x, int n, int m, const double *reference)
{
    double *inside = mem_alloc(((size_t)n + 1) * (size_t)m * sizeof *inside);
    int kept = 0;
    for (int i = 0; i < n; i++) {
        bool better = true;
        for (int k = 0; k < m; k++)
            better &= x[(size_t)i * (size_t)m + (size_t)k] < reference[k];
        if (better)
            memcpy(inside + (size_t)kept++ * (size_t)m, x + (size_t)i * (size_t)m, (size_t)m * sizeof *x);
    }
    double volume;
    if (m == 1) {
        volume = 0;
        for (int i = 0; i < kept; i++)
            volume = fmax(volume, reference[0] - inside[i]);
    } else {
        volume = wfg(inside, keep_front(inside, kept, m), m, reference);
    }
    free(inside);
    return volume;
}

void pareto_reference(const double *x, int n, int m, double *out)
{
    for (int k = 0; k < m; k++) {
        double worst = n ? -INFINITY : 1;
        for (int i = 0; i < n; i++)
            worst = fmax(worst, x[(size_t)i * (size_t)m + (size_t)k]);
        out[k] = worst > 0 ? 1.1 * worst : worst < 0 ? 0.9 * worst : 0.1;
    }
}

void pareto_choose(const double *x, int n, int m, const double *reference, int k, int *chosen)
{
    double *set = mem_zero(((size_t)k + 1) * (size_t)m, sizeof *set), *gain = mem_zero((size_t)n + 1, sizeof *gain), have = 0;
    bool *taken = mem_zero((size_t)n + 1, sizeof *taken);
    for (int i = 0; i < n; i++)
        gain[i] = INFINITY; /* what it would add, once more or less: it only shrinks, so an old number is a bound */
    for (int c = 0; c < k && c < n; c++) {
        int best = -1;
        double most = -1;
        for (int i = 0; i < n; i++) {
            if (taken[i] || gain[i] <= most)
                continue;
            memcpy(set + (size_t)c * (size_t)m, x + (size_t)i * (size_t)m, (size_t)m * sizeof *set);
            gain[i] = fmax(0, pareto_volume(set, c + 1, m, reference) - have);
            if (gain[i] > most) {
                most = gain[i];
                best = i;
            }
        }
        chosen[c] = best;
        taken[best] = true;
        memcpy(set + (size_t)c * (size_t)m, x + (size_t)best * (size_t)m, (size_t)m * sizeof *set);
        have += most;
    }
    free(set);
    free(gain);
    free(taken);
}
