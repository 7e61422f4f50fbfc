/* export_parts: the formats of `hypertop export` beside its own tables. Each writes what a folded recording holds. */
#ifndef HUB_EXPORT_PARTS_H
#define HUB_EXPORT_PARTS_H

#include <stdio.h>

#include "base/buf.h"
#include "hub/state.h"

/* Optuna's journal file: one study, its trials with parameters, reports and ends. */
void export_optuna(struct buf *b, const struct state *st);
/* The sweep file of W&B: the one that the sweep was started with, else one made of what its trials tried. */
void export_wandb_sweep(struct buf *b, const struct state *st);
/* A folder with TensorBoard event files, one folder a run (t17, or t17-r18 where a trial has several). 0, or -1 and errno. */
int export_tfevents(const char *folder, const struct state *st);

#endif
