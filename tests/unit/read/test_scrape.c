/* Points out of what programs print: each reading on lines as its tool draws them, and what must stay silent. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "read/scrape.h"
#include "base/buf.h"
#include "base/text.h"

static struct buf said;

static void take(void *ctx, const char *name, int64_t step, double value)
{
    char number[TEXT_NUM];
    text_fmt_double(number, value);
    buf_printf(&said, "%s%s@%lld=%s", said.len ? " " : "", name, (long long)step, number);
}

static const struct scrape_sink sink = {take, NULL};

/* Every line (up to \n or \r) through the rule; what was said as "name@step=value ...". */
static const char *scraped_for(const char *rule, const char *metric, const char *text)
{
    char *rules[] = {(char *)rule}, *cause = NULL;
    struct scrape *s = scrape_new(rules, rule ? 1 : 0, metric, &sink, &cause);
    if (!s)
        fail_msg("%s", cause);
    buf_clear(&said);
    while (*text) {
        size_t n = strcspn(text, "\r\n");
        scrape_line(s, text, n);
        text += n + (text[n] != '\0');
    }
    scrape_free(s);
    return buf_cstr(&said);
}

static const char *scraped(const char *rule, const char *text)
{
    return scraped_for(rule, NULL, text);
}

/* ---- key=value ---- */

static void pairs_with_equal_signs_and_colons(void **state)
{
    assert_string_equal(scraped("keyvalue", "step=3 loss=0.5 lr=1e-4"), "loss@3=0.5 lr@3=0.0001");
    assert_string_equal(scraped("keyvalue", "loss: .25, acc: 9.0e-1"), "loss@0=0.25 acc@0=0.9");
    assert_string_equal(scraped("keyvalue", "loss = -1.5\nloss = nan\nloss = inf"), "loss@0=-1.5 loss@1=nan loss@2=inf");
    assert_string_equal(scraped("keyvalue", "residual = 1.25D-03"), "residual@0=0.00125");
}

static void names_of_several_words(void **state)
{
    assert_string_equal(scraped(NULL, "(Epoch 1 / 10) train loss: 2.300567; val loss: 2.278576"),
                        "train_loss@1=2.300567 val_loss@1=2.278576");
    assert_string_equal(scraped(NULL, "Test set: Average loss: 0.0512, Accuracy: 9834/10000 (98%)"),
                        "Average_loss@0=0.0512 Accuracy@0=0.9834");
    assert_string_equal(scraped(NULL, "Epoch 4 | train_loss: 0.31 | valid acc 3"), "train_loss@4=0.31");
}

static void steps_out_of_totals(void **state)
{
    assert_string_equal(scraped(NULL, "step:5960/5960 val_loss:2.919750 train_time:1468898ms step_avg:246.46ms"),
                        "val_loss@5960=2.91975 train_time@5960=1468898 step_avg@5960=246.46");
    assert_string_equal(scraped(NULL, "Epoch [3/20], Step [400/600], Loss: 0.1"), "Loss@400=0.1 epoch@400=3");
    assert_string_equal(scraped(NULL, "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.3\nTrain Epoch: 2 [0/60000 (0%)]\tLoss: 0.4"),
                        "Loss@640=2.3 Loss@60000=0.4");
    assert_string_equal(scraped(NULL, "Iteration #12: cost=4"), "cost@12=4");
}

static void steps_that_begin_again_each_epoch_count_on(void **state)
{
    assert_string_equal(scraped(NULL, "epoch 1 step 100 loss=3\nepoch 1 step 200 loss=2\nepoch 2 step 100 loss=1"),
                        "loss@100=3 epoch@100=1 loss@200=2 epoch@200=1 loss@300=1 epoch@300=2");
}

static void a_loggers_words_in_front_do_not_disturb(void **state)
{
    assert_string_equal(scraped(NULL, "2024-05-01 12:00:03,123 INFO train: epoch=3 loss=0.2"), "loss@3=0.2");
    assert_string_equal(scraped(NULL, "[12:00:03] I0501 trainer.py:88] step 7: loss 0.5, acc: 0.75"), "acc@7=0.75");
    assert_string_equal(scraped(NULL, "\033[32mstep\033[0m 2 \033[1;31mloss=0.5\033[0m"), "loss@2=0.5");
    assert_string_equal(scraped(NULL, "\033]0;title loss=9\007step 2 loss=0.5"), "loss@2=0.5");
}

