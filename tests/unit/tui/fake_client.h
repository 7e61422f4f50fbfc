/* fake_client: client.h without a hub: a sweep that is always the same. Included by one .c file of a program,
 * whose own symbols then win over the archive's. Views are answered at once, as a hub would; requests are
 * counted and kept.
 *
 * The sweep: 34 trials of 200, as in the manual's pictures; t17 leads. fake.step moves t17 on by one point.
 */
#ifndef TESTS_FAKE_CLIENT_H
#define TESTS_FAKE_CLIENT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tui/client.h"
#include "proto/verb.h"

#define FAKE_START (INT64_C(1767261600) * CLOCK_S) /* 2026-01-01 10:00:00 UTC */
#define FAKE_NOW   (FAKE_START + 8460 * CLOCK_S)   /* 12:21:00 */

struct fake_trial {
    int id;
    const char *state;
    double value, lr, wd;
    int bs, step;
};
static const struct fake_trial fake_trials[] = {
    {17, "running", .0812, 8.1e-4, 1e-3, 64, 24800}, {23, "running", .0836, 6.4e-4, 3e-3, 64, 22000},
    {9, "done", .0851, 1.1e-3, 1e-3, 128, 40000},    {31, "running", .0903, 9e-4, 5e-4, 32, 12400},
    {12, "paused", .0977, 2.2e-3, 1e-3, 64, 17600},  {28, "running", .1032, 4.1e-4, 1e-2, 64, 16000},
    {5, "done", .1110, 3e-4, 1e-3, 64, 40000},       {33, "running", .1204, 1.9e-3, 2e-3, 32, 4800},
    {30, "lost", .1250, 7.7e-4, 1e-3, 64, 20000},    {8, "done", .1277, 6e-4, 2e-3, 128, 40000},
    {11, "done", .1301, 1.5e-3, 1e-3, 32, 40000},    {14, "done", .1388, 2.8e-4, 5e-3, 64, 40000},
    {15, "pruned", .2210, 4.4e-3, 1e-3, 64, 10000},  {3, "stopped", .4410, 5e-3, 1e-4, 32, 8000},
    {7, "failed", NAN, 1.2e-2, 1e-3, 64, 3200},      {34, "waiting", NAN, 7e-4, 1e-3, 32, -1},
};
#define FAKE_TRIALS ((int)(sizeof fake_trials / sizeof *fake_trials))

static struct {
    bool empty, loading, readonly, hostile;
    bool few; /* too little for insight */
    const char *sweep_name;
    enum client_link link;
    int step;       /* points of t17 beyond its table entry, 100 steps each */
    int order;      /* rotates the table: a re-sort */
    int sends;      /* verbs sent */
    char last[512]; /* the last verb line */
    int subs, unsubs;
    client_reply *reply;
    void *reply_arg;
    int64_t id;
    int extra; /* more trials, for scrolling */
    int surface;       /* the trial that has a loss surface; 0 none has */
    const char *stage; /* of the surface: done, stopped; NULL: half of it is there */
    bool line;         /* it has one direction only */
    int64_t now;
} fake = {.link = LINK_UP, .now = FAKE_NOW};

struct fake_view {
    struct view v;
    struct buf request;
    struct fake_view *next;
};
static struct fake_view *fake_views;
static struct client *const fake_client = (struct client *)&fake;

/* ---- building a view ---- */

static struct span fake_dup(struct buf *b)
{
    struct span s = {mem_dup(b->data, b->len), b->len};
    buf_clear(b);
    return s;
}

static void fake_clear(struct view *v)
{
    for (int i = 0; i < v->n_parts; i++)
        free((char *)v->parts[i].value.p);
    free(v->parts);
    free((char *)v->head.p);
    free(v->error);
    uint64_t version = v->version;
    *v = (struct view){.version = version};
}

static void fake_part(struct view *v, struct buf *b)
{
    v->parts = mem_resize(v->parts, (size_t)v->n_parts + 1, sizeof *v->parts);
    v->parts[v->n_parts++].value = fake_dup(b);
}

static double fake_loss(const struct fake_trial *t, double step)
{
    double last = isfinite(t->value) ? t->value : .9, floor_at = last * .97;
    double share = t->step > 0 ? step / t->step : 0;
    return floor_at + (1.05 - floor_at) * exp(-5.2 * sqrt(share)) + .006 * sin(step / 731.) * exp(-share);
}

static int fake_step_of(const struct fake_trial *t)
{
    return t->id == 17 ? t->step + 100 * fake.step : t->step;
}

static const char *fake_name(const char *plain)
{
    return fake.hostile ? "\033]52;c;eA==\007\r\b\xe2\x80\xae evil\nname" : plain;
}

static void fake_trial_fields(struct codec_writer *w, const struct fake_trial *t, int id)
{
    int step = fake_step_of(t);
    cw_kint(w, "trial", id);
    cw_kstr(w, "state", t->state);
    if (isfinite(t->value))
        cw_kdouble(w, "value", t->id == 17 && fake.step ? t->value - .0001 * fake.step : t->value);
    else
        cw_knil(w, "value");
    if (step >= 0)
        cw_kint(w, "step", step);
    else
        cw_knil(w, "step");
    cw_str(w, "params");
    cw_map(w, 3);
    cw_kdouble(w, fake_name("lr"), t->lr);
    cw_kdouble(w, "wd", t->wd);
    cw_kint(w, "bs", t->bs);
    cw_kdouble(w, "seconds", step > 0 ? step * .3 : 0);
    if (step >= 0)
        cw_kdouble(w, "progress", step / 40000.);
    else
        cw_knil(w, "progress");
    cw_kstr(w, "note", t->id == 9 ? fake_name("baseline") : NULL);
    cw_kstr(w, "origin", "tuner");
}

