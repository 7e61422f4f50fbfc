/* The console without a terminal: what keys do, and that nothing leaves it unguarded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tui/console_fixture.h"
#include "base/rng.h"
#include "tui/palette.h"

static int setup(void **state)
{
    fake.extra = 0;
    start(false, 80, 24);
    return 0;
}

static int setup_many(void **state)
{
    fake.extra = 2000;
    start(false, 80, 24);
    return 0;
}

static int teardown(void **state)
{
    stop();
    assert_null(fake_views); /* everything that was subscribed was let go */
    fake.extra = 0;
    return 0;
}

/* ---- selection ---- */

static void the_best_is_selected_until_somebody_moves(void **state)
{
    assert_true(con.table.sel == 17 && con.table.follow);
    press_key('j');
    assert_true(con.table.sel == 23 && !con.table.follow);
    press_key('F');
    assert_true(con.table.sel == 17);
}

static void the_same_trial_stays_selected_through_a_thousand_sorts(void **state)
{
    struct rng r;
    rng_seed(&r, 5);
    press_key('j');
    press_key('j');
    int64_t id = con.table.sel;
    for (int i = 0; i < 1000; i++) {
        fake.order = (int)rng_below(&r, FAKE_TRIALS);
        fake_refresh();
        pass(5 * CLOCK_S);
        assert_true(con.table.sel == id);
        bool visible = false;
        for (int k = 0; k < con.table.visible && con.table.top - con.table.base + k < con.table.n_rows; k++)
            visible = visible || con.table.rows[con.table.top - con.table.base + k].id == id;
        assert_true(visible);
    }
}

static void the_order_stands_still_after_a_key_and_while_frozen(void **state)
{
    press_key('j');
    int64_t first = con.table.rows[0].id;
    fake.order = 3;
    fake.step = 4;
    fake_refresh();
    pass(CLOCK_S);
    assert_true(con.table.rows[0].id == first);
    assert_true(shows("0.0808")); /* values stay live */
    press_key('f');
    pass(60 * CLOCK_S);
    assert_true(con.table.rows[0].id == first);
    assert_true(shows("FROZEN"));
    press_key('f');
    pass(4 * CLOCK_S);
    assert_true(con.table.rows[0].id != first);
}

static void moving_reaches_every_row_of_a_long_table(void **state)
{
    int64_t total = FAKE_TRIALS + 2000;
    press_key('G');
    frame();
    assert_true(con.table.sel == 100 + total - 1);
    press_key('k');
    assert_true(con.table.sel == 100 + total - 2);
    press_key('g');
    frame();
    assert_true(con.table.sel == 17);
    for (int i = 0; i < 200; i++)
        press_key(KX_PGDN);
    frame();
    assert_true(con.table.sel == 100 + total - 1);
    for (int i = 0; i < 300; i++) {
        press_key('k');
        frame();
    }
    assert_true(con.table.sel == 100 + total - 301);
}

static void columns_begin_with_what_can_be_steered(void **state)
{
    struct table t = {.words = 1, .fractions = 2 | 8, .varied = 1 | 2 | 4 | 8, .live = 8};
    struct summary s = {.n_params = 5}; /* words, fraction, count, live fraction, constant */
    static const int want[] = {3, 1, 2, 0, 4};
    int order[SUMMARY_PARAMS];
    table_param_order(&t, &s, order);
    assert_memory_equal(order, want, sizeof want);
    press_key('1');
    assert_int_equal(con.table.live, 3); /* lr and wd of the fake sweep */
    assert_int_equal(con.table.varied, 7);
}

static void marks_stick_to_trials(void **state)
{
    press_key(' ');
    press_key(' ');
    assert_true(table_marked(&con.table, 17) && table_marked(&con.table, 23));
    assert_true(shows("2 marked"));
    press_key('U');
    assert_int_equal(con.table.n_marks, 0);
    press_key('v');
    press_key('j');
    press_key('j');
    press_key('v');
    assert_int_equal(con.table.n_marks, 3);
}

/* ---- guards ---- */

