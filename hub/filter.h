/* filter: the language behind `/` in the console and `ls --filter`:
 *
 *     state=running lr<1e-3 val_loss<0.1 tag:base -note:debug a|b
 *
 * terms            all must hold. `a|b`: one of them (binds tighter than the blank). `-x`, `!x`: not. ( ): group
 * NAME OP VALUE    OP: = == != < <= > >=. NAME: a column (trial, state, value, step, ...), a parameter or a
 *                  metric (its last value). Numbers compare as numbers, times (RFC 3339) as times, trials
 *                  also as t17; text is equal regardless of case; a state may be abbreviated (run, paus), and a
 *                  column's name when nothing else has that name. An absent value fulfils only `NAME=nil`.
 * NAME:TEXT        the text is in it; tag:TEXT has exactly that tag; note:TEXT is in the note
 * WORD             in the id, a parameter's text, a tag or the note
 *
 * Quotes ("..." or '...') take blanks and signs into a name, value or word; "" matches everything there is.
 * Parsed once, then asked for each row through a filter_subject: the language knows nothing of trials. Pure. */
#ifndef HUB_FILTER_H
#define HUB_FILTER_H

#include <stdbool.h>

#include "proto/codec.h"

#define FILTER_MAX_TEXT  4096 /* bytes of an expression */
#define FILTER_MAX_DEPTH 32   /* nested groups and negations */

struct filter;

/* NULL and a cause "filter: what at column N" (from 1). An empty expression is a filter that lets everything
 * through. */
struct filter *filter_parse(const char *text, char **cause);
void filter_free(struct filter *f);

/* FILTER_STATE: text that may be abbreviated. */
enum filter_type { FILTER_ABSENT, FILTER_NUMBER, FILTER_TEXT, FILTER_STATE };
struct filter_value {
    enum filter_type type;
    double number; /* times in seconds since 1970 */
    struct span text;
};

/* How the filter looks at a row. Spans stay valid until the next call. */
struct filter_subject {
    void *arg;
    struct filter_value (*get)(void *arg, const char *name);
    bool (*tagged)(void *arg, const char *tag);
    bool (*says)(void *arg, const char *text, bool note_only); /* use filter_contains */
};
bool filter_match(const struct filter *f, const struct filter_subject *row);
/* Whether text contains needle, ASCII letters regardless of case. */
bool filter_contains(struct span text, const char *needle);

#endif
