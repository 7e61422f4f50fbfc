/* plain: see plain.h. One loop over standard input and the hub. Output is built in one buffer and written as
 * whole lines.
 *
 * Input is a line at a time, however it arrives; it is split and parsed by the same code as `hypertop send`.
 */
#include "tui/plain.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/verb.h"
#include "tui/alert_lines.h"
#include "tui/cmd.h"
#include "tui/describe.h"
#include "tui/story.h"
#include "tui/listing.h"
#include "tui/say.h"

#define LINE_LIMIT   (16 << 10)
#define ANSWER_WAIT  (30 * CLOCK_S) /* for answers that are still missing when the input has ended */
#define HUB_PATIENCE (60 * CLOCK_S)

struct plain {
    struct client *c;
    const struct plain_options *o;
    struct story *story;
    struct alert_lines alerts; /* not of a recording */
    struct buf out, in;
    bool prompt;                         /* input is a terminal */
    bool eof, typed, quit, broken, skip; /* skip: the rest of a line that was too long */
    int waiting;                         /* answers under way */
    int status;                          /* of the last command, when the input is not a terminal */
    int64_t eof_at, down_since;
};

static void on_line(void *arg, enum story_kind kind, const char *line)
{
    struct plain *p = arg;
    buf_puts(&p->out, line);
    buf_putc(&p->out, '\n');
}

static void put_prompt(struct plain *p)
{
    if (p->prompt && !p->waiting && !p->quit && !p->eof)
        buf_puts(&p->out, "> ");
}

static void put_failure(struct plain *p, char *cause)
{
    say_puts(&p->out, cause);
    buf_putc(&p->out, '\n');
    p->status = EXIT_FAILED;
    free(cause);
}

/* ---- commands ---- */

static void on_result(void *arg, const struct message *m)
{
    struct plain *p = arg;
    static const char *const fields[] = {"verb", "target", "state"};

    if (!m) {
        buf_puts(&p->out, "the hub went away before it answered\n");
        p->status = EXIT_FAILED;
    } else if (m->kind == MSG_ERROR) {
        put_failure(p, span_dup(cmap_str(m->body, "message")));
    } else {
        for (int i = 0; i < 3; i++) {
            struct span s = cmap_str(m->body, fields[i]);
            buf_puts(&p->out, i && s.n ? " " : "");
            say_put(&p->out, s);
        }
        struct span message = cmap_str(m->body, "message"), state = cmap_str(m->body, "state");
        story_told(p->story, cmap_int(m->body, "id", -1), state);
        buf_puts(&p->out, message.n ? ": " : "");
        say_put(&p->out, message);
        buf_putc(&p->out, '\n');
        if (span_eq(state, "rejected") || span_eq(state, "expired"))
            p->status = EXIT_FAILED;
        if (cmap_bool(m->body, "more", false))
            return;
    }
    p->waiting--;
    put_prompt(p);
}

static void run_verb(struct plain *p, int n, char **words)
{
    char *cause = NULL;
    int before = p->waiting++;

    if (client_verb(p->c, n, words, p->o->sweep, true, on_result, p, &cause))
        return;
    if (p->waiting == before) { /* the link was found dead and on_result has said so */
        free(cause);
        return;
    }
    p->waiting--;
    put_failure(p, cause);
}

static void run_ls(struct plain *p, int n, char **words)
{
    const struct listing *l = listing_find(n > 1 ? words[1] : "trials");
    struct listing_query q = {.sweep = p->o->sweep, .cursor = -1};
    char *cause = NULL;

    if (!l) {
        buf_puts(&p->out, "ls: one of");
        for (l = listings; l->view; l++)
            buf_printf(&p->out, " %s", l->view);
        buf_puts(&p->out, " is needed\n");
        p->status = EXIT_USAGE;
    } else if (listing_print(p->c, l, &q, false, 0, &p->out, &cause) != 0) {
        put_failure(p, cause);
    }
}

static void run_describe(struct plain *p, int n, char **words)
{
    char *cause = NULL;
    if (describe(p->c, p->o->sweep, n > 1 ? words[1] : NULL, &p->out, &cause) != 0)
        put_failure(p, cause);
}

static void run_help(struct plain *p, int n, char **words)
{
    buf_puts(&p->out, "  ls [trials|arms|...]      list what the sweep has\n"
                      "  describe [TRIAL]          the sweep or a trial in sentences\n"
                      "  quit                      leave; the sweep goes on\n");
    for (enum verb v = VERB_NONE + 1; v < VERB_COUNT; v++)
        buf_printf(&p->out, "  %s %s: %s\n", verb_info(v)->name, verb_info(v)->args, verb_info(v)->text);
}

static void run_quit(struct plain *p, int n, char **words)
{
    p->quit = true;
}

