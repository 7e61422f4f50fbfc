/* The landscape: levels and ramps, contours that join, the box by keys and mouse and what it says to the hub,
 * slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tui/console_fixture.h"
#include "tui/input.h"
#include "tui/panel_land.h"
#include "tui/plot_heat.h"

static int setup(void **state)
{
    start(false, 100, 30);
    press_key('3');
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

static void mouse_at(enum input_kind kind, int button, int x, int y)
{
    struct input_event e = {.kind = kind, .button = button, .x = x, .y = y, .by = -1};
    console_mouse(&con, &screen, &e);
    frame();
}

static struct rect map(void)
{
    return panel_land_inner((struct rect){1, 4, 66, 23});
}

/* ---- the field ---- */

static void a_field_of_numbers_becomes_levels(void **state)
{
    static const float z[6] = {0, 1, 2, 3, 4, NAN};
    struct heat h = {.z = z, .columns = 3, .rows = 2, .u1 = 1, .v1 = 1, .z0 = 0, .z1 = 4};
    assert_true(heat_at(&h, 1 / 6., .25) == 0 && heat_at(&h, .5, .25) == 1);
    assert_true(heat_at(&h, 1 / 3., .25) == .5); /* half way between two cells */
    assert_true(heat_at(&h, 1 / 6., .5) == 1.5);
    assert_true(isnan(heat_at(&h, .95, .95)) && isnan(heat_at(&h, 1.1, .5)));
    assert_true(heat_share(&h, 1) == .25 && heat_share(&h, 9) == 1);
    h.low_bright = true;
    assert_true(heat_share(&h, 1) == .75);
    h.x_steps = true;
    assert_true(heat_at(&h, .32, .25) == 0 && heat_at(&h, .34, .25) == 1);
}

static void draw_field(struct canvas *c, bool ascii, int levels)
{
    static float z[64];
    setlocale(LC_ALL, "C.UTF-8");
    for (int i = 0; i < 64; i++)
        z[i] = (float)i;
    canvas_init(c, ascii);
    c->heat = levels;
    canvas_resize(c, 64, 2);
    struct heat h = {
        .z = z, .columns = 64, .rows = 1, .u1 = 1, .v1 = 1, .z0 = 0, .z1 = 63, .at = {0, 0, 64, 2}};
    heat_draw(&h, c);
}

/* 8 levels in 256 colours, 24 in direct colour, the ramp of ten without; each rises from left to right. */
static void levels_rise_in_every_kind_of_terminal(void **state)
{
    static const struct {
        bool ascii;
        int levels, want;
    } kinds[] = {{false, 8, 8}, {false, 24, 24}, {true, 8, 8}, {false, 0, 10}, {true, 0, 10}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct canvas c;
        int seen = 0, last = -1;
        draw_field(&c, kinds[k].ascii, kinds[k].levels);
        for (int x = 0; x < 64; x++) {
            const struct cell *e = canvas_at(&c, x, 0);
            int now =
                kinds[k].levels ? HEAT_BEHIND(e->st) : (int)(strchr(" .:-=+*#%@", (int)e->cp) - " .:-=+*#%@");
            assert_true(now >= last);
            seen += now != last;
            last = now;
            assert_true(!kinds[k].levels == !(e->st & ST_HEAT));
        }
        assert_int_equal(seen, kinds[k].want);
        canvas_release(&c);
    }
}

