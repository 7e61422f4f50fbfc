/* screen_arms: where the budget goes and why: the bandit's arms with their posteriors, pulls over time,
 * rungs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/arm_list.h"
#include "tui/panel.h"
#include "tui/plot_bars.h"
#include "tui/plot_curve.h"
#include "tui/row.h"
#include "tui/screen.h"

enum pane { PANE_ARMS, PANE_PULLS, PANE_RUNGS };
static const char *const panes[] = {"Arms", "Pulls over time", "Rungs", NULL};

struct places {
    struct rect line, arms, pulls, rungs;
};

static int count_arms(const struct console *c)
{
    struct span rows[CONSOLE_ARMS];
    return arm_rows(c, rows);
}

static struct places place(const struct console *c, struct rect body, enum layout_size size)
{
    struct places p = {0};
    p.line = rect_top(&body, 1);
    if (c->zoom[SCREEN_ARMS] || size < LAYOUT_NORMAL) {
        struct rect *const at[] = {&p.arms, &p.pulls, &p.rungs};
        *at[c->pane[SCREEN_ARMS]] = body;
        return p;
    }
    int rungs = sub_rows(&c->subs, SUB_RUNGS);
    if (rungs && body.h >= 16)
        p.rungs = rect_bottom(&body, rungs + 1 < body.h / 4 + 1 ? rungs + 1 : body.h / 4 + 1);
    int arms = count_arms(c) + 2;
    if (arms > body.h * 2 / 3)
        arms = body.h * 2 / 3;
    if (arms < 4)
        arms = 4;
    p.arms = rect_top(&body, arms);
    p.pulls = body;
    return p;
}

static void want(struct console *c, struct rect body, enum layout_size size)
{
    struct codec_writer w = sub_want(&c->subs, SUB_ARMS, "arms", 1);
    cw_kstr(&w, "filter", c->own.list_filter[SCREEN_ARMS]);
    sub_commit(&c->subs, SUB_ARMS, 0, 2);
    w = sub_want(&c->subs, SUB_RUNGS, "rungs", 0);
    sub_commit(&c->subs, SUB_RUNGS, 0, 1);
    struct places p = place(c, body, size);
    if (p.pulls.h > 2) {
        struct rect r = p.pulls;
        struct span b = arm_bandit(c), id = b.p ? cmap_str(b, "bandit") : (struct span){NULL, 0};
        rect_top(&r, 1);
        w = sub_want(&c->subs, SUB_HISTORY, "arms_history", 2);
        cw_kint(&w, "columns", plot_columns(r));
        cw_str(&w, "bandit");
        cw_strn(&w, id.p ? id.p : "", id.n);
        sub_commit(&c->subs, SUB_HISTORY, 0, 1);
    }
}

/* The selected arm stays the same arm whatever the order of the rows. */
static void follow(struct console *c)
{
    struct span rows[CONSOLE_ARMS];
    arm_order_follow(c);
    int n = arm_rows_sorted(c, rows, NULL);
    for (int i = 0; i < n; i++)
        if (cmap_int(rows[i], "arm", -1) == c->arm_id)
            c->arm = i;
    if (c->arm >= n)
        c->arm = n ? n - 1 : 0;
    if (n)
        c->arm_id = cmap_int(rows[c->arm], "arm", -1);
}

static void draw_line(const struct console *c, struct canvas *out, struct rect r)
{
    struct span b = arm_bandit(c), head = sub_head(&c->subs, SUB_ARMS);
    char text[500], name[ROW_TEXT] = "", algorithm[ROW_TEXT] = "", next[ROW_TEXT] = "";
    struct codec_reader list;
    int n = arm_bandits(c, &list);
    if (r.h <= 0)
        return;
    if (b.p) {
        row_text(name, cmap_str(b, "name"), 24);
        row_text(algorithm, cmap_str(b, "algorithm"), 24);
    }
    int k = row_format(text, sizeof text, "%s%s%s", algorithm[0] ? algorithm : c->sum.tuner,
                       name[0] ? " \u00b7 " : "", name);
    if (c->arm_sort != ARM_SORT_BEST)
        k += row_format(text + k, sizeof text - (size_t)k, " \u00b7 by %s",
                        arm_sort_name((enum arm_sort)c->arm_sort));
    if (head.p && k >= 0) {
        struct codec_reader at;
        if (cmap_find(head, "next", &at))
            row_value(next, cr_value(&at), 30);
        if (next[0])
            k += row_format(text + k, sizeof text - (size_t)k, " \u00b7 next pull %s", next);
    }
    if (isfinite(c->sum.explore))
        k += row_format(text + k, sizeof text - (size_t)k, " \u00b7 exploration \u00d7%.3g", c->sum.explore);
    if (n > 1)
        k += row_format(text + k, sizeof text - (size_t)k, " \u00b7 %d bandits, m next", n);
    canvas_textn(out, r.x + 1, r.y, r.w - 1, ST_PLAIN, text, strlen(text));
}