static void a_heading_is_the_step_of_the_lines_below(void **state)
{
    assert_string_equal(scraped(NULL, "Epoch 1/3\nloss: 0.9\nEpoch 2/3\nloss: 0.8\nloss: 0.7"), "loss@1=0.9 loss@2=0.8 loss@3=0.7");
}

static void the_objective_gets_its_own_name(void **state)
{
    assert_string_equal(scraped_for(NULL, "val_loss", "Epoch 2: Val Loss: 0.5"), "val_loss@2=0.5");
    assert_string_equal(scraped_for(NULL, "val/loss", "epoch=2 val_loss=0.5"), "val/loss@2=0.5");
    assert_string_equal(scraped_for(NULL, "throughput", "throughput: 812.5"), "throughput@0=812.5");
}

static void what_is_no_metric_stays_silent(void **state)
{
    static const char *const lines[] = {"peak memory allocated: 50380 MiB reserved: 55354 MiB",
                                        "Listening on http://localhost:8080/",
                                        "version: 1.2.3, built 2024-05-01",
                                        "Time: 12:30:01",
                                        "loss=1.2.3",
                                        "commit=3fa9c loss",
                                        "print0(f\"step:{step}/{train_steps} val_loss:{val_loss:.6f}\")",
                                        "    loss: float = 0.1 if x else y",
                                        "Namespace(lr=0.1, batch=32)",
                                        "{'learning_rate': 0.0001, 'reg': 1e-05, 'hidden_size': 214}",
                                        "Using device cuda:0",
                                        "GET /step/3 200",
                                        "Step 1: downloading data",
                                        "",
                                        "==========="};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *got = scraped(NULL, lines[i]);
        if (*got)
            fail_msg("'%s' gave %s", lines[i], got);
    }
}

/* ---- records ---- */

static void json_lines_nested_too(void **state)
{
    assert_string_equal(scraped("json", "{\"step\": 4, \"loss\": 0.5, \"val\": {\"acc\": 0.75}, \"tag\": \"x\", \"ok\": true}"),
                        "loss@4=0.5 val.acc@4=0.75");
    assert_string_equal(scraped(NULL, "{\"loss\": NaN}\n{\"loss\": 1}"), "loss@0=nan loss@1=1");
    assert_string_equal(scraped("json", "{\"loss\": 1} trailing\n{\"loss\": 2\n[1,2]\nloss=3"), "");
    assert_string_equal(scraped(NULL, "{\"epoch\": 1.5, \"step\": 30, \"loss\": 2}"), "loss@30=2 epoch@30=1.5");
}

static void dictionaries_of_hf(void **state)
{
    assert_string_equal(scraped("hf", "{'loss': 0.1, 'grad_norm': 2.5, 'learning_rate': 5e-05, 'epoch': 1.0}"),
                        "loss@1=0.1 grad_norm@1=2.5 learning_rate@1=5e-05");
    assert_string_equal(scraped(NULL, "{'eval_loss': '0.25', 'eval_runtime': '1.5', 'epoch': '2'}"),
                        "eval_loss@2=0.25 eval_runtime@2=1.5");
    assert_string_equal(scraped(NULL, "  6%|6         | 500/8000 [00:10<02:30, 50.0it/s]\r{'loss': 0.7, 'epoch': 0.19}"),
                        "loss@500=0.7 epoch@500=0.19");
    assert_string_equal(scraped("hf", "INFO metrics {'loss': nan, 'best': None, 'name': 'it\\'s \"x\"', 'done': True}"), "loss@0=nan");
}

static void csv_below_its_names(void **state)
{
    assert_string_equal(scraped(NULL, "epoch,loss,acc\n1,0.5,0.75\n2,0.25,\n"), "loss@1=0.5 acc@1=0.75 loss@2=0.25");
    assert_string_equal(scraped(NULL, "step;loss\n1;0.5\nhello; world and more\n2;0.25"), "loss@1=0.5 loss@2=0.25");
    assert_string_equal(scraped(NULL, "epoch     train_loss  valid_loss  time    \n0         0.5         0.25        00:03"),
                        "train_loss@0=0.5 valid_loss@0=0.25");
    assert_string_equal(scraped("csv", "a,b\n1,2"), "a@0=1 b@0=2");
    assert_string_equal(scraped(NULL, "hello, world\n1, 2"), "");
}

/* ---- bars ---- */

