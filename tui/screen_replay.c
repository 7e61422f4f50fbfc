/* screen_replay: the time cursor on a bar of events. Everything else on every screen is as of the cursor. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/panel.h"
#include "tui/plot_bars.h"
#include "tui/row.h"
#include "tui/screen.h"

struct places {
    struct rect line, table, best, bar;
};

static struct places place(struct rect body, enum layout_size size)
{
    struct places p = {0};
    if (size < LAYOUT_NORMAL) {
        p.bar = rect_bottom(&body, body.h < 5 ? body.h : 5);
        p.table = body;
        return p;
    }
    p.line = rect_top(&body, 1);
    p.bar = rect_bottom(&body, 8);
    p.table = rect_left(&body, body.w / 2);
    p.best = body;
    return p;
}

static void want(struct console *c, struct rect body, enum layout_size size)
{
    struct places p = place(body, size);
    table_want(&c->table, &c->subs, &c->sum, p.table.h > 2 ? p.table.h - 2 : 1, c->mono);
    if (p.best.h > 2)
        panel_best_want(c, rect_inset(p.best, 1, 1));
}

/* ---- the bar ---- */

static int bar_column(const struct timeline *t, int64_t at, int w)
{
    if (t->last <= t->first || w <= 1)
        return 0;
    double pos = (double)(at - t->first) / (double)(t->last - t->first);
    int x = (int)lround(pos * (w - 1));
    return x < 0 ? 0 : x >= w ? w - 1 : x;
}

static void draw_density(const struct console *c, struct canvas *out, struct rect r)
{
    struct span head = sub_head(&c->subs, SUB_EVENTS);
    struct codec_reader at;
    if (!head.p || !cmap_find(head, "density", &at) || cr_peek(&at) != CT_BIN)
        return;
    struct span b = cr_bin(&at);
    int n = (int)(b.n / sizeof(double));
    if (n == 0 || r.w <= 0)
        return;
    double *v = mem_alloc((size_t)n * sizeof *v), *fit = mem_alloc((size_t)r.w * sizeof *fit), most = 0;
    memcpy(v, b.p, (size_t)n * sizeof *v);
    for (int i = 0; i < r.w; i++) {
        int from = (int)((int64_t)i * n / r.w), to = (int)((int64_t)(i + 1) * n / r.w);
        fit[i] = 0;
        for (int k = from; k < (to > from ? to : from + 1) && k < n; k++)
            if (isfinite(v[k]))
                fit[i] += v[k];
        fit[i] = fit[i] > 0 ? log1p(fit[i]) : NAN;
        most = fit[i] > most ? fit[i] : most;
    }
    struct spark_scale s = {0, most > 0 ? most : 1, false, true};
    spark_draw(out, r.x, r.y, r.w, ST_SPARK, &s, fit, r.w);
    free(v);
    free(fit);
}

static void draw_marks(const struct console *c, struct canvas *out, struct rect r)
{
    for (int i = 0; i < sub_rows(&c->subs, SUB_EVENTS); i++) {
        struct span row = sub_row(&c->subs, SUB_EVENTS, i);
        if (!row.p)
            continue;
        struct span kind = cmap_str(row, "kind");
        int x = r.x + bar_column(&c->time, cmap_int(row, "time", 0), r.w);
        if (span_eq(kind, "intervention"))
            canvas_put(out, x, r.y, ST_MARK, 'i');
        else if (span_eq(kind, "best"))
            canvas_put(out, x, r.y, ST_BEST, 'B');
        else if (span_eq(kind, "fail"))
            canvas_put(out, x, r.y, ST_FAILED, 'x');
        else if (span_eq(kind, "hub"))
            canvas_put(out, x, r.y, ST_DIM, 'h');
    }
}

/* The first event of interest past a moment (dir 1) or the last before it (dir -1). */
static struct span neighbour(const struct console *c, int64_t at, int dir, bool interventions_only)
{
    struct span best = {NULL, 0};
    int64_t best_at = 0;
    for (int i = 0; i < sub_rows(&c->subs, SUB_EVENTS); i++) {
        struct span row = sub_row(&c->subs, SUB_EVENTS, i);
        if (!row.p || (interventions_only && !span_eq(cmap_str(row, "kind"), "intervention")))
            continue;
        int64_t t = cmap_int(row, "time", 0);
        if (dir > 0 ? t <= at : t >= at)
            continue;
        if (!best.p || (dir > 0 ? t < best_at : t > best_at)) {
            best = row;
            best_at = t;
        }
    }
    return best;
}

