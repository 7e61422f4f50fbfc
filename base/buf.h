/* buf: a growable byte buffer.
 *
 * Zero-initialise (`struct buf b = {0};`) and use; release with buf_release. A failed allocation ends the program
 * through mem_fail(): buffers are for the hub, the console and the tools, never for the library in a training process.
 * Not thread-safe; one owner at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* len valid bytes, NULL while nothing was ever put; not NUL-terminated (see buf_cstr) */
    size_t len;
    size_t cap;
};

/* Makes room for `more` bytes past len and returns where they go; len is unchanged. */
void *buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_putc(struct buf *b, int c);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
/* Drops the first n bytes (n <= len) and moves the rest to the front. */
void buf_consume(struct buf *b, size_t n);
/* The contents as a C string: a NUL is kept behind len; valid until the next call on b. */
const char *buf_cstr(struct buf *b);
/* Hands the contents over as a malloc'ed NUL-terminated string and leaves b empty. */
char *buf_take(struct buf *b);
/* Empties, keeps the memory. */
void buf_clear(struct buf *b);
/* Frees the memory; b is ready for use again. */
void buf_release(struct buf *b);

#endif
