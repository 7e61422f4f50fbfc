/* ls and export on a recording: what was folded from the file is what was folded from the events, and what is
 * printed is that. */
#include "hub/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "hub/views.h"
#include "proto/recording.h"
#include "tests/unit/hub/random_log.h"

static char dir[] = "/tmp/hypertop-ls-XXXXXX";
static char file[64], out[64], err[64];
static struct random_log *made;

static int setup(void **state)
{
    char *cause = NULL;
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(file, sizeof file, "%s/a.mcap", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(err, sizeof err, "%s/err", dir);
    made = log_make(77, 1200);
    struct rec_header h = {.sweep = "made-up", .created = made->events[0].log_time};
    struct rec_writer *w = rec_create(file, &h, &cause);
    for (int i = 0; w && i < made->n; i++) {
        struct event ev = log_event(made, i);
        rec_put(w, ev.kind, ev.log_time, ev.time, ev.body);
    }
    return w && rec_finish(&w, &cause) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    log_free(made);
    unlink(file);
    unlink(out);
    unlink(err);
    return rmdir(dir);
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    struct buf b = {0};
    char chunk[4096];
    assert_non_null(f);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_put(&b, chunk, n);
    fclose(f);
    return buf_take(&b);
}

/* Runs a command with stdout and stderr in files. */
static int run(int (*cmd)(int, char **), char **argv)
{
    int n = 0, saved[2], to[2];
    while (argv[n])
        n++;
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        saved[i] = dup(i + 1);
        to[i] = open(i ? err : out, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        assert_true(saved[i] >= 0 && to[i] >= 0 && dup2(to[i], i + 1) >= 0);
        close(to[i]);
    }
    int rc = cmd(n, argv);
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], i + 1);
        close(saved[i]);
    }
    return rc;
}

#define RUN(cmd, ...) run(cmd, (char *[]){__VA_ARGS__, NULL})

static char *first_line(const char *path)
{
    char *text = slurp(path);
    char *end = strchr(text, '\n');
    assert_non_null(end);
    *end = '\0';
    return text;
}

static bool has_key(const char *line, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    return strstr(line, quoted) != NULL;
}

static int elements(const char *line, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":[", key);
    const char *p = strstr(line, quoted), *end = p ? strchr(p, ']') : NULL;
    int n = 1;
    assert_non_null(end);
    for (p += strlen(quoted); p < end; p++)
        n += *p == ',';
    return n;
}

static int lines(const char *path)
{
    char *text = slurp(path);
    int n = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        n++;
    free(text);
    return n;
}

static void a_loaded_recording_is_the_fold_of_its_events(void **state)
{
    (void)state;
    char *cause = NULL;
    struct sweep_ref *ref = sweep_ref_load(file, &cause);
    assert_non_null(ref);
    struct state *s = log_fold(made, STATE_NOW);
    assert_int_equal(ref->state->n_events, s->n_events);
    assert_int_equal(ref->state->n_points, s->n_points);
    assert_int_equal(ref->state->n_trials, s->n_trials);
    assert_int_equal(ref->state->last_time, s->last_time);
    assert_string_equal(ref->recording, file);
    assert_null(ref->warning);
    assert_true(ref->bytes > 1000 && !ref->live);
    state_free(s);
    sweep_ref_free(ref);
    assert_null(sweep_ref_load("/nonexistent.mcap", &cause));
    assert_non_null(strstr(cause, "/nonexistent.mcap"));
    free(cause);
}

