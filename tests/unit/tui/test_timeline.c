/* The time cursor: where it may stand, how it moves, what people may type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tui/timeline.h"

#define T0 (INT64_C(1767261600) * CLOCK_S) /* 2026-01-01 10:00:00 UTC */
#define T1 (T0 + 7200 * CLOCK_S)

static struct timeline live(void)
{
    struct timeline t;
    setenv("TZ", "UTC", 1);
    timeline_init(&t, false, 0);
    timeline_span(&t, T0, T1);
    return t;
}

static struct timeline recording(void)
{
    struct timeline t;
    setenv("TZ", "UTC", 1);
    timeline_init(&t, true, 4);
    timeline_span(&t, T0, T1);
    return t;
}

static void a_live_console_is_at_the_end(void **state)
{
    struct timeline t = live();
    assert_true(timeline_cursor(&t) == -1);
    assert_true(timeline_now(&t, T1 + 5) == T1 + 5);
}

static void a_recording_starts_at_its_start(void **state)
{
    struct timeline t = recording();
    assert_true(timeline_cursor(&t) == T0);
}

static void seeking_is_kept_within_the_log(void **state)
{
    struct timeline t = recording();
    timeline_seek(&t, T0 - 1, 0);
    assert_true(timeline_cursor(&t) == T0);
    timeline_seek(&t, T1 + 1, 0);
    assert_true(timeline_cursor(&t) == T1);
    t = live();
    timeline_seek(&t, T1, 0);
    assert_false(t.past);
    timeline_move(&t, -60 * CLOCK_S, 0);
    assert_true(t.past && timeline_cursor(&t) == T1 - 60 * CLOCK_S);
    timeline_live(&t);
    assert_true(timeline_cursor(&t) == -1);
}

static void playing_advances_with_the_speed_and_stops_at_the_end(void **state)
{
    struct timeline t = recording();
    timeline_play(&t, true, 100 * CLOCK_S);
    timeline_tick(&t, 110 * CLOCK_S);
    assert_true(t.cursor == T0 + 40 * CLOCK_S);
    timeline_speed(&t, 400, 110 * CLOCK_S);
    timeline_tick(&t, 111 * CLOCK_S);
    assert_true(t.cursor == T0 + 440 * CLOCK_S);
    timeline_tick(&t, 1000 * CLOCK_S);
    assert_true(t.cursor == T1 && !t.playing && t.past);
    timeline_play(&t, true, 1000 * CLOCK_S); /* again from the start */
    assert_true(t.cursor == T0);
}

static void a_live_replay_runs_into_the_present(void **state)
{
    struct timeline t = live();
    timeline_seek(&t, T1 - 10 * CLOCK_S, 0);
    timeline_play(&t, true, 0);
    timeline_tick(&t, 11 * CLOCK_S);
    assert_false(t.past);
}

static void requests_move_four_times_a_second(void **state)
{
    struct timeline t = recording();
    int64_t last = -1;
    int changes = 0;
    timeline_speed(&t, 60, 0);
    timeline_play(&t, true, 0);
    for (int64_t mono = 0; mono <= CLOCK_S; mono += CLOCK_S / 100) {
        timeline_tick(&t, mono);
        changes += timeline_cursor(&t) != last;
        last = timeline_cursor(&t);
    }
    assert_in_range(changes, 4, 5);
}

static int64_t parse(const struct timeline *t, const char *s)
{
    int64_t at = -7;
    char *cause = NULL;
    if (timeline_parse(t, s, T1, &at, &cause) < 0) {
        assert_non_null(cause);
        assert_null(strchr(cause, '\n'));
        free(cause);
        return -7;
    }
    return at;
}

static void times_are_read_as_people_write_them(void **state)
{
    struct timeline t = recording();
    assert_true(parse(&t, "11:30:05") == T0 + 5405 * CLOCK_S);
    assert_true(parse(&t, "10:05") == T0 + 300 * CLOCK_S);
    assert_true(parse(&t, "40%") == T0 + 2880 * CLOCK_S);
    assert_true(parse(&t, "+5m") == T0 + 300 * CLOCK_S);
    assert_true(parse(&t, "-30s") == T0 - 30 * CLOCK_S);
    assert_true(parse(&t, "start") == T0);
    assert_true(parse(&t, "live") == T1);
    assert_true(parse(&t, "2026-01-01T10:20:00Z") == T0 + 1200 * CLOCK_S);
}

static void nonsense_is_refused_with_a_sentence(void **state)
{
    struct timeline t = recording(), none;
    static const char *const list[] = {"",          "25:00", "10:61", "140%", "-3%",  "tomorrow",
                                       "11:30:05x", "+x",    "%",     "nan",  "1e400"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (parse(&t, list[i]) != -7)
            fail_msg("'%s' was taken for a time", list[i]);
    timeline_init(&none, false, 0);
    assert_true(parse(&none, "40%") == -7);
}

/* A sweep over midnight: 23:59 is yesterday's. */
static void a_time_of_day_falls_into_the_log(void **state)
{
    struct timeline t = recording();
    int64_t midnight = T0 + 14 * 3600 * CLOCK_S;
    timeline_span(&t, midnight - 3600 * CLOCK_S, midnight + 3600 * CLOCK_S);
    assert_true(parse(&t, "23:59") == midnight - 60 * CLOCK_S);
    assert_true(parse(&t, "00:10") == midnight + 600 * CLOCK_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_console_is_at_the_end),
        cmocka_unit_test(a_recording_starts_at_its_start),
        cmocka_unit_test(seeking_is_kept_within_the_log),
        cmocka_unit_test(playing_advances_with_the_speed_and_stops_at_the_end),
        cmocka_unit_test(a_live_replay_runs_into_the_present),
        cmocka_unit_test(requests_move_four_times_a_second),
        cmocka_unit_test(times_are_read_as_people_write_them),
        cmocka_unit_test(nonsense_is_refused_with_a_sentence),
        cmocka_unit_test(a_time_of_day_falls_into_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
