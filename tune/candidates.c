#include "tune/candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct candidates *candidates_new(int dims)
{
    struct candidates *c = MEM_NEW(struct candidates);
    c->dims = dims;
    return c;
}

void candidates_free(struct candidates *c)
{
    if (!c)
        return;
    free(c->dna);
    free(c->sorted);
    free(c);
}

struct candidates *candidates_copy(const struct candidates *c)
{
    if (!c)
        return NULL;
    struct candidates *copy = candidates_new(c->dims);
    copy->n = copy->cap = c->n;
    copy->dna = mem_dup(c->dna, (size_t)c->n * (size_t)c->dims * sizeof *c->dna);
    copy->sorted = c->sorted ? mem_dup(c->sorted, (size_t)c->n * sizeof *c->sorted) : NULL;
    return copy;
}

const double *candidates_row(const struct candidates *c, int i)
{
    return c->dna + (size_t)i * (size_t)c->dims;
}

void candidates_add(struct candidates *c, const double *dna)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->dna = mem_resize(c->dna, (size_t)c->cap * (size_t)c->dims, sizeof *c->dna);
    }
    memcpy(c->dna + (size_t)c->n++ * (size_t)c->dims, dna, (size_t)c->dims * sizeof *dna);
    free(c->sorted);
    c->sorted = NULL;
}

/* ---- finding ---- */

/* Lexical; an inactive parameter (NaN) comes before every value. */
static int compare(const double *a, const double *b, int dims)
{
    for (int i = 0; i < dims; i++) {
        if (isnan(a[i]) || isnan(b[i])) {
            if (isnan(a[i]) != isnan(b[i]))
                return isnan(a[i]) ? -1 : 1;
        } else if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

static int by_row(const void *a, const void *b, void *list)
{
    const struct candidates *c = list;
    int x = *(const int *)a, y = *(const int *)b, d = compare(candidates_row(c, x), candidates_row(c, y), c->dims);
    return d ? d : x - y;
}

static void sort(struct candidates *c)
{
    free(c->sorted);
    c->sorted = mem_zero((size_t)c->n + 1, sizeof *c->sorted);
    for (int i = 0; i < c->n; i++)
        c->sorted[i] = i;
    qsort_r(c->sorted, (size_t)c->n, sizeof *c->sorted, by_row, c);
}

int candidates_seal(struct candidates *c)
{
    sort(c);
    bool *again = mem_zero((size_t)c->n + 1, sizeof *again);
    int kept = 0, before = c->n;
    for (int i = 1; i < c->n; i++)
        again[c->sorted[i]] = compare(candidates_row(c, c->sorted[i - 1]), candidates_row(c, c->sorted[i]), c->dims) == 0;
    for (int i = 0; i < before; i++) {
        if (again[i])
            continue;
        if (kept < i)
            memcpy(c->dna + (size_t)kept * (size_t)c->dims, candidates_row(c, i), (size_t)c->dims * sizeof *c->dna);
        kept++;
    }
    free(again);
    c->n = kept;
    if (kept < before)
        sort(c);
    return before - kept;
}

int candidates_find(const struct candidates *c, const double *dna)
{
    int lo = 0, hi = c->n;
    while (lo < hi) {
        int mid = (lo + hi) / 2, d = compare(candidates_row(c, c->sorted[mid]), dna, c->dims);
        if (d == 0)
            return c->sorted[mid];
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return -1;
}

int candidates_tried(const struct candidates *c, const struct history *h, bool *tried)
{
    int n = 0;
    memset(tried, 0, (size_t)c->n * sizeof *tried);
    for (int i = 0; i < h->n; i++) {
        int row = h->trials[i].end == END_FORGOTTEN || h->trials[i].outside ? -1 : candidates_find(c, h->trials[i].dna);
        if (row >= 0 && !tried[row]) {
            tried[row] = true;
            n++;
        }
    }
    return n;
}

double candidates_apart(const struct space *s, const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        if (isnan(a[i]) && isnan(b[i]))
            continue;
        if (isnan(a[i]) || isnan(b[i]) || p->type == PARAM_CATEGORICAL) {
            sum += a[i] != b[i];
            continue;
        }
        double d = param_model(p, a[i]) - param_model(p, b[i]);
        sum += d * d;
    }
    return sum;
}

/* ---- versions and dumps ---- */

struct candidates *candidates_carry(const struct candidates *c, const struct space *from, const struct space *to)
{
    struct candidates *next = candidates_new(to->n);
    double *dna = mem_zero((size_t)to->n + 1, sizeof *dna);
    for (int i = 0; i < c->n; i++)
        if (space_carry(from, candidates_row(c, i), to, dna))
            candidates_add(next, dna);
    free(dna);
    candidates_seal(next);
    return next;
}

void candidates_pack(const struct candidates *c, struct buf *out)
{
    pack_u64(out, c ? (uint64_t)c->n : 0);
    if (c)
        pack_doubles(out, c->dna, (size_t)c->n * (size_t)c->dims);
}

struct candidates *candidates_unpack(struct unpack *in, int dims)
{
    size_t n = unpack_count(in, 8 * (size_t)(dims > 0 ? dims : 1));
    if (in->bad || n == 0)
        return NULL;
    struct candidates *c = candidates_new(dims);
    c->n = c->cap = (int)n;
    c->dna = mem_zero(n * (size_t)dims, sizeof *c->dna);
    unpack_doubles(in, c->dna, n * (size_t)dims);
    candidates_seal(c);
    return c;
}