static void event_text(struct span row, char *out, size_t cap)
{
    char clock[CLOCK_TEXT], kind[ROW_TEXT], text[ROW_TEXT];
    clock_hms(clock, cmap_int(row, "time", 0));
    row_text(kind, cmap_str(row, "kind"), 14);
    row_text(text, cmap_str(row, "text"), 50);
    row_format(out, cap, "%s %s %s", clock, kind, text);
}

static void draw_transport(const struct console *c, struct canvas *out, struct rect r)
{
    char speed[32];
    const struct timeline *t = &c->time;
    int x = r.x;
    x += canvas_text(out, x, r.y, t->playing ? ST_MARK : ST_STRONG,
                     t->playing ? "[\u2016 hold]" : "[\u25b6 play]");
    canvas_hit(out, (struct rect){r.x, r.y, x - r.x, 1}, ACT_PLAY, 0);
    row_format(speed, sizeof speed, t->speed >= 1 ? "%.0f" : "%.3g", t->speed);
    x += canvas_printf(out, x + 2, r.y, ST_PLAIN, "speed %s\u00d7", speed) + 4;
    struct span next = neighbour(c, timeline_now(t, c->wall), 1, false);
    char text[2 * ROW_TEXT + 60];
    if (next.p) {
        event_text(next, text, sizeof text);
        int n = canvas_text(out, x, r.y, ST_DIM, "next: ");
        canvas_textn(out, x + n, r.y, r.x + r.w - x - n, ST_PLAIN, text, strlen(text));
    }
}

static void draw_bar(const struct console *c, struct canvas *out, struct rect r)
{
    const struct timeline *t = &c->time;
    char a[CLOCK_TEXT], b[CLOCK_TEXT], now[CLOCK_TEXT], title[120];
    struct rect old = canvas_clip(out, r);
    if (!t->known) {
        panel_note(out, r, ST_DIM,
                   panel_empty(c, SUB_EVENTS, "nothing is recorded yet"));
        canvas_clip(out, old);
        return;
    }
    int64_t at = t->past ? timeline_cursor(t) : t->last;
    clock_hms(a, t->first);
    clock_hms(b, t->last);
    clock_hms(now, at);
    struct rect in = {r.x + 2, r.y, r.w > 4 ? r.w - 4 : r.w, r.h};
    if (r.h >= 6) {
        row_format(title, sizeof title, "timeline %s \u2026 %s", a, b);
        panel_rule(out, rect_top(&r, 1), title, "events", false);
        draw_density(c, out, (struct rect){in.x, r.y, in.w, 1});
        rect_top(&r, 1);
    }
    int x = bar_column(t, at, in.w);
    for (int i = 0; i < in.w; i++) {
        canvas_put(out, in.x + i, r.y,
                   i == x  ? ST_MARK
                   : i < x ? ST_STRONG
                           : ST_BORDER,
                   i == x  ? 0x25cf
                   : i < x ? 0x2501
                           : 0x2500);
        int64_t when = t->first + (int64_t)((double)(t->last - t->first) * i / (in.w > 1 ? in.w - 1 : 1));
        canvas_hit(out, (struct rect){in.x + i, r.y - (r.y > 0), 1, 3}, ACT_SEEK, when);
    }
    draw_marks(c, out, (struct rect){in.x, r.y + 1, in.w, 1});
    int width = (int)strlen(now), nx = x - width / 2 < 0              ? 0
                                       : x - width / 2 + width > in.w ? in.w - width
                                                                      : x - width / 2;
    canvas_text(out, in.x, r.y + 2, ST_DIM, a);
    canvas_right(out, in.x, r.y + 2, in.w, ST_DIM, t->recording ? b : "live");
    canvas_text(out, in.x + (nx > 0 ? nx : 0), r.y + 2, ST_MARK, now);
    if (r.h >= 5) {
        draw_transport(c, out, (struct rect){in.x, r.y + 3, in.w, 1});
        const char *legend = "B new best \u00b7 x failed or lost \u00b7 i intervention \u00b7 h hub";
        canvas_textn(out, in.x, r.y + 4, in.w, ST_DIM, legend, strlen(legend));
    }
    canvas_clip(out, old);
}

