/* The curves screen: what is asked for, what is read at the crosshair, zoom by keys and mouse, groups,
 * differences, gaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tui/console_fixture.h"
#include "tui/input.h"
#include "tui/panel_compare.h"
#include "tui/plot_curve.h"

static int setup(void **state)
{
    start(false, 100, 30);
    press_key('2');
    return 0;
}

static int teardown(void **state)
{
    stop();
    return 0;
}

static const struct compare_line *line(const char *label)
{
    for (int i = 0; i < con.compare.n_lines; i++)
        if (strcmp(con.compare.lines[i].label, label) == 0)
            return &con.compare.lines[i];
    fail_msg("no line %s", label);
    return NULL;
}

static struct span request(void)
{
    for (struct fake_view *f = fake_views; f; f = f->next)
        if (&f->v == con.subs.sub[SUB_COMPARE].view)
            return (struct span){(char *)f->request.data, f->request.len};
    fail_msg("curves are not asked for");
    return (struct span){NULL, 0};
}

static void mouse_at(enum input_kind kind, int button, int x, int y)
{
    struct input_event e = {.kind = kind, .button = button, .x = x, .y = y, .by = -1};
    console_mouse(&con, &screen, &e);
    frame();
}

static void the_best_five_are_shown_until_some_are_marked(void **state)
{
    assert_int_equal(con.compare.n_lines, 5);
    assert_true(shows("best 5"));
    assert_int_equal(cmap_int(request(), "best", -1), 5);
    type("1 j j 2"); /* Space marks and moves on */
    assert_int_equal(con.table.n_marks, 3);
    assert_true(shows("3 marked"));
    assert_int_equal(con.compare.n_lines, 3);
    type("tt");
    assert_true(shows("all trials"));
    type("ttt");
    assert_true(shows("best 20"));
}

static void the_filter_of_the_table_chooses_here_too(void **state)
{
    type("/lr<1e-3\r");
    assert_true(span_eq(cmap_str(request(), "filter"), "lr<1e-3"));
    assert_true(shows("best 5 of lr<1e-3"));
    type("\\");
    assert_false(cmap_str(request(), "filter").n > 0);
}

/* What stands in the legend is the value of the curve at the crosshair, to the column. */
static void the_crosshair_reads_every_line(void **state)
{
    type("h");
    double x = con.compare.cross;
    assert_true(x > 0 && x < 40000);
    for (int i = 0; i < 30; i++)
        press_key('h');
    x = con.compare.cross;
    const struct fake_trial *t = fake_find(17);
    double column = 40000. / line("t17")->n;
    assert_true(x > 2000 && x < 24800);
    assert_true(fabs(compare_read(line("t17"), &con.compare, x) -
                     fake_loss(t, floor(x / column) * column + column / 2)) < 1e-9);
    char want[32];
    row_number(want, compare_read(line("t23"), &con.compare, x), false);
    assert_true(shows(want));
    assert_true(shows("crosshair"));
    press_key(KX_ESC);
    assert_true(isnan(con.compare.cross) && shows("newest"));
}

static void a_line_says_nothing_where_it_has_no_points(void **state)
{
    con.compare.cross = 30000;
    frame();
    assert_true(isnan(compare_read(line("t17"), &con.compare, 30000)));
    assert_true(isfinite(compare_read(line("t9"), &con.compare, 30000)));
    assert_true(isnan(compare_read(line("t12"), &con.compare, 8500))); /* nothing but NaN there */
    assert_true(shows("\u2717"));
}

static void brackets_jump_to_interventions(void **state)
{
    con.compare.cross = 1000;
    press_key(']');
    assert_true(con.compare.cross == 16000);
    press_key(']');
    assert_true(con.compare.cross == 17600);
    press_key(']');
    assert_true(con.compare.cross == 17600 && shows("no later intervention"));
    press_key('[');
    assert_true(con.compare.cross == 16000);
    assert_false(con.time.past); /* time stands where it stood */
    assert_true(shows("\u2461"));
}

static void keys_zoom_at_the_crosshair_and_fit_again(void **state)
{
    con.compare.cross = 10000;
    frame();
    press_key('+');
    assert_true(con.compare.zoom_x);
    assert_true(cmap_double(request(), "x0", -1) == 5000 && cmap_double(request(), "x1", -1) == 25000);
    press_key('+');
    assert_true(con.compare.x_axis.hi - con.compare.x_axis.lo == 10000);
    for (int i = 0; i < 200; i++)
        press_key('h'); /* the picture follows the crosshair, and stops at the beginning */
    assert_true(con.compare.x_axis.lo == 0 && fabs(con.compare.x_axis.hi - 10000) < 1e-6);
    press_key('-');
    press_key('-');
    assert_false(con.compare.zoom_x);
    press_key('+');
    press_key('_');
    assert_true(con.compare.x_axis.lo == 0 && con.compare.x_axis.hi == 40000);
}

