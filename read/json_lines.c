/* json_lines: see json_lines.h. Each line is looked through before it is taken, so that half of one says nothing. */
#include "read/json_lines.h"

#include <string.h>

static bool whole(struct json_pull *j, const uint8_t *p, size_t n)
{
    json_open(j, p, n);
    if (!json_skip(j, json_next(j)) || j->want == JSON_FAILED)
        return false;
    while (j->p < j->end && strchr(" \t\r\n", *j->p))
        j->p++;
    return j->p == j->end;
}

size_t json_lines(struct json_pull *j, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st,
                  void (*take)(void *ctx, struct json_pull *j), void *ctx)
{
    size_t done = 0;
    while (done < n) {
        const uint8_t *line = p + done, *end = memchr(line, '\n', n - done);
        size_t len = end ? (size_t)(end - line) : n - done;
        bool container = len && (*line == '{' || *line == '[');
        if (!end && !last)
            break;
        if (!end && !(container && whole(j, line, len))) {
            read_stop_at(st, true, at + (int64_t)done, "the last line is not whole");
            break;
        }
        if (len && *line != '\r') {
            if (container && whole(j, line, len)) {
                json_open(j, line, len);
                take(ctx, j);
            } else {
                st->skipped++;
            }
        }
        done += len + (end != NULL);
    }
    return done;
}
