/* cmd_doctor: looks at everything that hypertop needs from this machine and says what is wrong and what to
 * do: one line a finding, "ok", "warn" or "fail" in front. Changes nothing. Fails when a line says fail. */
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "proto/endpoint.h"
#include "tui/cmd_list.h"
#include "tui/config.h"
#include "tui/program.h"
#include "tui/say.h"

#define SPACE_WARN (INT64_C(2) << 30) /* bytes free for recordings */
#define SPACE_FAIL (INT64_C(64) << 20)

enum verdict { OK, WARN, FAIL };

struct doctor {
    struct buf out;
    int worst;
};

static void finding(struct doctor *d, enum verdict v, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void finding(struct doctor *d, enum verdict v, const char *what, const char *fmt, ...)
{
    static const char *const words[] = {"ok  ", "warn", "fail"};
    struct buf text = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    buf_printf(&d->out, "%s  %-10s ", words[v], what);
    say_puts(&d->out, buf_cstr(&text));
    buf_putc(&d->out, '\n');
    buf_release(&text);
    if ((int)v > d->worst)
        d->worst = v;
}

/* ---- terminal ---- */

static bool entry_in(const char *folder, const char *term)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%c/%s", folder, term[0], term);
    if (access(path, R_OK) == 0)
        return true;
    snprintf(path, sizeof path, "%s/%02x/%s", folder, (unsigned char)term[0], term);
    return access(path, R_OK) == 0;
}

/* Looks where ncurses looks. */
static bool terminfo_has(const char *term)
{
    static const char *const folders[] = {"/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo",
                                          "/usr/lib/terminfo", "/usr/local/share/terminfo"};
    const char *own = getenv("TERMINFO"), *home = getenv("HOME");
    char path[PATH_MAX];

    if (own && *own && entry_in(own, term))
        return true;
    snprintf(path, sizeof path, "%s/.terminfo", home ? home : "");
    if (entry_in(path, term))
        return true;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (entry_in(folders[i], term))
            return true;
    return false;
}

static void check_terminal(struct doctor *d)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        finding(d, WARN, "terminal", "standard input or output is not a terminal: --plain is used here");
    if (!term || !*term)
        finding(d, WARN, "TERM", "is not set: --plain is used; set TERM to your terminal's name");
    else if (strcmp(term, "dumb") == 0)
        finding(d, WARN, "TERM",
                "is dumb: --plain is used; set TERM to your terminal's name for the console");
    else if (strchr(term, '/') || !terminfo_has(term))
        finding(d, WARN, "TERM",
                "%s has no terminfo entry here: the console falls back to xterm-256color; install "
                "ncurses-term, or "
                "copy the entry with infocmp and tic",
                term);
    else
        finding(d, OK, "TERM", "%s has a terminfo entry", term);
    if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        finding(d, OK, "locale", "UTF-8");
    else
        finding(d, WARN, "locale", "is %s, not UTF-8: curves are drawn in ASCII; set LC_ALL=C.UTF-8",
                nl_langinfo(CODESET));
    if (no_color && *no_color)
        finding(d, OK, "colours", "off: NO_COLOR is set");
    else if (term && strstr(term, "256color"))
        finding(d, OK, "colours", "256");
    else
        finding(d, OK, "colours", "few or none by TERM; --color 256 asks for more");
}

/* ---- directories ---- */

static void check_space(struct doctor *d, const char *folder)
{
    struct statvfs v;
    if (statvfs(folder, &v) != 0) {
        finding(d, WARN, "disk", "%s: %s", folder, strerror(errno));
        return;
    }
    int64_t room = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    double gib = (double)room / (double)(INT64_C(1) << 30);
    if (room < SPACE_FAIL)
        finding(d, FAIL, "disk", "%s has %.2f GiB left: make room, or set HYPERTOP_DATA_DIR to another disk",
                folder, gib);
    else if (room < SPACE_WARN)
        finding(d, WARN, "disk", "%s has %.2f GiB left: long sweeps may fill it", folder, gib);
    else
        finding(d, OK, "disk", "%s has %.1f GiB left", folder, gib);
}

