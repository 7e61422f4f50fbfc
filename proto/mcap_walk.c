#include "proto/mcap_walk.h"

/* A live recording has chunks of some hundred bytes to a megabyte: so much holds many small ones, and is
 * little beside a large one. */
#define WALK_AHEAD ((size_t)16 << 10)

void mcap_walk_begin(struct mcap_walk *k, int fd, uint64_t offset, uint64_t size)
{
    *k = (struct mcap_walk){.w = {.fd = fd, .size = size, .ahead = WALK_AHEAD}, .at = offset};
}

void mcap_walk_end(struct mcap_walk *k)
{
    buf_release(&k->w.b);
}

/* The fields of a message index in front of its entries. */
static bool index_head(struct mcap_walk *k, struct mcap_step *s)
{
    const uint8_t *p = mcap_window(&k->w, s->offset + MCAP_HEAD, 6);
    struct mcap_in in;
    if (!p || s->at.n < 6)
        return false;
    mi_init(&in, p, 6);
    s->channel = (uint16_t)mi_uint(&in, 2);
    uint64_t n = mi_uint(&in, 4);
    s->entries = n / 16;
    return n % 16 == 0 && n <= s->at.n - 6;
}

int mcap_walk_next(struct mcap_walk *k, struct mcap_step *s)
{
    if (k->at == k->w.size)
        return 0;
    s->offset = k->at;
    if (!mcap_head(&k->w, k->at, &s->at, &s->chunk) || (s->at.op == MCAP_MESSAGE_INDEX && !index_head(k, s)))
        return -1;
    k->at = s->at.end;
    return 1;
}

const uint8_t *mcap_walk_body(struct mcap_walk *k, const struct mcap_step *s)
{
    return mcap_window(&k->w, s->offset + MCAP_HEAD, s->at.n);
}
