/* listener: a sink that writes down what it is told, a line a call, and feeds a reader from memory. */
#ifndef TEST_READ_LISTENER_H
#define TEST_READ_LISTENER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "read/formats.h"

struct listener {
    struct buf said;
    char keys[16][80];
    int trials;
};

static void say(struct listener *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct listener *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&l->said, fmt, ap);
    va_end(ap);
    buf_putc(&l->said, '\n');
}
static void when(char out[40], int64_t time)
{
    if (time == READ_NO_TIME)
        snprintf(out, 40, "-");
    else
        snprintf(out, 40, "%lld.%03lld", (long long)(time / 1000000000), (long long)(time / 1000000 % 1000));
}
static void on_study(void *c, const struct read_study *s)
{
    say(c, "study %s %s %d", s->name ? s->name : "-", s->metric ? s->metric : "-", (int)s->goal);
}
static int on_trial(void *c, const char *key)
{
    struct listener *l = c;
    for (int i = 0; i < l->trials; i++)
        if (strcmp(l->keys[i], key) == 0)
            return i;
    snprintf(l->keys[l->trials], sizeof l->keys[0], "%s", key);
    say(l, "trial %d %s", l->trials, key);
    return l->trials++;
}
static void on_title(void *c, int t, const char *title)
{
    say(c, "title %d %s", t, title);
}
static void on_param(void *c, int t, const char *name, const struct read_value *v)
{
    char text[TEXT_NUM] = "null";
    if (v->type == READ_REAL)
        text_fmt_double(text, v->d);
    else if (v->type == READ_INT)
        snprintf(text, sizeof text, "%lld", (long long)v->i);
    else if (v->type == READ_BOOL)
        snprintf(text, sizeof text, "%s", v->i ? "true" : "false");
    if (v->type == READ_TEXT)
        say(c, "param %d %s '%s'", t, name, v->text);
    else
        say(c, "param %d %s %s", t, name, text);
}
static void on_point(void *c, int t, const char *metric, int64_t step, int64_t time, double value)
{
    char at[40], v[TEXT_NUM];
    when(at, time);
    text_fmt_double(v, value);
    if (step == READ_NO_STEP)
        say(c, "point %d %s ? %s %s", t, metric, at, v);
    else
        say(c, "point %d %s %lld %s %s", t, metric, (long long)step, at, v);
}
static void on_report(void *c, int t, int64_t step, int64_t time, double value)
{
    on_point(c, t, "(report)", step, time, value);
}
static void on_state(void *c, int t, enum read_state state, int64_t time, const char *why)
{
    char at[40];
    when(at, time);
    say(c, "state %d %d %s %s", t, (int)state, at, why ? why : "");
}
static void on_text(void *c, int t, const char *stream, int64_t time, const char *text, size_t n)
{
    say(c, "text %d %s %.*s", t, stream, (int)n, text);
}
static void on_record(void *c, const char *what)
{
}
static const struct read_sink_ops listener_ops = {on_study,  on_trial, on_title, on_param, on_point,
                                                  on_report, on_state, on_text,  on_record};

/* Reads data[0..n) as `format`, at most `piece` bytes at a time; what was said is in l->said. */
static inline struct read_stop listen_to(struct listener *l, const struct read_format *f, const char *path, int role,
                                  const void *data, size_t n, size_t piece)
{
    struct read_sink sink = {&listener_ops, l};
    struct read_stop st = {0};
    size_t done = 0, have = 0;
    memset(l, 0, sizeof *l);
    void *parser = f->open(&(struct read_open){&sink, path, "k", role, 0});
    for (bool last = false; !last && !st.stopped;) {
        last = have == n;
        have = have + piece < n ? have + piece : n;
        done += f->feed(parser, (const uint8_t *)data + done, have - done, (int64_t)done, last, &st);
    }
    f->close(parser);
    return st;
}

/* The whole of it, said in one piece and byte by byte alike. */
static inline struct read_stop says(const struct read_format *f, int role, const void *data, size_t n, const char *want)
{
    struct listener l;
    struct read_stop st = listen_to(&l, f, "x", role, data, n, n + 1);
    assert_string_equal(buf_cstr(&l.said), want);
    buf_release(&l.said);
    listen_to(&l, f, "x", role, data, n, 1);
    assert_string_equal(buf_cstr(&l.said), want);
    buf_release(&l.said);
    return st;
}

/* Every prefix says a prefix of the whole, and stops within itself. */
static inline void says_prefixes(const struct read_format *f, int role, const void *data, size_t n)
{
    struct listener whole, part;
    listen_to(&whole, f, "x", role, data, n, n + 1);
    buf_cstr(&whole.said);
    for (size_t cut = 0; cut < n; cut++) {
        struct read_stop st = listen_to(&part, f, "x", role, data, cut, cut + 1);
        assert_true(part.said.len <= whole.said.len);
        if (part.said.len)
            assert_memory_equal(part.said.data, whole.said.data, part.said.len);
        if (st.stopped)
            assert_in_range(st.offset, 0, cut);
        buf_release(&part.said);
    }
    buf_release(&whole.said);
}

#endif