static const struct {
    const char *name;
    void (*run)(struct plain *p, int n, char **words);
} own_words[] = {{"ls", run_ls},  {"describe", run_describe}, {"help", run_help},
                 {"?", run_help}, {"quit", run_quit},         {"q", run_quit}};

static void run_line(struct plain *p, const char *line)
{
    char **words, *cause = NULL;
    int n = verb_split(line, &words, &cause);

    if (n < 0) {
        put_failure(p, cause);
        put_prompt(p);
        return;
    }
    p->status = EXIT_DONE;
    bool own = n == 0;
    for (size_t i = 0; i < sizeof own_words / sizeof *own_words && !own; i++)
        if (strcmp(words[0], own_words[i].name) == 0) {
            own_words[i].run(p, n, words);
            own = true;
        }
    if (!own)
        run_verb(p, n, words);
    verb_words_free(words, n);
    put_prompt(p);
}

/* ---- input ---- */

static void run_lines(struct plain *p)
{
    uint8_t *nl;

    while (!p->quit && p->in.len && (nl = memchr(p->in.data, '\n', p->in.len))) {
        size_t n = (size_t)(nl - p->in.data);
        *nl = '\0';
        p->typed |= n > 0;
        if (p->skip)
            p->skip = false;
        else
            run_line(p, (char *)p->in.data + (p->in.data[0] == ':'));
        buf_consume(&p->in, n + 1);
    }
    if (p->in.len > LINE_LIMIT) {
        buf_puts(&p->out, "a line of more than 16384 bytes was ignored\n");
        buf_clear(&p->in);
        p->skip = true;
    }
}

static void take_input(struct plain *p)
{
    ssize_t n = read(STDIN_FILENO, buf_reserve(&p->in, 4096), 4096);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0) {
        p->in.len += (size_t)n;
        run_lines(p);
        return;
    }
    p->eof = true;
    p->eof_at = clock_mono_ns();
    if (p->in.len) { /* a last line without its end */
        buf_putc(&p->in, '\n');
        run_lines(p);
    }
}

/* ---- the loop ---- */

static bool finished(const struct plain *p)
{
    struct story_summary s;

    if (p->quit || p->broken)
        return true;
    if (!p->eof)
        return false;
    story_summary(p->story, &s);
    if (p->prompt || p->typed)
        return !p->waiting || clock_mono_ns() - p->eof_at > ANSWER_WAIT;
    return s.error || s.over || (p->o->replay && s.settled);
}

static bool hub_gone(struct plain *p)
{
    if (client_link(p->c) != LINK_DOWN)
        p->down_since = 0;
    else if (!p->down_since)
        p->down_since = clock_mono_ns();
    /* A person may wait as long as he likes. */
    return p->down_since && !p->prompt && clock_mono_ns() - p->down_since > HUB_PATIENCE;
}

static void turn(struct plain *p)
{
    struct pollfd fds[2] = {{.fd = p->eof ? -1 : STDIN_FILENO, .events = POLLIN},
                            {.fd = client_fd(p->c), .events = POLLIN}};
    int64_t now = clock_mono_ns(), wake = client_deadline(p->c);

    if (wake > now + CLOCK_S)
        wake = now + CLOCK_S;
    int ms = wake > now ? (int)((wake - now) / CLOCK_MS) + 1 : 0;
    poll(fds, 2, ms);
    client_pump(p->c);
    story_pump(p->story);
    alert_lines_pump(&p->alerts, &p->out);
    if (fds[0].revents)
        take_input(p);
    if (p->out.len && !say_flush(&p->out, STDOUT_FILENO))
        p->broken = true;
}

static void greet(struct plain *p)
{
    buf_puts(&p->out, "hypertop on hub ");
    say_puts(&p->out, client_hub_name(p->c));
    buf_puts(&p->out, client_readonly(p->c) ? " (read-only)" : "");
    buf_puts(&p->out, p->prompt ? "; `help` lists the commands, `quit` leaves\n" : "\n");
    put_prompt(p);
}

int plain_run(struct client *c, const struct plain_options *o)
{
    struct plain p = {.c = c, .o = o, .prompt = isatty(STDIN_FILENO)};
    int rc = EXIT_DONE;

    p.story = story_open(c, o->sweep, !o->replay, on_line, &p);
    if (!o->replay)
        alert_lines_open(&p.alerts, c, o->sweep, o->exec);
    greet(&p);
    while (!finished(&p) && rc == EXIT_DONE) {
        turn(&p);
        if (hub_gone(&p))
            rc = EXIT_NO_HUB;
    }
    if (rc == EXIT_DONE && !p.prompt)
        rc = p.status;
    say_flush(&p.out, STDOUT_FILENO);
    if (!o->replay)
        alert_lines_close(&p.alerts);
    story_close(p.story);
    buf_release(&p.out);
    buf_release(&p.in);
    return rc;
}
