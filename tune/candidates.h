/* candidates: a space as a finite list of configurations: only these may be proposed. Kernel tuners and people with a list
 * of allowed settings need it (`hypertop: {candidates: FILE.csv}`).
 *
 * The list belongs to a space (space->list) and is in its dna; rows are canonical, distinct, in the order of the
 * file, and never change while the space is in use. A new version of the space carries the rows that still fit. */
#ifndef TUNE_CANDIDATES_H
#define TUNE_CANDIDATES_H

#include <stdbool.h>

#include "tune/history.h"
#include "tune/pack.h"
#include "tune/space.h"

#define CANDIDATES_MAX 200000

struct candidates {
    int n, cap, dims;
    double *dna;  /* n x dims */
    int *sorted;  /* rows in lexical order, for finding; NULL while rows are being added */
};

struct candidates *candidates_new(int dims);
void candidates_free(struct candidates *c);
struct candidates *candidates_copy(const struct candidates *c); /* NULL for NULL */
const double *candidates_row(const struct candidates *c, int i);
void candidates_add(struct candidates *c, const double *dna);
/* After the last row: drops repetitions and makes rows findable. Returns how many were dropped. */
int candidates_seal(struct candidates *c);
/* The row that is this configuration, or -1. */
int candidates_find(const struct candidates *c, const double *dna);
/* The rows that lie inside another version of the space, in its dna. */
struct candidates *candidates_carry(const struct candidates *c, const struct space *from, const struct space *to);
/* tried[i]: a trial that is running or has ended has row i (withdrawn trials apart); how many there are. */
int candidates_tried(const struct candidates *c, const struct history *h, bool *tried);
/* How far apart two configurations are: squared differences of numbers and ordinals in [0,1], 1 for labels that differ and
 * for a parameter that only one of them has. */
double candidates_apart(const struct space *s, const double *a, const double *b);
void candidates_pack(const struct candidates *c, struct buf *out); /* NULL: none */
struct candidates *candidates_unpack(struct unpack *in, int dims); /* NULL: none, or in->bad */

#endif
