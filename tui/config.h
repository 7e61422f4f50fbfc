/* config: the person's own keys, colours and settings: $XDG_CONFIG_HOME/hypertop/hypertop.conf (~/.config without it).
 *
 * One statement a line, words parted by blanks; a line that begins with # is a comment. What is compiled in can be printed
 * in the same language (config_print, `hypertop help config`), and reading that back changes nothing:
 *
 *   bind SCREENS KEY ACTION [ARG]      unbind SCREENS KEY
 *   menu SCREENS LETTER COMMAND        unmenu SCREENS LETTER    a letter of the `a` menu; a COMMAND that ends in ... is opened to be
 *                                                               completed; %t is the selected or marked trials, %a the arm
 *   color ROLE FOREGROUND [FOREGROUND8] [bold] [dim] [underline] [reverse]
 *   set NAME VALUE                     the settings of config_setting()
 *   rule EXPRESSION                    an alert of this person's own, as `:rule` takes it
 *
 * SCREENS is all or a comma list of overview, curves, ...; a bad line is one error FILE:LINE:COLUMN, the others count. */
#ifndef TUI_CONFIG_H
#define TUI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define CONFIG_RULES 32
#define CONFIG_TEXT  512

/* SETTING(field, "name", "values", "default", "sentence"); an empty list of values takes any text */
#define CONFIG_SETTINGS(SETTING)                                                                                        \
    SETTING(charset, "charset", "auto|braille|blocks|ascii", "auto", "what curves are drawn with; :charset shows all")  \
    SETTING(color, "color", "auto|never|16|256", "auto", "how many colours; --color goes before it")             \
    SETTING(bell, "bell", "on|off", "on", "ring the terminal's bell on an alert")                                       \
    SETTING(notify, "notify", "auto|on|off", "auto", "desktop notification (OSC 9 and 777) on an alert")                \
    SETTING(exec, "exec", "", "", "a command for the shell on an alert; it finds what happened in HYPERTOP_ALERT_*")

struct config {
#define CONFIG_FIELD(field, name, values, fallback, text) char field[CONFIG_TEXT];
    CONFIG_SETTINGS(CONFIG_FIELD)
#undef CONFIG_FIELD
    char *rules[CONFIG_RULES];
    int n_rules;
    char path[CONFIG_TEXT]; /* where it was read from, "" nowhere */
    struct buf errors;      /* FILE:LINE:COLUMN: sentence, one a line */
    int n_errors;
};

void config_init(struct config *c); /* the defaults; keys and colours as compiled in */
void config_release(struct config *c);
/* Reads the person's file, if there is one. Keys and colours take effect at once. */
void config_load(struct config *c);
/* The statements of one text; path is for the errors. */
void config_parse(struct config *c, const char *text, size_t n, const char *path);
/* One setting ("charset", "ascii"): 0, or -1 and a cause. */
int config_set(struct config *c, const char *name, const char *value, char **cause);
/* Where the file is or would be; "" when there is no home. */
void config_path(char *out, size_t cap);
/* What is compiled in, in the file's language. */
void config_print(struct buf *out);

#endif