static void check_data(struct doctor *d)
{
    char *cause = NULL, *folder = endpoint_data_dir(&cause);
    struct stat st;

    if (!folder) {
        finding(d, FAIL, "data", "%s", cause);
        free(cause);
        return;
    }
    if (access(folder, W_OK | X_OK) != 0)
        finding(d, FAIL, "data", "%s cannot be written: %s; set HYPERTOP_DATA_DIR", folder, strerror(errno));
    else if (stat(folder, &st) == 0 && st.st_mode & 022)
        finding(d, WARN, "data", "%s can be written by others: chmod go-w %s", folder, folder);
    else
        finding(d, OK, "data", "recordings are in %s", folder);
    check_space(d, folder);
    free(folder);
}

/* ---- hub and programs ---- */

static void check_hub(struct doctor *d, struct cmd_call *call)
{
    char *cause = NULL;
    struct endpoint e;
    int pid = 0;

    if (endpoint_resolve(&e, call->hub, &cause) != 0) {
        finding(d, FAIL, "runtime", "%s", cause);
        free(cause);
        return;
    }
    finding(d, OK, "runtime", "sockets are in %s", e.runtime_dir);
    if (e.lock_path && !endpoint_alive(&e, &pid)) {
        finding(d, OK, "hub", "'%s' does not run; it is started when a sweep is", e.name);
    } else {
        struct client_options o = {.hub = call->hub, .readonly = true};
        struct client *c = client_open(&o, &cause);
        if (c)
            finding(d, OK, "hub", "'%s' answers in %.1f ms (pid %d)", client_hub_name(c),
                    (double)client_rtt_ns(c) / 1e6, pid);
        else
            finding(d, FAIL, "hub", "%s", cause);
        client_close(c);
        free(cause);
    }
    endpoint_release(&e);
}

static void check_program(struct doctor *d, const char *name, const char *use)
{
    char *cause = NULL, *path = program_find(name, &cause);
    if (path)
        finding(d, OK, "program", "%s", path);
    else
        finding(d, FAIL, "program", "%s (%s)", cause, use);
    free(path);
    free(cause);
}

static void check_config(struct doctor *d)
{
    struct config k;
    config_init(&k);
    config_load(&k);
    const char *first = k.n_errors ? buf_cstr(&k.errors) : "";
    char path[CONFIG_TEXT];
    config_path(path, sizeof path);
    if (k.n_errors)
        finding(d, WARN, "config", "%.*s%s", (int)strcspn(first, "\n"), first,
                k.n_errors > 1 ? " (and more: hypertop doctor --config)" : "");
    else
        finding(d, OK, "config", k.path[0] ? "%s" : "none at %s; hypertop help config prints what is compiled in", path);
    config_release(&k);
}

/* Only the configuration: its errors as they are, nothing when there are none. */
static int config_only(void)
{
    struct config k;
    struct buf b = {0};
    config_init(&k);
    config_load(&k);
    for (const char *p = k.n_errors ? buf_cstr(&k.errors) : ""; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        struct span line = {p, strcspn(p, "\n")};
        say_put(&b, line);
        buf_putc(&b, '\n');
    }
    bool good = k.n_errors == 0;
    bool whole = say_flush(&b, STDOUT_FILENO);
    buf_release(&b);
    config_release(&k);
    return whole && good ? EXIT_DONE : EXIT_FAILED;
}

int cmd_doctor(struct cmd_call *call)
{
    struct doctor d = {.worst = OK};
    if (opt_flag(&call->set, "config"))
        return config_only();

    finding(&d, OK, "hypertop", "version %s", HYPERTOP_VERSION);
    check_terminal(&d);
    check_program(&d, "hypertop-hub", "owns and runs the sweeps");
    check_program(&d, "hypertop-agent", "executes the runs");
    check_data(&d);
    check_config(&d);
    check_hub(&d, call);
    int rc = say_flush(&d.out, STDOUT_FILENO) && d.worst < FAIL ? EXIT_DONE : EXIT_FAILED;
    buf_release(&d.out);
    return rc;
}
