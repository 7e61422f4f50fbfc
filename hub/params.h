/* params: configurations between the tuner's numbers (dna) and what a trainer gets (a MessagePack map of
 * values). */
#ifndef HUB_PARAMS_H
#define HUB_PARAMS_H

#include "proto/codec.h"
#include "tune/space.h"

/* Active parameters as a map, in the space's order. */
void params_encode(const struct space *s, const double *dna, struct buf *out);
/* Puts the map's values into dna (space->n entries, left alone where the map says nothing), then makes it
 * canonical. -1 and a cause: unknown name ("did you mean"), wrong type, outside its range. */
int params_decode(const struct space *s, struct span map, double *dna, char **cause);
/* Calls for each pair; false from fn ends it. */
typedef bool params_each_fn(void *arg, const char *name, struct span value);
void params_each(struct span map, params_each_fn *fn, void *arg);
/* One value as MessagePack; a TUNE_JSON as what it says. */
void params_put_value(struct codec_writer *w, const struct tune_value *v);
/* A MessagePack value as a tune_value (strings copied; lists and maps become JSON text). Free with
 * tune_value_free. */
struct tune_value params_value(struct span value);
/* A JSON text as one MessagePack value, appended; false (and nothing appended) when it is not JSON. */
bool params_json(const char *text, struct buf *out);
/* A value as people write it, for messages. */
void params_text(struct span value, char *out, size_t cap);

#endif
