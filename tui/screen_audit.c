/* screen_audit: every intervention, newest first: who changed what, when, and what came of it. */
#include <stdio.h>
#include <string.h>

#include "tui/panel.h"
#include "tui/row.h"
#include "tui/screen.h"

static int rows_of(const struct console *c)
{
    return sub_rows(&c->subs, SUB_AUDIT);
}

/* Where the selected intervention is, counted from the newest; 0 when none is selected. */
static int selected(const struct console *c)
{
    int n = rows_of(c);
    for (int i = 0; i < n; i++) {
        struct span r = sub_row(&c->subs, SUB_AUDIT, n - 1 - i);
        if (r.p && cmap_int(r, "id", -1) == c->iv)
            return i;
    }
    return 0;
}

static struct span row_at(const struct console *c, int i)
{
    return sub_row(&c->subs, SUB_AUDIT, rows_of(c) - 1 - i);
}

static void want(struct console *c, struct rect body, enum layout_size size)
{
    table_want(&c->table, &c->subs, &c->sum, 20, c->mono);
    struct codec_writer w = sub_want(&c->subs, SUB_AUDIT, "interventions", 1);
    cw_kstr(&w, "filter", c->own.list_filter[SCREEN_AUDIT]);
    sub_commit(&c->subs, SUB_AUDIT, 0, 2);
}

static void draw_row(const struct console *c, struct canvas *out, struct rect r, int y, struct span row,
                     bool sel)
{
    char clock[CLOCK_TEXT] = "", who[ROW_TEXT], verb[ROW_TEXT], target[ROW_TEXT], state[ROW_TEXT],
         why[ROW_TEXT], change[160];
    char full[2 * ROW_TEXT + 40];
    int64_t at = cmap_int(row, "time", -1), step = cmap_int(row, "applied_step", -1);
    if (at > 0)
        clock_hms(clock, at);
    bool wide = r.w >= 100, small = r.w < 70;
    if (!wide)
        clock[5] = '\0';
    row_text(who, cmap_str(row, "who"), 8);
    row_text(verb, cmap_str(row, "verb"), 10);
    panel_target(row, target, sizeof target);
    row_text(state, cmap_str(row, "state"), 12);
    row_text(why, cmap_str(row, "message"), 60);
    panel_change(row, change, sizeof change);
    bool bad = strcmp(state, "rejected") == 0 || strcmp(state, "expired") == 0,
         good = strcmp(state, "applied") == 0;
    canvas_printf(out, r.x + 1, y, ST_MARK, "%lld", (long long)cmap_int(row, "id", 0));
    int x = r.x + 6;
    canvas_text(out, x, y, ST_DIM, clock);
    x += wide ? 10 : 6;
    canvas_text(out, x, y, ST_PLAIN, who);
    x += 9;
    canvas_text(out, x, y, ST_STRONG, verb);
    x += 11;
    canvas_textn(out, x, y, 10, ST_PLAIN, target, strlen(target));
    x += 11;
    int tail = wide ? r.w * 2 / 5 : 22, room = r.x + r.w - x - tail;
    if (!small && room > 0) {
        canvas_textn(out, x, y, room - 1, ST_PLAIN, change[0] ? change : "\u2014",
                     strlen(change[0] ? change : "\u2014"));
        x += room;
    }
    if (step >= 0)
        row_format(full, sizeof full, "%s @%lld", state, (long long)step);
    else
        row_format(full, sizeof full, "%s%s%s", state, why[0] ? ": " : "", why);
    canvas_textn(out, x, y, r.x + r.w - x - 1,
                 bad    ? ST_FAILED
                 : good ? ST_PLAIN
                        : ST_MARK,
                 full, strlen(full));
    if (sel) {
        canvas_flag(out, (struct rect){r.x, y, r.w, 1}, ST_REVERSE);
        canvas_put(out, r.x, y, ST_STRONG | ST_REVERSE, '>');
        out->cursor_x = r.x;
        out->cursor_y = y;
    }
    canvas_hit(out, (struct rect){r.x, y, r.w, 1}, ACT_ROW, cmap_int(row, "id", -1));
}

