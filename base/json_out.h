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

void json_open(struct json_out *j, struct buf *b); /* appends to b */
void json_object(struct json_out *j);
void json_object_end(struct json_out *j);
void json_array(struct json_out *j);
void json_array_end(struct json_out *j);
void json_key(struct json_out *j, const char *key);
void json_keyn(struct json_out *j, const char *key, size_t n);
void json_str(struct json_out *j, const char *s); /* NULL becomes null */
void json_strn(struct json_out *j, const char *s, size_t n);
void json_int(struct json_out *j, int64_t v);
void json_uint(struct json_out *j, uint64_t v);
void json_double(struct json_out *j, double v);
void json_bool(struct json_out *j, bool v);
void json_null(struct json_out *j);

#endif
