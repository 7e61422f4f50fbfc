/* screen_trial: one trial: its values with an editor for the live ones, its curve, its machine, its log. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tui/panel.h"
#include "tui/screen.h"

enum pane { PANE_VALUES, PANE_CURVE, PANE_FACTS, PANE_METRICS, PANE_LOG };
static const char *const panes[] = {"Hyperparameters", "Curve", "Run", "Metrics", "Log", NULL};

struct places {
    struct rect line, values, curve, facts, metrics, log; /* frames */
};

static struct places place(const struct console *c, struct rect body, enum layout_size size)
{
    struct places p = {0};
    struct rect *const at[] = {&p.values, &p.curve, &p.facts, &p.metrics, &p.log};
    p.line = rect_top(&body, 1);
    if (c->zoom[SCREEN_TRIAL] || size < LAYOUT_NORMAL) {
        *at[c->pane[SCREEN_TRIAL]] = body;
        return p;
    }
    const int *by = c->own.split[SCREEN_TRIAL];
    int n_params = c->sum.n_params + 5, top = n_params < 9 ? 9 : n_params;
    if (top < body.h / 3)
        top = body.h / 3;
    if (top > body.h * 9 / 20)
        top = body.h * 9 / 20;
    top -= by[1];
    top = top > body.h - 10 ? body.h - 10 : top;
    if (top < 6)
        top = 6;
    struct rect high = rect_top(&body, top), mid = rect_top(&body, size == LAYOUT_WIDE ? 9 : 5);
    int left = (size == LAYOUT_WIDE ? body.w * 9 / 20 : body.w / 2) - by[0];
    left = left > body.w - 20 ? body.w - 20 : left < 20 ? 20 : left;
    p.values = rect_left(&high, left);
    p.curve = high;
    p.facts = rect_left(&mid, left);
    p.metrics = mid;
    p.log = body;
    return p;
}

static bool shown(struct rect r)
{
    return r.w > 2 && r.h > 2;
}

static void want(struct console *c, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    table_want(&c->table, &c->subs, &c->sum, 20, c->mono);
    panel_facts_want(c);
    if (shown(p.facts))
        panel_host_want(c);
    if (shown(p.curve))
        panel_curve_want(c, rect_inset(p.curve, 1, 1));
    struct codec_writer w = sub_want(&c->subs, SUB_METRICS, "metrics", 1);
    cw_kint(&w, "trial", c->table.sel);
    sub_commit(&c->subs, SUB_METRICS, 0, 2);
    if (shown(p.log))
        panel_log_want(c, rect_inset(p.log, 1, 1));
}

/* ---- live parameters ---- */

struct live {
    char name[64]; /* raw, for the command */
    struct span value, pending, type, low, high, choices, state;
    bool log, live;
};

static bool live_at(const struct console *c, int i, struct live *out)
{
    struct span row = sub_row(&c->subs, SUB_TRIAL, 0),
                list = row.p ? cmap_value(row, "live") : (struct span){NULL, 0};
    struct codec_reader r;
    if (!list.p)
        return false;
    cr_init(&r, list.p, list.n);
    if (cr_peek(&r) != CT_ARRAY)
        return false;
    int n = (int)cr_array(&r);
    if (i < 0 || i >= n)
        return false;
    struct span v = {NULL, 0};
    for (int k = 0; k <= i; k++)
        v = cr_value(&r);
    if (!v.p)
        return false;
    *out = (struct live){.value = cmap_value(v, "value"),
                         .pending = cmap_value(v, "pending"),
                         .type = cmap_str(v, "type"),
                         .low = cmap_value(v, "low"),
                         .high = cmap_value(v, "high"),
                         .choices = cmap_value(v, "choices"),
                         .state = cmap_str(v, "state"),
                         .log = cmap_bool(v, "log", false),
                         .live = cmap_bool(v, "live", true)};
    return cmap_strcpy(v, "name", out->name, sizeof out->name);
}

static int live_count(const struct console *c)
{
    struct live l;
    int n = 0;
    while (n < 64 && live_at(c, n, &l))
        n++;
    return n;
}

static bool is_live(const struct console *c, struct span name)
{
    struct live l;
    for (int i = 0; live_at(c, i, &l); i++)
        if (span_eq(name, l.name))
            return true;
    return false;
}

