/* screen_overview: the sweep at a glance: table with sparklines, the selected trial's curve, best so far, its
 * facts and log. */
#include <stdio.h>
#include <string.h>

#include "tui/panel.h"
#include "tui/screen.h"

enum pane { PANE_TABLE, PANE_CURVE, PANE_BEST, PANE_FACTS, PANE_LOG };
static const char *const panes[] = {"Trials", "Curve", "Best so far", "Trial", "Log", NULL};

struct places {
    struct rect table, curve, best, facts, log; /* insides; an empty one is not shown */
    struct rect curve_frame, facts_frame, log_frame, table_frame;
    int rule_x, rule_y; /* of the crossing in the shared-rule layout; -1 none */
};

static struct places zoomed(struct rect body, int pane)
{
    struct places p = {.rule_x = -1, .rule_y = -1};
    struct rect *const at[] = {&p.table, &p.curve, &p.best, &p.facts, &p.log};
    rect_top(&body, 1);
    *at[pane] = body;
    return p;
}

/* A size that the person may have changed, within what leaves room for both sides. */
static int sized(int size, int by, int least, int most)
{
    size += by;
    return size > most ? most : size < least ? least : size;
}

static struct places place_normal(const struct own *own, struct rect body)
{
    struct places p = {.rule_x = -1, .rule_y = -1};
    struct rect r = body;
    int right = r.w >= 70 ? sized(r.w * 3 / 8, own->split[SCREEN_OVER][0], 16, r.w - 36) : 0;
    int low = r.h >= 15 ? sized(7, own->split[SCREEN_OVER][1], 3, r.h - 6) : 0;
    if (low) {
        struct rect b = rect_bottom(&r, low);
        p.rule_y = b.y;
        rect_top(&b, 1);
        if (right) {
            p.facts = rect_right(&b, right);
            rect_right(&b, 1);
        }
        p.best = b;
    }
    if (right) {
        struct rect side = rect_right(&r, right);
        p.rule_x = side.x - 1;
        rect_right(&r, 1);
        p.curve_frame = rect_top(&side, 1);
        p.curve = side;
    }
    p.table = r;
    return p;
}

static struct places place_wide(const struct own *own, struct rect body)
{
    struct places p = {.rule_x = -1, .rule_y = -1};
    struct rect r = body;
    struct rect side = rect_right(&r, sized(r.w * 2 / 5, own->split[SCREEN_OVER][0], 24, r.w - 40));
    int third = side.h * 2 / 5;
    p.curve_frame = rect_top(&side, third > 10 ? third : 10);
    p.facts_frame = rect_top(&side, 9);
    p.log_frame = side;
    p.table_frame = r;
    struct rect in = rect_inset(r, 1, 1);
    p.best = rect_bottom(&in, sized(in.h >= 24 ? 9 : 7, own->split[SCREEN_OVER][1], 4, in.h - 6));
    p.rule_y = p.best.y;
    rect_top(&p.best, 1);
    p.table = in;
    p.curve = rect_inset(p.curve_frame, 1, 1);
    p.facts = rect_inset(p.facts_frame, 1, 1);
    p.log = rect_inset(p.log_frame, 1, 1);
    return p;
}

static struct places place(const struct console *c, struct rect body, enum layout_size size)
{
    if (c->zoom[SCREEN_OVER])
        return zoomed(body, c->pane[SCREEN_OVER]);
    if (size == LAYOUT_WIDE)
        return place_wide(&c->own, body);
    if (size == LAYOUT_NORMAL)
        return place_normal(&c->own, body);
    return (struct places){.table = body, .rule_x = -1, .rule_y = -1};
}

static bool shown(struct rect r)
{
    return r.w > 0 && r.h > 0;
}

static void want(struct console *c, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    table_want(&c->table, &c->subs, &c->sum, shown(p.table) ? p.table.h - (size >= LAYOUT_NORMAL) : 10,
               c->mono);
    if (shown(p.curve)) {
        panel_curve_want(c, p.curve);
        struct codec_writer w = sub_want(&c->subs, SUB_METRICS, "metrics", 1);
        cw_kint(&w, "trial", c->table.sel);
        sub_commit(&c->subs, SUB_METRICS, 0, 1);
    }
    if (shown(p.best))
        panel_best_want(c, p.best);
    if (shown(p.facts))
        panel_facts_want(c);
    if (shown(p.log))
        panel_log_want(c, p.log);
}

static void follow(struct console *c)
{
    panel_curve_follow(c);
    panel_best_follow(c);
}

static void title_of_table(const struct console *c, char *out, size_t cap)
{
    struct span head = sub_head(&c->subs, SUB_TRIALS); /* grouped, the rows are more than the trials */
    long long total = head.p ? (long long)cmap_int(head, "shown", sub_total(&c->subs, SUB_TRIALS)) : 0;
    long long held = c->table.n_rows;
    bool loading = !sub_loaded(&c->subs, SUB_TRIALS) && held == 0;
    if (loading)
        row_format(out, cap, "Trials, loading");
    else
        row_format(out, cap, "Trials %lld/%lld%s", total, (long long)c->sum.trials,
                   c->table.frozen ? " (order frozen)" : "");
}

