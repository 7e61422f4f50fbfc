/* console: the state behind the screens: keys become actions, actions change the state, the state asks for
 * views. */
#include "tui/console_state.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/chrome.h"
#include "tui/palette.h"
#include "tui/panel.h"
#include "tui/popup.h"
#include "tui/row.h"
#include "tui/screen.h"

#define TOAST_NS (4 * CLOCK_S)

const struct screen *const screens[SCREEN_COUNT] = {
    [SCREEN_OVER] = &screen_overview, [SCREEN_CURVES] = &screen_curves,   [SCREEN_LAND] = &screen_landscape,
    [SCREEN_ARMS] = &screen_arms,     [SCREEN_TRIAL] = &screen_trial,     [SCREEN_INSIGHT] = &screen_insight,
    [SCREEN_AUDIT] = &screen_audit,   [SCREEN_REPLAY] = &screen_replay,
};

int screen_panes(const struct screen *s)
{
    int n = 0;
    while (s->panes && s->panes[n])
        n++;
    return n ? n : 1;
}

static void login_name(char *out, size_t cap)
{
    const struct passwd *p = getpwuid(getuid());
    row_format(out, cap, "%s", p ? p->pw_name : "?");
}

void console_init(struct console *c, struct client *client, const struct console_options *o, bool ascii)
{
    *c = (struct console){.client = client, .opt = *o, .arm_id = -1, .iv = -1};
    c->subs.client = client;
    c->subs.cursor = -1;
    c->curve.log_y = -1;
    row_format(c->sweep, sizeof c->sweep, "%s", o->sweep ? o->sweep : "");
    if (o->user)
        row_format(c->user, sizeof c->user, "%s", o->user);
    else
        login_name(c->user, sizeof c->user);
    table_init(&c->table);
    compare_init(&c->compare);
    land_init(&c->land);
    insight_init(&c->insight);
    timeline_init(&c->time, o->replay, o->speed);
    own_init(c, ascii);
    if (o->replay)
        c->screen = c->back = SCREEN_REPLAY;
    summary_read(&c->sum, (struct span){NULL, 0});
}

void console_release(struct console *c)
{
    alert_watch_close(&c->own.watch);
    subs_close(&c->subs);
    table_release(&c->table);
    compare_release(&c->compare);
    land_release(&c->land);
    insight_release(&c->insight);
    prompt_release(&c->prompt);
}

int64_t console_moment(const struct console *c)
{
    return timeline_now(&c->time, c->wall);
}

/* ---- following the views ---- */

static void common_wants(struct console *c)
{
    struct subs *f = &c->subs;
    struct codec_writer w = sub_want(f, SUB_SUMMARY, "summary", 0);
    sub_commit(f, SUB_SUMMARY, 0, 2);
    w = sub_want(f, SUB_IVS, "interventions", 0);
    sub_commit(f, SUB_IVS, 0, 2);
    w = sub_want(f, SUB_EVENTS, "events", 1);
    cw_kint(&w, "columns", c->cols > 8 ? c->cols - 4 : 4);
    sub_commit(f, SUB_EVENTS, 0, 1);
    if (!c->opt.replay) {
        w = sub_want(f, SUB_CONSOLES, "consoles", 1);
        cw_kstr(&w, "sort", "since");
        sub_commit(f, SUB_CONSOLES, 0, 1);
    }
    popup_list_want(c);
    if (c->prompt.kind == PROMPT_COMMAND) {
        w = sub_want(f, SUB_SWEEPS, "sweeps", 0);
        sub_commit(f, SUB_SWEEPS, 0, 1);
        if (c->screen != SCREEN_ARMS) { /* completion of arm names */
            w = sub_want(f, SUB_ARMS, "arms", 0);
            sub_commit(f, SUB_ARMS, 0, 1);
        }
    }
}

static void follow_time(struct console *c)
{
    struct span head = sub_head(&c->subs, SUB_EVENTS);
    if (head.p && sub_any(&c->subs, SUB_EVENTS))
        timeline_span(&c->time, cmap_int(head, "first", -1), cmap_int(head, "last", -1));
    if (c->opt.at && !c->at_done && c->time.known) {
        int64_t at;
        char *cause = NULL;
        c->at_done = true;
        if (timeline_parse(&c->time, c->opt.at, c->wall, &at, &cause) == 0)
            timeline_seek(&c->time, at, c->mono);
        else
            console_toast(c, ST_ERROR, "%s", cause);
        free(cause);
    }
    timeline_tick(&c->time, c->mono);
}

