/* verb_probe: the options of `probe`: which plane, how fine, how fast. A part of verb_parse.c that has many words of its own. */
#ifndef PROTO_VERB_PROBE_H
#define PROTO_VERB_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_SIDE_MAX 255 /* cells along a side */

struct codec_writer;
struct verb_probe {
    int columns, rows;
    double radius, slice; /* slice: ms, 0: the program's own */
    bool filter, layer, off, given;
    int64_t towards[2];
    int n_towards;
};

void verb_probe_init(struct verb_probe *p);
/* Takes words[*i], and the value behind it, when it is an option of probe: 1 and *i stands on the last word taken; 0 it is none; -1 and a cause. */
int verb_probe_option(struct verb_probe *p, int n, char *const *words, int *i, char **cause);
int verb_probe_check(const struct verb_probe *p, char **cause);
/* The verb's arguments: {columns, rows, radius, norm, slice, towards: [trial]} or {off: true}. */
size_t verb_probe_pairs(const struct verb_probe *p);
void verb_probe_put(const struct verb_probe *p, struct codec_writer *w);

#endif
