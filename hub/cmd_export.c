/* cmd_export: a recording in other tools' shapes: its points as CSV with one point a line (long format) or JSON
 * lines with one series each; what export_parts.h lists, through that. Streams out of the folded state; the file appears whole or not at all. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/json_out.h"
#include "base/text.h"
#include "hub/cmd.h"
#include "hub/export_parts.h"
#include "hub/file_place.h"
#include "hub/views.h"
#include "proto/safe_text.h"

struct export_options {
    const char *file, *format, *out;
    bool force;
};

static int usage(const char *what, const char *arg)
{
    struct buf b = {0};
    safe_text_buf(&b, arg, strlen(arg), -1);
    fprintf(stderr, "hypertop export: %s%s; usage: hypertop export FILE --to csv|jsonl|optuna|tfevents|wandb-sweep -o PATH [-f]\n", what,
            buf_cstr(&b));
    buf_release(&b);
    return 2;
}

static int parse(int argc, char **argv, struct export_options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-f") == 0)
            o->force = true;
        else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc)
            o->format = argv[++i];
        else if (strcmp(argv[i], "-o") == 0 && i + 1 < argc)
            o->out = argv[++i];
        else if (argv[i][0] == '-' && argv[i][1])
            return usage("unknown option, or one without its value: ", argv[i]);
        else if (o->file)
            return usage("one recording at a time, not also ", argv[i]);
        else
            o->file = argv[i];
    }
    if (!o->file)
        return usage("which recording?", "");
    static const char *const formats[] = {"csv", "jsonl", "optuna", "tfevents", "wandb-sweep", NULL};
    int k = 0;
    while (o->format && formats[k] && strcmp(o->format, formats[k]) != 0)
        k++;
    if (!o->format || !formats[k])
        return usage("--to must be csv, jsonl, optuna, tfevents or wandb-sweep, not ", o->format ? o->format : "nothing");
    return o->out ? 0 : usage("-o needs a path to write", "");
}

/* ---- writing ---- */

struct sink {
    FILE *f;
    struct buf b;
    bool csv;
};

static void drain(struct sink *k, size_t keep)
{
    if (k->b.len > keep) {
        fwrite(k->b.data, 1, k->b.len, k->f);
        buf_clear(&k->b);
    }
}

/* RFC 4180: quoted when a comma, a quote or a line end is in it. */
static void csv_text(struct buf *b, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        buf_puts(b, s);
        return;
    }
    buf_putc(b, '"');
    for (; *s; s++) {
        if (*s == '"')
            buf_putc(b, '"');
        buf_putc(b, *s);
    }
    buf_putc(b, '"');
}

static void csv_series(struct sink *k, const struct state_run *r, const char *metric, const struct series *s)
{
    struct series_point p;
    char time[CLOCK_TEXT], value[TEXT_NUM];
    for (uint64_t i = 0; series_at(s, i, &p); i++) {
        clock_rfc3339(time, p.time);
        text_fmt_double(value, p.value);
        buf_printf(&k->b, "%lld,%lld,", (long long)r->trial, (long long)r->run);
        csv_text(&k->b, metric);
        buf_printf(&k->b, ",%lld,%s,%s\n", (long long)p.step, time, value);
        drain(k, 1 << 16);
    }
}

enum json_column { JSON_STEP, JSON_TIME, JSON_VALUE };

static void json_column(struct sink *k, struct json_out *j, const struct series *s, enum json_column which)
{
    struct series_point p;
    jw_array(j);
    for (uint64_t i = 0; series_at(s, i, &p); i++) {
        if (which == JSON_STEP)
            jw_int(j, p.step);
        else if (which == JSON_TIME)
            jw_double(j, (double)p.time / 1e9);
        else
            jw_double(j, p.value);
        drain(k, 1 << 16);
    }
    jw_array_end(j);
}

static void json_series(struct sink *k, const struct state *st, const struct state_run *r, const char *metric,
                        const struct series *s)
{
    const struct state_trial *tr = state_trial(st, r->trial);
    struct json_out j;
    jw_open(&j, &k->b);
    jw_object(&j);
    jw_key(&j, "trial");
    jw_int(&j, r->trial);
    jw_key(&j, "run");
    jw_int(&j, r->run);
    jw_key(&j, "seed");
    jw_int(&j, r->seed);
    jw_key(&j, "params");
    codec_to_json((struct span){tr->params, tr->params_n}, &j);
    jw_key(&j, "metric");
    jw_str(&j, metric);
    jw_key(&j, "steps");
    json_column(k, &j, s, JSON_STEP);
    jw_key(&j, "times");
    json_column(k, &j, s, JSON_TIME);
    jw_key(&j, "values");
    json_column(k, &j, s, JSON_VALUE);
    jw_object_end(&j);
    buf_putc(&k->b, '\n');
}

