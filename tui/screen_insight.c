/* screen_insight: which parameters matter, what is traded for what, how robust each tuner is, and what early
 * rungs and seeds say. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/panel.h"
#include "tui/panel_insight.h"
#include "tui/plot_curve.h"
#include "tui/screen.h"

static const char *const panes[] = {"Importance", "Pareto front",         "All trials", "Rungs",
                                    "Seeds",      "Parallel coordinates", NULL};

struct places {
    struct rect frame[INSIGHT_PANES], in[INSIGHT_PANES]; /* empty: not shown */
    bool boxed;
};

static void put(struct places *p, enum insight_pane pane, struct rect r)
{
    p->frame[pane] = r;
    p->in[pane] = r;
    if (p->boxed)
        p->in[pane] = rect_inset(r, 1, 1);
    else
        rect_top(&p->in[pane], 1);
}

static struct places place(const struct console *c, struct rect body, enum layout_size size)
{
    const struct insight *k = &c->insight;
    struct places p = {.boxed = size == LAYOUT_WIDE};
    int focus = c->pane[SCREEN_INSIGHT];
    if (c->zoom[SCREEN_INSIGHT] || size == LAYOUT_SMALL || body.w < 60) {
        put(&p, (enum insight_pane)focus, body);
        return p;
    }
    bool all = body.w >= 140 && body.h >= 36;
    struct rect top = rect_top(&body, all ? body.h * 2 / 5 : body.h / 2);
    if (!all) {
        enum insight_pane other = focus > INSIGHT_IMPORTANCE && focus < INSIGHT_PARALLEL
                                      ? (enum insight_pane)focus
                                      : (enum insight_pane)k->other;
        struct rect left = rect_left(&top, top.w * 2 / 5);
        if (!p.boxed)
            rect_right(&left, 1);
        put(&p, INSIGHT_IMPORTANCE, left);
        put(&p, other, top);
        put(&p, INSIGHT_PARALLEL, body);
        return p;
    }
    put(&p, INSIGHT_IMPORTANCE, rect_left(&top, top.w * 3 / 10));
    put(&p, INSIGHT_PARETO, rect_left(&top, top.w / 2));
    put(&p, INSIGHT_EDF, top);
    struct rect side = rect_right(&body, 50);
    put(&p, INSIGHT_RUNGS, rect_top(&side, side.h / 2));
    put(&p, INSIGHT_SEEDS, side);
    put(&p, INSIGHT_PARALLEL, body);
    return p;
}

static void want(struct console *c, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    bool shown[INSIGHT_PANES];
    for (int i = 0; i < INSIGHT_PANES; i++)
        shown[i] = p.in[i].h > 0;
    table_want(&c->table, &c->subs, &c->sum, 10, c->mono);
    struct rect edf = p.in[INSIGHT_EDF];
    if (edf.w >= 56)
        rect_right(&edf, 22);
    insight_want(c, shown, plot_columns(edf), p.in[INSIGHT_PARETO].w > 8 ? p.in[INSIGHT_PARETO].w : 8);
}

static void titles(const struct console *c, enum insight_pane pane, char *left, char *right, size_t cap)
{
    const struct insight *k = &c->insight;
    char text[ROW_TEXT];
    struct span head;
    row_format(left, cap, "%s", panes[pane]);
    right[0] = '\0';
    switch (pane) {
    case INSIGHT_IMPORTANCE:
        head = sub_head(&c->subs, SUB_IMPORTANCE);
        row_format(right, cap, "n=%lld", head.p ? (long long)cmap_int(head, "trials", 0) : 0);
        break;
    case INSIGHT_PARETO: {
        int front = 0;
        for (int i = 0; i < sub_rows(&c->subs, SUB_PARETO); i++)
            front += cmap_bool(sub_row(&c->subs, SUB_PARETO, i), "front", false);
        if (front)
            row_format(right, cap, "front %d", front);
        break;
    }
    case INSIGHT_EDF:
        row_text(text, (struct span){k->by, strlen(k->by)}, 16);
        row_format(left, cap, "Share of trials at least as good");
        row_format(right, cap, "by %s (O)", text[0] ? text : "tuner");
        break;
    case INSIGHT_PARALLEL:
        panel_parallel_title(c, right, cap);
        break;
    default:
        break;
    }
}

