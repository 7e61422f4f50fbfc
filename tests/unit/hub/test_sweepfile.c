/* Sweep files: every real W&B file of the data set, the rules of YAML 1.1 and of W&B's distributions, our own
 * key, command macros, and errors that name their place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/text.h"
#include "hub/params.h"
#include "hub/sweep_load.h"
#include "hub/yaml_tree.h"

static void parse(struct sweepfile *f, const char *yaml)
{
    char *cause = NULL;
    if (sweepfile_parse(f, yaml, strlen(yaml), "s.yaml", &cause) < 0)
        fail_msg("%s", cause);
}

static void refuses(const char *yaml, const char *message)
{
    struct sweepfile f;
    char *cause = NULL;
    assert_int_equal(sweepfile_parse(&f, yaml, strlen(yaml), "s.yaml", &cause), -1);
    if (strcmp(cause, message))
        fail_msg("said \"%s\", not \"%s\"", cause, message);
    free(cause);
}

static int warnings(const struct sweepfile *f)
{
    int n = 0;
    while (f->warnings[n])
        n++;
    return n;
}

static double drawn(const struct sweepfile *f, const char *name, struct rng *g, double *dna)
{
    struct tune_value v;
    double x = NAN;
    int i = space_find(f->space, name);
    space_sample(f->space, g, dna);
    param_decode(&f->space->params[i], dna[i], &v);
    tune_number(&v, &x);
    return x;
}

/* ---- the real files ---- */

static char *data_dir(void)
{
    const char *shared = getenv("HYPERTOP_SHARED");
    struct buf b = {0};
    buf_printf(&b, "%s/data/wandb_sweeps", shared ? shared : "../shared");
    return buf_take(&b);
}

/* Equal up to the rule that 1e-5 is a number: YAML 1.1 has strings there. */
static bool alike(const json_t *a, const json_t *b)
{
    double x, y;
    if (json_is_array(a) && json_is_array(b)) {
        bool same = json_array_size(a) == json_array_size(b);
        for (size_t i = 0; same && i < json_array_size(a); i++)
            same = alike(json_array_get(a, i), json_array_get(b, i));
        return same;
    }
    if (json_is_string(a) && json_is_number(b))
        return text_double(json_string_value(a), &x) && x == json_number_value(b);
    if (json_is_number(a) && json_is_number(b)) {
        x = json_number_value(a);
        y = json_number_value(b);
        return x == y;
    }
    return json_equal(a, b);
}

static void check_params(const char *file, const json_t *want, const json_t *got, const char *prefix,
                         int *count)
{
    const char *name, *key;
    json_t *entry, *value;
    json_object_foreach((json_t *)want, name, entry) {
        char full[400];
        json_t *inner = json_object_get(entry, "parameters");
        snprintf(full, sizeof full, "%s%s%s", prefix, name, inner ? "." : "");
        if (inner) {
            check_params(file, inner, got, full, count);
            continue;
        }
        ++*count;
        json_object_foreach(entry, key, value) {
            json_t *mine = json_object_get(json_object_get(got, full), key);
            if (!mine || !alike(value, mine))
                fail_msg("%s: %s.%s was read differently", file, full, key);
        }
    }
}

/* A drawn value against the file's own words. */
static void check_inside(const char *file, const char *name, const json_t *said, const struct tune_value *v)
{
    const json_t *values = json_object_get(said, "values"), *min = json_object_get(said, "min"),
                 *max = json_object_get(said, "max");
    const char *kind = json_string_value(json_object_get(said, "distribution"));
    double x = NAN, lo = json_number_value(min), hi = json_number_value(max);
    if (min && max) {
        bool exponents = !strcmp(kind, "log_uniform") || !strcmp(kind, "q_log_uniform");
        lo = exponents ? exp(lo) : lo;
        hi = exponents ? exp(hi) : hi;
        if (!tune_number(v, &x) || !(x >= lo * (1 - 1e-9) - 1e-300 && x <= hi * (1 + 1e-9)))
            fail_msg("%s: %s = %g is outside %g..%g", file, name, x, lo, hi);
        assert_true(strcmp(kind, "int_uniform") || v->kind == TUNE_INT);
        const json_t *q = json_object_get(said, "q");
        assert_true(!q || fabs(remainder(x, json_number_value(q))) < 1e-9);
    }
    for (size_t i = 0; values && i <= json_array_size(values); i++) {
        const json_t *one = json_array_get(values, i);
        if (!one)
            fail_msg("%s: %s is none of its values", file, name);
        if (json_is_number(one)    ? tune_number(v, &x) && x == json_number_value(one)
            : json_is_string(one)  ? v->kind == TUNE_STRING && !strcmp(v->s, json_string_value(one))
            : json_is_boolean(one) ? v->kind == TUNE_BOOL && v->b == json_is_true(one)
                                   : v->kind == TUNE_NULL || v->kind == TUNE_JSON)
            break;
    }
}