static void draw_table(const struct console *c, struct canvas *out, struct rect r, enum layout_size size)
{
    if (size >= LAYOUT_NORMAL)
        table_draw(&c->table, &c->subs, &c->sum, out, r);
    else
        table_draw_small(&c->table, &c->subs, &c->sum, out, r);
}

static void draw_normal(const struct console *c, struct canvas *out, const struct places *p, struct rect body)
{
    char left[120], right[80];
    int focus = c->pane[SCREEN_OVER];
    panel_curve_title(c, left, sizeof left, right, sizeof right);
    if (p->rule_y >= 0) {
        int w = p->rule_x >= 0 ? p->rule_x - body.x : body.w;
        panel_rule(out, (struct rect){body.x, p->rule_y, w, 1}, "best so far", NULL, focus == PANE_BEST);
        if (p->rule_x >= 0) {
            row_format(right, sizeof right, "t%lld", (long long)c->table.sel);
            panel_rule(out, (struct rect){p->rule_x + 1, p->rule_y, body.x + body.w - p->rule_x - 1, 1},
                       c->table.sel >= 0 ? right : "no trial", NULL, focus == PANE_FACTS);
        }
    }
    if (p->rule_x >= 0) {
        for (int y = body.y; y < body.y + body.h; y++)
            canvas_put(out, p->rule_x, y, ST_BORDER, y == p->rule_y ? 0x253c : 0x2502);
        panel_curve_title(c, left, sizeof left, right, sizeof right);
        style st = (style)(ST_TITLE | (focus == PANE_CURVE ? ST_REVERSE : 0));
        canvas_textn(out, p->curve_frame.x + 1, p->curve_frame.y, p->curve_frame.w - 2, st, left,
                     strlen(left));
        if (canvas_columns(left, strlen(left)) + canvas_columns(right, strlen(right)) + 3 < p->curve_frame.w)
            canvas_right(out, p->curve_frame.x, p->curve_frame.y, p->curve_frame.w - 1, ST_DIM, right);
        canvas_hit(out, p->curve_frame, ACT_LOG_Y, 0);
    }
}

static void draw_wide(const struct console *c, struct canvas *out, const struct places *p)
{
    char left[120], right[120];
    int focus = c->pane[SCREEN_OVER];
    title_of_table(c, left, sizeof left);
    char sort[ROW_TEXT];
    row_text(sort, (struct span){c->table.sort, strlen(c->table.sort)}, 20);
    char group[ROW_TEXT];
    row_text(group, (struct span){c->table.group, strlen(c->table.group)}, 20);
    row_format(right, sizeof right, "%s%s%ssort %s%s", group[0] ? "by " : "", group, group[0] ? "  " : "",
               strcmp(sort, "value") == 0 ? c->sum.metric : sort, c->table.reverse ? " \u2193" : " \u2191");
    panel_box(out, p->table_frame, left, right, focus == PANE_TABLE && c->zoom[SCREEN_OVER]);
    panel_rule(out, (struct rect){p->best.x, p->rule_y, p->best.w, 1}, "best so far", NULL,
               focus == PANE_BEST);
    panel_curve_title(c, left, sizeof left, right, sizeof right);
    panel_box(out, p->curve_frame, left, right, focus == PANE_CURVE);
    row_format(left, sizeof left, "t%lld", (long long)c->table.sel);
    panel_box(out, p->facts_frame, c->table.sel >= 0 ? left : "no trial", NULL, focus == PANE_FACTS);
    panel_box(out, p->log_frame, "Log (tail)", "L full", focus == PANE_LOG);
}

static void draw(const struct console *c, struct canvas *out, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    if (c->zoom[SCREEN_OVER])
        panel_rule(out, (struct rect){body.x, body.y, body.w, 1}, panes[c->pane[SCREEN_OVER]], "z back",
                   true);
    else if (size == LAYOUT_WIDE)
        draw_wide(c, out, &p);
    else if (size == LAYOUT_NORMAL)
        draw_normal(c, out, &p, body);
    if (shown(p.table))
        draw_table(c, out, p.table, size);
    if (shown(p.curve))
        panel_curve_draw(c, out, p.curve);
    if (shown(p.best))
        panel_best_draw(c, out, p.best, false);
    if (shown(p.facts))
        panel_facts_draw(c, out, rect_inset(p.facts, 1, 0));
    if (shown(p.log))
        panel_log_draw(c, out, p.log);
}

static bool cancel(struct console *c)
{
    struct table *t = &c->table;
    if (t->range_from >= 0)
        t->range_from = -1;
    else if (c->zoom[SCREEN_OVER])
        c->zoom[SCREEN_OVER] = false;
    else if (t->filter[0])
        t->filter[0] = '\0';
    else if (t->n_marks)
        table_clear_marks(t);
    else
        return false;
    return true;
}

static bool act(struct console *c, enum action a, int64_t arg)
{
    if (a == ACT_CANCEL)
        return cancel(c);
    if (a == ACT_OPEN) {
        if (!table_fold(&c->table) && c->table.sel >= 0)
            console_show(c, SCREEN_TRIAL);
        return true;
    }
    return screen_table_act(c, a, arg) || screen_curve_act(c, a);
}

const struct screen screen_overview = {
    .key = '1',
    .name = "Overview",
    .brief = "Over",
    .panes = panes,
    .want = want,
    .follow = follow,
    .draw = draw,
    .act = act,
};
