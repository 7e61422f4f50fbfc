/* The insight screen: brushes by keys and mouse and what they hold, axes in order of importance, and words
 * where there is too little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tui/console_fixture.h"
#include "tui/input.h"
#include "tui/panel_insight.h"

static int setup(void **state)
{
    start(false, 160, 48);
    press_key('6');
    return 0;
}

static int teardown(void **state)
{
    stop();
    return 0;
}

static struct span request(enum sub_id id)
{
    for (struct fake_view *f = fake_views; f; f = f->next)
        if (&f->v == con.subs.sub[id].view)
            return (struct span){(char *)f->request.data, f->request.len};
    return (struct span){NULL, 0};
}

static void everything_is_on_a_large_screen(void **state)
{
    static const char *const words[] = {"Importance", "lr\u00d7wd", "0.56..0.66",    "front 3", "hypervolume",
                                        "by tuner",   "rung 2",     "between seeds", "14 lines"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!shows(words[i]))
            fail_msg("%s is missing", words[i]);
}

static void too_little_is_said_and_not_drawn(void **state)
{
    fake.few = true;
    fake_refresh();
    frame();
    assert_true(shows("not enough data: 4 of at least 8"));
    assert_true(shows("one objective: name a second one"));
    assert_true(shows("2 trials have ended") && shows("no trial has values"));
    assert_true(shows("no two trials have"));
    assert_false(shows("0.61"));
}

static void axes_stand_in_order_of_importance_and_the_objective_last(void **state)
{
    static const char *const names[] = {"lr", "wd", "bs", ""};
    assert_int_equal(con.insight.n_axes, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(con.insight.axes[i].name, names[i]);
    assert_true(con.insight.axes[0].log && con.insight.axes[1].log && !con.insight.axes[2].log);
}

/* The lines that are held are those whose values lie in every brush: counted here from the trials themselves.
 */
static void brushes_hold_the_lines_that_pass(void **state)
{
    type(" "); /* lr: the lower quarter */
    const struct insight_axis *a = &con.insight.axes[0];
    assert_true(a->brush && a->b0 == 0 && a->b1 == .25);
    double hi = a->low * pow(a->high / a->low, .25);
    int want = 0;
    for (int i = 0; i < FAKE_TRIALS; i++)
        want += isfinite(fake_trials[i].value) && fake_trials[i].lr <= hi * (1 + 1e-6);
    assert_int_equal(con.insight.n_held, want);
    press_key(KX_UP);
    assert_true(fabs(a->b0 - .05) < 1e-9 && fabs(a->b1 - .3) < 1e-9);
    type("+");
    assert_true(fabs(a->b1 - a->b0 - .35) < 1e-9);
    type("i");
    press_key(KX_UP); /* upside down: up is towards the lower values */
    assert_true(a->b0 < .05);
    char filter[256];
    assert_true(insight_filter(&con, filter, sizeof filter));
    assert_memory_equal(filter, "lr>=", 4);
    press_key(KX_ENTER);
    assert_int_equal(con.screen, SCREEN_OVER);
    assert_string_equal(con.table.filter, filter);
}

static void a_brush_is_drawn_by_mouse(void **state)
{
    struct rect r = {0, 0, 0, 0};
    for (int i = 0; i < screen.n_hits; i++) /* the second axis */
        if (screen.hits[i].what == ACT_ROW && screen.hits[i].arg == 1)
            r = screen.hits[i].at;
    assert_true(r.h > 8);
    struct input_event e = {.kind = INPUT_PRESS, .x = r.x + 2, .y = r.y + r.h - 3};
    console_mouse(&con, &screen, &e);
    frame();
    assert_int_equal(con.insight.axis, 1);
    e = (struct input_event){.kind = INPUT_DRAG, .x = r.x + 2, .y = r.y + r.h / 2};
    console_mouse(&con, &screen, &e);
    e.kind = INPUT_RELEASE;
    console_mouse(&con, &screen, &e);
    frame();
    assert_true(con.insight.axes[1].brush && con.insight.axes[1].b0 < .15 &&
                fabs(con.insight.axes[1].b1 - .5) < .1);
    assert_true(con.insight.n_held < con.insight.n_lines);
    press_key(KX_ESC);
    assert_false(insight_brushed(&con.insight));
}

static void brushes_stay_with_their_axis_when_data_comes(void **state)
{
    press_key(KX_RIGHT);
    type(" ");
    assert_true(con.insight.axes[1].brush);
    fake.step++;
    fake_refresh();
    frame();
    assert_true(con.insight.axes[1].brush && strcmp(con.insight.axes[1].name, "wd") == 0);
}

static void the_method_and_the_grouping_are_asked_for(void **state)
{
    assert_true(span_eq(cmap_str(request(SUB_IMPORTANCE), "method"), "fanova"));
    type("m");
    assert_true(span_eq(cmap_str(request(SUB_IMPORTANCE), "method"), "quick"));
    assert_true(span_eq(cmap_str(request(SUB_EDF), "by"), "tuner"));
    type("OOO");
    assert_true(span_eq(cmap_str(request(SUB_EDF), "by"), "lr"));
}

/* Where only one picture fits, o goes through them, and what is not shown is not asked for. */
static void on_a_small_screen_o_shows_the_others(void **state)
{
    cols = 80;
    rows = 24;
    frame();
    assert_true(shows("Pareto front") && !shows("between seeds"));
    assert_null(request(SUB_SEEDS).p);
    type("ooo");
    assert_true(shows("between seeds") && !shows("hypervolume"));
    assert_null(request(SUB_PARETO).p);
    press_key(KX_TAB);
    press_key('z');
    assert_true(con.zoom[SCREEN_INSIGHT]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(everything_is_on_a_large_screen),
        T(too_little_is_said_and_not_drawn),
        T(axes_stand_in_order_of_importance_and_the_objective_last),
        T(brushes_hold_the_lines_that_pass),
        T(a_brush_is_drawn_by_mouse),
        T(brushes_stay_with_their_axis_when_data_comes),
        T(the_method_and_the_grouping_are_asked_for),
        T(on_a_small_screen_o_shows_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