static void a_reversible_action_waits_and_is_then_sent(void **state)
{
    press_key('p');
    assert_int_equal(fake.sends, 0);
    assert_true(shows("pause t17 in 5s"));
    pass(4 * CLOCK_S);
    assert_int_equal(fake.sends, 0);
    pass(CLOCK_S);
    assert_int_equal(fake.sends, 1);
    assert_string_equal(fake.last, "pause t17");
    assert_true(shows("sent"));
    answer(5, "accepted", NULL);
    frame();
    assert_true(shows("accepted"));
}

static void undo_takes_a_waiting_action_back_unsent(void **state)
{
    press_key('p');
    press_key('u');
    pass(20 * CLOCK_S);
    assert_int_equal(fake.sends, 0);
    assert_int_equal(con.act.n_holds, 0);
}

static void undo_after_sending_asks_the_hub(void **state)
{
    press_key('p');
    pass(6 * CLOCK_S);
    answer(5, "accepted", NULL);
    press_key('u');
    assert_int_equal(fake.sends, 2);
    assert_string_equal(fake.last, "undo 5");
    press_key('u');
    assert_int_equal(fake.sends, 2); /* once */
}

static void a_rejection_is_shown_with_its_reason(void **state)
{
    press_key('p');
    pass(6 * CLOCK_S);
    answer(5, "rejected", "t17 is\033[31m not running");
    frame();
    assert_true(shows("rejected: t17 is\\x1b[31m not running"));
}

static void a_finished_action_leaves_the_status_line(void **state)
{
    press_key('p');
    pass(5 * CLOCK_S);
    answer(5, "applied", NULL);
    frame();
    assert_true(shows("pause t17 \u2192 applied"));
    assert_true(console_deadline(&con) <= mono + ACTION_SHOW_NS);
    pass(ACTION_SHOW_NS - CLOCK_S);
    assert_true(shows("applied"));
    con.mono = mono + CLOCK_S; /* the clock has gone on, the frame has not been drawn: it is still due */
    assert_true(console_deadline(&con) <= con.mono);
    pass(CLOCK_S);
    assert_false(shows("applied"));
    press_key('u'); /* it can be undone all the same */
    assert_string_equal(fake.last, "undo 5");
}

static void a_key_clears_an_action_that_was_shown_long_enough(void **state)
{
    press_key('p');
    pass(5 * CLOCK_S);
    answer(5, "applied", NULL);
    frame();
    press_key('j');
    assert_true(shows("applied"));
    pass(ACTION_READ_NS);
    press_key('j');
    assert_false(shows("applied"));
}

static void arms_are_named_by_letter_and_label(void **state)
{
    type("4j-");
    assert_true(shows("boost arm B sgd/1e-2 0.5 in 5s"));
    type("u");
    assert_true(shows("not sent: boost arm B sgd/1e-2 0.5"));
    type(":ban 0");
    press_key(KX_ENTER);
    assert_true(shows("ban arm A adam/1e-3 in 5s"));
    pass(5 * CLOCK_S);
    assert_string_equal(fake.last, "ban 0"); /* the hub gets what was typed */
    assert_true(shows("ban arm A adam/1e-3 \u2192 sent"));
}

static void arms_are_listed_best_first_and_keep_their_letters(void **state)
{
    press_key('4');
    int64_t best = con.arm_id;
    press_key('>'); /* by mean: this sweep minimizes */
    assert_true(shows("by mean"));
    assert_int_equal(con.arm_order[0], FAKE_ARMS - 1);
    assert_int_equal(con.arm_id, best); /* the selection went along */
    assert_int_equal(con.arm, FAKE_ARMS - 1);
    assert_true(shows("> A adam/1e-3"));
    press_key('>');
    assert_int_equal(con.arm_order[0], 0); /* by pulls */
    press_key('<');
    press_key('<');
    assert_int_equal(con.arm_order[0], 0);
    assert_int_equal(con.arm, 0);
}

static void a_broken_link_is_an_answer_too(void **state)
{
    press_key('p');
    pass(6 * CLOCK_S);
    fake.reply(fake.reply_arg, NULL);
    frame();
    assert_true(shows("the link broke"));
}

