/* output: what a process prints, from its pipe to text events: cut into lines (at \n and at \r, as
 * progress bars draw), a line into pieces of at most RING_TEXT bytes, bytes kept as they are.
 * Rate-limited: a flood costs lines, never memory, and what was left out is counted and said. */
#ifndef AGENT_OUTPUT_H
#define AGENT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct outlet;
struct scrape;

#define OUTPUT_LINES_S 1000      /* lines a second that pass for long */
#define OUTPUT_BURST   10000     /* lines that pass at once */
#define OUTPUT_BYTES_S (1 << 20) /* bytes a second */

struct output {
    int fd;             /* our end of the pipe; -1: closed */
    int through;        /* where the bytes also go, unchanged; -1: nowhere */
    const char *stream; /* "out", "err" */
    struct buf line;
    bool after_cr;
    double lines, bytes; /* what may still pass */
    int64_t filled;      /* when that was last topped up */
    uint64_t dropped;
    struct scrape *scrape; /* borrowed; reads every line, NULL: nobody does */
};

void output_init(struct output *o, int fd, const char *stream, int through);
/* Reads what is there (bounded per call). False: end of file. */
bool output_read(struct output *o, struct outlet *ol);
/* The last line may have no end. */
void output_finish(struct output *o, struct outlet *ol);
void output_release(struct output *o);

#endif
