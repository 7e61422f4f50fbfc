/* Bytes from a terminal: understood, or swallowed whole; never commands by accident. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tui/input.h"
#include "tui/keymap.h"

#define MS INT64_C(1000000)

static struct input in;
static int64_t now;

static int setup(void **state)
{
    input_init(&in);
    now = 1000 * MS;
    return 0;
}

static int teardown(void **state)
{
    input_release(&in);
    return 0;
}

/* Slowly enough not to be a burst. */
static void feed(const char *s)
{
    now += 50 * MS;
    input_feed(&in, s, strlen(s), now);
}

static int next_key(void)
{
    struct input_event e;
    if (!input_next(&in, &e))
        return 0;
    assert_int_equal(e.kind, INPUT_KEY);
    return e.key;
}

static void expect_nothing(void)
{
    struct input_event e;
    assert_false(input_next(&in, &e));
}

static void letters_and_utf8_are_keys(void **state)
{
    feed("a\u00e9\u4e2d\r");
    assert_int_equal(next_key(), 'a');
    assert_int_equal(next_key(), 0xe9);
    assert_int_equal(next_key(), 0x4e2d);
    assert_int_equal(next_key(), KX_ENTER);
}

static void arrows_come_in_every_dialect(void **state)
{
    static const struct {
        const char *s;
        int key;
    } list[] = {{"\033[A", KX_UP},      {"\033OB", KX_DOWN}, {"\033[1;2C", KX_SRIGHT},
                {"\033[d", KX_SLEFT},   {"\033[H", KX_HOME}, {"\033[4~", KX_END},
                {"\033[Z", KX_BACKTAB}, {"\033[[A", KX_F1},  {"\033[5~", KX_PGUP}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        feed(list[i].s);
        assert_int_equal(next_key(), list[i].key);
        expect_nothing();
    }
}

static void a_sequence_cut_anywhere_is_the_same(void **state)
{
    const char *s = "\033[1;2C";
    for (size_t cut = 1; cut < strlen(s); cut++) {
        now += 50 * MS;
        input_feed(&in, s, cut, now);
        input_tick(&in, now + 10 * MS, 25 * MS);
        input_feed(&in, s + cut, strlen(s) - cut, now + 12 * MS);
        now += 50 * MS;
        assert_int_equal(next_key(), KX_SRIGHT);
        expect_nothing();
    }
}

static void a_lone_escape_is_a_key_after_the_delay(void **state)
{
    feed("\033");
    expect_nothing();
    input_tick(&in, now + 10 * MS, 25 * MS);
    expect_nothing();
    assert_true(input_deadline(&in, 25 * MS) == now + 25 * MS);
    input_tick(&in, now + 25 * MS, 25 * MS);
    assert_int_equal(next_key(), KX_ESC);
}

static void unknown_sequences_are_swallowed_whole(void **state)
{
    static const char *const list[] = {"\033[<0;250;5X",
                                       "\033[?1;2c",
                                       "\033[24;80R",
                                       "\033[200;1;2;3t",
                                       "\033]52;c;aGVsbG8=\007",
                                       "\033P1$r0m\033\\",
                                       "\033_Gi=31;OK\033\\",
                                       "\033[1;9P",
                                       "\033x",
                                       "\033[99~",
                                       "\033O5",
                                       "\033[I",
                                       "\033[O",
                                       "\033[M"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        feed(list[i]);
        expect_nothing();
        now += 200 * MS; /* past the deaf time after focus-in */
        feed("k");
        assert_int_equal(next_key(), 'k');
    }
}

static void mouse_reports_are_mouse_reports(void **state)
{
    struct input_event e;
    feed("\033[<0;250;5M");
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_PRESS);
    assert_int_equal(e.x, 249);
    assert_int_equal(e.y, 4);
    feed("\033[<0;250;5m");
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_RELEASE);
    feed("\033[<2;9;9M");
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_PRESS);
    assert_int_equal(e.button, 2);
    feed("\033[<34;10;9M");
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_DRAG);
    assert_int_equal(e.button, 2);
    feed("\033[<35;10;9M\033[<0;9;9X"); /* moved with no button down; no report at all */
    expect_nothing();
    feed("\033[<65;3;4M");
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_WHEEL);
    assert_int_equal(e.by, 1);
    feed("\033[<32;3;4M");
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_DRAG);
    feed("\033[<0;0;4M\033[<99999999999;1;1M\033[<0;1M");
    expect_nothing();
}