static void a_losing_action_asks_and_defaults_to_cancel(void **state)
{
    type("as");
    assert_int_equal(con.popup.kind, POPUP_CONFIRM);
    assert_true(shows("Stop t17?"));
    press_key(KX_ENTER);
    assert_int_equal(con.popup.kind, POPUP_NONE);
    assert_int_equal(fake.sends, 0);
    type("ass");
    assert_int_equal(fake.sends, 0);
    press_key('y');
    assert_string_equal(fake.last, "stop t17");
}

static void a_final_action_wants_the_id_typed(void **state)
{
    type("ak");
    assert_int_equal(con.popup.kind, POPUP_TYPED);
    type("t23");
    press_key(KX_ENTER);
    assert_int_equal(fake.sends, 0);
    type("t17");
    assert_int_equal(fake.sends, 0);
    press_key(KX_ENTER);
    assert_string_equal(fake.last, "kill t17");
}

static void many_targets_want_their_number_typed(void **state)
{
    type("  ak2");
    assert_true(shows("Kill 2 trials?"));
    press_key(KX_ENTER);
    assert_string_equal(fake.last, "kill t17,t23");
}

static void the_command_line_has_the_same_guards(void **state)
{
    type(":kill 9");
    press_key(KX_ENTER);
    assert_int_equal(con.popup.kind, POPUP_TYPED);
    press_key(KX_ESC);
    type(":stop best");
    press_key(KX_ENTER);
    assert_int_equal(con.popup.kind, POPUP_CONFIRM);
    press_key('n');
    type(":set lr=1e-4 17");
    press_key(KX_ENTER);
    assert_int_equal(con.act.n_holds, 1);
    assert_int_equal(fake.sends, 0);
}

static void nothing_is_steered_read_only_in_the_past_or_without_a_hub(void **state)
{
    fake.readonly = true;
    press_key('p');
    assert_true(shows("read-only"));
    fake.readonly = false;
    timeline_move(&con.time, -600 * CLOCK_S, mono);
    press_key('p');
    assert_true(shows("End goes back to live"));
    press_key(KX_END);
    assert_false(con.time.past);
    fake.link = LINK_DOWN;
    type(":pause 17");
    press_key(KX_ENTER);
    assert_true(shows("no hub"));
    assert_int_equal(con.act.n_holds, 0);
    assert_int_equal(fake.sends, 0);
}

static void leaving_sends_nothing_that_waits(void **state)
{
    type("pq");
    assert_true(con.quit);
    assert_int_equal(action_unsent(&con.act), 1);
    assert_int_equal(fake.sends, 0);
}

static void pasted_text_is_no_command(void **state)
{
    const char *s = "aksy:kill 17\r\nt17\ry";
    console_paste(&con, s, strlen(s));
    pass(20 * CLOCK_S);
    assert_int_equal(fake.sends, 0);
    assert_int_equal(con.popup.kind, POPUP_NONE);
    type(":");
    console_paste(&con, "pause 17\rq", 10);
    assert_string_equal(con.prompt.text, "pause 17 q");
    assert_int_equal(con.act.n_holds, 0);
}

static int add_key(int *keys, int n, int key)
{
    for (int i = 0; i < n; i++)
        if (keys[i] == key)
            return n;
    keys[n] = key;
    return n + 1;
}

/* All keys that the tables know, and what answers questions; any other key is text or nothing. */
static int meaningful_keys(int keys[200])
{
    int n = 0, n_rows, n_menu;
    const struct key_row *table = keymap_rows(&n_rows);
    const struct menu_row *menu = keymap_menu(&n_menu);
    for (int i = 0; i < n_rows; i++)
        n = add_key(keys, n, table[i].key);
    for (int i = 0; i < n_menu; i++)
        n = add_key(keys, n, menu[i].key);
    for (const char *s = "yn017t.X"; *s; s++)
        n = add_key(keys, n, *s);
    return n;
}

/* Every sequence of up to three keys from every screen: an action leaves only behind a question that was on
 * the screen and was answered by another key than the one that opened it. Time stands still, so nothing on
 * hold is due. */