/* Where a line leaves a cell the next one takes it up. */
static void contours_join_from_cell_to_cell(void **state)
{
    enum { N = 40 };
    static float z[N * N];
    struct canvas c;
    setlocale(LC_ALL, "C.UTF-8");
    for (int j = 0; j < N; j++)
        for (int i = 0; i < N; i++) {
            double x = (i + .5) / N - .5, y = (j + .5) / N - .5;
            z[j * N + i] = (float)sqrt(x * x + y * y);
        }
    canvas_init(&c, false);
    c.heat = 0;
    canvas_resize(&c, 60, 20);
    struct heat h = {
        .z = z, .columns = N, .rows = N, .u1 = 1, .v1 = 1, .z0 = 0, .z1 = .6, .at = {0, 0, 60, 20}};
    contour_draw(&h, &c, 1);
    int cells = 0;
    for (int y = 0; y < 20; y++)
        for (int x = 0; x < 60; x++) {
            uint32_t g = canvas_at(&c, x, y)->cp;
            static const struct {
                uint32_t glyph;
                int dx[2], dy[2];
            } ways[] = {{0x2500, {-1, 1}, {0, 0}}, {0x2502, {0, 0}, {-1, 1}},  {0x256d, {1, 0}, {0, 1}},
                        {0x256e, {-1, 0}, {0, 1}}, {0x256f, {-1, 0}, {0, -1}}, {0x2570, {1, 0}, {0, -1}}};
            for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
                for (int e = 0; ways[k].glyph == g && e < 2; e++) {
                    const struct cell *next = canvas_at(&c, x + ways[k].dx[e], y + ways[k].dy[e]);
                    cells++;
                    assert_true(next && next->cp != ' ');
                }
        }
    assert_true(cells > 60);
    canvas_release(&c);
}

static void a_glyph_on_the_map_keeps_what_is_behind_it(void **state)
{
    struct canvas c;
    draw_field(&c, false, 8);
    heat_put(&c, 60, 0, 0x25cf, 0);
    const struct cell *e = canvas_at(&c, 60, 0);
    assert_true(e->cp == 0x25cf && HEAT_GLYPH(e->st) == HEAT_INK && HEAT_BEHIND(e->st) == 7);
    canvas_release(&c);
}

/* ---- the screen ---- */

static void a_coarse_picture_comes_before_the_fine_one(void **state)
{
    int64_t fine = cmap_int(request(SUB_LANDSCAPE), "columns", 0);
    assert_true(fine >= map().w);
    fake.loading = true;
    type("m"); /* another layer, which is not there yet */
    assert_true(cmap_int(request(SUB_LANDSCAPE), "columns", 0) < fine / 2);
    assert_true(shows("refining"));
    fake.loading = false;
    fake_refresh();
    frame();
    frame();
    assert_int_equal(cmap_int(request(SUB_LANDSCAPE), "columns", 0), fine);
}

static void the_best_and_the_trials_stand_where_they_are(void **state)
{
    struct rect in = map();
    int x = in.x + (int)(fake_place("lr", &fake_trials[0]) * in.w),
        y = in.y + (int)((1 - fake_place("wd", &fake_trials[0])) * in.h);
    assert_int_equal(canvas_at(&screen, x, y)->cp, 0x2605);
    type("T");
    int dots = 0;
    for (int j = in.y; j < in.y + in.h; j++)
        for (int i = in.x; i < in.x + in.w; i++)
            dots += canvas_at(&screen, i, j)->cp == 0x25cf;
    assert_int_equal(dots, 0);
    assert_true(shows(".001") && shows("1e-4")); /* ticks of a log axis */
    assert_true(shows(".88") && shows(".08"));   /* both ends of the colour bar */
}

static void a_box_is_drawn_by_keys_and_read_out(void **state)
{
    type("vllllllkkkkv");
    assert_true(con.land.box && !con.land.extending);
    double w = con.land.bx1 - con.land.bx0;
    assert_true(fabs(w - 6. / map().w) < 1e-9);
    assert_true(shows("inside") && shows("model min"));
    char region[200];
    land_region(&con.land, region, sizeof region);
    assert_non_null(strstr(region, "lr=0.001.."));
    assert_non_null(strstr(region, "&wd="));
    type("L");
    assert_true(con.land.bx1 - con.land.bx0 > w);
    type("HH");
    assert_true(con.land.bx1 - con.land.bx0 < w);
    double h = con.land.by1;
    type("K");
    assert_true(con.land.by1 > h);
    press_key(KX_ESC);
    assert_false(con.land.box);
}

