/* watch_run: see watch_run.h. Events of a batch stand in the order: parameters that came late, points, reports and text as
 * they came, the end last. */
#include "agent/watch_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define TEXT_MAX   (CODEC_MAX_STR - 64)
#define PARAMS_MAX 4096

struct watch_run *watch_run_new(const char *key)
{
    struct watch_run *r = MEM_NEW(struct watch_run);
    r->key = mem_str(key);
    r->run = r->trial = -1;
    r->next_seq = 1;
    r->state = READ_RUNNING;
    r->step = r->report_step = -1;
    return r;
}

void watch_run_free(struct watch_run *r)
{
    if (!r)
        return;
    for (size_t i = r->head; i < r->n; i++)
        free(r->batches[i].data);
    free(r->batches);
    free(r->points);
    for (uint32_t i = 0; i < r->n_params; i++) {
        free(r->params[i].name);
        buf_release(&r->params[i].value);
    }
    free(r->params);
    buf_release(&r->events);
    free(r->key);
    free(r->title);
    free(r);
}

static void tell(struct watch_run *r, bool measured)
{
    if (!r->told)
        r->told_at = clock_mono_ns();
    r->told = true;
    r->measured |= measured;
}

static struct codec_writer event(struct watch_run *r, const char *kind, int64_t time, size_t pairs)
{
    struct codec_writer w;
    cw_init(&w, &r->events);
    cw_array(&w, 3);
    cw_str(&w, kind);
    cw_int(&w, time != READ_NO_TIME ? time : clock_wall_ns());
    cw_map(&w, pairs);
    r->n_events++;
    tell(r, false);
    return w;
}

static void put_value(struct codec_writer *w, const struct read_value *v)
{
    if (v->type == READ_BOOL)
        cw_bool(w, v->i != 0);
    else if (v->type == READ_INT)
        cw_int(w, v->i);
    else if (v->type == READ_REAL)
        cw_double(w, v->d);
    else if (v->type == READ_TEXT)
        cw_strn(w, v->text, strnlen(v->text, 4096));
    else
        cw_nil(w);
}

/* The newest value of a name counts. NULL: too many. */
static struct buf *param_named(struct watch_run *r, const char *name)
{
    uint32_t i = 0;
    while (i < r->n_params && strcmp(r->params[i].name, name) != 0)
        i++;
    if (i == PARAMS_MAX)
        return NULL;
    if (i == r->n_params) {
        r->params = mem_resize(r->params, i + 1, sizeof *r->params);
        r->params[r->n_params++] = (struct watch_param){.name = mem_strn(name, strnlen(name, 1024))};
    }
    return &r->params[i].value;
}

/* Before the hub knows the run they are the trial's parameters; later ones are declared by the run. */
void watch_run_param(struct watch_run *r, const char *name, const struct read_value *v)
{
    struct codec_writer w;
    size_t n = strnlen(name, 1024);
    if (r->run < 0 && !r->asked) {
        struct buf *value = param_named(r, name);
        if (value) {
            buf_clear(value);
            cw_init(&w, value);
            put_value(&w, v);
        }
        return;
    }
    if (v->type == READ_NULL)
        return;
    w = event(r, "declare", READ_NO_TIME, 4);
    cw_str(&w, "name");
    cw_strn(&w, name, n);
    cw_kstr(&w, "type", v->type == READ_TEXT ? "choice" : v->type == READ_REAL ? "float" : "int");
    cw_kbool(&w, "live", false);
    cw_str(&w, "value");
    put_value(&w, v);
}

void watch_run_point(struct watch_run *r, uint32_t metric, int64_t step, int64_t time, double value)
{
    if (r->n_points == r->cap_points) {
        r->cap_points = r->cap_points ? r->cap_points * 2 : 64;
        r->points = mem_resize(r->points, r->cap_points, sizeof *r->points);
    }
    r->step = step = step != READ_NO_STEP ? step : r->step + 1;
    r->points[r->n_points] = (struct watch_point){
        metric, r->n_points, step, time != READ_NO_TIME ? time : clock_wall_ns(), value};
    r->n_points++;
    tell(r, true);
}

void watch_run_report(struct watch_run *r, int64_t step, int64_t time, double value)
{
    r->report_step = step = step != READ_NO_STEP ? step : r->report_step + 1;
    struct codec_writer w = event(r, "report", time, 2);
    tell(r, true);
    cw_kint(&w, "step", step);
    cw_kdouble(&w, "value", value);
}

void watch_run_text(struct watch_run *r, const char *stream, int64_t time, const char *text, size_t n)
{
    for (size_t at = 0; at < n; at += TEXT_MAX) {
        struct codec_writer w = event(r, "text", time, 2);
        cw_kstr(&w, "stream", stream);
        cw_str(&w, "text");
        cw_strn(&w, text + at, n - at < TEXT_MAX ? n - at : TEXT_MAX);
    }
}

