#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void *buf_reserve(struct buf *b, size_t more)
{
    if (more > SIZE_MAX / 2 - b->len)
        mem_fail(more);
    size_t need = b->len + more;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < need)
            cap += cap / 2 + 64;
        b->data = mem_realloc(b->data, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    memcpy(buf_reserve(b, n), p, n);
    b->len += n;
}

void buf_putc(struct buf *b, int c)
{
    *(uint8_t *)buf_reserve(b, 1) = (uint8_t)c;
    b->len++;
}

void buf_puts(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    size_t room = b->cap - b->len;
    int n = vsnprintf(b->data ? (char *)b->data + b->len : NULL, room, fmt, ap);
    if (n >= 0 && (size_t)n >= room)
        vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
    va_end(again);
    if (n > 0)
        b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

const char *buf_cstr(struct buf *b)
{
    *(char *)buf_reserve(b, 1) = '\0';
    return (const char *)b->data;
}

char *buf_take(struct buf *b)
{
    buf_cstr(b);
    char *s = (char *)b->data;
    *b = (struct buf){0};
    return s;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_release(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}
