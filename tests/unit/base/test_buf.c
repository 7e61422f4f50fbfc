/* Buffers grow, print, hand over and start again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/mem.h"

static void bytes_come_out_as_they_went_in(void **state)
{
    struct buf b = {0};
    for (int i = 0; i < 100000; i++)
        buf_putc(&b, i);
    assert_int_equal(b.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], i & 255);
    buf_release(&b);
    assert_null(b.data);
    assert_int_equal(b.len + b.cap, 0);
}

static void printing_grows_as_needed(void **state)
{
    struct buf b = {0};
    char long_text[5000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    buf_printf(&b, "%d-", 7);
    buf_printf(&b, "%s", long_text);
    buf_printf(&b, "%s", "");
    assert_int_equal(b.len, 2 + sizeof long_text - 1);
    assert_memory_equal(b.data, "7-x", 3);
    buf_clear(&b);
    /* exactly full: the NUL of vsnprintf must not be lost on the edge */
    while (b.cap - b.len > 3)
        buf_putc(&b, 'y');
    buf_printf(&b, "abc");
    assert_memory_equal(b.data + b.len - 3, "abc", 3);
    buf_release(&b);
}

static void consume_moves_the_rest_to_the_front(void **state)
{
    struct buf b = {0};
    buf_puts(&b, "hello world");
    buf_consume(&b, 6);
    assert_string_equal(buf_cstr(&b), "world");
    buf_consume(&b, 5);
    assert_int_equal(b.len, 0);
    buf_consume(&b, 9); /* nothing left: still fine */
    buf_put(&b, NULL, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_release(&b);
}

static void take_hands_a_string_over(void **state)
{
    struct buf b = {0};
    char *empty = buf_take(&b);
    assert_string_equal(empty, "");
    buf_puts(&b, "text");
    char *s = buf_take(&b);
    assert_string_equal(s, "text");
    assert_null(b.data);
    free(s);
    free(empty);
}

static void reserve_keeps_what_is_there(void **state)
{
    struct buf b = {0};
    buf_puts(&b, "head");
    memcpy(buf_reserve(&b, 1 << 20), "tail", 4);
    assert_int_equal(b.len, 4);
    b.len += 4;
    assert_string_equal(buf_cstr(&b), "headtail");
    buf_release(&b);
}

static void a_cause_replaces_the_one_before(void **state)
{
    char *cause = NULL;
    assert_int_equal(cause_set(&cause, "%s: %d", "first", 1), -1);
    assert_null(cause_null(&cause, "second"));
    assert_string_equal(cause, "second");
    assert_int_equal(cause_set(NULL, "nobody listens"), -1);
    free(cause);
}

static void memory_of_no_bytes_is_memory(void **state)
{
    void *p = mem_alloc(0), *q = mem_zero(0, 8);
    assert_non_null(p);
    assert_non_null(q);
    p = mem_resize(p, 3, 5);
    free(p);
    free(q);
    assert_null(mem_str(NULL));
    char *s = mem_strn("abcdef", 3), *d = mem_dup(s, 4);
    assert_string_equal(s, "abc");
    assert_string_equal(d, "abc");
    free(s);
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_as_they_went_in),      cmocka_unit_test(printing_grows_as_needed),
        cmocka_unit_test(consume_moves_the_rest_to_the_front), cmocka_unit_test(take_hands_a_string_over),
        cmocka_unit_test(reserve_keeps_what_is_there),         cmocka_unit_test(a_cause_replaces_the_one_before),
        cmocka_unit_test(memory_of_no_bytes_is_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
