/* space_pack: a space as bytes of a tuner's dump. */
#ifndef TUNE_SPACE_PACK_H
#define TUNE_SPACE_PACK_H

#include "tune/pack.h"
#include "tune/space.h"

void space_pack(const struct space *s, struct buf *out);
struct space *space_unpack(struct unpack *in); /* NULL: damaged */

#endif
