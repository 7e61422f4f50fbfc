#include "tui/chrome.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/panel.h"
#include "tui/plot_bars.h"
#include "tui/row.h"
#include "tui/screen.h"

/* A round-trip time that does not flicker: below 10 ms it is not worth a word, above in steps of 1-2-5. */
static void rtt_text(const struct console *c, char out[16])
{
    double ms = (double)client_rtt_ns(c->client) / 1e6;
    out[0] = '\0';
    if (!(ms >= 10))
        return;
    double p = pow(10, floor(log10(ms))), m = ms / p;
    row_format(out, 16, " %.0fms", p * (m < 2 ? 1 : m < 5 ? 2 : 5));
}

struct link_state {
    char text[120];
    style st;
};

/* What to do about it. */
static void offline_advice(const struct console *c, char *out, size_t cap)
{
    const char *name = client_hub_name(c->client);
    char hub[ROW_TEXT];
    row_text(hub, (struct span){name ? name : "", name ? strlen(name) : 0}, 24);
    if (c->opt.replay)
        row_format(out, cap, " \u00b7 its hub ended: q, then replay again");
    else if (strncmp(client_address(c->client), "tcp://", 6) == 0)
        row_format(out, cap, " \u00b7 start the hub on its machine");
    else if (!hub[0] || strcmp(hub, "default") == 0)
        row_format(out, cap, " \u00b7 hypertop hub start");
    else
        row_format(out, cap, " \u00b7 hypertop -L %s hub start", hub);
}

static struct link_state link_state(const struct console *c, bool brief)
{
    struct link_state s = {"", ST_LIVE};
    char clock[CLOCK_TEXT], span[32], rtt[16];
    enum client_link link = client_link(c->client);
    if (c->time.past) {
        clock_hms(clock, timeline_cursor(&c->time));
        bool at_end = c->time.recording && c->time.known && c->time.cursor >= c->time.last;
        row_format(s.text, sizeof s.text, "%s%s %s%s", c->time.playing ? "\u25b6" : "\u23f8", "REPLAY", clock,
                   at_end ? " end" : "");
        s.st = ST_MARK;
    }
    if (link == LINK_DOWN || link == LINK_CONNECTING) {
        row_span(span, (double)client_silence_ns(c->client) / 1e9);
        int n = row_format(s.text, sizeof s.text, link == LINK_DOWN ? "OFFLINE %s" : "CONNECTING %s", span);
        if (link == LINK_DOWN && !brief)
            offline_advice(c, s.text + n, sizeof s.text - (size_t)n);
        s.st = ST_ERROR;
    } else if (link == LINK_STALE) {
        row_span(span, (double)client_silence_ns(c->client) / 1e9);
        row_format(s.text, sizeof s.text, "STALE %s", span);
        s.st = ST_WARN;
    } else if (!c->time.past && brief) {
        row_format(s.text, sizeof s.text, "%s", c->table.frozen ? "\u2016" : "\u25b6");
        s.st = c->table.frozen ? ST_MARK : ST_LIVE;
    } else if (!c->time.past) {
        rtt_text(c, rtt);
        char hub[ROW_TEXT];
        const char *name = client_hub_name(c->client);
        row_text(hub, (struct span){name ? name : "", name ? strlen(name) : 0}, 12);
        row_format(s.text, sizeof s.text, "%s %.24s%s", c->table.frozen ? "\u2016FROZEN" : "\u25b6LIVE", hub,
                   rtt);
        s.st = c->table.frozen ? ST_MARK : ST_LIVE;
    }
    return s;
}

/* Pieces are added while they fit; what does not fit is left out whole. */
struct line {
    struct canvas *out;
    int x, end, y, from;
};

static bool piece(struct line *l, style st, const char *sep, const char *text)
{
    if (l->x == l->from)
        sep = "";
    int n = canvas_columns(sep, strlen(sep)) + canvas_columns(text, strlen(text));
    if (!text[0] || l->x + n > l->end)
        return false;
    l->x += canvas_text(l->out, l->x, l->y, ST_BORDER, sep);
    l->x += canvas_text(l->out, l->x, l->y, st, text);
    return true;
}

static int piece_columns(const char *text)
{
    return text[0] ? 3 + canvas_columns(text, strlen(text)) : 0;
}

