/* view_events: what happened when, for the replay bar: new bests, failures, interventions, the hub's own; and
 * how busy each moment was. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "hub/view_parts.h"

struct happening {
    int64_t time;
    char kind; /* b best, f fail, i intervention, h hub */
    int64_t id, trial, step;
    int order; /* as found, for ties */
    char text[160];
};

struct happenings {
    const struct view_request *rq;
    int64_t t0, t1, only; /* only: this trial's; -1 all */
    struct happening *list;
    int n;
};

static struct happening *add(struct happenings *h, int64_t time, char kind, int64_t trial)
{
    if (time < h->t0 || time > h->t1 || time > h->rq->t || (h->only >= 0 && trial != h->only))
        return NULL;
    if ((h->n & (h->n - 1)) == 0) /* full at every power of two */
        h->list = mem_resize(h->list, h->n ? (size_t)h->n * 2 : 1, sizeof *h->list);
    struct happening *x = &h->list[h->n];
    *x = (struct happening){.time = time, .kind = kind, .id = -1, .trial = trial, .step = -1, .order = h->n};
    h->n++;
    return x;
}

/* Of all changes of the incumbent only those that beat everything before. */
static void add_bests(struct happenings *h)
{
    const struct state *s = h->rq->s;
    double best = NAN;
    for (int i = 0; i < s->n_best && s->best[i].time <= h->rq->t; i++) {
        const struct state_improvement *b = &s->best[i];
        if (b->trial < 0 || (!isnan(best) && !(s->info.maximize ? b->value > best : b->value < best)))
            continue;
        best = b->value;
        struct happening *x = add(h, b->time, 'b', b->trial);
        if (!x)
            continue;
        char v[TEXT_NUM];
        double value;
        text_fmt_short(v, best, 4);
        snprintf(x->text, sizeof x->text, "t%lld %s", (long long)b->trial, v);
        state_value_at(s, s->trials[b->trial], b->time, &value, &x->step);
    }
}

static void add_failures(struct happenings *h)
{
    const struct state *s = h->rq->s;
    for (int i = 0; i < s->n_trials; i++) {
        const struct state_trial *tr = s->trials[i];
        for (int k = 0; tr && k < tr->n_changes; k++) {
            const struct state_change *c = &tr->changes[k];
            if (c->state != TRIAL_FAILED && c->state != TRIAL_LOST)
                continue;
            struct happening *x = add(h, c->time, 'f', i);
            if (x)
                snprintf(x->text, sizeof x->text, "t%d %s%s%.120s", i,
                         trial_state_name((enum trial_state)c->state), c->why && *c->why ? ": " : "",
                         c->why ? c->why : "");
        }
    }
}

static int64_t first_trial(const char *target)
{
    char *end;
    const char *p = target + (*target == 't');
    long long id = strtoll(p, &end, 10);
    return end > p && id >= 0 && (*end == '\0' || *end == ',') ? id : -1;
}

/* PARAM=VALUE of set, the text of a note: what a mark on a curve wants to say. */
static void say_args(struct buf *out, const struct state_iv *iv)
{
    struct span args = {iv->args, iv->args_n}, note = cmap_str(args, "text"),
                params = cmap_value(args, "params");
    struct codec_reader r;
    struct json_out j;
    if (note.p) {
        buf_putc(out, ' ');
        buf_put(out, note.p, note.n);
    }
    if (!params.p)
        return;
    cr_init(&r, params.p, params.n);
    if (cr_peek(&r) != CT_MAP)
        return;
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        struct span name = cr_str(&r), value = cr_value(&r);
        if (!cr_ok(&r))
            break;
        buf_putc(out, ' ');
        buf_put(out, name.p, name.n);
        buf_putc(out, '=');
        jw_open(&j, out);
        codec_to_json(value, &j);
    }
}

static void add_interventions(struct happenings *h)
{
    const struct state *s = h->rq->s;
    for (int i = 0; i < s->n_ivs; i++) {
        const struct state_iv *iv = s->ivs[i];
        enum iv_state st;
        if (!view_iv_at(h->rq, iv, &st))
            continue;
        struct happening *x = add(h, iv->time, 'i', first_trial(iv->target));
        if (!x)
            continue;
        int k = STATE_PREFIX(iv->changes, iv->n_changes, struct state_change, time, h->rq->t);
        struct buf text = {0};
        buf_printf(&text, "%s %s%s%s", iv->who, iv->verb, *iv->target ? " " : "", iv->target);
        say_args(&text, iv);
        buf_printf(&text, " (%s)", iv_state_name(st));
        span_copy(x->text, sizeof x->text, (struct span){(const char *)text.data, text.len});
        buf_release(&text);
        x->id = iv->id;
        x->step = iv->steps[k - 1];
    }
}

