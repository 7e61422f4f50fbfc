#include "tui/palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/text.h"
#include "tui/palette_parts.h"
#include "tui/popup.h"
#include "tui/row.h"
#include "tui/screen.h"

/* ---- the console's own commands ---- */

static int run_quit(struct console *c, int argc, char **argv, char **cause)
{
    c->quit = true;
    return 0;
}

static int run_goto(struct console *c, int argc, char **argv, char **cause)
{
    int64_t at;
    if (argc != 1)
        return cause_set(cause, "goto takes one time: 14:02:11, 40%%, +5m, start or live");
    if (timeline_parse(&c->time, argv[0], c->wall, &at, cause) < 0)
        return -1;
    timeline_seek(&c->time, at, c->mono);
    return 0;
}

static int run_live(struct console *c, int argc, char **argv, char **cause)
{
    timeline_live(&c->time);
    return 0;
}

static int run_speed(struct console *c, int argc, char **argv, char **cause)
{
    double v;
    if (argc != 1 || !text_double(argv[0], &v) || !(v > 0))
        return cause_set(cause, "speed takes a number above 0");
    timeline_speed(&c->time, v, c->mono);
    return 0;
}

static int run_filter(struct console *c, int argc, char **argv, char **cause)
{
    char all[sizeof c->table.filter] = "";
    for (int i = 0; i < argc; i++) {
        size_t n = strlen(all);
        row_format(all + n, sizeof all - n, "%s%s", i ? " " : "", argv[i]);
    }
    row_format(c->table.filter, sizeof c->table.filter, "%s", all);
    c->table.top = 0;
    return 0;
}

static bool has_metric(const struct console *c, const char *name)
{
    for (int i = 0; i < sub_rows(&c->subs, SUB_METRICS); i++) {
        struct span m = sub_row(&c->subs, SUB_METRICS, i);
        if (m.p && span_eq(cmap_str(m, "metric"), name))
            return true;
    }
    return false;
}

static int run_sort(struct console *c, int argc, char **argv, char **cause)
{
    const char *name = argc == 1 ? argv[0] : "";
    bool minus = name[0] == '-';
    if (argc != 1 || (!table_has_sort(&c->sum, name + minus) && columns_find(&c->table.cols, name + minus) < 0 &&
                      !has_metric(c, name + minus)))
        return cause_set(cause, "sort takes a column: trial, state, value, step, seconds, a parameter or a metric");
    row_format(c->table.sort, sizeof c->table.sort, "%s", "");
    table_sort_by(&c->table, name + minus);
    c->table.reverse = minus;
    return 0;
}

static int run_sweep(struct console *c, int argc, char **argv, char **cause)
{
    if (argc > 1)
        return cause_set(cause, "sweep takes one name; none is the newest");
    row_format(c->sweep, sizeof c->sweep, "%s", argc ? argv[0] : "");
    table_release(&c->table);
    table_init(&c->table);
    timeline_init(&c->time, c->opt.replay, c->opt.speed);
    return 0;
}

static int run_trial(struct console *c, int argc, char **argv, char **cause)
{
    int64_t id;
    if (argc != 1 || !text_int(argv[0] + (argv[0][0] == 't'), &id) || id < 0)
        return cause_set(cause, "trial takes an id: 17 or t17");
    table_select(&c->table, id);
    console_show(c, SCREEN_TRIAL);
    return 0;
}

static int run_overview(struct console *c, int argc, char **argv, char **cause)
{
    console_show(c, SCREEN_OVER);
    return 0;
}

static int run_curves(struct console *c, int argc, char **argv, char **cause)
{
    console_show(c, SCREEN_CURVES);
    return 0;
}

static int run_landscape(struct console *c, int argc, char **argv, char **cause)
{
    console_show(c, SCREEN_LAND);
    return 0;
}

static int run_slice(struct console *c, int argc, char **argv, char **cause)
{
    return land_slice(c, argc, argv, cause);
}

static int run_insight(struct console *c, int argc, char **argv, char **cause)
{
    console_show(c, SCREEN_INSIGHT);
    return 0;
}

static int run_arms(struct console *c, int argc, char **argv, char **cause)
{
    console_show(c, SCREEN_ARMS);
    return 0;
}

static int run_audit(struct console *c, int argc, char **argv, char **cause)
{
    console_show(c, SCREEN_AUDIT);
    return 0;
}

static int run_replay(struct console *c, int argc, char **argv, char **cause)
{
    console_show(c, SCREEN_REPLAY);
    return 0;
}

static int run_help(struct console *c, int argc, char **argv, char **cause)
{
    c->popup = (struct popup){POPUP_KEYS, 0};
    return 0;
}

