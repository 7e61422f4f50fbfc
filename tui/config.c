/* config: reading and printing of hypertop.conf. */
#include "tui/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tui/key_name.h"
#include "tui/screen.h"

#define FILE_MAX   (256 << 10)
#define ERRORS_MAX 100

/* ---- settings ---- */

static const struct setting {
    const char *name, *values, *fallback, *text;
    size_t at;
} settings[] = {
#define SETTING_ROW(field, name, values, fallback, text) {name, values, fallback, text, offsetof(struct config, field)},
    CONFIG_SETTINGS(SETTING_ROW)
#undef SETTING_ROW
};
#define N_SETTINGS (sizeof settings / sizeof *settings)

void config_init(struct config *c)
{
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < N_SETTINGS; i++)
        snprintf((char *)c + settings[i].at, CONFIG_TEXT, "%s", settings[i].fallback);
    keymap_reset();
    theme_reset();
}

void config_release(struct config *c)
{
    for (int i = 0; i < c->n_rules; i++)
        free(c->rules[i]);
    buf_release(&c->errors);
    memset(c, 0, sizeof *c);
}

static bool among(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; *p; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == n && strncmp(p, word, n) == 0)
            return true;
    return false;
}

int config_set(struct config *c, const char *name, const char *value, char **cause)
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (strcmp(settings[i].name, name) != 0)
            continue;
        if (settings[i].values[0] && !among(settings[i].values, value))
            return cause_set(cause, "%s is one of %s", name, settings[i].values);
        if (strlen(value) >= CONFIG_TEXT)
            return cause_set(cause, "longer than %d bytes", CONFIG_TEXT - 1);
        snprintf((char *)c + settings[i].at, CONFIG_TEXT, "%s", value);
        return 0;
    }
    struct buf all = {0};
    for (size_t i = 0; i < N_SETTINGS; i++)
        buf_printf(&all, "%s%s", i ? ", " : "", settings[i].name);
    cause_set(cause, "no setting %.40s; there are %s", name, buf_cstr(&all));
    buf_release(&all);
    return -1;
}

/* ---- one line ---- */

#define WORDS_MAX 12

struct line {
    struct config *c;
    const char *path;
    int number;
    char *text;
    char *word[WORDS_MAX];
    int column[WORDS_MAX]; /* from 1, in bytes */
    char *rest[WORDS_MAX]; /* from this word to the end of the line */
    int n;
};

static void complain(struct line *l, int column, const char *what)
{
    if (++l->c->n_errors <= ERRORS_MAX)
        buf_printf(&l->c->errors, "%s:%d:%d: %s\n", l->path, l->number, column, what);
}

static void complain_cause(struct line *l, int word, char *cause)
{
    complain(l, l->column[word < l->n ? word : l->n - 1], cause ? cause : "not understood");
    free(cause);
}

/* At least `need` words behind the first. */
static bool enough(struct line *l, int need, const char *usage)
{
    char what[200];
    if (l->n - 1 >= need)
        return true;
    snprintf(what, sizeof what, "something is missing: %s", usage);
    complain(l, (int)strlen(l->rest[l->n - 1]) + l->column[l->n - 1], what);
    return false;
}

