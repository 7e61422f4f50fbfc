/* cmd: the dispatcher. Owns the order in which a command line is judged: global options, the name, the
 * command's options and number of words, the hub; a command's own code starts after all of that is well. */
#include "tui/cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tui/config.h"
#include "tui/console.h"
#include "tui/help.h"
#include "tui/plain.h"
#include "tui/program.h"
#include "tui/say.h"

/* ---- errors ---- */

static void put_error(const char *name, const char *sentence)
{
    struct buf b = {0};
    buf_puts(&b, "hypertop");
    if (name && *name)
        buf_printf(&b, " %s", name);
    buf_puts(&b, ": ");
    say_puts(&b, sentence);
    buf_putc(&b, '\n');
    say_flush(&b, STDERR_FILENO);
    buf_release(&b);
}

int cmd_error(const struct cmd_call *call, int status, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    put_error(call && call->cmd ? call->cmd->name : "", buf_cstr(&b));
    buf_release(&b);
    return status;
}

int cmd_cause(const struct cmd_call *call, int status, char *cause)
{
    cmd_error(call, status, "%s", cause ? cause : "it failed and did not say why");
    free(cause);
    return status;
}

/* ---- what commands share ---- */

int cmd_connect(struct cmd_call *call, const char *replay, bool start)
{
    char *cause = NULL;
    struct client_options o = {
        .hub = call->hub, .readonly = call->readonly, .start = start, .replay = replay};

    call->client = client_open(&o, &cause);
    if (call->client)
        return EXIT_DONE;
    return cmd_cause(call, replay ? EXIT_FAILED : EXIT_NO_HUB, cause);
}

int cmd_exec_hub(const struct cmd_call *call, const char *name, int n, char *const *words)
{
    char **argv = mem_zero((size_t)n + 3, sizeof *argv), *cause = NULL;

    if (call->hub)
        setenv("HYPERTOP_HUB", call->hub, 1);
    argv[1] = (char *)name;
    for (int i = 0; i < n; i++)
        argv[2 + i] = words[i];
    program_exec("hypertop-hub", argv, &cause);
    free(argv);
    return cmd_cause(call, EXIT_FAILED, cause);
}

bool cmd_full_screen(const struct cmd_call *call)
{
    const char *term = getenv("TERM");
    return !call->plain && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
           strcmp(term, "dumb") != 0;
}

int cmd_show(struct cmd_call *call, const char *sweep, const char *at, double speed, bool replay)
{
    if (!cmd_full_screen(call)) {
        struct plain_options o = {.sweep = sweep, .replay = replay, .exec = opt_text(&call->set, "exec")};
        return plain_run(call->client, &o);
    }
    struct config config;
    config_init(&config);
    config_load(&config);
    struct console_options o = {
        .config = &config,
        .exec = opt_text(&call->set, "exec"),
        .color = call->color ? call->color : config.color,
        .sweep = sweep,
        .user = client_user(call->client),
        .at = at,
        .speed = speed,
        .ascii = call->ascii,
        .readonly = client_readonly(call->client),
        .slow = call->slow,
        .replay = replay,
    };
    int rc = console_run(call->client, &o);
    config_release(&config);
    return rc;
}

/* ---- dispatch ---- */

/* Options given in front of the name and behind it; the later one counts. */
static void take_globals(struct cmd_call *call, const struct opt_set *s)
{
    const char *text;
    if ((text = opt_text(s, "hub")))
        call->hub = text;
    if ((text = opt_text(s, "color")))
        call->color = text;
    call->readonly |= opt_flag(s, "readonly");
    call->plain |= opt_flag(s, "plain");
    call->ascii |= opt_flag(s, "ascii");
    call->slow |= opt_flag(s, "slow");
}

static int check_words(const struct cmd_call *call)
{
    const struct cmd *c = call->cmd;
    int n = call->set.n_words;

    if (n < c->min_words)
        return cmd_error(call, EXIT_USAGE, "%s is missing: usage: hypertop %s %s", n ? "a word" : c->args,
                         c->name, c->args);
    if (c->max_words >= 0 && n > c->max_words)
        return cmd_error(call, EXIT_USAGE, "'%s' is one word too many: usage: hypertop %s %s",
                         call->set.words[c->max_words], c->name, c->args);
    return EXIT_DONE;
}

static int run_command(struct cmd_call *call, int argc, char **argv)
{
    const struct cmd *c = call->cmd;
    char *cause = NULL;
    int rc;

    call->set.tables[0] = c->options;
    call->set.tables[1] = cmd_global_options;
    if (opt_parse(&call->set, argc, argv, c->flags & CMD_PASS ? OPT_PASS : OPT_STRICT, &cause) < 0)
        return cmd_cause(call, EXIT_USAGE, cause);
    take_globals(call, &call->set);
    if (opt_flag(&call->set, "help"))
        return help_command(c);
    rc = check_words(call);
    if (rc == EXIT_DONE && c->flags & CMD_HUB)
        rc = cmd_connect(call, NULL, c->flags & CMD_START);
    if (rc == EXIT_DONE)
        rc = c->run(call);
    client_close(call->client);
    return rc;
}

static int unknown_command(const struct cmd_call *call, const char *name)
{
    const char *near = cmd_nearest(name);
    if (near)
        return cmd_error(call, EXIT_USAGE, "unknown command '%s': did you mean `hypertop %s`?", name, near);
    return cmd_error(call, EXIT_USAGE, "unknown command '%s': `hypertop help` lists the commands", name);
}

int cmd_main(int argc, char **argv)
{
    struct cmd_call call = {.cmd = NULL};
    struct opt_set front = {.tables = {cmd_global_options, NULL}};
    char *cause = NULL;
    int rc = EXIT_USAGE;

    int used = opt_parse(&front, argc - 1, argv + 1, OPT_LEADING, &cause);
    if (used < 0) {
        cmd_cause(&call, EXIT_USAGE, cause);
        goto out;
    }
    take_globals(&call, &front);
    argc -= 1 + used;
    argv += 1 + used;
    if (opt_flag(&front, "reset-tty")) {
        console_reset_tty();
        rc = EXIT_DONE;
    } else if (opt_flag(&front, "version")) {
        rc = help_version();
    } else if (opt_flag(&front, "help")) {
        rc = help_all();
    } else if (argc == 0) {
        call.cmd = cmd_find("attach");
        rc = run_command(&call, 0, argv);
    } else if (!(call.cmd = cmd_find(argv[0]))) {
        rc = unknown_command(&call, argv[0]);
    } else if (call.cmd->flags & CMD_EXEC && argc > 1 &&
               (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        rc = help_command(call.cmd);
    } else if (call.cmd->flags & CMD_EXEC) {
        rc = cmd_exec_hub(&call, call.cmd->name, argc - 1, argv + 1);
    } else {
        rc = run_command(&call, argc - 1, argv + 1);
    }
out:
    opt_release(&call.set);
    opt_release(&front);
    return rc;
}