static void draw(const struct console *c, struct canvas *out, struct rect body, enum layout_size size)
{
    static void (*const draws[INSIGHT_PANES])(const struct console *, struct canvas *, struct rect) = {
        panel_importance_draw,  panel_pareto_draw, panel_edf_draw,
        panel_correlation_draw, panel_seeds_draw,  panel_parallel_draw};
    struct places p = place(c, body, size);
    for (int i = 0; i < INSIGHT_PANES; i++) {
        char left[120], right[160];
        if (p.frame[i].h <= 0 || p.frame[i].w <= 0)
            continue;
        titles(c, (enum insight_pane)i, left, right, 110);
        bool focus = c->pane[SCREEN_INSIGHT] == i;
        if (p.boxed)
            panel_box(out, p.frame[i], left, right, focus);
        else
            panel_rule(out, (struct rect){p.frame[i].x, p.frame[i].y, p.frame[i].w, 1}, left, right, focus);
        if (p.in[i].h > 0 && p.in[i].w > 0)
            draws[i](c, out, p.in[i]);
    }
    if (!p.boxed && p.frame[INSIGHT_IMPORTANCE].h && p.frame[INSIGHT_PARALLEL].h)
        for (int y = p.frame[INSIGHT_IMPORTANCE].y; y < p.frame[INSIGHT_PARALLEL].y; y++)
            canvas_put(out, p.frame[INSIGHT_IMPORTANCE].x + p.frame[INSIGHT_IMPORTANCE].w, y, ST_BORDER,
                       0x2502);
}

/* ---- keys ---- */

/* Tab goes through what is on the screen; the pane that shares its place comes last. */
static void next_pane(struct console *c, int by)
{
    struct layout l = layout_frame(c->cols, c->rows);
    int *focus = &c->pane[SCREEN_INSIGHT];
    bool one = c->zoom[SCREEN_INSIGHT] || l.size == LAYOUT_SMALL || l.body.w < 60;
    struct places p = place(c, l.body, l.size);
    for (int i = 0; i < INSIGHT_PANES; i++) {
        *focus = (*focus + by + INSIGHT_PANES) % INSIGHT_PANES;
        if (one || p.in[*focus].h > 0)
            return;
    }
}

static void next_other(struct console *c)
{
    struct insight *k = &c->insight;
    int *focus = &c->pane[SCREEN_INSIGHT];
    if (*focus > INSIGHT_IMPORTANCE && *focus < INSIGHT_PARALLEL)
        k->other = *focus;
    k->other = k->other + 1 >= INSIGHT_PARALLEL ? INSIGHT_PARETO : k->other + 1;
    if (*focus > INSIGHT_IMPORTANCE && *focus < INSIGHT_PARALLEL)
        *focus = k->other;
}

static void step_axis(struct console *c, int by)
{
    struct insight *k = &c->insight;
    int to = k->axis + by;
    c->pane[SCREEN_INSIGHT] = INSIGHT_PARALLEL;
    k->axis = to < 0 ? 0 : to >= k->n_axes ? k->n_axes - 1 : to;
    k->axis = k->axis < 0 ? 0 : k->axis;
}

static void list_held(struct console *c)
{
    char filter[sizeof c->table.filter];
    if (!insight_brushed(&c->insight)) {
        console_toast(c, ST_DIM, "no brush: Space on an axis sets one, Enter then lists the trials it holds");
        return;
    }
    if (!insight_filter(c, filter, sizeof filter) || strlen(filter) + 1 >= sizeof filter) {
        console_toast(c, ST_WARN, "these brushes cannot be said as a filter");
        return;
    }
    row_format(c->table.filter, sizeof c->table.filter, "%s", filter);
    c->table.top = 0;
    console_show(c, SCREEN_OVER);
}