static void no_three_keys_send_anything_unguarded(void **state)
{
    int keys[200], n_keys = meaningful_keys(keys);
    long sequences = 0, guarded = 0;
    table_mark(&con.table, 17, true); /* the marks' memory exists: copies of the console may share it */
    table_clear_marks(&con.table);
    for (int s = 0; s < SCREEN_COUNT; s++) {
        con.screen = (enum screen_id)s;
        frame();
        struct console *base = malloc(sizeof con), *one = malloc(sizeof con), *two = malloc(sizeof con);
        memcpy(base, &con, sizeof con);
        for (int a = 0; a < n_keys; a++) {
            memcpy(&con, base, sizeof con);
            console_key(&con, keys[a]);
            assert_int_equal(fake.sends, 0);
            memcpy(one, &con, sizeof con);
            if (memcmp(one, base, offsetof(struct console, toast)) == 0 && a)
                continue; /* the key means nothing here: shorter sequences cover the rest */
            for (int b = 0; b < n_keys; b++) {
                memcpy(&con, one, sizeof con);
                console_key(&con, keys[b]);
                assert_int_equal(fake.sends, 0);
                memcpy(two, &con, sizeof con);
                for (int c = 0; c < n_keys; c++) {
                    memcpy(&con, two, sizeof con);
                    console_key(&con, keys[c]);
                    sequences++;
                    if (con.prompt.n_history > two->prompt.n_history)
                        free(con.prompt.history[con.prompt.n_history - 1]);
                    if (fake.sends == 0)
                        continue;
                    if (two->popup.kind != POPUP_CONFIRM || keys[c] == keys[b] || keys[c] != 'y')
                        fail_msg("screen %d: keys %d %d %d sent \"%s\"", s, keys[a], keys[b], keys[c],
                                 fake.last);
                    guarded++;
                    fake.sends = 0;
                }
            }
        }
        memcpy(&con, base, sizeof con);
        free(base);
        free(one);
        free(two);
    }
    print_message("%ld sequences, %ld sent behind a question\n", sequences, guarded);
    assert_true(guarded > 0 && sequences > 500000);
}

/* ---- the editor ---- */

static void a_live_value_is_edited_checked_and_sent(void **state)
{
    type("5e7e-4");
    assert_true(shows("-13.6%"));
    press_key(KX_ENTER);
    assert_true(shows("set lr=7e-4 t17 in 5s"));
    pass(6 * CLOCK_S);
    assert_string_equal(fake.last, "set lr=7e-4 t17");
}

static void a_value_outside_its_range_is_refused_here_already(void **state)
{
    type("5e3");
    press_key(KX_ENTER);
    assert_true(shows("out of range"));
    press_key(KEY_CTRL('u'));
    type("fast");
    press_key(KX_ENTER);
    assert_true(shows("not a number"));
    press_key(KX_ESC);
    pass(20 * CLOCK_S);
    assert_int_equal(fake.sends, 0);
    assert_int_equal(con.prompt.kind, PROMPT_NONE);
}

static void arrows_nudge_the_value(void **state)
{
    type("5e");
    press_key(KX_UP);
    assert_string_equal(con.prompt.text, "0.000891");
    press_key(KX_DOWN);
    assert_string_equal(con.prompt.text, "0.00081");
}

static void a_pending_value_shows_its_state(void **state)
{
    press_key('5');
    assert_true(shows("\u2192 2e-3 d"));
}

static void a_finished_trial_has_no_editor(void **state)
{
    table_select(&con.table, 9);
    frame();
    type("5");
    assert_true(shows("nothing can be changed"));
    type("e");
    assert_int_equal(con.prompt.kind, PROMPT_NONE);
    assert_true(shows("no live value"));
}

/* ---- command line ---- */

static void tab_completes_verbs_trials_and_parameters(void **state)
{
    type(":pau");
    press_key(KX_TAB);
    assert_string_equal(con.prompt.text, "pause ");
    type("t1");
    press_key(KX_TAB);
    assert_string_equal(con.prompt.text, "pause t17 ");
    press_key(KX_ESC);
    type(":set w");
    press_key(KX_TAB);
    assert_string_equal(con.prompt.text, "set wd=");
    press_key(KX_ESC);
    type(":ban ada");
    press_key(KX_TAB);
    assert_string_equal(con.prompt.text, "ban adam/1e-3 ");
    press_key(KX_TAB);
    assert_string_equal(con.prompt.text, "ban adam/1e-5 ");
}