struct arms_scale {
    double lo, hi;
    int label;
};

static void widen(struct arms_scale *s, double v)
{
    if (!isfinite(v))
        return;
    s->lo = v < s->lo ? v : s->lo;
    s->hi = v > s->hi ? v : s->hi;
}

/* All means, and the intervals of the best few: an arm that was pulled once or diverged may be uncertain over
 * many times the range in which the decision falls, and is clipped instead. */
static struct arms_scale scale_of(const struct console *c, const struct span *rows, int n)
{
    struct arms_scale s = {INFINITY, -INFINITY, 3};
    for (int i = 0; i < n; i++) {
        char label[ROW_TEXT];
        widen(&s, cmap_double(rows[i], "mean", NAN));
        for (int k = 0; k < CONSOLE_BEST_ARMS; k++) {
            if (c->arm_best[k] < 0 || c->arm_best[k] != cmap_int(rows[i], "arm", -1))
                continue;
            widen(&s, cmap_double(rows[i], "low", NAN));
            widen(&s, cmap_double(rows[i], "high", NAN));
        }
        row_text(label, cmap_str(rows[i], "label"), 30);
        int w = canvas_columns(label, strlen(label));
        s.label = w > s.label ? w : s.label;
    }
    if (s.hi >= s.lo) {
        struct axis a = axis_snap(s.lo, s.hi, false);
        s.lo = a.lo;
        s.hi = a.hi;
    }
    return s;
}

struct arm_columns {
    int label_w, pulls, mean, bar, bar_w, p, p_bar, p_bar_w;
};

static struct arm_columns arm_columns(int w, int label)
{
    struct arm_columns k = {.label_w = label};
    if (k.label_w > w / 3)
        k.label_w = w / 3 > 6 ? w / 3 : 6;
    int x = 3 + k.label_w + 1;
    k.pulls = x;
    x += 7;
    k.mean = x;
    x += w >= 50 ? 13 : 8;
    int tail = w >= 60 ? 6 + w / 10 : 6;
    k.bar = x;
    k.bar_w = w >= 70 ? w - x - tail - 2 : w >= 56 ? 12 : 0;
    if (k.bar_w < 0)
        k.bar_w = 0;
    x += k.bar_w ? k.bar_w + 2 : 0;
    k.p = x;
    k.p_bar = x + 5;
    k.p_bar_w = w - k.p_bar - 1 > 0 ? w - k.p_bar - 1 : 0;
    return k;
}

/* i: where it is listed; letter: its place in the tuner's order, which its colour in the other panes follows. */
/* What the bandit would have done without anybody's steering: a mark on the bar of what it will do. */
static void put_free(struct canvas *out, int x, int y, int w, double p)
{
    if (isfinite(p) && w > 0)
        canvas_put(out, x + (int)(fmin(fmax(p, 0), 1) * (w - 1) + .5), y, ST_BOLD, out->ascii ? '|' : 0x2503);
}

