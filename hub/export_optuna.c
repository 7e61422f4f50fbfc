/* export_optuna: a recording as an Optuna journal (optuna/storages/journal): JournalStorage(JournalFileBackend(FILE)) loads it.
 * Distributions are those that the trials span: Optuna needs one for every parameter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "hub/export_parts.h"
#include "hub/export_ranges.h"

enum { OP_STUDY = 0, OP_TRIAL = 4, OP_PARAM = 5, OP_STATE = 6, OP_STEP = 7 };

static void open_entry(struct json_out *j, struct buf *b, int op)
{
    jw_open(j, b);
    jw_object(j);
    jw_key(j, "op_code");
    jw_int(j, op);
    jw_key(j, "worker_id");
    jw_str(j, "00000000-0000-4000-8000-000000000000-0");
}

static void close_entry(struct json_out *j)
{
    jw_object_end(j);
    buf_putc(j->b, '\n');
}

static void number(struct json_out *j, const char *key, int64_t v)
{
    jw_key(j, key);
    jw_int(j, v);
}

static void moment(struct json_out *j, const char *key, int64_t time)
{
    char text[CLOCK_TEXT];
    struct buf b = {0};
    clock_rfc3339(text, time);
    buf_printf(&b, "%.*s+00:00", (int)strcspn(text, "Z"), text);
    jw_key(j, key);
    jw_str(j, buf_cstr(&b));
    buf_release(&b);
}

/* JSON, as Python reads it: NaN and infinities have names there. */
static void python_double(struct json_out *j, const char *key, double v)
{
    jw_key(j, key);
    if (isfinite(v)) {
        jw_double(j, v);
        return;
    }
    buf_puts(j->b, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
    j->comma = true;
}

static void distribution(struct buf *b, const struct range *r)
{
    struct json_out j;
    jw_open(&j, b);
    jw_object(&j);
    jw_key(&j, "name");
    jw_str(&j, r->type == RANGE_CHOICE  ? "CategoricalDistribution"
               : r->type == RANGE_INT ? "IntDistribution"
                                      : "FloatDistribution");
    jw_key(&j, "attributes");
    jw_object(&j);
    if (r->type == RANGE_CHOICE) {
        jw_key(&j, "choices");
        jw_array(&j);
        for (int i = 0; i < r->n_choices; i++)
            codec_to_json(r->choices[i], &j);
        jw_array_end(&j);
    } else {
        jw_key(&j, "log");
        jw_bool(&j, false);
        jw_key(&j, "step");
        if (r->type == RANGE_INT)
            jw_int(&j, 1);
        else
            jw_null(&j);
        jw_key(&j, "low");
        jw_double(&j, r->low);
        jw_key(&j, "high");
        jw_double(&j, r->high);
    }
    jw_object_end(&j);
    jw_object_end(&j);
}

static void params(struct buf *b, const struct state_trial *t, int64_t id, const struct ranges *ranges)
{
    struct codec_reader at;
    cr_init(&at, t->params, t->params_n);
    for (size_t n = cr_map(&at); n > 0 && cr_ok(&at); n--) {
        struct span name = cr_str(&at), value = cr_value(&at);
        const struct range *r = cr_ok(&at) ? ranges_named(ranges, name) : NULL;
        struct codec_reader v;
        struct buf dist = {0};
        struct json_out j;
        if (!r)
            continue;
        cr_init(&v, value.p, value.n);
        double internal = r->type == RANGE_CHOICE ? range_choice(r, value) : cr_double(&v);
        if (internal < 0 && r->type == RANGE_CHOICE)
            continue; /* more choices than are kept */
        distribution(&dist, r);
        open_entry(&j, b, OP_PARAM);
        number(&j, "trial_id", id);
        jw_key(&j, "param_name");
        jw_str(&j, r->name);
        jw_key(&j, "param_value_internal");
        jw_double(&j, internal);
        jw_key(&j, "distribution");
        jw_str(&j, buf_cstr(&dist));
        close_entry(&j);
        buf_release(&dist);
    }
}

static void steps(struct buf *b, const struct state_trial *t, int64_t id)
{
    for (int i = 0; i < t->n_reports; i++) {
        struct json_out j;
        open_entry(&j, b, OP_STEP);
        number(&j, "trial_id", id);
        number(&j, "step", t->reports[i].step);
        python_double(&j, "intermediate_value", t->reports[i].value);
        close_entry(&j);
    }
}

/* RUNNING 0, COMPLETE 1, PRUNED 2, FAIL 3, WAITING 4; a trial without a value cannot be COMPLETE. */
static int state_number(enum trial_state s, bool has)
{
    switch (s) {
    case TRIAL_WAITING:
        return 4;
    case TRIAL_RUNNING:
    case TRIAL_PAUSED:
        return 0;
    case TRIAL_PRUNED:
    case TRIAL_STOPPED:
        return 2;
    case TRIAL_DONE:
        return has ? 1 : 3;
    default:
        return 3;
    }
}

static void end(struct buf *b, const struct state *st, const struct state_trial *t, int64_t id, int to)
{
    double value;
    int64_t step;
    struct json_out j;
    bool has = state_value_at(st, t, STATE_NOW, &value, &step);
    open_entry(&j, b, OP_STATE);
    number(&j, "trial_id", id);
    number(&j, "state", to);
    jw_key(&j, "values");
    if (has && to != 3) {
        jw_array(&j);
        jw_double(&j, value);
        jw_array_end(&j);
    } else {
        jw_null(&j);
    }
    moment(&j, "datetime_complete", t->n_changes ? t->changes[t->n_changes - 1].time : t->created);
    close_entry(&j);
}

void export_optuna(struct buf *b, const struct state *st)
{
    struct ranges ranges;
    struct json_out j;
    int64_t id = 0;
    ranges_find(&ranges, st);
    open_entry(&j, b, OP_STUDY);
    jw_key(&j, "study_name");
    jw_str(&j, st->info.name);
    jw_key(&j, "directions");
    jw_array(&j);
    jw_int(&j, st->info.maximize ? 2 : 1);
    jw_array_end(&j);
    close_entry(&j);
    for (int i = 0; i < st->n_trials; i++) {
        const struct state_trial *t = st->trials[i];
        enum trial_state now = t ? state_trial_at(t, STATE_NOW) : TRIAL_WITHDRAWN;
        double value;
        int64_t step;
        if (now == TRIAL_WITHDRAWN)
            continue;
        int to = state_number(now, state_value_at(st, t, STATE_NOW, &value, &step) && isfinite(value));
        open_entry(&j, b, OP_TRIAL);
        number(&j, "study_id", 0);
        moment(&j, "datetime_start", t->n_changes > 1 ? t->changes[1].time : t->created);
        close_entry(&j);
        params(b, t, id, &ranges);
        steps(b, t, id);
        if (to >= 1 && to <= 3)
            end(b, st, t, id, to);
        id++;
    }
    ranges_release(&ranges);
}
