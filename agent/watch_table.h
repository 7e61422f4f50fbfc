/* watch_table: the trials that are watched, and the sink that fills them. */
#ifndef AGENT_WATCH_TABLE_H
#define AGENT_WATCH_TABLE_H

#include "agent/watch_run.h"

struct watch_table {
    struct watch_run **runs;
    int n_runs;
    char (*metrics)[POINTS_NAME];
    int n_metrics;
    char *metric; /* the objective, as some file or the user says */
    enum read_goal goal;
    bool metric_given;
    char *study; /* name of the first search that was met */
    int *run_index, *metric_index; /* hash tables: number + 1 */
    size_t run_slots, metric_slots;
};

extern const struct read_sink_ops watch_sink_ops; /* ctx is the table */
/* Batches of whatever the files said; returns the bytes that wait for the hub. */
size_t watch_table_flush(struct watch_table *t);
struct watch_run *watch_table_find(const struct watch_table *t, int64_t run); /* by the hub's number */
void watch_table_release(struct watch_table *t);

#endif
