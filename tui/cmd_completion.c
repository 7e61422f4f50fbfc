/* cmd_completion: completion scripts for three shells, generated from the tables of commands, options, verbs
 * and views, so that what can be typed can be completed. */
#include <string.h>
#include <unistd.h>

#include "proto/verb.h"
#include "tui/cmd_list.h"
#include "tui/say.h"

typedef void word_sink(struct buf *b, const char *word, size_t n, const char *text);

static void split_list(struct buf *b, const char *list, word_sink *put)
{
    while (*list) {
        size_t n = strcspn(list, "|");
        put(b, list, n, "");
        list += n + (list[n] == '|');
    }
}

/* The words that may stand behind a command. */
static void each_word(struct buf *b, const struct cmd *c, word_sink *put)
{
    switch (c->words) {
    case WORDS_LIST:
    case WORDS_SHELL: split_list(b, c->list, put); break;
    case WORDS_VERB:
        for (enum verb v = VERB_NONE + 1; v < VERB_COUNT; v++)
            put(b, verb_info(v)->name, strlen(verb_info(v)->name), verb_info(v)->text);
        break;
    case WORDS_TOPIC:
        for (const struct cmd *t = cmd_table; t->name; t++)
            put(b, t->name, strlen(t->name), t->text);
        put(b, "verbs", strlen("verbs"), "what send understands");
        break;
    default: break;
    }
}

static void bare(struct buf *b, const char *word, size_t n, const char *text)
{
    buf_put(b, word, n);
    buf_putc(b, ' ');
}

static void option_words(struct buf *b, const struct opt *o)
{
    for (; o && o->type != OPT_END; o++) {
        if (o->letter)
            buf_printf(b, "-%c ", o->letter);
        if (o->name)
            buf_printf(b, "--%s ", o->name);
    }
}

/* ---- bash ---- */

static void bash_choices(struct buf *b, const struct opt *o)
{
    for (; o && o->type != OPT_END; o++) {
        if (o->type != OPT_CHOICE)
            continue;
        buf_printf(b, "    --%s) COMPREPLY=($(compgen -W \"", o->name);
        split_list(b, o->arg, bare);
        buf_puts(b, "\" -- \"$cur\")); return ;;\n");
    }
}

static void bash(struct buf *b)
{
    buf_puts(b,
             "_hypertop() {\n"
             "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= i words= opts=\n"
             "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
             "        case ${COMP_WORDS[i]} in\n"
             "        -L | --hub | --color) ((i++)) ;;\n"
             "        -*) ;;\n"
             "        *) cmd=${COMP_WORDS[i]}; break ;;\n"
             "        esac\n"
             "    done\n"
             "    case $prev in\n");
    bash_choices(b, cmd_global_options);
    for (const struct cmd *c = cmd_table; c->name; c++)
        bash_choices(b, c->options);
    buf_puts(b, "    esac\n    case $cmd in\n    '') words=\"");
    for (const struct cmd *c = cmd_table; c->name; c++)
        bare(b, c->name, strlen(c->name), "");
    buf_puts(b, "\" ;;\n");
    for (const struct cmd *c = cmd_table; c->name; c++) {
        buf_printf(b, "    %s) words=\"", c->name);
        each_word(b, c, bare);
        buf_puts(b, "\" opts=\"");
        option_words(b, c->options);
        buf_puts(b, "\" ;;\n");
    }
    buf_puts(b, "    esac\n    case $cur in\n    -*) COMPREPLY=($(compgen -W \"$opts ");
    option_words(b, cmd_global_options);
    buf_puts(b, "\" -- \"$cur\")) ;;\n"
                "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
                "    esac\n"
                "}\n"
                "complete -o default -F _hypertop hypertop\n");
}

/* ---- zsh: 'word:sentence' for _describe ---- */

/* Inside single quotes: a quote ends them, a colon separates. */
static void quoted(struct buf *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\'')
            buf_puts(b, "'\\''");
        else if (text[i] == ':')
            buf_puts(b, "\\:");
        else
            buf_putc(b, text[i]);
    }
}

static void zsh_word(struct buf *b, const char *word, size_t n, const char *text)
{
    buf_puts(b, " '");
    quoted(b, word, n);
    buf_putc(b, ':');
    quoted(b, text, strlen(text));
    buf_putc(b, '\'');
}

