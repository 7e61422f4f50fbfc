/* The envelope: what msg_parse takes, what it refuses and with which sentence, and who may say what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "proto/event.h"
#include "proto/message.h"

static void a_message_round_trips(void **state)
{
    for (enum msg_kind k = MSG_UNKNOWN + 1; k < MSG_COUNT; k++)
        for (enum msg_role role = ROLE_AGENT; role <= ROLE_HUB; role++) {
            struct buf b = {0};
            struct codec_writer w;
            struct message m;
            const char *why;
            buf_puts(&b, "what was here before goes");
            msg_begin(&w, &b, k, INT64_MAX - k, role);
            cw_map(&w, 1);
            cw_kint(&w, "x", k);
            assert_true(msg_parse(&m, b.data, b.len, &why));
            assert_null(why);
            assert_int_equal(m.kind, k);
            assert_int_equal(m.role, role);
            assert_true(m.id == INT64_MAX - k);
            assert_true(span_eq(m.kind_name, msg_name(k)));
            assert_int_equal(cmap_int(m.body, "x", -1), k);
            buf_release(&b);
        }
}

static void unknown_kinds_and_roles_parse_so_that_they_can_be_answered(void **state)
{
    static const char frame[] = "\x95\x01\xa4" "sing\x2a\xa3" "owl\x80";
    struct message m;
    const char *why;
    assert_true(msg_parse(&m, frame, sizeof frame - 1, &why));
    assert_int_equal(m.kind, MSG_UNKNOWN);
    assert_int_equal(m.role, ROLE_NONE);
    assert_int_equal(m.id, 42);
    assert_true(span_eq(m.kind_name, "sing"));
    assert_false(msg_allowed(m.kind, ROLE_OPERATOR));
    assert_false(msg_allowed(MSG_PING, m.role));
}

static void refused(const char *frame, size_t n, const char *want)
{
    struct message m;
    const char *why = NULL;
    char *exact = malloc(n ? n : 1);
    memcpy(exact, frame, n);
    assert_false(msg_parse(&m, exact, n, &why));
    assert_string_equal(why, want);
    free(exact);
}
#define REFUSES(frame, why) refused(frame, sizeof frame - 1, why)

static void what_is_no_message_is_refused_with_a_reason(void **state)
{
    REFUSES("", "message ends too early");
    REFUSES("\x80", "an array was expected");
    REFUSES("\x94\x01\xa4ping\x00\xa5" "agent", "a message is an array of 5: version, kind, id, role, body");
    REFUSES("\x95\x01\xa4ping\x00\xa5" "agent", "message ends too early");
    REFUSES("\x95\x01\x05\x00\xa5" "agent\x80", "a string was expected");
    REFUSES("\x95\x01\xa4ping\xa1z\xa5" "agent\x80", "an integer was expected");
    REFUSES("\x95\x01\xa4ping\x00\xa5" "agent\x90", "the body is not a map");
    REFUSES("\x95\x01\xa4ping\x00\xa5" "agent\x81\x01\x02", "a key of the body is not a string");
    REFUSES("\x95\x01\xa4ping\x00\xa5" "agent\x80\x80", "bytes after the end of the message");
    REFUSES("\x95\x01\xa4ping\x00\xa5" "agent\xdf\xff\xff\xff\xff", "map too long");
    REFUSES("\x95\x02\xa4ping\x00\xa5" "agent\x80", "the peer speaks a newer protocol; this one speaks version 1");
    REFUSES("\x95\x00\xa4ping\x00\xa5" "agent\x80", "no such protocol version; this one speaks version 1");
    REFUSES("\x95\x01\xa4ping\x00\xa5" "agent\x81\xa1x\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00", "nested too deeply");
}

static void a_newer_version_still_says_its_id(void **state)
{
    struct message m;
    const char *why;
    assert_false(msg_parse(&m, "\x95\x07\xa4ping\x09\xa5" "agent\x80", 15, &why));
    assert_int_equal(m.id, 9);
    assert_int_equal(m.role, ROLE_AGENT);
}

static void a_frame_over_the_bound_is_not_looked_at(void **state)
{
    size_t n = MSG_MAX_AGENT + 1;
    char *big = calloc(1, n);
    struct message m;
    const char *why;
    assert_false(msg_parse(&m, big, n, &why));
    assert_string_equal(why, "message too long");
    free(big);
}

static void damaged_frames_never_crash(void **state)
{
    struct rng r;
    struct buf b = {0};
    struct codec_writer w;
    rng_seed(&r, 1);
    msg_begin(&w, &b, MSG_DATA, 7, ROLE_AGENT);
    cw_map(&w, 2);
    cw_kint(&w, "run", 3);
    cw_str(&w, "events");
    cw_array(&w, 1);
    cw_array(&w, 3);
    cw_str(&w, "points");
    cw_int(&w, INT64_C(1700000000000000000));
    cw_map(&w, 1);
    cw_str(&w, "c");
    cw_bin(&w, "0123456789", 10);
    for (int round = 0; round < 50000; round++) {
        size_t n = rng_below(&r, 8) ? b.len : rng_below(&r, b.len);
        uint8_t *copy = malloc(n ? n : 1);
        struct message m;
        const char *why;
        memcpy(copy, b.data, n);
        for (int k = (int)rng_below(&r, 4); n && k > 0; k--)
            copy[rng_below(&r, n)] = (uint8_t)rng_u64(&r);
        if (msg_parse(&m, copy, n, &why))
            assert_true(codec_valid(m.body.p, m.body.n, NULL));
        else
            assert_non_null(why);
        free(copy);
    }
    buf_release(&b);
}

static void roles_may_say_what_the_table_says(void **state)
{
    assert_true(msg_allowed(MSG_DATA, ROLE_AGENT));
    assert_false(msg_allowed(MSG_DATA, ROLE_OPERATOR));
    assert_false(msg_allowed(MSG_DATA, ROLE_HUB));
    assert_true(msg_allowed(MSG_HUB_STOP, ROLE_OPERATOR));
    assert_false(msg_allowed(MSG_HUB_STOP, ROLE_VIEWER));
    assert_true(msg_allowed(MSG_VIEW, ROLE_VIEWER));
    assert_false(msg_allowed(MSG_VIEW, ROLE_AGENT));
    assert_true(msg_allowed(MSG_ACK, ROLE_HUB));
    assert_false(msg_allowed(MSG_ACK, ROLE_AGENT));
    assert_false(msg_allowed(MSG_UNKNOWN, ROLE_HUB));
    assert_false(msg_allowed(MSG_COUNT, ROLE_HUB));
    for (enum msg_role r = ROLE_AGENT; r <= ROLE_HUB; r++)
        assert_int_equal(msg_role_parse((struct span){msg_role_name(r), strlen(msg_role_name(r))}), r);
    assert_int_equal(msg_role_parse((struct span){"none", 4}), ROLE_NONE);
}

static void names_go_there_and_back(void **state)
{
    for (enum event_kind k = EV_UNKNOWN + 1; k < EV_COUNT; k++) {
        assert_int_equal(event_parse((struct span){event_name(k), strlen(event_name(k))}), k);
        assert_int_equal(*event_text(k), '{');
    }
    for (enum msg_kind k = MSG_UNKNOWN + 1; k < MSG_COUNT; k++)
        assert_int_equal(*msg_text(k), '{');
    assert_int_equal(event_parse((struct span){"point", 5}), EV_UNKNOWN);
    assert_string_equal(event_name(EV_COUNT), "unknown");
    assert_string_equal(msg_name(MSG_UNKNOWN), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_round_trips),
        cmocka_unit_test(unknown_kinds_and_roles_parse_so_that_they_can_be_answered),
        cmocka_unit_test(what_is_no_message_is_refused_with_a_reason),
        cmocka_unit_test(a_newer_version_still_says_its_id),
        cmocka_unit_test(a_frame_over_the_bound_is_not_looked_at),
        cmocka_unit_test(damaged_frames_never_crash),
        cmocka_unit_test(roles_may_say_what_the_table_says),
        cmocka_unit_test(names_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
