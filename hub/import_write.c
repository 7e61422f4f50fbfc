/* import_write: see import_write.h. Events go out in the order of their times, so that replay and "as of" show the
 * search as it was; points are gathered into batches of at most a thousandth of its length, or BATCH_MAX points. */
#include "hub/import_write.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "hub/state.h"
#include "proto/recording.h"

#define BATCH_MAX 4096
#define TEXT_MAX  (CODEC_MAX_STR - 64)

enum moment_kind { MOMENT_BORN, MOMENT_BEGUN, MOMENT_ENDED };

struct moment { /* in a trial's life */
    int64_t time;
    int trial;
    enum moment_kind kind;
};

struct batch { /* points of one trial that are not written yet */
    struct import_item *v;
    int n, cap;
    int64_t since;
};

struct import_writer {
    const struct import_model *m;
    struct rec_writer *rec;
    struct buf body, columns;
    struct codec_writer w;
    struct batch *batches;
    int64_t *seq;
    int64_t now, window;
    char **cause;
    bool failed;
};

/* ---- one event ---- */

static struct codec_writer *begin(struct import_writer *iw, size_t pairs)
{
    buf_clear(&iw->body);
    cw_init(&iw->w, &iw->body);
    cw_map(&iw->w, pairs);
    return &iw->w;
}

static void write_chunk(struct import_writer *iw)
{
    struct rec_chunk *c = iw->failed ? NULL : rec_take_chunk(iw->rec);
    if (c && rec_write_chunk(iw->rec, &c, iw->cause) != REC_OK)
        iw->failed = true;
    rec_chunk_free(c);
}

static void put(struct import_writer *iw, enum event_kind kind, int64_t time)
{
    struct span body = {(const char *)iw->body.data, iw->body.len};
    if (iw->failed)
        return;
    if (time > iw->now)
        iw->now = time;
    if (rec_put(iw->rec, kind, iw->now, time, body) == 0) {
        iw->failed = true;
        cause_set(iw->cause, "an event of %zu bytes does not fit into a recording", iw->body.len);
    }
    if (rec_pending(iw->rec) >= REC_CHUNK_BYTES)
        write_chunk(iw);
}

/* Four pairs: whose run it is. */
static void address(struct import_writer *iw, int trial)
{
    cw_kint(&iw->w, "run", iw->m->trials[trial]->number);
    cw_kint(&iw->w, "epoch", 1);
    cw_kint(&iw->w, "seq", ++iw->seq[trial]);
    cw_kint(&iw->w, "trial", iw->m->trials[trial]->number);
}

/* ---- points ---- */

static int by_metric(const void *pa, const void *pb)
{
    const struct import_item *a = pa, *b = pb;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void flush(struct import_writer *iw, int trial)
{
    struct batch *b = &iw->batches[trial];
    int64_t steps[BATCH_MAX], times[BATCH_MAX];
    double values[BATCH_MAX];
    int64_t last = INT64_MIN;
    if (b->n == 0)
        return;
    for (int i = 0; i < b->n; i++)
        b->v[i].order = (uint32_t)i; /* already in the order of time */
    qsort(b->v, (size_t)b->n, sizeof *b->v, by_metric);
    buf_clear(&iw->columns);
    points_begin(&iw->columns);
    int blocks = 0;
    for (int i = 0, k; i < b->n; i = k) {
        for (k = i; k < b->n && b->v[k].index == b->v[i].index; k++) {
            steps[k - i] = b->v[k].step;
            times[k - i] = b->v[k].time;
            values[k - i] = b->v[k].value;
            last = b->v[k].time > last ? b->v[k].time : last;
        }
        points_add(&iw->columns, iw->m->metrics[b->v[i].index], (uint32_t)(k - i), steps, times, values);
        blocks++;
        if (blocks == POINTS_MAX_METRICS || k == b->n) {
            begin(iw, 5);
            address(iw, trial);
            cw_str(&iw->w, "c");
            cw_bin(&iw->w, iw->columns.data, iw->columns.len);
            put(iw, EV_POINTS, last);
            buf_clear(&iw->columns);
            points_begin(&iw->columns);
            blocks = 0;
        }
    }
    b->n = 0;
}

static void take_point(struct import_writer *iw, const struct import_item *it)
{
    struct batch *b = &iw->batches[it->trial];
    if (b->n && (it->time - b->since > iw->window || b->n == BATCH_MAX))
        flush(iw, (int)it->trial);
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->v = mem_resize(b->v, (size_t)b->cap, sizeof *b->v);
    }
    if (b->n == 0)
        b->since = it->time;
    b->v[b->n++] = *it;
}

/* ---- the other items ---- */

