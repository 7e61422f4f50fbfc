/* Rows as JSON lines and as tables. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/row_print.h"

static struct span span_of(const struct buf *b)
{
    return (struct span){(const char *)b->data, b->len};
}

/* {trial, state, value, started, params{lr, opt}, tags[]} */
static void put_row(struct buf *b, int trial, const char *state, double value, const char *opt)
{
    struct codec_writer w;
    cw_init(&w, b);
    cw_map(&w, 6);
    cw_kint(&w, "trial", trial);
    cw_kstr(&w, "state", state);
    cw_kdouble(&w, "value", value);
    cw_kint(&w, "started", INT64_C(1700000000123456789));
    cw_str(&w, "params");
    cw_map(&w, 2);
    cw_kdouble(&w, "lr", 0.01);
    cw_kstr(&w, "opt", opt);
    cw_str(&w, "tags");
    cw_array(&w, 1);
    cw_nil(&w);
}

static void json_keeps_the_order_and_prints_times(void **state)
{
    struct buf row = {0}, out = {0};
    put_row(&row, 17, "running", 0.1, "adam\n\x1b");
    row_json(&out, span_of(&row));
    assert_string_equal(buf_cstr(&out),
                        "{\"trial\":17,\"state\":\"running\",\"value\":0.1,\"started\":\"2023-11-14T22:13:20.123456Z\","
                        "\"params\":{\"lr\":0.01,\"opt\":\"adam\\n\\u001b\"},\"tags\":[null]}\n");
    buf_release(&row);
    buf_release(&out);
}

static void json_of_no_map_is_still_one_line(void **state)
{
    struct buf out = {0};
    row_json(&out, (struct span){"\x05", 1});
    row_json(&out, (struct span){"\x81\xa4time\xc0", 7});
    row_json(&out, (struct span){"\x82\xa1" "a\x01\xa1", 5}); /* cut off */
    assert_string_equal(buf_cstr(&out), "5\n{\"time\":null}\n{\"a\":1}\n");
    buf_release(&out);
}

static void a_table_is_aligned_and_sanitised(void **state)
{
    struct buf row = {0}, out = {0};
    struct row_table *t = row_table_new("trial,state,value,params,missing");
    put_row(&row, 7, "running", 0.12345678, "sgd");
    row_table_add(t, span_of(&row));
    buf_clear(&row);
    put_row(&row, 12345, "done\x1b[2J", 1e-9, "学");
    row_table_add(t, span_of(&row));
    row_table_print(t, &out, 0);
    assert_string_equal(buf_cstr(&out), "trial  state           value  params           missing\n"
                                        "    7  running      0.123457  lr=0.01 opt=sgd        -\n"
                                        "12345  done\\x1b[2J      1e-9  lr=0.01 opt=学         -\n");
    row_table_free(t);
    buf_release(&row);
    buf_release(&out);
}

static void numbers_are_right_aligned_and_lines_cut(void **state)
{
    struct buf row = {0}, out = {0};
    struct row_table *t = row_table_new("value,trial");
    put_row(&row, 7, "x", -0.5, "sgd");
    row_table_add(t, span_of(&row));
    buf_clear(&row);
    put_row(&row, 123, "x", 100, "sgd");
    row_table_add(t, span_of(&row));
    row_table_print(t, &out, 9);
    assert_string_equal(buf_cstr(&out), "value  tr\n -0.5\n  100\n");
    row_table_free(t);
    buf_release(&row);
    buf_release(&out);
}

static void columns_come_as_the_rows_bring_them(void **state)
{
    struct buf out = {0};
    struct row_table *t = row_table_new(NULL);
    row_table_add(t, (struct span){"\x81\xa1" "a\xa1x", 5});
    row_table_add(t, (struct span){"\x82\xa1" "b\xc3\xa1" "a\xc0", 7});
    row_table_print(t, &out, 0);
    assert_string_equal(buf_cstr(&out), "a  b\nx  -\n-  yes\n");
    row_table_free(t);
    buf_release(&out);
}

static void remarks_are_printed_in_full_under_the_table(void **state)
{
    (void)state;
    static const char *const warnings[] = {NULL, "the disk is full: nothing more is recorded until there is room\x1b"};
    struct row_table *t = row_table_new("sweep,state");
    struct buf out = {0};
    row_table_remark(t, "warning");
    for (int i = 0; i < 2; i++) {
        struct buf b = {0};
        struct codec_writer w;
        cw_init(&w, &b);
        cw_map(&w, 3);
        cw_kstr(&w, "warning", warnings[i]);
        cw_kstr(&w, "sweep", i ? "b" : "a");
        cw_kstr(&w, "state", "running");
        row_table_add(t, (struct span){(const char *)b.data, b.len});
        buf_release(&b);
    }
    row_table_print(t, &out, 12);
    const char *text = buf_cstr(&out), *last = strstr(text, "b: warning: the disk is full: nothing more is "
                                                            "recorded until there is room");
    assert_non_null(last);
    assert_null(strchr(text, 0x1b));
    assert_null(strstr(text, "a: warning"));
    assert_true(strstr(text, "sweep") < last && strchr(last, '\n')[1] == '\0');
    row_table_free(t);
    buf_release(&out);
}

static void an_empty_table_prints_nothing(void **state)
{
    struct buf out = {0};
    struct row_table *t = row_table_new(NULL);
    row_table_print(t, &out, 80);
    assert_int_equal(out.len, 0);
    row_table_free(t);
    t = row_table_new(NULL);
    row_table_add(t, (struct span){"\xdf\xff", 2}); /* damaged: an empty line, no crash */
    row_table_print(t, &out, 80);
    row_table_free(t);
    buf_release(&out);
}

int main(void)
{
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_keeps_the_order_and_prints_times),
        cmocka_unit_test(json_of_no_map_is_still_one_line),
        cmocka_unit_test(a_table_is_aligned_and_sanitised),
        cmocka_unit_test(numbers_are_right_aligned_and_lines_cut),
        cmocka_unit_test(columns_come_as_the_rows_bring_them),
        cmocka_unit_test(remarks_are_printed_in_full_under_the_table),
        cmocka_unit_test(an_empty_table_prints_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
