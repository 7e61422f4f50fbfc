/* A space as JSON, in the words of a sweep file: what is recorded of each version. */
#include <math.h>

#include "tune/expr.h"
#include "tune/space.h"

static void put_number(struct json_out *out, const char *key, double v)
{
    jw_key(out, key);
    if (v == floor(v) && fabs(v) < 9e15)
        jw_int(out, (int64_t)v);
    else
        jw_double(out, v);
}

static void put_numeric(const struct param *p, struct json_out *out)
{
    static const char *const names[] = {
        [PRIOR_UNIFORM] = "uniform", [PRIOR_LOG] = "log_uniform_values", [PRIOR_RLOG] = "inv_log_uniform_values",
        [PRIOR_NORMAL] = "normal", [PRIOR_LOG_NORMAL] = "log_normal", [PRIOR_BETA] = "beta"};
    jw_key(out, "distribution");
    jw_str(out, p->type == PARAM_INT && p->prior == PRIOR_UNIFORM ? "int_uniform" : names[p->prior]);
    if (isfinite(p->low))
        put_number(out, "min", p->low);
    if (isfinite(p->high))
        put_number(out, "max", p->high);
    if (p->prior >= PRIOR_NORMAL) {
        put_number(out, p->prior == PRIOR_BETA ? "a" : "mu", p->a);
        put_number(out, p->prior == PRIOR_BETA ? "b" : "sigma", p->b);
    }
    if (p->quantum > 0 && !(p->type == PARAM_INT && p->quantum == 1))
        put_number(out, "q", p->quantum);
}

static void put_choices(const struct param *p, struct json_out *out)
{
    if (p->type == PARAM_CONSTANT) {
        jw_key(out, "value");
        tune_value_json(out, &p->choices[0]);
        return;
    }
    jw_key(out, "values");
    jw_array(out);
    for (int k = 0; k < p->n_choices; k++)
        tune_value_json(out, &p->choices[k]);
    jw_array_end(out);
}

void space_json(const struct space *s, struct json_out *out)
{
    jw_object(out);
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        jw_key(out, p->name);
        jw_object(out);
        if (param_numeric(p))
            put_numeric(p, out);
        else
            put_choices(p, out);
        if (p->fallback.kind != TUNE_ABSENT) {
            jw_key(out, "default");
            tune_value_json(out, &p->fallback);
        }
        jw_object_end(out);
    }
    jw_object_end(out);
}