static double number(struct span raw)
{
    struct codec_reader r;
    if (!raw.p)
        return NAN;
    cr_init(&r, raw.p, raw.n);
    enum codec_type t = cr_peek(&r);
    return t == CT_DOUBLE || t == CT_INT || t == CT_UINT ? cr_double(&r) : NAN;
}

static void range_text(const struct live *l, char *out, size_t cap)
{
    char lo[ROW_TEXT], hi[ROW_TEXT];
    row_value(lo, l->low, 10);
    row_value(hi, l->high, 10);
    if (lo[0] && hi[0])
        row_format(out, cap, "%s\u2026%s%s", lo, hi, l->log ? " log" : "");
    else
        out[0] = '\0';
}

/* What another trial has where this one differs: "best 3e-4"; "" the same, or there is no other. */
static void other_value(const struct console *c, const char *key, const char *lead, struct span name, char *out, size_t cap)
{
    struct span row = sub_row(&c->subs, SUB_TRIAL, 0), list = row.p ? cmap_value(row, key) : row;
    struct codec_reader r;
    out[0] = '\0';
    if (!list.p)
        return;
    cr_init(&r, list.p, list.n);
    for (size_t n = cr_peek(&r) == CT_ARRAY ? cr_array(&r) : 0; n > 0 && cr_ok(&r); n--) {
        char value[ROW_TEXT];
        if (cr_array(&r) != 3)
            return;
        struct span at = cr_str(&r);
        cr_skip(&r);
        struct span theirs = cr_value(&r);
        if (!at.p || at.n != name.n || memcmp(at.p, name.p, name.n) != 0)
            continue;
        row_value(value, theirs, 9);
        row_format(out, cap, "%s %s", lead, value[0] ? value : "\u2014");
        return;
    }
}

/* Both differences beside a value, as far as there is room: what it was made from first. */
static void draw_differences(const struct console *c, struct canvas *out, struct rect r, int y, int x, int end,
                             struct span name)
{
    char best[64], parent[64], lead[32];
    struct span row = sub_row(&c->subs, SUB_TRIAL, 0);
    row_format(lead, sizeof lead, "t%lld", row.p ? (long long)cmap_int(row, "parent", -1) : -1);
    other_value(c, "diff_parent", lead, name, parent, sizeof parent);
    other_value(c, "diff", "best", name, best, sizeof best);
    const char *const texts[2] = {parent, best};
    for (int i = 0; i < 2; i++) {
        int n = canvas_columns(texts[i], strlen(texts[i]));
        if (n && x + n <= end)
            x += canvas_text(out, r.x + x, r.y + y, ST_DIM, texts[i]) + 2;
    }
}

static int value_row(const struct console *c, struct canvas *out, struct rect r, int y, int i,
                     const struct live *l)
{
    char name[ROW_TEXT], value[ROW_TEXT], pending[ROW_TEXT], range[64], state[ROW_TEXT];
    bool sel = c->edit.row == i;
    int x_value = 14, x_new = 24, x_state = r.w >= 60 ? 40 : x_new;
    row_text(name, (struct span){l->name, strlen(l->name)}, 12);
    row_value(value, l->value, 9);
    row_value(pending, l->pending, 9);
    row_text(state, l->state, 12);
    range_text(l, range, sizeof range);
    canvas_put(out, r.x, r.y + y, ST_STRONG, sel ? '>' : ' ');
    canvas_text(out, r.x + 1, r.y + y, ST_PLAIN, name);
    canvas_text(out, r.x + x_value, r.y + y, ST_STRONG, value);
    if (sel && c->prompt.kind == PROMPT_VALUE) {
        char field[PROMPT_CAP + 4];
        row_format(field, sizeof field, "[%.40s]", c->prompt.text);
        canvas_textn(out, r.x + x_new, r.y + y, r.w - x_new - 5, ST_MARK, field, strlen(field));
    } else if (pending[0]) {
        char line[2 * ROW_TEXT + 8];
        row_format(line, sizeof line, "\u2192 %s %s", pending, state);
        canvas_textn(out, r.x + x_new, r.y + y, r.w - x_new, ST_MARK, line, strlen(line));
    } else {
        int wide = (int)strlen(range);
        bool ranged = r.w >= 60 || wide + x_state + 5 < r.w;
        int from = r.w < 60 && ranged && wide ? x_state + wide + 2 : x_new;
        if (ranged)
            canvas_textn(out, r.x + x_state, r.y + y, r.w - x_state - 5, ST_DIM, range, strlen(range));
        draw_differences(c, out, r, y, from, r.w >= 60 ? x_state - 1 : r.w - 5, (struct span){l->name, strlen(l->name)});
    }
    bool room = r.w >= 60 || (!pending[0] && r.w >= 30);
    if (room || (sel && c->prompt.kind == PROMPT_VALUE))
        canvas_right(out, r.x, r.y + y, r.w, ST_LIVE, "live");
    if (sel) {
        out->cursor_x = r.x;
        out->cursor_y = r.y + y;
    }
    return y + 1;
}