static void draw_arm(const struct console *c, struct canvas *out, struct rect r, int y, int i, int letter,
                     struct span row, const struct arm_columns *k, const struct arms_scale *s)
{
    static const enum theme_role roles[8] = {ST_CURVE_A, ST_CURVE_B, ST_CURVE_C, ST_CURVE_D,
                                             ST_CURVE_E, ST_CURVE_F, ST_CURVE_G, ST_CURVE_H};
    char text[ROW_TEXT], mean[AXIS_LABEL] = "\u2014";
    bool banned = cmap_bool(row, "banned", false), pinned = cmap_bool(row, "pinned", false);
    double boost = cmap_double(row, "boost", 1), low = cmap_double(row, "low", NAN),
           high = cmap_double(row, "high", NAN);
    double mid = cmap_double(row, "mean", NAN), p = cmap_double(row, "p_best", NAN);
    bool sel = i == c->arm;
    style st = banned ? ST_DIM : ST_PLAIN;
    canvas_put(out, r.x, y, ST_STRONG, sel ? '>' : ' ');
    canvas_put(out, r.x + 1, y,
               banned   ? ST_FAILED
               : pinned ? ST_BEST
                        : ST_MARK,
               banned                          ? 0x2717
               : pinned                        ? 0x25c6
               : isfinite(boost) && boost != 1 ? (boost > 1 ? 0x2191 : 0x2193)
                                               : ' ');
    canvas_put(out, r.x + 2, y, (style)(roles[letter % 8] | (banned ? ST_FADED : 0)),
               (uint32_t)(letter < 26 ? 'A' + letter : '.'));
    row_text(text, cmap_str(row, "label"), k->label_w);
    canvas_textn(out, r.x + 4, y, k->label_w, st, text, strlen(text));
    row_count(text, (double)cmap_int(row, "pulls", 0));
    canvas_right(out, r.x + k->pulls, y, 6, st, text);
    if (isfinite(mid))
        axis_label(mean, mid);
    if (isfinite(low) && isfinite(high) && k->bar - k->mean >= 13) {
        char half[AXIS_LABEL];
        axis_label(half, (high - low) / 2);
        row_format(text, sizeof text, "%s \u00b1%s", mean, half);
    } else {
        row_format(text, sizeof text, "%s", mean);
    }
    canvas_textn(out, r.x + k->mean + 1, y, k->bar - k->mean - 1, st, text, strlen(text));
    if (k->bar_w)
        interval_draw(out, r.x + k->bar, y, k->bar_w, (style)(banned ? ST_DIM : ST_SPARK), s->lo, s->hi, low,
                      mid, high);
    if (isnan(p))
        p = cmap_double(row, "p_next", NAN);
    if (isfinite(p)) {
        row_format(text, sizeof text, "%.0f%%", p * 100);
        canvas_right(out, r.x + k->p, y, 4, st, text);
        bar_draw(out, r.x + k->p_bar, y, k->p_bar_w, ST_SPARK, p, false);
        put_free(out, r.x + k->p_bar, y, k->p_bar_w, cmap_double(row, "p_free", NAN));
    }
    if (sel) {
        canvas_flag(out, (struct rect){r.x, y, r.w, 1}, ST_REVERSE);
        out->cursor_x = r.x;
        out->cursor_y = y;
    }
    canvas_hit(out, (struct rect){r.x, y, r.w, 1}, ACT_ROW, cmap_int(row, "arm", -1));
}

static bool has_p_best(const struct span *rows, int n)
{
    for (int i = 0; i < n; i++)
        if (isfinite(cmap_double(rows[i], "p_best", NAN)))
            return true;
    return false;
}

static void draw_arms(const struct console *c, struct canvas *out, struct rect r)
{
    struct span rows[CONSOLE_ARMS];
    int place[CONSOLE_ARMS], n = arm_rows_sorted(c, rows, place);
    if (n == 0) {
        const char *error = sub_error(&c->subs, SUB_ARMS);
        panel_note(out, r, error ? ST_ERROR : ST_DIM,
                   error                               ? error
                   : c->own.list_filter[SCREEN_ARMS][0] ? "no arm passes the filter; \\ clears it"
                                                       : panel_empty(c, SUB_ARMS, "no arms: this tuner is not a bandit"));
        return;
    }
    struct rect old = canvas_clip(out, r);
    struct arms_scale s = scale_of(c, rows, n);
    struct arm_columns k = arm_columns(r.w, s.label);
    char lo[AXIS_LABEL] = "", hi[AXIS_LABEL] = "";
    canvas_text(out, r.x + 2, r.y, ST_DIM, "arm");
    canvas_right(out, r.x + k.pulls, r.y, 6, ST_DIM, "pulls");
    canvas_text(out, r.x + k.mean + 1, r.y, ST_DIM, k.bar - k.mean >= 13 ? "mean \u00b1" : "mean");
    if (k.bar_w && s.hi > s.lo) {
        axis_label(lo, s.lo);
        axis_label(hi, s.hi);
        canvas_text(out, r.x + k.bar, r.y, ST_DIM, lo);
        canvas_right(out, r.x + k.bar, r.y, k.bar_w, ST_DIM, hi);
        if (k.bar_w >= 24)
            canvas_text(out, r.x + k.bar + k.bar_w / 2 - 4, r.y, ST_DIM, "posterior");
    }
    canvas_text(out, r.x + k.p, r.y, ST_DIM, has_p_best(rows, n) ? "p(best)" : "p(next)");
    int skip = c->arm >= r.h - 1 ? c->arm - (r.h - 2) : 0;
    for (int i = skip; i < n && i - skip < r.h - 1; i++)
        draw_arm(c, out, r, r.y + 1 + i - skip, i, place[i], rows[i], &k, &s);
    canvas_clip(out, old);
}

