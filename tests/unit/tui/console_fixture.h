/* console_fixture: a console on the fake sweep, with a clock that moves only when told. */
#ifndef TESTS_CONSOLE_FIXTURE_H
#define TESTS_CONSOLE_FIXTURE_H

#include <locale.h>
#include <time.h>

#include "tests/unit/tui/fake_client.h"
#include "tui/console_state.h"

static struct console con;
static struct canvas screen;
static int64_t mono;
static int cols, rows;
static bool begin_empty;

static inline void frame(void)
{
    console_prepare(&con, mono, fake.now, cols, rows);
    console_frame(&con, &screen);
}

static inline void start_with(bool ascii, int w, int h, const struct console_options *o)
{
    setlocale(LC_ALL, "C.UTF-8");
    setenv("TZ", "UTC", 1);
    tzset();
    bool extra_set = fake.extra;
    int extra = fake.extra;
    memset(&fake, 0, sizeof fake);
    fake.link = LINK_UP;
    fake.now = FAKE_NOW;
    fake.empty = begin_empty;
    fake.extra = extra_set ? extra : 0;
    mono = 1000 * CLOCK_S;
    cols = w;
    rows = h;
    canvas_init(&screen, ascii);
    con.mono = mono;
    console_init(&con, fake_client, o, ascii);
    con.mono = mono;
    frame();
}

static inline void start(bool ascii, int w, int h)
{
    struct console_options o = {.user = "alice"};
    start_with(ascii, w, h, &o);
}

static inline void stop(void)
{
    console_release(&con);
    canvas_release(&screen);
}

static inline void press_key(int key)
{
    console_key(&con, key);
    frame();
}

static inline void type(const char *s)
{
    for (; *s; s++)
        press_key((unsigned char)*s);
}

static inline void pass(int64_t ns)
{
    mono += ns;
    frame();
}

static inline char *screen_text(void)
{
    struct buf b = {0};
    canvas_dump(&screen, &b);
    return buf_take(&b);
}

static inline bool shows(const char *needle)
{
    char *s = screen_text();
    bool found = strstr(s, needle) != NULL;
    free(s);
    return found;
}

/* The hub's answer to the last verb. */
static inline void answer(int64_t id, const char *state, const char *message)
{
    struct buf b = {0};
    struct codec_writer w;
    cw_init(&w, &b);
    cw_map(&w, 4);
    cw_kint(&w, "id", id);
    cw_kstr(&w, "state", state);
    cw_kstr(&w, "message", message);
    cw_kbool(&w, "more", false);
    struct message m = {.kind = MSG_RESULT, .body = {(char *)b.data, b.len}};
    if (fake.reply)
        fake.reply(fake.reply_arg, &m);
    buf_release(&b);
}

#endif
