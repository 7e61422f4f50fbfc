/* json_pull: reads JSON a token at a time out of borrowed bytes, so that a cut or damaged text gives everything in
 * front of the place where it stops. Accepts what Python writes: NaN, Infinity, -Infinity.
 *
 * Bounded: JSON_DEPTH containers inside each other; allocates for the text of one string only. */
#ifndef READ_JSON_PULL_H
#define READ_JSON_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "read/sink.h"

#define JSON_DEPTH 64

enum json_token {
    JSON_END, /* the value is over; what follows is at j->p */
    JSON_CUT, /* the text ends before the value does */
    JSON_BAD, /* this is no JSON: j->why */
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_KEY,    /* j->text */
    JSON_STRING, /* j->text */
    JSON_NUMBER, /* j->number; j->whole and j->integer when it is one that fits */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_pull {
    const char *start, *p, *end;
    const char *token; /* where the last token began */
    const char *why;
    struct buf text; /* NUL-terminated by json_text() */
    double number;
    int64_t integer;
    bool whole;
    int depth;
    bool in_object[JSON_DEPTH];
    enum { JSON_WANT_VALUE, JSON_WANT_FIRST, JSON_WANT_NEXT, JSON_WANT_COLON_VALUE, JSON_OVER, JSON_FAILED } want;
    enum json_token failed;
};

/* j may be used again for another text; release it at the end. */
void json_open(struct json_pull *j, const void *p, size_t n);
void json_release(struct json_pull *j);
enum json_token json_next(struct json_pull *j);
const char *json_text(struct json_pull *j);
/* Offset of the token read last. */
size_t json_offset(const struct json_pull *j);
static inline bool json_failed(enum json_token t)
{
    return t == JSON_CUT || t == JSON_BAD;
}

/* Passes over the rest of the value whose first token was t. False: it fails on the way. */
bool json_skip(struct json_pull *j, enum json_token t);
/* A scalar as a value (its text borrows from j). False for containers. */
bool json_scalar(struct json_pull *j, enum json_token t, struct read_value *v);
/* Every scalar below the value whose first token was t, nested names joined with dots ("a.b", "a.0"). Names longer
 * than READ_NAME_MAX are passed over. False: it fails on the way (what came before was said). */
bool json_leaves(struct json_pull *j, enum json_token t, const char *prefix,
                 void (*leaf)(void *ctx, const char *name, const struct read_value *v), void *ctx);
/* The value whose first token was t as text again (arrays and objects as parameters). False: it fails. */
bool json_verbatim(struct json_pull *j, enum json_token t, struct buf *out);

#endif
