/* optuna_model: see optuna_model.h. Distributions are those of optuna/distributions.py, with the names that were given up
 * in 3.0 and the short form {"type": ...}. */
#include "read/optuna_model.h"

#include <math.h>
#include <string.h>

static const char *const state_names[OPTUNA_STATES] = {"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"};

bool optuna_state_named(const char *name, enum optuna_state *out)
{
    for (int i = 0; i < OPTUNA_STATES; i++)
        if (name && strcmp(name, state_names[i]) == 0) {
            *out = (enum optuna_state)i;
            return true;
        }
    return false;
}

/* ---- distributions ---- */

enum kind { KIND_FLOAT, KIND_INT, KIND_CHOICE };

static enum kind kind_named(const char *name)
{
    if (strncmp(name, "Int", 3) == 0 || strcmp(name, "int") == 0)
        return KIND_INT;
    return strncmp(name, "Categorical", 11) == 0 || strcmp(name, "categorical") == 0 ? KIND_CHOICE : KIND_FLOAT;
}

/* Stops inside the list, with the choice in *v; false when there is none of that number. */
static bool choice(struct json_pull *j, double internal, struct read_value *v)
{
    for (double i = 0;; i++) {
        enum json_token t = json_next(j);
        if (t == JSON_ARRAY_END || json_failed(t))
            return false;
        if (i == internal)
            return json_scalar(j, t, v);
        if (!json_skip(j, t))
            return false;
    }
}

struct read_value optuna_value(const char *distribution, size_t n, double internal, struct json_pull *j)
{
    struct read_value v = read_real(internal);
    enum kind kind = KIND_FLOAT;
    json_open(j, distribution, n);
    if (json_next(j) != JSON_OBJECT)
        return v;
    for (enum json_token t; (t = json_next(j)) != JSON_END && !json_failed(t);) {
        if (t != JSON_KEY)
            continue; /* the attributes lie one object deeper, or not */
        bool name = strcmp(json_text(j), "name") == 0 || strcmp(json_text(j), "type") == 0;
        bool choices = strcmp(json_text(j), "choices") == 0;
        t = json_next(j);
        if (name && t == JSON_STRING)
            kind = kind_named(json_text(j));
        else if (choices && t == JSON_ARRAY)
            return choice(j, internal, &v) ? v : read_real(internal);
        else if (t == JSON_ARRAY && !json_skip(j, t))
            break;
    }
    if (kind == KIND_INT && fabs(internal) < 9e15)
        return read_int((int64_t)llround(internal));
    return v;
}

/* ---- trials ---- */

void optuna_study(const struct read_sink *k, const char *name, int direction)
{
    sink_study(k, name, "value",
               direction == 1   ? READ_MINIMIZE
               : direction == 2 ? READ_MAXIMIZE
                                : READ_GOAL_UNSAID);
}

void optuna_say_state(const struct read_sink *k, struct optuna_trial *t, enum optuna_state s, int64_t time)
{
    static const enum read_state as[OPTUNA_STATES] = {READ_RUNNING, READ_DONE, READ_PRUNED, READ_FAILED,
                                                      READ_WAITING};
    t->state = s;
    sink_state(k, t->handle, as[s], time, NULL);
}

void optuna_intermediate(const struct read_sink *k, struct optuna_trial *t, int64_t step, double value)
{
    if (step > t->last_step)
        t->last_step = step;
    sink_report(k, t->handle, step, READ_NO_TIME, value);
}

void optuna_final(const struct read_sink *k, struct optuna_trial *t, int64_t time, int objective, int n, double value)
{
    int64_t step = t->last_step >= 0 ? t->last_step : 0;
    char name[32] = "value_";
    if (n > 1) {
        name[6] = (char)('0' + objective % 10);
        name[7] = '\0';
        if (objective < 10)
            sink_point(k, t->handle, name, step, time, value);
    }
    if (objective == 0)
        sink_report(k, t->handle, step, time, value);
}

void optuna_attribute(const struct read_sink *k, const struct optuna_trial *t, const char *json, size_t n,
                      const char *name, struct json_pull *j)
{
    struct read_value v;
    double number;
    struct buf line = {0};
    json_open(j, json, n);
    enum json_token first = json_next(j);
    if (json_scalar(j, first, &v) && v.type != READ_BOOL && read_number(&v, &number)) {
        sink_point(k, t->handle, name, t->last_step >= 0 ? t->last_step : 0, READ_NO_TIME, number);
        return;
    }
    buf_printf(&line, "%s = %.*s", name, (int)(n < 3000 ? n : 3000), json);
    sink_text(k, t->handle, "log", READ_NO_TIME, buf_cstr(&line), line.len);
    buf_release(&line);
}
