/* sobol: scrambled low-discrepancy points, by index. Pure: the same seed, index and dimension give the same
 * coordinate. */
#ifndef TUNE_SOBOL_H
#define TUNE_SOBOL_H

#include <stdint.h>

#define SOBOL_DIMS  1024
#define HALTON_DIMS 256

struct sobol;
struct sobol *sobol_new(int dims); /* direction numbers; dims <= SOBOL_DIMS */
void sobol_free(struct sobol *s);
double sobol_at(const struct sobol *s, uint32_t index, int dim, uint64_t seed); /* in [0,1) */
double halton_at(uint32_t index, int dim, uint64_t seed);                        /* in [0,1) */

#endif
