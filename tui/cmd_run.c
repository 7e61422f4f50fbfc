/* cmd_run: starts a sweep from its file: the file's text, the folder and the environment go to the hub, which
 * runs it; we only watch. The file is read before a hub is started, so that a mistyped path leaves nothing
 * behind. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tui/cmd_list.h"
#include "tui/headless.h"
#include "tui/say.h"

#define START_TIMEOUT (30 * CLOCK_S)
#define FILE_MAX      CODEC_MAX_STR /* the file travels as one string */

extern char **environ;

/* The whole file, malloc'ed. */
static char *read_file(const char *path, size_t *n, char **cause)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = NULL;

    if (fd < 0 || fstat(fd, &st) != 0) {
        cause_set(cause, "%s: %s: name the YAML file of a sweep", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)) {
        cause_set(cause, "%s: is not a file: name the YAML file of a sweep", path);
        goto out;
    }
    text = mem_alloc(FILE_MAX + 1);
    size_t have = 0;
    ssize_t got = 1;
    while (have <= FILE_MAX && (got = read(fd, text + have, FILE_MAX + 1 - have)) > 0)
        have += (size_t)got;
    if (got < 0 || have > FILE_MAX) {
        if (got < 0)
            cause_set(cause, "%s: %s", path, strerror(errno));
        else
            cause_set(cause, "%s: is longer than %d KiB: is it the YAML file of a sweep?", path,
                      FILE_MAX >> 10);
        free(text);
        text = NULL;
        goto out;
    }
    text[have] = '\0';
    *n = have;
out:
    if (fd >= 0)
        close(fd);
    return text;
}

static bool fits(const char *entry)
{
    const char *eq = strchr(entry, '=');
    return eq && eq != entry && strlen(eq + 1) <= CODEC_MAX_STR && eq - entry <= CODEC_MAX_STR;
}

/* What a variable too long for a message would hold is of no use to a trainer either. */
static void put_environment(struct codec_writer *w)
{
    size_t n = 0;
    for (char **e = environ; *e; e++)
        n += fits(*e);
    cw_map(w, n);
    for (char **e = environ; *e; e++) {
        if (!fits(*e))
            continue;
        const char *eq = strchr(*e, '=');
        cw_strn(w, *e, (size_t)(eq - *e));
        cw_str(w, eq + 1);
    }
}

/* Absolute, since the hub has a folder of its own; a line each. A file that is not there is named by the hub. */
static void warm_files(const struct opt_set *s, struct buf *out)
{
    for (int i = 0; i < s->n_given; i++) {
        if (!s->given[i].opt->name || strcmp(s->given[i].opt->name, "warm-start"))
            continue;
        char *full = realpath(s->given[i].value, NULL);
        buf_printf(out, "%s%s", out->len ? "\n" : "", full ? full : s->given[i].value);
        free(full);
    }
}

static void put_options(struct codec_writer *w, const struct opt_set *s)
{
    struct buf warm = {0};
    const char *tuner = opt_text(s, "tuner"), *name = opt_text(s, "name");
    const char *const numbers[] = {"seed", "budget", "workers"}, *const options[] = {"seed", "budget",
                                                                                     "jobs"};
    warm_files(s, &warm);
    size_t n = (tuner != NULL) + (name != NULL) + (warm.len > 0);

    for (int i = 0; i < 3; i++)
        n += opt_text(s, options[i]) != NULL;
    cw_map(w, n);
    if (tuner)
        cw_kstr(w, "tuner", tuner);
    if (name)
        cw_kstr(w, "name", name);
    if (warm.len)
        cw_kstr(w, "warm_start", buf_cstr(&warm));
    buf_release(&warm);
    for (int i = 0; i < 3; i++)
        if (opt_text(s, options[i]))
            cw_kint(w, numbers[i], opt_int(s, options[i], 0));
}

static void put_request(struct buf *b, const struct opt_set *s, const char *path, const char *text, size_t n)
{
    struct codec_writer w;
    char cwd[PATH_MAX] = "", *full = realpath(path, NULL);

    if (!getcwd(cwd, sizeof cwd))
        cwd[0] = '\0';
    cw_init(&w, b);
    cw_map(&w, 5);
    cw_str(&w, "yaml");
    cw_strn(&w, text, n);
    cw_kstr(&w, "path", full ? full : path);
    cw_kstr(&w, "cwd", cwd);
    cw_str(&w, "env");
    put_environment(&w);
    cw_str(&w, "options");
    put_options(&w, s);
    free(full);
}

static void put_warnings(struct span body)
{
    struct span list = cmap_value(body, "warnings");
    struct codec_reader r;
    struct buf b = {0};

    cr_init(&r, list.p, list.n);
    for (size_t n = list.n ? cr_array(&r) : 0; n > 0 && cr_ok(&r); n--) {
        buf_puts(&b, "warning: ");
        say_put(&b, cr_str(&r));
        buf_putc(&b, '\n');
    }
    say_flush(&b, STDERR_FILENO);
    buf_release(&b);
}

static void put_started(const struct cmd_call *call, const char *sweep, struct span recording)
{
    struct buf b = {0};
    buf_puts(&b, "sweep ");
    say_puts(&b, sweep);
    buf_puts(&b, " runs on hub ");
    say_puts(&b, client_hub_name(call->client));
    buf_puts(&b, ", recording ");
    say_put(&b, recording);
    buf_putc(&b, '\n');
    say_flush(&b, STDOUT_FILENO);
    buf_release(&b);
}

/* Sends the sweep; its name, malloc'ed, or NULL after the error was printed. */
static char *start(struct cmd_call *call, struct span request)
{
    struct buf frame = {0};
    struct message m;
    char *cause = NULL, *sweep = NULL;

    if (client_ask(call->client, MSG_SWEEP_START, request, START_TIMEOUT, &frame, &m, &cause) != 0) {
        cmd_cause(call, EXIT_FAILED, cause);
    } else {
        sweep = cmap_strdup(m.body, "sweep");
        put_warnings(m.body);
        put_started(call, sweep ? sweep : "", cmap_str(m.body, "recording"));
        if (!sweep)
            sweep = mem_str("");
    }
    buf_release(&frame);
    return sweep;
}

static int watch(struct cmd_call *call, const char *sweep)
{
    if (opt_flag(&call->set, "detach"))
        return EXIT_DONE;
    if (opt_flag(&call->set, "headless") || !cmd_full_screen(call))
        return headless_follow(call, sweep);
    return cmd_show(call, sweep, NULL, 0, false);
}

static int dry_run(struct cmd_call *call)
{
    char *words[] = {(char *)call->set.words[0]};
    return cmd_exec_hub(call, "dry_run", 1, words);
}

int cmd_run(struct cmd_call *call)
{
    const char *path = call->set.words[0];
    struct buf request = {0};
    char *cause = NULL;
    size_t n = 0;

    if (call->readonly)
        return cmd_error(call, EXIT_USAGE, "--readonly only looks: leave it out to start a sweep");
    char *text = read_file(path, &n, &cause);
    if (!text)
        return cmd_cause(call, EXIT_FAILED, cause);
    if (opt_flag(&call->set, "dry-run")) {
        free(text);
        return dry_run(call);
    }
    put_request(&request, &call->set, path, text, n);
    free(text);
    int rc = cmd_connect(call, NULL, true);
    char *sweep = rc == EXIT_DONE ? start(call, (struct span){(char *)request.data, request.len}) : NULL;
    buf_release(&request);
    if (rc == EXIT_DONE)
        rc = sweep ? watch(call, sweep) : EXIT_FAILED;
    free(sweep);
    return rc;
}
