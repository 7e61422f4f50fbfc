/* import_model: everything that other tools' files said, kept until all of them are read; then times that nobody wrote down
 * are filled in, and import_write.h makes a recording of it. A sink of read/sink.h. */
#ifndef HUB_IMPORT_MODEL_H
#define HUB_IMPORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/points.h"
#include "read/sink.h"

struct import_param {
    char *name;
    struct buf value; /* MessagePack */
};

enum import_what { IMPORT_POINT, IMPORT_REPORT, IMPORT_TEXT, IMPORT_STATE };

/* What was said of a trial, in the order of the files. */
struct import_item {
    int64_t time, step;
    double value;        /* of a point or report */
    uint32_t trial;
    uint32_t index;      /* POINT: metric; TEXT: text; STATE: enum read_state */
    uint32_t order;      /* keeps what has the same time in order */
    uint8_t what;
    bool timed;          /* the file said when */
};

struct import_text {
    char stream[4];
    char *text;
    size_t n;
};

struct import_trial {
    char *key, *title, *why; /* why: of its last state */
    struct import_param *params;
    int n_params;
    struct import_item *items;
    size_t n_items, cap_items;
    int64_t mtime;      /* of the newest file that spoke of it */
    int64_t step, report_step; /* for those who do not count */
    int64_t born, begun, ended; /* set by import_settle: first moment, running since, end */
    enum read_state state;
    bool stated;        /* some file said its state */
    int study;          /* index; -1 none */
    int64_t number;     /* in the recording; -1: left out */
    long reports;
};

struct import_study {
    char *name, *metric;
    enum read_goal goal;
    long trials;
};

struct import_count {
    char what[48];
    uint64_t n;
};

struct import_model {
    struct import_trial **trials;
    int n_trials;
    char (*metrics)[POINTS_NAME];
    int n_metrics;
    struct import_text *texts;
    size_t n_texts, cap_texts;
    struct import_study *studies;
    int n_studies;
    struct import_count counts[64];
    int n_counts;
    int64_t mtime; /* of the file that is being read: set it before each turn */
    uint64_t points, reports;
    uint64_t lost; /* said, and beyond a bound */
    int *trial_index; /* hash of keys: number + 1 */
    int *metric_index;
    size_t trial_slots, metric_slots;
    /* chosen by import_settle */
    int study; /* the one that counts, -1 when none was named */
    char *metric;
    enum read_goal goal;
};

extern const struct read_sink_ops import_sink_ops; /* ctx is the model */

struct import_choice {
    const char *study;  /* only this one; NULL: all */
    const char *metric; /* the objective; NULL: what the files say */
    enum read_goal goal;
};
/* Chooses the objective, leaves out what is not wanted, numbers the trials, fills in times and ends. 0, or -1 and a cause
 * (no such study, no such metric). */
int import_settle(struct import_model *m, const struct import_choice *c, char **cause);
/* All items of the numbered trials in the order of time; malloc'ed. */
struct import_item *import_items(const struct import_model *m, size_t *n);
/* The number of a metric's name, which is new or not; -1: there are too many. */
int import_metric(struct import_model *m, const char *name);
void import_release(struct import_model *m);

#endif