void watch_run_state(struct watch_run *r, enum read_state state, const char *why)
{
    static const char *const as[] = {[READ_PRUNED] = "pruned", [READ_STOPPED] = "stopped", [READ_WITHDRAWN] = "killed"};
    r->state = state;
    if (state == READ_WAITING)
        return;
    tell(r, false);
    if (state == READ_RUNNING || r->ended)
        return;
    const char *verdict = state < sizeof as / sizeof *as ? as[state] : NULL;
    bool message = why && *why;
    struct codec_writer w = event(r, "run_state", READ_NO_TIME, 2 + (verdict != NULL) + message);
    cw_kstr(&w, "state", "exited");
    cw_kint(&w, "exit", state == READ_FAILED ? 1 : 0);
    if (verdict)
        cw_kstr(&w, "as", verdict);
    if (message) {
        cw_str(&w, "message");
        cw_strn(&w, why, strnlen(why, 200));
    }
    r->ended = true;
}

/* ---- batches ---- */

static void put_batch(struct watch_run *r, const struct buf *b, uint32_t events)
{
    if (r->n == r->cap) {
        memmove(r->batches, r->batches + r->head, (r->n - r->head) * sizeof *r->batches);
        r->n -= r->head;
        r->head = 0;
        if (r->n * 2 >= r->cap) {
            r->cap = r->cap ? r->cap * 2 : 4;
            r->batches = mem_resize(r->batches, r->cap, sizeof *r->batches);
        }
    }
    r->batches[r->n++] = (struct watch_batch){r->next_seq++, events, mem_dup(b->data, b->len), b->len};
    r->bytes += b->len;
}

static int by_metric(const void *pa, const void *pb)
{
    const struct watch_point *a = pa, *b = pb;
    if (a->metric != b->metric)
        return a->metric < b->metric ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

#define BLOCK 4096

/* points[from..to), of one metric */
static void put_block(struct buf *packed, const struct watch_point *p, uint32_t n, const char *name)
{
    int64_t steps[BLOCK], times[BLOCK];
    double values[BLOCK];
    for (uint32_t i = 0; i < n; i++) {
        steps[i] = p[i].step;
        times[i] = p[i].time;
        values[i] = p[i].value;
    }
    points_add(packed, name, n, steps, times, values);
}

static void flush_points(struct watch_run *r, char (*metrics)[POINTS_NAME])
{
    struct buf packed = {0};
    struct watch_point *p = r->points;
    qsort(p, r->n_points, sizeof *p, by_metric);
    for (uint32_t i = 0; i < r->n_points;) {
        uint32_t blocks = 0, from = i;
        buf_clear(&packed);
        points_begin(&packed);
        while (i < r->n_points && blocks < POINTS_MAX_METRICS && i - from < 16 * BLOCK) {
            uint32_t k = i;
            while (k < r->n_points && k - i < BLOCK && p[k].metric == p[i].metric)
                k++;
            put_block(&packed, p + i, k - i, metrics[p[i].metric]);
            i = k;
            blocks++;
        }
        struct buf b = {0};
        struct codec_writer w;
        cw_init(&w, &b);
        cw_array(&w, 3);
        cw_str(&w, "points");
        cw_int(&w, clock_wall_ns());
        cw_map(&w, 1);
        cw_str(&w, "c");
        cw_bin(&w, packed.data, packed.len);
        put_batch(r, &b, 1);
        buf_release(&b);
    }
    r->n_points = 0;
    buf_release(&packed);
}

void watch_run_flush(struct watch_run *r, char (*metrics)[POINTS_NAME])
{
    if (r->n_points)
        flush_points(r, metrics);
    if (r->n_events)
        put_batch(r, &r->events, r->n_events);
    r->n_events = 0;
    buf_clear(&r->events);
}

/* ---- toward the hub ---- */

void watch_run_answer(struct watch_run *r, int64_t command, const char *state, const char *message)
{
    if (!command)
        return;
    struct codec_writer w = event(r, "command", READ_NO_TIME, 3);
    cw_kint(&w, "command", command);
    cw_kstr(&w, "state", state);
    cw_kstr(&w, "message", message);
}

size_t watch_run_send(struct watch_run *r, struct line *l, size_t budget)
{
    size_t bytes = 0;
    for (size_t i = r->head; r->attached && i < r->n && bytes < budget; i++) {
        const struct watch_batch *b = &r->batches[i];
        if (b->seq <= r->sent)
            continue;
        if (r->sent - r->acked >= MSG_WINDOW)
            break;
        struct codec_writer w = line_begin(l, MSG_DATA, NULL);
        cw_map(&w, 4);
        cw_kint(&w, "run", r->run);
        cw_kint(&w, "epoch", r->epoch);
        cw_kint(&w, "seq", (int64_t)b->seq);
        cw_str(&w, "events");
        cw_array(&w, b->events);
        cw_raw(&w, b->data, b->len);
        if (line_send(l) != 0)
            break;
        r->sent = b->seq;
        bytes += b->len;
    }
    return bytes;
}

void watch_run_ack(struct watch_run *r, uint64_t seq)
{
    if (seq >= r->next_seq || seq <= r->acked)
        return;
    r->acked = seq;
    if (r->sent < seq)
        r->sent = seq;
    while (r->head < r->n && r->batches[r->head].seq <= seq) {
        r->bytes -= r->batches[r->head].len;
        free(r->batches[r->head++].data);
    }
}

bool watch_run_delivered(const struct watch_run *r)
{
    return r->head == r->n && !r->n_events && !r->n_points;
}
