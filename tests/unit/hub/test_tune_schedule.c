/* Schedules through the JSON lines of `hypertop tune`, and what a sweep file gives them: held, resumed and changed trials. */
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

static void parse(struct sweepfile *f, const char *own)
{
    struct buf yaml = {0};
    char *cause = NULL;
    buf_printf(&yaml, "method: random\nparameters: {lr: {min: 0.1, max: 1.0}, units: {min: 1, max: 9}, o: {value: 3}}\n"
                      "hypertop:\n%s", own);
    if (sweepfile_parse(f, (const char *)yaml.data, yaml.len, "s.yaml", &cause) < 0)
        fail_msg("%s", cause);
    buf_release(&yaml);
}

static struct tune_session *open_session(const char *own, int64_t budget)
{
    struct sweepfile f;
    char *cause = NULL;
    parse(&f, own);
    struct tuner_setup setup = {.space = f.space, .sampler = f.sampler, .stopper = f.stopper,
                                .sampler_options = f.sampler_options, .stopper_options = f.stopper_options, .seed = 1,
                                .budget = budget};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s", cause);
    f.space = NULL;
    sweepfile_release(&f);
    return tune_session_new(t);
}

/* The answer to a line has this in it. */
static void has(struct tune_session *s, const char *line, const char *want)
{
    struct buf out = {0};
    tune_session_answer(s, line, strlen(line), &out);
    if (!strstr(buf_cstr(&out), want))
        fail_msg("%s answered %s, which has no %s", line, buf_cstr(&out), want);
    buf_release(&out);
}

static void a_held_trial_comes_back_under_its_number(void **state)
{
    struct tune_session *s = open_session("  stopper: hyperband\n  fidelity: {max: 3}\n", 3);
    has(s, "{\"op\":\"ask\",\"n\":3}", "\"id\":2");
    has(s, "{\"op\":\"ask\"}", "\"trials\":[],\"waiting\":true");
    has(s, "{\"op\":\"tell\",\"id\":0,\"value\":0.3,\"step\":1}", "\"action\":\"pause\",\"checkpoint\":true,\"rung\":0");
    has(s, "{\"op\":\"tell\",\"id\":1,\"value\":0.1,\"step\":1}", "\"action\":\"pause\"");
    has(s, "{\"op\":\"tell\",\"id\":2,\"value\":0.2,\"step\":1}", "\"action\":\"pause\"");
    has(s, "{\"op\":\"ask\"}", "\"trials\":[{\"id\":1,\"params\":{");
    has(s, "{\"op\":\"ask\"}", "\"waiting\":true");
    has(s, "{\"op\":\"tell\",\"id\":1,\"value\":0.05,\"step\":3}", "\"action\":\"continue\",\"rung\":1");
    has(s, "{\"op\":\"tell\",\"id\":1,\"value\":0.05}", "\"action\":\"continue\"");
    has(s, "{\"op\":\"ask\"}", "\"trials\":[],\"exhausted\":true");
    has(s, "{\"op\":\"explain\"}", "\"correlation\":[{\"rung\":0,\"trials\":0,\"tau\":null");
    tune_session_free(s);
}

static void a_resumed_trial_says_so_and_how_far_it_trains(void **state)
{
    struct tune_session *s = open_session("  stopper: {name: asha, promote: 1}\n  fidelity: {max: 9}\n", -1);
    has(s, "{\"op\":\"ask\",\"n\":3}", "\"steps\":1");
    for (int i = 0; i < 3; i++) {
        char line[80];
        snprintf(line, sizeof line, "{\"op\":\"tell\",\"id\":%d,\"value\":%d,\"step\":1}", i, i);
        has(s, line, "pause");
    }
    has(s, "{\"op\":\"ask\"}", "\"resume\":true,\"steps\":3");
    tune_session_free(s);
}

static void a_changed_trial_gets_its_new_parameters_and_a_donor(void **state)
{
    struct tune_session *s = open_session("  tuner: {name: pbt, interval: 2}\n  live: [lr]\n", 4);
    has(s, "{\"op\":\"ask\",\"n\":4}", "\"id\":3");
    has(s, "{\"op\":\"tell\",\"id\":0,\"value\":1,\"step\":2}", "\"action\":\"continue\",\"checkpoint\":true");
    has(s, "{\"op\":\"tell\",\"id\":1,\"value\":9,\"step\":2}", "\"action\":\"change\",\"params\":{\"lr\":");
    has(s, "{\"op\":\"tell\",\"id\":2,\"value\":8,\"step\":2}", "\"donor\":0");
    tune_session_free(s);
}

static double option(const struct tuner_kv *kv, const char *name)
{
    for (int i = 0; kv && kv[i].name; i++)
        if (!strcmp(kv[i].name, name))
            return kv[i].value;
    return -1;
}

static void fidelity_is_the_full_run_and_live_is_what_a_population_explores(void **state)
{
    struct sweepfile f;
    parse(&f, "  stopper: hyperband\n  fidelity: {max: 27}\n");
    assert_true(option(f.stopper_options, "max_resource") == 27);
    sweepfile_release(&f);
    parse(&f, "  stopper: {name: asha, max_resource: 81}\n  fidelity: {max: 27}\n");
    assert_true(option(f.stopper_options, "max_resource") == 81);
    sweepfile_release(&f);
    parse(&f, "  tuner: dehb\n  fidelity: {max: 27}\n");
    assert_true(option(f.sampler_options, "max_resource") == 27);
    sweepfile_release(&f);
    parse(&f, "  tuner: pbt\n  live: [lr, units]\n");
    assert_true(option(f.sampler_options, "explore.lr") == 1 && option(f.sampler_options, "explore.units") == 1);
    sweepfile_release(&f);
    parse(&f, "  tuner: {name: pb2, explore: [units]}\n  live: [lr]\n");
    assert_true(option(f.sampler_options, "explore.lr") == -1 && option(f.sampler_options, "explore.units") == 1);
    sweepfile_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_trial_comes_back_under_its_number),
        cmocka_unit_test(a_resumed_trial_says_so_and_how_far_it_trains),
        cmocka_unit_test(a_changed_trial_gets_its_new_parameters_and_a_donor),
        cmocka_unit_test(fidelity_is_the_full_run_and_live_is_what_a_population_explores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
