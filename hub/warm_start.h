/* warm_start: what a sweep knows before its first trial: trials of earlier sweeps, from recordings and CSV files, and the Step
 * Law's guess for learning rate and batch size. */
#ifndef HUB_WARM_START_H
#define HUB_WARM_START_H

#include "hub/sweep_params.h"
#include "hub/sweepfile.h"

/* hypertop.warm_start: FILE or [FILE...] */
int warm_start_note(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f);
/* hypertop.prior: {name: steplaw, N, D, lr: PARAM, batch_size: PARAM, sequence: TOKENS}; after the parameters. */
int warm_start_note_prior(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f);
void warm_start_add(struct sweepfile *f, const char *path); /* one more file; a path as it is opened */
/* Reads every file into the fresh tuner, and steers it by the prior. What was taken in and what was not goes into *said, a
 * sentence a source (for people). 0, or -1 and a cause: FILE: what is wrong with it. */
int warm_start(struct tuner *t, const struct sweepfile *f, struct buf *said, char **cause);
void warm_start_json(const struct sweepfile *f, struct json_out *out); /* pairs of an open object */
void warm_start_release(struct sweepfile *f);

#endif
