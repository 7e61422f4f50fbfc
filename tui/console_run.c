/* console_run: the loop: terminal, hub, signals, timers; when a frame is due and when it is skipped.
 *
 * A frame is drawn when something changed: at once after a key and while what was asked for is still arriving
 * (30 a second at most), at most 4 a second for data (1 with --slow), none when nothing changed. While the terminal has not taken the last frame the next
 * one is skipped, never queued. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tui/config.h"
#include "tui/console_state.h"
#include "tui/own.h"
#include "tui/saved.h"
#include "tui/term.h"

#define FRAME_KEY_NS  (CLOCK_S / 30)
#define FRAME_DATA_NS (CLOCK_S / 4)
#define FRAME_BUSY_NS (20 * CLOCK_MS)
#define ESC_NS        (25 * CLOCK_MS)
#define ESC_SSH_NS    (100 * CLOCK_MS)

struct loop {
    struct console con;
    struct canvas canvas;
    struct input input;
    bool dirty, by_key, ended;
    bool filling; /* the last frame was drawn before all that it asks for had come */
    int64_t last_frame, esc;
    uint64_t stamp;
    int cols, rows;
    char sweep[128];   /* whose arrangement is shown */
    struct buf layout; /* as last written */
    int64_t layout_at;
};

static void handle(struct loop *l, const struct input_event *e)
{
    l->dirty = l->by_key = true;
    switch (e->kind) {
    case INPUT_KEY:
        console_key(&l->con, e->key);
        break;
    case INPUT_PASTE:
        console_paste(&l->con, e->text, e->n);
        break;
    case INPUT_PRESS:
    case INPUT_DRAG:
    case INPUT_RELEASE:
    case INPUT_WHEEL:
        console_mouse(&l->con, &l->canvas, e);
        break;
    case INPUT_DROPPED:
        console_toast(&l->con, ST_WARN, "looks like a paste: %d keys were dropped", e->by);
        break;
    }
}

static void drain_input(struct loop *l, int64_t mono)
{
    struct input_event e;
    l->con.mono = mono;
    input_tick(&l->input, mono, l->esc);
    while (!l->con.quit && input_next(&l->input, &e))
        handle(l, &e);
}

/* ---- what is remembered from one time to the next ---- */

static void terminal_name(char *out, size_t cap)
{
    const char *term = getenv("TERM");
    snprintf(out, cap, "terminal %.60s", term && *term ? term : "unknown");
}

static void terminal_recall(struct loop *l)
{
    struct buf b = {0};
    char name[80];
    terminal_name(name, sizeof name);
    if (l->con.own.charset == CHARSET_AUTO && saved_read(name, &b)) {
        const char *text = buf_cstr(&b);
        char word[16];
        if (sscanf(text, "charset %15s", word) == 1)
            own_set_charset(&l->con, word, NULL);
    }
    buf_release(&b);
}

static void terminal_keep(struct loop *l)
{
    char name[80], text[40];
    char *cause = NULL;
    terminal_name(name, sizeof name);
    snprintf(text, sizeof text, "charset %s\n", own_charset_name(l->con.own.charset));
    if (saved_write(name, text, &cause) < 0)
        console_toast(&l->con, ST_WARN, "not remembered: %s", cause);
    free(cause);
    l->con.own.keep_charset = false;
}

static void layout_keep(struct loop *l)
{
    struct buf now = {0};
    char name[160];
    if (!l->sweep[0])
        return;
    own_layout_text(&l->con, &now);
    if (strcmp(buf_cstr(&now), buf_cstr(&l->layout)) != 0) {
        snprintf(name, sizeof name, "sweep %s", l->sweep);
        saved_write(name, buf_cstr(&now), NULL); /* a full or read-only disk costs only the arrangement */
        buf_clear(&l->layout);
        buf_puts(&l->layout, buf_cstr(&now));
    }
    buf_release(&now);
}

/* Each sweep has its arrangement: taken up when the sweep is first seen, written when it has not changed for a while. */
static void arrange(struct loop *l)
{
    struct console *c = &l->con;
    if (c->own.keep_charset)
        terminal_keep(l);
    if (!c->sum.there)
        return;
    if (strcmp(c->sum.sweep, l->sweep) != 0) {
        char name[160];
        struct buf text = {0};
        layout_keep(l);
        snprintf(l->sweep, sizeof l->sweep, "%s", c->sum.sweep);
        snprintf(name, sizeof name, "sweep %s", l->sweep);
        if (saved_read(name, &text))
            own_layout_apply(c, (const char *)text.data, text.len);
        buf_release(&text);
        own_layout_text(c, &l->layout);
        l->layout_at = l->last_frame;
        l->dirty = true;
    } else if (l->last_frame - l->layout_at > 2 * CLOCK_S) {
        layout_keep(l);
        l->layout_at = l->last_frame;
    }
}

/* ---- alerts leave the screen ---- */

static void tell_one(struct loop *l, const struct alert_news *a)
{
    const struct config *k = l->con.own.config;
    const char *command = l->con.opt.exec ? l->con.opt.exec : k ? k->exec : "";
    char text[300], trial[32] = "";
    if (a->trial >= 0)
        snprintf(trial, sizeof trial, "t%lld: ", (long long)a->trial);
    snprintf(text, sizeof text, "%s%s", trial, a->text);
    if (k && (strcmp(k->notify, "on") == 0 || (strcmp(k->notify, "auto") == 0 && term_notifies())))
        term_notify("hypertop", text);
    if (*command)
        alert_exec(command, a);
}