static void counts(const struct console *c, struct line *l, bool words)
{
    const struct summary *s = &c->sum;
    const struct {
        int64_t n;
        const char *glyph, *word;
        style st;
    } list[] = {
        {s->done, "\u2713", "done", ST_DONE},
        {s->running, "\u25b6", "run", ST_RUN},
        {s->waiting, "\u00b7", "wait", ST_WAIT},
        {s->pruned, "\u2702", "pruned", ST_PRUNED},
        {s->paused, "\u2016", "paused", ST_PAUSED},
        {s->failed, "\u2717", "failed", ST_FAILED},
        {s->lost, "?", "lost", ST_LOST},
    };
    const char *sep = " \u2502 ";
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char text[40];
        if (list[i].n == 0)
            continue;
        if (words)
            row_format(text, sizeof text, "%s %lld", list[i].word, (long long)list[i].n);
        else
            row_format(text, sizeof text, "%lld%s", (long long)list[i].n, list[i].glyph);
        if (!piece(l, list[i].st, sep, text))
            break;
        sep = " ";
    }
}

void chrome_header(const struct console *c, struct canvas *out, struct rect r, enum layout_size size)
{
    const struct summary *s = &c->sum;
    char text[ROW_TEXT], value[32];
    if (r.h <= 0)
        return;
    bool readonly = c->opt.readonly || client_readonly(c->client);
    char user[ROW_TEXT];
    row_text(user, (struct span){c->user, strlen(c->user)}, 12);
    char others[80];
    panel_present(c, others, sizeof others);
    row_format(text, sizeof text, size == LAYOUT_WIDE && others[0] ? "%s %s with %s" : others[0] ? "%s %s+" : "%s %s",
               readonly ? "viewer" : "rw", user, others);
    int right = canvas_columns(text, strlen(text));
    struct line l = {out, r.x + 1, r.x + r.w - 1, r.y, r.x + 1};
    if (size >= LAYOUT_NORMAL && r.w >= 70) {
        l.end = r.x + r.w - right - 3;
        canvas_text(out, r.x + r.w - right - 1, r.y, readonly ? ST_WARN : ST_DIM, text);
    }
    if (size == LAYOUT_WIDE)
        piece(&l, ST_DIM, "", "hypertop  ");
    row_text(text, (struct span){s->sweep, strlen(s->sweep)}, size == LAYOUT_WIDE ? 32 : 20);
    piece(&l, ST_STRONG, "", s->there ? text : "hypertop");
    struct link_state ls = link_state(c, size == LAYOUT_SMALL);
    piece(&l, ls.st, size == LAYOUT_WIDE ? "  " : " ", ls.text);
    if (s->warning[0])
        piece(&l, ST_ERROR, " \u2502 ", s->warning);
    if (!s->there)
        return;
    if (size == LAYOUT_WIDE && s->slots > 0) {
        row_format(text, sizeof text, "slots %lld/%lld", (long long)s->busy, (long long)s->slots);
        piece(&l, ST_PLAIN, " \u2502 ", text);
    }
    char best[ROW_TEXT] = "", spent[80], state[40] = "";
    if (s->best_trial >= 0) {
        bool wide = size == LAYOUT_WIDE && r.w >= 130;
        row_number(value, s->best, false);
        row_format(best, sizeof best, "%s%s%s%s t%lld", size == LAYOUT_SMALL ? "" : "best ",
                   wide ? s->metric : "", wide ? " " : "", value, (long long)s->best_trial);
    }
    if (strcmp(s->state, "running") != 0)
        row_format(state, sizeof state, "%s", s->state);
    row_span(value, s->elapsed);
    int n = row_format(spent, sizeof spent, "%s", value);
    if (isfinite(s->eta) && s->eta > 0 && size == LAYOUT_WIDE) {
        row_span(value, s->eta);
        row_format(spent + n, sizeof spent - (size_t)n, " ETA %s", value);
    }
    /* the counts get what the best, the state and the time leave */
    int end = l.end, tail = piece_columns(best) + piece_columns(state) + piece_columns(spent);
    l.end = end - tail > l.x ? end - tail : l.x;
    counts(c, &l, size == LAYOUT_WIDE && r.w >= 150);
    l.end = end;
    piece(&l, ST_BEST, " \u2502 ", best);
    piece(&l, ST_MARK, " \u2502 ", state);
    piece(&l, ST_PLAIN, " \u2502 ", spent);
}