static void draw(const struct console *c, struct canvas *out, struct rect r, enum layout_size size)
{
    int n = rows_of(c), sel = selected(c);
    char line[200];
    if (n == 0) {
        const char *error = sub_error(&c->subs, SUB_AUDIT), *filter = c->own.list_filter[SCREEN_AUDIT];
        const char *none = error       ? error
                           : filter[0] ? "no intervention passes the filter; \\ clears it"
                           : panel_empty(c, SUB_AUDIT, "no interventions: the tuner has made every choice so far");
        panel_note(out, r, ST_DIM, none);
        return;
    }
    struct rect top = rect_top(&r, 1);
    char filter[ROW_TEXT];
    row_text(filter, (struct span){c->own.list_filter[SCREEN_AUDIT], strlen(c->own.list_filter[SCREEN_AUDIT])}, 40);
    row_format(line, sizeof line, "%d intervention%s%s%s", n, n == 1 ? "" : "s, newest first",
               filter[0] ? " \u00b7 filter " : "", filter);
    canvas_text(out, top.x + 1, top.y, ST_DIM, line);
    struct rect old = canvas_clip(out, r);
    int first = sel >= r.h ? sel - r.h + 1 : 0;
    for (int i = 0; i < r.h && first + i < n; i++) {
        struct span row = row_at(c, first + i);
        if (row.p)
            draw_row(c, out, r, r.y + i, row, first + i == sel);
    }
    canvas_clip(out, old);
}

static void step(struct console *c, int by)
{
    int n = rows_of(c), at = selected(c) + by;
    at = at < 0 ? 0 : at >= n ? n - 1 : at;
    struct span row = at >= 0 ? row_at(c, at) : (struct span){NULL, 0};
    c->iv = row.p ? cmap_int(row, "id", -1) : -1;
}

/* Undo of the selected one; anything on hold comes first, as everywhere. */
static bool undo(struct console *c)
{
    struct span row = rows_of(c) ? row_at(c, selected(c)) : (struct span){NULL, 0};
    char line[40];
    const char *why = console_refusal(c, KG_STEER);
    if (c->act.n_holds || !row.p)
        return false;
    if (why)
        console_toast(c, ST_WARN, "%s", why);
    else if (!cmap_bool(row, "undoable", false))
        console_toast(c, ST_WARN, "#%lld cannot be undone", (long long)cmap_int(row, "id", -1));
    else {
        row_format(line, sizeof line, "undo %lld", (long long)cmap_int(row, "id", -1));
        action_submit(c, line);
    }
    return true;
}

static bool act(struct console *c, enum action a, int64_t arg)
{
    int page = c->rows > 8 ? c->rows - 8 : 1;
    switch (a) {
    case ACT_UP:
        step(c, -1);
        return true;
    case ACT_DOWN:
        step(c, 1);
        return true;
    case ACT_PAGE_UP:
        step(c, -page);
        return true;
    case ACT_PAGE_DOWN:
        step(c, page);
        return true;
    case ACT_HOME:
        step(c, -1000000);
        return true;
    case ACT_END:
    case ACT_LAST:
        step(c, 1000000);
        return true;
    case ACT_OPEN:
        step(c, 0);
        if (c->iv >= 0)
            c->popup = (struct popup){POPUP_DETAIL, 0};
        return true;
    case ACT_ROW:
        c->iv = arg;
        return true;
    case ACT_UNDO:
        return undo(c);
    case ACT_FILTER:
        console_prompt(c, PROMPT_FILTER, c->own.list_filter[SCREEN_AUDIT]);
        return true;
    case ACT_FILTER_CLEAR:
    case ACT_CANCEL:
        if (a == ACT_CANCEL && !c->own.list_filter[SCREEN_AUDIT][0])
            return false;
        c->own.list_filter[SCREEN_AUDIT][0] = '\0';
        return true;
    default:
        return false;
    }
}

const struct screen screen_audit = {
    .key = '7', .name = "Audit", .brief = "Audit", .want = want, .draw = draw, .act = act};