static void tell(struct loop *l)
{
    struct own *o = &l->con.own;
    if (o->n_news && (!o->config || strcmp(o->config->bell, "off") != 0))
        term_ring();
    for (int i = 0; i < o->n_news; i++)
        tell_one(l, &o->news[i]);
    o->n_news = 0;
}

static void draw(struct loop *l, int64_t mono)
{
    if (l->con.own.recolor)
        term_colors(l->con.own.color);
    l->con.own.recolor = false;
    own_charset_apply(&l->con, &l->canvas);
    term_size(&l->cols, &l->rows);
    console_prepare(&l->con, mono, client_now(l->con.client), l->cols, l->rows);
    l->canvas.heat = term_heat();
    console_frame(&l->con, &l->canvas);
    if (l->con.redraw)
        term_redraw();
    l->con.redraw = false;
    term_show(&l->canvas);
    l->last_frame = mono;
    l->stamp = console_stamp(&l->con);
    l->dirty = l->by_key = false;
    l->filling = subs_waiting(&l->con.subs);
    arrange(l);
    tell(l);
}

/* When the next frame may be drawn, given that one is due. */
static int64_t frame_time(const struct loop *l)
{
    int64_t gap = l->by_key           ? FRAME_KEY_NS
                  : l->con.opt.slow ? CLOCK_S
                  : l->filling      ? FRAME_KEY_NS
                                    : FRAME_DATA_NS;
    return l->last_frame + gap;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int wait_ms(const struct loop *l, int64_t mono)
{
    int64_t at = least(client_deadline(l->con.client), console_deadline(&l->con));
    at = least(at, input_deadline(&l->input, l->esc));
    if (l->dirty)
        at = least(at, frame_time(l));
    if (at == INT64_MAX)
        return -1;
    int64_t ms = (at - mono + CLOCK_MS - 1) / CLOCK_MS;
    return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

static void signals(struct loop *l)
{
    int what = term_signals();
    if (what & TERM_QUIT)
        l->ended = true;
    if (what & TERM_RESIZED)
        l->dirty = l->by_key = true;
    if (what & TERM_SUSPEND)
        l->con.suspend = true;
}

/* The client is pumped in every round and after every frame: a frame sends requests. */
static void step(struct loop *l)
{
    struct pollfd p[3] = {
        {term_fd(), POLLIN, 0}, {term_signal_fd(), POLLIN, 0}, {client_fd(l->con.client), POLLIN, 0}};
    poll(p, 3, wait_ms(l, clock_mono_ns()));
    int64_t mono = clock_mono_ns();
    if (p[1].revents)
        signals(l);
    if (p[0].revents & POLLIN) {
        if (term_read(&l->input, mono) == TERM_GONE)
            l->ended = true;
    } else if (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) {
        l->ended = true;
    }
    drain_input(l, mono); /* input before data: keys stay quick under load */
    client_pump(l->con.client);
    if (l->con.suspend) {
        l->con.suspend = false;
        term_suspend();
        l->dirty = l->by_key = true;
    }
    if (console_stamp(&l->con) != l->stamp || mono >= console_deadline(&l->con))
        l->dirty = true;
    if (!l->dirty || l->ended || mono < frame_time(l))
        return;
    if (term_busy())
        l->last_frame = mono - FRAME_DATA_NS +
                        FRAME_BUSY_NS; /* look again soon; a newer frame goes instead of this one */
    else
        draw(l, mono);
    /* Asking for views may have swallowed the descriptor's notice that answers wait (it tells changes, not
     * levels). */
    client_pump(l->con.client);
    l->dirty = l->dirty || console_stamp(&l->con) != l->stamp;
}

static void say_unsent(const struct console *c)
{
    for (int i = 0; i < c->act.n_holds; i++)
        fprintf(stderr, "hypertop: not sent, it was still on hold: %s\n", c->act.holds[i].line);
}

int console_run(struct client *client, const struct console_options *o)
{
    struct term_options to = {.color = o->color, .ascii = o->ascii};
    char *cause = NULL;
    if (term_open(&to, &cause) < 0) {
        fprintf(stderr, "hypertop: %s\n", cause);
        free(cause);
        return 1;
    }
    struct loop *l = calloc(1, sizeof *l);
    if (!l) {
        term_close();
        return 1;
    }
    console_init(&l->con, client, o, term_ascii());
    canvas_init(&l->canvas, term_ascii());
    terminal_recall(l);
    input_init(&l->input);
    l->esc = getenv("SSH_CONNECTION") ? ESC_SSH_NS : ESC_NS;
    l->con.mono = clock_mono_ns();
    draw(l, clock_mono_ns());
    while (!l->con.quit && !l->ended)
        step(l);
    term_close();
    layout_keep(l);
    buf_release(&l->layout);
    say_unsent(&l->con);
    console_release(&l->con);
    canvas_release(&l->canvas);
    input_release(&l->input);
    free(l);
    return 0;
}

void console_reset_tty(void)
{
    term_reset_tty();
}