void chrome_tabs(const struct console *c, struct canvas *out, struct rect r)
{
    if (r.h <= 0)
        return;
    int x = r.x, end = r.x + r.w - 8;
    for (int i = 0; i < SCREEN_COUNT; i++) {
        char text[32];
        bool on = i == (int)c->screen;
        row_format(text, sizeof text, "%d %s", screens[i]->key - '0',
                   r.w >= 100 ? screens[i]->name : screens[i]->brief);
        int n = (int)strlen(text);
        if (x + n + 2 > end)
            break;
        canvas_put(out, x, r.y, ST_STRONG, on ? '[' : ' ');
        canvas_text(out, x + 1, r.y, on ? ST_STRONG : ST_DIM, text);
        canvas_put(out, x + 1 + n, r.y, ST_STRONG, on ? ']' : ' ');
        canvas_hit(out, (struct rect){x, r.y, n + 2, 1}, ACT_SCREEN, i);
        x += n + 2;
    }
    const char *hint = c->time.past && !c->time.recording ? "End live" : "? help";
    canvas_right(out, r.x, r.y, r.w - 1, c->time.past && !c->time.recording ? ST_MARK : ST_DIM, hint);
    canvas_hit(out, (struct rect){r.x + r.w - 9, r.y, 9, 1},
               c->time.past && !c->time.recording ? ACT_END : ACT_HELP, 0);
}

/* The hub's sentence about a filter that it cannot read, under the character that it means. */
static bool filter_error(const struct console *c, struct canvas *out, struct rect r)
{
    enum sub_id list = c->screen == SCREEN_ARMS ? SUB_ARMS : c->screen == SCREEN_AUDIT ? SUB_AUDIT : SUB_TRIALS;
    const char *error = c->prompt.kind == PROMPT_FILTER ? sub_error(&c->subs, list) : NULL;
    const char *at = error ? strstr(error, " at column ") : NULL;
    char safe[ROW_TEXT], column[12] = "";
    int64_t col;
    if (!at)
        return false;
    row_format(column, sizeof column, "%.9s", at + strlen(" at column "));
    if (!text_int(column, &col) || col < 1)
        return false;
    size_t bytes = (size_t)col - 1 < c->prompt.len ? (size_t)col - 1 : c->prompt.len;
    int x = 1 + canvas_columns(c->prompt.text, bytes); /* behind the "/" of the line below */
    size_t skip = strncmp(error, "filter: ", 8) == 0 ? 8 : 0;
    row_text(safe, (struct span){error + skip, (size_t)(at - error) - skip}, r.w - 4);
    int n = canvas_columns(safe, strlen(safe));
    if (x + 2 + n <= r.w) {
        canvas_put(out, r.x + x, r.y, ST_ERROR, 0x25bc);
        canvas_text(out, r.x + x + 2, r.y, ST_ERROR, safe);
    } else {
        x = x < r.w ? x : r.w - 1;
        canvas_put(out, r.x + x, r.y, ST_ERROR, 0x25bc);
        canvas_textn(out, r.x + (x - n - 1 > 0 ? x - n - 1 : 0), r.y, x - 1, ST_ERROR, safe, strlen(safe));
    }
    return true;
}

