/* What people type, and what is sent for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec.h"
#include "proto/verb.h"

/* The send body of a line as JSON, or "ERROR: cause". */
static const char *parsed(const char *line)
{
    static char text[4000];
    char **words = NULL, *cause = NULL;
    struct buf body = {0}, out = {0};
    struct codec_writer w;
    struct json_out j;
    int n = verb_split(line, &words, &cause);
    cw_init(&w, &body);
    cw_map(&w, VERB_FIELDS);
    jw_open(&j, &out);
    if (n >= 0 && verb_parse(n, words, &w, &cause) == 0) {
        assert_true(codec_valid(body.data, body.len, NULL));
        codec_to_json((struct span){(char *)body.data, body.len}, &j);
    } else {
        assert_true(n < 0 || body.len == 1); /* nothing is written on an error */
        buf_puts(&out, "ERROR: ");
        buf_puts(&out, cause);
    }
    assert_true(out.len < sizeof text);
    memcpy(text, buf_cstr(&out), out.len + 1);
    verb_words_free(words, n);
    buf_release(&body);
    buf_release(&out);
    free(cause);
    return text;
}

#define ASKS(line, target, args) \
    assert_string_equal(parsed(line), "{\"verb\":" target ",\"args\":{" args "},\"reason\":\"\"}")
#define REFUSES(line, cause) assert_string_equal(parsed(line), "ERROR: " cause)

static void trials_are_written_in_many_ways(void **state)
{
    ASKS("stop 17", "\"stop\",\"target\":\"17\"", "");
    ASKS("stop t17", "\"stop\",\"target\":\"17\"", "");
    ASKS("pause t3,t5 007", "\"pause\",\"target\":\"3,5,7\"", "");
    ASKS("kill best", "\"kill\",\"target\":\"best\"", "");
    ASKS("resume all", "\"resume\",\"target\":\"all\"", "");
    REFUSES("stop", "stop: which trial?; usage: stop TRIAL...");
    REFUSES("stop foo", "stop: 'foo' is not a trial; write 17, t17, t3,t5, best or all");
    REFUSES("stop 3,,4", "stop: '3,,4' is not a trial; write 17, t17, t3,t5, best or all");
    REFUSES("stop -1", "stop: '-1' is not a trial; write 17, t17, t3,t5, best or all");
    REFUSES("stop 12345678901", "stop: '12345678901' is not a trial; write 17, t17, t3,t5, best or all");
    REFUSES("stop all 3", "stop: 'all' cannot be combined with other trials");
    REFUSES("stop 3 best", "stop: 'best' cannot be combined with other trials");
}

static void set_takes_its_words_in_any_order(void **state)
{
    const char *want = "{\"verb\":\"set\",\"target\":\"17\",\"args\":{\"params\":{\"lr\":0.001}},\"reason\":\"\"}";
    assert_string_equal(parsed("set lr=1e-3 17"), want);
    assert_string_equal(parsed("set 17 lr=1e-3"), want);
    ASKS("set t1,t2 a=1 b=x", "\"set\",\"target\":\"1,2\"", "\"params\":{\"a\":1,\"b\":\"x\"}");
    REFUSES("set lr 17", "set: 'lr' has no value; write lr=0.01");
    REFUSES("set lr= 17", "set: 'lr' has no value; write lr=0.01");
    REFUSES("set =3 17", "set: '=3' has no parameter's name in front of '='");
    REFUSES("set lr=1 lr=2 17", "set: 'lr' is given twice");
    REFUSES("set lr=1", "set: which trial?; usage: set PARAM=VALUE... TRIAL...");
    REFUSES("set 17", "set: which parameter?; usage: set PARAM=VALUE... TRIAL...");
}

static void values_are_typed_as_written(void **state)
{
    ASKS("enqueue i=42 n=-7 p=+3 f=1.5 e=1e-5 d=.5 big=99999999999999999999", "\"enqueue\",\"target\":\"\"",
         "\"params\":{\"i\":42,\"n\":-7,\"p\":3,\"f\":1.5,\"e\":1e-05,\"d\":0.5,\"big\":1e+20}");
    ASKS("enqueue t=true f=false s=adam q=\"17\" r='true' x=0x10 inf=inf nan=nan l=[1,2] eq=a=b",
         "\"enqueue\",\"target\":\"\"",
         "\"params\":{\"t\":true,\"f\":false,\"s\":\"adam\",\"q\":\"17\",\"r\":\"true\",\"x\":\"0x10\",\"inf\":\"inf\","
         "\"nan\":\"nan\",\"l\":\"[1,2]\",\"eq\":\"a=b\"}");
    ASKS("enqueue optimizer.lr=0.1 empty=\"\"", "\"enqueue\",\"target\":\"\"", "\"params\":{\"optimizer.lr\":0.1,\"empty\":\"\"}");
    REFUSES("enqueue 17", "enqueue: '17' has no value; write 17=0.01");
    REFUSES("enqueue", "enqueue: which parameter?; usage: enqueue PARAM=VALUE...");
}