static void a_box_is_drawn_by_mouse(void **state)
{
    struct rect in = map();
    mouse_at(INPUT_PRESS, 0, in.x + 10, in.y + 5);
    mouse_at(INPUT_DRAG, 0, in.x + 30, in.y + 15);
    assert_true(con.land.box && shows("inside")); /* the read-out moves with it */
    mouse_at(INPUT_RELEASE, 0, in.x + 30, in.y + 15);
    assert_true(fabs(con.land.bx0 - 10.5 / in.w) < 1e-9 && fabs(con.land.bx1 - 30.5 / in.w) < 1e-9);
    assert_true(fabs(con.land.by1 - (1 - 5.5 / in.h)) < 1e-9 &&
                fabs(con.land.by0 - (1 - 15.5 / in.h)) < 1e-9);
    mouse_at(INPUT_PRESS, 0, in.x + 3, in.y + 3); /* a click only moves the crosshair */
    mouse_at(INPUT_RELEASE, 0, in.x + 3, in.y + 3);
    assert_true(con.land.box && fabs(con.land.cu - 3.5 / in.w) < 1e-9);
}

static void steering_says_the_region_waits_and_is_previewed(void **state)
{
    type("vllllllkkkkv");
    assert_true(shows("focus here would") && shows("queued trials"));
    char region[200], words[220];
    land_region(&con.land, region, sizeof region);
    snprintf(words, sizeof words, "focus %s", region);
    assert_true(span_eq(cmap_str(request(SUB_PREVIEW), "words"), words));
    int sends = fake.sends;
    type("af");
    assert_int_equal(fake.sends, sends); /* held */
    assert_true(shows("u takes it back"));
    pass(6 * CLOCK_S);
    assert_int_equal(fake.sends, sends + 1);
    assert_memory_equal(fake.last, "focus lr=0.001..", 16);
    assert_true(shows("\u2465")); /* the outline of a focus in force carries its number */
    type("av");
    press_key('u');
    pass(6 * CLOCK_S);
    assert_int_equal(fake.sends, sends + 1);
    type("aw");
    assert_int_equal(con.prompt.kind, PROMPT_COMMAND);
    assert_memory_equal(con.prompt.text, "weight lr=", 10);
}

static void without_a_box_there_is_nothing_to_steer(void **state)
{
    type("af");
    assert_int_equal(con.act.n_holds, 0);
    assert_true(shows("no box"));
}

static void the_point_under_the_crosshair_is_tried(void **state)
{
    type("at");
    assert_int_equal(con.act.n_holds, 1);
    assert_string_equal(con.act.holds[0].line, "enqueue lr=0.001 wd=0.001 bs=64");
}

static void enter_lists_what_is_inside(void **state)
{
    type("vllllllkkkkv\r");
    assert_int_equal(con.screen, SCREEN_OVER);
    assert_memory_equal(con.table.filter, "lr>=0.001 lr<=", 14);
}

static void choices_are_bands_and_regions_name_them(void **state)
{
    type("y"); /* bs */
    assert_true(shows("128") && con.land.ay.scale == LAND_CHOICES);
    double v = con.land.cv;
    type("k");
    assert_true(fabs(con.land.cv - v - 1 / 3.) < 1e-9); /* a step is a choice */
    con.land.cv = .5;
    type("vllkv");
    char region[200];
    land_region(&con.land, region, sizeof region);
    assert_non_null(strstr(region, "&bs=64|128"));
    land_filter(&con.land, region, sizeof region);
    assert_non_null(strstr(region, " bs=64|bs=128"));
}

static void behind_the_last_parameter_lies_a_slice(void **state)
{
    type("yy");
    assert_true(con.land.slice && !con.land.ay.there);
    assert_false(cmap_str(request(SUB_LANDSCAPE), "y").n > 0);
    assert_true(shows("none: a slice") && shows("\u2591")); /* with its band */
    type("y");
    assert_true(con.land.ay.there);
}

static void the_slice_is_set_in_words(void **state)
{
    type("s");
    assert_int_equal(con.prompt.kind, PROMPT_COMMAND);
    type("t23 bs=128\r");
    assert_int_equal(cmap_int(request(SUB_LANDSCAPE), "hold", -1), 23);
    assert_int_equal(cmap_int(cmap_value(request(SUB_LANDSCAPE), "fix"), "bs", -1), 128);
    type(":slice nonsense\r");
    assert_true(shows("slice takes best"));
}