static const char *screen_word(int i, char out[32])
{
    snprintf(out, 32, "%s", screens[i]->name);
    for (char *p = out; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    return out;
}

static bool read_screens(struct line *l, int word, unsigned *on)
{
    char name[32];
    *on = 0;
    if (strcmp(l->word[word], "all") == 0) {
        *on = ON_ALL;
        return true;
    }
    for (const char *p = l->word[word]; *p;) {
        size_t n = strcspn(p, ",");
        unsigned bit = 0;
        for (int i = 0; i < SCREEN_COUNT; i++)
            if (strlen(screen_word(i, name)) == n && strncmp(name, p, n) == 0)
                bit = 1u << i;
        if (!bit) {
            complain(l, l->column[word] + (int)(p - l->word[word]), "no such screen; all, or overview, arms, trial and so on");
            return false;
        }
        *on |= bit;
        p += n;
        p += *p == ',';
    }
    return *on != 0;
}

static bool read_key(struct line *l, int word, int *key)
{
    *key = key_parse(l->word[word]);
    if (*key == KEY_NONE_)
        complain(l, l->column[word], "no such key; one character, Ctrl-X, Space, Enter, Shift-Left, F1 ...");
    return *key != KEY_NONE_;
}

/* ---- statements ---- */

static void do_bind(struct line *l)
{
    unsigned on;
    int key, arg = 0;
    char name[32], *cause = NULL;
    if (!enough(l, 3, "bind SCREENS KEY ACTION [ARG]") || !read_screens(l, 1, &on) || !read_key(l, 2, &key))
        return;
    enum action a = action_find(l->word[3]);
    if (a == ACT_NONE) {
        complain(l, l->column[3], "no such action; `hypertop help config` lists them");
        return;
    }
    if (l->n > 4 && a == ACT_SCREEN) {
        arg = -1;
        for (int i = 0; i < SCREEN_COUNT; i++)
            arg = strcmp(screen_word(i, name), l->word[4]) == 0 ? i : arg;
        if (arg < 0) {
            complain(l, l->column[4], "no such screen");
            return;
        }
    } else if (l->n > 4) {
        int64_t v;
        if (!text_int(l->word[4], &v) || v < -1000 || v > 1000) {
            complain(l, l->column[4], "a small number is expected here");
            return;
        }
        arg = (int)v;
    } else if (a == ACT_SCREEN) {
        enough(l, 4, "bind SCREENS KEY screen NAME");
        return;
    }
    if (keymap_bind(on, key, a, arg, &cause) < 0)
        complain_cause(l, 3, cause);
}

static void do_unbind(struct line *l)
{
    unsigned on;
    int key;
    char *cause = NULL;
    if (enough(l, 2, "unbind SCREENS KEY") && read_screens(l, 1, &on) && read_key(l, 2, &key) &&
        keymap_unbind(on, key, &cause) < 0)
        complain_cause(l, 2, cause);
}

static void do_menu(struct line *l)
{
    unsigned on;
    int key;
    char *cause = NULL;
    if (!enough(l, 3, "menu SCREENS LETTER COMMAND") || !read_screens(l, 1, &on) || !read_key(l, 2, &key))
        return;
    char *line = l->rest[3];
    size_t n = strlen(line);
    if (n > 3 && strcmp(line + n - 3, "...") == 0)
        line[n - 3] = '\0';
    if (keymap_menu_bind(on, key, line, &cause) < 0)
        complain_cause(l, cause && cause[0] == 'a' ? 2 : 3, cause);
}

static void do_unmenu(struct line *l)
{
    unsigned on;
    int key;
    char *cause = NULL;
    if (enough(l, 2, "unmenu SCREENS LETTER") && read_screens(l, 1, &on) && read_key(l, 2, &key) &&
        keymap_menu_unbind(on, key, &cause) < 0)
        complain_cause(l, 2, cause);
}

static const struct {
    const char *name;
    uint8_t flag;
} flags[] = {{"bold", LOOK_BOLD}, {"dim", LOOK_DIM}, {"underline", LOOK_UNDERLINE}, {"reverse", LOOK_REVERSE}};

static bool read_color(const char *word, int most, short *out)
{
    int64_t v;
    if (strcmp(word, "default") == 0) {
        *out = -1;
        return true;
    }
    if (!text_int(word, &v) || v < 0 || v > most)
        return false;
    *out = (short)v;
    return true;
}

static void do_color(struct line *l)
{
    struct theme_look look = {-1, -1, 0, 0};
    if (!enough(l, 2, "color ROLE FOREGROUND [FOREGROUND8] [bold] [dim] [underline] [reverse]"))
        return;
    int role = theme_role_find(l->word[1]), at = 3;
    if (role < 0) {
        complain(l, l->column[1], "no such role; `hypertop help config` lists them");
        return;
    }
    if (!read_color(l->word[2], 255, &look.c256)) {
        complain(l, l->column[2], "a colour is 0 to 255, or default");
        return;
    }
    look.c8 = look.c256 < 8 ? look.c256 : -1;
    if (l->n > 3 && read_color(l->word[3], 7, &look.c8))
        at = 4;
    for (; at < l->n; at++) {
        uint8_t flag = 0;
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            flag = strcmp(flags[i].name, l->word[at]) == 0 ? flags[i].flag : flag;
        if (!flag) {
            complain(l, l->column[at], "bold, dim, underline or reverse; a second colour is 0 to 7");
            return;
        }
        look.color |= flag;
    }
    const struct theme_look *old = theme_look((enum theme_role)role);
    look.mono = old->mono | (uint8_t)(look.color & ~old->color); /* what is new also counts without colours */
    theme_set((enum theme_role)role, look);
}

static void do_set(struct line *l)
{
    char *cause = NULL;
    if (enough(l, 1, "set NAME VALUE") &&
        config_set(l->c, l->word[1], l->n > 2 ? l->rest[2] : "", &cause) < 0)
        complain_cause(l, cause && text_has_prefix(cause, "no setting") ? 1 : 2, cause);
}

static void do_rule(struct line *l)
{
    if (!enough(l, 1, "rule EXPRESSION"))
        return;
    if (l->c->n_rules == CONFIG_RULES)
        complain(l, 1, "more rules than are kept");
    else
        l->c->rules[l->c->n_rules++] = mem_str(l->rest[1]);
}

static const struct {
    const char *name;
    void (*run)(struct line *);
} statements[] = {{"bind", do_bind},     {"unbind", do_unbind}, {"menu", do_menu}, {"unmenu", do_unmenu},
                  {"color", do_color},   {"set", do_set},       {"rule", do_rule}};

/* Words of a copy of the line; rest[i] of another, which keeps its blanks. */
static void split(struct line *l, char *words, char *whole)
{
    char *p = words;
    for (l->n = 0; l->n < WORDS_MAX;) {
        p += strspn(p, " \t");
        if (!*p)
            return;
        l->word[l->n] = p;
        l->column[l->n] = (int)(p - words) + 1;
        l->rest[l->n++] = whole + (p - words);
        p += strcspn(p, " \t");
        if (*p)
            *p++ = '\0';
    }
}

static void do_line(struct config *c, const char *path, int number, const char *text, size_t n)
{
    while (n && (text[n - 1] == '\r' || text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    char *words = mem_strn(text, n), *whole = mem_strn(text, n);
    struct line l = {.c = c, .path = path, .number = number, .text = whole};
    split(&l, words, whole);
    bool known = l.n == 0 || l.word[0][0] == '#';
    for (size_t i = 0; i < sizeof statements / sizeof *statements && !known; i++)
        if (strcmp(statements[i].name, l.word[0]) == 0) {
            statements[i].run(&l);
            known = true;
        }
    if (!known)
        complain(&l, l.column[0], "bind, unbind, menu, unmenu, color, set or rule is expected here");
    free(words);
    free(whole);
}

void config_parse(struct config *c, const char *text, size_t n, const char *path)
{
    int number = 1;
    for (const char *p = text, *end = text + n; p < end; number++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t len = stop ? (size_t)(stop - p) : (size_t)(end - p);
        do_line(c, path, number, p, len);
        p += len + 1;
    }
}

/* ---- the file ---- */

void config_path(char *out, size_t cap)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (xdg && xdg[0] == '/')
        snprintf(out, cap, "%s/hypertop/hypertop.conf", xdg);
    else
        snprintf(out, cap, home && *home ? "%s/.config/hypertop/hypertop.conf" : "", home);
}

void config_load(struct config *c)
{
    char path[CONFIG_TEXT];
    config_path(path, sizeof path);
    FILE *f = path[0] ? fopen(path, "re") : NULL;
    if (!f) {
        if (path[0] && errno != ENOENT && errno != ENOTDIR) {
            buf_printf(&c->errors, "%s:1:1: cannot be read: %s\n", path, strerror(errno));
            c->n_errors++;
        }
        return;
    }
    char *text = mem_alloc(FILE_MAX);
    size_t n = fread(text, 1, FILE_MAX, f);
    fclose(f);
    snprintf(c->path, sizeof c->path, "%s", path);
    if (memchr(text, '\0', n)) {
        buf_printf(&c->errors, "%s:1:1: not a text file\n", path);
        c->n_errors++;
    } else {
        config_parse(c, text, n, path);
    }
    free(text);
}

/* ---- printing ---- */

static void print_screens(struct buf *out, unsigned on)
{
    char name[32];
    const char *sep = "";
    if ((on & ((1u << SCREEN_COUNT) - 1)) == (1u << SCREEN_COUNT) - 1) {
        buf_puts(out, "all");
        return;
    }
    for (int i = 0; i < SCREEN_COUNT; i++)
        if (on & 1u << i) {
            buf_printf(out, "%s%s", sep, screen_word(i, name));
            sep = ",";
        }
}

static void print_keys(struct buf *out)
{
    int n;
    char key[KEY_NAME], name[32];
    const struct key_row *rows = keymap_default_rows(&n);
    for (int i = 0; i < n; i++) {
        const struct key_row *r = &rows[i];
        if (r->text)
            buf_printf(out, "# %s\n", r->text);
        buf_puts(out, "bind ");
        print_screens(out, r->on);
        buf_printf(out, " %s %s", key_name(r->key, key), action_name(r->action));
        if (r->action == ACT_SCREEN)
            buf_printf(out, " %s", screen_word(r->arg, name));
        else if (r->arg)
            buf_printf(out, " %d", r->arg);
        buf_putc(out, '\n');
    }
}

static void print_menu(struct buf *out)
{
    int n;
    char key[KEY_NAME];
    const struct menu_row *m = keymap_default_menu(&n);
    for (int i = 0; i < n; i++) {
        size_t len = strlen(m[i].line);
        buf_puts(out, "menu ");
        print_screens(out, m[i].on);
        buf_printf(out, " %s %s%s\n", key_name(m[i].key, key), m[i].line,
                   len && strchr(" +=", m[i].line[len - 1]) ? "..." : "");
    }
}

static void print_color(struct buf *out, short c)
{
    if (c < 0)
        buf_puts(out, " default");
    else
        buf_printf(out, " %d", c);
}

static void print_colors(struct buf *out)
{
    for (int i = 0; i < ST_COUNT; i++) {
        const struct theme_look *l = theme_look((enum theme_role)i);
        buf_printf(out, "color %s", theme_role_name((enum theme_role)i));
        print_color(out, l->c256);
        print_color(out, l->c8);
        for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
            if (l->color & flags[k].flag)
                buf_printf(out, " %s", flags[k].name);
        buf_putc(out, '\n');
    }
}

void config_print(struct buf *out)
{
    buf_puts(out, "# hypertop.conf as compiled in. Copy the lines that you want otherwise to ~/.config/hypertop/hypertop.conf\n"
                  "# and change them there; `:reload` reads them again. One statement a line.\n\n"
                  "# ---- settings ----\n");
    for (size_t i = 0; i < N_SETTINGS; i++)
        buf_printf(out, "# %s%s%s\nset %s%s%s\n", settings[i].text, settings[i].values[0] ? ": " : "",
                   settings[i].values, settings[i].name, settings[i].fallback[0] ? " " : "",
                   settings[i].fallback);
    buf_puts(out, "\n# ---- keys: bind SCREENS KEY ACTION ----\n");
    print_keys(out);
    buf_puts(out, "\n# ---- the actions menu: menu SCREENS LETTER COMMAND; ... is to be completed ----\n");
    print_menu(out);
    buf_puts(out, "\n# ---- colours: color ROLE FOREGROUND FOREGROUND8 FLAGS ----\n");
    print_colors(out);
    buf_puts(out, "\n# ---- alerts of your own, as `:rule` takes them ----\n"
                  "# rule val_loss is nan\n# rule no point for 10m\n# rule best improves\n");
}
