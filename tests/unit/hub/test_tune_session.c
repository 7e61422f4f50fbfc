/* The JSON lines of `hypertop tune`: every operation, and errors that do not end the session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub/sweepfile.h"
#include "hub/tune_session.h"

static struct tune_session *open_seeds(const char *tuner, const char *stopper, int replicates)
{
    static const char yaml[] =
        "lr: {distribution: log_uniform_values, min: 0.001, max: 1}\nopt: {values: [sgd, adam]}\n";
    struct sweepfile f;
    char *cause = NULL;
    if (sweepfile_parse(&f, yaml, strlen(yaml), "s.yaml", &cause) < 0)
        fail_msg("%s", cause);
    struct tuner_setup setup = {
        .space = f.space, .sampler = tuner, .stopper = stopper, .seed = 1, .budget = -1, .replicates = replicates};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s", cause);
    f.space = NULL;
    sweepfile_release(&f);
    return tune_session_new(t);
}

static struct tune_session *open_session(const char *tuner, const char *stopper)
{
    return open_seeds(tuner, stopper, 0);
}

/* The answer to a line; good until the next call. */
static const char *say(struct tune_session *s, const char *line)
{
    static struct buf out;
    buf_clear(&out);
    tune_session_answer(s, line, strlen(line), &out);
    assert_int_equal(out.data[out.len - 1], '\n');
    out.len--;
    return buf_cstr(&out);
}

static void answers(struct tune_session *s, const char *line, const char *want)
{
    const char *got = say(s, line);
    if (strcmp(got, want))
        fail_msg("%s answered %s, not %s", line, got, want);
}

static void begins(struct tune_session *s, const char *line, const char *want)
{
    const char *got = say(s, line);
    if (strncmp(got, want, strlen(want)))
        fail_msg("%s answered %s, not %s...", line, got, want);
}

static void a_sweep_can_be_driven(void **state)
{
    struct tune_session *s = open_session("random", "asha");
    begins(s, "{\"op\":\"ask\",\"n\":2}", "{\"op\":\"ask\",\"trials\":[{\"id\":0,\"params\":{\"lr\":0.");
    answers(s, "{\"op\":\"best\"}", "{\"op\":\"best\",\"id\":null}");
    answers(s, "{\"op\":\"tell\",\"id\":0,\"value\":0.5,\"step\":1}",
            "{\"op\":\"tell\",\"id\":0,\"action\":\"continue\",\"rung\":0,\"cutoff\":0.5,\"why\":\"rung 0 at "
            "1: among the best 33 % of 1\"}");
    begins(s, "{\"op\":\"tell\",\"id\":1,\"value\":0.9,\"step\":1}",
           "{\"op\":\"tell\",\"id\":1,\"action\":\"stop\",\"rung\":0,");
    answers(s, "{\"op\":\"tell\",\"id\":0,\"values\":[0.25]}",
            "{\"op\":\"tell\",\"id\":0,\"action\":\"continue\"}");
    begins(s, "{\"op\":\"best\"}", "{\"op\":\"best\",\"id\":0,\"value\":0.25,\"params\":{\"lr\":");
    const char *got = say(s, "{\"op\":\"explain\"}");
    assert_non_null(
        strstr(got, "{\"op\":\"explain\",\"tuner\":\"random, asha eta 3 from 1\",\"arms\":[{\"arm\":0,"));
    assert_non_null(
        strstr(got, "\"rungs\":[{\"rung\":0,\"resource\":1,\"trials\":2,\"promoted\":1,\"stopped\":1,"));
    tune_session_free(s);
}

static void null_and_nan_are_failures(void **state)
{
    struct tune_session *s = open_session("tsallis", NULL);
    say(s, "{\"op\":\"ask\",\"n\":3}");
    begins(s, "{\"op\":\"tell\",\"id\":0,\"value\":null}", "{\"op\":\"tell\",\"id\":0,\"action\":\"stop\"");
    begins(s, "{\"op\":\"tell\",\"id\":1,\"value\":\"nan\",\"step\":3}",
           "{\"op\":\"tell\",\"id\":1,\"action\":\"stop\"");
    answers(s, "{\"op\":\"tell\",\"id\":2,\"state\":\"failed\"}",
            "{\"op\":\"tell\",\"id\":2,\"action\":\"continue\"}");
    answers(s, "{\"op\":\"best\"}", "{\"op\":\"best\",\"id\":null}");
    tune_session_free(s);
}