static void zooming_keeps_the_place_under_the_pointer(void **state)
{
    struct rect in = map();
    double u = panel_land_u(&con.land, in, in.x + 40.5), v = panel_land_v(&con.land, in, in.y + 6.5);
    mouse_at(INPUT_WHEEL, 0, in.x + 40, in.y + 6);
    assert_true(con.land.u1 - con.land.u0 < .7);
    assert_true(fabs(panel_land_u(&con.land, in, in.x + 40.5) - u) < 1e-9);
    assert_true(fabs(panel_land_v(&con.land, in, in.y + 6.5) - v) < 1e-9);
    assert_true(cmap_int(request(SUB_LANDSCAPE), "columns", 0) > in.w); /* finer, not larger cells */
    double u0 = con.land.u0;
    mouse_at(INPUT_PRESS, 2, in.x + 10, in.y + 5);
    mouse_at(INPUT_DRAG, 2, in.x + 15, in.y + 5);
    mouse_at(INPUT_RELEASE, 2, in.x + 15, in.y + 5);
    assert_true(con.land.u0 < u0);
    type("_");
    assert_true(con.land.u0 == 0 && con.land.u1 == 1);
}

/* Byte budget: the crosshair, its marks on the axes, and the read-out. */
static void a_moving_crosshair_changes_few_cells(void **state)
{
    struct canvas before = {0};
    type("ll");
    canvas_init(&before, false);
    canvas_resize(&before, cols, rows);
    memcpy(before.cells, screen.cells, (size_t)cols * (size_t)rows * sizeof *before.cells);
    type("l");
    int changed = 0;
    for (int i = 0; i < cols * rows; i++)
        changed += memcmp(&before.cells[i], &screen.cells[i], sizeof *before.cells) != 0;
    assert_in_range(changed, 1, 50);
    canvas_release(&before);
}

static void the_way_of_the_best_is_numbered(void **state)
{
    type("V");
    struct rect in = map();
    int found = 0;
    for (int y = in.y; y < in.y + in.h; y++)
        for (int x = in.x; x < in.x + in.w; x++)
            found |= canvas_at(&screen, x, y)->cp == '2' ? 1 : 0;
    assert_true(found);
}

/* ---- a trial's loss surface ---- */

static void no_surface_no_layer(void **state)
{
    type("mmmm");
    assert_int_equal(con.land.layer, LAND_PARTIAL);
    type("m");
    assert_int_equal(con.land.layer, LAND_MEAN);
    assert_true(shows("no trial has a loss surface yet"));
    assert_true(span_eq(cmap_str(request(SUB_LANDSCAPE), "view"), "landscape"));
}

static void a_surface_is_drawn_around_its_weights(void **state)
{
    struct rect in = map();
    fake.surface = 17;
    fake_refresh();
    type("mmmmm");
    assert_true(span_eq(cmap_str(request(SUB_LANDSCAPE), "view"), "probe"));
    assert_int_equal(cmap_int(request(SUB_LANDSCAPE), "trial", -1), 17);
    assert_true(cmap_bool(request(SUB_LANDSCAPE), "fill", false));
    assert_true(shows("t17 loss, 50% known, under way") && shows("direction 2") && shows("21x11 by filter"));
    assert_true(con.land.z && con.land.ax.low == -1.05 && con.land.ay.high == 1.1); /* half a cell beyond */
    int x = in.x + in.w / 2, y = in.y + in.h / 2;
    assert_int_equal(canvas_at(&screen, x + 1, y)->cp, '0'); /* 0.0812, behind the crosshair */
    type("l");
    assert_int_equal(canvas_at(&screen, x, y)->cp, 0x25c6);
}

static void the_crosshair_reads_the_loss(void **state)
{
    fake.surface = 17;
    fake_refresh();
    type("mmmmm");
    con.land.cu = land_pos(&con.land.ax, .5);
    con.land.cv = land_pos(&con.land.ay, -.4);
    frame();
    assert_true(shows("loss 0.5012")); /* .0812 + .4 * .25 + 2 * .16 */
    press_key(KX_HOME);
    assert_true(con.land.cu == .5 && con.land.cv == .5);
}

