/* Screens as text: golden pictures at two sizes in two charsets, every size, hostile names, random keys and
 * sizes.
 *
 * HYPERTOP_GOLDEN=write replaces the files in tests/golden/screens after a change that is meant: look at the
 * difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <wchar.h>

#include "base/rng.h"
#include "tests/unit/tui/console_fixture.h"
#include "tui/screen.h"

/* ---- golden ---- */

static const struct picture {
    const char *name;
    const char *keys;
    bool replay;
} pictures[] = {
    {"overview", "", false},  {"arms", "4", false},
    {"curves", "2", false},   {"curves-cross", "2hhhhhhhhhh", false},
    {"curves-panels", "2M", false}, {"curves-group", "2PPPP", false},
    {"curves-diff", "2jd", false},
    {"insight", "6", false},   {"insight-brush", "6 +l ", false},
    {"insight-edf", "6o", false}, {"insight-seeds", "6ooo", false},
    {"landscape", "3", false}, {"landscape-box", "3vlllllllllllkkkkkv", false},
    {"landscape-slice", "3yy", false}, {"landscape-layers", "3mmmVD", false},
    {"landscape-hold", "3vllllkkkvaf", false}, {"landscape-choices", "3y", false},
    {"trial", "5", false},    {"trial-edit", "5e7e-4", false},
    {"audit", "7", false},    {"replay", "8", true},
    {"help", "?", false},     {"menu", "a", false},
    {"confirm", "as", false}, {"typed", "akt1", false},
    {"palette", ":s", false}, {"hold", "p", false},
    {"log", "5L", false},
};

static void golden_path(char *out, size_t cap, const char *name, int w, int h, bool ascii)
{
    const char *root = getenv("HYPERTOP_ROOT");
    snprintf(out, cap, "%s/tests/golden/screens/%s-%dx%d-%s%s.txt", root ? root : ".", name, w, h,
             ascii ? "ascii" : "utf8", screen.heat ? "" : "-mono");
}

/* What a text does not show of a heat map: its levels, a digit a cell (the lower half's), below the screen. */
static char *add_levels(char *text)
{
    struct buf b = {0};
    bool any = false;
    buf_put(&b, text, strlen(text));
    free(text);
    size_t plain = b.len;
    for (int y = 0; y < screen.rows; y++) {
        size_t from = b.len;
        bool here = false;
        for (int x = 0; x < screen.cols; x++) {
            style st = canvas_at(&screen, x, y)->st;
            here = here || (st & ST_HEAT);
            buf_putc(&b, st & ST_HEAT ? '0' + HEAT_BEHIND(st) : ' ');
        }
        while (b.len > from && b.data[b.len - 1] == ' ')
            b.len--;
        if (here)
            buf_putc(&b, '\n');
        else
            b.len = from;
        any = any || here;
    }
    if (!any)
        b.len = plain;
    return buf_take(&b);
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    struct buf b = {0};
    if (!f)
        return NULL;
    for (int ch; (ch = fgetc(f)) != EOF;)
        buf_putc(&b, ch);
    fclose(f);
    return buf_take(&b);
}

static int compare(const char *path, const char *got)
{
    const char *mode = getenv("HYPERTOP_GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        FILE *f = fopen(path, "w");
        if (!f)
            return 1;
        fputs(got, f);
        return fclose(f) != 0;
    }
    char *want = read_file(path);
    int differs = !want || strcmp(want, got) != 0;
    if (differs)
        print_error("%s differs; it is now:\n%s", path, got);
    free(want);
    return differs;
}

static void check_pictures(int w, int h, bool ascii, bool colourless)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        char path[600];
        if (colourless && strncmp(pictures[i].name, "landscape", 9) != 0) /* the others are the same without colours */
            continue;
        struct console_options o = {
            .user = "alice", .replay = pictures[i].replay, .at = pictures[i].replay ? "70%" : NULL};
        start_with(ascii, w, h, &o);
        screen.heat = colourless ? 0 : 8;
        type(pictures[i].keys);
        frame();
        char *got = add_levels(screen_text());
        golden_path(path, sizeof path, pictures[i].name, w, h, ascii);
        bad += compare(path, got);
        free(got);
        stop();
    }
    assert_int_equal(bad, 0);
}

