/* yaml_flat: a YAML text as a list of scalars with dotted names, for the settings files that other tools write. */
#ifndef READ_YAML_FLAT_H
#define READ_YAML_FLAT_H

#include <stdbool.h>
#include <stddef.h>

#include "read/sink.h"

/* Calls for every scalar below a mapping ("a.b"; a list is given as its text, "[1, 2]"). Returns -1, or the offset at
 * which the text is no YAML any more (what came before was said). */
long yaml_flat(const void *p, size_t n, void (*leaf)(void *ctx, const char *name, const struct read_value *v),
               void *ctx);
/* The same as parameters of a trial. */
long yaml_params(const void *p, size_t n, const struct read_sink *k, int trial);

#endif
