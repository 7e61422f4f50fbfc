/* state_data: what runs stream: points, text, reports of the objective. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state_parts.h"
#include "proto/points.h"

/* Metrics come in the same order in batch after batch: the search starts behind the one found last. */
static struct state_takes *metric_takes(struct state_run *r, const char *name, int *hint)
{
    for (int k = 0; k < r->n_metrics; k++) {
        int i = *hint + k;
        i -= i >= r->n_metrics ? r->n_metrics : 0;
        if (strcmp(r->metrics[i].name, name) == 0) {
            *hint = i + 1 < r->n_metrics ? i + 1 : 0;
            return &r->metrics[i].takes;
        }
    }
    if (r->n_metrics >= STATE_MAX_METRICS)
        return NULL;
    struct state_metric *m = &STATE_PUSH(r->metrics, r->n_metrics);
    memset(m, 0, sizeof *m);
    span_copy(m->name, sizeof m->name, (struct span){name, strlen(name)});
    *hint = 0;
    return &m->takes;
}

/* The series that a batch of this epoch goes into; first is the step of its first point. */
static struct series *open_take(struct state *s, struct state_takes *k, int64_t epoch, int64_t first)
{
    struct state_take *old = k->n ? &k->v[k->n - 1] : NULL;
    if (old && old->epoch == epoch)
        return old->series;
    struct state_take take = {.since = s->last_time, .epoch = epoch, .series = series_new()};
    struct series_point p;
    for (uint64_t i = 0; old && series_at(old->series, i, &p); i++)
        if (p.step < first) {
            series_append(take.series, s->last_time, 1, &p.step, &p.time, &p.value);
            take.kept++;
        }
    if (old)
        series_settle(old->series);
    STATE_PUSH(k->v, k->n) = take;
    return take.series;
}

int apply_points(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    struct codec_reader at;
    if (!r || !cmap_find(ev->body, "c", &at) || cr_peek(&at) != CT_BIN)
        return 1;
    struct points_reader *in = s->reader;
    points_reopen(in, cr_bin(&at));
    int hint = 0;
    uint64_t n = 0;
    while (points_next(in)) {
        struct state_takes *takes = metric_takes(r, in->block.name, &hint);
        if (!takes || in->block.n == 0)
            continue;
        struct series *series = open_take(s, takes, r->epoch, in->block.steps[0]);
        series_append(series, s->last_time, in->block.n, in->block.steps, in->block.times, in->block.values);
        n += in->block.n;
    }
    bool ok = points_ok(in, NULL);
    if (n) {
        r->points += n;
        s->n_points += n;
        r->first_seen = r->first_seen == INT64_MAX ? s->last_time : r->first_seen;
        r->last_seen = s->last_time;
    }
    return ok || n ? 0 : 1;
}

static void note_report(struct state *s, struct state_trial *tr, struct state_run *r)
{
    r->reported = true;
    struct state_report *p = &STATE_PUSH(tr->reports, tr->n_reports);
    *p = (struct state_report){.time = s->last_time, .step = r->report_step, .value = r->report_value, .run = r->run};
    state_value_now(s, tr, &p->trial_value, &p->trial_step);
    state_best_update(s, tr);
}

int apply_report(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    if (!r)
        return 1;
    struct state_trial *tr = s->trials[r->trial];
    double value = cmap_double(ev->body, "value", NAN);
    int64_t step = cmap_int(ev->body, "step", -1);
    series_append(open_take(s, &r->reports, r->epoch, step), s->last_time, 1, &step, &ev->time, &value);
    if (r->test && !state_trial_tests(tr)) /* a score of another phase is not the trial's value */
        return 0;
    r->report_step = step;
    r->report_value = value;
    if (!r->replicate)
        note_report(s, tr, r);
    return 0;
}

void state_repeated(struct state *s, struct state_run *r)
{
    const struct series *said = state_series_at(&r->reports, STATE_NOW);
    if (said && series_count(said, SERIES_NOW) && !r->reported)
        note_report(s, s->trials[r->trial], r);
}

/* ---- text ---- */

static void drop_lines(struct state *s, struct state_run *r, int n)
{
    for (int i = 0; i < n; i++) {
        r->text_bytes -= r->lines[i].n + sizeof *r->lines;
        s->text_bytes -= r->lines[i].n + sizeof *r->lines;
        free(r->lines[i].text);
    }
    memmove(r->lines, r->lines + n, (size_t)(r->n_lines - n) * sizeof *r->lines);
    r->n_lines -= n;
    r->first_line += n;
}

static void bound_text(struct state *s)
{
    while (s->text_bytes > STATE_TEXT_BYTES) {
        struct state_run *most = NULL;
        for (int i = 0; i < s->n_runs; i++)
            if (s->runs[i] && (!most || s->runs[i]->text_bytes > most->text_bytes))
                most = s->runs[i];
        drop_lines(s, most, (most->n_lines + 1) / 2);
    }
}

static void add_line(struct state *s, struct state_run *r, const struct event *ev, char stream,
                     struct span text)
{
    if (r->n_lines ==
        STATE_TEXT_LINES + STATE_TEXT_LINES / 4) /* a quarter at a time, so that moving the rest is cheap */
        drop_lines(s, r, STATE_TEXT_LINES / 4);
    if (r->n_lines == r->cap_lines) {
        r->cap_lines = r->cap_lines ? r->cap_lines * 2 : 4;
        r->lines = mem_resize(r->lines, (size_t)r->cap_lines, sizeof *r->lines);
    }
    struct state_text *l = &r->lines[r->n_lines++];
    *l = (struct state_text){ev->time, s->last_time, stream, mem_strn(text.p, text.n), (uint32_t)text.n};
    r->text_bytes += text.n + sizeof *l;
    s->text_bytes += text.n + sizeof *l;
}

/* The end of an event ends its last line: who sends text sends whole lines. */
int apply_text(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    struct span text = cmap_str(ev->body, "text"), stream = cmap_str(ev->body, "stream");
    if (!text.p) { /* output that is not UTF-8 may travel as a binary */
        struct codec_reader at;
        if (cmap_find(ev->body, "text", &at) && cr_peek(&at) == CT_BIN)
            text = cr_bin(&at);
    }
    if (!r || !text.p)
        return 1;
    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n, skip = n + (end != NULL);
        if (n > STATE_TEXT_LINE)
            n = skip = STATE_TEXT_LINE;
        struct span line = {text.p, n};
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        add_line(s, r, ev, stream.n ? stream.p[0] : 'o', line);
        text.p += skip;
        text.n -= skip;
    }
    bound_text(s);
    return 0;
}