static struct rect plot_area(void)
{
    for (int y = 3; y < rows; y++)
        for (int x = 0; x < cols; x++)
            if (canvas_at(&screen, x, y)->cp == 0x2514 && x > 31 && y < rows - 3)
                return (struct rect){x + 1, 4, cols - x - 2, y - 4};
    fail_msg("no axes");
    return (struct rect){0, 0, 0, 0};
}

static void a_box_drawn_with_the_mouse_is_zoomed_into(void **state)
{
    struct rect in = plot_area();
    struct axis y = con.compare.y[0].now;
    mouse_at(INPUT_PRESS, 0, in.x + in.w / 4, in.y + 2);
    mouse_at(INPUT_DRAG, 0, in.x + in.w / 2, in.y + in.h / 2);
    assert_true(canvas_at(&screen, in.x + in.w / 2, in.y + in.h / 2)->st & ST_REVERSE); /* the box is seen */
    mouse_at(INPUT_RELEASE, 0, in.x + in.w / 2, in.y + in.h / 2);
    assert_true(con.compare.zoom_x && con.compare.zoom_y);
    assert_true(fabs(con.compare.zx0 - 10000) < 700 && fabs(con.compare.zx1 - 20600) < 1400);
    assert_true(con.compare.y[0].now.hi < y.hi && con.compare.y[0].now.lo > y.lo);
    double before = con.compare.zx0;
    mouse_at(INPUT_PRESS, 2, in.x + in.w / 2, in.y + 3); /* the right button takes hold of the picture */
    mouse_at(INPUT_DRAG, 2, in.x + in.w / 2 + 10, in.y + 3);
    mouse_at(INPUT_RELEASE, 2, in.x + in.w / 2 + 10, in.y + 3);
    assert_true(con.compare.zx0 < before);
    press_key(KX_ESC);
    assert_false(con.compare.zoom_x || con.compare.zoom_y);
    mouse_at(INPUT_WHEEL, 0, in.x + in.w / 2, in.y + 3);
    assert_true(con.compare.zoom_x && con.compare.zx0 > 0 && con.compare.zx1 < 40000);
}

static void a_click_puts_the_crosshair(void **state)
{
    struct rect in = plot_area();
    mouse_at(INPUT_PRESS, 0, in.x + in.w / 2, in.y + 3);
    mouse_at(INPUT_RELEASE, 0, in.x + in.w / 2, in.y + 3);
    assert_true(fabs(con.compare.cross - 20000) < 800);
    assert_false(con.compare.zoom_x);
}

static void a_click_on_the_legend_chooses_the_line(void **state)
{
    for (int y = 4; y < rows; y++)
        if (canvas_at(&screen, 3, y)->cp == 'C')
            mouse_at(INPUT_PRESS, 0, 5, y);
    assert_true(con.compare.sel == line("t9")->key);
    assert_int_equal(con.table.sel, 9); /* so that the menu acts on it */
    press_key(KX_ENTER);
    assert_int_equal(con.screen, SCREEN_TRIAL);
}

static void a_hidden_line_is_gone_from_the_plot_and_stays_in_the_legend(void **state)
{
    type("jj ");
    assert_true(line("t9")->hidden);
    assert_int_equal(compare_panel_of(&con, line("t9")), -1);
    assert_true(shows("t9"));
    type(" ");
    assert_false(line("t9")->hidden);
}

static void the_axis_keeps_its_end_until_it_is_full(void **state)
{
    struct axis before = con.compare.x_axis;
    fake.step = 20;
    fake_refresh();
    frame();
    assert_memory_equal(&before, &con.compare.x_axis, sizeof before);
}

static void differences_are_taken_to_the_line_under_the_pointer(void **state)
{
    double a = compare_read(line("t17"), &con.compare, 10000);
    con.compare.cross = 10000;
    frame();
    a = compare_read(line("t17"), &con.compare, 10000);
    double b = compare_read(line("t23"), &con.compare, 10000);
    type("jd"); /* t23 */
    assert_true(fabs(compare_read(line("t23"), &con.compare, 10000)) < 1e-12);
    assert_true(fabs(compare_read(line("t17"), &con.compare, 10000) - (a - b)) < 1e-12);
    assert_false(con.compare.y[0].now.log);
    assert_true(shows("val_loss \u2212 t23"));
    type("d");
    assert_true(compare_read(line("t23"), &con.compare, 10000) == b);
}

