#include "tui/action.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proto/codec.h"
#include "tui/arm_list.h"
#include "tui/console_state.h"
#include "tui/row.h"

static void ids_list(const struct table *t, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; i < t->n_marks && n + 24 < cap; i++)
        n += (size_t)row_format(out + n, cap - n, "%st%lld", i ? "," : "", (long long)t->marks[i]);
}

/* What a key or the menu acts on: the marked trials, else the selected one. */
static void targets(const struct console *c, char *out, size_t cap)
{
    if (c->table.n_marks && c->screen != SCREEN_TRIAL)
        ids_list(&c->table, out, cap);
    else if (c->table.sel >= 0 && !(c->table.sel_group && c->screen == SCREEN_OVER))
        row_format(out, cap, "t%lld", (long long)c->table.sel);
    else
        row_format(out, cap, "%s", "");
}

static void arm_target(const struct console *c, char *out, size_t cap)
{
    struct span row = {NULL, 0}, rows[CONSOLE_ARMS];
    int n = arm_rows(c, rows); /* of the bandit that is shown: every bandit has an arm 0 */
    for (int i = 0; i < n; i++)
        if (cmap_int(rows[i], "arm", -1) == c->arm_id)
            row = rows[i];
    char label[ROW_TEXT];
    row_text(label, row.p ? cmap_str(row, "label") : (struct span){NULL, 0}, 60);
    if (label[0] && !strpbrk(label, " \"'\\,"))
        row_format(out, cap, "%s", label);
    else if (c->arm_id >= 0)
        row_format(out, cap, "%lld", (long long)c->arm_id);
    else
        out[0] = '\0';
}

static void append(char *out, size_t cap, const char *s, size_t n)
{
    size_t len = strlen(out);
    if (len + n >= cap)
        n = cap - len - 1;
    memcpy(out + len, s, n);
    out[len + n] = '\0';
}

void action_expand(const struct console *c, const char *line, char *out, size_t cap)
{
    char t[PROMPT_CAP];
    out[0] = '\0';
    for (const char *p = line; *p; p++) {
        bool word = p == line || p[-1] == ' ';
        if (p[0] == '%' && p[1] && strchr("tarp", p[1])) {
            if (p[1] == 'r')
                land_region(&c->land, t, sizeof t);
            else if (p[1] == 'p')
                land_point(&c->land, t, sizeof t);
            else if (p[1] == 't')
                targets(c, t, sizeof t);
            else
                arm_target(c, t, sizeof t);
            append(out, cap, t, strlen(t));
            p++;
        } else if (word && strncmp(p, "marked", 6) == 0 && (p[6] == '\0' || p[6] == ' ')) {
            ids_list(&c->table, t, sizeof t);
            append(out, cap, t, strlen(t));
            p += 5;
        } else {
            append(out, cap, p, 1);
        }
    }
}

/* ---- sending ---- */

static void flight_reply(void *arg, const struct message *m)
{
    struct action_flight *f = arg;
    if (!m) {
        row_format(f->state, sizeof f->state, "unknown");
        row_format(f->message, sizeof f->message,
                   "the link broke before the hub answered; the audit tells what happened");
        f->done = f->failed = true;
        return;
    }
    char text[ROW_TEXT];
    row_text(text, cmap_str(m->body, "message"), 120);
    row_format(f->message, sizeof f->message, "%s", text);
    if (m->kind == MSG_ERROR) {
        row_format(f->state, sizeof f->state, "refused");
        f->done = f->failed = true;
        return;
    }
    row_text(text, cmap_str(m->body, "state"), 16);
    row_format(f->state, sizeof f->state, "%s", text);
    int64_t id = cmap_int(m->body, "id", -1);
    if (id > 0 && f->n_ids < ACTION_IDS && (f->n_ids == 0 || f->ids[f->n_ids - 1] != id))
        f->ids[f->n_ids++] = id;
    if (strcmp(f->state, "rejected") == 0 || strcmp(f->state, "expired") == 0)
        f->failed = true;
    if (!cmap_bool(m->body, "more", false))
        f->done = true;
}

static void send_line(struct console *c, const char *line, const char *shown)
{
    struct actions *a = &c->act;
    char **words, *cause = NULL;
    int n = verb_split(line, &words, &cause);
    a->newest = (a->newest + 1) % ACTION_FLIGHTS;
    struct action_flight *f = &a->flights[a->newest];
    *f = (struct action_flight){.used = true, .since = c->mono};
    row_format(f->line, sizeof f->line, "%s", line);
    row_format(f->shown, sizeof f->shown, "%s", shown);
    row_format(f->state, sizeof f->state, "sent");
    if (n > 0) {
        const struct verb_info *v = verb_find(words[0]);
        f->verb = v ? v->verb : VERB_NONE;
        if (client_verb(c->client, n, words, c->sweep[0] ? c->sweep : NULL, false, flight_reply, f, &cause) ==
            0) {
            f->done = f->failed = true;
            row_format(f->state, sizeof f->state, "not sent");
            row_format(f->message, sizeof f->message, "%s", cause ? cause : "no hub");
        }
        verb_words_free(words, n);
    }
    free(cause);
}

