/* wire: the fields of a protobuf message out of borrowed bytes. Allocates nothing; a length beyond the message, an
 * overlong varint or an unknown wire type ends the message and sets bad. Groups are not read (nobody here writes them). */
#ifndef READ_WIRE_H
#define READ_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct wire {
    const uint8_t *p, *end;
    bool bad;
};

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t v;       /* of the number types */
    const uint8_t *p; /* of BYTES */
    size_t n;
};

static inline struct wire wire_open(const void *p, size_t n)
{
    return (struct wire){p, (const uint8_t *)p + n, false};
}
static inline struct wire wire_within(const struct wire_field *f)
{
    return f->type == WIRE_BYTES ? wire_open(f->p, f->n) : wire_open(NULL, 0);
}
bool wire_next(struct wire *w, struct wire_field *f);
bool wire_varint(struct wire *w, uint64_t *v);
double wire_double(const struct wire_field *f); /* of a fixed64 or fixed32, by its type; a varint as an integer */
/* BYTES as text: NULs become blanks, at most READ_NAME_MAX bytes. */
const char *wire_text(const struct wire_field *f, struct buf *b);

/* ---- little endian numbers anywhere ---- */
uint16_t wire_u16(const uint8_t *p);
uint32_t wire_u32(const uint8_t *p);
uint64_t wire_u64(const uint8_t *p);
float wire_f32(uint32_t bits);
double wire_f64(uint64_t bits);

#endif