static void sample_fifty(const char *file, const struct sweepfile *f, const json_t *said)
{
    struct rng g;
    double *dna = mem_zero((size_t)f->space->n, sizeof *dna);
    rng_seed(&g, 1);
    for (int k = 0; k < 50; k++) {
        space_sample(f->space, &g, dna);
        assert_int_equal(space_check(f->space, dna, NULL), 0);
        for (int i = 0; i < f->space->n; i++) {
            struct tune_value v;
            param_decode(&f->space->params[i], dna[i], &v);
            check_inside(file, f->space->params[i].name, json_object_get(said, f->space->params[i].name), &v);
        }
    }
    free(dna);
}

static void check_file(const char *dir, const json_t *line)
{
    const char *file = json_string_value(json_object_get(line, "file"));
    const json_t *parsed = json_object_get(line, "parsed");
    struct sweepfile f;
    struct buf path = {0};
    char *cause = NULL;
    buf_printf(&path, "%s/%s", dir, file);
    int rc = sweepfile_load(&f, buf_cstr(&path), &cause);
    if (!parsed) {
        int at, column;
        assert_int_equal(rc, -1);
        assert_memory_equal(cause, buf_cstr(&path), path.len);
        assert_int_equal(sscanf(cause + path.len, ":%d:%d: ", &at, &column), 2);
        free(cause);
        buf_release(&path);
        return;
    }
    if (rc < 0)
        fail_msg("%s", cause);
    int count = 0;
    json_t *got = json_loads(f.params_json, 0, NULL);
    assert_non_null(got);
    check_params(file, json_object_get(parsed, "parameters"), got, "", &count);
    assert_int_equal(count, f.space->n);
    json_t *metric = json_object_get(parsed, "metric"), *goal = json_object_get(metric, "goal");
    if (metric)
        assert_string_equal(f.metric, json_string_value(json_object_get(metric, "name")));
    assert_int_equal(f.maximize, goal && !strcmp(json_string_value(goal), "maximize"));
    sample_fifty(file, &f, got);
    json_decref(got);
    sweepfile_release(&f);
    buf_release(&path);
}

static void every_real_file_reads_as_expected(void **state)
{
    char *dir = data_dir(), *line = NULL;
    size_t cap = 0;
    struct buf path = {0};
    int n = 0;
    buf_printf(&path, "%s/expected.jsonl", dir);
    FILE *in = fopen(buf_cstr(&path), "r");
    if (!in) {
        print_message("%s is absent: skipped\n", buf_cstr(&path));
        buf_release(&path);
        free(dir);
        skip();
    }
    while (getline(&line, &cap, in) > 0) {
        json_t *j = json_loads(line, 0, NULL);
        assert_non_null(j);
        check_file(dir, j);
        json_decref(j);
        n++;
    }
    assert_true(n >= 61);
    fclose(in);
    free(line);
    free(dir);
    buf_release(&path);
}

/* ---- YAML ---- */

