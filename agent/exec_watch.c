/* exec_watch: see exec_watch.h. The first trial that the files speak of is the run itself; metrics of a further one (a folder
 * for training and one for validation, say) carry the last part of its name in front. What the program prints goes to the hub
 * anyway, and how it ends its exit status says: text and states of the files are not repeated. */
#include "agent/exec_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/outlet.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proto/points.h"
#include "read/follow.h"

#define SCAN_NS (1000 * CLOCK_MS)
#define READ_NS (200 * CLOCK_MS)
#define TRIALS_MAX 256

struct exec_watch {
    struct outlet *outlet;
    struct read_sink sink;
    char *const *paths;
    int n_paths;
    char **old; /* files that were there before */
    int n_old;
    struct read_follow **follows;
    int n_follows;
    const char *format;
    char *keys[TRIALS_MAX];
    int n_keys;
    int64_t step, scanned, read;
    struct buf packed; /* points of this turn */
    uint32_t n_packed;
};

static void flush_points(struct exec_watch *w)
{
    struct codec_writer c;
    if (!w->n_packed)
        return;
    outlet_event(w->outlet, true, &c, "points", clock_wall_ns());
    cw_map(&c, 1);
    cw_str(&c, "c");
    cw_bin(&c, w->packed.data, w->packed.len);
    w->n_packed = 0;
}

/* ---- the sink ---- */

static void on_study(void *ctx, const struct read_study *s)
{
}

static int on_trial(void *ctx, const char *key)
{
    struct exec_watch *w = ctx;
    int i = 0;
    while (i < w->n_keys && strcmp(w->keys[i], key) != 0)
        i++;
    if (i == w->n_keys && i < TRIALS_MAX)
        w->keys[w->n_keys++] = mem_str(key);
    return i < TRIALS_MAX ? i : -1;
}

static void on_title(void *ctx, int trial, const char *title)
{
}

static void on_param(void *ctx, int trial, const char *name, const struct read_value *v)
{
    struct exec_watch *w = ctx;
    struct codec_writer c;
    if (trial != 0 || v->type == READ_NULL)
        return;
    outlet_event(w->outlet, false, &c, "declare", clock_wall_ns());
    cw_map(&c, 4);
    cw_str(&c, "name");
    cw_strn(&c, name, strnlen(name, 256));
    cw_kstr(&c, "type", v->type == READ_TEXT ? "choice" : v->type == READ_REAL ? "float" : "int");
    cw_kbool(&c, "live", false);
    cw_str(&c, "value");
    if (v->type == READ_TEXT)
        cw_strn(&c, v->text, strnlen(v->text, 4096));
    else if (v->type == READ_REAL)
        cw_double(&c, v->d);
    else if (v->type == READ_BOOL)
        cw_bool(&c, v->i != 0);
    else
        cw_int(&c, v->i);
}

static void on_point(void *ctx, int trial, const char *metric, int64_t step, int64_t time, double value)
{
    struct exec_watch *w = ctx;
    struct buf name = {0};
    if (trial < 0)
        return;
    if (trial > 0)
        buf_printf(&name, "%s/", read_base(w->keys[trial]));
    buf_puts(&name, metric);
    w->step = step = step != READ_NO_STEP ? step : w->step + 1;
    time = time != READ_NO_TIME ? time : clock_wall_ns();
    if (w->n_packed == 0) {
        buf_clear(&w->packed);
        points_begin(&w->packed);
    }
    points_add(&w->packed, buf_cstr(&name), 1, &step, &time, &value);
    if (++w->n_packed == POINTS_MAX_METRICS)
        flush_points(w);
    buf_release(&name);
}

static void on_report(void *ctx, int trial, int64_t step, int64_t time, double value)
{
    struct exec_watch *w = ctx;
    struct codec_writer c;
    if (trial != 0)
        return;
    outlet_event(w->outlet, false, &c, "report", time != READ_NO_TIME ? time : clock_wall_ns());
    cw_map(&c, 2);
    cw_kint(&c, "step", step != READ_NO_STEP ? step : w->step);
    cw_kdouble(&c, "value", value);
}

static void on_state(void *ctx, int trial, enum read_state state, int64_t time, const char *why)
{
}

static void on_text(void *ctx, int trial, const char *stream, int64_t time, const char *text, size_t n)
{
}

static void on_record(void *ctx, const char *what)
{
}

static const struct read_sink_ops ops = {on_study,  on_trial, on_title, on_param, on_point,
                                         on_report, on_state, on_text,  on_record};

/* ---- files ---- */

static bool known(void *ctx, const char *path)
{
    const struct exec_watch *w = ctx;
    for (int i = 0; i < w->n_old; i++)
        if (strcmp(w->old[i], path) == 0)
            return true;
    for (int i = 0; i < w->n_follows; i++)
        if (strcmp(read_follow_path(w->follows[i]), path) == 0)
            return true;
    return false;
}

static void find(struct exec_watch *w, struct read_files *files)
{
    for (int i = 0; i < w->n_paths; i++) {
        char *cause = NULL;
        read_scan(files, w->paths[i], w->format, known, w, &cause);
        free(cause); /* not there yet */
    }
}

static void look(struct exec_watch *w)
{
    struct read_files files = {0};
    struct buf others = {0};
    find(w, &files);
    if (files.n)
        read_scan_choose(&files, &others);
    for (int i = 0; i < files.n; i++) {
        char *cause = NULL;
        struct read_follow *fl = read_follow_open(&files.v[i], &w->sink, &cause);
        free(cause);
        if (!fl)
            continue;
        w->format = files.v[i].format->name;
        w->follows = mem_resize(w->follows, (size_t)w->n_follows + 1, sizeof(struct read_follow *));
        w->follows[w->n_follows++] = fl;
    }
    read_files_release(&files);
    buf_release(&others);
}

struct exec_watch *exec_watch_open(char *const *paths, int n, struct outlet *ol)
{
    struct exec_watch *w = MEM_NEW(struct exec_watch);
    struct read_files files = {0};
    w->outlet = ol;
    w->sink = (struct read_sink){&ops, w};
    w->paths = paths;
    w->n_paths = n;
    w->step = -1;
    find(w, &files);
    w->old = mem_zero((size_t)files.n + 1, sizeof *w->old);
    for (int i = 0; i < files.n; i++)
        w->old[w->n_old++] = mem_str(files.v[i].path);
    read_files_release(&files);
    return w;
}

void exec_watch_turn(struct exec_watch *w, bool last)
{
    int64_t now = clock_mono_ns();
    if (!w || (now - w->read < READ_NS && !last))
        return;
    w->read = now;
    if (now - w->scanned >= SCAN_NS || last) {
        look(w);
        w->scanned = now;
    }
    for (int i = 0; i < w->n_follows; i++) {
        char *cause = NULL;
        while (read_follow_turn(w->follows[i], last, &cause) == 1 && last)
            ;
        free(cause);
    }
    flush_points(w);
}

void exec_watch_free(struct exec_watch *w)
{
    if (!w)
        return;
    for (int i = 0; i < w->n_follows; i++)
        read_follow_close(w->follows[i]);
    for (int i = 0; i < w->n_old; i++)
        free(w->old[i]);
    for (int i = 0; i < w->n_keys; i++)
        free(w->keys[i]);
    buf_release(&w->packed);
    free(w->follows);
    free(w->old);
    free(w);
}