static void fake_spark(struct codec_writer *w, const struct fake_trial *t)
{
    int n = t->step > 0 ? (t->step * 20 + 39999) / 40000 : 0;
    cw_str(w, "spark");
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++)
        cw_double(w, fake_loss(t, (i + 1) * 2000. < t->step ? (i + 1) * 2000. : t->step));
}

static void fake_do_trials(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    int64_t from = cmap_int(req, "from", 0), rows = cmap_int(req, "rows", 0),
            follow = cmap_int(req, "follow", -1), index = -1;
    struct span filter = cmap_str(req, "filter");
    int total = filter.n ? 3 : FAKE_TRIALS + fake.extra;
    if (filter.n && filter.p[0] == '!')
        v->error = mem_str("filter: ! is not a comparison at column 4");
    for (int i = 0; i < total; i++) {
        int at = (i + fake.order) % total, id = at < FAKE_TRIALS ? fake_trials[at].id : 100 + at;
        if (id == follow)
            index = i;
        if (i < from || (rows && i >= from + rows))
            continue;
        const struct fake_trial *t = &fake_trials[at % FAKE_TRIALS];
        cw_init(&w, &b);
        cw_map(&w, 10);
        fake_trial_fields(&w, t, id);
        fake_spark(&w, t);
        fake_part(v, &b);
    }
    v->count = total;
    cw_init(&w, &b);
    cw_map(&w, 3);
    cw_kint(&w, "shown", total);
    cw_kint(&w, "total", total);
    cw_kint(&w, "index", index);
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_do_summary(struct view *v)
{
    struct buf b = {0};
    struct codec_writer w;
    cw_init(&w, &b);
    cw_map(&w, 15);
    cw_kstr(&w, "sweep", fake_name("cifar-lr-wd"));
    cw_kstr(&w, "state", "running");
    cw_kstr(&w, "goal", "minimize");
    cw_kstr(&w, "metric", fake_name("val_loss"));
    cw_kstr(&w, "tuner", "thompson over asha");
    cw_str(&w, "counts");
    cw_map(&w, 8);
    cw_kint(&w, "done", 20);
    cw_kint(&w, "running", 8);
    cw_kint(&w, "waiting", 166);
    cw_kint(&w, "pruned", 3);
    cw_kint(&w, "paused", 1);
    cw_kint(&w, "failed", 1);
    cw_kint(&w, "lost", 1);
    cw_kint(&w, "stopped", 0);
    cw_kint(&w, "trials", 200);
    cw_kint(&w, "budget", 200);
    cw_kdouble(&w, "best", .0812 - .0001 * fake.step);
    cw_kint(&w, "best_trial", 17);
    cw_kdouble(&w, "elapsed", 8460);
    cw_kdouble(&w, "eta", 22200);
    cw_kdouble(&w, "explore", .5);
    cw_kbool(&w, "live", true);
    cw_str(&w, "params");
    cw_array(&w, 3);
    cw_str(&w, fake_name("lr"));
    cw_str(&w, "wd");
    cw_str(&w, "bs");
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_bin(struct codec_writer *w, const char *key, const double *x, int n)
{
    cw_str(w, key);
    cw_bin(w, x, (size_t)n * sizeof *x);
}

static const struct fake_trial *fake_find(int64_t id)
{
    for (int i = 0; i < FAKE_TRIALS; i++)
        if (fake_trials[i].id == id)
            return &fake_trials[i];
    return NULL;
}

/* One line: the mean of the trials whose bs is `bs`, or of one trial. */
static void fake_curve_part(struct view *v, struct span req, const struct fake_trial *t, int bs, const char *metric,
                            double x0, double x1)
{
    struct buf b = {0};
    struct codec_writer w;
    int n = (int)cmap_int(req, "columns", 60), end = t->step > 0 ? fake_step_of(t) : 0, runs = 0;
    bool log_x = cmap_bool(req, "log_x", false), time = span_eq(cmap_str(req, "x"), "time");
    double *mean = mem_alloc(4 * (size_t)n * sizeof *mean), *lo = mean + n, *hi = lo + n, *sd = hi + n;
    double unit = time ? .3 : 1, scale = strcmp(metric, "grad_norm") == 0 ? 8 : 1;
    for (int i = 0; bs && i < FAKE_TRIALS; i++)
        runs += fake_trials[i].bs == bs && fake_trials[i].step > 0;
    for (int i = 0; i < n; i++) {
        double x = log_x && x0 > 0 ? x0 * pow(x1 / x0, (i + .5) / n) : x0 + (i + .5) * (x1 - x0) / n;
        bool in = x / unit <= end && (t->id != 28 || x / unit < 6000 || x / unit > 10000);
        mean[i] = in ? scale * fake_loss(t, x / unit) : NAN;
        if (t->id == 12 && x / unit > 8000 && x / unit < 9000)
            mean[i] = INFINITY;
        lo[i] = in ? mean[i] * (bs ? .8 : .985) : NAN;
        hi[i] = in ? mean[i] * (bs ? 1.25 : 1.015) : NAN;
        sd[i] = mean[i] * .1;
    }
    char label[24];
    snprintf(label, sizeof label, bs ? "%d" : "t%d", bs ? bs : t->id);
    cw_init(&w, &b);
    cw_map(&w, bs ? 16 : 14);
    cw_kint(&w, "trial", bs ? -1 : t->id);
    cw_kint(&w, "run", bs ? -1 : t->id);
    cw_kstr(&w, "metric", metric);
    cw_kstr(&w, "label", label);
    cw_kint(&w, "runs", bs ? runs : 1);
    cw_kint(&w, "n", end / 100);
    cw_kdouble(&w, "x0", 100 * unit);
    cw_kdouble(&w, "x1", end * unit);
    fake_bin(&w, "min", lo, n);
    fake_bin(&w, "max", hi, n);
    fake_bin(&w, "mean", mean, n);
    cw_kint(&w, "nan_step", t->id == 7 ? 3200 : -1);
    if (t->id == 7)
        cw_kdouble(&w, "nan_x", 3200 * unit);
    else
        cw_knil(&w, "nan_x");
    cw_str(&w, "marks");
    cw_array(&w, (t->id == 17 || t->id == 12) && !bs);
    if ((t->id == 17 || t->id == 12) && !bs) {
        cw_array(&w, 2);
        cw_int(&w, t->id == 17 ? 2 : 4);
        cw_double(&w, (t->id == 17 ? 16000 : 17600) * unit);
    }
    if (bs) {
        cw_kint(&w, "trials", runs);
        fake_bin(&w, "deviation", sd, n);
    }
    fake_part(v, &b);
    buf_release(&b);
    free(mean);
}

static bool fake_wants(struct span req, int64_t id, int place)
{
    struct codec_reader r;
    int64_t best = cmap_int(req, "best", -1);
    if (best >= 0)
        return place < best;
    if (!cmap_find(req, "trials", &r) || cr_peek(&r) != CT_ARRAY)
        return false;
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--)
        if (cr_int(&r) == id)
            return true;
    return false;
}

static void fake_do_curve(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    struct codec_reader r;
    char metrics[12][64] = {"val_loss"}, group[64] = "";
    int n_metrics = 1;
    double x0 = cmap_double(req, "x0", 0), x1 = cmap_double(req, "x1", 40000);
    if (cmap_str(req, "metric").n)
        cmap_strcpy(req, "metric", metrics[0], 64);
    cmap_strcpy(req, "group", group, sizeof group);
    if (cmap_find(req, "metrics", &r) && cr_peek(&r) == CT_ARRAY) {
        n_metrics = 0;
        for (size_t n = cr_array(&r); n > 0 && n_metrics < 12; n--) {
            span_copy(metrics[n_metrics], 64, cr_str(&r));
            if (!metrics[n_metrics][0])
                memcpy(metrics[n_metrics], "val_loss", 9);
            n_metrics++;
        }
    }
    bool by_bs = group[0] && strcmp(group, "trial") != 0 && strcmp(group, "run") != 0;
    for (int i = 0; i < FAKE_TRIALS; i++)
        for (int m = 0; m < n_metrics; m++) {
            const struct fake_trial *t = &fake_trials[i];
            bool first = true;
            for (int k = 0; k < i; k++)
                first = first && fake_trials[k].bs != t->bs;
            if (t->step > 0 && fake_wants(req, t->id, i) && (!by_bs || first))
                fake_curve_part(v, req, t, by_bs ? t->bs : 0, metrics[m], x0, x1);
        }
    v->count = v->n_parts;
    cw_init(&w, &b);
    cw_map(&w, 4);
    cw_kdouble(&w, "x0", x0);
    cw_kdouble(&w, "x1", x1);
    cw_kint(&w, "columns", cmap_int(req, "columns", 60));
    cw_kbool(&w, "log_x", cmap_bool(req, "log_x", false));
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_do_best(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    int n = (int)cmap_int(req, "columns", 60);
    double *x = mem_alloc((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++)
        x[i] = i < n / 20 ? NAN : .0812 + .38 * exp(-6. * floor(i * 12. / n) / 12);
    cw_init(&w, &b);
    cw_map(&w, 4);
    cw_kint(&w, "t0", FAKE_START);
    cw_kint(&w, "t1", FAKE_NOW);
    cw_kint(&w, "columns", n);
    fake_bin(&w, "value", x, n);
    v->head = fake_dup(&b);
    free(x);
    buf_release(&b);
}

static void fake_live(struct codec_writer *w, const char *name, const char *type, double value, double low,
                      double high, bool log)
{
    cw_map(w, 8);
    cw_kstr(w, "name", name);
    cw_kstr(w, "type", type);
    cw_kdouble(w, "value", value);
    cw_kdouble(w, "low", low);
    cw_kdouble(w, "high", high);
    cw_kbool(w, "log", log);
    cw_kstr(w, "state", strcmp(name, "wd") == 0 ? "delivered" : NULL);
    if (strcmp(name, "wd") == 0)
        cw_kdouble(w, "pending", 2e-3);
    else
        cw_knil(w, "pending");
}

static void fake_do_trial(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    const struct fake_trial *t = fake_find(cmap_int(req, "trial", -1));
    if (!t)
        return;
    cw_init(&w, &b);
    cw_map(&w, 12);
    fake_trial_fields(&w, t, t->id);
    cw_str(&w, "live");
    cw_array(&w, strcmp(t->state, "running") == 0 ? 2 : 0);
    if (strcmp(t->state, "running") == 0) {
        fake_live(&w, fake_name("lr"), "float", t->lr, 1e-5, 1e-1, true);
        fake_live(&w, "wd", "float", t->wd, 1e-6, 1e-1, true);
    }
    cw_str(&w, "runs");
    cw_array(&w, 1);
    cw_map(&w, 4);
    cw_kstr(&w, "host", fake_name("gpu01"));
    cw_kstr(&w, "worker", "gpu01:0");
    cw_kint(&w, "pid", 41235);
    cw_kint(&w, "dropped", 0);
    cw_str(&w, "checkpoints");
    cw_array(&w, 1);
    cw_map(&w, 2);
    cw_kstr(&w, "path", "ckpt/24000");
    cw_kint(&w, "step", 24000);
    fake_part(v, &b);
    v->count = 1;
    buf_release(&b);
}

static void fake_do_ivs(struct view *v)
{
    static const struct {
        const char *who, *verb, *target, *state, *message;
        double lr;
        int at, step;
        bool undoable;
    } list[] = {{"bob", "boost", "adam/1e-3", "applied", NULL, NAN, 4200, -1, true},
                {"alice", "set", "17", "applied", NULL, 8.1e-4, 5400, 16000, true},
                {"bob", "set", "28", "rejected", "lr=7 is outside 1e-05..0.1", 7, 6100, -1, false},
                {"alice", "pause", "12", "applied", NULL, NAN, 7000, 17600, true}};
    struct buf b = {0};
    struct codec_writer w;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        cw_init(&w, &b);
        cw_map(&w, 9 + !isnan(list[i].lr));
        cw_kint(&w, "id", (int64_t)i + 1);
        cw_kint(&w, "time", FAKE_START + list[i].at * CLOCK_S);
        cw_kstr(&w, "who", fake_name(list[i].who));
        cw_kstr(&w, "verb", list[i].verb);
        cw_kstr(&w, "target", list[i].target);
        cw_kstr(&w, "state", list[i].state);
        cw_kstr(&w, "message", list[i].message);
        if (list[i].step >= 0)
            cw_kint(&w, "applied_step", list[i].step);
        else
            cw_knil(&w, "applied_step");
        cw_kbool(&w, "undoable", list[i].undoable);
        if (!isnan(list[i].lr)) {
            cw_str(&w, "args");
            cw_map(&w, 1);
            cw_str(&w, "params");
            cw_map(&w, 1);
            cw_kdouble(&w, "lr", list[i].lr);
        }
        fake_part(v, &b);
    }
    v->count = v->n_parts;
    buf_release(&b);
}

static void fake_do_text(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    int n = (int)cmap_int(req, "lines", 5);
    for (int i = 0; i < n && i < 60; i++) {
        char line[100];
        int step = 24800 - (n - 1 - i) * 100;
        snprintf(line, sizeof line, "step %d loss %.4f", step, .0791 + (n - 1 - i) * .0003);
        cw_init(&w, &b);
        cw_map(&w, 4);
        cw_kint(&w, "index", 248 - n + i);
        cw_kint(&w, "time", FAKE_NOW - (n - 1 - i) * 5 * CLOCK_S);
        cw_kstr(&w, "stream", i == n - 3 ? "err" : "out");
        cw_kstr(&w, "text", i == n - 3 ? "warning: \033[31mclipped\033[0m 3 gradients" : fake_name(line));
        fake_part(v, &b);
    }
    v->count = 248;
    buf_release(&b);
}

static void fake_do_metrics(struct view *v)
{
    static const struct {
        const char *name;
        double first, last, min, max;
    } list[] = {{"val_loss", 1.05, .0812, .0812, 1.05},
                {"train_loss", 2.3, .0791, .0788, 2.3},
                {"grad_norm", 8.1, 1.92, .9, 12.4},
                {"acc", .1, .9731, .1, .9731}};
    struct buf b = {0};
    struct codec_writer w;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        cw_init(&w, &b);
        cw_map(&w, 7);
        cw_kint(&w, "trial", 17);
        cw_kstr(&w, "metric", list[i].name);
        cw_kint(&w, "count", 248);
        cw_kdouble(&w, "first", list[i].first);
        cw_kdouble(&w, "last", list[i].last);
        cw_kdouble(&w, "min", list[i].min);
        cw_kdouble(&w, "max", list[i].max);
        fake_part(v, &b);
    }
    v->count = v->n_parts;
    buf_release(&b);
}

static const struct {
    const char *label;
    int pulls;
    double mean, sd, p;
    bool banned;
} fake_arms[] = {{"adam/1e-3", 14, .81, .03, .46, false},  {"sgd/1e-2", 11, .77, .04, .27, false},
                 {"exadam/1e-3", 5, .74, .09, .19, false}, {"momentum/1e-2", 6, .63, .07, .05, false},
                 {"sgd/1e-1", 4, .41, .10, .02, true},     {"adam/1e-5", 3, .33, .12, .01, false}};
#define FAKE_ARMS ((int)(sizeof fake_arms / sizeof *fake_arms))

static void fake_do_arms(struct view *v)
{
    struct buf b = {0};
    struct codec_writer w;
    for (int i = 0; i < FAKE_ARMS; i++) {
        cw_init(&w, &b);
        cw_map(&w, 11);
        cw_kstr(&w, "bandit", "tuner");
        cw_kint(&w, "arm", i);
        cw_kstr(&w, "label", fake_name(fake_arms[i].label));
        cw_kint(&w, "pulls", fake_arms[i].pulls);
        cw_kdouble(&w, "mean", fake_arms[i].mean);
        cw_kdouble(&w, "low", fake_arms[i].mean - 2 * fake_arms[i].sd);
        cw_kdouble(&w, "high", fake_arms[i].mean + 2 * fake_arms[i].sd);
        cw_kdouble(&w, "p_best", fake_arms[i].p);
        cw_kbool(&w, "banned", fake_arms[i].banned);
        cw_kbool(&w, "pinned", false);
        cw_kdouble(&w, "boost", i == 2 ? 2 : 1);
        fake_part(v, &b);
    }
    v->count = FAKE_ARMS;
    cw_init(&w, &b);
    cw_map(&w, 2);
    cw_str(&w, "bandits");
    cw_array(&w, 1);
    cw_map(&w, 3);
    cw_kstr(&w, "bandit", "tuner");
    cw_kstr(&w, "name", "optimizer x lr decade");
    cw_kstr(&w, "algorithm", "thompson");
    cw_kstr(&w, "next", "adam/1e-3");
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_do_history(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    int n = (int)cmap_int(req, "columns", 60);
    double *x = mem_alloc((size_t)n * sizeof *x);
    for (int i = 0; i < FAKE_ARMS; i++) {
        for (int k = 0; k < n; k++) {
            double at = (double)k / n;
            x[k] = (1 - at) / FAKE_ARMS + at * fake_arms[i].pulls / 43.;
        }
        cw_init(&w, &b);
        cw_map(&w, 3);
        cw_kint(&w, "arm", i);
        cw_kstr(&w, "label", fake_arms[i].label);
        fake_bin(&w, "share", x, n);
        fake_part(v, &b);
    }
    v->count = FAKE_ARMS;
    cw_init(&w, &b);
    cw_map(&w, 2);
    cw_kint(&w, "t0", FAKE_START);
    cw_kint(&w, "t1", FAKE_NOW);
    v->head = fake_dup(&b);
    free(x);
    buf_release(&b);
}

static void fake_do_rungs(struct view *v)
{
    static const int in[] = {34, 12, 5, 2}, promoted[] = {12, 5, 2, 0}, at[] = {1000, 3000, 9000, 27000};
    struct buf b = {0};
    struct codec_writer w;
    for (int i = 0; i < 4; i++) {
        cw_init(&w, &b);
        cw_map(&w, 6);
        cw_kint(&w, "rung", i);
        cw_kdouble(&w, "resource", at[i]);
        cw_kint(&w, "trials", in[i]);
        cw_kint(&w, "promoted", promoted[i]);
        cw_kint(&w, "stopped", in[i] - promoted[i]);
        cw_kdouble(&w, "cutoff", .4 / (i + 1));
        fake_part(v, &b);
    }
    v->count = 4;
    cw_init(&w, &b);
    cw_map(&w, 1);
    cw_str(&w, "correlation");
    cw_array(&w, fake.few ? 0 : 3);
    for (int i = 0; i < 3 && !fake.few; i++) {
        cw_array(&w, 5);
        cw_int(&w, i);
        cw_int(&w, in[i + 1]);
        cw_double(&w, .4 + .2 * i);
        cw_double(&w, .1 + .2 * i);
        cw_double(&w, .7 + .1 * i);
    }
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_do_events(struct view *v, struct span req)
{
    static const struct {
        int at;
        const char *kind, *text;
    } list[] = {{900, "best", "t3 .4410"},
                {2000, "fail", "t7 nan"},
                {2600, "best", "t5 .1110"},
                {4200, "intervention", "boost adam/1e-3"},
                {5400, "intervention", "set t17 lr=8.1e-4"},
                {6100, "intervention", "set t28 lr=7"},
                {6600, "best", "t17 .0812"},
                {7000, "intervention", "pause t12"}};
    struct buf b = {0};
    struct codec_writer w;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        cw_init(&w, &b);
        cw_map(&w, 3);
        cw_kint(&w, "time", FAKE_START + list[i].at * CLOCK_S);
        cw_kstr(&w, "kind", list[i].kind);
        cw_kstr(&w, "text", fake_name(list[i].text));
        fake_part(v, &b);
    }
    v->count = v->n_parts;
    int n = (int)cmap_int(req, "columns", 40);
    double *x = mem_alloc((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++)
        x[i] = 2 + 9 * fabs(sin(i * 7. / n)) + i * 10. / n;
    cw_init(&w, &b);
    cw_map(&w, 3);
    cw_kint(&w, "first", FAKE_START);
    cw_kint(&w, "last", fake.now);
    fake_bin(&w, "density", x, n);
    v->head = fake_dup(&b);
    free(x);
    buf_release(&b);
}

/* A bowl over lr and wd around t17, a second one that is shallower; bs matters little. */
static double fake_bowl(double x, double y)
{
    double a = (x - .4771) * 3, b = (y - .5) * 2.6, c = (x - .83) * 6, d = (y - .2) * 6;
    double deep = .08 + .8 * (1 - exp(-(a * a + b * b + .6 * a * b)));
    return deep - .16 * exp(-(c * c + d * d));
}

static double fake_place(const char *name, const struct fake_trial *t)
{
    if (strcmp(name, "bs") == 0)
        return t->bs == 32 ? 1 / 6. : t->bs == 64 ? .5 : 5 / 6.;
    return log10((strcmp(name, "lr") == 0 ? t->lr : t->wd) / 1e-5) / 4;
}

static void fake_axis(struct codec_writer *w, const char *key, const char *name)
{
    cw_str(w, key);
    if (!name[0]) {
        cw_nil(w);
        return;
    }
    bool choices = strcmp(name, "bs") == 0;
    cw_map(w, 6);
    cw_kstr(w, "name", strcmp(name, "lr") == 0 ? fake_name("lr") : name);
    cw_kstr(w, "type", choices ? "ordinal" : "float");
    cw_kdouble(w, "low", choices ? 0 : 1e-5);
    cw_kdouble(w, "high", choices ? 3 : 1e-1);
    cw_kstr(w, "scale", choices ? "choices" : "log");
    cw_str(w, "labels");
    if (!choices) {
        cw_nil(w);
        return;
    }
    cw_array(w, 3);
    cw_str(w, "32");
    cw_str(w, "64");
    cw_str(w, fake_name("128"));
}

static double fake_cell(const char *layer, double x, double y)
{
    double z = fake_bowl(x, y), dx = x - .48, dy = y - .5, far = dx * dx + dy * dy;
    if (strcmp(layer, "deviation") == 0)
        return .004 + .1 * far;
    if (strcmp(layer, "acquisition") == 0)
        return (1 - z) * far;
    if (strcmp(layer, "observed") == 0 && fmod(floor(x * 17) * 5 + floor(y * 13) * 3, 7) > 2)
        return NAN;
    return z;
}

static void fake_landscape_head(struct codec_writer *w, struct span req, const char *x, const char *y)
{
    char layer[16] = "mean";
    int columns = (int)cmap_int(req, "columns", 40), rows = y[0] ? (int)cmap_int(req, "rows", 20) : 1;
    size_t n = (size_t)columns * (size_t)rows;
    float *z = mem_alloc(2 * n * sizeof *z);
    if (cmap_str(req, "layer").n)
        cmap_strcpy(req, "layer", layer, sizeof layer);
    for (size_t i = 0; i < n; i++) {
        double u = ((double)(i % (size_t)columns) + .5) / columns, v = ((double)(i / (size_t)columns) + .5) / rows;
        z[i] = (float)fake_cell(layer, strcmp(x, "bs") == 0 ? .4 + .1 * u : u, y[0] && strcmp(y, "bs") != 0 ? v : .5);
        z[n + i] = (float)(.004 + .05 * (u - .48) * (u - .48));
    }
    cw_map(w, 18);
    fake_axis(w, "x", x);
    fake_axis(w, "y", y);
    cw_kstr(w, "layer", layer);
    cw_kint(w, "columns", columns);
    cw_kint(w, "rows", rows);
    cw_str(w, "z");
    cw_bin(w, z, n * sizeof *z);
    cw_str(w, "deviation");
    if (y[0])
        cw_nil(w);
    else
        cw_bin(w, z + n, n * sizeof *z);
    cw_kdouble(w, "z0", strcmp(layer, "mean") == 0 ? .08 : 0);
    cw_kdouble(w, "z1", .88);
    cw_str(w, "held");
    cw_array(w, 1);
    cw_array(w, 2);
    cw_str(w, strcmp(x, "bs") == 0 || strcmp(y, "bs") == 0 ? "wd" : "bs");
    cw_int(w, 64);
    cw_kstr(w, "model", "forest of 64 trees over 26 trials");
    cw_kint(w, "trials", 26);
    cw_kdouble(w, "noise", .003);
    cw_kbool(w, "enough", true);
    cw_str(w, "best");
    cw_map(w, 4);
    cw_kint(w, "trial", 17);
    cw_kdouble(w, "x", fake_place(x, &fake_trials[0]));
    if (y[0])
        cw_kdouble(w, "y", fake_place(y, &fake_trials[0]));
    else
        cw_knil(w, "y");
    cw_kdouble(w, "value", .0812);
    cw_str(w, "basins");
    cw_array(w, y[0] && strcmp(layer, "mean") == 0 ? 2 : 0);
    for (int i = 0; i < 2 && y[0] && strcmp(layer, "mean") == 0; i++) {
        cw_array(w, 4);
        cw_double(w, i ? .83 : .477);
        cw_double(w, i ? .2 : .5);
        cw_double(w, i ? .69 : .08);
        if (i)
            cw_double(w, .11);
        else
            cw_nil(w);
    }
    cw_str(w, "regions");
    cw_array(w, 2);
    for (int i = 0; i < 2; i++) {
        cw_array(w, 9);
        cw_str(w, i ? "focus" : "avoid");
        cw_str(w, i ? fake_name("lr=2e-4..3e-3 & wd=1e-4..1e-2") : "lr>=1e-2");
        cw_double(w, i ? .325 : .75);
        cw_double(w, i ? .25 : 0);
        cw_double(w, i ? .62 : 1);
        cw_double(w, i ? .75 : 1);
        if (i)
            cw_double(w, 3);
        else
            cw_nil(w);
        if (i)
            cw_int(w, 40);
        else
            cw_nil(w);
        cw_int(w, 5 + i);
    }
    cw_str(w, "cells");
    cw_array(w, 4);
    for (int i = 0; i < 4; i++) {
        cw_array(w, 6);
        cw_double(w, i & 1 ? .5 : 0);
        cw_double(w, i & 2 ? .5 : 0);
        cw_double(w, i & 1 ? 1 : .5);
        cw_double(w, i & 2 ? 1 : .5);
        cw_int(w, 2);
        cw_int(w, 6);
    }
    cw_str(w, "quadratic");
    cw_map(w, 6);
    cw_kdouble(w, "x", .47);
    cw_kdouble(w, "y", .51);
    cw_kdouble(w, "value", .079);
    cw_kbool(w, "convex", true);
    cw_kdouble(w, "r2", .93);
    cw_kdouble(w, "plateau", .04);
    free(z);
}

static void fake_do_landscape(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    char x[64] = "lr", y[64] = "wd";
    bool slice = cmap_str(req, "x").n && !cmap_str(req, "y").n;
    if (cmap_str(req, "x").n && strcmp(x, "lr") == 0 && !fake.hostile)
        cmap_strcpy(req, "x", x, sizeof x);
    if (cmap_str(req, "y").n)
        cmap_strcpy(req, "y", y, sizeof y);
    if (slice)
        y[0] = '\0';
    for (int i = 0; i < FAKE_TRIALS; i++) {
        const struct fake_trial *t = &fake_trials[i];
        cw_init(&w, &b);
        cw_map(&w, 7);
        cw_kint(&w, "trial", t->id);
        cw_kstr(&w, "state", t->state);
        cw_kdouble(&w, "x", fake_place(x, t));
        if (y[0])
            cw_kdouble(&w, "y", fake_place(y, t));
        else
            cw_knil(&w, "y");
        if (isfinite(t->value))
            cw_kdouble(&w, "value", t->value);
        else
            cw_knil(&w, "value");
        if (isfinite(t->value))
            cw_kint(&w, "order", FAKE_TRIALS - i);
        else
            cw_knil(&w, "order");
        cw_kbool(&w, "inside", t->bs == 64);
        fake_part(v, &b);
    }
    v->count = v->n_parts;
    cw_init(&w, &b);
    fake_landscape_head(&w, req, x, y);
    v->head = fake_dup(&b);
    buf_release(&b);
}

/* 21 x 11 around the weights: a valley along the first direction, steep along the second. */
static void fake_do_probe(struct view *v, struct span req)
{
    enum { C = 21, MOST = 11 };
    struct buf b = {0};
    struct codec_writer w;
    double z[C * MOST];
    int rows = fake.line ? 1 : MOST;
    bool there = fake.surface && cmap_int(req, "trial", fake.surface) == fake.surface;
    cw_init(&w, &b);
    cw_map(&w, there ? 19 : 2);
    cw_kbool(&w, "enough", there);
    cw_kstr(&w, "why", there && fake.stage && strcmp(fake.stage, "stopped") == 0 ? "its run has ended" : "");
    for (int i = 0; i < C * rows; i++) {
        double x = (i % C - C / 2) / 10., y = (i / C - rows / 2) / 5.;
        z[i] = .0812 + .4 * x * x + 2 * y * y;
        if ((i % C + i / C) % 2 && !cmap_bool(req, "fill", false))
            z[i] = NAN;
    }
    if (there) {
        static const char *const ends[] = {"x0", "x1", "y0", "y1"};
        cw_kint(&w, "surface", 41);
        cw_kint(&w, "trial", fake.surface);
        cw_kint(&w, "step", 24800);
        cw_kint(&w, "columns", C);
        cw_kint(&w, "rows", rows);
        cw_kstr(&w, "norm", "filter");
        cw_kdouble(&w, "loss", .0812);
        cw_kdouble(&w, "centre", .0812);
        cw_kdouble(&w, "min", .0812);
        cw_kdouble(&w, "max", 2.4812);
        cw_kdouble(&w, "done", fake.stage && strcmp(fake.stage, "done") == 0 ? 1 : .5);
        cw_kstr(&w, "state", fake.stage ? fake.stage : "on");
        for (int i = 0; i < 4; i++)
            cw_kdouble(&w, ends[i], i > 1 && fake.line ? 0 : i % 2 ? 1 : -1);
        cw_str(&w, "z");
        cw_bin(&w, z, C * (size_t)rows * sizeof *z);
    }
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_do_preview(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    char words[200] = "", text[300];
    cmap_strcpy(req, "words", words, sizeof words);
    snprintf(text, sizeof text, "%.60s: 12 of 40 queued trials fall outside; 3 that run stay; 4 in 10 of the next land inside (1 in 10 now)", words);
    cw_init(&w, &b);
    cw_map(&w, 3);
    cw_kstr(&w, "text", text);
    cw_kdouble(&w, "share", .4);
    cw_kbool(&w, "ok", true);
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_do_importance(struct view *v)
{
    static const struct {
        const char *a, *b;
        double v, d;
    } list[] = {{"lr", NULL, .61, .05}, {"wd", NULL, .18, .04}, {"bs", NULL, .09, .03}, {"lr", "wd", .06, .02}};
    struct buf b = {0};
    struct codec_writer w;
    for (size_t i = 0; i < sizeof list / sizeof *list && !fake.few; i++) {
        cw_init(&w, &b);
        cw_map(&w, 5);
        cw_kstr(&w, "param", strcmp(list[i].a, "lr") == 0 ? fake_name("lr") : list[i].a);
        cw_kdouble(&w, "importance", list[i].v);
        cw_kdouble(&w, "low", list[i].v - list[i].d);
        cw_kdouble(&w, "high", list[i].v + list[i].d);
        cw_kstr(&w, "pair", list[i].b);
        fake_part(v, &b);
    }
    v->count = v->n_parts;
    cw_init(&w, &b);
    cw_map(&w, 4);
    cw_kint(&w, "trials", fake.few ? 4 : 26);
    cw_kbool(&w, "enough", !fake.few);
    cw_kstr(&w, "why", fake.few ? "4 of at least 8 trials have a value" : NULL);
    cw_kdouble(&w, "r2", .83);
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_do_pareto(struct view *v, struct span req)
{
    struct buf b = {0};
    struct codec_writer w;
    int n = (int)cmap_int(req, "columns", 20);
    double *x = mem_alloc((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++)
        x[i] = 1 - exp(-4. * i / n);
    for (int i = 0; i < FAKE_TRIALS && !fake.few; i++) {
        const struct fake_trial *t = &fake_trials[i];
        if (!isfinite(t->value))
            continue;
        cw_init(&w, &b);
        cw_map(&w, 4);
        cw_kint(&w, "trial", t->id);
        cw_kstr(&w, "state", t->state);
        cw_str(&w, "values");
        cw_array(&w, 2);
        cw_double(&w, t->value);
        cw_double(&w, t->step / 7000.);
        cw_kbool(&w, "front", t->id == 17 || t->id == 31 || t->id == 33);
        fake_part(v, &b);
    }
    v->count = v->n_parts;
    cw_init(&w, &b);
    cw_map(&w, 5);
    cw_str(&w, "objectives");
    cw_array(&w, fake.few ? 1 : 2);
    cw_map(&w, 1);
    cw_kstr(&w, "name", "val_loss");
    if (!fake.few) {
        cw_map(&w, 1);
        cw_kstr(&w, "name", "GPU hours");
    }
    cw_kdouble(&w, "hypervolume", 3.17);
    fake_bin(&w, "over_time", x, n);
    cw_kbool(&w, "enough", !fake.few);
    cw_kstr(&w, "why", fake.few ? "one objective: name a second one in the sweep file" : NULL);
    v->head = fake_dup(&b);
    free(x);
    buf_release(&b);
}

static void fake_do_edf(struct view *v, struct span req)
{
    static const char *const labels[] = {"tpe", "random", "asha"};
    struct buf b = {0};
    struct codec_writer w;
    int n = (int)cmap_int(req, "columns", 40);
    double *x = mem_alloc((size_t)n * sizeof *x);
    for (int g = 0; g < 3 && !fake.few; g++) {
        for (int i = 0; i < n; i++)
            x[i] = floor(14 * (1 - exp(-(3. - g) * i / n))) / 14;
        cw_init(&w, &b);
        cw_map(&w, 5);
        cw_kstr(&w, "label", fake_name(labels[g]));
        cw_kint(&w, "trials", 14 - g);
        cw_kdouble(&w, "best", .08 + .01 * g);
        cw_kdouble(&w, "median", .12 + .05 * g);
        fake_bin(&w, "share", x, n);
        fake_part(v, &b);
    }
    v->count = v->n_parts;
    cw_init(&w, &b);
    cw_map(&w, 5);
    cw_kdouble(&w, "v0", .08);
    cw_kdouble(&w, "v1", .6);
    cw_kint(&w, "columns", n);
    cw_kbool(&w, "enough", !fake.few);
    cw_kstr(&w, "why", fake.few ? "2 trials have ended" : NULL);
    v->head = fake_dup(&b);
    free(x);
    buf_release(&b);
}

static void fake_do_seeds(struct view *v)
{
    struct buf b = {0};
    struct codec_writer w;
    for (int i = 0; i < 5 && !fake.few; i++) {
        const struct fake_trial *t = &fake_trials[i];
        cw_init(&w, &b);
        cw_map(&w, 8);
        cw_kint(&w, "trial", t->id);
        cw_kint(&w, "n", 3);
        cw_kdouble(&w, "mean", t->value);
        cw_kdouble(&w, "deviation", .002 + .001 * i);
        cw_kdouble(&w, "min", t->value - .003 - .001 * i);
        cw_kdouble(&w, "max", t->value + .004 + .001 * i);
        cw_kint(&w, "test_n", 2);
        cw_kdouble(&w, "test_mean", t->value + .002);
        fake_part(v, &b);
    }
    v->count = v->n_parts;
    cw_init(&w, &b);
    cw_map(&w, 4);
    cw_kint(&w, "trials", fake.few ? 0 : 5);
    cw_kdouble(&w, "deviation", .0035);
    cw_kbool(&w, "enough", !fake.few);
    cw_kstr(&w, "why", fake.few ? "no trial has values from two seeds" : NULL);
    v->head = fake_dup(&b);
    buf_release(&b);
}

static void fake_fill(struct fake_view *f)
{
    struct span req = {(char *)f->request.data, f->request.len}, name = cmap_str(req, "view");
    struct view *v = &f->v;
    fake_clear(v);
    if (fake.loading)
        return;
    v->loaded = true;
    v->version++;
    if (span_eq(name, "summary"))
        fake_do_summary(v);
    else if (fake.empty)
        return;
    else if (span_eq(name, "trials"))
        fake_do_trials(v, req);
    else if (span_eq(name, "curve"))
        fake_do_curve(v, req);
    else if (span_eq(name, "best"))
        fake_do_best(v, req);
    else if (span_eq(name, "trial"))
        fake_do_trial(v, req);
    else if (span_eq(name, "interventions"))
        fake_do_ivs(v);
    else if (span_eq(name, "text"))
        fake_do_text(v, req);
    else if (span_eq(name, "metrics"))
        fake_do_metrics(v);
    else if (span_eq(name, "arms"))
        fake_do_arms(v);
    else if (span_eq(name, "arms_history"))
        fake_do_history(v, req);
    else if (span_eq(name, "rungs"))
        fake_do_rungs(v);
    else if (span_eq(name, "importance"))
        fake_do_importance(v);
    else if (span_eq(name, "pareto"))
        fake_do_pareto(v, req);
    else if (span_eq(name, "edf"))
        fake_do_edf(v, req);
    else if (span_eq(name, "seeds"))
        fake_do_seeds(v);
    else if (span_eq(name, "landscape"))
        fake_do_landscape(v, req);
    else if (span_eq(name, "surfaces"))
        v->count = fake.surface != 0;
    else if (span_eq(name, "probe"))
        fake_do_probe(v, req);
    else if (span_eq(name, "preview"))
        fake_do_preview(v, req);
    else if (span_eq(name, "events"))
        fake_do_events(v, req);
}

/* Something changed at the hub: every view is answered again. */
static inline void fake_refresh(void)
{
    for (struct fake_view *f = fake_views; f; f = f->next)
        fake_fill(f);
}

/* ---- client.h ---- */

struct view *client_sub(struct client *c, struct span request, int hz)
{
    struct fake_view *f = MEM_NEW(struct fake_view);
    buf_put(&f->request, request.p, request.n);
    f->next = fake_views;
    fake_views = f;
    fake.subs++;
    fake_fill(f);
    return &f->v;
}

void client_resub(struct client *c, struct view *v, struct span request, int hz)
{
    struct fake_view *f = (struct fake_view *)v;
    if (f->request.len == request.n && memcmp(f->request.data, request.p, request.n) == 0)
        return;
    buf_clear(&f->request);
    buf_put(&f->request, request.p, request.n);
    fake_fill(f);
}

void client_unsub(struct client *c, struct view *v)
{
    for (struct fake_view **p = &fake_views; *p; p = &(*p)->next)
        if (&(*p)->v == v) {
            struct fake_view *f = *p;
            *p = f->next;
            fake_clear(&f->v);
            buf_release(&f->request);
            free(f);
            fake.unsubs++;
            return;
        }
}

int64_t client_verb(struct client *c, int n, char *const *words, const char *sweep, bool wait,
                    client_reply *reply, void *arg, char **cause)
{
    size_t at = 0;
    fake.last[0] = '\0';
    for (int i = 0; i < n && at < sizeof fake.last; i++)
        at += (size_t)snprintf(fake.last + at, sizeof fake.last - at, "%s%s", i ? " " : "", words[i]);
    fake.sends++;
    fake.reply = reply;
    fake.reply_arg = arg;
    return ++fake.id;
}

enum client_link client_link(const struct client *c)
{
    return fake.link;
}

const char *client_hub_name(const struct client *c)
{
    return fake_name("gpu01");
}

const char *client_address(const struct client *c)
{
    return "ipc:///run/hypertop/gpu01.sock";
}

bool client_readonly(const struct client *c)
{
    return fake.readonly;
}

int64_t client_silence_ns(const struct client *c)
{
    return fake.link == LINK_UP ? 0 : 12 * CLOCK_S;
}

int64_t client_rtt_ns(const struct client *c)
{
    return 42 * CLOCK_MS;
}

int64_t client_now(const struct client *c)
{
    return fake.now;
}

#endif
