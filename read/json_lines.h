/* json_lines: cuts a stream into JSON values, one a line, and hands each to its format. */
#ifndef READ_JSON_LINES_H
#define READ_JSON_LINES_H

#include "read/json_pull.h"
#include "read/parser.h"

/* take() gets each line opened in j, at its start. Lines that are no whole JSON value are counted in st->skipped; a last
 * line without its end is taken when its value is whole. Returns the bytes consumed. */
size_t json_lines(struct json_pull *j, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st,
                  void (*take)(void *ctx, struct json_pull *j), void *ctx);

#endif
