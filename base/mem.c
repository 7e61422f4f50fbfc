#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mem_fail(size_t n)
{
    fprintf(stderr, "hypertop: out of memory (%zu bytes asked for)\n", n);
    exit(1);
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        mem_fail(n);
    return p;
}

void *mem_zero(size_t n, size_t sz)
{
    void *p = calloc(n ? n : 1, sz ? sz : 1);
    if (!p)
        mem_fail(n);
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    p = realloc(p, n ? n : 1);
    if (!p)
        mem_fail(n);
    return p;
}

void *mem_resize(void *p, size_t n, size_t sz)
{
    if (sz && n > SIZE_MAX / sz)
        mem_fail(SIZE_MAX);
    return mem_realloc(p, n * sz);
}

char *mem_strn(const char *s, size_t n)
{
    char *d = mem_alloc(n + 1);
    memcpy(d, s, n);
    d[n] = '\0';
    return d;
}

char *mem_str(const char *s)
{
    return s ? mem_strn(s, strlen(s)) : NULL;
}

void *mem_dup(const void *p, size_t n)
{
    void *d = mem_alloc(n);
    if (n)
        memcpy(d, p, n);
    return d;
}