static void draw(const struct console *c, struct canvas *out, struct rect body, enum layout_size size)
{
    struct places p = place(body, size);
    char clock[CLOCK_TEXT], title[100], right[60];
    clock_hms(clock, timeline_now(&c->time, c->wall));
    if (p.line.h > 0) {
        if (c->time.past)
            row_format(title, sizeof title,
                       "All screens show the sweep as of %s \u00b7 actions are off in the past", clock);
        else
            row_format(title, sizeof title,
                       "Live. Left goes one minute back, %% jumps, [ and ] go to interventions");
        canvas_textn(out, p.line.x + 1, p.line.y, p.line.w - 1, c->time.past ? ST_MARK : ST_DIM, title,
                     strlen(title));
    }
    if (size >= LAYOUT_NORMAL) {
        row_format(title, sizeof title, "Trials %s", c->time.past ? clock : "now");
        row_format(right, sizeof right, "%lld", (long long)sub_total(&c->subs, SUB_TRIALS));
        table_draw_small(&c->table, &c->subs, &c->sum, out, panel_box(out, p.table, title, right, false));
        panel_best_draw(c, out, panel_box(out, p.best, "best so far", NULL, false), true);
    } else {
        table_draw_small(&c->table, &c->subs, &c->sum, out, p.table);
    }
    draw_bar(c, out, p.bar);
}

static void seek_event(struct console *c, int dir)
{
    struct span row = neighbour(c, timeline_now(&c->time, c->wall), dir, false);
    if (row.p)
        timeline_seek(&c->time, cmap_int(row, "time", 0), c->mono);
    else
        console_toast(c, ST_DIM, dir > 0 ? "no later event" : "no earlier event");
}

static bool act(struct console *c, enum action a, int64_t arg)
{
    struct timeline *t = &c->time;
    int64_t tenth = (t->last - t->first) / 10;
    switch (a) {
    case ACT_LEFT:
        timeline_move(t, -60 * CLOCK_S, c->mono);
        return true;
    case ACT_RIGHT:
        timeline_move(t, 60 * CLOCK_S, c->mono);
        return true;
    case ACT_FAR_LEFT:
        timeline_move(t, -tenth, c->mono);
        return true;
    case ACT_FAR_RIGHT:
        timeline_move(t, tenth, c->mono);
        return true;
    case ACT_STEP_BACK:
        seek_event(c, -1);
        return true;
    case ACT_STEP_ON:
        seek_event(c, 1);
        return true;
    case ACT_HOME:
        timeline_seek(t, t->first, c->mono);
        return true;
    case ACT_PLAY:
        if (!t->past)
            console_toast(c, ST_DIM, "live already; go back first");
        timeline_play(t, !t->playing, c->mono);
        return true;
    case ACT_SLOWER:
        timeline_speed(t, t->speed / 2, c->mono);
        return true;
    case ACT_FASTER:
        timeline_speed(t, t->speed * 2, c->mono);
        return true;
    case ACT_SPEED_ONE:
        timeline_speed(t, 1, c->mono);
        return true;
    case ACT_PERCENT:
        c->percent = true;
        return true;
    case ACT_SEEK:
        timeline_seek(t, arg, c->mono);
        return true;
    case ACT_OPEN:
        console_show(c, SCREEN_OVER);
        return true;
    case ACT_CANCEL:
        if (t->playing)
            timeline_play(t, false, c->mono);
        else
            console_show(c, c->back);
        return true;
    default:
        return screen_table_act(c, a, arg);
    }
}

const struct screen screen_replay = {
    .key = '8',
    .name = "Replay",
    .brief = "Replay",
    .want = want,
    .follow = panel_best_follow,
    .draw = draw,
    .act = act,
};