static void put_series(struct sink *k, const struct state *st, const struct state_run *r, const char *metric,
                       const struct series *s)
{
    if (k->csv)
        csv_series(k, r, metric, s);
    else
        json_series(k, st, r, metric, s);
    drain(k, 1 << 16);
}

/* What a run only reported, and never logged, goes under the objective's name, as `ls metrics` lists it. */
static void put_run(struct sink *k, const struct state *st, const struct state_run *r)
{
    const char *objective = st->info.metric ? st->info.metric : "objective";
    for (int i = 0; i < r->n_metrics; i++)
        put_series(k, st, r, r->metrics[i].name, state_series_at(&r->metrics[i].takes, STATE_NOW));
    const struct series *reports = state_series_at(&r->reports, STATE_NOW);
    if (reports && !state_metric(r, objective))
        put_series(k, st, r, objective, reports);
}

static int write_all(FILE *f, const struct export_options *o, const struct state *st)
{
    struct sink k = {.f = f, .csv = strcmp(o->format, "csv") == 0};
    bool points = k.csv || strcmp(o->format, "jsonl") == 0;
    if (k.csv)
        buf_puts(&k.b, "trial,run,metric,step,time,value\n");
    for (int i = 0; points && i < st->n_runs; i++)
        if (st->runs[i])
            put_run(&k, st, st->runs[i]);
    if (strcmp(o->format, "optuna") == 0)
        export_optuna(&k.b, st);
    if (strcmp(o->format, "wandb-sweep") == 0)
        export_wandb_sweep(&k.b, st);
    drain(&k, 0);
    buf_release(&k.b);
    return fflush(f) == 0 && !ferror(f) && fsync(fileno(f)) == 0 ? 0 : -1;
}

/* Into a file beside it, which then takes the name: without -f only if nothing has the name by then. */
static int write_file(const struct export_options *o, const struct state *st, char **cause)
{
    struct buf tmp = {0};
    int rc = -1;
    if (!o->force && access(o->out, F_OK) == 0)
        return cause_set(cause, "%s exists: choose another path, or -f to replace it", o->out);
    buf_printf(&tmp, "%s.%ld.tmp", o->out, (long)getpid());
    const char *path = buf_cstr(&tmp);
    FILE *f = fopen(path, "wx");
    if (!f) {
        cause_set(cause, "%s: %s", path, strerror(errno));
    } else {
        bool written = write_all(f, o, st) == 0;
        written = fclose(f) == 0 && written;
        rc = written && file_place(path, o->out, o->force) == 0 ? 0 : -1;
        if (rc != 0) {
            cause_set(cause, "%s: %s", o->out, strerror(errno));
            unlink(path);
        }
    }
    buf_release(&tmp);
    return rc;
}

/* A folder is never replaced: what else stands in it is not ours. */
static int write_folder(const struct export_options *o, const struct state *st, char **cause)
{
    if (access(o->out, F_OK) == 0)
        return cause_set(cause, "%s exists: choose another folder", o->out);
    if (export_tfevents(o->out, st) != 0)
        return cause_set(cause, "%s: %s", o->out, strerror(errno));
    return 0;
}

static int write_out(const struct export_options *o, const struct state *st, char **cause)
{
    return strcmp(o->format, "tfevents") == 0 ? write_folder(o, st, cause) : write_file(o, st, cause);
}

int cmd_export(int argc, char **argv)
{
    struct export_options o = {0};
    char *cause = NULL;
    int rc = parse(argc, argv, &o);
    if (rc != 0)
        return rc;
    struct sweep_ref *ref = sweep_ref_load(o.file, &cause);
    if (ref && ref->warning)
        fprintf(stderr, "hypertop export: %s: %s\n", o.file, ref->warning);
    if (!ref || write_out(&o, ref->state, &cause) != 0) {
        struct buf b = {0};
        safe_text_buf(&b, cause, strlen(cause), -1);
        fprintf(stderr, "hypertop export: %s\n", buf_cstr(&b));
        buf_release(&b);
        free(cause);
        rc = 1;
    }
    sweep_ref_free(ref);
    return rc;
}
