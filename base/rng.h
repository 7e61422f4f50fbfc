/* rng: xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64. 32 bytes of state that can be copied, stored and
 * compared: that is what makes a resumed sweep ask the same questions. No globals, no allocation, libc and libm only. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
/* An independent stream: same seed, other number, other stream. */
void rng_seed_stream(struct rng *r, uint64_t seed, uint64_t stream);
uint64_t rng_u64(struct rng *r);
double rng_unit(struct rng *r);                      /* [0,1), 53 bits */
uint64_t rng_below(struct rng *r, uint64_t n);       /* 0..n-1 without bias; n > 0 */
double rng_normal(struct rng *r);                    /* standard normal (polar method, one of the pair) */
double rng_exponential(struct rng *r);               /* mean 1 */
double rng_gamma(struct rng *r, double shape);       /* scale 1; Marsaglia and Tsang 2000; shape > 0 */
double rng_beta(struct rng *r, double a, double b);  /* a, b > 0 */
void rng_shuffle(struct rng *r, int *v, int n);      /* Fisher-Yates */

#endif