void chrome_status(const struct console *c, struct canvas *out, struct rect r)
{
    static const style severity_style[] = {ST_MARK, ST_LIVE, ST_ERROR};
    char text[700];
    int severity;
    if (r.h <= 0)
        return;
    if (filter_error(c, out, r))
        return;
    /* what waits to be sent is never hidden behind a notice */
    if (c->act.n_holds == 0 && c->toast[0] && c->mono < c->toast_until) {
        canvas_textn(out, r.x + 1, r.y, r.w - 2, c->toast_style, c->toast, strlen(c->toast));
        return;
    }
    if (action_status(c, text, sizeof text, &severity)) {
        canvas_textn(out, r.x + 1, r.y, r.w - 2, severity_style[severity], text, strlen(text));
        return;
    }
    struct alert_news asks;
    if (!c->time.past && alert_watch_asks(&c->own.watch, &asks)) {
        row_format(text, sizeof text, "t%lld waits, paused by rule %.60s \u00b7 :resume t%lld or :stop t%lld",
                   (long long)asks.trial, asks.rule, (long long)asks.trial, (long long)asks.trial);
        canvas_textn(out, r.x + 1, r.y, r.w - 2, ST_WARN, text, strlen(text));
        return;
    }
    struct line l = {out, r.x + 1, r.x + r.w - 1, r.y, r.x + 1};
    const char *sep = "";
    if (c->table.n_marks) {
        row_format(text, sizeof text, "%d marked", c->table.n_marks);
        if (piece(&l, ST_MARK, sep, text))
            sep = " \u00b7 ";
    }
    if (c->table.filter[0]) {
        char safe[ROW_TEXT];
        row_text(safe, (struct span){c->table.filter, strlen(c->table.filter)}, 50);
        row_format(text, sizeof text, "filter %s", safe);
        if (piece(&l, ST_MARK, sep, text))
            sep = " \u00b7 ";
    }
    if (c->screen == SCREEN_OVER) {
        char safe[ROW_TEXT];
        row_text(safe, (struct span){c->table.sort, strlen(c->table.sort)}, 20);
        bool value = strcmp(c->table.sort, "value") == 0;
        row_format(text, sizeof text, "sort %s%s", value && c->sum.metric[0] ? c->sum.metric : safe,
                   c->table.reverse ? " reversed" : "");
        if (piece(&l, ST_DIM, sep, text))
            sep = " \u00b7 ";
        if (c->table.follow && piece(&l, ST_DIM, sep, "follows the best"))
            sep = " \u00b7 ";
    }
    struct span shown = sub_head(&c->subs, SUB_TRIALS);
    int64_t total = shown.p ? cmap_int(shown, "shown", sub_total(&c->subs, SUB_TRIALS)) : 0;
    if (total > 0 && c->screen == SCREEN_OVER) {
        if (c->sum.trials > total)
            row_format(text, sizeof text, "%lld of %lld trials", (long long)total, (long long)c->sum.trials);
        else
            row_format(text, sizeof text, "%lld trials", (long long)total);
        piece(&l, ST_DIM, sep, text);
    }
}

/* ---- footer ---- */

static const char *prompt_lead(const struct console *c)
{
    switch (c->prompt.kind) {
    case PROMPT_FILTER:
    case PROMPT_SEARCH:
        return "/";
    case PROMPT_VALUE:
        return c->edit.param;
    default:
        return ":";
    }
}

static void draw_prompt(const struct console *c, struct canvas *out, struct rect r)
{
    const struct prompt *p = &c->prompt;
    char lead[ROW_TEXT];
    const char *raw = prompt_lead(c);
    row_text(lead, (struct span){raw, strlen(raw)}, 20);
    int x = canvas_text(out, r.x, r.y, ST_KEY, lead);
    if (p->kind == PROMPT_VALUE)
        x += canvas_text(out, r.x + x, r.y, ST_KEY, "=");
    int room = r.w - x - 1;
    size_t from = 0; /* keep the cursor on the screen */
    while (from < p->at && canvas_columns(p->text + from, p->at - from) > room)
        from++;
    while (from < p->at && (p->text[from] & 0xc0) == 0x80)
        from++;
    canvas_textn(out, r.x + x, r.y, room > 0 ? room : 0, ST_PLAIN, p->text + from, p->len - from);
    out->cursor_x = r.x + x + canvas_columns(p->text + from, p->at - from);
    out->cursor_y = r.y;
    int used = x + canvas_columns(p->text + from, p->len - from);
    if (p->error[0] && used + 6 < r.w) {
        char safe[ROW_TEXT];
        row_text(safe, (struct span){p->error, strlen(p->error)}, r.w - used - 4);
        canvas_right(out, r.x + used + 2, r.y, r.w - used - 2, ST_ERROR, safe);
    }
}

static void footer_key(const struct console *c, struct line *l, const char *key, const char *what,
                       enum key_guard g)
{
    bool off = console_refusal(c, g) != NULL;
    bool brief = l->end - l->from < 60;
    int n = canvas_columns(key, strlen(key)) + (brief ? 0 : 1 + (int)strlen(what));
    if (l->x + n > l->end)
        return;
    l->x += canvas_text(l->out, l->x, l->y, off ? ST_DIM : ST_KEY, key);
    if (!brief)
        l->x += 1 + canvas_text(l->out, l->x + 1, l->y, off ? ST_DIM | ST_FADED : ST_PLAIN, what);
    l->x += 2;
}