static int run_columns(struct console *c, int argc, char **argv, char **cause)
{
    c->popup = (struct popup){POPUP_COLUMNS, 0};
    return 0;
}

static int run_freeze(struct console *c, int argc, char **argv, char **cause)
{
    console_act(c, ACT_FREEZE, 0);
    return 0;
}

static int run_follow(struct console *c, int argc, char **argv, char **cause)
{
    console_act(c, ACT_FOLLOW, 0);
    return 0;
}

static int run_readonly(struct console *c, int argc, char **argv, char **cause)
{
    c->opt.readonly = true;
    console_toast(c, ST_MARK, "read-only until this console is left");
    return 0;
}

static const struct palette_command commands[] = {
    {"goto", "TIME", "all screens as of then: 14:02:11, 40%, +5m, start, live", "8", run_goto},
    {"live", "", "back to now", "End", run_live},
    {"speed", "X", "replay speed", "{ }", run_speed},
    {"filter", "[EXPR]", "show only these trials", "/", run_filter},
    {"sort", "[-]COLUMN", "order of the table", "< >", run_sort},
    {"columns", "", "choose the columns", "c", run_columns},
    {"alerts", "", "what fired, and the rules", "", palette_alerts},
    {"hosts", "", "the machines: processor, memory, GPUs, network, disks", "", palette_hosts},
    {"who", "", "who looks on, and what each did last", "", palette_who},
    {"column", "NAME", "show or hide one column", "", palette_column},
    {"group", "[NAME]", "trials as a tree by a parameter, a column or a metric", "", palette_group},
    {"redo", "", "do again what u took back last", "Ctrl-R", palette_redo},
    {"charset", "[auto|braille|blocks|ascii]", "what curves are drawn with; alone: how each looks here", "", palette_charset},
    {"theme", "mono|16|256|auto", "how many colours", "", palette_theme},
    {"describe", "KEY", "what a key does here", "", palette_describe},
    {"reload", "", "read hypertop.conf again", "", palette_reload},
    {"still", "", "freeze the order", "f", run_freeze},
    {"follow", "", "follow the best trial", "F", run_follow},
    {"trial", "ID", "open a trial", "5", run_trial},
    {"overview", "", "the overview", "1", run_overview},
    {"curves", "", "the curves", "2", run_curves},
    {"landscape", "", "the landscape", "3", run_landscape},
    {"slice", "[best|typical|TRIAL|PARAM=VALUE]...", "where the landscape holds the other parameters", "s", run_slice},
    {"insight", "", "the insight", "6", run_insight},
    {"arms", "", "the arms", "4", run_arms},
    {"audit", "", "the interventions", "7", run_audit},
    {"replay", "", "the replay bar", "8", run_replay},
    {"sweep", "[NAME]", "another sweep of this hub", "", run_sweep},
    {"readonly", "", "drop my write rights", "", run_readonly},
    {"help", "", "every key", "?", run_help},
    {"quit", "", "detach; the sweep goes on", "q", run_quit},
};
#define N_COMMANDS ((int)(sizeof commands / sizeof *commands))

const struct palette_command *palette_commands(int *n)
{
    *n = N_COMMANDS;
    return commands;
}

