/* sink: what a reader of another tool's file says, in one vocabulary: trials, their parameters, points, output,
 * states. Import, watch and exec are sinks; a reader knows none of them.
 *
 * A reader calls in the order of the file and may say the same thing twice (a second file about the same trial,
 * a state that did not change): sinks take the newest. Strings are borrowed until the call returns and are
 * NUL-terminated, any bytes otherwise: nobody made them safe to print. */
#ifndef READ_SINK_H
#define READ_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READ_NO_TIME INT64_MIN /* the file does not say when */
#define READ_NO_STEP INT64_MIN /* nor at which step: the sink counts */

enum read_state {
    READ_WAITING,
    READ_RUNNING,
    READ_DONE,
    READ_PRUNED,
    READ_STOPPED,
    READ_FAILED,
    READ_WITHDRAWN /* its tool has deleted it */
};
enum read_goal { READ_GOAL_UNSAID, READ_MINIMIZE, READ_MAXIMIZE };

struct read_value {
    enum { READ_NULL, READ_BOOL, READ_INT, READ_REAL, READ_TEXT } type;
    int64_t i; /* BOOL, INT */
    double d;  /* REAL */
    const char *text;
};

struct read_study {
    const char *name;   /* NULL: unsaid */
    const char *metric; /* the objective's name; NULL: unsaid */
    enum read_goal goal;
};

struct read_sink_ops {
    /* The search that all this belongs to; several calls when one file holds several. */
    void (*study)(void *ctx, const struct read_study *s);
    /* The number of the trial with this key, from 0; the same key gives the same number. */
    int (*trial)(void *ctx, const char *key);
    /* What its tool calls it, in a few words. */
    void (*title)(void *ctx, int trial, const char *title);
    void (*param)(void *ctx, int trial, const char *name, const struct read_value *v);
    void (*point)(void *ctx, int trial, const char *metric, int64_t step, int64_t time, double value);
    /* The objective at a step. */
    void (*report)(void *ctx, int trial, int64_t step, int64_t time, double value);
    void (*state)(void *ctx, int trial, enum read_state state, int64_t time, const char *why);
    void (*text)(void *ctx, int trial, const char *stream, int64_t time, const char *text, size_t n);
    /* One record of the file was understood as this ("op_code 4", "history"): counted for the summary. */
    void (*record)(void *ctx, const char *what);
};

struct read_sink {
    const struct read_sink_ops *ops;
    void *ctx;
};

static inline int sink_trial(const struct read_sink *k, const char *key)
{
    return k->ops->trial(k->ctx, key);
}
static inline void sink_study(const struct read_sink *k, const char *name, const char *metric, enum read_goal goal)
{
    k->ops->study(k->ctx, &(struct read_study){name, metric, goal});
}
static inline void sink_title(const struct read_sink *k, int trial, const char *title)
{
    k->ops->title(k->ctx, trial, title);
}
static inline void sink_param(const struct read_sink *k, int trial, const char *name, const struct read_value *v)
{
    k->ops->param(k->ctx, trial, name, v);
}
static inline void sink_point(const struct read_sink *k, int trial, const char *metric, int64_t step, int64_t time,
                              double value)
{
    k->ops->point(k->ctx, trial, metric, step, time, value);
}
static inline void sink_report(const struct read_sink *k, int trial, int64_t step, int64_t time, double value)
{
    k->ops->report(k->ctx, trial, step, time, value);
}
static inline void sink_state(const struct read_sink *k, int trial, enum read_state state, int64_t time,
                              const char *why)
{
    k->ops->state(k->ctx, trial, state, time, why);
}
static inline void sink_text(const struct read_sink *k, int trial, const char *stream, int64_t time,
                             const char *text, size_t n)
{
    k->ops->text(k->ctx, trial, stream, time, text, n);
}
static inline void sink_record(const struct read_sink *k, const char *what)
{
    k->ops->record(k->ctx, what);
}

/* ---- values ---- */
static inline struct read_value read_int(int64_t i)
{
    return (struct read_value){.type = READ_INT, .i = i};
}
static inline struct read_value read_real(double d)
{
    return (struct read_value){.type = READ_REAL, .d = d};
}
static inline struct read_value read_text(const char *s)
{
    return (struct read_value){.type = READ_TEXT, .text = s};
}
/* The number that a value is (true is 1). False for text and null. */
bool read_number(const struct read_value *v, double *out);
/* What a bare word of a text file means: a number, true, false, nothing, or itself. */
struct read_value read_word(const char *s);
/* Seconds since 1970 with a fraction as nanoseconds; READ_NO_TIME when that is no time
 * (before 1973: a span, more likely). */
int64_t read_seconds(double s);
/* "2024-05-06T07:08:09.123456", with a blank or an underscore for the T, dashes for the colons, with or
 * without a zone; without one it is UTC. READ_NO_TIME when it is none. */
int64_t read_datetime(const char *s);

#endif
