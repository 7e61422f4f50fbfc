/* hydra_words: parameters as Hydra's overrides (key=value in Hydra's own grammar): null, true, [1,2], {a: 1}, and quotes around what
 * would mean something else without. Nested parameters are given with dots. */
#ifndef HUB_HYDRA_WORDS_H
#define HUB_HYDRA_WORDS_H

#include "base/buf.h"
#include "proto/codec.h"

/* The value, as it stands behind the equal sign. */
void hydra_value(struct buf *b, struct span value);

#endif