static void tqdm_says_its_postfix_once_a_place(void **state)
{
    assert_string_equal(scraped("tqdm", "  7%|\xe2\x96\x8b    | 7/100 [00:01<00:13,  6.92it/s, loss=0.53]\r"
                                        "  7%|\xe2\x96\x8b    | 7/100 [00:01<00:13,  6.92it/s, loss=0.53]\r"
                                        "  8%|\xe2\x96\x8b    | 8/100 [00:01<00:13,  6.92it/s, loss=0.5, acc=90%]"),
                        "loss@7=0.53 loss@8=0.5 acc@8=90");
    assert_string_equal(scraped(NULL, "train: 100%|####| 3/3 [00:00<00:00, 3.3s/it]"), "");
}

static void lightning_counts_over_epochs(void **state)
{
    const char *text = "Epoch 0:  50%|#####     | 16/32 [00:01<00:01, 14.20it/s, v_num=3, train_loss=0.500]\r"
                       "Epoch 1: 100%|##########| 32/32 [00:02<00:00, 14.20it/s, v_num=3, train_loss=0.250, val_acc=0.75]";
    assert_string_equal(scraped("lightning", text), "train_loss@16=0.5 train_loss@64=0.25 val_acc@64=0.75");
    assert_string_equal(scraped(NULL, text), "train_loss@16=0.5 train_loss@64=0.25 val_acc@64=0.75");
    assert_string_equal(scraped("lightning", "\xe2\x94\x82         test_acc          \xe2\x94\x82     0.9812      \xe2\x94\x82"),
                        "test_acc@0=0.9812");
}

static void keras_says_an_epoch_when_it_is_over(void **state)
{
    const char *text = "Epoch 1/2\n"
                       "\r 1/60 [..............................] - ETA: 8s - loss: 2.3000"
                       "\r60/60 [==============================] - 1s 2ms/step - loss: 0.9000 - accuracy: 0.7000 - val_loss: 0.8\n"
                       "Epoch 2/2\n"
                       "60/60 - 0s - 2ms/step - loss: 0.5000 - val_loss: 0.4";
    assert_string_equal(scraped("keras", text), "loss@1=0.9 accuracy@1=0.7 val_loss@1=0.8 loss@2=0.5 val_loss@2=0.4");
    assert_string_equal(scraped(NULL, text), "loss@1=0.9 accuracy@1=0.7 val_loss@1=0.8 loss@2=0.5 val_loss@2=0.4");
    assert_string_equal(scraped("keras", "Epoch 1/1\n1/2 [..] - loss: 9\b\b\b\b\b\b2/2 [==] - 0s 1ms/step - loss: 1.5"), "loss@1=1.5");
    assert_string_equal(
        scraped(NULL, "Epoch 7/9\n\033[1m60/60\033[0m \033[32m\xe2\x94\x81\xe2\x94\x81\033[0m \033[1m1s\033[0m 2ms/step - loss: 0.125"),
        "loss@7=0.125");
}

/* ---- expressions ---- */

static void groups_are_metrics_and_steps(void **state)
{
    assert_string_equal(scraped("loss=(?<loss>[0-9.e+-]+)", "at 3: loss=0.5 and loss=0.25"), "loss@0=0.25");
    assert_string_equal(scraped("^it (?<step>\\d+): J=(?P<cost>\\S+)", "it 12: J=0.5\nit 13: J=nonsense\nit 14: J=1e-3"),
                        "cost@12=0.5 cost@14=0.001");
    assert_string_equal(scraped("(?i)epoch (?<epoch>\\d+).*acc (?<acc>[\\d.]+)%", "EPOCH 2 has acc 97.5%"), "acc@2=97.5");
}

static void expressions_without_sense_are_refused(void **state)
{
    static const struct {
        const char *rule, *says;
    } cases[] = {{"loss=(.*", "no regular expression"}, {"loss=([0-9.]+)", "no named group"}, {"autoo", "no named group"}};
    for (size_t i = 0; i < 3; i++) {
        char *cause = NULL;
        assert_int_equal(scrape_check(cases[i].rule, &cause), -1);
        assert_non_null(strstr(cause, cases[i].says));
        free(cause);
    }
    assert_int_equal(scrape_check("keras", NULL), 0);
}

/* Nested quantifiers on a line that almost matches: exponential for a matcher without a bound. */
static void an_evil_expression_is_given_up(void **state)
{
    char line[64];
    memset(line, 'a', sizeof line - 1);
    line[63] = '\0';
    assert_string_equal(scraped("^(?<x>(a+)+)$b", line), "");
}