static void clone_takes_one_trial(void **state)
{
    ASKS("clone best", "\"clone\",\"target\":\"best\"", "\"params\":{}");
    ASKS("clone 4 lr=0.1", "\"clone\",\"target\":\"4\"", "\"params\":{\"lr\":0.1}");
    REFUSES("clone 4,5", "clone: one trial at a time; usage: clone TRIAL [PARAM=VALUE...]");
    REFUSES("clone all", "clone: one trial at a time; usage: clone TRIAL [PARAM=VALUE...]");
}

static void notes_and_tags_take_text_behind_the_trials(void **state)
{
    ASKS("note 17 3 epochs lost", "\"note\",\"target\":\"17\"", "\"text\":\"3 epochs lost\"");
    ASKS("note t1 t2 'two  words'", "\"note\",\"target\":\"1,2\"", "\"text\":\"two  words\"");
    ASKS("note 17 -- --for is odd", "\"note\",\"target\":\"17\"", "\"text\":\"--for is odd\"");
    REFUSES("note 17", "note: the text is missing; usage: note TRIAL... TEXT");
    REFUSES("note hello", "note: 'hello' is not a trial; write 17, t17, t3,t5, best or all");
    ASKS("tag 3 4 good -bad +new", "\"tag\",\"target\":\"3,4\"", "\"add\":[\"good\",\"new\"],\"remove\":[\"bad\"]");
    REFUSES("tag 3", "tag: which tag?; usage: tag TRIAL... [+|-]TAG...");
    REFUSES("tag 3 +", "tag: '+' is not a tag; a tag has 1 to 63 bytes");
}

static void arms_take_weights_and_holds(void **state)
{
    ASKS("ban adam sgd --for 20", "\"ban\",\"target\":\"adam,sgd\"", "\"for\":20");
    ASKS("unban 3", "\"unban\",\"target\":\"3\"", "");
    ASKS("pin 1.9 --bandit omega", "\"pin\",\"target\":\"1.9\"", "\"bandit\":\"omega\"");
    ASKS("unpin", "\"unpin\",\"target\":\"\"", "");
    ASKS("boost adam", "\"boost\",\"target\":\"adam\"", "\"weight\":2");
    ASKS("boost adam 3.5 --for=5", "\"boost\",\"target\":\"adam\"", "\"weight\":3.5,\"for\":5");
    ASKS("boost 3", "\"boost\",\"target\":\"3\"", "\"weight\":2");
    REFUSES("boost adam lots", "boost: 'lots' is not a weight; write a number above 0, 2 doubles the chance");
    REFUSES("boost adam 0", "boost: '0' is not a weight; write a number above 0, 2 doubles the chance");
    REFUSES("boost adam inf", "boost: 'inf' is not a weight; write a number above 0, 2 doubles the chance");
    REFUSES("ban", "ban: which arm?; usage: ban ARM... [--for N]");
    REFUSES("pin a b", "pin: one arm at a time; usage: pin ARM [--for N]");
    REFUSES("ban a --for 0", "ban: --for '0' is not a number of pulls");
    REFUSES("ban a --for", "ban: --for needs a value behind it");
}

static void probe_has_words_of_its_own(void **state)
{
    ASKS("probe 17", "\"probe\",\"target\":\"17\"", "\"columns\":31,\"rows\":31,\"radius\":1,\"norm\":\"filter\"");
    ASKS("probe --grid 5x1 t3 --layer --radius=0.5 --towards t1,2 --slice 4", "\"probe\",\"target\":\"3\"",
         "\"columns\":5,\"rows\":1,\"radius\":0.5,\"norm\":\"layer\",\"slice\":4,\"towards\":[1,2]");
    ASKS("probe 3 --off", "\"probe\",\"target\":\"3\"", "\"off\":true");
    REFUSES("probe 3 --radius 0", "probe: --radius '0' is not a number above 0 and up to 1e+06");
    REFUSES("probe 3 --towards 1,2,3", "probe: --towards '1,2,3' names no one or two trials; write --towards 3,5");
    REFUSES("probe 3 --filter --layer", "probe: --filter and --layer exclude each other");
    REFUSES("probe 3 --off --grid 3x3", "probe: --off ends a probe and goes with no other option");
    REFUSES("probe 3 --grid", "probe: --grid needs a value behind it");
    for (const char *const *w = (const char *const[]){"4x3", "3x2", "1x1", "257x3", "x3", "3x", "31", NULL}; *w; w++) {
        char line[40];
        snprintf(line, sizeof line, "probe 3 --grid %s", *w);
        assert_non_null(strstr(parsed(line), "is not a grid; write 31x31"));
    }
}

