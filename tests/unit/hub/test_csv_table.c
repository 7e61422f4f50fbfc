/* CSV files as cells with places; every way in which a file can be wrong is one sentence that says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hub/csv_table.h"

static char path[64];

static int read_text(struct csv_table *t, const char *text, char **cause)
{
    snprintf(path, sizeof path, "/tmp/hypertop-csv-%ld.csv", (long)getpid());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    int rc = csv_read(t, path, cause);
    unlink(path);
    return rc;
}

static void says(const char *text, const char *want)
{
    struct csv_table t;
    char *cause = NULL;
    assert_int_equal(read_text(&t, text, &cause), -1);
    if (!strstr(cause, want))
        fail_msg("\"%s\" does not say \"%s\"", cause, want);
    free(cause);
    csv_release(&t);
}

static void cells_know_their_place(void **state)
{
    struct csv_table t;
    assert_int_equal(read_text(&t, "\xef\xbb\xbf lr , \"opt, a\" ,m\r\n\r\n1e-3,\"say \"\"hi\"\"\",\r\n 2 ,\"two\nlines\", x y \n3,c,d", NULL), 0);
    assert_int_equal(t.columns, 3);
    assert_int_equal(t.rows, 3);
    assert_int_equal(csv_column(&t, "opt, a"), 1);
    assert_int_equal(csv_column(&t, "none"), -1);
    assert_string_equal(csv_at(&t, 0, 1)->text, "say \"hi\"");
    assert_true(csv_at(&t, 0, 1)->quoted);
    assert_string_equal(csv_at(&t, 0, 2)->text, "");
    assert_int_equal(csv_at(&t, 0, 0)->line, 3);
    assert_int_equal(csv_at(&t, 0, 1)->column, 6);
    assert_string_equal(csv_at(&t, 1, 0)->text, "2");
    assert_string_equal(csv_at(&t, 1, 1)->text, "two\nlines");
    assert_string_equal(csv_at(&t, 1, 2)->text, "x y");
    assert_int_equal(csv_at(&t, 2, 0)->line, 6);
    assert_string_equal(csv_at(&t, 2, 2)->text, "d");
    csv_release(&t);
}

static void wrong_files_are_errors_at_their_place(void **state)
{
    says("", "the file is empty");
    says("\n \n", "the file is empty");
    says("a,b\n1\n", ".csv:2:1: 1 cells, where the header has 2");
    says("a,b\n1,2\n1,2,3\n", ".csv:3:1: 3 cells");
    says("a,b\n1,\"open\n", ".csv:2:3: the quotes of this cell are never closed");
    says("a,b\n1,\"x\"y\n", ".csv:2:3: the quotes");
    says("a,a\n", ".csv:1:3: column \"a\" stands in the header twice");
    says("a,,b\n", ".csv:1:3: a column without a name");
    struct csv_table t;
    char *cause = NULL;
    assert_int_equal(csv_read(&t, "/nowhere/at.csv", &cause), -1);
    assert_string_equal(cause, "/nowhere/at.csv: No such file or directory");
    free(cause);
    csv_release(&t);
}

/* Whatever the bytes: a table or a sentence. */
static void every_beginning_of_a_file_is_read_or_refused(void **state)
{
    static const char text[] = "a,\"b\"\"c\",d\n\"1\",2,\"3\n4\"\n\n5,6,7";
    for (size_t n = 0; n < sizeof text; n++) {
        struct csv_table t;
        char cut[sizeof text], *cause = NULL;
        memcpy(cut, text, n);
        cut[n] = '\0';
        int rc = read_text(&t, cut, &cause);
        assert_true((rc == 0) == (cause == NULL));
        free(cause);
        csv_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_know_their_place),
        cmocka_unit_test(wrong_files_are_errors_at_their_place),
        cmocka_unit_test(every_beginning_of_a_file_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
