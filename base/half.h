/* half: the two 16-bit floating-point formats as numbers: IEEE 754 binary16 and bfloat16. From a double both round once, to the
 * nearest, ties to even; NaN stays NaN, what is too large becomes infinite. libc only. */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stdint.h>

double half_to_double(uint16_t h);     /* binary16 */
uint16_t half_from_double(double v);
double bfloat_to_double(uint16_t b);   /* bfloat16 */
uint16_t bfloat_from_double(double v);

#endif
