/* The canvas: nothing but printable cells, clipped, wide characters whole, ASCII when asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"
#include "tui/canvas.h"

static struct canvas c;

static int setup(void **state)
{
    setlocale(LC_ALL, "C.UTF-8");
    canvas_init(&c, false);
    canvas_resize(&c, 20, 4);
    return 0;
}

static int teardown(void **state)
{
    canvas_release(&c);
    return 0;
}

static char *dump(void)
{
    struct buf b = {0};
    canvas_dump(&c, &b);
    return buf_take(&b);
}

static void expect_dump(const char *want)
{
    char *got = dump();
    assert_string_equal(got, want);
    free(got);
}

static void text_lands_where_it_is_put(void **state)
{
    assert_int_equal(canvas_text(&c, 2, 1, ST_PLAIN, "hello"), 5);
    expect_dump("\n  hello\n\n\n");
}

static void text_outside_is_dropped(void **state)
{
    canvas_text(&c, -3, 0, ST_PLAIN, "abcdef");
    canvas_text(&c, 17, 1, ST_PLAIN, "abcdef");
    canvas_text(&c, 0, -1, ST_PLAIN, "x");
    canvas_text(&c, 0, 4, ST_PLAIN, "x");
    expect_dump("def\n                 abc\n\n\n");
}

static void clip_holds_and_is_put_back(void **state)
{
    struct rect old = canvas_clip(&c, (struct rect){2, 1, 3, 1});
    canvas_text(&c, 0, 1, ST_PLAIN, "abcdefgh");
    canvas_text(&c, 0, 2, ST_PLAIN, "zzz");
    canvas_clip(&c, old);
    canvas_text(&c, 0, 3, ST_PLAIN, "q");
    expect_dump("\n  cde\n\nq\n");
}

static void a_cut_is_shown_by_an_ellipsis(void **state)
{
    assert_int_equal(canvas_textn(&c, 0, 0, 4, ST_PLAIN, "abcdef", 6), 4);
    assert_int_equal(canvas_textn(&c, 0, 1, 6, ST_PLAIN, "abcdef", 6), 6);
    assert_int_equal(canvas_textn(&c, 0, 2, 0, ST_PLAIN, "abcdef", 6), 0);
    expect_dump("abc\u2026\nabcdef\n\n\n");
}

static void wide_characters_take_two_cells_and_break_whole(void **state)
{
    assert_int_equal(canvas_text(&c, 0, 0, ST_PLAIN, "\u4e2d\u6587"), 4);
    canvas_put(&c, 1, 0, ST_PLAIN, 'x');     /* the right half of the first */
    canvas_put(&c, 19, 1, ST_PLAIN, 0x4e2d); /* no room for two */
    assert_int_equal(canvas_at(&c, 0, 0)->cp, ' ');
    assert_int_equal(canvas_at(&c, 1, 0)->cp, 'x');
    assert_int_equal(canvas_at(&c, 2, 0)->width, 2);
    assert_int_equal(canvas_at(&c, 3, 0)->width, 0);
    assert_int_equal(canvas_at(&c, 19, 1)->cp, ' ');
}

static bool printable(const struct cell *e)
{
    if (e->width == 0)
        return e->cp == 0;
    return e->cp >= 0x20 && e->cp != 0x7f && !(e->cp >= 0x80 && e->cp < 0xa0) && wcwidth((wchar_t)e->cp) >= 1;
}

/* Every code point, as text and as a cell, in both charsets. */
static void no_code_point_leaves_a_control_in_a_cell(void **state)
{
    for (int ascii = 0; ascii < 2; ascii++) {
        c.ascii = ascii;
        for (uint32_t cp = 0; cp < 0x110000; cp++) {
            char s[4];
            size_t n = utf8_encode(s, cp);
            canvas_put(&c, 5, 1, ST_PLAIN, 'a');
            canvas_put(&c, 6, 1, ST_PLAIN, cp);
            canvas_textn(&c, 8, 1, 2, ST_PLAIN, s, n);
            for (int x = 5; x < 12; x++) {
                const struct cell *e = canvas_at(&c, x, 1);
                if (!printable(e) || (ascii && e->cp > 0x7e))
                    fail_msg("U+%04X left U+%04X in a cell", cp, e->cp);
                if (e->mark && (wcwidth((wchar_t)e->mark) != 0 || (e->mark >= 0x200b && e->mark <= 0x206f)))
                    fail_msg("U+%04X became a mark", e->mark);
            }
        }
    }
}

static void bytes_that_are_not_utf8_become_replacements(void **state)
{
    canvas_text(&c, 0, 0, ST_PLAIN, "a\xff\xc3z");
    expect_dump("a\ufffd\ufffdz\n\n\n\n");
}

static void ascii_mode_has_a_letter_for_every_glyph_we_draw(void **state)
{
    c.ascii = true;
    canvas_text(&c, 0, 0, ST_PLAIN, "\u25b6\u2016\u2713\u2702\u25a0\u2717?\u00b7");
    canvas_text(&c, 0, 1, ST_PLAIN, "\u250c\u2500\u2510\u2502\u2026\u2460\u2588\u2581");
    canvas_put(&c, 0, 2, ST_PLAIN, 0x2800 + 0x09); /* upper dots */
    canvas_put(&c, 1, 2, ST_PLAIN, 0x2800 + 0xc0); /* lower dots */
    canvas_put(&c, 2, 2, ST_PLAIN, 0x2800 + 0x47); /* a column */
    expect_dump(">=+%#x?.\n+-+|.1@_\n'.|\n\n");
}

static void a_box_holds_its_titles_and_returns_the_inside(void **state)
{
    struct rect in = canvas_box(&c, (struct rect){0, 0, 20, 3}, "left", "right");
    assert_int_equal(in.x, 1);
    assert_int_equal(in.y, 1);
    assert_int_equal(in.w, 18);
    assert_int_equal(in.h, 1);
    expect_dump("\u250c\u2500 left \u2500\u2500\u2500 right \u2500\u2510\n\u2502                  \u2502\n"
                "\u2514\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500"
                "\u2500\u2500\u2500\u2500\u2518\n\n");
}

static void the_last_hit_drawn_wins(void **state)
{
    canvas_hit(&c, (struct rect){0, 0, 10, 2}, 1, 10);
    canvas_hit(&c, (struct rect){2, 0, 2, 1}, 2, 20);
    assert_int_equal(canvas_find_hit(&c, 3, 0)->what, 2);
    assert_int_equal(canvas_find_hit(&c, 3, 1)->what, 1);
    assert_null(canvas_find_hit(&c, 15, 1));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(text_lands_where_it_is_put),
        T(text_outside_is_dropped),
        T(clip_holds_and_is_put_back),
        T(a_cut_is_shown_by_an_ellipsis),
        T(wide_characters_take_two_cells_and_break_whole),
        T(no_code_point_leaves_a_control_in_a_cell),
        T(bytes_that_are_not_utf8_become_replacements),
        T(ascii_mode_has_a_letter_for_every_glyph_we_draw),
        T(a_box_holds_its_titles_and_returns_the_inside),
        T(the_last_hit_drawn_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