static void long_and_odd_lines_are_bounded(void **state)
{
    static char line[20000];
    struct scrape *s = scrape_new(NULL, 0, NULL, &sink, NULL);
    buf_clear(&said);
    memset(line, '=', sizeof line);
    scrape_line(s, line, sizeof line);
    for (int seed = 1; seed < 400; seed++) {
        uint32_t x = (uint32_t)seed * 2654435761u;
        for (size_t i = 0; i < 300; i++) {
            static const char letters[] = "loss=: 0.1,{}[]|%/\"'\t-eEpoch\033\b\\x";
            x = x * 1664525u + 1013904223u;
            line[i] = letters[(x >> 20) % (sizeof letters - 1)];
        }
        char *exact = malloc(300); /* so that a sanitizer sees what is read behind it */
        memcpy(exact, line, 300);
        scrape_line(s, exact, 300);
        free(exact);
    }
    for (int i = 0; i < 1000; i++) {
        int n = snprintf(line, sizeof line, "loss_%d=1 loss=2", i);
        scrape_line(s, line, (size_t)n);
    }
    scrape_free(s);
}

static void none_reads_nothing(void **state)
{
    assert_string_equal(scraped("none", "step=1 loss=2"), "");
}

/* ---- real logs ---- */

static long count_in(const char *path, const char *rule, const char *name, double *last)
{
    char line[8192], full[4096];
    const char *shared = getenv("HYPERTOP_SHARED");
    snprintf(full, sizeof full, "%s/data/tool_stores/plain_logs/%s", shared ? shared : "../shared", path);
    FILE *f = fopen(full, "re");
    long n = 0;
    if (!f)
        return -1;
    char *rules[] = {(char *)rule};
    struct scrape *s = scrape_new(rules, rule != NULL, NULL, &sink, NULL);
    buf_clear(&said);
    while (fgets(line, sizeof line, f))
        scrape_line(s, line, strcspn(line, "\n"));
    fclose(f);
    scrape_free(s);
    for (const char *p = buf_cstr(&said); *p;) {
        size_t k = strcspn(p, " ");
        if (strncmp(p, name, strlen(name)) == 0 && p[strlen(name)] == '@') {
            n++;
            *last = strtod((const char *)memchr(p, '=', k) + 1, NULL);
        }
        p += k + (p[k] != '\0');
    }
    return n;
}

static void logs_of_real_runs_are_understood(void **state)
{
    double last = NAN;
    long n = count_in("KellerJordan__modded-nanogpt/records/track_3_optimization/results/20260509_contra_muon_split_cooldown/"
                      "0996e4d1-5fd1-4d9d-8d23-cccdb481f92c.txt",
                      NULL, "val_loss", &last);
    if (n < 0)
        skip();
    assert_int_equal(n, 27 + 1); /* the log begins with its source, where one line reads "val_loss = 0" */
    assert_true(last == 3.28075);
    n = count_in("TimothyQuark__i2dl/exercise_06/personal/rand_search1.md", NULL, "val_loss", &last);
    assert_int_equal(n, 599);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_with_equal_signs_and_colons),
        cmocka_unit_test(names_of_several_words),
        cmocka_unit_test(steps_out_of_totals),
        cmocka_unit_test(steps_that_begin_again_each_epoch_count_on),
        cmocka_unit_test(a_loggers_words_in_front_do_not_disturb),
        cmocka_unit_test(a_heading_is_the_step_of_the_lines_below),
        cmocka_unit_test(the_objective_gets_its_own_name),
        cmocka_unit_test(what_is_no_metric_stays_silent),
        cmocka_unit_test(json_lines_nested_too),
        cmocka_unit_test(dictionaries_of_hf),
        cmocka_unit_test(csv_below_its_names),
        cmocka_unit_test(tqdm_says_its_postfix_once_a_place),
        cmocka_unit_test(lightning_counts_over_epochs),
        cmocka_unit_test(keras_says_an_epoch_when_it_is_over),
        cmocka_unit_test(groups_are_metrics_and_steps),
        cmocka_unit_test(expressions_without_sense_are_refused),
        cmocka_unit_test(an_evil_expression_is_given_up),
        cmocka_unit_test(long_and_odd_lines_are_bounded),
        cmocka_unit_test(none_reads_nothing),
        cmocka_unit_test(logs_of_real_runs_are_understood),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&said);
    return failed;
}