static void an_unknown_command_keeps_its_text_and_suggests(void **state)
{
    type(":stpo 17");
    press_key(KX_ENTER);
    assert_string_equal(con.prompt.text, "stpo 17");
    assert_true(shows("did you mean stop?"));
    press_key(KX_ESC);
    type(":pause 17 --reason 'no end");
    press_key(KX_ENTER);
    assert_true(con.prompt.error[0] != '\0');
}

static void history_is_recalled(void **state)
{
    type(":sort lr");
    press_key(KX_ENTER);
    assert_int_equal(con.prompt.kind, PROMPT_NONE);
    assert_string_equal(con.table.sort, "lr");
    type(":tri");
    press_key(KX_UP);
    assert_string_equal(con.prompt.text, "sort lr");
    press_key(KX_DOWN);
    assert_string_equal(con.prompt.text, "tri");
}

static void letters_are_text_while_the_prompt_is_open(void **state)
{
    type(":q p k a u");
    assert_false(con.quit);
    assert_string_equal(con.prompt.text, "q p k a u");
}

static void the_filter_is_live_and_its_errors_are_shown(void **state)
{
    type("/lr<1");
    assert_string_equal(con.table.filter, "lr<1");
    assert_true(shows("filter lr<1"));
    press_key(KX_ENTER);
    press_key(KX_ESC);
    assert_string_equal(con.table.filter, "");
    type("/!");
    assert_true(shows("is not a comparison"));
    press_key(KX_ESC);
    assert_true(shows("t17"));
}

/* ---- time ---- */

static void events_are_reached_by_bracket_keys(void **state)
{
    press_key('[');
    assert_true(con.time.past);
    assert_true(timeline_cursor(&con.time) == FAKE_START + 7000 * CLOCK_S);
    press_key('[');
    assert_true(timeline_cursor(&con.time) == FAKE_START + 6100 * CLOCK_S);
    press_key(']');
    assert_true(timeline_cursor(&con.time) == FAKE_START + 7000 * CLOCK_S);
    assert_true(shows("REPLAY 11:56:40"));
    press_key(KX_END);
    assert_true(shows("LIVE"));
}

static void per_cent_and_goto_seek(void **state)
{
    type("8%5");
    assert_true(timeline_cursor(&con.time) == FAKE_START + 4230 * CLOCK_S);
    type(":goto 40%");
    press_key(KX_ENTER);
    assert_true(timeline_cursor(&con.time) == FAKE_START + 3384 * CLOCK_S);
    type(":goto 11:00");
    press_key(KX_ENTER);
    assert_true(timeline_cursor(&con.time) == FAKE_START + 3600 * CLOCK_S);
    type(":live");
    press_key(KX_ENTER);
    assert_false(con.time.past);
}

static void a_recording_opens_on_the_bar_and_plays(void **state)
{
    stop();
    struct console_options o = {.user = "alice", .replay = true, .speed = 60, .at = "50%"};
    start_with(false, 80, 24, &o);
    frame();
    assert_int_equal(con.screen, SCREEN_REPLAY);
    assert_true(timeline_cursor(&con.time) == FAKE_START + 4230 * CLOCK_S);
    press_key(' ');
    pass(10 * CLOCK_S);
    assert_true(timeline_cursor(&con.time) == FAKE_START + 4830 * CLOCK_S);
    press_key('}');
    assert_true(con.time.speed == 120);
    press_key(KX_BACKSPACE);
    assert_true(con.time.speed == 1);
    type("1p");
    assert_true(shows("nothing runs"));
}

/* The overview at T in a recording is the one a live console showed at T, but for the header, the hint and
 * the footer. */
static void replay_shows_what_live_showed(void **state)
{
    char *live = screen_text();
    stop();
    struct console_options o = {.user = "alice", .replay = true, .at = "live"};
    start_with(false, 80, 24, &o);
    press_key('1');
    frame();
    char *then = screen_text();
    char *a = strchr(strchr(live, '\n') + 1, '\n'), *b = strchr(strchr(then, '\n') + 1, '\n');
    *strrchr(a, '\n') = '\0';
    *strrchr(b, '\n') = '\0';
    *strrchr(a, '\n') = '\0'; /* the footer: its keys are greyed there */
    *strrchr(b, '\n') = '\0';
    assert_string_equal(a, b);
    free(live);
    free(then);
}