/* The step from the present value to the typed one: percent, and a word when it is out of range. */
static void change_text(const struct live *l, const char *typed, char *out, size_t cap, bool *bad)
{
    double from = number(l->value), to, lo = number(l->low), hi = number(l->high);
    *bad = false;
    out[0] = '\0';
    if (!typed[0])
        return;
    if (isnan(from)) {
        row_format(out, cap, "at the next safe point");
        return;
    }
    if (!text_double(typed, &to) || !isfinite(to)) {
        row_format(out, cap, "not a number");
        *bad = true;
    } else if (to < lo || to > hi) {
        range_text(l, out, cap);
        size_t n = strlen(out);
        row_format(out + n, cap - n, ": out of range");
        *bad = true;
    } else if (from != 0) {
        row_format(out, cap, "%+.1f%%, at the next safe point", (to / from - 1) * 100);
    }
}

static void draw_values(const struct console *c, struct canvas *out, struct rect r)
{
    struct rect old = canvas_clip(out, r);
    struct trial_row t = table_selected(&c->table);
    struct live l;
    int y = 0, n = live_count(c);
    for (int i = 0; i < n && live_at(c, i, &l); i++)
        y = value_row(c, out, r, y, i, &l);
    for (int i = 0; i < c->sum.n_params; i++) {
        char name[ROW_TEXT], raw[ROW_TEXT], value[ROW_TEXT];
        if (is_live(c, c->sum.params[i]))
            continue;
        row_text(name, c->sum.params[i], 12);
        span_copy(raw, sizeof raw, c->sum.params[i]);
        row_param(value, t.params, raw, 20);
        canvas_text(out, r.x + 1, r.y + y, ST_DIM, name);
        int x = 14 + canvas_text(out, r.x + 14, r.y + y, ST_PLAIN, value) + 1;
        draw_differences(c, out, r, y, x < 24 ? 24 : x, r.w - 6, c->sum.params[i]);
        if (r.w >= 30)
            canvas_right(out, r.x, r.y + y, r.w, ST_DIM, "fixed");
        y++;
    }
    if (c->prompt.kind == PROMPT_VALUE && live_at(c, c->edit.row, &l)) {
        char change[120];
        bool bad;
        change_text(&l, c->prompt.text, change, sizeof change, &bad);
        canvas_text(out, r.x + 1, r.y + y++, bad ? ST_ERROR : ST_MARK, change);
        canvas_text(out, r.x + 1, r.y + y, ST_DIM,
                    "Enter sends \u00b7 Esc discards \u00b7 \u2191\u2193 \u00d71.1");
    } else {
        struct rect rest = {r.x + 1, r.y + y, r.w - 1, r.h - y};
        if (n == 0 && rest.h > 0) {
            const char *why = panel_empty(c, SUB_TRIAL,
                                          t.state->over ? "over: nothing can be changed"
                                                        : "the code declared no live value");
            canvas_text(out, rest.x, rest.y++, ST_DIM, why);
        }
        /* the trial's last interventions */
        int at = rest.y;
        for (int i = sub_rows(&c->subs, SUB_IVS); i-- > 0 && at < r.y + r.h;) {
            struct span iv = sub_row(&c->subs, SUB_IVS, i);
            char change[160], line[400], who[ROW_TEXT], state[ROW_TEXT], verb[ROW_TEXT];
            if (!iv.p || !panel_concerns(iv, c->table.sel))
                continue;
            panel_change(iv, change, sizeof change);
            row_text(who, cmap_str(iv, "who"), 10);
            row_text(state, cmap_str(iv, "state"), 10);
            row_text(verb, cmap_str(iv, "verb"), 10);
            int64_t step = cmap_int(iv, "applied_step", -1);
            int k = row_format(line, sizeof line, "%s %s %s", who, change[0] ? change : verb, state);
            if (step >= 0 && k > 0)
                row_format(line + k, sizeof line - (size_t)k, " @%lld", (long long)step);
            canvas_put(out, rest.x, at, ST_MARK, panel_mark_glyph(cmap_int(iv, "id", 0)));
            canvas_textn(out, rest.x + 2, at, rest.w - 2, ST_PLAIN, line, strlen(line));
            at++;
        }
    }
    canvas_clip(out, old);
}