/* The from-th up to the to-th key with a footer text, of this screen's own or of those that work everywhere.
 */
static void footer_keys(const struct console *c, struct line *l, bool own, int from, int to)
{
    int n, at = 0;
    const struct key_row *rows = keymap_rows(&n);
    for (int i = 0; i < n; i++) {
        const struct key_row *k = &rows[i];
        if (!k->footer || !(k->on & 1u << c->screen) || (k->on != ON_ALL) != own)
            continue;
        if (at++ < from || at > to)
            continue;
        char key[24];
        row_format(key, sizeof key, "%s", k->key == '>' ? "<>" : k->key == '+' ? "+-" : k->show);
        char *comma = strchr(key, ',');
        if (comma && comma != key)
            *comma = '\0';
        footer_key(c, l, key, k->footer, k->guard);
    }
}

void chrome_footer(const struct console *c, struct canvas *out, struct rect r)
{
    if (r.h <= 0)
        return;
    if (c->prompt.kind != PROMPT_NONE && c->prompt.kind != PROMPT_TYPED) {
        draw_prompt(c, out, r);
        return;
    }
    struct line l = {out, r.x, r.x + r.w, r.y, r.x};
    if (c->percent) {
        piece(&l, ST_MARK, "", "% then a digit: 0 start, 5 the middle, 9 nine tenths \u00b7 Esc cancel");
        return;
    }
    if (c->popup.kind != POPUP_NONE) {
        piece(&l, ST_DIM, "",
              c->popup.kind == POPUP_CONFIRM ? "y yes  Esc, n or Enter: cancel" : "Esc close");
        return;
    }
    footer_key(c, &l, "\u2191\u2193", c->screen == SCREEN_CURVES ? "line" : c->screen == SCREEN_INSIGHT ? "brush" : "move", KG_NONE);
    if (c->screen == SCREEN_CURVES || c->screen == SCREEN_INSIGHT)
        footer_key(c, &l, "\u2190\u2192", c->screen == SCREEN_CURVES ? "crosshair" : "axis", KG_NONE);
    footer_key(c, &l, "Enter",
               c->screen == SCREEN_AUDIT   ? "details"
               : c->screen == SCREEN_TRIAL ? "edit"
               : c->screen == SCREEN_LAND || c->screen == SCREEN_INSIGHT ? "trials inside"
                                           : "open",
               KG_NONE);
    /* the screen's first four keys, the menu and undo, the rest of the screen's, the rest */
    footer_keys(c, &l, true, 0, 4);
    footer_keys(c, &l, false, 0, 2);
    footer_keys(c, &l, true, 4, 99);
    footer_keys(c, &l, false, 2, 99);
    footer_key(c, &l, "?", "help", KG_NONE);
}

void chrome_tiny(const struct console *c, struct canvas *out, struct rect r)
{
    const struct summary *s = &c->sum;
    char text[200], value[32];
    struct line l = {out, r.x, r.x + r.w, r.y, r.x};
    struct link_state ls = link_state(c, true);
    if (r.h <= 0 || r.w <= 0)
        return;
    if (c->time.past || ls.st == ST_ERROR || ls.st == ST_WARN)
        piece(&l, ls.st, "", ls.text);
    else
        piece(&l, ST_LIVE, "", "\u25b6");
    if (s->best_trial >= 0) {
        row_number(value, s->best, false);
        row_format(text, sizeof text, "%s t%lld", value, (long long)s->best_trial);
        piece(&l, ST_BEST, " ", text);
    }
    row_format(text, sizeof text, "%lld/%lld", (long long)(s->done + s->pruned + s->stopped + s->failed),
               (long long)s->trials);
    piece(&l, ST_PLAIN, " ", text);
    if (r.h >= 2) {
        struct trial_row t = table_selected(&c->table);
        double v[TABLE_SPARK];
        struct spark_scale scale = {0};
        int n = trial_row_spark(&t, v, TABLE_SPARK);
        spark_scale_add(&scale, v, n);
        spark_scale_done(&scale);
        n = spark_fit(v, n, v, r.w);
        spark_draw(out, r.x, r.y + 1, r.w, ST_SPARK, &scale, v, n);
    }
    if (r.h >= 3) {
        struct line k = {out, r.x, r.x + r.w, r.y + 2, r.x};
        counts(c, &k, false);
    }
}
