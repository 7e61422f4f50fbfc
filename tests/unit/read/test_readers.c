/* The readers of other tools' files, on small files made here: what they say, in pieces and cut. */
#include <stdio.h>
#include <zlib.h>

#include "tests/unit/read/listener.h"

#include "read/crc32c.h"

extern const struct read_format read_tfevents, read_wandb, read_optuna_journal, read_csv, read_jsonl, read_hf, read_smac, read_bohb,
    read_ray_result, read_lightning;

/* ---- files with checksums ---- */

static void little(uint8_t *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static size_t tf_record(uint8_t *r, const void *p, size_t n)
{
    little(r, n, 8);
    little(r + 8, crc32c_masked(r, 8), 4);
    memcpy(r + 12, p, n);
    little(r + 12 + n, crc32c_masked(r + 12, n), 4);
    return n + 16;
}

/* wall_time 1.7e9, step 5, loss = 0.5 */
static const char tf_loss[] = "\x09\x00\x00\x00\x40\xfc\x54\xd9\x41\x10\x05\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\0\x3f";
/* step 6, x = a tensor that is 1.0, of the plugin scalars */
static const char tf_tensor[] = "\x10\x06*\x22\x0a \x0a\x01xB\x09\x08\x01\x12\x00-\x00\x00\x80\x3fJ\x10\x0a\x0e\x0a\x07scalars\x12\x03" "abc";

static size_t tf_file(uint8_t *file)
{
    size_t n = tf_record(file, tf_loss, sizeof tf_loss - 1);
    return n + tf_record(file + n, tf_tensor, sizeof tf_tensor - 1);
}

static void crc32c_is_the_castagnoli_one(void **state)
{
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
}

static void both_kinds_of_scalars_of_tensorboard_are_read(void **state)
{
    uint8_t file[256];
    size_t n = tf_file(file);
    struct read_stop st = says(&read_tfevents, 0, file, n,
                               "trial 0 k\npoint 0 loss 5 1700000000.000 0.5\npoint 0 x 6 - 1\n");
    assert_false(st.stopped);
    says_prefixes(&read_tfevents, 0, file, n);
}

static void a_cut_event_file_says_where(void **state)
{
    uint8_t file[256];
    struct listener l;
    size_t n = tf_file(file), first = 16 + sizeof tf_loss - 1;
    struct read_stop st = listen_to(&l, &read_tfevents, "x", 0, file, n - 1, n);
    assert_true(st.stopped && st.cut);
    assert_int_equal(st.offset, first);
    buf_release(&l.said);
}

static void a_damaged_record_is_passed_over_and_a_damaged_length_ends(void **state)
{
    uint8_t file[256];
    size_t n = tf_file(file);
    file[20] ^= 1;
    struct read_stop st = says(&read_tfevents, 0, file, n, "trial 0 k\npoint 0 x 6 - 1\n");
    assert_int_equal(st.skipped, 1);
    assert_false(st.stopped);
    file[0] ^= 1;
    st = says(&read_tfevents, 0, file, n, "trial 0 k\n");
    assert_true(st.stopped && !st.cut);
    assert_int_equal(st.offset, 0);
}

static size_t wandb_chunk(uint8_t *r, int type, const void *p, size_t n)
{
    little(r + 4, n, 2);
    r[6] = (uint8_t)type;
    memcpy(r + 7, p, n);
    little(r, crc32(0, r + 6, (uInt)n + 1), 4);
    return n + 7;
}

static const char wandb_row[] = "\x12\x22\x0a\x0b\x0a\x05_step\x82\x01\x01" "3\x0a\x0f\x0a\x04loss\x82\x01\x06" "0.25e0\x12\x02\x08\x03";
static const char wandb_exit[] = "\x92\x01\x02\x08\x02";

static void wandb_history_and_exit_are_read(void **state)
{
    uint8_t file[256] = ":W&B\xe1\xbe";
    size_t n = 7;
    n += wandb_chunk(file + n, 2, wandb_row, 10); /* a record in two chunks */
    n += wandb_chunk(file + n, 4, wandb_row + 10, sizeof wandb_row - 11);
    n += wandb_chunk(file + n, 1, wandb_exit, sizeof wandb_exit - 1);
    struct read_stop st = says(&read_wandb, 0, file, n,
                               "trial 0 k\npoint 0 loss 3 - 0.25\nstate 0 5 - exited with status 2\n");
    assert_false(st.stopped);
    says_prefixes(&read_wandb, 0, file, n);
}

static void a_damaged_block_of_wandb_costs_that_block(void **state)
{
    uint8_t *file = calloc(1, 70000);
    memcpy(file, ":W&B\xe1\xbe", 6);
    size_t n = 7 + wandb_chunk(file + 7, 1, wandb_row, sizeof wandb_row - 1);
    file[12] ^= 1;
    (void)n;
    n = 32768 + wandb_chunk(file + 32768, 1, wandb_exit, sizeof wandb_exit - 1);
    struct listener l;
    struct read_stop st = listen_to(&l, &read_wandb, "x", 0, file, n, n + 1);
    assert_string_equal(buf_cstr(&l.said), "trial 0 k\nstate 0 5 - exited with status 2\n");
    assert_int_equal(st.skipped, 1);
    assert_false(st.stopped);
    buf_release(&l.said);
    free(file);
}

/* ---- text ---- */

static void reads_text(const struct read_format *f, int role, const char *text, const char *want)
{
    struct read_stop st = says(f, role, text, strlen(text), want);
    assert_false(st.stopped);
    says_prefixes(f, role, text, strlen(text));
}

static void the_rules_of_an_optuna_journal_are_followed(void **state)
{
    reads_text(&read_optuna_journal, 0,
               "{\"op_code\":0,\"worker_id\":\"w\",\"study_name\":\"s\",\"directions\":[2]}\n"
               "{\"op_code\":0,\"worker_id\":\"w\",\"study_name\":\"s\",\"directions\":[1]}\n" /* a second of a name is none */
               "{\"op_code\":4,\"worker_id\":\"w\",\"study_id\":0,\"datetime_start\":null,\"state\":4,\"distributions\":{},\"params\":{}}\n"
               "{\"op_code\":4,\"worker_id\":\"w\",\"study_id\":7}\n" /* of an unknown study: counts for nothing */
               "{\"op_code\":6,\"worker_id\":\"w\",\"trial_id\":0,\"state\":0,\"values\":null}\n"
               "{\"op_code\":6,\"worker_id\":\"w\",\"trial_id\":0,\"state\":0,\"values\":null}\n" /* the first claim has it */
               "{\"op_code\":5,\"worker_id\":\"w\",\"trial_id\":0,\"param_name\":\"n\",\"param_value_internal\":3.0,"
               "\"distribution\":\"{\\\"name\\\":\\\"IntUniformDistribution\\\",\\\"attributes\\\":{}}\"}\n"
               "{\"op_code\":7,\"worker_id\":\"w\",\"trial_id\":0,\"step\":4,\"intermediate_value\":NaN}\n"
               "{\"op_code\":6,\"worker_id\":\"w\",\"trial_id\":0,\"state\":1,\"values\":[0.5]}\n"
               "{\"op_code\":7,\"worker_id\":\"w\",\"trial_id\":0,\"step\":5,\"intermediate_value\":9}\n" /* finished: ignored */
               "{\"op_code\":1,\"worker_id\":\"w\",\"study_id\":0}\n",
               "study s value 2\ntrial 0 ks/0\nstate 0 0 - \nstate 0 1 - \nparam 0 n 3\npoint 0 (report) 4 - nan\n"
               "point 0 (report) 4 - 0.5\nstate 0 2 - \nstate 0 6 - its study was deleted\n");
}

static void csv_takes_quotes_empty_cells_and_times(void **state)
{
    reads_text(&read_csv, 0, "step,\"a \"\"b\"\"\",timestamp,c\n3,\"0.5\",1700000000,\n4,,1700000001.5,x\n",
               "trial 0 k\npoint 0 a \"b\" 3 1700000000.000 0.5\n");
}

static void a_csv_line_without_its_end_is_left_out(void **state)
{
    struct listener l;
    struct read_stop st = listen_to(&l, &read_csv, "x.csv", 0, "step,a\n1,0.5\n2,0.2", 18, 99);
    assert_string_equal(buf_cstr(&l.said), "trial 0 k\npoint 0 a 1 - 0.5\n");
    assert_true(st.stopped && st.cut);
    assert_int_equal(st.offset, 13);
    buf_release(&l.said);
}

static void a_table_with_a_trial_column_and_no_metric_is_a_plain_one(void **state)
{
    reads_text(&read_csv, 0, "trial\tb\n1\t2\n", "trial 0 k\npoint 0 trial 0 - 1\npoint 0 b 0 - 2\n");
}

static void json_lines_are_rows_or_series(void **state)
{
    reads_text(&read_jsonl, 0, "{\"step\":7,\"a\":{\"b\":1.5},\"s\":\"x\",\"_timestamp\":1700000000}\nnonsense\n", "trial 0 k\npoint 0 a.b 7 1700000000.000 1.5\n");
    reads_text(&read_jsonl, 0, "{\"trial\":3,\"params\":{\"lr\":0.5},\"metric\":\"m\",\"steps\":[1,2],\"times\":[1.6e9,1.6e9],\"values\":[1,null]}\n",
               "trial 0 k/3\nparam 0 lr 0.5\npoint 0 m 1 1600000000.000 1\npoint 0 m 2 1600000000.000 nan\n");
}

static void a_result_of_ray_has_its_config_once(void **state)
{
    reads_text(&read_ray_result, 1,
               "{\"loss\":1,\"training_iteration\":1,\"config\":{\"lr\":0.5,\"l\":[1]},\"done\":false}\n"
               "{\"loss\":2,\"training_iteration\":2,\"config\":{\"lr\":0.5},\"done\":true}\n",
               "trial 0 k\nparam 0 lr 0.5\nparam 0 l '[1]'\npoint 0 loss 1 - 1\npoint 0 loss 2 - 2\nstate 0 2 - \n");
}

static void documents_give_what_stands_in_front_of_a_cut(void **state)
{
    static const char text[] = "{\"log_history\": [{\"step\": 5, \"loss\": 1.5}, {\"step\": 6, \"loss\": 1.25}]}";
    struct listener l;
    struct read_stop st = listen_to(&l, &read_hf, "x", 0, text, sizeof text - 10, 999);
    assert_string_equal(buf_cstr(&l.said), "trial 0 k\npoint 0 loss 5 - 1.5\n");
    assert_true(st.stopped && st.cut);
    buf_release(&l.said);
}

static void a_document_that_grew_says_only_what_is_new(void **state)
{
    static const char one[] = "{\"log_history\": [{\"step\": 5, \"loss\": 1.5}]}";
    static const char two[] = "{\"log_history\": [{\"step\": 5, \"loss\": 1.5}, {\"step\": 6, \"loss\": 1.25}]}";
    struct listener l = {0};
    struct read_sink sink = {&listener_ops, &l};
    struct read_stop st = {0};
    void *parser = read_hf.open(&(struct read_open){&sink, "x", "k", 0, 0});
    read_hf.feed(parser, (const uint8_t *)one, sizeof one - 1, 0, true, &st);
    read_hf.feed(parser, (const uint8_t *)two, sizeof two - 1, 0, true, &st);
    read_hf.close(parser);
    assert_string_equal(buf_cstr(&l.said), "trial 0 k\npoint 0 loss 5 - 1.5\npoint 0 loss 6 - 1.25\n");
    buf_release(&l.said);
}

static void smac_is_read_in_all_its_shapes(void **state)
{
    static const char text[] = "{\"data\": [[[1, null, 0, 0.0], [0.25, 1, {\"__enum__\": \"StatusType.SUCCESS\"}, 1.6e9, 1.6e9, {}]],"
                               " [2, null, 0, 9, 0.5, 1, 1, 1.6e9, 1.6e9, {}],"
                               " {\"config_id\": 3, \"cost\": 0.75, \"status\": 2, \"starttime\": 1.6e9, \"endtime\": 1.6e9}],"
                               " \"configs\": {\"1\": {\"x\": 1}}}";
    struct listener l;
    listen_to(&l, &read_smac, "x", 0, text, sizeof text - 1, sizeof text);
    assert_string_equal(buf_cstr(&l.said),
                        "study - cost 1\ntrial 0 k/1\nstate 0 1 1600000000.000 \npoint 0 (report) 0 1600000000.000 0.25\n"
                        "trial 1 k/2\nstate 1 1 1600000000.000 \npoint 1 (report) 9 1600000000.000 0.5\n"
                        "trial 2 k/3\nstate 2 1 1600000000.000 \nstate 2 5 1600000000.000 CRASHED\nparam 0 x 1\n");
    buf_release(&l.said);
}

static void bohb_reports_a_loss_at_its_budget(void **state)
{
    reads_text(&read_bohb, 1, "[[0, 0, 1], 9.0, {\"started\": 1.6e9, \"finished\": 1.6e9}, {\"loss\": 0.5, \"info\": {\"a\": 1}}, null]\n",
               "study - loss 1\ntrial 0 k/0.0.1\nstate 0 1 1600000000.000 \npoint 0 (report) 9 1600000000.000 0.5\n"
               "point 0 info.a 9 1600000000.000 1\n");
}

static void times_of_all_spellings_are_read(void **state)
{
    assert_int_equal(read_datetime("2024-05-06T07:08:09.5"), INT64_C(1714979289500000000));
    assert_int_equal(read_datetime("2024-05-06 07:08:09+02:00"), INT64_C(1714972089000000000));
    assert_int_equal(read_datetime("2024-05-06_07-08-09"), INT64_C(1714979289000000000));
    assert_int_equal(read_datetime("yesterday"), READ_NO_TIME);
    assert_int_equal(read_datetime("2024-13-06T07:08:09"), READ_NO_TIME);
    assert_int_equal(read_seconds(12.5), READ_NO_TIME);
    assert_int_equal(read_seconds(1.6e9), INT64_C(1600000000000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_is_the_castagnoli_one),
        cmocka_unit_test(both_kinds_of_scalars_of_tensorboard_are_read),
        cmocka_unit_test(a_cut_event_file_says_where),
        cmocka_unit_test(a_damaged_record_is_passed_over_and_a_damaged_length_ends),
        cmocka_unit_test(wandb_history_and_exit_are_read),
        cmocka_unit_test(a_damaged_block_of_wandb_costs_that_block),
        cmocka_unit_test(the_rules_of_an_optuna_journal_are_followed),
        cmocka_unit_test(csv_takes_quotes_empty_cells_and_times),
        cmocka_unit_test(a_csv_line_without_its_end_is_left_out),
        cmocka_unit_test(a_table_with_a_trial_column_and_no_metric_is_a_plain_one),
        cmocka_unit_test(json_lines_are_rows_or_series),
        cmocka_unit_test(a_result_of_ray_has_its_config_once),
        cmocka_unit_test(documents_give_what_stands_in_front_of_a_cut),
        cmocka_unit_test(a_document_that_grew_says_only_what_is_new),
        cmocka_unit_test(smac_is_read_in_all_its_shapes),
        cmocka_unit_test(bohb_reports_a_loss_at_its_budget),
        cmocka_unit_test(times_of_all_spellings_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