static bool cancel(struct console *c)
{
    struct insight *k = &c->insight;
    if (c->zoom[SCREEN_INSIGHT])
        c->zoom[SCREEN_INSIGHT] = false;
    else if (insight_brushed(k))
        for (int i = 0; i < k->n_axes; i++)
            k->axes[i].brush = false;
    else
        return false;
    return true;
}

static bool act(struct console *c, enum action a, int64_t arg)
{
    struct insight *k = &c->insight;
    double up = k->axis < k->n_axes && k->axes[k->axis].inverted ? -.05 : .05;
    switch (a) {
    case ACT_LEFT:
    case ACT_RIGHT:
        step_axis(c, a == ACT_LEFT ? -1 : 1);
        return true;
    case ACT_UP:
    case ACT_DOWN:
        insight_move_brush(k, a == ACT_UP ? up : -up);
        return true;
    case ACT_MORE:
    case ACT_LESS:
        insight_size_brush(k, a == ACT_MORE ? .1 : -.1);
        return true;
    case ACT_BRUSH:
        insight_toggle_brush(k);
        return true;
    case ACT_INVERT:
        if (k->axis < k->n_axes)
            k->axes[k->axis].inverted = !k->axes[k->axis].inverted;
        return true;
    case ACT_SHOWN:
        k->quick = !k->quick;
        return true;
    case ACT_OTHER:
        next_other(c);
        return true;
    case ACT_BY:
        insight_next_by(c);
        return true;
    case ACT_PANE:
    case ACT_PANE_BACK:
        next_pane(c, a == ACT_PANE ? 1 : -1);
        return true;
    case ACT_ROW:
        step_axis(c, (int)arg - k->axis);
        return true;
    case ACT_OPEN:
        list_held(c);
        return true;
    case ACT_CANCEL:
        return cancel(c);
    default:
        return false;
    }
}

/* ---- the mouse: a drag along an axis is its brush, the wheel moves it ---- */

static bool mouse(struct console *c, const struct input_event *e)
{
    struct insight *k = &c->insight;
    struct layout l = layout_frame(c->cols, c->rows);
    struct rect r = place(c, l.body, l.size).in[INSIGHT_PARALLEL];
    bool inside = r.h > 4 && e->x >= r.x && e->x < r.x + r.w && e->y > r.y && e->y < r.y + r.h - 1;
    switch (e->kind) {
    case INPUT_PRESS: {
        int n = inside ? panel_parallel_axes(c, r) : 0, near = -1;
        for (int i = 0; i < n; i++) {
            int d = panel_parallel_x(c, r, i) - e->x;
            if (d >= -3 && d <= 3)
                near = i;
        }
        if (near < 0 || e->button != 0)
            return false;
        int params = n - 1, first = k->axis < k->n_axes - 1 ? k->axis : k->n_axes - 2;
        first = first >= params ? first - params + 1 : 0;
        step_axis(c, (near == n - 1 ? k->n_axes - 1 : first + near) - k->axis);
        k->dragging = k->axis;
        k->drag_at = panel_parallel_at(&k->axes[k->axis], r, e->y);
        return true;
    }
    case INPUT_DRAG:
        if (k->dragging < 0 || k->dragging >= k->n_axes)
            return false;
        insight_set_brush(k, k->dragging, k->drag_at, panel_parallel_at(&k->axes[k->dragging], r, e->y));
        return true;
    case INPUT_RELEASE:
        if (k->dragging < 0)
            return false;
        k->dragging = -1;
        return true;
    default:
        return false;
    }
}

const struct screen screen_insight = {
    .key = '6',
    .name = "Insight",
    .brief = "Insight",
    .panes = panes,
    .want = want,
    .follow = insight_follow,
    .draw = draw,
    .act = act,
    .mouse = mouse,
};
