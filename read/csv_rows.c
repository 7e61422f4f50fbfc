/* csv_rows: tables of metrics as text: Lightning's metrics.csv, DVCLive's plots (one metric a file), Ray Tune's
 * progress.csv, what `hypertop export --to csv` writes, and any CSV or TSV file whose first line names its columns. A row
 * is a step, a column is a metric; an empty cell is no value.
 *
 * A last line without its end is left out, because nothing tells 0.31 from the first half of 0.3125. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "read/csv_record.h"
#include "read/formats.h"
#include "read/yaml_flat.h"

enum role { ROLE_TABLE, ROLE_PROGRESS, ROLE_PLOT, ROLE_SETTINGS };

struct csv_rows {
    const struct read_sink *sink;
    char *key, *metric; /* metric: of a plot */
    enum role role;
    int trial;
    char separator;
    bool headed;
    struct csv_record row;
    struct buf names; /* of the columns, each with a NUL */
    const char **columns;
    int n_columns;
    int step, time;                        /* columns; -1 none */
    int long_trial, long_metric, long_value; /* of the long form */
    int64_t rows;
};

/* ---- the first line ---- */

static int find(const struct csv_rows *r, const char *const *names)
{
    for (; *names; names++)
        for (int i = 0; i < r->n_columns; i++)
            if (strcmp(r->columns[i], *names) == 0)
                return i;
    return -1;
}