static void ls_prints_the_keys_that_scripts_rely_on(void **state)
{
    (void)state;
    static const struct {
        const char *view, *keys;
    } rows[] = {
        {"sweeps", "sweep state trials running best best_trial goal tuner space_version recording started"},
        {"trials", "trial state value step params origin space_version runs started seconds energy_j tags"},
        {"runs", "run trial seed state worker pid exit epoch"},
        {"metrics", "trial run metric count first_step last_step first last min max"},
        {"arms", "bandit arm label pulls mean low high p_next p_best banned pinned boost"},
        {"interventions", "id time who verb target args reason state applied_step undo_of"},
        {"workers", "worker host pid slots busy state last_seen"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(RUN(cmd_ls, "ls", (char *)rows[i].view, "--sweep", file, "--json"), 0);
        char *row = first_line(out);
        for (const char *p = rows[i].keys; *p;) {
            char key[32];
            size_t n = strcspn(p, " ");
            snprintf(key, sizeof key, "%.*s", (int)n, p);
            if (!has_key(row, key))
                fail_msg("ls %s has no key %s", rows[i].view, key);
            p += n + (p[n] == ' ');
        }
        free(row);
        assert_int_equal(RUN(cmd_ls, "ls", (char *)rows[i].view, "--sweep", file), 0);
        assert_true(lines(out) > 1);
    }
}

static void ls_filters_sorts_and_looks_back(void **state)
{
    (void)state;
    assert_int_equal(
        RUN(cmd_ls, "ls", "trials", "--json", "--sweep", file, "--sort=-trial", "--filter", "trial<5"), 0);
    assert_int_equal(lines(out), 5);
    char *row = first_line(out);
    assert_non_null(strstr(row, "{\"trial\":4,"));
    free(row);
    assert_int_equal(RUN(cmd_ls, "ls", "trials", "--json", "--sweep", file), 0);
    int all = lines(out);
    assert_int_equal(RUN(cmd_ls, "ls", "trials", "--json", "--sweep", file, "--as-of", "50%"), 0);
    int half = lines(out), expected = 0;
    int64_t t0 = made->events[0].log_time, t = t0 + (made->events[made->n - 1].log_time - t0) / 2;
    struct state *s = log_fold(made, t);
    for (int i = 0; i < s->n_trials; i++)
        expected += s->trials[i] != NULL;
    assert_int_equal(half, expected);
    assert_true(half < all);
    state_free(s);
    char when[CLOCK_TEXT];
    clock_rfc3339(when, t);
    assert_int_equal(RUN(cmd_ls, "ls", "trials", "--json", "--sweep", file, "--as-of", when), 0);
    assert_int_equal(lines(out), half);
}

static void ls_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    static const struct {
        const char *view, *option, *value, *says;
        int rc;
    } rows[] = {
        {"trial", "--json", NULL, "there is no list called trial", 2},
        {"trials", "--colour", NULL, "unknown option --colour", 2},
        {"trials", "--as-of", "noon", "not noon", 2},
        {"trials", "--as-of", "120%", "not 120%", 2},
        {"trials", "--filter", "lr<", "filter: a value is missing at column 4", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(RUN(cmd_ls, "ls", "--sweep", file, (char *)rows[i].view, (char *)rows[i].option,
                             (char *)rows[i].value),
                         rows[i].rc);
        char *text = slurp(err);
        if (!strstr(text, rows[i].says))
            fail_msg("'%s' does not say '%s'", text, rows[i].says);
        assert_int_equal(lines(err), 1);
        free(text);
    }
    assert_int_equal(RUN(cmd_ls, "ls", "trials"), 2);
    assert_int_equal(RUN(cmd_ls, "ls", "trials", "--sweep", "/dev/null"), 1);
    assert_int_equal(lines(err), 1);
}

static void export_writes_every_point_once_and_replaces_nothing(void **state)
{
    (void)state;
    char csv[80];
    snprintf(csv, sizeof csv, "%s/x.csv", dir);
    assert_int_equal(RUN(cmd_export, "export", file, "--to", "csv", "-o", csv), 0);
    struct state *s = log_fold(made, STATE_NOW);
    uint64_t points = 0;
    for (int i = 0; i < s->n_runs; i++) {
        const struct state_run *r = s->runs[i];
        for (int k = 0; r && k < r->n_metrics; k++)
            points += series_count(state_series_at(&r->metrics[k].takes, STATE_NOW), SERIES_NOW);
        if (r && r->reports.n && !state_metric(r, s->info.metric))
            points += series_count(state_series_at(&r->reports, STATE_NOW), SERIES_NOW);
    }
    assert_int_equal(lines(csv), points + 1);
    char *text = slurp(csv);
    assert_ptr_equal(strstr(text, "trial,run,metric,step,time,value\n"), text);
    free(text);
    assert_int_equal(RUN(cmd_export, "export", file, "--to", "csv", "-o", csv), 1);
    text = slurp(err);
    assert_non_null(strstr(text, "exists"));
    free(text);
    assert_int_equal(RUN(cmd_export, "export", file, "--to", "jsonl", "-o", csv, "-f"), 0);
    text = first_line(csv);
    int n = elements(text, "values");
    assert_true(n > 1 && n == elements(text, "steps") && n == elements(text, "times"));
    free(text);
    assert_int_equal(RUN(cmd_export, "export", file, "--to", "parquet", "-o", csv), 2);
    assert_int_equal(RUN(cmd_export, "export", file, "--to", "csv"), 2);
    assert_int_equal(RUN(cmd_export, "export", file, "--to", "csv", "-o", "/nonexistent/x.csv"), 1);
    unlink(csv);
    state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loaded_recording_is_the_fold_of_its_events),
        cmocka_unit_test(ls_prints_the_keys_that_scripts_rely_on),
        cmocka_unit_test(ls_filters_sorts_and_looks_back),
        cmocka_unit_test(ls_refuses_what_it_cannot_do),
        cmocka_unit_test(export_writes_every_point_once_and_replaces_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