static void steering_is_answered_and_undone(void **state)
{
    struct tune_session *s = open_session("thompson", NULL);
    answers(s, "{\"op\":\"steer\",\"verb\":\"ban\",\"args\":{\"target\":\"opt=sgd\"}}",
            "{\"op\":\"steer\",\"ok\":true,\"space_version\":1,\"token\":1}");
    const char *got = say(s, "{\"op\":\"ask\",\"n\":40}");
    assert_null(strstr(got, "\"opt\":\"sgd\""));
    assert_non_null(strstr(got, "\"opt\":\"adam\""));
    answers(s, "{\"op\":\"steer\",\"verb\":\"undo\",\"args\":{\"token\":1}}",
            "{\"op\":\"steer\",\"ok\":true,\"space_version\":1}");
    assert_non_null(strstr(say(s, "{\"op\":\"ask\",\"n\":40}"), "\"opt\":\"sgd\""));
    answers(s, "{\"op\":\"steer\",\"verb\":\"pin\",\"args\":{\"target\":[0],\"for\":1}}",
            "{\"op\":\"steer\",\"ok\":true,\"space_version\":1,\"token\":2}");
    assert_non_null(strstr(say(s, "{\"op\":\"explain\"}"), "\"pinned\":true"));
    answers(s, "{\"op\":\"steer\",\"verb\":\"explore\",\"args\":{\"factor\":0}}",
            "{\"op\":\"steer\",\"ok\":true,\"space_version\":1,\"token\":3}");
    answers(s, "{\"op\":\"steer\",\"verb\":\"budget\",\"args\":{\"value\":82}}",
            "{\"op\":\"steer\",\"ok\":true,\"space_version\":1}");
    assert_non_null(strstr(say(s, "{\"op\":\"ask\",\"n\":5}"), "\"exhausted\":true"));
    tune_session_free(s);
}

static void errors_are_lines_and_the_session_goes_on(void **state)
{
    struct tune_session *s = open_session("random", NULL);
    answers(s, "{}",
            "{\"op\":\"error\",\"message\":\"each line must be an object with op: ask, tell, context, steer, "
            "explain or best\"}");
    answers(
        s, "{\"op\":\"tel\"}",
        "{\"op\":\"error\",\"message\":\"there is no op \\\"tel\\\"; there are ask, tell, context, steer, "
        "explain, best\"}");
    begins(s, "nonsense", "{\"op\":\"error\",\"message\":\"not JSON: ");
    answers(s, "{\"op\":\"tell\",\"id\":9,\"value\":1}",
            "{\"op\":\"error\",\"message\":\"there is no trial 9\"}");
    answers(s, "{\"op\":\"tell\",\"value\":1}",
            "{\"op\":\"error\",\"message\":\"tell: id must be the number of a trial\"}");
    answers(s, "{\"op\":\"ask\",\"n\":0}",
            "{\"op\":\"error\",\"message\":\"ask: n must be a whole number from 1 to 10000\"}");
    answers(s, "{\"op\":\"context\",\"values\":[1]}",
            "{\"op\":\"error\",\"message\":\"context: random has no use for a context\"}");
    answers(s, "{\"op\":\"steer\",\"verb\":\"ban\",\"args\":{\"target\":\"opt=sdg\"}}",
            "{\"op\":\"error\",\"message\":\"opt: sdg is not one of its values\"}");
    answers(s, "{\"op\":\"steer\",\"verb\":\"kick\"}",
            "{\"op\":\"error\",\"message\":\"the tuner has no verb \\\"kick\\\"; it has ban, unban, pin, "
            "unpin, boost, explore, focus, quota, hold, step, go, space, freeze, thaw, tuner, avoid, weight\"}");
    answers(s, "{\"op\":\"steer\",\"verb\":\"ban\",\"args\":{\"target\":\"opt=sgd|adam\"}}",
            "{\"op\":\"error\",\"message\":\"opt=sgd|adam: nothing would be left to try\"}");
    begins(s, "{\"op\":\"ask\"}", "{\"op\":\"ask\",\"trials\":[{\"id\":0,");
    tune_session_free(s);
}

static void a_trial_that_is_done_may_be_asked_for_again(void **state)
{
    struct tune_session *s = open_seeds("random", NULL, 3);
    begins(s, "{\"op\":\"ask\",\"n\":4}", "{\"op\":\"ask\",\"trials\":[{\"id\":0,");
    for (int i = 0; i < 4; i++) {
        char line[80];
        snprintf(line, sizeof line, "{\"op\":\"tell\",\"id\":%d,\"value\":%d}", i, 4 - i);
        begins(s, line, "{\"op\":\"tell\"");
    }
    const char *got = say(s, "{\"op\":\"ask\"}");
    assert_ptr_equal(strstr(got, "{\"op\":\"ask\",\"trials\":[{\"id\":3,"), got);
    assert_non_null(strstr(got, "\"replicate\":true,\"seed_index\":1,\"why\":\"another seed of t3"));
    answers(s, "{\"op\":\"tell\",\"id\":3,\"value\":1.5}", "{\"op\":\"tell\",\"id\":3,\"action\":\"continue\"}");
    got = say(s, "{\"op\":\"best\"}");
    assert_ptr_equal(strstr(got, "{\"op\":\"best\",\"id\":3,\"value\":1.25,"), got);
    assert_non_null(strstr(got, "\"runs\":2}"));
    got = say(s, "{\"op\":\"explain\"}");
    assert_non_null(strstr(got, "\"replicates\":{\"seeds\":3,\"runs\":1,\"noise\":null,"));
    answers(s, "{\"op\":\"tell\",\"id\":3,\"value\":1}", "{\"op\":\"error\",\"message\":\"trial 3 has its final value\"}");
    tune_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sweep_can_be_driven),
        cmocka_unit_test(null_and_nan_are_failures),
        cmocka_unit_test(steering_is_answered_and_undone),
        cmocka_unit_test(a_trial_that_is_done_may_be_asked_for_again),
        cmocka_unit_test(errors_are_lines_and_the_session_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
