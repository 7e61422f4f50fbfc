/* trials_table: a CSV file with a trial a row, as DeepCAVE's data frames have it: config_id, the parameters, the objectives as
 * "metric:NAME [low; high] (maximize)", status, start_time, end_time, budget, seed, additional. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "read/csv_record.h"
#include "read/formats.h"

#define COLUMNS_MAX 1024

enum column { COLUMN_PARAM, COLUMN_METRIC, COLUMN_ID, COLUMN_STATUS, COLUMN_START, COLUMN_END, COLUMN_BUDGET,
              COLUMN_OTHER };

struct trials_table {
    const struct read_sink *sink;
    char *key;
    struct csv_record row;
    bool headed;
    char separator;
    char *names[COLUMNS_MAX];
    enum column kinds[COLUMNS_MAX];
    int n;
};

static void take_metric_column(struct trials_table *t, int i)
{
    char *name = t->names[i];
    bool maximize = strstr(name, "(maximize)") != NULL, first = true;
    char *open = strchr(name, '[');
    if (open && open > name && open[-1] == ' ')
        open[-1] = '\0';
    memmove(name, name + 7, strlen(name + 7) + 1);
    for (int k = 0; k < i; k++)
        first = first && t->kinds[k] != COLUMN_METRIC;
    if (first)
        sink_study(t->sink, NULL, name, maximize ? READ_MAXIMIZE : READ_MINIMIZE);
}

static void take_head(struct trials_table *t)
{
    static const struct {
        const char *name;
        enum column kind;
    } known[] = {{"config_id", COLUMN_ID},     {"status", COLUMN_STATUS}, {"start_time", COLUMN_START},
                 {"end_time", COLUMN_END},     {"budget", COLUMN_BUDGET}, {"seed", COLUMN_OTHER},
                 {"additional", COLUMN_OTHER}};
    for (t->n = 0; t->n < t->row.n && t->n < COLUMNS_MAX; t->n++) {
        t->names[t->n] = mem_str(t->row.fields[t->n]);
        t->kinds[t->n] = COLUMN_PARAM;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (strcmp(known[k].name, t->names[t->n]) == 0)
                t->kinds[t->n] = known[k].kind;
        if (strncmp(t->names[t->n], "metric:", 7) == 0) {
            t->kinds[t->n] = COLUMN_METRIC;
            take_metric_column(t, t->n);
        }
    }
    t->headed = true;
}

static const char *cell(const struct trials_table *t, enum column kind)
{
    for (int i = 0; i < t->n && i < t->row.n; i++)
        if (t->kinds[i] == kind)
            return t->row.fields[i];
    return "";
}

static int64_t cell_time(const struct trials_table *t, enum column kind)
{
    double s;
    return text_double(cell(t, kind), &s) ? read_seconds(s) : read_datetime(cell(t, kind));
}

static void take_row(struct trials_table *t)
{
    char key[1200];
    double budget, v;
    snprintf(key, sizeof key, "%s/%.60s", t->key, cell(t, COLUMN_ID));
    int trial = sink_trial(t->sink, key);
    const char *status = cell(t, COLUMN_STATUS);
    int64_t end = cell_time(t, COLUMN_END);
    int64_t step = text_double(cell(t, COLUMN_BUDGET), &budget) && budget >= 0.5 && budget < 9e15 ? llround(budget) : 0;
    bool good = strcmp(status, "success") == 0 || strcmp(status, "SUCCESS") == 0 || !*status, first = true;
    sink_record(t->sink, "result");
    sink_state(t->sink, trial, READ_RUNNING, cell_time(t, COLUMN_START), NULL);
    for (int i = 0; i < t->n && i < t->row.n; i++) {
        struct read_value value = read_word(t->row.fields[i]);
        if (t->kinds[i] == COLUMN_PARAM && value.type != READ_NULL)
            sink_param(t->sink, trial, t->names[i], &value);
        if (t->kinds[i] != COLUMN_METRIC || !read_number(&value, &v))
            continue;
        if (first && good)
            sink_report(t->sink, trial, step, end, v);
        sink_point(t->sink, trial, t->names[i], step, end, v);
        first = false;
    }
    if (!good && strcmp(status, "running") != 0)
        sink_state(t->sink, trial, READ_FAILED, end, status);
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct trials_table *t = self;
    size_t done = 0, len;
    while (done < n && (len = csv_record_length(p + done, n - done))) {
        if (!t->separator)
            t->separator = csv_separator(p + done, len);
        if (!csv_record_split(&t->row, p + done, len, t->separator))
            st->skipped++;
        else if (!t->headed)
            take_head(t);
        else if (t->row.n > 1)
            take_row(t);
        done += len;
    }
    if (last && done < n)
        read_stop_at(st, true, at + (int64_t)done, "the last line has no end, so it may not be whole: left out");
    return done;
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    if (!probe_ends(p, ".csv") || !probe_head(p, "config_id,") || !probe_head_has(p, "metric:"))
        return false;
    probe_folder(p, 0, c->key, sizeof c->key);
    return true;
}

static void *open_file(const struct read_open *o)
{
    struct trials_table *t = MEM_NEW(struct trials_table);
    t->sink = o->sink;
    t->key = mem_str(o->key);
    return t;
}

static void close_file(void *self)
{
    struct trials_table *t = self;
    for (int i = 0; i < t->n; i++)
        free(t->names[i]);
    csv_record_release(&t->row);
    free(t->key);
    free(t);
}

const struct read_format read_trials_table = {
    .name = "dataframe",
    .text = "a CSV file with a trial a row: config_id, parameters, metric:NAME",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
