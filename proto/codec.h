/* codec: MessagePack in and out, with every bound checked before anything is believed or allocated.
 *
 * Writing goes through msgpack-c's packer into a buf. Reading is a cursor over borrowed bytes: it allocates nothing,
 * strings and binaries are returned by reference into the input, and it never trusts a count (a container that claims
 * more elements than there are bytes left is malformed: each element takes at least one byte). msgpack-c's unpacker
 * is not used for input from outside because 90 bytes can make it reserve 47 MB.
 *
 * Errors are sticky: after the first one every call is a no-op that returns zero, so a message is decoded straight
 * through and codec_ok() asked once at the end. Not thread-safe; a reader belongs to one caller. */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json_out.h"

#define CODEC_MAX_DEPTH 8           /* containers inside containers */
#define CODEC_MAX_STR   (64 << 10)  /* bytes in one string */
#define CODEC_MAX_BIN   (16 << 20)  /* bytes in one binary */
#define CODEC_MAX_COUNT (1 << 20)   /* elements in one array or map */

/* ---- writing ---- */
struct codec_writer {
    struct buf *b;
};
void cw_init(struct codec_writer *w, struct buf *b); /* appends to b */
void cw_map(struct codec_writer *w, size_t pairs);
void cw_array(struct codec_writer *w, size_t n);
void cw_str(struct codec_writer *w, const char *s); /* NULL becomes nil */
void cw_strn(struct codec_writer *w, const char *s, size_t n);
void cw_bin(struct codec_writer *w, const void *p, size_t n);
void cw_int(struct codec_writer *w, int64_t v);
void cw_uint(struct codec_writer *w, uint64_t v);
void cw_double(struct codec_writer *w, double v);
void cw_bool(struct codec_writer *w, bool v);
void cw_nil(struct codec_writer *w);
void cw_raw(struct codec_writer *w, const void *p, size_t n); /* already encoded MessagePack */
/* key and value at once, for maps */
void cw_kstr(struct codec_writer *w, const char *key, const char *s);
void cw_kint(struct codec_writer *w, const char *key, int64_t v);
void cw_kdouble(struct codec_writer *w, const char *key, double v);
void cw_kbool(struct codec_writer *w, const char *key, bool v);
void cw_knil(struct codec_writer *w, const char *key);

/* ---- reading ---- */
enum codec_type { CT_END, CT_NIL, CT_BOOL, CT_INT, CT_UINT, CT_DOUBLE, CT_STR, CT_BIN, CT_ARRAY, CT_MAP, CT_EXT };

struct codec_reader {
    const uint8_t *p, *end;
    const char *error; /* NULL while all is well; a static sentence after the first error */
};

/* A string or binary inside the input; not NUL-terminated. */
struct span {
    const char *p;
    size_t n;
};

void cr_init(struct codec_reader *r, const void *p, size_t n);
bool cr_ok(const struct codec_reader *r);
void cr_fail(struct codec_reader *r, const char *why); /* why must be a static string */
enum codec_type cr_peek(struct codec_reader *r);       /* CT_END at the end or after an error */

size_t cr_map(struct codec_reader *r);   /* number of pairs that follow */
size_t cr_array(struct codec_reader *r); /* number of elements that follow */
struct span cr_str(struct codec_reader *r);
struct span cr_bin(struct codec_reader *r);
int64_t cr_int(struct codec_reader *r);   /* accepts any integer that fits */
double cr_double(struct codec_reader *r); /* accepts integers too; nil is NaN */
bool cr_bool(struct codec_reader *r);
void cr_nil(struct codec_reader *r);
void cr_skip(struct codec_reader *r);        /* one value, however nested (depth bounded) */
struct span cr_value(struct codec_reader *r); /* one whole value as raw MessagePack, validated */

bool span_eq(struct span s, const char *z);
char *span_dup(struct span s); /* malloc'ed, NUL-terminated; NULs inside are cut at the first */
/* Copies at most cap-1 bytes and terminates; cuts at a character boundary. */
void span_copy(char *out, size_t cap, struct span s);

/* Random access into one encoded map, for messages whose fields come in any order and may be absent. Each call scans
 * from the start of the map: fine for the tens of fields a message has. The map must have been validated (cr_value). */
bool cmap_find(struct span map, const char *key, struct codec_reader *at);
struct span cmap_str(struct span map, const char *key);             /* {NULL,0} when absent or not a string */
bool cmap_strcpy(struct span map, const char *key, char *out, size_t cap);
char *cmap_strdup(struct span map, const char *key);                /* NULL when absent */
int64_t cmap_int(struct span map, const char *key, int64_t absent);
double cmap_double(struct span map, const char *key, double absent);
bool cmap_bool(struct span map, const char *key, bool absent);
struct span cmap_value(struct span map, const char *key);           /* raw value; {NULL,0} when absent */
/* Validates that all of p..p+n is exactly one well-formed value within the bounds. */
bool codec_valid(const void *p, size_t n, const char **why);

/* One MessagePack value as JSON: binaries become base64 strings, NaN null, non-string keys are stringified. */
void codec_to_json(struct span value, struct json_out *out);

#endif
