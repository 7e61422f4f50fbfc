/* sweep_candidates: a space as a list of rows in a CSV file: `hypertop: {candidates: FILE.csv}`. */
#ifndef HUB_SWEEP_CANDIDATES_H
#define HUB_SWEEP_CANDIDATES_H

#include "hub/sweep_params.h"
#include "hub/sweepfile.h"

/* Notes which file, and where the sweep file says so. */
int sweep_candidates_note(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f);
/* Reads the file that was noted into f->space (finished, still f's): once, when a sweep begins; later the tuner's dumps have
 * the rows. Nothing to do without one. 0, or -1 and a cause with a file and a place. */
int sweep_candidates_read(struct sweepfile *f, char **cause);
/* The hub is here again: the tuner's dump has the rows, and the file may be gone. A list of one row stands in until the dump is
 * loaded. */
void sweep_candidates_stand_in(struct sweepfile *f);
void sweep_candidates_json(const struct sweepfile *f, struct json_out *out); /* a pair of an open object */

#endif