void console_sync(struct console *c)
{
    struct span head = sub_head(&c->subs, SUB_SUMMARY);
    uint64_t version = sub_version(&c->subs, SUB_SUMMARY);
    if (head.p == c->sum_head && version == c->sum_version)
        return;
    c->sum_head = head.p;
    c->sum_version = version;
    summary_read(&c->sum, head);
}

/* LAYOUT_LINE shows no screen, but the selection and the counts still follow. */
static void screen_wants(struct console *c, const struct layout *l)
{
    const struct screen *s = screens[c->screen];
    if (l->size == LAYOUT_LINE)
        table_want(&c->table, &c->subs, &c->sum, 10, c->mono);
    else
        s->want(c, l->body, l->size);
    /* the arms screen keeps the table's selection current too: actions may name it */
    if (c->screen == SCREEN_ARMS && l->size != LAYOUT_LINE)
        table_want(&c->table, &c->subs, &c->sum, 10, c->mono);
}

/* What arrived is taken in before anything else is asked for: while time plays, every frame asks for another
 * moment. */
static void follow_answers(struct console *c, const struct layout *l)
{
    const struct screen *s = screens[c->screen];
    subs_arrived(&c->subs);
    console_sync(c);
    follow_time(c);
    table_follow(&c->table, &c->subs, &c->sum, c->mono);
    if (s->follow && l->size != LAYOUT_LINE)
        s->follow(c);
}

static void ask(struct console *c, const struct layout *l)
{
    c->subs.cursor = timeline_cursor(&c->time);
    subs_begin(&c->subs);
    common_wants(c);
    console_sync(c); /* an answer may be there at once: what was decoded from the one before is gone */
    screen_wants(c, l);
    subs_end(&c->subs);
}

void console_prepare(struct console *c, int64_t mono, int64_t wall, int cols, int rows)
{
    struct layout l = layout_frame(cols, rows);
    c->mono = c->prepared = mono;
    c->wall = wall;
    c->cols = cols;
    c->rows = rows;
    action_tick(c);
    c->subs.sweep = c->sweep[0] ? c->sweep : NULL;
    follow_answers(c, &l);
    /* what the answers decide (the selection, where time starts) is asked for in the same frame */
    for (int pass = 0; pass < 3; pass++) {
        int64_t sel = c->table.sel, cursor = timeline_cursor(&c->time);
        ask(c, &l);
        follow_answers(c, &l);
        if (c->table.sel == sel && timeline_cursor(&c->time) == cursor && !c->ask_again)
            break;
        c->ask_again = false;
    }
    own_news(c);
}

static bool stale(const struct console *c)
{
    return client_link(c->client) != LINK_UP;
}

static void draw_all(const struct console *c, struct canvas *out)
{
    struct layout l = layout_frame(c->cols, c->rows);
    if (l.size == LAYOUT_LINE) {
        chrome_tiny(c, out, (struct rect){0, 0, c->cols, c->rows});
        if (l.footer.h && c->rows >= 4)
            chrome_footer(c, out, l.footer);
        return;
    }
    screens[c->screen]->draw(c, out, l.body, l.size);
    if (stale(c))
        canvas_flag(out, l.body, ST_FADED);
    chrome_header(c, out, l.header, l.size);
    chrome_tabs(c, out, l.tabs);
    chrome_status(c, out, l.status);
    palette_draw(c, out, l.body);
    popup_draw(c, out, l.body);
    chrome_footer(c, out, l.footer);
}

void console_frame(const struct console *c, struct canvas *out)
{
    canvas_resize(out, c->cols, c->rows);
    draw_all(c, out);
    if (!canvas_at(out, out->cursor_x, out->cursor_y))
        out->cursor_x = out->cursor_y = -1;
}

/* ---- words to the person ---- */

