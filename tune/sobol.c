/* Sobol points: I. M. Sobol, 1967; initial direction numbers of the first dimensions as S. Joe and F. Kuo,
 * "Constructing Sobol Sequences with Better Two-Dimensional Projections", SIAM J. Sci. Comput. 2008; further
 * dimensions take the next primitive polynomials with fixed odd numbers, which keeps every one-dimensional
 * projection perfect. Scrambling: nested uniform (A. Owen, "Randomly Permuted (t,m,s)-Nets and
 * (t,s)-Sequences", 1995), with hashes in place of stored permutations.
 *
 * Halton points: radical inverses in the first primes, each digit permuted by a random permutation of its own
 * (Owen 2017). */
#include "tune/sobol.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

#define BITS 32

struct sobol {
    int dims;
    uint32_t *direction; /* [dim * BITS + bit], the highest bit first */
};

/* Degree, inner coefficients and initial numbers of dimensions 2 to 21. */
static const struct {
    int degree;
    uint32_t inner, m[7];
} published[] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
};
#define PUBLISHED ((int)(sizeof published / sizeof *published))

/* x^exponent modulo a polynomial over GF(2) of this degree. */
static uint64_t power(uint64_t exponent, uint64_t polynomial, int degree)
{
    uint64_t result = 1, base = 2;
    for (; exponent; exponent >>= 1) {
        uint64_t factors[2] = {result, base};
        /* result *= base when the bit is set; base *= base */
        for (int which = exponent & 1 ? 0 : 1; which < 2; which++) {
            uint64_t a = factors[which], b = base, product = 0;
            for (; b; b >>= 1) {
                if (b & 1)
                    product ^= a;
                a <<= 1;
                if (a >> degree & 1)
                    a ^= polynomial;
            }
            factors[which] = product;
        }
        result = factors[0];
        base = factors[1];
    }
    return result;
}

/* Whether x generates the whole multiplicative group: its order divides none of the maximal divisors of
 * 2^degree - 1. */
static int primitive(uint64_t polynomial, int degree)
{
    uint64_t order = (UINT64_C(1) << degree) - 1, rest = order;
    if (degree == 1)
        return 1;
    if (power(order, polynomial, degree) != 1)
        return 0;
    for (uint64_t p = 2; p * p <= rest; p++) {
        if (rest % p)
            continue;
        while (rest % p == 0)
            rest /= p;
        if (power(order / p, polynomial, degree) == 1)
            return 0;
    }
    return rest == 1 || rest == order || power(order / rest, polynomial, degree) != 1;
}

static void fill(uint32_t *v, int degree, uint32_t inner, const uint32_t *m)
{
    for (int i = 0; i < BITS; i++) {
        if (i < degree) {
            v[i] = m[i] << (BITS - 1 - i);
            continue;
        }
        v[i] = v[i - degree] ^ v[i - degree] >> degree;
        for (int k = 1; k < degree; k++)
            if (inner >> (degree - 1 - k) & 1)
                v[i] ^= v[i - k];
    }
}

/* The next primitive polynomial after (degree, inner). */
static void following(int *degree, uint32_t *inner)
{
    do {
        if (++*inner >= 1u << (*degree - 1)) {
            *inner = 0;
            ++*degree;
        }
    } while (!primitive(UINT64_C(1) << *degree | (uint64_t)*inner << 1 | 1, *degree));
}

struct sobol *sobol_new(int dims)
{
    struct sobol *s = MEM_NEW(struct sobol);
    struct rng odd; /* a fixed table in effect: the same numbers for everybody */
    int degree = 7;
    uint32_t inner = 4;
    rng_seed(&odd, 1967);
    s->dims = dims < SOBOL_DIMS ? dims : SOBOL_DIMS;
    s->direction = mem_zero((size_t)(s->dims > 0 ? s->dims : 1) * BITS, sizeof *s->direction);
    for (int d = 0; d < s->dims; d++) {
        uint32_t *v = &s->direction[d * BITS], m[BITS];
        if (d == 0) {
            for (int i = 0; i < BITS; i++)
                v[i] = UINT32_C(1) << (BITS - 1 - i);
        } else if (d <= PUBLISHED) {
            fill(v, published[d - 1].degree, published[d - 1].inner, published[d - 1].m);
        } else {
            following(&degree, &inner);
            for (int i = 0; i < degree; i++)
                m[i] = (uint32_t)rng_below(&odd, UINT64_C(1) << i) * 2 + 1;
            fill(v, degree, inner, m);
        }
    }
    return s;
}

void sobol_free(struct sobol *s)
{
    if (!s)
        return;
    free(s->direction);
    free(s);
}

static uint64_t mixed(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Each bit is flipped or not by a hash of its place and of the bits above it: a random binary tree of
 * flips. */
static uint32_t scrambled(uint32_t x, uint64_t seed)
{
    uint32_t out = x;
    for (int bit = BITS - 1; bit >= 0; bit--) {
        uint64_t above = bit == BITS - 1 ? 0 : x >> (bit + 1);
        out ^= (uint32_t)(mixed(seed ^ mixed(above << 6 | (uint64_t)bit)) & 1) << bit;
    }
    return out;
}

static uint64_t seed_of(uint64_t seed, int dim)
{
    return mixed(seed + mixed((uint64_t)dim + 1));
}

double sobol_at(const struct sobol *s, uint32_t index, int dim, uint64_t seed)
{
    const uint32_t *v = &s->direction[dim % s->dims * BITS];
    uint32_t x = 0;
    for (int i = 0; index; index >>= 1, i++)
        if (index & 1)
            x ^= v[i];
    return scrambled(x, seed_of(seed, dim)) * 0x1p-32;
}

static int prime(int k)
{
    int p = 2;
    for (int n = 0;; p++) {
        int divisor = 2;
        while (divisor * divisor <= p && p % divisor)
            divisor++;
        if (divisor * divisor > p && n++ == k)
            return p;
    }
}

double halton_at(uint32_t index, int dim, uint64_t seed)
{
    int base = prime(dim % HALTON_DIMS), digit[2048];
    double x = 0, scale = 1;
    /* beyond the index's digits too: zeros are permuted as well */
    for (int place = 0; scale > 1e-12; place++) {
        struct rng r;
        rng_seed_stream(&r, seed, (uint64_t)dim * 64 + (uint64_t)place);
        for (int i = 0; i < base; i++)
            digit[i] = i;
        rng_shuffle(&r, digit, base);
        scale /= base;
        x += digit[index % (uint32_t)base] * scale;
        index /= (uint32_t)base;
    }
    return x < 1 ? x : 1 - 0x1p-53;
}