static void add_hub(struct happenings *h)
{
    const struct state *s = h->rq->s;
    for (int i = 0; i < s->n_hub_events; i++) {
        const struct state_hub_event *e = &s->hub_events[i];
        struct happening *x = add(h, e->time, 'h', -1);
        if (x)
            snprintf(x->text, sizeof x->text, "%s%s%.130s", e->what, *e->text ? ": " : "", e->text);
    }
}

static int by_time(const void *pa, const void *pb)
{
    const struct happening *a = pa, *b = pb;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static void put_happening(const struct happening *x, struct view_out *out)
{
    struct codec_writer w;
    const char *kind = x->kind == 'b'   ? "best"
                       : x->kind == 'f' ? "fail"
                       : x->kind == 'i' ? "intervention"
                                        : "hub";
    view_part_begin(out, &w, out->n_parts);
    cw_map(&w, 6);
    cw_kint(&w, "time", x->time);
    cw_kstr(&w, "kind", kind);
    view_ktime(&w, "id", x->id);
    view_ktime(&w, "trial", x->trial);
    view_ktime(&w, "step", x->step);
    cw_kstr(&w, "text", x->text);
    view_part_end(out);
}

/* ---- density: reports, state changes and interventions per column ---- */

struct density {
    double *columns, scale;
    int n;
    int64_t t0, t1;
};

static void hit(struct density *d, int64_t time)
{
    if (time < d->t0 || time > d->t1)
        return;
    int c = (int)((double)(time - d->t0) * d->scale);
    d->columns[c < d->n ? c : d->n - 1]++;
}

static void fill_density(const struct view_request *rq, struct density *d)
{
    const struct state *s = rq->s;
    for (int i = 0; i < s->n_trials; i++) {
        const struct state_trial *tr = s->trials[i];
        if (!view_has_trial(rq, tr))
            continue;
        int n = STATE_PREFIX(tr->changes, tr->n_changes, struct state_change, time, rq->t);
        int r = STATE_PREFIX(tr->reports, tr->n_reports, struct state_report, time, rq->t);
        for (int k = 0; k < n; k++)
            hit(d, tr->changes[k].time);
        for (int k = 0; k < r; k++)
            hit(d, tr->reports[k].time);
    }
    for (int i = 0; i < s->n_ivs; i++) {
        enum iv_state st;
        if (view_iv_at(rq, s->ivs[i], &st))
            hit(d, s->ivs[i]->time);
    }
}

static void put_head(const struct view_request *rq, const struct happenings *h, struct view_out *out)
{
    struct density d = {.n = view_columns(rq, 80), .t0 = h->t0, .t1 = h->t1};
    d.columns = mem_zero((size_t)d.n, sizeof *d.columns);
    d.scale = d.t1 > d.t0 ? d.n / (double)(d.t1 - d.t0) : 0;
    fill_density(rq, &d);
    struct codec_writer w;
    view_head(out, &w, 3);
    cw_kint(&w, "first", rq->s->first_time);
    cw_kint(&w, "last", rq->now);
    view_kcolumn(&w, "density", d.columns, d.n);
    free(d.columns);
}

int view_events(const struct view_request *rq, struct view_out *out, char **cause)
{
    struct happenings h = {.rq = rq, .only = cmap_int(rq->body, "trial", -1)};
    h.t0 = cmap_int(rq->body, "t0", rq->s->first_time);
    h.t1 = cmap_int(rq->body, "t1", rq->now > h.t0 ? rq->now : h.t0);
    add_bests(&h);
    add_failures(&h);
    add_interventions(&h);
    add_hub(&h);
    if (h.n)
        qsort(h.list, (size_t)h.n, sizeof *h.list, by_time);
    for (int i = 0; i < h.n; i++)
        put_happening(&h.list[i], out);
    free(h.list);
    put_head(rq, &h, out);
    return view_rows_finish(rq, out, cause);
}