/* ---- the screen ---- */

static void draw(const struct console *c, struct canvas *out, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    char left[120], right[120];
    int focus = c->zoom[SCREEN_TRIAL] || size < LAYOUT_NORMAL ? c->pane[SCREEN_TRIAL] : -1;
    if (sub_error(&c->subs, SUB_TRIAL)) { /* the table may still know it, from another moment */
        row_format(left, sizeof left, "there is no trial t%lld%s", (long long)c->table.sel,
                   c->time.past ? " at this moment" : "");
        panel_note(out, body, ST_DIM, left);
        return;
    }
    panel_trial_line(c, out, p.line);
    if (shown(p.values))
        draw_values(c, out, panel_box(out, p.values, panes[PANE_VALUES], "e edit", focus == PANE_VALUES));
    if (shown(p.curve)) {
        panel_curve_title(c, left, sizeof left, right, sizeof right);
        const char *space = strchr(left, ' ');
        panel_curve_draw(c, out,
                         panel_box(out, p.curve, space ? space + 1 : left, right, focus == PANE_CURVE));
    }
    if (shown(p.facts))
        panel_facts_draw(
            c, out, rect_inset(panel_box(out, p.facts, panes[PANE_FACTS], NULL, focus == PANE_FACTS), 1, 0));
    if (shown(p.metrics))
        panel_metrics_draw(
            c, out,
            panel_box(out, p.metrics, panes[PANE_METRICS], "m cycles the curve", focus == PANE_METRICS));
    if (shown(p.log)) {
        bool full = c->zoom[SCREEN_TRIAL] && c->pane[SCREEN_TRIAL] == PANE_LOG;
        char found[80];
        struct span head = sub_head(&c->subs, SUB_TEXT);
        row_format(found, sizeof found, "%lld with /%.30s \u00b7 n N \u00b7 Esc",
                   head.p ? (long long)cmap_int(head, "hits", 0) : 0, c->own.search);
        const char *hint = c->own.search[0] ? found : c->log_back > 0 ? "scrolled back \u00b7 End newest" : full ? "L back" : "L full";
        panel_log_draw(c, out,
                       rect_inset(panel_box(out, p.log, "Log (tail)", hint, focus == PANE_LOG), 1, 0));
    }
}

static void edit(struct console *c)
{
    struct live l;
    const char *why = console_refusal(c, KG_TRIAL_STEER);
    int n = live_count(c);
    if (why) {
        console_toast(c, ST_WARN, "%s", why);
    } else if (n == 0) {
        console_toast(c, ST_WARN,
                      sub_any(&c->subs, SUB_TRIAL) ? "t%lld has no live value to edit"
                                                   : "t%lld is still loading",
                      (long long)c->table.sel);
    } else {
        if (c->edit.row >= n)
            c->edit.row = 0;
        live_at(c, c->edit.row, &l);
        row_format(c->edit.param, sizeof c->edit.param, "%s", l.name);
        console_prompt(c, PROMPT_VALUE, "");
    }
}

/* Up and Down in the editor: a tenth more or less. */
static void nudge(struct console *c, int dir)
{
    struct live l;
    double v;
    char text[TEXT_NUM];
    if (!live_at(c, c->edit.row, &l))
        return;
    if (!text_double(c->prompt.text, &v))
        v = number(l.value);
    if (!isfinite(v))
        return;
    v = dir > 0 ? v * 1.1 : v / 1.1;
    double lo = number(l.low), hi = number(l.high);
    v = v < lo ? lo : v > hi ? hi : v;
    if (span_eq(l.type, "int"))
        row_format(text, sizeof text, "%.0f", v);
    else
        text_fmt_short(text, v, 3);
    prompt_set(&c->prompt, text);
}