static void zsh_options(struct buf *b, const struct opt *o)
{
    struct buf name = {0};
    for (; o && o->type != OPT_END; o++) {
        if (o->letter)
            zsh_word(b, (char[]){'-', o->letter}, 2, o->text);
        buf_clear(&name);
        buf_printf(&name, "--%s", o->name);
        zsh_word(b, buf_cstr(&name), name.len, o->text);
    }
    buf_release(&name);
}

static void zsh(struct buf *b)
{
    buf_puts(b, "#compdef hypertop\n"
                "_hypertop() {\n"
                "    local -a list opts\n"
                "    local cmd='' i\n"
                "    for ((i = 2; i < CURRENT; i++)); do\n"
                "        case ${words[i]} in\n"
                "        (-L | --hub | --color) ((i++)) ;;\n"
                "        (-*) ;;\n"
                "        (*) cmd=${words[i]}; break ;;\n"
                "        esac\n"
                "    done\n"
                "    case $cmd in\n"
                "    ('') list=(");
    for (const struct cmd *c = cmd_table; c->name; c++)
        zsh_word(b, c->name, strlen(c->name), c->text);
    buf_puts(b, ") ;;\n");
    for (const struct cmd *c = cmd_table; c->name; c++) {
        buf_printf(b, "    (%s) list=(", c->name);
        each_word(b, c, zsh_word);
        buf_puts(b, ") opts=(");
        zsh_options(b, c->options);
        buf_puts(b, ") ;;\n");
    }
    buf_puts(b, "    esac\n    opts+=(");
    zsh_options(b, cmd_global_options);
    buf_puts(b, ")\n"
                "    if [[ ${words[CURRENT]} == -* ]]; then\n"
                "        _describe option opts\n"
                "    else\n"
                "        (( $#list )) && _describe word list\n"
                "        _files\n"
                "    fi\n"
                "}\n"
                "compdef _hypertop hypertop\n");
}

/* ---- fish ---- */

static void fish_quoted(struct buf *b, const char *text, size_t n)
{
    buf_putc(b, '\'');
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\'' || text[i] == '\\')
            buf_putc(b, '\\');
        buf_putc(b, text[i]);
    }
    buf_putc(b, '\'');
}

static const char *fish_for; /* the command whose words are being written */

static void fish_word(struct buf *b, const char *word, size_t n, const char *text)
{
    buf_printf(b, "complete -c hypertop -n '__fish_seen_subcommand_from %s' -a ", fish_for);
    fish_quoted(b, word, n);
    if (*text) {
        buf_puts(b, " -d ");
        fish_quoted(b, text, strlen(text));
    }
    buf_putc(b, '\n');
}

static void fish_options(struct buf *b, const struct opt *o, const char *cmd)
{
    for (; o && o->type != OPT_END; o++) {
        buf_puts(b, "complete -c hypertop");
        if (cmd)
            buf_printf(b, " -n '__fish_seen_subcommand_from %s'", cmd);
        if (o->letter)
            buf_printf(b, " -s %c", o->letter);
        if (o->name)
            buf_printf(b, " -l %s", o->name);
        if (o->type != OPT_FLAG)
            buf_puts(b, o->type == OPT_FILE ? " -rF" : " -x");
        if (o->type == OPT_CHOICE) {
            buf_puts(b, " -a \"");
            split_list(b, o->arg, bare);
            buf_putc(b, '"');
        }
        buf_puts(b, " -d ");
        fish_quoted(b, o->text, strlen(o->text));
        buf_putc(b, '\n');
    }
}

static void fish(struct buf *b)
{
    fish_options(b, cmd_global_options, NULL);
    for (const struct cmd *c = cmd_table; c->name; c++) {
        buf_printf(b, "complete -c hypertop -n __fish_use_subcommand -f -a %s -d ", c->name);
        fish_quoted(b, c->text, strlen(c->text));
        buf_putc(b, '\n');
        fish_for = c->name;
        each_word(b, c, fish_word);
        fish_options(b, c->options, c->name);
    }
}

static const struct {
    const char *name;
    void (*print)(struct buf *b);
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

int cmd_completion(struct cmd_call *call)
{
    struct buf b = {0};

    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shells[i].name, call->set.words[0]) == 0)
            shells[i].print(&b);
    if (!b.len)
        return cmd_error(call, EXIT_USAGE,
                         "'%s' is not a shell that is known: one of bash, zsh, fish is needed",
                         call->set.words[0]);
    int rc = say_flush(&b, STDOUT_FILENO) ? EXIT_DONE : EXIT_FAILED;
    buf_release(&b);
    return rc;
}