static void take_report(struct import_writer *iw, const struct import_item *it)
{
    begin(iw, 6);
    address(iw, (int)it->trial);
    cw_kint(&iw->w, "step", it->step);
    cw_kdouble(&iw->w, "value", it->value);
    put(iw, EV_REPORT, it->time);
}

static void take_text(struct import_writer *iw, const struct import_item *it)
{
    const struct import_text *x = &iw->m->texts[it->index];
    for (size_t at = 0; at < x->n; at += TEXT_MAX) {
        size_t n = x->n - at < TEXT_MAX ? x->n - at : TEXT_MAX;
        begin(iw, 6);
        address(iw, (int)it->trial);
        cw_kstr(&iw->w, "stream", x->stream);
        cw_str(&iw->w, "text");
        cw_strn(&iw->w, x->text + at, n);
        put(iw, EV_TEXT, it->time);
    }
}

/* ---- a trial's life ---- */

static void put_run(struct import_writer *iw, int trial, enum run_state state, int64_t time)
{
    const struct import_trial *t = iw->m->trials[trial];
    bool why = run_state_terminal(state) && t->why;
    begin(iw, why ? 6 : 5);
    cw_kint(&iw->w, "run", t->number);
    cw_kint(&iw->w, "trial", t->number);
    cw_kint(&iw->w, "seed", 0);
    cw_kint(&iw->w, "epoch", 1);
    cw_kstr(&iw->w, "state", run_state_name(state));
    if (why)
        cw_kstr(&iw->w, "why", t->why);
    put(iw, EV_RUN, time);
}

static void put_trial_state(struct import_writer *iw, int trial, enum trial_state state, int64_t time)
{
    const struct import_trial *t = iw->m->trials[trial];
    begin(iw, 4);
    cw_kint(&iw->w, "trial", t->number);
    cw_kstr(&iw->w, "state", trial_state_name(state));
    cw_kstr(&iw->w, "why", trial_state_terminal(state) ? t->why : NULL);
    cw_kint(&iw->w, "intervention", 0);
    put(iw, EV_TRIAL_STATE, time);
}

static void born(struct import_writer *iw, int trial, int64_t time)
{
    const struct import_trial *t = iw->m->trials[trial];
    struct buf why = {0};
    buf_puts(&why, t->key);
    if (t->title && strcmp(t->title, t->key) != 0)
        buf_printf(&why, " (%s)", t->title);
    begin(iw, 9);
    cw_kint(&iw->w, "trial", t->number);
    cw_str(&iw->w, "params");
    cw_map(&iw->w, (size_t)t->n_params);
    for (int i = 0; i < t->n_params; i++) {
        cw_str(&iw->w, t->params[i].name);
        cw_raw(&iw->w, t->params[i].value.data, t->params[i].value.len);
    }
    cw_str(&iw->w, "dna");
    cw_array(&iw->w, 0);
    cw_kstr(&iw->w, "origin", "imported");
    cw_kint(&iw->w, "space_version", 1);
    cw_kint(&iw->w, "parent", -1);
    cw_knil(&iw->w, "propensity");
    cw_kstr(&iw->w, "arm", "");
    cw_str(&iw->w, "why");
    cw_strn(&iw->w, (const char *)why.data, why.len < 4096 ? why.len : 4096);
    put(iw, EV_TRIAL, time);
    put_run(iw, trial, RUN_QUEUED, time);
    buf_release(&why);
}

static void take_moment(struct import_writer *iw, const struct moment *at)
{
    static const struct {
        enum trial_state trial;
        enum run_state run;
    } ends[] = {[READ_DONE] = {TRIAL_DONE, RUN_DONE},
                [READ_PRUNED] = {TRIAL_PRUNED, RUN_STOPPED},
                [READ_STOPPED] = {TRIAL_STOPPED, RUN_STOPPED},
                [READ_FAILED] = {TRIAL_FAILED, RUN_FAILED}};
    enum read_state state = iw->m->trials[at->trial]->state;
    if (at->kind == MOMENT_BORN) {
        born(iw, at->trial, at->time);
    } else if (state == READ_WAITING) {
        return;
    } else if (at->kind == MOMENT_BEGUN) {
        put_run(iw, at->trial, RUN_RUNNING, at->time);
        put_trial_state(iw, at->trial, TRIAL_RUNNING, at->time);
    } else {
        flush(iw, at->trial);
        put_run(iw, at->trial, ends[state].run, at->time);
        put_trial_state(iw, at->trial, ends[state].trial, at->time);
    }
}

static int by_moment(const void *pa, const void *pb)
{
    const struct moment *a = pa, *b = pb;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    bool a_ends = a->kind == MOMENT_ENDED, b_ends = b->kind == MOMENT_ENDED;
    if (a_ends != b_ends)
        return a_ends - b_ends; /* what ends at a time ends behind what is said then */
    if (a->trial != b->trial)
        return a->trial < b->trial ? -1 : 1;
    return (int)a->kind - (int)b->kind;
}

