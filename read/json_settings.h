/* json_settings: JSON objects as parameters and as metrics of a trial. */
#ifndef READ_JSON_SETTINGS_H
#define READ_JSON_SETTINGS_H

#include "read/json_pull.h"
#include "read/sink.h"

/* The value whose first token was t as parameters below prefix ("" for none): objects become dotted names, arrays their
 * JSON text. False: it fails on the way. */
bool json_params(struct json_pull *j, enum json_token t, const char *prefix, const struct read_sink *k, int trial);
/* Every number below it as a point of a dotted name; "NaN" and "Infinity" in quotes count; objects of W&B that
 * describe a file (with "_type") do not. */
struct json_points {
    const struct read_sink *sink;
    int trial;
    int64_t step, time;
    bool (*skip)(const char *name); /* names at the top that are none; NULL: all are */
};
bool json_points(struct json_pull *j, enum json_token t, const char *prefix, const struct json_points *to);

#endif