static void draw(const struct console *c, struct canvas *out, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    int focus = c->pane[SCREEN_ARMS];
    draw_line(c, out, p.line);
    if (p.arms.h > 0)
        draw_arms(c, out, p.arms);
    if (p.pulls.h > 2) {
        struct rect rule = rect_top(&p.pulls, 1);
        panel_rule(out, rule, "share of pulls over time", NULL, focus == PANE_PULLS);
        panel_pulls_draw(c, out, p.pulls);
    }
    if (p.rungs.h > 1) {
        struct rect rule = rect_top(&p.rungs, 1);
        panel_rule(out, rule, "rungs", NULL, focus == PANE_RUNGS);
        panel_rungs_draw(c, out, p.rungs);
    }
}

static void step(struct console *c, int by)
{
    int n = count_arms(c);
    c->arm = c->arm + by < 0 ? 0 : c->arm + by >= n ? (n ? n - 1 : 0) : c->arm + by;
    c->arm_id = -1; /* follow() takes the id of the row that is there now */
    follow(c);
}

static void next_bandit(struct console *c)
{
    struct codec_reader r;
    int n = arm_bandits(c, &r), at = -1;
    struct span list[64];
    n = n > 64 ? 64 : n;
    for (int i = 0; i < n; i++) {
        list[i] = cr_value(&r);
        if (list[i].p && span_eq(cmap_str(list[i], "bandit"), c->bandit))
            at = i;
    }
    if (n < 2) {
        console_toast(c, ST_DIM, "this sweep has no other bandit");
        return;
    }
    cmap_strcpy(list[(at < 0 ? 1 : at + 1) % n], "bandit", c->bandit, sizeof c->bandit);
    c->arm_id = -1;
    c->arm = 0;
    c->n_arm_order = -1; /* another bandit's arms: in their own order */
}

static bool act(struct console *c, enum action a, int64_t arg)
{
    switch (a) {
    case ACT_UP:
        step(c, -1);
        return true;
    case ACT_DOWN:
        step(c, 1);
        return true;
    case ACT_HOME:
        step(c, -1000000);
        return true;
    case ACT_END:
    case ACT_LAST:
        step(c, 1000000);
        return true;
    case ACT_ROW:
        c->arm_id = arg;
        follow(c);
        return true;
    case ACT_MORE:
    case ACT_LESS: {
        char line[PROMPT_CAP];
        if (c->arm_id < 0) {
            console_toast(c, ST_WARN, "no arm is selected");
            return true;
        }
        action_expand(c, a == ACT_MORE ? "boost %a 2" : "boost %a 0.5", line, sizeof line);
        action_submit(c, line);
        return true;
    }
    case ACT_SORT_LEFT:
    case ACT_SORT_RIGHT:
        arm_sort_step(c, a == ACT_SORT_LEFT ? -1 : 1);
        follow(c);
        return true;
    case ACT_SHOWN:
        next_bandit(c);
        return true;
    case ACT_FILTER:
        console_prompt(c, PROMPT_FILTER, c->own.list_filter[SCREEN_ARMS]);
        return true;
    case ACT_FILTER_CLEAR:
        c->own.list_filter[SCREEN_ARMS][0] = '\0';
        return true;
    case ACT_CANCEL:
        if (c->own.list_filter[SCREEN_ARMS][0]) {
            c->own.list_filter[SCREEN_ARMS][0] = '\0';
            return true;
        }
        if (!c->zoom[SCREEN_ARMS])
            return false;
        c->zoom[SCREEN_ARMS] = false;
        return true;
    default:
        return false;
    }
}

const struct screen screen_arms = {
    .key = '4',
    .name = "Arms",
    .brief = "Arms",
    .panes = panes,
    .want = want,
    .follow = follow,
    .draw = draw,
    .act = act,
};
