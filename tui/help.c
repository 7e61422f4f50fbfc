/* help: see help.h. All text comes from the rows of cmd_table.c and proto/verb.h, so that help, completion
 * and manual cannot drift apart without a test seeing it. Lines are at most 80 columns. */
#include "tui/help.h"

#include <string.h>
#include <unistd.h>

#include "proto/verb.h"
#include "tui/cmd.h"
#include "tui/config.h"
#include "tui/say.h"

#define WIDTH  80
#define INDENT 26 /* where sentences start */

/* Puts words of text from column `at`, wrapped with `indent` blanks. */
static void put_wrapped(struct buf *b, const char *text, int at, int indent)
{
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (at + n > WIDTH && at > indent) {
            while (b->len && b->data[b->len - 1] == ' ')
                b->len--;
            buf_printf(b, "\n%*s", indent, "");
            at = indent;
        }
        buf_put(b, text, (size_t)n);
        at += n;
        text += n;
        if (*text == ' ') {
            text++;
            if (at < WIDTH)
                buf_putc(b, ' ');
            at++;
        }
    }
    while (b->len && b->data[b->len - 1] == ' ')
        b->len--;
    buf_putc(b, '\n');
}

static void put_row(struct buf *b, const char *left, const char *text)
{
    int n = (int)strlen(left);
    buf_printf(b, "  %s", left);
    if (n + 2 >= INDENT)
        buf_printf(b, "\n%*s", INDENT, "");
    else
        buf_printf(b, "%*s", INDENT - 2 - n, "");
    put_wrapped(b, text, INDENT, INDENT);
}

static void put_options(struct buf *b, const struct opt *o)
{
    char left[80];
    for (; o && o->type != OPT_END; o++) {
        opt_spelling(o, left, sizeof left);
        put_row(b, left, o->text);
    }
}

void help_usage(struct buf *b, const struct cmd *c)
{
    struct buf line = {0};
    buf_printf(&line, "usage: hypertop %s", c->name);
    for (const struct opt *o = c->options; o && o->type != OPT_END; o++) {
        buf_puts(&line, " [");
        if (o->letter)
            buf_printf(&line, "-%c", o->letter);
        else
            buf_printf(&line, "--%s", o->name);
        if (o->type != OPT_FLAG)
            buf_printf(&line, " %s", o->arg);
        buf_putc(&line, ']');
    }
    if (*c->args)
        buf_printf(&line, " %s", c->args);
    put_wrapped(b, buf_cstr(&line), 0, 16);
    buf_release(&line);
}

static int out(struct buf *b)
{
    bool whole = say_flush(b, STDOUT_FILENO);
    buf_release(b);
    return whole ? EXIT_DONE : EXIT_FAILED;
}

int help_command(const struct cmd *c)
{
    struct buf b = {0};
    help_usage(&b, c);
    buf_putc(&b, '\n');
    put_wrapped(&b, c->text, 0, 0);
    if (c->options) {
        buf_puts(&b, "\nOptions:\n");
        put_options(&b, c->options);
    }
    buf_puts(&b, "\nEverywhere:\n");
    put_options(&b, cmd_global_options);
    if (c->more)
        buf_printf(&b, "\n%s", c->more);
    return out(&b);
}

int help_all(void)
{
    struct buf b = {0};
    buf_puts(&b, "usage: hypertop [-L NAME] [--readonly] [COMMAND [ARGUMENT...]]\n\n"
                 "top(1) for hyperparameter sweeps, with a steering wheel. Without a command it\n"
                 "attaches to the default hub (started if none runs) and shows the console.\n\nCommands:\n");
    for (const struct cmd *c = cmd_table; c->name; c++)
        put_row(&b, c->name, c->text);
    buf_puts(&b, "\nOptions:\n");
    put_options(&b, cmd_global_options);
    buf_puts(&b, "\n`hypertop COMMAND -h` says more about a command, `hypertop help verbs` lists\n"
                 "what `hypertop send` and the console's `:` line understand.\n"
                 "Exit status: 0 done, 1 the work failed, 2 wrong usage, 3 no hub.\n");
    return out(&b);
}

int help_verbs(void)
{
    struct buf b = {0}, left = {0};
    for (enum verb v = VERB_NONE + 1; v < VERB_COUNT; v++) {
        const struct verb_info *i = verb_info(v);
        buf_clear(&left);
        buf_printf(&left, "%s %s", i->name, i->args);
        put_row(&b, buf_cstr(&left), i->text);
    }
    buf_puts(&b, "\nTRIAL: 17 or t17, best, all; several with commas. Each takes --reason TEXT;\n"
                 "those on arms take --bandit NAME.\n");
    buf_release(&left);
    return out(&b);
}

int help_config(void)
{
    struct buf b = {0};
    config_print(&b);
    return out(&b);
}

int help_version(void)
{
    struct buf b = {0};
    buf_puts(&b, "hypertop " HYPERTOP_VERSION "\n");
    return out(&b);
}
