#include "tui/alert_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tui/row.h"

#define ROWS 64 /* the newest that are looked at: more within a second are not told one by one */

static void put_request(struct buf *b, const char *sweep, char *const *rules, int n_rules)
{
    struct codec_writer w;
    cw_init(&w, b);
    cw_map(&w, 6);
    cw_kstr(&w, "view", "alerts");
    cw_kstr(&w, "sweep", sweep ? sweep : "");
    cw_kint(&w, "cursor", -1);
    cw_kstr(&w, "sort", "-time");
    cw_kint(&w, "rows", ROWS);
    cw_str(&w, "rules");
    cw_array(&w, (size_t)n_rules);
    for (int i = 0; i < n_rules; i++)
        cw_str(&w, rules[i]);
}

void alert_watch_open(struct alert_watch *w, struct client *c, const char *sweep, char *const *rules, int n_rules)
{
    struct buf b = {0};
    put_request(&b, sweep, rules, n_rules);
    struct span request = {(const char *)b.data, b.len};
    if (w->view) {
        client_resub(w->client, w->view, request, 1);
    } else {
        *w = (struct alert_watch){.client = c, .since = client_now(c)};
        w->view = client_sub(c, request, 1);
    }
    buf_release(&b);
}

void alert_watch_close(struct alert_watch *w)
{
    if (w->view)
        client_unsub(w->client, w->view);
    memset(w, 0, sizeof *w);
}

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
    for (const uint8_t *b = p; n; n--)
        h = (h ^ *b++) * UINT64_C(1099511628211);
    return h;
}

static uint64_t key_of(struct span row)
{
    int64_t time = cmap_int(row, "time", 0), trial = cmap_int(row, "trial", -1);
    struct span rule = cmap_str(row, "rule");
    uint64_t h = hash(UINT64_C(14695981039346656037), &time, sizeof time);
    return hash(hash(h, &trial, sizeof trial), rule.p, rule.n);
}

static bool was_told(const struct alert_watch *w, uint64_t key)
{
    for (int i = 0; i < w->n_told; i++)
        if (w->told[i] == key)
            return true;
    return false;
}

static void note_told(struct alert_watch *w, uint64_t key)
{
    int cap = (int)(sizeof w->told / sizeof *w->told);
    w->told[w->next_told] = key;
    w->next_told = (w->next_told + 1) % cap;
    w->n_told += w->n_told < cap;
}

static void read_news(struct span row, struct alert_news *out)
{
    char text[ROW_TEXT];
    *out = (struct alert_news){.time = cmap_int(row, "time", 0), .trial = cmap_int(row, "trial", -1)};
    row_text(text, cmap_str(row, "rule"), 200);
    row_format(out->rule, sizeof out->rule, "%s", text);
    row_text(text, cmap_str(row, "text"), 160);
    row_format(out->text, sizeof out->text, "%s", text);
    row_text(text, cmap_str(row, "state"), 20);
    row_format(out->state, sizeof out->state, "%s", text);
}

bool alert_watch_next(struct alert_watch *w, struct alert_news *out)
{
    if (!w->view || !w->view->loaded || w->seen == w->view->version)
        return false;
    for (int i = w->view->n_parts; i-- > 0;) { /* the newest stands first */
        struct span row = w->view->parts[i].value;
        uint64_t key = row.p ? key_of(row) : 0;
        if (!row.p || cmap_int(row, "time", 0) <= w->since || was_told(w, key))
            continue;
        note_told(w, key);
        read_news(row, out);
        return true;
    }
    w->seen = w->view->version;
    return false;
}

bool alert_watch_asks(const struct alert_watch *w, struct alert_news *out)
{
    for (int i = 0; w->view && i < w->view->n_parts; i++) {
        struct span row = w->view->parts[i].value;
        if (row.p && span_eq(cmap_str(row, "state"), "asks")) {
            read_news(row, out);
            return true;
        }
    }
    return false;
}

/* ---- the command ---- */

static void set_env(const struct alert_news *a)
{
    char number[32], time[CLOCK_TEXT];
    clock_rfc3339(time, a->time);
    snprintf(number, sizeof number, a->trial >= 0 ? "%lld" : "", (long long)a->trial);
    setenv("HYPERTOP_ALERT_RULE", a->rule, 1);
    setenv("HYPERTOP_ALERT_TEXT", a->text, 1);
    setenv("HYPERTOP_ALERT_TRIAL", number, 1);
    setenv("HYPERTOP_ALERT_TIME", time, 1);
    setenv("HYPERTOP_ALERT_SWEEP", a->sweep, 1);
}

/* Twice forked: nobody waits for it and it leaves no zombie; its own session, so that Ctrl-C here does not reach it. */
void alert_exec(const char *command, const struct alert_news *a)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() != 0)
            _exit(0);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        setsid();
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3 && null >= 0; fd++)
            dup2(null, fd);
        if (null > 2)
            close(null);
        set_env(a);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