static void pasted_text_is_one_event_and_no_key(void **state)
{
    struct input_event e;
    feed("\033[200~kill t17\ny\r\033[A q\033[201~x");
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_PASTE);
    assert_int_equal(e.n, strlen("kill t17\ny\r\033[A q"));
    assert_memory_equal(e.text, "kill t17\ny", 10);
    assert_int_equal(next_key(), 'x');
    expect_nothing();
}

static void a_megabyte_of_paste_is_cut_and_ends(void **state)
{
    struct input_event e;
    char *big = malloc(1 << 20);
    memset(big, 'y', 1 << 20);
    feed("\033[200~");
    input_feed(&in, big, 1 << 20, now);
    feed("\033[201~");
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_PASTE);
    assert_true(e.n <= INPUT_PASTE_MAX);
    expect_nothing();
    feed("j");
    assert_int_equal(next_key(), 'j');
    free(big);
}

static void a_burst_without_brackets_is_dropped_and_told(void **state)
{
    struct input_event e;
    feed("aksy:kill 17\r");
    expect_nothing();
    assert_true(input_deadline(&in, 25 * MS) < INT64_MAX);
    input_tick(&in, now + 31 * MS, 25 * MS);
    assert_true(input_next(&in, &e));
    assert_int_equal(e.kind, INPUT_DROPPED);
    assert_int_equal(e.by, 13);
    now += 100 * MS;
    feed("j");
    assert_int_equal(next_key(), 'j');
}

static void fast_typing_is_not_a_paste(void **state)
{
    for (int i = 0; i < 40; i++) {
        now += 8 * MS;
        input_feed(&in, "j", 1, now);
        assert_int_equal(next_key(), 'j');
    }
}

static void keys_right_after_a_click_into_the_window_are_ignored(void **state)
{
    feed("\033[I");
    input_feed(&in, "k", 1, now + 100 * MS);
    expect_nothing();
    input_feed(&in, "k", 1, now + 160 * MS);
    assert_int_equal(next_key(), 'k');
}

static void cut_utf8_is_dropped(void **state)
{
    feed("\xe4\xb8");
    feed("a");
    assert_int_equal(next_key(), 'a');
    feed("\xff\xfe");
    feed("b");
    while (next_key() == 0xfffd)
        ;
    setup(NULL);
}

static void the_terminals_own_names_come_first(void **state)
{
    input_name(&in, "\033[57~", KX_PGUP);
    input_name(&in, "x", KX_UP); /* not a sequence: refused */
    feed("\033[57~x");
    assert_int_equal(next_key(), KX_PGUP);
    assert_int_equal(next_key(), 'x');
}

static void random_bytes_never_break_it(void **state)
{
    struct rng r;
    struct input_event e;
    rng_seed(&r, 99);
    for (int i = 0; i < 300000; i++) {
        static const char alphabet[] = "\033[]OP;<?0123456789~MmABCD\007\\kyx\xc3\xa9\xff\x9b";
        char b[9];
        size_t n = 1 + rng_below(&r, 8);
        for (size_t k = 0; k < n; k++)
            b[k] = rng_below(&r, 3) ? alphabet[rng_below(&r, sizeof alphabet - 1)] : (char)rng_u64(&r);
        now += (int64_t)rng_below(&r, 60) * MS;
        input_feed(&in, b, n, now);
        input_tick(&in, now, 25 * MS);
        while (input_next(&in, &e))
            assert_true(e.kind != INPUT_KEY || (e.key > -1 && e.key < KX_F10 + 1));
        assert_true(in.n_seq <= INPUT_SEQ_MAX);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(letters_and_utf8_are_keys),
        T(arrows_come_in_every_dialect),
        T(a_sequence_cut_anywhere_is_the_same),
        T(a_lone_escape_is_a_key_after_the_delay),
        T(unknown_sequences_are_swallowed_whole),
        T(mouse_reports_are_mouse_reports),
        T(pasted_text_is_one_event_and_no_key),
        T(a_megabyte_of_paste_is_cut_and_ends),
        T(a_burst_without_brackets_is_dropped_and_told),
        T(fast_typing_is_not_a_paste),
        T(keys_right_after_a_click_into_the_window_are_ignored),
        T(cut_utf8_is_dropped),
        T(the_terminals_own_names_come_first),
        T(random_bytes_never_break_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
