/* Layout: total for every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/layout.h"

static void expect_inside(struct rect r, int cols, int rows)
{
    assert_true(r.w >= 0 && r.h >= 0);
    if (r.w && r.h)
        assert_true(r.x >= 0 && r.y >= 0 && r.x + r.w <= cols && r.y + r.h <= rows);
}

static void every_size_is_covered_without_overlap(void **state)
{
    for (int cols = 0; cols <= 210; cols++)
        for (int rows = 0; rows <= 70; rows++) {
            struct layout l = layout_frame(cols, rows);
            const struct rect *all[] = {&l.header, &l.tabs, &l.body, &l.status, &l.footer};
            int cells = 0;
            for (int i = 0; i < 5; i++) {
                expect_inside(*all[i], cols, rows);
                cells += all[i]->w * all[i]->h;
                for (int k = 0; k < i; k++) {
                    struct rect both = rect_both(*all[i], *all[k]);
                    assert_true(both.w == 0 || both.h == 0);
                }
            }
            assert_int_equal(cells, cols * rows);
        }
}

static void negative_sizes_are_empty(void **state)
{
    struct layout l = layout_frame(-5, -1);
    assert_int_equal(l.body.w, 0);
    assert_int_equal(l.body.h, 0);
}

static void the_design_size_has_tabs_and_a_status_line(void **state)
{
    struct layout l = layout_frame(80, 24);
    assert_int_equal(l.size, LAYOUT_NORMAL);
    assert_int_equal(l.tabs.h, 1);
    assert_int_equal(l.status.h, 1);
    assert_int_equal(l.body.h, 20);
    assert_int_equal(layout_frame(160, 48).size, LAYOUT_WIDE);
    assert_int_equal(layout_frame(40, 12).size, LAYOUT_SMALL);
    assert_int_equal(layout_frame(20, 4).size, LAYOUT_LINE);
}

static void cuts_take_what_is_there(void **state)
{
    struct rect r = {0, 0, 10, 5}, a = rect_left(&r, 4), b = rect_bottom(&r, 99);
    assert_int_equal(a.w, 4);
    assert_int_equal(b.h, 5);
    assert_int_equal(r.h, 0);
    assert_int_equal(rect_right(&r, -3).w, 0);
    struct rect in = rect_inset((struct rect){3, 3, 1, 1}, 1, 1),
                mid = rect_center((struct rect){0, 0, 10, 10}, 4, 20);
    assert_int_equal(in.w, 0);
    assert_int_equal(mid.x, 3);
    assert_int_equal(mid.h, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_covered_without_overlap),
        cmocka_unit_test(negative_sizes_are_empty),
        cmocka_unit_test(the_design_size_has_tabs_and_a_status_line),
        cmocka_unit_test(cuts_take_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
