/* json_out: a streaming JSON writer with stable formatting (one object per line in every --json output).
 *
 * Commas are placed by the writer. Doubles are the shortest decimal that reads back exactly; NaN and infinities become
 * null. Strings are escaped; bytes that are not UTF-8 become U+FFFD. Reading JSON is jansson's job. */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_out {
    struct buf *b;
    bool comma; /* the next value or key needs a comma before it */
};

void jw_open(struct json_out *j, struct buf *b); /* appends to b */
void jw_object(struct json_out *j);
void jw_object_end(struct json_out *j);
void jw_array(struct json_out *j);
void jw_array_end(struct json_out *j);
void jw_key(struct json_out *j, const char *key);
void jw_keyn(struct json_out *j, const char *key, size_t n);
void jw_str(struct json_out *j, const char *s); /* NULL becomes null */
void jw_strn(struct json_out *j, const char *s, size_t n);
void jw_int(struct json_out *j, int64_t v);
void jw_uint(struct json_out *j, uint64_t v);
void jw_double(struct json_out *j, double v);
void jw_bool(struct json_out *j, bool v);
void jw_null(struct json_out *j);

#endif