static void smoothing_keeps_the_raw_line_dimmed(void **state)
{
    double before = line("t17")->mean[40];
    assert_null(line("t17")->raw);
    type("w");
    assert_true(line("t17")->raw[40] == before && line("t17")->mean[40] != before);
    bool dim = false;
    struct rect in = plot_area();
    for (int y = in.y; y < in.y + in.h; y++)
        for (int x = in.x; x < in.x + in.w; x++)
            dim = dim || (canvas_at(&screen, x, y)->cp > 0x2800 &&
                          STYLE_ROLE(canvas_at(&screen, x, y)->st) == ST_DIM);
    assert_true(dim);
}

static void groups_are_asked_for_and_drawn_with_a_band(void **state)
{
    type("P");
    assert_true(span_eq(cmap_str(request(), "group"), "run"));
    type("PPP");
    assert_true(span_eq(cmap_str(request(), "group"), "bs"));
    assert_true(cmap_int(request(), "best", -1) > 100); /* a group is of all */
    assert_int_equal(con.compare.n_lines, 3);
    assert_true(shows("trials, ") && shows("\u2591"));
    type("bb"); /* deviation, none */
    assert_false(shows("\u2591"));
    type("P");
    assert_true(span_eq(cmap_str(request(), "group"), "trial"));
}

static void every_metric_gets_a_panel_with_the_same_crosshair(void **state)
{
    type("M");
    assert_int_equal(compare_n_panels(&con), 4);
    assert_true(shows("train_loss") && shows("grad_norm") && shows("acc"));
    con.compare.cross = 20000;
    frame();
    int columns = 0, at[8];
    for (int y = 0; y < rows; y++)
        for (int x = 31; x < cols; x++)
            if (canvas_at(&screen, x, y)->cp == 0x2503 && columns < 8)
                at[columns++] = x;
    assert_int_equal(columns, 4);
    assert_true(at[0] == at[2] && at[1] == at[3]);
    type("M");
    assert_int_equal(compare_n_panels(&con), 5);
    type("M");
    assert_int_equal(compare_n_panels(&con), 1);
}

static void the_x_axis_goes_by_what_there_is(void **state)
{
    type("x");
    assert_true(span_eq(cmap_str(request(), "x"), "time"));
    type("x"); /* no trainer logs epoch or cost here */
    assert_true(span_eq(cmap_str(request(), "x"), "step"));
    type("X");
    assert_true(cmap_bool(request(), "log_x", false) && cmap_double(request(), "x0", -1) > 0);
    assert_true(shows("x log step"));
}

/* Byte budget: one column of the plot and the legend's values. */
static void a_moving_crosshair_changes_few_cells(void **state)
{
    struct canvas before = {0};
    type("hhhh");
    canvas_init(&before, false);
    canvas_resize(&before, cols, rows);
    memcpy(before.cells, screen.cells, (size_t)cols * (size_t)rows * sizeof *before.cells);
    type("h");
    int changed = 0;
    for (int i = 0; i < cols * rows; i++)
        changed += memcmp(&before.cells[i], &screen.cells[i], sizeof *before.cells) != 0;
    assert_in_range(changed, 1, 2 * rows + 5 * 16);
    canvas_release(&before);
}

static void a_marked_trial_without_the_metric_is_named(void **state)
{
    type("1");
    table_mark(&con.table, 34, true);
    table_mark(&con.table, 17, true);
    type("2");
    assert_true(shows("t34: no val_loss"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_best_five_are_shown_until_some_are_marked),
        T(the_filter_of_the_table_chooses_here_too),
        T(the_crosshair_reads_every_line),
        T(a_line_says_nothing_where_it_has_no_points),
        T(brackets_jump_to_interventions),
        T(keys_zoom_at_the_crosshair_and_fit_again),
        T(a_box_drawn_with_the_mouse_is_zoomed_into),
        T(a_click_puts_the_crosshair),
        T(a_click_on_the_legend_chooses_the_line),
        T(a_hidden_line_is_gone_from_the_plot_and_stays_in_the_legend),
        T(the_axis_keeps_its_end_until_it_is_full),
        T(differences_are_taken_to_the_line_under_the_pointer),
        T(smoothing_keeps_the_raw_line_dimmed),
        T(groups_are_asked_for_and_drawn_with_a_band),
        T(every_metric_gets_a_panel_with_the_same_crosshair),
        T(the_x_axis_goes_by_what_there_is),
        T(a_moving_crosshair_changes_few_cells),
        T(a_marked_trial_without_the_metric_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
