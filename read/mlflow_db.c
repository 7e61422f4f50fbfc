/* mlflow_db: MLflow's SQLite tracking store: tables runs, metrics, params, tags, experiments (mlflow/store/tracking/dbmodels/
 * models.py). Metrics have no number of their own, so the rows are followed by rowid. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "read/formats.h"
#include "read/sqlite_file.h"

struct mlflow_db {
    const struct read_sink *sink;
    char *path;
    int64_t seen_metric, seen_param, seen_tag;
};

static int64_t milliseconds(int64_t ms)
{
    return ms > 0 && ms < INT64_C(9000000000000) ? ms * CLOCK_MS : READ_NO_TIME;
}

/* run_uuid, name, status, start, end */
static void run_row(void *ctx, sqlite3_stmt *q)
{
    struct mlflow_db *d = ctx;
    const char *status = sqlite_file_text(q, 2), *name = sqlite_file_text(q, 1);
    int trial = sink_trial(d->sink, sqlite_file_text(q, 0));
    int64_t end = milliseconds(sqlite3_column_int64(q, 4));
    sink_record(d->sink, "run");
    if (*name)
        sink_title(d->sink, trial, name);
    sink_state(d->sink, trial, strcmp(status, "SCHEDULED") == 0 ? READ_WAITING : READ_RUNNING,
               milliseconds(sqlite3_column_int64(q, 3)), NULL);
    if (strcmp(status, "FINISHED") == 0)
        sink_state(d->sink, trial, READ_DONE, end, NULL);
    else if (strcmp(status, "FAILED") == 0)
        sink_state(d->sink, trial, READ_FAILED, end, NULL);
    else if (strcmp(status, "KILLED") == 0)
        sink_state(d->sink, trial, READ_STOPPED, end, "killed, says MLflow");
}

/* rowid, run_uuid, key, value, timestamp, step, is_nan */
static void metric_row(void *ctx, sqlite3_stmt *q)
{
    struct mlflow_db *d = ctx;
    double v = sqlite3_column_int(q, 6) ? NAN : sqlite3_column_double(q, 3);
    d->seen_metric = sqlite3_column_int64(q, 0);
    if (fabs(v) >= 1.7976931348623157e308) /* MLflow stores infinities as the largest double */
        v = v > 0 ? INFINITY : -INFINITY;
    sink_point(d->sink, sink_trial(d->sink, sqlite_file_text(q, 1)), sqlite_file_text(q, 2), sqlite3_column_int64(q, 5),
               milliseconds(sqlite3_column_int64(q, 4)), v);
    sink_record(d->sink, "metric");
}

/* rowid, run_uuid, key, value */
static void param_row(void *ctx, sqlite3_stmt *q)
{
    struct mlflow_db *d = ctx;
    struct read_value v = read_word(sqlite_file_text(q, 3));
    d->seen_param = sqlite3_column_int64(q, 0);
    sink_param(d->sink, sink_trial(d->sink, sqlite_file_text(q, 1)), sqlite_file_text(q, 2), &v);
    sink_record(d->sink, "param");
}

static void tag_row(void *ctx, sqlite3_stmt *q)
{
    struct mlflow_db *d = ctx;
    struct buf line = {0};
    const char *key = sqlite_file_text(q, 2);
    int trial = sink_trial(d->sink, sqlite_file_text(q, 1));
    d->seen_tag = sqlite3_column_int64(q, 0);
    sink_record(d->sink, "tag");
    if (strcmp(key, "mlflow.runName") == 0) {
        sink_title(d->sink, trial, sqlite_file_text(q, 3));
        return;
    }
    buf_printf(&line, "%s = %.3000s", key, sqlite_file_text(q, 3));
    sink_text(d->sink, trial, "log", READ_NO_TIME, buf_cstr(&line), line.len);
    buf_release(&line);
}

static void experiment_row(void *ctx, sqlite3_stmt *q)
{
    struct mlflow_db *d = ctx;
    sink_study(d->sink, sqlite_file_text(q, 0), NULL, READ_GOAL_UNSAID);
}

/* of a run that was not deleted */
#define LIVE "%s IN (SELECT run_uuid FROM runs WHERE coalesce(lifecycle_stage, '') <> 'deleted')"

static void read_all(struct mlflow_db *d, sqlite3 *db, struct read_stop *st)
{
    char sql[500];
    const char *run = sqlite_file_has(db, "metrics", "run_uuid") ? "run_uuid" : "run_id";
    sqlite_file_each(db, d->path, st, "experiments",
                     "SELECT e.name FROM experiments e JOIN runs r ON r.experiment_id = e.experiment_id "
                     "GROUP BY e.experiment_id ORDER BY count(*) DESC LIMIT 1",
                     experiment_row, d);
    snprintf(sql, sizeof sql, "SELECT rowid, %s, key, value FROM params WHERE rowid > %lld AND " LIVE " ORDER BY rowid", run,
             (long long)d->seen_param, run);
    sqlite_file_each(db, d->path, st, "params", sql, param_row, d);
    snprintf(sql, sizeof sql,
             "SELECT rowid, %s, key, value, timestamp, step, is_nan FROM metrics WHERE rowid > %lld AND " LIVE " ORDER BY rowid", run,
             (long long)d->seen_metric, run);
    sqlite_file_each(db, d->path, st, "metrics", sql, metric_row, d);
    snprintf(sql, sizeof sql, "SELECT rowid, %s, key, value FROM tags WHERE rowid > %lld AND " LIVE " ORDER BY rowid", run,
             (long long)d->seen_tag, run);
    sqlite_file_each(db, d->path, st, "tags", sql, tag_row, d);
    sqlite_file_each(db, d->path, st, "runs",
                     "SELECT run_uuid, name, status, start_time, end_time FROM runs "
                     "WHERE coalesce(lifecycle_stage, '') <> 'deleted' ORDER BY start_time",
                     run_row, d);
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    struct read_stop st = {0};
    if (!sqlite_file_head(p))
        return false;
    sqlite3 *db = sqlite_file_open(p->path, &st);
    bool ours = db && sqlite_file_has(db, "runs", "run_uuid") && sqlite_file_has(db, "metrics", "is_nan");
    sqlite3_close(db);
    c->kind = READ_DATABASE;
    return ours;
}

static void *open_file(const struct read_open *o)
{
    struct mlflow_db *d = MEM_NEW(struct mlflow_db);
    d->sink = o->sink;
    d->path = mem_str(o->path);
    return d;
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct mlflow_db *d = self;
    sqlite3 *db = sqlite_file_open(d->path, st);
    if (!db)
        return 0;
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    read_all(d, db, st);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    return 0;
}

static void close_file(void *self)
{
    struct mlflow_db *d = self;
    free(d->path);
    free(d);
}

const struct read_format read_mlflow_db = {
    .name = "mlflow",
    .text = "MLflow's SQLite store",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