void console_toast(struct console *c, style st, const char *fmt, ...)
{
    char raw[CONSOLE_TOAST], safe[ROW_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    row_text(safe, (struct span){raw, strlen(raw)}, 200);
    row_format(c->toast, sizeof c->toast, "%s", safe);
    c->toast_style = st;
    c->toast_until = c->mono + TOAST_NS;
}

const char *console_refusal(const struct console *c, enum key_guard g)
{
    if ((g == KG_TRIAL || g == KG_TRIAL_STEER) && c->table.sel_group && c->screen == SCREEN_OVER)
        return "a group is selected, not a trial; Enter folds it";
    if ((g == KG_TRIAL || g == KG_TRIAL_STEER) && c->table.sel < 0)
        return "no trial is selected";
    if (g != KG_STEER && g != KG_TRIAL_STEER)
        return NULL;
    if (c->opt.readonly || client_readonly(c->client))
        return "this console is read-only: it may look, not steer";
    if (c->opt.replay)
        return "this is a recording: nothing runs, so nothing can be steered";
    if (c->time.past)
        return "actions are off while time stands in the past; End goes back to live";
    if (client_link(c->client) == LINK_DOWN || client_link(c->client) == LINK_CONNECTING)
        return "no hub at the other end; it will be tried again";
    return NULL;
}

void console_show(struct console *c, enum screen_id s)
{
    if (s == c->screen)
        return;
    c->back = c->screen;
    c->screen = s;
    c->percent = false;
}

void console_prompt(struct console *c, enum prompt_kind kind, const char *text)
{
    prompt_open(&c->prompt, kind, text);
}

void console_command(struct console *c, const char *line)
{
    char *cause = NULL;
    if (palette_run(c, line, &cause) < 0) {
        char safe[ROW_TEXT];
        row_text(safe, (struct span){cause ? cause : "", cause ? strlen(cause) : 0}, 150);
        row_format(c->prompt.error, sizeof c->prompt.error, "%s", safe[0] ? safe : "not understood");
    }
    free(cause);
}

/* ---- actions that are the same on every screen ---- */

static void seek_intervention(struct console *c, int dir)
{
    int64_t at = console_moment(c), best = -1;
    for (int i = 0; i < sub_rows(&c->subs, SUB_EVENTS); i++) {
        struct span row = sub_row(&c->subs, SUB_EVENTS, i);
        if (!row.p || !span_eq(cmap_str(row, "kind"), "intervention"))
            continue;
        int64_t t = cmap_int(row, "time", -1);
        if (dir > 0 ? t > at && (best < 0 || t < best) : t >= 0 && t < at && t > best)
            best = t;
    }
    if (best >= 0)
        timeline_seek(&c->time, best, c->mono);
    else
        console_toast(c, ST_DIM, dir > 0 ? "no later intervention" : "no earlier intervention");
}

static void step_pane(struct console *c, int by)
{
    int n = screen_panes(screens[c->screen]);
    c->pane[c->screen] = (c->pane[c->screen] + by + n) % n;
}

static void cycle_metric(struct console *c)
{
    int n = sub_rows(&c->subs, SUB_METRICS), at = -1;
    if (n == 0) {
        console_toast(c, ST_DIM, "no other metric yet");
        return;
    }
    for (int i = 0; i < n; i++) {
        struct span m = sub_row(&c->subs, SUB_METRICS, i);
        struct span name = m.p ? cmap_str(m, "metric") : (struct span){NULL, 0};
        if (span_eq(name, c->curve.metric) || (!c->curve.metric[0] && span_eq(name, c->sum.metric)))
            at = i;
    }
    struct span m = sub_row(&c->subs, SUB_METRICS, (at + 1) % n);
    if (m.p)
        cmap_strcpy(m, "metric", c->curve.metric, sizeof c->curve.metric);
    if (strcmp(c->curve.metric, c->sum.metric) == 0)
        c->curve.metric[0] = '\0';
}

static void pause_or_resume(struct console *c)
{
    struct trial_row t = table_selected(&c->table);
    char line[PROMPT_CAP];
    if (c->table.n_marks && c->screen == SCREEN_OVER)
        action_expand(c, t.trial >= 0 && strcmp(t.state->name, "paused") == 0 ? "resume %t" : "pause %t",
                      line, sizeof line);
    else if (strcmp(t.state->name, "paused") == 0)
        row_format(line, sizeof line, "resume t%lld", (long long)t.trial);
    else if (strcmp(t.state->name, "running") == 0)
        row_format(line, sizeof line, "pause t%lld", (long long)t.trial);
    else {
        console_toast(c, ST_WARN, "t%lld is %s: only a running trial pauses", (long long)c->table.sel,
                      t.state->name);
        return;
    }
    action_submit(c, line);
}

bool screen_curve_act(struct console *c, enum action a)
{
    char line[64];
    switch (a) {
    case ACT_LOG_Y:
        c->curve.log_y = c->curve.y.now.log ? 0 : 1;
        if (c->curve.log_y && !(c->curve.y.now.lo > 0))
            console_toast(c, ST_WARN, "no log axis: there are values at or below zero");
        return true;
    case ACT_X_AXIS:
        c->curve.by_time = !c->curve.by_time;
        return true;
    case ACT_SMOOTH:
        c->curve.smooth = (c->curve.smooth + 1) % 3;
        return true;
    case ACT_SHOWN:
        cycle_metric(c);
        return true;
    case ACT_PAUSE:
        pause_or_resume(c);
        return true;
    case ACT_CHECKPOINT:
        row_format(line, sizeof line, "checkpoint t%lld", (long long)c->table.sel);
        action_submit(c, line);
        return true;
    case ACT_EDIT:
        console_show(c, SCREEN_TRIAL);
        console_toast(c, ST_DIM, "e edits the value under the pointer");
        return true;
    case ACT_LOG:
        console_show(c, SCREEN_TRIAL);
        console_act(c, ACT_LOG, 0);
        return true;
    default:
        return false;
    }
}

static bool common_act(struct console *c, enum action a, int64_t arg)
{
    switch (a) {
    case ACT_QUIT:
        c->quit = true;
        return true;
    case ACT_SUSPEND:
        c->suspend = true;
        return true;
    case ACT_REDRAW:
        c->redraw = true;
        return true;
    case ACT_HELP:
        c->popup = (struct popup){POPUP_HELP, 0};
        return true;
    case ACT_COMMAND:
        console_prompt(c, PROMPT_COMMAND, "");
        return true;
    case ACT_SCREEN:
        console_show(c, (enum screen_id)arg);
        return true;
    case ACT_BACK_SCREEN:
        console_show(c, c->back);
        return true;
    case ACT_PANE:
    case ACT_PANE_BACK:
        step_pane(c, a == ACT_PANE ? 1 : -1);
        return true;
    case ACT_ZOOM:
        c->zoom[c->screen] = !c->zoom[c->screen];
        return true;
    case ACT_PREV_EVENT:
    case ACT_NEXT_EVENT:
        seek_intervention(c, a == ACT_NEXT_EVENT ? 1 : -1);
        return true;
    case ACT_MENU:
        c->popup = (struct popup){POPUP_MENU, 0};
        return true;
    case ACT_UNDO:
        action_undo(c);
        return true;
    case ACT_REDO:
        action_redo(c);
        return true;
    default:
        return own_resize(c, a);
    }
}

void console_act(struct console *c, enum action a, int64_t arg)
{
    const struct screen *s = screens[c->screen];
    console_sync(c);
    if (a == ACT_NONE)
        return;
    if (a == ACT_END && c->time.past && !c->time.recording) {
        timeline_live(&c->time);
        return;
    }
    if (a == ACT_END && c->time.past && c->screen == SCREEN_REPLAY) {
        timeline_seek(&c->time, c->time.last, c->mono);
        return;
    }
    if (s->act && s->act(c, a, arg))
        return;
    common_act(c, a, arg);
}

/* ---- when to draw ---- */

/* Whether seconds are on the screen: then a frame a second, and none otherwise. */
static bool seconds_shown(const struct console *c)
{
    return client_link(c->client) != LINK_UP || c->act.n_holds > 0;
}

int64_t console_deadline(const struct console *c)
{
    int64_t at = action_deadline(&c->act, c->prepared);
    if (c->toast[0] && c->toast_until > c->prepared && c->toast_until < at)
        at = c->toast_until;
    if (seconds_shown(c) && c->prepared + CLOCK_S < at)
        at = c->prepared + CLOCK_S;
    if (c->time.playing && c->prepared + CLOCK_S / 4 < at)
        at = c->prepared + CLOCK_S / 4;
    if (c->table.hold_until > c->prepared && !c->table.frozen && c->table.hold_until < at)
        at = c->table.hold_until;
    if (c->curve.y.small_since && c->curve.y.small_since + AXIS_SHRINK_NS > c->prepared &&
        c->curve.y.small_since + AXIS_SHRINK_NS < at)
        at = c->curve.y.small_since + AXIS_SHRINK_NS;
    return at;
}

uint64_t console_stamp(const struct console *c)
{
    uint64_t h = subs_version(&c->subs) + (c->own.watch.view ? c->own.watch.view->version : 0);
    h = h * 1000003 + (uint64_t)client_link(c->client);
    h = h * 1000003 + (uint64_t)timeline_cursor(&c->time);
    return h;
}
