/* row: the rows of views as the panels want them: numbers decoded, text made safe for the screen, states with
 * their glyphs. Borrows from the view; a row is good until the client is pumped again. */
#ifndef TUI_ROW_H
#define TUI_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codec.h"
#include "tui/theme.h"

#define ROW_TEXT 256

/* A state as people see it: glyph, a word of at most 4 letters, a role. */
struct row_state {
    const char *name; /* as the hub says it */
    const char *word;
    uint32_t glyph;
    style st;
    bool over; /* nothing will change any more */
};
const struct row_state *row_state(struct span name); /* never NULL: unknown names get "?" */

struct trial_row {
    int64_t trial; /* -1: the row has not arrived yet */
    const struct row_state *state;
    double value, progress, seconds, energy_j; /* NaN: absent */
    int64_t step, changed;                     /* -1: absent */
    struct span params, spark, tags;
    struct span note, origin;
};
void trial_row_read(struct trial_row *r, struct span raw);
/* Reads at most n sparkline values; absent ones are NaN. Returns how many. */
int trial_row_spark(const struct trial_row *r, double *v, int n);

/* snprintf that cuts at a character boundary and returns what it wrote. */
int row_format(char *out, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Text from outside, made safe: no control, no bidi trick, at most max_columns. */
void row_text(char out[ROW_TEXT], struct span s, int max_columns);
/* A MessagePack scalar for people: numbers to 3 digits (integers whole), text safe. "" for nil or nothing. */
void row_value(char out[ROW_TEXT], struct span raw, int max_columns);
/* The objective and other measurements: 4 digits, "nan", or an em dash when absent (absent true). */
void row_number(char out[32], double v, bool absent);
/* A member of a params map, formatted. */
void row_param(char out[ROW_TEXT], struct span params, const char *name, int max_columns);
/* 12.3k, 4 digits otherwise */
void row_count(char out[32], double v);
/* Seconds the way people say them: 40s, 12m, 6h10m. */
void row_span(char out[32], double seconds);

#endif
