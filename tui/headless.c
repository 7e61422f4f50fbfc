/* headless: see headless.h. Writes whole lines, at most one status line a second beside the lines for trials
 * that ended and for new bests. Ctrl-C leaves the sweep alone: it belongs to the hub. */
#include "tui/headless.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tui/alert_lines.h"
#include "tui/cmd.h"
#include "tui/story.h"
#include "tui/say.h"

#define STATUS_PERIOD CLOCK_S
#define HUB_PATIENCE  (60 * CLOCK_S) /* a hub that was killed may be started again */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    interrupted = 1;
}

struct headless {
    struct alert_lines alerts;
    struct buf out;
    bool broken; /* nobody reads what we write */
    char status[256];
    int64_t status_next, down_since;
};

static void flush(struct headless *h)
{
    if (h->out.len && !say_flush(&h->out, STDOUT_FILENO))
        h->broken = true;
}

static void on_line(void *arg, enum story_kind kind, const char *line)
{
    struct headless *h = arg;
    if (kind == STORY_STARTED)
        return; /* the status line counts those that run */
    buf_puts(&h->out, line);
    buf_putc(&h->out, '\n');
}

static void put_status(struct headless *h, const struct story *f, int64_t now)
{
    struct buf b = {0};
    char hms[CLOCK_TEXT];
    story_status(f, &b);
    if (now >= h->status_next && strcmp(buf_cstr(&b), h->status) != 0) {
        snprintf(h->status, sizeof h->status, "%s", buf_cstr(&b));
        clock_hms(hms, clock_wall_ns());
        buf_printf(&h->out, "%s %s\n", hms, h->status);
        h->status_next = now + STATUS_PERIOD;
    }
    buf_release(&b);
}

/* ---- the end ---- */

static void put_fact(struct buf *b, const char *name)
{
    buf_printf(b, "  %-10s ", name);
}

static void put_summary(const struct cmd_call *call, const struct story *f, const struct story_summary *s,
                        struct buf *b)
{
    buf_puts(b, "\nsweep ");
    say_puts(b, s->sweep);
    buf_puts(b, ": ");
    say_puts(b, s->state);
    buf_putc(b, '\n');
    put_fact(b, "trials");
    story_status(f, b);
    buf_putc(b, '\n');
    if (s->best_trial >= 0) {
        put_fact(b, "best");
        buf_printf(b, "t%" PRId64 " ", s->best_trial);
        say_puts(b, *s->metric ? s->metric : "value");
        buf_printf(b, " %s\n", s->best);
        put_fact(b, "with");
        say_value(b, s->best_params);
        buf_putc(b, '\n');
    }
    for (struct span rest = s->tests; rest.n;) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        put_fact(b, rest.p == s->tests.p ? "tested" : "");
        say_put(b, (struct span){rest.p, n});
        buf_putc(b, '\n');
        n += end != NULL;
        rest = (struct span){rest.p + n, rest.n - n};
    }
    if (*s->recording) {
        put_fact(b, "recording");
        say_puts(b, s->recording);
        buf_putc(b, '\n');
        put_fact(b, "replay");
        buf_puts(b, "hypertop replay ");
        say_puts(b, s->recording);
        buf_putc(b, '\n');
    }
}

static int finish(struct cmd_call *call, struct headless *h, const struct story *f,
                  const struct story_summary *s)
{
    int64_t good = s->done + s->pruned + s->stopped;
    put_summary(call, f, s, &h->out);
    flush(h);
    if (strcmp(s->state, "failed") == 0)
        return cmd_error(call, EXIT_FAILED,
                         "the sweep %s failed: `hypertop ls trials` and the log of its trials say why",
                         s->sweep);
    if (good == 0)
        return cmd_error(call, EXIT_FAILED,
                         "no trial of %s succeeded (%" PRId64
                         " failed): `hypertop ls runs --json` shows how they ended",
                         s->sweep, s->failed + s->killed);
    return EXIT_DONE;
}

static int hub_lost(struct cmd_call *call, const struct story_summary *s)
{
    return cmd_error(call, EXIT_NO_HUB,
                     "the hub '%s' is gone: `hypertop hub start -L %s` goes on with the sweep from %s",
                     client_hub_name(call->client), client_hub_name(call->client), s->recording);
}

static int leave(struct cmd_call *call, const char *sweep)
{
    const char *hub = client_hub_name(call->client);
    return cmd_error(call, EXIT_FAILED,
                     "interrupted: the sweep %s goes on; `hypertop attach %s` shows it, "
                     "`hypertop send -L %s stop all` ends its trials",
                     sweep, hub, hub);
}

/* ---- the loop ---- */

static bool patience_over(struct headless *h, const struct client *c, int64_t now)
{
    if (client_link(c) != LINK_DOWN)
        h->down_since = 0;
    else if (!h->down_since)
        h->down_since = now;
    return h->down_since && now - h->down_since > HUB_PATIENCE;
}

static int follow(struct cmd_call *call, const char *sweep, struct headless *h, struct story *f)
{
    struct story_summary s;

    for (;;) {
        int64_t now = clock_mono_ns();
        client_wait(call->client, now + STATUS_PERIOD);
        story_pump(f);
        alert_lines_pump(&h->alerts, &h->out);
        story_summary(f, &s);
        if (s.error)
            return cmd_error(call, EXIT_FAILED, "%s", s.error);
        if (s.loaded && s.over)
            return finish(call, h, f, &s);
        if (s.settled && s.trials > 0)
            put_status(h, f, now);
        flush(h);
        if (interrupted || h->broken)
            return leave(call, sweep);
        if (patience_over(h, call->client, now))
            return hub_lost(call, &s);
    }
}

int headless_follow(struct cmd_call *call, const char *sweep)
{
    struct headless h = {.broken = false};
    struct sigaction on = {.sa_handler = on_interrupt}, was;

    sigaction(SIGINT, &on, &was);
    struct story *f = story_open(call->client, sweep, false, on_line, &h);
    alert_lines_open(&h.alerts, call->client, sweep, opt_text(&call->set, "exec"));
    int rc = follow(call, sweep, &h, f);
    alert_lines_close(&h.alerts);
    story_close(f);
    sigaction(SIGINT, &was, NULL);
    buf_release(&h.out);
    return rc;
}