static void take_head(struct csv_rows *r)
{
    static const char *const steps[] = {"step", "_step", "global_step", "Step", "training_iteration", "iteration",
                                        "iter", "epoch", "Epoch", NULL};
    static const char *const times[] = {"timestamp", "_timestamp", "time", "wall_time", "Wall time", "datetime", NULL};
    buf_clear(&r->names);
    for (int i = 0; i < r->row.n; i++)
        buf_put(&r->names, r->row.fields[i], strnlen(r->row.fields[i], READ_NAME_MAX) + 1);
    buf_putc(&r->names, '\0');
    r->columns = mem_resize(NULL, (size_t)r->row.n + 1, sizeof *r->columns);
    const char *p = (const char *)r->names.data;
    for (r->n_columns = 0; r->n_columns < r->row.n; r->n_columns++) {
        r->columns[r->n_columns] = p + (r->n_columns == 0 && strncmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
        p += strlen(p) + 1;
    }
    r->step = find(r, steps);
    r->time = find(r, times);
    r->long_metric = find(r, (const char *const[]){"metric", "tag", NULL});
    r->long_value = find(r, (const char *const[]){"value", "Value", NULL});
    r->long_trial = find(r, (const char *const[]){"trial", NULL});
    r->headed = true;
}

/* ---- rows ---- */

static const char *field(const struct csv_rows *r, int column)
{
    return column >= 0 && column < r->row.n ? r->row.fields[column] : "";
}

static int64_t row_time(const struct csv_rows *r)
{
    double seconds;
    const char *s = field(r, r->time);
    if (text_double(s, &seconds)) /* ms where seconds would be in the far future */
        return read_seconds(seconds > 9e10 ? seconds / 1e3 : seconds);
    return read_datetime(s);
}

static int64_t row_step(const struct csv_rows *r)
{
    double step;
    return text_double(field(r, r->step), &step) && fabs(step) < 9e15 ? (int64_t)step : r->rows;
}

/* Columns of Ray's that are about the machinery. */
static bool machinery(const char *name)
{
    static const char *const names[] = {"trial_id", "pid",  "hostname", "node_ip",           "date",
                                        "done",     "time_since_restore", "iterations_since_restore",
                                        "experiment_id", "experiment_tag", "checkpoint_dir_name", NULL};
    for (const char *const *n = names; *n; n++)
        if (strcmp(*n, name) == 0)
            return true;
    return false;
}

static void take_long_row(struct csv_rows *r)
{
    double v;
    char key[1100];
    int trial = r->trial;
    if (!*field(r, r->long_metric) || !text_double(field(r, r->long_value), &v))
        return;
    if (r->long_trial >= 0) {
        snprintf(key, sizeof key, "%s/%.60s", r->key, field(r, r->long_trial));
        trial = sink_trial(r->sink, key);
    }
    sink_point(r->sink, trial, field(r, r->long_metric), row_step(r), row_time(r), v);
}

static void take_cell(struct csv_rows *r, int i, int64_t step, int64_t time)
{
    double v;
    const char *name = r->columns[i], *s = r->row.fields[i];
    if (r->role == ROLE_PROGRESS && strncmp(name, "config/", 7) == 0) {
        struct read_value value = read_word(s);
        if (r->rows == 0)
            sink_param(r->sink, r->trial, name + 7, &value);
        return;
    }
    if (i == r->step || (i == r->time && time != READ_NO_TIME) || (r->role == ROLE_PROGRESS && machinery(name)) || !text_double(s, &v))
        return;
    sink_point(r->sink, r->trial, r->role == ROLE_PLOT ? r->metric : *name ? name : "value", step, time, v);
}

static void take_row(struct csv_rows *r)
{
    bool is_long = r->long_metric >= 0 && r->long_value >= 0;
    if (r->trial < 0 && !(is_long && r->long_trial >= 0))
        r->trial = sink_trial(r->sink, r->key);
    if (is_long) {
        take_long_row(r);
    } else {
        int64_t step = row_step(r), time = row_time(r);
        for (int i = 0; i < r->row.n && i < r->n_columns; i++)
            take_cell(r, i, step, time);
    }
    r->rows++;
    sink_record(r->sink, "row");
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct csv_rows *r = self;
    size_t done = 0, len;
    if (r->role == ROLE_SETTINGS) {
        long bad = yaml_params(p, n, r->sink, r->trial);
        if (bad >= 0)
            read_stop_at(st, false, bad, "this is no YAML");
        return n;
    }
    while (done < n && (len = csv_record_length(p + done, n - done))) {
        if (!r->headed && !r->separator)
            r->separator = csv_separator(p + done, len);
        if (!csv_record_split(&r->row, p + done, len, r->separator))
            st->skipped++;
        else if (!r->headed)
            take_head(r);
        else if (r->row.n > 1 || *r->row.fields[0])
            take_row(r);
        done += len;
    }
    if (last && done < n)
        read_stop_at(st, true, at + (int64_t)done, "the last line has no end, so it may not be whole: left out");
    return done;
}

/* ---- claims ---- */

/* RUN/plots/metrics/train/loss.tsv: the run's folder, and train/loss. */
static const char *plot_part(const char *rel)
{
    const char *at = strstr(rel, "/plots/metrics/");
    const char *old = at ? NULL : strstr(rel, "/scalars/");
    return at ? at : old;
}

static bool claim_dvclive(const struct read_probe *p, struct read_claim *c)
{
    const char *plot = plot_part(p->rel);
    bool settings = probe_named(p, "params.yaml") && (probe_beside(p, "plots") || probe_beside(p, "metrics.json"));
    if (!(probe_ends(p, ".tsv") && plot) && !settings)
        return false;
    c->role = settings ? ROLE_SETTINGS : ROLE_PLOT;
    c->kind = settings ? READ_DOCUMENT : READ_STREAM;
    probe_folder(p, 0, c->key, sizeof c->key);
    if (plot)
        snprintf(c->key, sizeof c->key, "%.*s", (int)(plot - p->rel), p->rel);
    return true;
}

static bool claim_lightning(const struct read_probe *p, struct read_claim *c)
{
    bool settings = probe_named(p, "hparams.yaml") && probe_beside(p, "metrics.csv");
    bool table = probe_named(p, "metrics.csv") && (probe_head_has(p, "step") || probe_head_has(p, "epoch"));
    if (!settings && !table)
        return false;
    c->role = settings ? ROLE_SETTINGS : ROLE_TABLE;
    c->kind = settings ? READ_DOCUMENT : READ_STREAM;
    probe_folder(p, 0, c->key, sizeof c->key);
    return true;
}

static bool claim_progress(const struct read_probe *p, struct read_claim *c)
{
    if (!probe_named(p, "progress.csv") || !probe_head_has(p, "training_iteration") ||
        (!p->named && probe_beside(p, "result.json")))
        return false;
    c->role = ROLE_PROGRESS;
    probe_folder(p, 0, c->key, sizeof c->key);
    return true;
}

static bool claim_table(const struct read_probe *p, struct read_claim *c)
{
    if (!probe_ends(p, ".csv") && !probe_ends(p, ".tsv") && !probe_ends(p, ".CSV"))
        return false;
    snprintf(c->key, sizeof c->key, "%.*s", (int)(strlen(p->rel) - 4), p->rel);
    return true;
}

static void *open_file(const struct read_open *o)
{
    struct csv_rows *r = MEM_NEW(struct csv_rows);
    r->sink = o->sink;
    r->role = (enum role)o->role;
    r->key = mem_str(o->key);
    r->trial = -1;
    if (r->role == ROLE_SETTINGS)
        r->trial = sink_trial(o->sink, o->key);
    const char *plot = plot_part(o->path);
    if (plot) {
        plot += strncmp(plot, "/plots", 6) == 0 ? strlen("/plots/metrics/") : strlen("/scalars/");
        r->metric = mem_strn(plot, strlen(plot) - 4);
    } else {
        const char *base = read_base(o->path), *dot = strrchr(base, '.');
        r->metric = mem_strn(base, dot ? (size_t)(dot - base) : strlen(base));
    }
    return r;
}

static void close_file(void *self)
{
    struct csv_rows *r = self;
    csv_record_release(&r->row);
    buf_release(&r->names);
    free(r->columns);
    free(r->key);
    free(r->metric);
    free(r);
}

#define CSV_FORMAT(variable, title, sentence, claims)                                                        \
    const struct read_format variable = {.name = title, .text = sentence, .claim = claims,                   \
                                         .open = open_file, .feed = feed, .close = close_file}
CSV_FORMAT(read_dvclive, "dvclive", "DVCLive: plots/metrics/*.tsv and params.yaml", claim_dvclive);
CSV_FORMAT(read_lightning, "lightning", "Lightning's CSVLogger: metrics.csv and hparams.yaml", claim_lightning);
CSV_FORMAT(read_ray_progress, "ray", "Ray Tune: progress.csv of a trial without result.json", claim_progress);
CSV_FORMAT(read_csv, "csv", "any CSV or TSV file with named columns, a step a row", claim_table);