static void sweep_verbs_take_one_number(void **state)
{
    ASKS("explore 0.5", "\"explore\",\"target\":\"\"", "\"factor\":0.5");
    ASKS("budget 100", "\"budget\",\"target\":\"\"", "\"value\":100,\"relative\":false");
    ASKS("budget +20", "\"budget\",\"target\":\"\"", "\"value\":20,\"relative\":true");
    ASKS("budget -5", "\"budget\",\"target\":\"\"", "\"value\":-5,\"relative\":true");
    ASKS("concurrency 4", "\"concurrency\",\"target\":\"\"", "\"value\":4");
    ASKS("undo", "\"undo\",\"target\":\"\"", "");
    ASKS("undo 12", "\"undo\",\"target\":\"12\"", "\"id\":12");
    REFUSES("explore -1", "explore: '-1' is not a factor; write a number from 0, 1 is as designed");
    REFUSES("explore nan", "explore: 'nan' is not a factor; write a number from 0, 1 is as designed");
    REFUSES("explore", "explore: which factor?; usage: explore FACTOR");
    REFUSES("budget ten", "budget: 'ten' is not a whole number; write 100, +20 or -20");
    REFUSES("concurrency -1", "concurrency: '-1' is not a whole number from 0; write 4");
    REFUSES("concurrency 1 2", "concurrency: one number is enough; usage: concurrency N");
    REFUSES("undo x", "undo: 'x' is not an intervention's id; write its number");
}

static void a_reason_may_stand_anywhere(void **state)
{
    const char *want = "{\"verb\":\"stop\",\"target\":\"17\",\"args\":{},\"reason\":\"went flat\"}";
    assert_string_equal(parsed("stop 17 --reason 'went flat'"), want);
    assert_string_equal(parsed("stop --reason 'went flat' 17"), want);
    assert_string_equal(parsed("stop '--reason=went flat' 17"), want);
    REFUSES("stop 17 --reason", "stop: --reason needs a value behind it");
    REFUSES("stop 17 --force", "stop: unknown option '--force'; there are --reason TEXT");
    REFUSES("ban x --force", "ban: unknown option '--force'; there are --reason TEXT, --for N, --bandit NAME");
    REFUSES("stop 17 --for 3", "stop: --for does not apply; usage: stop TRIAL...");
}

static void unknown_verbs_get_a_suggestion(void **state)
{
    REFUSES("stpo 17", "unknown verb 'stpo'; did you mean 'stop'?");
    REFUSES("conc 4", "unknown verb 'conc'; did you mean 'concurrency'?");
    REFUSES("frobnicate", "unknown verb 'frobnicate'; `hypertop help verbs` lists them");
    REFUSES("", "no verb; `hypertop help verbs` lists them");
    REFUSES("\"\"", "no verb; `hypertop help verbs` lists them");
    assert_null(verb_nearest("x"));
    assert_ptr_equal(verb_nearest("requeu"), verb_find("requeue"));
    assert_ptr_equal(verb_nearest("unbam"), verb_find("unban"));
    assert_null(verb_nearest("a-name-far-longer-than-any-verb-there-is"));
}

static void lines_split_like_a_shell_does(void **state)
{
    char **w, *cause = NULL;
    assert_int_equal(verb_split("  a 'b c' d\\ e \"f\\\"g\" '' ", &w, &cause), 5);
    assert_string_equal(w[0], "a");
    assert_string_equal(w[1], "b c");
    assert_string_equal(w[2], "d e");
    assert_string_equal(w[3], "f\"g");
    assert_string_equal(w[4], "");
    assert_null(w[5]);
    verb_words_free(w, 5);
    assert_int_equal(verb_split(" \t ", &w, &cause), 0);
    verb_words_free(w, 0);
    assert_int_equal(verb_split("note 17 \"open", &w, &cause), -1);
    assert_string_equal(cause, "a quote is not closed");
    free(cause);
}

static void every_verb_has_its_row(void **state)
{
    for (enum verb v = VERB_NONE + 1; v < VERB_COUNT; v++) {
        const struct verb_info *i = verb_info(v);
        assert_int_equal(i->verb, v);
        assert_ptr_equal(verb_find(i->name), i);
        assert_true(*i->text && (*i->args || i->target == VT_NONE));
    }
    assert_null(verb_info(VERB_NONE));
    assert_null(verb_info(VERB_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_are_written_in_many_ways),
        cmocka_unit_test(set_takes_its_words_in_any_order),
        cmocka_unit_test(values_are_typed_as_written),
        cmocka_unit_test(clone_takes_one_trial),
        cmocka_unit_test(notes_and_tags_take_text_behind_the_trials),
        cmocka_unit_test(arms_take_weights_and_holds),
        cmocka_unit_test(probe_has_words_of_its_own),
        cmocka_unit_test(sweep_verbs_take_one_number),
        cmocka_unit_test(a_reason_may_stand_anywhere),
        cmocka_unit_test(unknown_verbs_get_a_suggestion),
        cmocka_unit_test(lines_split_like_a_shell_does),
        cmocka_unit_test(every_verb_has_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