static void scalars_resolve_as_in_yaml_1_1(void **state)
{
    static const struct {
        const char *text;
        struct tune_value v;
    } cases[] = {
        {"yes", {.kind = TUNE_BOOL, .b = true}},
        {"Off", {.kind = TUNE_BOOL, .b = false}},
        {"~", {.kind = TUNE_NULL}},
        {"010", {.kind = TUNE_INT, .i = 8}},
        {"0x1F", {.kind = TUNE_INT, .i = 31}},
        {"0b101", {.kind = TUNE_INT, .i = 5}},
        {"1_000", {.kind = TUNE_INT, .i = 1000}},
        {"-7", {.kind = TUNE_INT, .i = -7}},
        {"1:30", {.kind = TUNE_INT, .i = 90}},
        {"1.5", {.kind = TUNE_FLOAT, .f = 1.5}},
        {".5", {.kind = TUNE_FLOAT, .f = 0.5}},
        {"1.e-3", {.kind = TUNE_FLOAT, .f = 1e-3}},
        {"1.0e+3", {.kind = TUNE_FLOAT, .f = 1000}},
        {"-.inf", {.kind = TUNE_FLOAT, .f = -INFINITY}},
        {"1e-5", {.kind = TUNE_STRING, .s = "1e-5"}},
        {"1.0e5", {.kind = TUNE_STRING, .s = "1.0e5"}},
        {"089", {.kind = TUNE_STRING, .s = "089"}},
        {"adam", {.kind = TUNE_STRING, .s = "adam"}},
        {"'1'", {.kind = TUNE_STRING, .s = "1"}},
        {"\"yes\"", {.kind = TUNE_STRING, .s = "yes"}},
        {"[1, 100000.0, a]", {.kind = TUNE_JSON, .s = "[1,100000.0,\"a\"]"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct yaml_tree t;
        assert_int_equal(yaml_read(&t, cases[i].text, strlen(cases[i].text), "x", NULL), 0);
        struct tune_value v = yaml_value(t.root);
        if (!tune_same(&v, &cases[i].v))
            fail_msg("%s was read as another value (kind %d)", cases[i].text, v.kind);
        tune_value_free(&v);
        yaml_release(&t);
    }
}

static void anchors_and_merge_keys_are_applied(void **state)
{
    struct sweepfile f;
    parse(&f, "method: random\n"
              "parameters:\n"
              "  a: &base {min: 0.1, max: 0.5}\n"
              "  b: {<<: *base, max: 0.9}\n"
              "  c: *base\n");
    assert_int_equal(f.space->n, 3);
    assert_true(f.space->params[1].low == 0.1 && f.space->params[1].high == 0.9);
    assert_true(f.space->params[2].high == 0.5);
    sweepfile_release(&f);
}

static void strings_that_look_like_numbers_are_numbers_with_a_warning(void **state)
{
    struct sweepfile f;
    parse(&f, "method: random\n"
              "parameters:\n"
              "  lr: {distribution: log_uniform_values, min: 1e-5, max: 1e-1}\n"
              "  wd: {values: [1e-4, 3e-4]}\n"
              "  name: {values: [\"1e-4\", x]}\n");
    assert_true(f.space->params[0].low == 1e-5 && f.space->params[0].high == 1e-1);
    assert_int_equal(f.space->params[1].type, PARAM_ORDINAL);
    assert_true(f.space->params[1].choices[1].f == 3e-4);
    assert_int_equal(f.space->params[2].choices[0].kind, TUNE_STRING); /* quoted on purpose */
    assert_int_equal(warnings(&f), 4);
    assert_memory_equal(f.warnings[0], "s.yaml:3: ", 10);
    sweepfile_release(&f);
}

static void alias_bombs_and_deep_nesting_are_bounded(void **state)
{
    struct sweepfile f;
    struct buf b = {0};
    buf_puts(&b, "method: random\nparameters:\n  p0: &a0 {value: [x, x, x, x, x, x, x, x, x, x]}\n");
    for (int i = 1; i < 12; i++)
        buf_printf(&b, "  p%d: &a%d {value: [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]}\n", i, i, i - 1,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_int_equal(sweepfile_parse(&f, (char *)b.data, b.len, "s.yaml", NULL), 0);
    sweepfile_release(&f);
    buf_clear(&b);
    for (int i = 0; i < 1000; i++)
        buf_putc(&b, '[');
    assert_int_equal(sweepfile_parse(&f, (char *)b.data, b.len, "s.yaml", NULL), -1);
    buf_release(&b);
    refuses("&a [*a]", "s.yaml:1:5: an alias inside the node that it names");
}

/* ---- distributions ---- */

static void distributions_are_inferred_as_w_and_b_does(void **state)
{
    struct sweepfile f;
    parse(&f, "method: bayes\n"
              "parameters:\n"
              "  i: {min: 1, max: 3}\n"
              "  u: {min: 1, max: 3.5}\n"
              "  v: {values: [a, b]}\n"
              "  w: {values: [a, b], probabilities: [0.25, 0.75]}\n"
              "  c: {value: 7}\n");
    static const char *const kinds[] = {"int_uniform", "uniform", "categorical",
                                        "categorical_w_probabilities", "constant"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(f.space->params[i].distribution, kinds[i]);
    assert_int_equal(f.space->params[0].type, PARAM_INT);
    assert_true(f.space->params[3].weights[1] == 0.75);
    assert_string_equal(f.sampler, "auto");
    sweepfile_release(&f);
}

static void draws_have_the_shape_of_their_distribution(void **state)
{
    struct sweepfile f;
    struct rng g;
    double dna[16], sum[9] = {0}, sum2[9] = {0};
    static const char *const names[] = {"u", "lu", "old", "n", "qn", "ln", "be", "qu", "inv"};
    parse(&f, "method: random\n"
              "parameters:\n"
              "  u: {distribution: uniform, min: -1, max: 3}\n"
              "  lu: {distribution: log_uniform_values, min: 0.001, max: 1.0}\n"
              "  old: {distribution: log_uniform, min: -2, max: 2}\n"
              "  n: {distribution: normal, mu: 5, sigma: 2}\n"
              "  qn: {distribution: q_normal, mu: 5, sigma: 2, q: 0.5}\n"
              "  ln: {distribution: log_normal, mu: 1, sigma: 0.5}\n"
              "  be: {distribution: beta, a: 2, b: 6}\n"
              "  qu: {distribution: q_uniform, min: 1, max: 10, q: 4}\n"
              "  inv: {distribution: inv_log_uniform, min: 0, max: 1}\n");
    rng_seed(&g, 5);
    const int n = 20000;
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < 9; i++) {
            double x = drawn(&f, names[i], &g, dna);
            if (i == 1 || i == 2 || i == 5 || i == 8)
                x = log(x);
            if (i == 7)
                assert_true(x == 4 || x == 8);
            if (i == 4)
                assert_true(x * 2 == floor(x * 2));
            sum[i] += x / n;
            sum2[i] += x * x / n;
        }
    }
    static const double mean[9] = {1, -3.453878, 0, 5, 5, 1, 0.25, 6, -0.5};
    static const double var[9] = {16.0 / 12, 47.717 / 12,     16.0 / 12, 4,       4 + 0.25 / 12,
                                  0.25,      12.0 / (64 * 9), 4,         1.0 / 12};
    for (int i = 0; i < 9; i++) {
        if (fabs(sum[i] - mean[i]) > 5 * sqrt(var[i] / n) + 1e-9)
            fail_msg("%s: mean %g, not %g", names[i], sum[i], mean[i]);
        if (fabs(sum2[i] - sum[i] * sum[i] - var[i]) > 0.06 * var[i])
            fail_msg("%s: variance %g, not %g", names[i], sum2[i] - sum[i] * sum[i], var[i]);
    }
    sweepfile_release(&f);
}

static void a_grid_counts_q_from_min_and_leaves_max_out(void **state)
{
    struct sweepfile f;
    double want[] = {1, 5, 9};
    parse(&f, "method: grid\nparameters:\n  x: {distribution: q_uniform, min: 1, max: 13, q: 4}\n");
    const struct param *p = &f.space->params[0];
    assert_true(param_count(p) == 3);
    for (int k = 0; k < 3; k++)
        assert_true(param_value(p, param_nth(p, k)) == want[k]);
    sweepfile_release(&f);
}

static void equal_values_in_a_list_are_one(void **state)
{
    struct sweepfile f;
    parse(&f, "method: random\nparameters:\n  x: {values: [3e6, 3000000, 1]}\n");
    assert_int_equal(f.space->params[0].n_choices, 2);
    assert_true(fabs(f.space->params[0].weights[0] - 2.0 / 3) < 1e-12);
    sweepfile_release(&f);
}

static void wrong_values_are_errors_at_their_place(void **state)
{
    refuses("method: random\nparameters:\n  x:\n    min: 3\n    max: 1\n",
            "s.yaml:4:10: x: min 3 is not below max 1");
    refuses("method: rundom\nparameters: {x: {value: 1}}\n",
            "s.yaml:1:9: method: bayes, random, grid or custom, not \"rundom\"");
    refuses("method: random\nparameters:\n  x: {distribution: unifrom, min: 1, max: 2}\n",
            "s.yaml:3:21: x: there is no distribution \"unifrom\"");
    refuses("method: random\nparameters:\n  x: {min: a, max: 2}\n",
            "s.yaml:3:12: x.min: a number is expected");
    refuses("method: random\nparameters:\n  x: {values: []}\n",
            "s.yaml:3:15: x: values must be a list with at least one entry");
    refuses("method: random\nparameters:\n  x: {values: [1, 2], probabilities: [0.5]}\n",
            "s.yaml:3:38: x: as many probabilities as values are needed");
    refuses("method: random\nparameters:\n  x: {distribution: log_uniform_values, min: 0, max: 1}\n",
            "s.yaml:3:46: x: a log scale needs min above 0, not 0");
    refuses("method: random\nparameters:\n  x: {distribution: normal, sigma: 0}\n",
            "s.yaml:3:36: x: sigma must be above 0");
    refuses("method: random\nparameters:\n  x: 3\n",
            "s.yaml:3:6: x: a map with value, values, or min and max is expected");
    refuses("method: random\n", "s.yaml:1:1: parameters are missing");
    refuses("", "s.yaml:1:1: the file is empty");
    refuses("method: random\nmetric: {goal: minimise, name: x}\nparameters: {x: {value: 1}}\n",
            "s.yaml:2:16: metric.goal: minimize or maximize");
    refuses("method: random\nrun_cap: 0\nparameters: {x: {value: 1}}\n",
            "s.yaml:2:10: run_cap: a number above 0");
}

static void unknown_keys_are_warnings(void **state)
{
    struct sweepfile f;
    parse(&f, "method: random\nmethhod: x\nparameters:\n  x: {value: 1, valeu: 2}\nhypertop: {budgett: 3}\n");
    assert_int_equal(warnings(&f), 3);
    assert_string_equal(f.warnings[0], "s.yaml:4: x: unknown key \"valeu\"");
    assert_string_equal(f.warnings[1], "s.yaml:5: unknown key \"hypertop.budgett\"");
    assert_string_equal(f.warnings[2], "s.yaml:2: unknown key \"methhod\"");
    sweepfile_release(&f);
}

static double option(const struct tuner_kv *kv, const char *name)
{
    for (; kv && kv->name; kv++)
        if (!strcmp(kv->name, name))
            return kv->value;
    return NAN;
}

static void early_terminate_becomes_a_stopper(void **state)
{
    struct sweepfile f;
    parse(&f, "method: random\nearly_terminate: {type: hyperband, min_iter: 3, eta: 2, strict: "
              "false}\nparameters: {x: {value: 1}}\n");
    assert_string_equal(f.stopper, "wandb_hyperband");
    assert_true(option(f.stopper_options, "min_iter") == 3 && option(f.stopper_options, "eta") == 2);
    assert_true(option(f.stopper_options, "strict") == 0);
    sweepfile_release(&f);
    refuses("method: random\nearly_terminate: {type: hyperband, max_iter: 9}\nparameters: {x: {value: 1}}\n",
            "s.yaml:2:18: early_terminate: min_iter, or max_iter with s, is missing");
}

/* ---- our own key ---- */

static void our_own_key_is_read(void **state)
{
    struct sweepfile f;
    parse(&f, "method: bayes\nrun_cap: 9\nprogram: dir/train.py\n"
              "parameters:\n"
              "  optimizer: {values: [sgd, adam]}\n"
              "  momentum: {min: 0.1, max: 0.9}\n"
              "  lr: {distribution: log_uniform_values, min: 0.001, max: 1}\n"
              "hypertop:\n"
              "  tuner: {name: thompson, arms: {optimizer: values, lr: decades, momentum: 3}}\n"
              "  stopper: {name: asha, eta: 4, max_resource: 64}\n"
              "  budget: 40\n  workers: 3\n  seeds: 3\n  test_seeds: 2\n  fidelity: {max: 64}\n  live: [lr]\n"
              "  conditions: {momentum: {optimizer: sgd}}\n"
              "  surprise: 1\n");
    assert_string_equal(f.sampler, "thompson");
    assert_string_equal(f.name, "train");
    assert_true(option(f.sampler_options, "arms.optimizer") == ARMS_VALUES);
    assert_true(option(f.sampler_options, "arms.lr") == ARMS_DECADES &&
                option(f.sampler_options, "arms.momentum") == 3);
    assert_true(option(f.stopper_options, "eta") == 4);
    assert_int_equal(f.budget, 40);
    assert_int_equal(f.workers, 3);
    assert_int_equal(f.n_seeds, 3);
    assert_int_equal(f.test_seeds[0], 3);
    assert_int_equal(f.max_fidelity, 64);
    assert_string_equal(f.live[0], "lr");
    assert_true(f.space->params[1].parent == 0 && f.space->params[1].when[0] && !f.space->params[1].when[1]);
    assert_int_equal(warnings(&f), 1);
    sweepfile_release(&f);
}

static void wrong_own_keys_are_errors_at_their_place(void **state)
{
#define HEAD "method: bayes\nparameters: {lr: {min: 0.1, max: 1.0}, o: {values: [a, b]}}\nhypertop:\n"
    refuses(HEAD "  stopper: {name: tpx}\n",
            "s.yaml:4:19: stopper: there is none called \"tpx\"; there are asha, successive_halving, hyperband, "
            "wandb_hyperband, median, percentile, lcurve");
    refuses(HEAD "  stopper: {name: random}\n",
            "s.yaml:4:19: stopper: there is none called \"random\"; there are asha, successive_halving, hyperband, "
            "wandb_hyperband, median, percentile, lcurve");
    refuses(HEAD "  stopper: {name: asha, etta: 3}\n", "s.yaml:4:25: stopper asha has no option \"etta\"");
    refuses(HEAD "  stopper: {name: asha, eta: 0.5}\n", "s.yaml:4:30: eta: 0.5 is outside 1.1..100");
    refuses(HEAD "  tuner: {name: thompson, arms: {lrr: 3}}\n",
            "s.yaml:4:34: arms: no parameter is called \"lrr\"; did you mean lr?");
    refuses(HEAD "  live: [oo]\n", "s.yaml:4:10: live: no parameter is called \"oo\"; did you mean o?");
    refuses(HEAD "  seeds: [1, 2]\n  test_seeds: [2, 3]\n",
            "s.yaml:5:15: test_seeds: 2 is a tuning seed as well");
    refuses(HEAD "  seeds: [1, 1]\n", "s.yaml:4:14: seeds: 1 stands in the list twice");
    refuses(HEAD "  budget: many\n", "s.yaml:4:11: budget: a number is expected");
    refuses(HEAD "  conditions: {lr: {o: c}}\n", "s.yaml:4:24: conditions: o: c is not one of its values");
    refuses(HEAD "  conditions: {lr: {o: a}, o: {lr: {min: 0.5}}}\n",
            "s.yaml:2:13: the conditions of the parameters go round in a circle");
#undef HEAD
}

static void bare_parameters_are_a_space(void **state)
{
    struct sweepfile f;
    parse(&f, "lr: {min: 0.1, max: 1.0}\nopt: {values: [a, b]}\n");
    assert_int_equal(f.space->n, 2);
    assert_string_equal(f.sampler, "auto");
    sweepfile_release(&f);
}

/* ---- command lines ---- */

static void argv_is(const char *yaml, const char *const *want)
{
    struct sweepfile f;
    struct buf params = {0};
    double dna[16];
    struct rng g;
    char *cause = NULL;
    parse(&f, yaml);
    rng_seed(&g, 1);
    space_sample(f.space, &g, dna);
    params_encode(f.space, dna, &params);
    char **argv = sweepfile_argv(&f, false, (char *)params.data, params.len, &cause);
    if (!argv)
        fail_msg("%s", cause);
    for (int i = 0; want[i] || argv[i]; i++) {
        if (!want[i] || !argv[i] || strcmp(want[i], argv[i]))
            fail_msg("word %d is %s, not %s", i, argv[i] ? argv[i] : "missing",
                     want[i] ? want[i] : "missing");
    }
    sweepfile_argv_free(argv);
    buf_release(&params);
    sweepfile_release(&f);
}

#define PARAMS                                                                                               \
    "method: random\nprogram: train.py\nparameters:\n"                                                       \
    "  lr: {value: 0.00001}\n  n: {value: 3}\n  on: {value: true}\n  off: {value: false}\n  none: {value: null}\n"       \
    "  name: {value: it's}\n  list: {value: [1, 2.0, a]}\n"

static void macros_are_replaced_as_w_and_b_does(void **state)
{
    static const char *const plain[] = {"train.py",    "--lr=1e-05",           "--n=3",
                                        "--on=True",   "--off=False",          "--none=None",
                                        "--name=it's", "--list=[1, 2.0, 'a']", NULL};
    static const char *const bare[] = {
        "x", "lr=1e-05", "n=3", "on=True", "off=False", "none=None", "name=it's", "list=[1, 2.0, 'a']", NULL};
    static const char *const flags[] = {"--lr=1e-05",           "--n=3", "--on", "--none=None", "--name=it's",
                                        "--list=[1, 2.0, 'a']", NULL};
    static const char *const env[] = {"/usr/bin/env", "dir=/here/x", "HYPERTOP_NOT_SET_ANYWHERE", NULL};
    setenv("HYPERTOP_TEST_DIR", "/here", 1);
    argv_is(PARAMS "command: [\"${program}\", \"${args}\"]\n", plain);
    argv_is(PARAMS "command: [x, \"${args_no_hyphens}\"]\n", bare);
    argv_is(PARAMS "command: [\"${args_no_boolean_flags}\"]\n", flags);
    argv_is(PARAMS "command: [\"${env}\", \"dir=${envvar:HYPERTOP_TEST_DIR}/x\", "
                   "\"${envvar:HYPERTOP_NOT_SET_ANYWHERE}\", \"${unknown}\"]\n",
            env);
}

static void nested_parameters_are_one_argument(void **state)
{
    static const char *const want[] = {"--optimizer={'lr': 0.1, 'nadam': {'beta': 0.9}}", "--a.b=1", NULL};
    static const char *const json[] = {"{\"optimizer\":{\"lr\":0.1,\"nadam\":{\"beta\":0.9}},\"a.b\":1}",
                                       NULL};
#define NESTED                                                                                               \
    "method: random\nparameters:\n  optimizer:\n    parameters:\n      lr: {value: 0.1}\n"                   \
    "      nadam: {parameters: {beta: {value: 0.9}}}\n  a.b: {value: 1}\n"
    argv_is(NESTED "command: [\"${args}\"]\n", want);
    argv_is(NESTED "command: [\"${args_json}\"]\n", json);
#undef NESTED
}

static void a_command_without_its_program_is_an_error(void **state)
{
    struct sweepfile f;
    struct buf params = {0};
    double dna[2] = {0};
    char *cause = NULL;
    parse(&f, "method: random\nparameters: {x: {value: 1}}\n");
    params_encode(f.space, dna, &params);
    assert_null(sweepfile_argv(&f, false, (char *)params.data, params.len, &cause));
    assert_string_equal(cause, "s.yaml: the command names ${program}, but the file has no program");
    free(cause);
    assert_null(sweepfile_argv(&f, false, "\xc1", 1, NULL));
    buf_release(&params);
    sweepfile_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_file_reads_as_expected),
        cmocka_unit_test(scalars_resolve_as_in_yaml_1_1),
        cmocka_unit_test(anchors_and_merge_keys_are_applied),
        cmocka_unit_test(strings_that_look_like_numbers_are_numbers_with_a_warning),
        cmocka_unit_test(alias_bombs_and_deep_nesting_are_bounded),
        cmocka_unit_test(distributions_are_inferred_as_w_and_b_does),
        cmocka_unit_test(draws_have_the_shape_of_their_distribution),
        cmocka_unit_test(a_grid_counts_q_from_min_and_leaves_max_out),
        cmocka_unit_test(equal_values_in_a_list_are_one),
        cmocka_unit_test(wrong_values_are_errors_at_their_place),
        cmocka_unit_test(unknown_keys_are_warnings),
        cmocka_unit_test(early_terminate_becomes_a_stopper),
        cmocka_unit_test(our_own_key_is_read),
        cmocka_unit_test(wrong_own_keys_are_errors_at_their_place),
        cmocka_unit_test(bare_parameters_are_a_space),
        cmocka_unit_test(macros_are_replaced_as_w_and_b_does),
        cmocka_unit_test(nested_parameters_are_one_argument),
        cmocka_unit_test(a_command_without_its_program_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