static void pictures_at_80x24(void **state)
{
    check_pictures(80, 24, false, false);
}

static void a_loss_surface(void **state)
{
    char path[600];
    start(false, 80, 24);
    screen.heat = 8;
    fake.surface = 17;
    type("3mmmmm");
    frame();
    char *got = add_levels(screen_text());
    golden_path(path, sizeof path, "landscape-probe", 80, 24, false);
    int bad = compare(path, got);
    free(got);
    stop();
    assert_int_equal(bad, 0);
}

static void pictures_at_80x24_in_ascii(void **state)
{
    check_pictures(80, 24, true, false);
}

static void pictures_at_160x48(void **state)
{
    check_pictures(160, 48, false, false);
}

static void pictures_at_160x48_in_ascii(void **state)
{
    check_pictures(160, 48, true, false);
}

static void pictures_at_100x30(void **state)
{
    check_pictures(100, 30, false, false);
}

static void pictures_at_100x30_in_ascii(void **state)
{
    check_pictures(100, 30, true, false);
}

static void landscapes_without_colours(void **state)
{
    for (int ascii = 0; ascii < 2; ascii++) {
        check_pictures(80, 24, ascii, true);
        check_pictures(100, 30, ascii, true);
        check_pictures(160, 48, ascii, true);
    }
}

static void pictures_of_small_screens(void **state)
{
    static const int sizes[][2] = {{40, 12}, {20, 4}, {60, 15}, {100, 30}};
    int bad = 0;
    for (size_t i = 0; i < 4; i++) {
        char path[600];
        start(false, sizes[i][0], sizes[i][1]);
        char *got = screen_text();
        golden_path(path, sizeof path, "overview", sizes[i][0], sizes[i][1], false);
        bad += compare(path, got);
        free(got);
        stop();
    }
    assert_int_equal(bad, 0);
}

/* ---- totality ---- */

static void check_cells(bool ascii)
{
    for (int y = 0; y < screen.rows; y++)
        for (int x = 0; x < screen.cols; x++) {
            const struct cell *e = canvas_at(&screen, x, y);
            if (e->width == 0)
                continue;
            if (e->cp < 0x20 || (e->cp >= 0x7f && e->cp < 0xa0) || (ascii && e->cp > 0x7e) ||
                (e->cp >= 0x202a && e->cp <= 0x202e) || (e->cp >= 0x2066 && e->cp <= 0x2069))
                fail_msg("U+%04X at %d,%d of %dx%d", e->cp, x, y, screen.cols, screen.rows);
        }
    assert_true(screen.cursor_x < screen.cols && screen.cursor_y < screen.rows);
}

static void every_screen_draws_at_every_size(void **state)
{
    static const char *const over[] = {"", "?", "a", "ak", ":s", "z", "5e1"};
    for (size_t k = 0; k < sizeof over / sizeof *over; k++)
        for (int s = 0; s < SCREEN_COUNT; s++) {
            start(false, 80, 24);
            press_key(screens[s]->key);
            type(over[k]);
            for (cols = 1; cols <= 200; cols += cols < 30 ? 1 : 9)
                for (rows = 1; rows <= 60; rows += rows < 26 ? 1 : 7) {
                    frame();
                    check_cells(false);
                }
            stop();
        }
}

static void nothing_is_lost_when_there_is_nothing(void **state)
{
    static const char *const words[] = {"no trials yet",     "no points yet",   "no finished trial yet", "no arms",
                                        "no trial selected", "not enough data", "no interventions",      "nothing is recorded"};
    for (int s = 0; s < SCREEN_COUNT; s++) {
        begin_empty = true;
        start(false, 100, 30);
        begin_empty = false;
        press_key(screens[s]->key);
        if (!shows(words[s])) {
            char *got = screen_text();
            fail_msg("screen %s has no word for empty:\n%s", screens[s]->name, got);
        }
        stop();
    }
}

