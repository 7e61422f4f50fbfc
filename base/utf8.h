/* utf8: strict decoding (no overlong forms, no surrogates, nothing past U+10FFFF) and encoding. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the sequence at s (1..4) and its code point, or 0 when the bytes there are not UTF-8. n > 0. */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Writes 1..4 bytes, returns how many; 0 for a code point that has no encoding. */
size_t utf8_encode(char out[4], uint32_t cp);

#endif
