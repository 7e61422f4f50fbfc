/* mem: allocation that does not fail. For the programs; never for libhypertop.
 *
 * When memory runs out the program says so on stderr and exits with status 1: the hub's recording is the state, so
 * nothing that was acknowledged is lost. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t n);           /* uninitialised; n may be 0 */
void *mem_zero(size_t n, size_t sz); /* zeroed array, overflow-checked */
void *mem_realloc(void *p, size_t n);
void *mem_resize(void *p, size_t n, size_t sz); /* array realloc, overflow-checked */
char *mem_str(const char *s);                   /* strdup; NULL stays NULL */
char *mem_strn(const char *s, size_t n);        /* first n bytes, NUL added */
void *mem_dup(const void *p, size_t n);
void mem_fail(size_t n) __attribute__((noreturn));

#define MEM_NEW(type) ((type *)mem_zero(1, sizeof(type)))

#endif
