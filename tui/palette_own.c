/* palette_own: commands on the console itself: how it draws, what its keys mean, how the table is arranged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "tui/config.h"
#include "tui/key_name.h"
#include "tui/palette_parts.h"
#include "tui/row.h"
#include "tui/screen.h"

int palette_charset(struct console *c, int argc, char **argv, char **cause)
{
    if (argc == 0) { /* each set draws the same slope: take what looks right */
        console_toast(c, ST_MARK, "braille \u2819\u2832\u28e4\u28c0   blocks \u259c\u2599\u2584   ascii \\_.   now %s: "
                                  ":charset NAME",
                      own_charset_name(c->own.charset));
        return 0;
    }
    if (argc != 1)
        return cause_set(cause, "charset takes one of auto, braille, blocks and ascii");
    if (own_set_charset(c, argv[0], cause) < 0)
        return -1;
    c->own.keep_charset = true;
    console_toast(c, ST_LIVE, "charset %s, here and from now on under this TERM", argv[0]);
    return 0;
}

int palette_theme(struct console *c, int argc, char **argv, char **cause)
{
    static const char *const names[][2] = {{"mono", "never"}, {"16", "16"}, {"256", "256"}, {"auto", "auto"}};
    for (size_t i = 0; argc == 1 && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], argv[0]) == 0) {
            row_format(c->own.color, sizeof c->own.color, "%s", names[i][1]);
            c->own.recolor = true;
            return 0;
        }
    return cause_set(cause, "theme is mono, 16, 256 or auto; colours of your own stand in hypertop.conf");
}

/* "Ctrl-P" and "^P" are the same key; so is what follows a blank in the command line. */
int palette_describe(struct console *c, int argc, char **argv, char **cause)
{
    char name[KEY_NAME];
    int n, key = argc == 1 ? key_parse(argv[0]) : KEY_NONE_;
    if (key == KEY_NONE_)
        return cause_set(cause, "describe takes one key: e, Space, Ctrl-P, Shift-Left, F1");
    const struct key_row *k = keymap_find(c->screen, key), *rows = keymap_rows(&n);
    if (!k) {
        console_toast(c, ST_DIM, "%s means nothing on this screen", key_name(key, name));
        return 0;
    }
    const char *text = k->text;
    for (int i = 0; i < n && !text; i++) /* an alias says what its first row says */
        if (rows[i].action == k->action && rows[i].arg == k->arg && rows[i].text)
            text = rows[i].text;
    const char *why = console_refusal(c, k->guard);
    console_toast(c, ST_MARK, "%s: %s (%s)%s%s", key_name(key, name), text ? text : "", action_name(k->action),
                  why ? "; not now: " : "", why ? why : "");
    return 0;
}

int palette_reload(struct console *c, int argc, char **argv, char **cause)
{
    own_reload(c);
    return 0;
}

int palette_group(struct console *c, int argc, char **argv, char **cause)
{
    if (argc > 1)
        return cause_set(cause, "group takes one column, parameter or metric; none is a plain list");
    table_group_by(&c->table, argc ? argv[0] : "");
    return 0;
}

int palette_column(struct console *c, int argc, char **argv, char **cause)
{
    if (argc != 1)
        return cause_set(cause, "column takes one name: a parameter, a metric, tags, note, origin ...");
    if (!columns_toggle(&c->table.cols, argv[0]))
        return cause_set(cause, "%d columns are the most", COLUMNS_MAX);
    return 0;
}

int palette_redo(struct console *c, int argc, char **argv, char **cause)
{
    action_redo(c);
    return 0;
}

int palette_alerts(struct console *c, int argc, char **argv, char **cause)
{
    c->popup = (struct popup){POPUP_ALERTS, 0};
    return 0;
}

int palette_hosts(struct console *c, int argc, char **argv, char **cause)
{
    c->popup = (struct popup){POPUP_HOSTS, 0};
    return 0;
}

int palette_who(struct console *c, int argc, char **argv, char **cause)
{
    c->popup = (struct popup){POPUP_CONSOLES, 0};
    return 0;
}