/* ---- guards ---- */

static bool fail(struct console *c, char *cause)
{
    row_format(c->prompt.error, sizeof c->prompt.error, "%s", cause ? cause : "not understood");
    console_toast(c, ST_ERROR, "%s", c->prompt.error);
    free(cause);
    return false;
}

static int count_targets(const char *s)
{
    int n = *s != '\0';
    for (; *s; s++)
        n += *s == ',';
    return n;
}

/* Parses the line as the hub will, for the error and for the target. */
static bool check(const char *line, const struct verb_info **verb, char *target, size_t cap, char **cause)
{
    char **words;
    int n = verb_split(line, &words, cause);
    if (n < 0)
        return false;
    struct buf b = {0};
    struct codec_writer w;
    cw_init(&w, &b);
    cw_map(&w, VERB_FIELDS);
    bool ok = n > 0 && verb_parse(n, words, &w, cause) == 0;
    *verb = n > 0 ? verb_find(words[0]) : NULL;
    if (ok)
        cmap_strcpy((struct span){(char *)b.data, b.len}, "target", target, cap);
    buf_release(&b);
    verb_words_free(words, n);
    return ok && *verb;
}

static void ask(struct console *c, enum verb_guard g, const char *line, const char *target)
{
    struct actions *a = &c->act;
    row_format(a->ask, sizeof a->ask, "%s", line);
    row_format(a->ask_target, sizeof a->ask_target, "%s", target);
    int n = count_targets(target);
    bool named = strcmp(target, "all") == 0 || strcmp(target, "best") == 0;
    if (n > 1)
        row_format(a->ask_id, sizeof a->ask_id, "%d", n);
    else
        row_format(a->ask_id, sizeof a->ask_id, "%s%.28s",
                   !named && *target >= '0' && *target <= '9' ? "t" : "", target);
    c->popup = (struct popup){g == VG_FINAL ? POPUP_TYPED : POPUP_CONFIRM, 0};
    if (g == VG_FINAL)
        prompt_open(&c->prompt, PROMPT_TYPED, "");
}

bool action_submit(struct console *c, const char *line)
{
    const char *why = console_refusal(c, KG_STEER);
    char full[PROMPT_CAP], target[PROMPT_CAP] = "", *cause = NULL;
    const struct verb_info *v = NULL;
    action_expand(c, line, full, sizeof full);
    if (why) {
        console_toast(c, ST_WARN, "%s", why);
        row_format(c->prompt.error, sizeof c->prompt.error, "%s", why);
        return false;
    }
    if (!check(full, &v, target, sizeof target, &cause))
        return fail(c, cause);
    if (v->guard != VG_REVERSIBLE) {
        ask(c, v->guard, full, target);
    } else if (c->act.n_holds == ACTION_HOLDS) {
        console_toast(c, ST_WARN, "%d actions wait already; u takes the last one back", ACTION_HOLDS);
        return false;
    } else {
        struct action_hold *h = &c->act.holds[c->act.n_holds++];
        row_format(h->line, sizeof h->line, "%s", full);
        arm_line(c, full, h->shown, sizeof h->shown);
        h->due = c->mono + ACTION_HOLD_NS;
    }
    return true;
}

void action_confirm(struct console *c)
{
    c->popup.kind = POPUP_NONE;
    if (c->act.ask[0]) {
        char shown[PROMPT_CAP];
        arm_line(c, c->act.ask, shown, sizeof shown);
        send_line(c, c->act.ask, shown);
    }
    c->act.ask[0] = '\0';
}

bool action_typed(struct console *c, const char *s)
{
    const char *want = c->act.ask_id;
    bool same = strcmp(s, want) == 0 || (want[0] == 't' && strcmp(s, want + 1) == 0 && want[1]);
    if (!same || !c->act.ask[0])
        return false;
    action_confirm(c);
    return true;
}

static void keep_for_redo(struct actions *a, const char *line)
{
    if (a->n_redo == ACTION_HOLDS)
        memmove(a->redo, a->redo + 1, (size_t)--a->n_redo * sizeof *a->redo);
    row_format(a->redo[a->n_redo++], PROMPT_CAP, "%s", line);
}

void action_redo(struct console *c)
{
    struct actions *a = &c->act;
    char line[PROMPT_CAP];
    if (a->n_redo == 0) {
        console_toast(c, ST_DIM, "nothing was taken back here");
        return;
    }
    row_format(line, sizeof line, "%s", a->redo[a->n_redo - 1]);
    if (action_submit(c, line))
        a->n_redo--;
}

