#include "base/half.h"

#include <math.h>
#include <string.h>

/* Rounds |v| to a format with `bits` bits of fraction and the least normal exponent `low`; the largest finite exponent is `high`.
 * Returns the encoding without its sign. In a double the quotient by a unit in the last place is exact, so rint rounds once. */
static uint16_t encode(double v, int bits, int low, int high)
{
    uint16_t infinite = (uint16_t)((uint32_t)(high - low + 2) << bits);
    if (isnan(v))
        return (uint16_t)(infinite | 1u << (bits - 1));
    if (v == 0)
        return 0;
    int e;
    frexp(v, &e);
    e = e - 1 < low ? low : e - 1; /* below it: subnormal, the unit stays */
    if (isinf(v) || e > high)
        return infinite;
    double units = rint(ldexp(v, bits - e)); /* up to 2^(bits + 1): then the carry goes into the exponent */
    uint32_t code = (uint32_t)(e - low) << bits;
    code += (uint32_t)units;                 /* a normal number's leading one makes the exponent one larger */
    return code > infinite ? infinite : (uint16_t)code;
}

static double decode(uint16_t code, int bits, int low, int high)
{
    uint32_t fraction = code & ((1u << bits) - 1), exponent = (code & 0x7fffu) >> bits;
    double v;
    if (exponent == (uint32_t)(high - low + 2))
        v = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        v = ldexp(fraction, low - bits);
    else
        v = ldexp(fraction + (double)(1u << bits), (int)exponent - 1 + low - bits);
    return code & 0x8000u ? -v : v;
}

static uint16_t with_sign(double v, uint16_t code)
{
    return signbit(v) ? (uint16_t)(code | 0x8000u) : code;
}

double half_to_double(uint16_t h)
{
    return decode(h, 10, -14, 15);
}

uint16_t half_from_double(double v)
{
    return with_sign(v, encode(fabs(v), 10, -14, 15));
}

double bfloat_to_double(uint16_t b)
{
    uint32_t wide = (uint32_t)b << 16; /* the upper half of a float */
    float f;
    memcpy(&f, &wide, sizeof f);
    return f;
}

uint16_t bfloat_from_double(double v)
{
    return with_sign(v, encode(fabs(v), 7, -126, 127));
}
