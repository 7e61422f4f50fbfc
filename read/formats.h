/* formats: the table of formats, most telling first: what several could read belongs to the first that claims it. */
#ifndef READ_FORMATS_H
#define READ_FORMATS_H

#include "read/parser.h"

extern const struct read_format *const read_formats[]; /* ends with NULL */
const struct read_format *read_format_named(const char *name); /* NULL: no such format */

#endif
