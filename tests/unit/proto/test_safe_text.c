/* Nothing that comes out of safe_text can control a terminal: every code point, every byte, every broken sequence. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "proto/safe_text.h"

static const char *safe(const char *s, int columns)
{
    static char out[4096];
    safe_text(out, sizeof out, s, strlen(s), columns);
    return out;
}

/* An oracle of its own: the code points named in the promise, straight from the Unicode charts. */
static bool forbidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xd800 && c <= 0xf8ff) ||
           (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xfff9 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe ||
           (c >= 0xfdd0 && c <= 0xfdef) || (c >= 0xe0000 && c <= 0xe0fff) || c >= 0xf0000;
}

/* The output is UTF-8 without anything forbidden, and as wide as was said. */
static void check_output(const char *out, int columns)
{
    int width = 0;
    size_t n = strlen(out);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = utf8_decode(out + i, n - i, &cp);
        assert_int_not_equal(len, 0);
        assert_false(forbidden(cp));
        int w = wcwidth((wchar_t)cp);
        assert_true(w >= 0);
        width += w;
        i += len;
    }
    assert_int_equal(width, columns);
}

static void every_code_point_comes_out_harmless(void **state)
{
    char in[8], out[64];
    size_t passed = 0;
    for (uint32_t cp = 1; cp <= 0x10ffff; cp++) {
        size_t n = utf8_encode(in, cp);
        if (n == 0)
            continue;
        int columns = safe_text(out, sizeof out, in, n, -1);
        check_output(out, columns);
        if (forbidden(cp) && cp != '\t')
            assert_int_equal(out[0], '\\');
        passed += out[0] != '\\';
    }
    assert_true(passed > 90000); /* and the world's scripts pass */
}

static void every_code_point_is_harmless_behind_a_letter(void **state)
{
    char in[8] = "a", out[64];
    for (uint32_t cp = 1; cp <= 0x10ffff; cp++) {
        size_t n = utf8_encode(in + 1, cp);
        if (n)
            check_output(out, safe_text(out, sizeof out, in, n + 1, -1));
    }
}

static void controls_become_visible_escapes(void **state)
{
    assert_string_equal(safe("a\x1b[31mb", -1), "a\\x1b[31mb");
    assert_string_equal(safe("x\ty\r\n\b\x7f", -1), "x y\\x0d\\x0a\\x08\\x7f");
    assert_string_equal(safe("\xc2\x9b", -1), "\\u{9b}"); /* CSI as UTF-8 */
    assert_string_equal(safe("\x9b", -1), "\\x9b");       /* CSI as a raw byte */
    assert_string_equal(safe("evil\xe2\x80\xae" "cod.exe", -1), "evil\\u{202e}cod.exe");
    assert_string_equal(safe("\xef\xbb\xbf" "a\xe2\x80\x8b" "b", -1), "\\u{feff}a\\u{200b}b");
    assert_string_equal(safe("\xf3\xa0\x81\x81", -1), "\\u{e0041}"); /* a tag letter */
}

static void invalid_utf8_becomes_byte_escapes(void **state)
{
    assert_string_equal(safe("\xff\xfe", -1), "\\xff\\xfe");
    assert_string_equal(safe("a\xe2\x82", -1), "a\\xe2\\x82"); /* cut off */
    assert_string_equal(safe("\xc0\xaf", -1), "\\xc0\\xaf");   /* overlong */
    assert_string_equal(safe("\xed\xa0\x80", -1), "\\xed\\xa0\\x80"); /* a surrogate */
    char out[32];
    assert_int_equal(safe_text(out, sizeof out, "a\0b", 3, -1), 6);
    assert_string_equal(out, "a\\x00b");
}

static void ordinary_text_passes_unchanged(void **state)
{
    static const char *const words[] = {"lr=1e-3", "ä ö ü ß", "学習率", "скорость", "étape", "α β ∇", "▁▂▃█", "🚀", "שיעור"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_string_equal(safe(words[i], -1), words[i]);
}

static void combining_marks_need_a_base_and_are_few(void **state)
{
    assert_string_equal(safe("e\xcc\x81", -1), "e\xcc\x81");
    assert_string_equal(safe("\xcc\x81", -1), "\\u{301}");
    assert_string_equal(safe("e\xcc\x81\xcc\x81\xcc\x81", -1), "e\xcc\x81\xcc\x81\\u{301}");
    assert_string_equal(safe("\x1b\xcc\x81", -1), "\\x1b\\u{301}");
}

static void the_cut_is_at_whole_units(void **state)
{
    char out[64];
    assert_int_equal(safe_text(out, sizeof out, "学習率", 9, 3), 2);
    assert_string_equal(out, "学");
    assert_int_equal(safe_text(out, sizeof out, "ab\x1b" "c", 4, 5), 2); /* \x1b needs four */
    assert_string_equal(out, "ab");
    assert_int_equal(safe_text(out, sizeof out, "abc", 3, 0), 0);
    assert_string_equal(out, "");
    assert_int_equal(safe_text(out, 4, "a学b", 5, -1), 1); /* the second would not leave room for the NUL */
    assert_string_equal(out, "a");
    assert_int_equal(safe_text(out, 1, "a", 1, -1), 0);
    assert_string_equal(out, "");
}

static void the_locale_of_the_program_does_not_matter(void **state)
{
    setlocale(LC_ALL, "C");
    assert_string_equal(safe("学習率 é", -1), "学習率 é");
    setlocale(LC_ALL, "C.UTF-8");
}

static void random_bytes_come_out_harmless_at_any_bound(void **state)
{
    struct rng r;
    rng_seed(&r, 1);
    char in[64], out[300];
    for (int round = 0; round < 50000; round++) {
        size_t n = rng_below(&r, sizeof in), cap = 1 + rng_below(&r, sizeof out);
        for (size_t i = 0; i < n; i++)
            in[i] = (char)(rng_below(&r, 2) ? rng_u64(&r) : 0x80 + rng_below(&r, 0x74));
        int limit = (int)rng_below(&r, 90) - 1;
        int columns = safe_text(out, cap, in, n, limit);
        assert_true(limit < 0 || columns <= limit);
        assert_true(strlen(out) < cap);
        check_output(out, columns);
        struct buf b = {0};
        int all = safe_text_buf(&b, in, n, limit);
        assert_true(all >= columns);
        check_output(buf_cstr(&b), all);
        assert_int_equal(safe_text_columns(in, n), safe_text_buf(&b, in, n, -1));
        buf_release(&b);
    }
}

int main(void)
{
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_comes_out_harmless),
        cmocka_unit_test(every_code_point_is_harmless_behind_a_letter),
        cmocka_unit_test(controls_become_visible_escapes),
        cmocka_unit_test(invalid_utf8_becomes_byte_escapes),
        cmocka_unit_test(ordinary_text_passes_unchanged),
        cmocka_unit_test(combining_marks_need_a_base_and_are_few),
        cmocka_unit_test(the_cut_is_at_whole_units),
        cmocka_unit_test(the_locale_of_the_program_does_not_matter),
        cmocka_unit_test(random_bytes_come_out_harmless_at_any_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