void action_undo(struct console *c)
{
    struct actions *a = &c->act;
    if (a->n_holds) {
        struct action_hold *h = &a->holds[--a->n_holds];
        keep_for_redo(a, h->line);
        console_toast(c, ST_LIVE, "not sent: %s", h->shown);
        return;
    }
    const char *why = console_refusal(c, KG_STEER);
    for (int k = 0; k < ACTION_FLIGHTS; k++) {
        struct action_flight *f = &a->flights[(a->newest - k + ACTION_FLIGHTS) % ACTION_FLIGHTS];
        const struct verb_info *v = f->used ? verb_info(f->verb) : NULL;
        if (!v || !v->undoable || f->undone || f->failed || !f->n_ids)
            continue;
        if (why) {
            console_toast(c, ST_WARN, "%s", why);
            return;
        }
        f->undone = true;
        keep_for_redo(a, f->line);
        int n = f->n_ids;
        int64_t ids[ACTION_IDS];
        memcpy(ids, f->ids, sizeof ids);
        for (int i = 0; i < n; i++) {
            char line[40];
            row_format(line, sizeof line, "undo %lld", (long long)ids[i]);
            send_line(c, line, line);
        }
        return;
    }
    console_toast(c, ST_DIM, "nothing of yours to undo here; :undo ID for others");
}

/* What became of an intervention since the hub accepted it. */
static bool later_state(const struct console *c, int64_t id, char *state, size_t cap, int *severity)
{
    for (int i = sub_rows(&c->subs, SUB_IVS); i-- > 0;) {
        struct span r = sub_row(&c->subs, SUB_IVS, i);
        if (!r.p || cmap_int(r, "id", -1) != id)
            continue;
        char text[ROW_TEXT], why[ROW_TEXT];
        row_text(text, cmap_str(r, "state"), 16);
        row_text(why, cmap_str(r, "message"), 60);
        int64_t step = cmap_int(r, "applied_step", -1);
        if (step >= 0)
            row_format(state, cap, "%s @%lld", text, (long long)step);
        else
            row_format(state, cap, "%s%s%s", text, why[0] ? ": " : "", why);
        *severity = strcmp(text, "applied") == 0                                    ? 1
                    : strcmp(text, "rejected") == 0 || strcmp(text, "expired") == 0 ? 2
                                                                                    : 0;
        return true;
    }
    return false;
}

/* What the newest action has come to, in words. */
static void flight_state(const struct console *c, const struct action_flight *f, char *out, size_t cap,
                         int *severity)
{
    if (f->n_ids && !f->failed && later_state(c, f->ids[f->n_ids - 1], out, cap, severity))
        return;
    row_format(out, cap, "%s%s%.150s", f->state, f->message[0] ? ": " : "", f->message);
    *severity = f->failed ? 2 : strcmp(f->state, "applied") == 0;
}

/* A change of its state puts the newest action on the status line again. */
static void note_change(struct console *c)
{
    struct action_flight *f = &c->act.flights[c->act.newest];
    char state[200];
    int severity;
    uint32_t told = 2166136261u;
    if (!f->used || c->time.past) /* the past says what was, not what became of it */
        return;
    flight_state(c, f, state, sizeof state, &severity);
    for (const char *p = state; *p; p++)
        told = (told ^ (unsigned char)*p) * 16777619u;
    if (told == f->told)
        return;
    f->told = told;
    f->since = c->mono;
    f->seen = false;
}

void action_tick(struct console *c)
{
    struct actions *a = &c->act;
    while (a->n_holds && c->mono >= a->holds[0].due) {
        struct action_hold h = a->holds[0];
        memmove(a->holds, a->holds + 1, (size_t)--a->n_holds * sizeof *a->holds);
        send_line(c, h.line, h.shown);
    }
    note_change(c);
}

void action_seen(struct console *c)
{
    struct action_flight *f = &c->act.flights[c->act.newest];
    if (f->used && c->mono - f->since >= ACTION_READ_NS)
        f->seen = true;
}

int64_t action_deadline(const struct actions *a, int64_t mono)
{
    const struct action_flight *f = &a->flights[a->newest];
    int64_t due = a->n_holds ? a->holds[0].due : INT64_MAX, gone = f->since + ACTION_SHOW_NS;
    return f->used && !f->seen && gone > mono && gone < due ? gone : due;
}

int action_unsent(const struct actions *a)
{
    return a->n_holds;
}

/* ---- the status line ---- */

bool action_status(const struct console *c, char *out, size_t cap, int *severity)
{
    const struct actions *a = &c->act;
    *severity = 0;
    if (a->n_holds) {
        const struct action_hold *h = &a->holds[0];
        long long left = (long long)((h->due - c->mono + CLOCK_S - 1) / CLOCK_S);
        if (a->n_holds > 1)
            row_format(out, cap, "%s in %llds, %d more wait \u00b7 u takes back the last", h->shown, left,
                       a->n_holds - 1);
        else
            row_format(out, cap, "%s in %llds \u00b7 u takes it back", h->shown, left);
        return true;
    }
    const struct action_flight *f = &a->flights[a->newest];
    if (!f->used || f->seen || c->mono - f->since >= ACTION_SHOW_NS)
        return false;
    char state[200];
    const struct verb_info *v = verb_info(f->verb);
    bool undo = v && v->undoable && !f->undone && !f->failed;
    flight_state(c, f, state, sizeof state, severity);
    row_format(out, cap, "%s \u2192 %s%s", f->shown, state, undo ? " \u00b7 u undo" : "");
    return true;
}