/* Enter: the value is checked here first, the hub and the agent check again. */
static void send_value(struct console *c)
{
    struct live l;
    char change[120], line[2 * PROMPT_CAP];
    bool bad;
    if (!c->prompt.text[0] || !live_at(c, c->edit.row, &l)) {
        prompt_close(&c->prompt);
        return;
    }
    change_text(&l, c->prompt.text, change, sizeof change, &bad);
    if (bad) {
        row_format(c->prompt.error, sizeof c->prompt.error, "%s", change);
        return;
    }
    bool quote = strpbrk(c->prompt.text, " ;'\"\\") != NULL;
    row_format(line, sizeof line, quote ? "set %s=\"%s\" t%lld" : "set %s=%s t%lld", l.name, c->prompt.text,
               (long long)c->table.sel);
    if (action_submit(c, line))
        prompt_close(&c->prompt);
}

static bool act(struct console *c, enum action a, int64_t arg)
{
    bool log = c->pane[SCREEN_TRIAL] == PANE_LOG && c->zoom[SCREEN_TRIAL];
    int n = live_count(c);
    switch (a) {
    case ACT_EDIT:
    case ACT_OPEN:
        if (c->prompt.kind == PROMPT_VALUE)
            send_value(c);
        else
            edit(c);
        return true;
    case ACT_MORE: /* from the value field: Up and Down */
    case ACT_LESS:
        nudge(c, a == ACT_MORE ? 1 : -1);
        return true;
    case ACT_UP:
    case ACT_PAGE_UP:
        if (log) {
            struct span first = sub_row(&c->subs, SUB_TEXT, 0);
            int64_t at = first.p ? cmap_int(first, "index", 0) : 0, rows = sub_rows(&c->subs, SUB_TEXT);
            int64_t step = a == ACT_UP ? 1 : c->rows / 2;
            if (at > 0)
                c->log_back = at + rows - step > 1 ? at + rows - step : 1;
        } else if (c->edit.row > 0) {
            c->edit.row--;
        }
        return true;
    case ACT_DOWN:
    case ACT_PAGE_DOWN:
        if (log && c->log_back > 0)
            c->log_back += a == ACT_DOWN ? 1 : c->rows / 2;
        else if (!log && c->edit.row + 1 < n)
            c->edit.row++;
        return true;
    case ACT_END:
    case ACT_LAST:
        c->log_back = 0;
        return true;
    case ACT_LOG:
        c->zoom[SCREEN_TRIAL] = !log;
        c->pane[SCREEN_TRIAL] = log ? PANE_VALUES : PANE_LOG;
        c->log_back = 0;
        return true;
    case ACT_NEXT_TRIAL:
    case ACT_PREV_TRIAL:
        table_move(&c->table, a == ACT_NEXT_TRIAL ? 1 : -1, sub_total(&c->subs, SUB_TRIALS));
        c->log_back = 0;
        c->edit.row = 0;
        return true;
    case ACT_FILTER:
        console_prompt(c, PROMPT_SEARCH, "");
        return true;
    case ACT_FILTER_CLEAR:
        panel_log_search(c, "");
        return true;
    case ACT_FIND_NEXT:
    case ACT_FIND_PREV:
        panel_log_find(c, a == ACT_FIND_NEXT ? -1 : 1);
        return true;
    case ACT_CANCEL:
        if (c->own.search[0])
            panel_log_search(c, "");
        else if (c->zoom[SCREEN_TRIAL])
            c->zoom[SCREEN_TRIAL] = false;
        else
            console_show(c, SCREEN_OVER);
        return true;
    default:
        return screen_curve_act(c, a);
    }
}

static void follow(struct console *c)
{
    panel_curve_follow(c);
    panel_log_follow(c);
}

const struct screen screen_trial = {
    .key = '5',
    .name = "Trial",
    .brief = "Trial",
    .panes = panes,
    .want = want,
    .follow = follow,
    .draw = draw,
    .act = act,
};
