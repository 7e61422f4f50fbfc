/* value: a parameter's value as it stands in a sweep file or a configuration: null, true, 3, 0.1, "adam", or
 * a list or map kept as its JSON text. */
#ifndef TUNE_VALUE_H
#define TUNE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_out.h"

enum tune_kind { TUNE_ABSENT, TUNE_NULL, TUNE_BOOL, TUNE_INT, TUNE_FLOAT, TUNE_STRING, TUNE_JSON };

struct tune_value {
    enum tune_kind kind;
    union {
        bool b;
        int64_t i;
        double f;
        char *s; /* TUNE_STRING, TUNE_JSON; owned unless the giver says borrowed */
    };
};

struct tune_value tune_int(int64_t i);
struct tune_value tune_float(double f);
struct tune_value tune_bool(bool b);
struct tune_value tune_string(const char *s); /* copies */
struct tune_value tune_json(const char *s);   /* copies */
struct tune_value tune_copy(const struct tune_value *v);
void tune_value_free(struct tune_value *v);   /* frees a string; leaves it absent */
/* 1 and 1.0 are the same, 1 and true are not */
bool tune_same(const struct tune_value *a, const struct tune_value *b);
bool tune_number(const struct tune_value *v, double *out); /* int or float */
/* As people write it: 0.001, adam, true, null, JSON as it is. Returns the length it would have, like
 * snprintf. */
int tune_text(const struct tune_value *v, char *out, size_t cap);

/* The value as JSON; TUNE_JSON goes in as it is. */
void tune_value_json(struct json_out *out, const struct tune_value *v);

#endif
