/* text: strict number parsing and number formatting for people and for JSON. No locale, no allocation unless said. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole string must be the number (leading and trailing blanks are errors). Returns false and leaves *out alone
 * otherwise. text_double accepts inf, nan, 1e-5 and .5; text_int is decimal. */
bool text_double(const char *s, double *out);
bool text_int(const char *s, int64_t *out);

#define TEXT_NUM 32 /* a buffer of this many bytes holds any formatted number */

/* Shortest decimal that reads back as exactly v; "nan", "inf", "-inf" otherwise. Returns the length. */
size_t text_fmt_double(char out[TEXT_NUM], double v);
/* For tables: `digits` significant digits, exponent without padding (8.1e-4), at most 10 bytes for digits <= 3. */
size_t text_fmt_short(char out[TEXT_NUM], double v, int digits);

bool text_has_prefix(const char *s, const char *prefix);

#endif