static struct moment *moments(const struct import_model *m, size_t *n)
{
    struct moment *v = mem_resize(NULL, (size_t)m->n_trials * 3 + 1, sizeof *v);
    *n = 0;
    for (int i = 0; i < m->n_trials; i++) {
        const struct import_trial *t = m->trials[i];
        if (t->number < 0)
            continue;
        v[(*n)++] = (struct moment){t->born, i, MOMENT_BORN};
        v[(*n)++] = (struct moment){t->begun, i, MOMENT_BEGUN};
        v[(*n)++] = (struct moment){t->ended, i, MOMENT_ENDED};
    }
    qsort(v, *n, sizeof *v, by_moment);
    return v;
}

/* ---- the recording ---- */

static void put_sweep(struct import_writer *iw, const struct import_source *from, int64_t time)
{
    const struct import_model *m = iw->m;
    begin(iw, 13);
    cw_kstr(&iw->w, "sweep", from->name);
    cw_kstr(&iw->w, "yaml", "");
    cw_kstr(&iw->w, "path", from->path);
    cw_kstr(&iw->w, "cwd", "");
    cw_str(&iw->w, "env");
    cw_map(&iw->w, 0);
    cw_kstr(&iw->w, "metric", m->metric ? m->metric : "objective");
    cw_kstr(&iw->w, "goal", m->goal == READ_MAXIMIZE ? "maximize" : "minimize");
    cw_kstr(&iw->w, "tuner", "");
    cw_kint(&iw->w, "seed", 0);
    cw_kint(&iw->w, "budget", -1);
    cw_kint(&iw->w, "workers", 0);
    cw_kbool(&iw->w, "adhoc", true);
    cw_kstr(&iw->w, "imported", from->format);
    put(iw, EV_SWEEP, time);
}

static void put_all(struct import_writer *iw, const struct import_source *from)
{
    size_t n_items, n_moments, k = 0;
    struct import_item *items = import_items(iw->m, &n_items);
    struct moment *life = moments(iw->m, &n_moments);
    int64_t first = n_moments ? life[0].time : clock_wall_ns(), last = first;
    for (size_t i = 0; i < n_moments; i++)
        last = life[i].time > last ? life[i].time : last;
    iw->window = (last - first) / 1000;
    iw->now = first;
    put_sweep(iw, from, first);
    for (size_t i = 0; i <= n_items; i++) {
        /* at the same time a trial begins before, and ends behind, what it says */
        while (k < n_moments && (i == n_items || life[k].time < items[i].time ||
                                 (life[k].time == items[i].time && life[k].kind != MOMENT_ENDED)))
            take_moment(iw, &life[k++]);
        if (i == n_items)
            break;
        if (items[i].what == IMPORT_POINT)
            take_point(iw, &items[i]);
        else if (items[i].what == IMPORT_REPORT)
            take_report(iw, &items[i]);
        else
            take_text(iw, &items[i]);
    }
    free(items);
    free(life);
    begin(iw, 2);
    cw_kstr(&iw->w, "sweep", from->name);
    cw_kstr(&iw->w, "state", "done");
    put(iw, EV_SWEEP, iw->now);
    write_chunk(iw);
}

static char *environment(const struct import_source *from)
{
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "hypertop");
    jw_str(&j, HYPERTOP_VERSION);
    jw_key(&j, "imported_from");
    jw_str(&j, from->path);
    jw_key(&j, "format");
    jw_str(&j, from->format);
    jw_object_end(&j);
    return buf_take(&b);
}

int import_write(const struct import_model *m, const struct import_source *from, const char *path, char **cause)
{
    char *env = environment(from);
    struct rec_header head = {.sweep = from->name, .environment = env, .environment_n = strlen(env),
                              .created = clock_wall_ns(), .unsynced = true};
    struct import_writer iw = {.m = m, .cause = cause};
    iw.rec = rec_create(path, &head, cause);
    free(env);
    if (!iw.rec)
        return -1;
    iw.batches = mem_zero((size_t)m->n_trials + 1, sizeof *iw.batches);
    iw.seq = mem_zero((size_t)m->n_trials + 1, sizeof *iw.seq);
    put_all(&iw, from);
    int rc = iw.failed ? -1 : rec_finish(&iw.rec, cause);
    if (iw.rec)
        rec_abandon(&iw.rec);
    if (rc != 0)
        unlink(path);
    for (int i = 0; i < m->n_trials; i++)
        free(iw.batches[i].v);
    free(iw.batches);
    free(iw.seq);
    buf_release(&iw.body);
    buf_release(&iw.columns);
    return rc;
}
