/* What of an environment is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hub/secret.h"

static bool named(const char *s)
{
    return secret_name((struct span){s, strlen(s)});
}

static void names_that_say_so_are_secret(void **state)
{
    (void)state;
    static const char *const secret[] = {"WANDB_API_KEY", "HF_TOKEN", "db_password", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"};
    static const char *const open[] = {"PATH", "HOME", "CUDA_VISIBLE_DEVICES", "", "OMP_NUM_THREADS"};
    for (int i = 0; i < 5; i++) {
        assert_true(named(secret[i]));
        assert_false(named(open[i]));
    }
}

static void only_secrets_are_left_out(void **state)
{
    (void)state;
    struct buf in = {0}, out = {0};
    struct codec_writer w;
    cw_init(&w, &in);
    cw_map(&w, 3);
    cw_kstr(&w, "PATH", "/bin");
    cw_kstr(&w, "HF_TOKEN", "hf_123");
    cw_kstr(&w, "HOME", "/root");
    assert_int_equal(secret_strip((struct span){(char *)in.data, in.len}, &out), 1);
    assert_true(codec_valid(out.data, out.len, NULL));
    struct span map = {(char *)out.data, out.len};
    assert_true(span_eq(cmap_str(map, "PATH"), "/bin"));
    assert_true(span_eq(cmap_str(map, "HOME"), "/root"));
    assert_null(cmap_value(map, "HF_TOKEN").p);
    assert_null(memmem(out.data, out.len, "hf_123", 6));
    buf_release(&in);
    buf_release(&out);
}

static void nothing_is_an_empty_map(void **state)
{
    (void)state;
    struct buf out = {0};
    assert_int_equal(secret_strip((struct span){NULL, 0}, &out), 0);
    assert_int_equal(out.len, 1);
    assert_int_equal(out.data[0], 0x80);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_say_so_are_secret),
        cmocka_unit_test(only_secrets_are_left_out),
        cmocka_unit_test(nothing_is_an_empty_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