/* ---- when frames are due ---- */

static void nothing_is_drawn_while_nothing_changes(void **state)
{
    uint64_t stamp = console_stamp(&con);
    pass(CLOCK_S);
    assert_true(console_stamp(&con) == stamp);
    assert_true(console_deadline(&con) == INT64_MAX);
    press_key('p');
    assert_true(console_deadline(&con) <= mono + CLOCK_S); /* the countdown */
}

static void a_silent_hub_shows_its_age(void **state)
{
    fake.link = LINK_STALE;
    frame();
    assert_true(shows("STALE 12s"));
    fake.link = LINK_DOWN;
    frame();
    assert_true(shows("OFFLINE 12s \u00b7 hypertop -L gpu01 hub start"));
    assert_true(shows("t17")); /* the picture stays */
    assert_true(console_deadline(&con) <= mono + CLOCK_S);
}

static void a_curve_that_has_not_come_yet_is_loading(void **state)
{
    fake.loading = true; /* answers to what is asked for from now on stay out */
    press_key('j');
    assert_true(shows("loading"));
    assert_false(shows("no points yet"));
}

static void screens_let_go_of_what_they_do_not_show(void **state)
{
    press_key('4');
    assert_non_null(con.subs.sub[SUB_ARMS].view);
    assert_null(con.subs.sub[SUB_CURVE].view);
    press_key('1');
    assert_null(con.subs.sub[SUB_ARMS].view);
    assert_non_null(con.subs.sub[SUB_CURVE].view);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest exhaustive[] = {T(no_three_keys_send_anything_unguarded)}; /* slow_test_console */
    const struct CMUnitTest tests[] = {
        T(the_best_is_selected_until_somebody_moves),
        T(the_same_trial_stays_selected_through_a_thousand_sorts),
        T(the_order_stands_still_after_a_key_and_while_frozen),
        cmocka_unit_test_setup_teardown(moving_reaches_every_row_of_a_long_table, setup_many, teardown),
        T(columns_begin_with_what_can_be_steered),
        T(marks_stick_to_trials),
        T(a_reversible_action_waits_and_is_then_sent),
        T(undo_takes_a_waiting_action_back_unsent),
        T(undo_after_sending_asks_the_hub),
        T(a_rejection_is_shown_with_its_reason),
        T(a_finished_action_leaves_the_status_line),
        T(a_key_clears_an_action_that_was_shown_long_enough),
        T(arms_are_named_by_letter_and_label),
        T(arms_are_listed_best_first_and_keep_their_letters),
        T(a_broken_link_is_an_answer_too),
        T(a_losing_action_asks_and_defaults_to_cancel),
        T(a_final_action_wants_the_id_typed),
        T(many_targets_want_their_number_typed),
        T(the_command_line_has_the_same_guards),
        T(nothing_is_steered_read_only_in_the_past_or_without_a_hub),
        T(leaving_sends_nothing_that_waits),
        T(pasted_text_is_no_command),
        T(a_live_value_is_edited_checked_and_sent),
        T(a_value_outside_its_range_is_refused_here_already),
        T(arrows_nudge_the_value),
        T(a_pending_value_shows_its_state),
        T(a_finished_trial_has_no_editor),
        T(tab_completes_verbs_trials_and_parameters),
        T(an_unknown_command_keeps_its_text_and_suggests),
        T(history_is_recalled),
        T(letters_are_text_while_the_prompt_is_open),
        T(the_filter_is_live_and_its_errors_are_shown),
        T(events_are_reached_by_bracket_keys),
        T(per_cent_and_goto_seek),
        T(a_recording_opens_on_the_bar_and_plays),
        T(replay_shows_what_live_showed),
        T(nothing_is_drawn_while_nothing_changes),
        T(a_silent_hub_shows_its_age),
        T(a_curve_that_has_not_come_yet_is_loading),
        T(screens_let_go_of_what_they_do_not_show),
    };
    if (strstr(argv[0], "slow_"))
        return cmocka_run_group_tests(exhaustive, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
