/* dump_event: events as lines: columns are unpacked, nothing can control a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub/dump_event.h"
#include "proto/points.h"

#define T0 INT64_C(1700000000000000000)

static struct span map_with_columns(struct buf *b, const struct buf *columns)
{
    struct codec_writer w;
    cw_init(&w, b);
    cw_map(&w, 2);
    cw_kint(&w, "run", 3);
    cw_str(&w, "c");
    cw_bin(&w, columns->data, columns->len);
    return (struct span){(const char *)b->data, b->len};
}

static void expect(void (*print)(struct buf *, const struct event *), enum event_kind kind, struct span body,
                   const char *want)
{
    struct buf out = {0};
    struct event ev = {kind, T0, T0 - 1000, body};
    print(&out, &ev);
    assert_string_equal(buf_cstr(&out), want);
    buf_release(&out);
}

static void points_are_unpacked(void **state)
{
    (void)state;
    struct buf c = {0}, b = {0};
    int64_t steps[] = {1, 2}, times[] = {T0, T0 + 5};
    double values[] = {0.5, 0.25};
    points_begin(&c);
    points_add(&c, "loss", 2, steps, times, values);
    struct span body = map_with_columns(&b, &c);
    expect(dump_event_json, EV_POINTS, body,
           "{\"time\":\"2023-11-14T22:13:20.000000Z\",\"kind\":\"points\",\"sent\":\"2023-11-14T22:13:19."
           "999999Z\",\"run\":3,"
           "\"points\":[{\"metric\":\"loss\",\"steps\":[1,2],\"times\":[1700000000000000000,"
           "1700000000000000005],"
           "\"values\":[0.5,0.25]}]}\n");
    expect(dump_event_text, EV_POINTS, body,
           "2023-11-14T22:13:20.000000Z points       {\"run\":3} loss: 2 points, steps 1..2, last 0.25\n");
    buf_release(&b);
    buf_release(&c);
}

static void pulls_are_unpacked(void **state)
{
    (void)state;
    struct buf c = {0}, b = {0};
    struct pull p = {
        .t = 7, .time = T0, .cost = 12, .context = 0.5, .propensity = 0.25f, .arm = 4, .forced = 1};
    pulls_pack(&c, &p, 1);
    struct span body = map_with_columns(&b, &c);
    expect(dump_event_json, EV_PULLS, body,
           "{\"time\":\"2023-11-14T22:13:20.000000Z\",\"kind\":\"pulls\",\"sent\":\"2023-11-14T22:13:19."
           "999999Z\",\"run\":3,"
           "\"pulls\":[{\"t\":7,\"time\":1700000000000000000,\"arm\":4,\"cost\":12,\"context\":0.5,"
           "\"propensity\":0.25,"
           "\"forced\":true}]}\n");
    expect(dump_event_text, EV_PULLS, body,
           "2023-11-14T22:13:20.000000Z pulls        {\"run\":3} 1 pulls, rounds 7..7\n");
    buf_release(&b);
    buf_release(&c);
}

static void damaged_columns_are_said(void **state)
{
    (void)state;
    struct buf c = {0}, b = {0};
    buf_puts(&c, "\x01\x04loss");
    struct span body = map_with_columns(&b, &c);
    struct buf out = {0};
    struct event ev = {EV_POINTS, T0, T0, body};
    dump_event_json(&out, &ev);
    assert_non_null(strstr(buf_cstr(&out), "\"points\":[],\"damaged\":\""));
    buf_clear(&out);
    dump_event_text(&out, &ev);
    assert_non_null(strstr(buf_cstr(&out), " damaged: "));
    buf_release(&out);
    buf_release(&b);
    buf_release(&c);
}

static void text_of_a_trial_cannot_control_a_terminal(void **state)
{
    (void)state;
    struct buf b = {0}, out = {0};
    struct codec_writer w;
    cw_init(&w, &b);
    cw_map(&w, 1);
    cw_kstr(&w, "te\x1b[2Jxt",
            "a\x1b]0;title\x07 \xc2\x9b"
            "31m b\r\n");
    struct event ev = {EV_TEXT, T0, T0, {(const char *)b.data, b.len}};
    dump_event_text(&out, &ev);
    for (size_t i = 0; i + 1 < out.len; i++)
        assert_true(out.data[i] >= 0x20 && out.data[i] != 0x7f &&
                    !(out.data[i] == 0xc2 && out.data[i + 1] < 0xa0));
    assert_int_equal(out.data[out.len - 1], '\n');
    buf_release(&out);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_unpacked),
        cmocka_unit_test(pulls_are_unpacked),
        cmocka_unit_test(damaged_columns_are_said),
        cmocka_unit_test(text_of_a_trial_cannot_control_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
