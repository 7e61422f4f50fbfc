/* Control records that hold a bandit's probabilities, as the events that the hub gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/records.h"
#include "base/json_out.h"

enum { ARMS = 2 };

static struct ring_record made(uint8_t *payload, uint32_t steered)
{
    struct ring_arms head = {.arms = ARMS, .steered = steered};
    struct ring_arm arm[ARMS] = {{.p_next = 0.25, .p_best = 0.5, .boost = 2, .left = 7},
                                 {.p_next = 0.75, .p_best = 0.5, .boost = 1, .left = UINT64_MAX}};
    memcpy(payload, &head, sizeof head);
    memcpy(payload + sizeof head, arm, sizeof arm);
    return (struct ring_record){
        .kind = RR_ARMS, .id = 3, .step = 40, .bytes = (uint32_t)(sizeof head + sizeof arm)};
}

static void probabilities_become_an_event(void **state)
{
    uint8_t payload[256];
    struct record_view v;
    struct codec_writer w;
    struct json_out j;
    struct buf b = {0}, text = {0};
    struct ring_record r = made(payload, 0);
    assert_true(record_view(&v, &r, payload));
    assert_string_equal(v.event, "arms");
    assert_true(v.droppable);
    cw_init(&w, &b);
    record_write(&w, &v);
    jw_open(&j, &text);
    codec_to_json((struct span){(const char *)b.data, b.len}, &j);
    assert_string_equal(buf_cstr(&text), "{\"bandit\":3,\"t\":40,\"p_next\":[0.25,0.75],\"p_best\":[0.5,0.5],"
                                         "\"steered\":[{\"arm\":0,\"banned\":false,\"pinned\":false,"
                                         "\"boost\":2,\"left\":7}]}");
    buf_release(&b);
    buf_release(&text);
}

static void steering_must_not_get_lost(void **state)
{
    uint8_t payload[256];
    struct record_view v;
    struct ring_record r = made(payload, 1);
    assert_true(record_view(&v, &r, payload));
    assert_false(v.droppable);
}

static void a_count_that_does_not_fit_is_refused(void **state)
{
    uint8_t payload[256];
    struct record_view v;
    struct ring_record r = made(payload, 0);
    uint32_t many = UINT32_MAX;
    r.bytes--;
    assert_false(record_view(&v, &r, payload));
    r.bytes = 4;
    assert_false(record_view(&v, &r, payload));
    r = made(payload, 0);
    memcpy(payload, &many, sizeof many);
    assert_false(record_view(&v, &r, payload));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_become_an_event),
        cmocka_unit_test(steering_must_not_get_lost),
        cmocka_unit_test(a_count_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