static void loading_is_said(void **state)
{
    for (int s = 0; s < SCREEN_COUNT; s++) {
        struct console_options o = {.user = "alice"};
        setlocale(LC_ALL, "C.UTF-8");
        memset(&fake, 0, sizeof fake);
        fake.loading = true;
        cols = 100;
        rows = 30;
        canvas_init(&screen, false);
        console_init(&con, fake_client, &o, false);
        frame();
        press_key(screens[s]->key);
        if (!shows("oading") && !shows("no trial selected")) {
            char *got = screen_text();
            fail_msg("screen %s has no word for loading:\n%s", screens[s]->name, got);
        }
        stop();
    }
}

static void hostile_names_are_text_on_every_screen(void **state)
{
    for (int ascii = 0; ascii < 2; ascii++)
        for (int s = 0; s < SCREEN_COUNT; s++) {
            start(ascii, 120, 40);
            fake.hostile = true;
            fake_refresh();
            press_key(screens[s]->key);
            frame();
            check_cells(ascii);
            assert_true(shows("\\x1b]52") || shows("x1b]52"));
            press_key('a');
            check_cells(ascii);
            stop();
        }
}

/* Random keys, sizes, data and time: no crash, no bad cell, and no request that nobody confirmed with y,
 * typed or waited for. */
static void random_keys_and_sizes_do_no_harm(void **state)
{
    static const int special[] = {KX_UP,    KX_DOWN,   KX_LEFT,      KX_RIGHT, KX_PGUP, KX_PGDN,
                                  KX_HOME,  KX_END,    KX_ENTER,     KX_ESC,   KX_TAB,  KX_BACKTAB,
                                  KX_SLEFT, KX_SRIGHT, KX_BACKSPACE, KX_DEL};
    struct rng r;
    rng_seed(&r, 20260101);
    start(false, 80, 24);
    for (int i = 0; i < 6000; i++) {
        int key = rng_below(&r, 3) ? (int)(' ' + rng_below(&r, 95))
                                   : special[rng_below(&r, sizeof special / sizeof *special)];
        if (rng_below(&r, 8) == 0) {
            cols = 1 + (int)rng_below(&r, 220);
            rows = 1 + (int)rng_below(&r, 70);
        }
        if (rng_below(&r, 20) == 0) {
            fake.order = (int)rng_below(&r, FAKE_TRIALS);
            fake.step++;
            fake.empty = rng_below(&r, 20) == 0;
            fake.hostile = rng_below(&r, 4) == 0;
            fake_refresh();
        }
        fake.link = rng_below(&r, 50) ? LINK_UP : LINK_DOWN;
        enum popup_kind popup = con.popup.kind;
        enum prompt_kind prompt = con.prompt.kind;
        int sends = fake.sends;
        console_key(&con, key);
        if (fake.sends != sends)
            assert_true((popup == POPUP_CONFIRM && key == 'y') ||
                        (popup == POPUP_TYPED && key == KX_ENTER && prompt == PROMPT_TYPED) || key == 'u');
        con.quit = con.suspend = con.opt.readonly = false;
        mono += (int64_t)rng_below(&r, 400) * CLOCK_MS;
        frame();
        check_cells(false);
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_at_80x24),
        cmocka_unit_test(a_loss_surface),
        cmocka_unit_test(pictures_at_80x24_in_ascii),
        cmocka_unit_test(pictures_at_160x48),
        cmocka_unit_test(pictures_at_160x48_in_ascii),
        cmocka_unit_test(pictures_at_100x30),
        cmocka_unit_test(pictures_at_100x30_in_ascii),
        cmocka_unit_test(landscapes_without_colours),
        cmocka_unit_test(pictures_of_small_screens),
        cmocka_unit_test(every_screen_draws_at_every_size),
        cmocka_unit_test(nothing_is_lost_when_there_is_nothing),
        cmocka_unit_test(loading_is_said),
        cmocka_unit_test(hostile_names_are_text_on_every_screen),
        cmocka_unit_test(random_keys_and_sizes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