static const struct palette_command *find(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int palette_run(struct console *c, const char *line, char **cause)
{
    char **words;
    int n = verb_split(line, &words, cause);
    if (n <= 0) {
        if (n == 0)
            verb_words_free(words, n);
        return n;
    }
    const struct palette_command *k = find(words[0]);
    int rc = 0;
    if (k) {
        rc = k->run(c, n - 1, words + 1, cause);
    } else if (verb_find(words[0])) {
        c->prompt.error[0] = '\0';
        rc = action_submit(c, line) ? 0 : cause_set(cause, "%s", c->prompt.error);
    } else {
        const struct verb_info *near = verb_nearest(words[0]);
        if (near)
            cause_set(cause, "no command %.20s; did you mean %s?", words[0], near->name);
        else
            cause_set(cause, "no command %.20s; Tab lists them", words[0]);
        rc = -1;
    }
    verb_words_free(words, n);
    return rc;
}

/* ---- completion ---- */

struct collect {
    struct candidate *out;
    int n, cap;
    const char *line;
    size_t stem; /* bytes of line kept in front of the completed word */
    int rank;    /* of the matches taken now, see match() */
};

static struct candidate *offer(struct collect *k, const char *word, const char *tail)
{
    if (k->n >= k->cap)
        return NULL;
    struct candidate *d = &k->out[k->n++];
    *d = (struct candidate){0};
    row_format(d->line, sizeof d->line, "%.*s%s%s", (int)k->stem, k->line, word, tail);
    return d;
}

static bool subsequence(const char *needle, const char *hay)
{
    for (; *needle; needle++, hay++) {
        hay = strchr(hay, *needle);
        if (!hay)
            return false;
    }
    return true;
}

/* 0 a prefix, 1 contained in order, -1 no match. */
static int match(const char *typed, const char *name)
{
    if (strncmp(typed, name, strlen(typed)) == 0)
        return 0;
    return typed[0] && subsequence(typed, name) ? 1 : -1;
}

static const char *verb_key(enum verb v)
{
    static char key[8];
    int n;
    const struct menu_row *m = keymap_menu(&n);
    for (int i = 0; i < n; i++)
        if (m[i].verb == v) {
            row_format(key, sizeof key, "a %c", (char)m[i].key);
            return key;
        }
    return v == VERB_UNDO ? "u" : "";
}

static void complete_names(const struct console *c, struct collect *k, const char *typed)
{
    const char *refused = console_refusal(c, KG_STEER);
    for (int rank = 0; rank < 2; rank++) {
        for (int v = 1; v < VERB_COUNT; v++) {
            const struct verb_info *info = verb_info((enum verb)v);
            if (match(typed, info->name) != rank)
                continue;
            struct candidate *d = offer(k, info->name, info->args[0] ? " " : "");
            if (!d)
                return;
            row_format(d->show, sizeof d->show, "%s %.50s", info->name, info->args);
            row_format(d->what, sizeof d->what, "%.95s", info->text);
            row_format(d->key, sizeof d->key, "%s", verb_key(info->verb));
            row_format(d->guard, sizeof d->guard, "%s", popup_guard_name(info->guard));
            d->off = refused != NULL;
        }
        for (int i = 0; i < N_COMMANDS; i++) {
            if (match(typed, commands[i].name) != rank)
                continue;
            struct candidate *d = offer(k, commands[i].name, commands[i].args[0] ? " " : "");
            if (!d)
                return;
            row_format(d->show, sizeof d->show, "%s %s", commands[i].name, commands[i].args);
            row_format(d->what, sizeof d->what, "%s", commands[i].text);
            row_format(d->key, sizeof d->key, "%s", commands[i].key);
            row_format(d->guard, sizeof d->guard, "safe");
        }
    }
}

static void complete_word(struct collect *k, const char *typed, const char *word, const char *tail,
                          const char *what)
{
    struct candidate *d = match(typed, word) == k->rank ? offer(k, word, tail) : NULL;
    if (!d)
        return;
    row_format(d->show, sizeof d->show, "%.60s", word);
    row_format(d->what, sizeof d->what, "%.90s", what);
}

static void complete_trials(const struct console *c, struct collect *k, const char *typed)
{
    char id[32];
    if (c->table.n_marks)
        complete_word(k, typed, "marked", " ", "the marked trials");
    complete_word(k, typed, "best", " ", "the best trial");
    for (int i = 0; i < c->table.n_rows; i++) {
        struct trial_row r;
        trial_row_read(&r, (struct span){(char *)c->table.rows[i].raw.data, c->table.rows[i].raw.len});
        row_format(id, sizeof id, "t%lld", (long long)r.trial);
        complete_word(k, typed, id, " ", r.state->name);
    }
}

static void complete_params(const struct console *c, struct collect *k, const char *typed)
{
    char name[ROW_TEXT];
    for (int i = 0; i < c->sum.n_params; i++) {
        row_text(name, c->sum.params[i], 40);
        complete_word(k, typed, name, "=", "parameter");
    }
}

static void complete_arms(const struct console *c, struct collect *k, const char *typed)
{
    char name[ROW_TEXT], word[ROW_TEXT + 2];
    for (int i = 0; i < sub_rows(&c->subs, SUB_ARMS); i++) {
        struct span r = sub_row(&c->subs, SUB_ARMS, i);
        if (!r.p)
            continue;
        row_text(name, cmap_str(r, "label"), 40);
        row_format(word, sizeof word, strpbrk(name, " ,") ? "'%.250s'" : "%.250s", name);
        complete_word(k, typed, word, " ", "arm");
    }
}

static void complete_args(const struct console *c, struct collect *k, const char *first, const char *typed)
{
    const struct verb_info *v = verb_find(first);
    if (v && v->target == VT_TRIAL) {
        complete_trials(c, k, typed);
        if (v->verb == VERB_SET || v->verb == VERB_CLONE)
            complete_params(c, k, typed);
    } else if (v && v->target == VT_ARM) {
        complete_arms(c, k, typed);
    } else if (v && v->verb == VERB_ENQUEUE) {
        complete_params(c, k, typed);
    } else if (strcmp(first, "sort") == 0 || strcmp(first, "group") == 0 || strcmp(first, "column") == 0) {
        static const char *const fixed[] = {"value", "trial", "state", "step", "seconds"};
        char name[ROW_TEXT];
        for (int i = 0; i < 5; i++)
            complete_word(k, typed, fixed[i], "", "column");
        for (int i = 0; i < c->sum.n_params; i++) {
            row_text(name, c->sum.params[i], 40);
            complete_word(k, typed, name, "", "parameter");
        }
    } else if (strcmp(first, "trial") == 0) {
        complete_trials(c, k, typed);
    } else if (strcmp(first, "sweep") == 0) {
        char name[ROW_TEXT];
        for (int i = 0; i < sub_rows(&c->subs, SUB_SWEEPS); i++) {
            row_text(name, cmap_str(sub_row(&c->subs, SUB_SWEEPS, i), "sweep"), 60);
            complete_word(k, typed, name, "", "sweep");
        }
    } else if (strcmp(first, "goto") == 0) {
        complete_word(k, typed, "start", "", "the first event");
        complete_word(k, typed, "50%", "", "the middle");
        complete_word(k, typed, "live", "", "now");
    }
}

int palette_complete(const struct console *c, const char *line, struct candidate *out, int cap)
{
    int nth;
    struct collect k = {.out = out, .cap = cap, .line = line, .stem = prompt_word(line, &nth)};
    char first[32];
    if (nth == 0) {
        complete_names(c, &k, line + k.stem);
        return k.n;
    }
    row_format(first, sizeof first, "%.30s", line);
    first[strcspn(first, " ")] = '\0';
    for (k.rank = 0; k.rank < 2; k.rank++)
        complete_args(c, &k, first, line + k.stem);
    return k.n;
}

void palette_tab(struct console *c, int dir)
{
    struct prompt *p = &c->prompt;
    struct candidate *list = calloc(PALETTE_MAX, sizeof *list);
    if (!list)
        return;
    if (p->pick == 0)
        memcpy(p->stem, p->text, sizeof p->stem);
    int n = palette_complete(c, p->stem, list, PALETTE_MAX);
    int pick = n ? p->pick + dir : 0;
    if (n && pick < 1)
        pick = n;
    if (pick > n)
        pick = 1;
    if (n) {
        prompt_set(p, list[pick - 1].line);
        p->pick = n == 1 ? 0 : pick; /* the only one is taken: Tab goes on with the next word */
    } else {
        row_format(p->error, sizeof p->error, "nothing to complete");
    }
    free(list);
}

void palette_draw(const struct console *c, struct canvas *out, struct rect body)
{
    if (c->prompt.kind != PROMPT_COMMAND || body.h < 6 || body.w < 24)
        return;
    struct candidate *list = calloc(PALETTE_MAX, sizeof *list);
    if (!list)
        return;
    const char *stem = c->prompt.pick ? c->prompt.stem : c->prompt.text;
    int n = palette_complete(c, stem, list, PALETTE_MAX), rows = n < 12 ? n : 12;
    int h = rows + 2 + (n == 0) < body.h ? rows + 2 + (n == 0) : body.h, w = body.w < 76 ? body.w : 76;
    struct rect r = {body.x + (body.w - w) / 2, body.y + body.h - h, w, h};
    canvas_fill(out, r, ST_PLAIN, ' ');
    struct rect in = rect_inset(
        canvas_box(out, r, "Commands", "Tab completes \u00b7 \u2191\u2193 history \u00b7 Esc"), 1, 0);
    struct rect old = canvas_clip(out, in);
    int from = c->prompt.pick > in.h ? c->prompt.pick - in.h : 0;
    for (int i = 0; i < in.h && from + i < n; i++) {
        const struct candidate *d = &list[from + i];
        int y = in.y + i, x_what = in.w >= 60 ? 26 : 14, tail = in.w >= 50 ? 14 : 0;
        canvas_textn(out, in.x, y, x_what - 1, d->off ? ST_DIM : ST_STRONG, d->show, strlen(d->show));
        canvas_textn(out, in.x + x_what, y, in.w - x_what - tail, d->off ? ST_DIM : ST_PLAIN, d->what,
                     strlen(d->what));
        if (tail) {
            canvas_text(out, in.x + in.w - 13, y, ST_KEY, d->key);
            canvas_text(out, in.x + in.w - 8, y, ST_DIM, d->guard);
        }
        if (c->prompt.pick == from + i + 1)
            canvas_flag(out, (struct rect){in.x, y, in.w, 1}, ST_REVERSE);
    }
    if (n == 0) {
        const char *none = stem[0] ? "Enter runs it; Tab has nothing to add" : "type a command";
        canvas_textn(out, in.x, in.y, in.w, ST_DIM, none, strlen(none));
    }
    canvas_clip(out, old);
    free(list);
}