static void gaps_stay_when_nothing_more_comes(void **state)
{
    fake.surface = 17;
    fake.stage = "stopped";
    fake_refresh();
    type("mmmmm");
    frame();
    assert_false(cmap_bool(request(SUB_LANDSCAPE), "fill", true));
    assert_true(isnan(con.land.z[1]) && isfinite(con.land.z[0]));
    assert_true(shows("stopped early: its run has"));
}

static void a_trial_without_one_is_told_how(void **state)
{
    fake.surface = 23;
    fake_refresh();
    type("mmmmm");
    assert_true(shows("t17 has no loss surface: :probe 17 --grid 31x31 (a l)"));
    type("al");
    assert_int_equal(con.prompt.kind, PROMPT_COMMAND);
    assert_string_equal(con.prompt.text, "probe t17 ");
}

static void a_line_through_the_weights_is_a_slice(void **state)
{
    fake.surface = 17;
    fake.line = true;
    fake_refresh();
    type("mmmmm");
    assert_true(con.land.ax.there && !con.land.ay.there && shows("none: a slice"));
    con.land.cu = land_pos(&con.land.ax, -.5);
    frame();
    assert_true(shows("loss 0.1812"));
}

static void surfaces_are_drawn_at_every_size(void **state)
{
    fake.surface = 17;
    for (int k = 0; k < 3; k++) {
        fake.line = k == 1;
        fake.stage = k == 2 ? "stopped" : NULL;
        fake_refresh();
        con.land.layer = LAND_PROBE;
        frame();
        for (cols = 10; cols <= 200; cols += 19)
            for (rows = 3; rows <= 60; rows += 3) {
                frame();
                assert_true(con.land.surface.there);
            }
    }
}

static void nothing_is_steered_on_a_surface(void **state)
{
    struct rect in = map();
    fake.surface = 17;
    fake_refresh();
    type("vlllkkkv");
    assert_true(con.land.box);
    type("mmmmm");
    assert_false(con.land.box); /* it was one of parameters */
    type("v");
    assert_true(!con.land.box && shows("lies in weights"));
    mouse_at(INPUT_PRESS, 0, in.x + 10, in.y + 5);
    mouse_at(INPUT_DRAG, 0, in.x + 30, in.y + 15);
    mouse_at(INPUT_RELEASE, 0, in.x + 30, in.y + 15);
    assert_false(con.land.box);
    int sends = fake.sends;
    type("at");
    assert_int_equal(con.act.n_holds, 0);
    assert_int_equal(fake.sends, sends);
    press_key(KX_ESC);
    type("y"); /* no parameter is an axis here, nor becomes one */
    type("m");
    frame();
    assert_int_equal(con.land.layer, LAND_MEAN);
    assert_string_equal(con.land.ax.name, "lr");
    assert_string_equal(con.land.ay.name, "wd");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_of_numbers_becomes_levels),
        cmocka_unit_test(levels_rise_in_every_kind_of_terminal),
        cmocka_unit_test(contours_join_from_cell_to_cell),
        cmocka_unit_test(a_glyph_on_the_map_keeps_what_is_behind_it),
        T(a_coarse_picture_comes_before_the_fine_one),
        T(the_best_and_the_trials_stand_where_they_are),
        T(a_box_is_drawn_by_keys_and_read_out),
        T(a_box_is_drawn_by_mouse),
        T(steering_says_the_region_waits_and_is_previewed),
        T(without_a_box_there_is_nothing_to_steer),
        T(the_point_under_the_crosshair_is_tried),
        T(enter_lists_what_is_inside),
        T(choices_are_bands_and_regions_name_them),
        T(behind_the_last_parameter_lies_a_slice),
        T(the_slice_is_set_in_words),
        T(zooming_keeps_the_place_under_the_pointer),
        T(a_moving_crosshair_changes_few_cells),
        T(the_way_of_the_best_is_numbered),
        T(no_surface_no_layer),
        T(a_surface_is_drawn_around_its_weights),
        T(the_crosshair_reads_the_loss),
        T(gaps_stay_when_nothing_more_comes),
        T(a_trial_without_one_is_told_how),
        T(a_line_through_the_weights_is_a_slice),
        T(surfaces_are_drawn_at_every_size),
        T(nothing_is_steered_on_a_surface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
