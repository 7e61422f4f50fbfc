#include "tune/hashed.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUCKETS 96
#define LEVELS  3 /* halvings that are features: 2, 4 and 8 pieces */
#define RIDGE   0.3
#define LEAST   10

struct hashed {
    double mean, weight[BUCKETS];
};

static int bucket(int param, int level, int piece)
{
    uint64_t x = (uint64_t)param << 40 ^ (uint64_t)level << 32 ^ (uint64_t)(uint32_t)piece;
    x = (x + 1) * UINT64_C(0x9e3779b97f4a7c15); /* splitmix64's finish */
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (int)((x ^ x >> 31) % BUCKETS);
}

/* Buckets of a configuration into at (LEVELS a parameter at most); how many. */
static int features(const struct space *s, const double *dna, int *at)
{
    int n = 0;
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        if (isnan(dna[i]) || p->type == PARAM_CONSTANT)
            continue;
        if (p->type == PARAM_CATEGORICAL) {
            at[n++] = bucket(i, 0, (int)dna[i]);
            continue;
        }
        double u = param_model(p, dna[i]);
        for (int level = 1; level <= LEVELS; level++)
            at[n++] = bucket(i, level, (int)fmin(floor(ldexp(u, level)), ldexp(1, level) - 1));
    }
    return n;
}

struct hashed *hashed_fit(const struct space *s, const struct history *h, const double *reward)
{
    int n = 0, *at = mem_zero((size_t)s->n * LEVELS + 1, sizeof *at);
    double *gram = mem_zero(BUCKETS * BUCKETS, sizeof *gram);
    struct hashed *m = MEM_NEW(struct hashed);
    for (int i = 0; i < h->n; i++) {
        if (isnan(reward[i]) || h->trials[i].outside)
            continue;
        n++;
        m->mean += reward[i];
    }
    m->mean /= n ? n : 1;
    for (int i = 0; i < h->n; i++) {
        if (isnan(reward[i]) || h->trials[i].outside)
            continue;
        int k = features(s, h->trials[i].dna, at);
        for (int a = 0; a < k; a++) {
            m->weight[at[a]] += reward[i] - m->mean;
            for (int b = 0; b < k; b++)
                gram[at[a] * BUCKETS + at[b]]++;
        }
    }
    for (int i = 0; i < BUCKETS; i++)
        gram[i * BUCKETS + i] += RIDGE;
    if (n < LEAST || LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', BUCKETS, 1, gram, BUCKETS, m->weight, 1) != 0) {
        hashed_free(m);
        m = NULL;
    }
    free(gram);
    free(at);
    return m;
}

void hashed_free(struct hashed *m)
{
    free(m);
}

double hashed_predict(const struct hashed *m, const struct space *s, const double *dna)
{
    int *at = mem_zero((size_t)s->n * LEVELS + 1, sizeof *at), n = features(s, dna, at);
    double y = m->mean;
    for (int k = 0; k < n; k++)
        y += m->weight[at[k]];
    free(at);
    return y;
}
