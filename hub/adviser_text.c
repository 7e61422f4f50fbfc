/* adviser_text: see adviser_text.h. */
#include "hub/adviser_text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "hub/params.h"

#define HISTORY_MAX 200 /* ended trials in a request */
#define WHY_MAX     200

/* ---- the request ---- */

static void put_number(struct json_out *j, const char *key, double v)
{
    jw_key(j, key);
    if (isfinite(v))
        jw_double(j, v);
    else
        jw_null(j);
}

static void put_params(struct json_out *j, const struct space *s, const double *dna)
{
    jw_key(j, "params");
    jw_object(j);
    for (int i = 0; i < s->n; i++) {
        struct tune_value v;
        if (!space_active(s, dna, i))
            continue;
        param_decode(&s->params[i], dna[i], &v);
        jw_key(j, s->params[i].name);
        tune_value_json(j, &v);
    }
    jw_object_end(j);
}

static void put_parameter(struct json_out *j, const struct param *p)
{
    static const char *const types[] = {"float", "int", "categorical", "ordinal", "constant"};
    static const char *const scales[] = {"linear", "log", "rlog", "normal", "log_normal", "beta"};
    jw_key(j, p->name);
    jw_object(j);
    jw_key(j, "type");
    jw_str(j, types[p->type]);
    if (param_numeric(p)) {
        put_number(j, "low", p->low);
        put_number(j, "high", p->high);
        jw_key(j, "scale");
        jw_str(j, scales[p->prior]);
    } else {
        jw_key(j, "choices");
        jw_array(j);
        for (int k = 0; k < p->n_choices; k++)
            tune_value_json(j, &p->choices[k]);
        jw_array_end(j);
    }
    jw_object_end(j);
}

static const char *end_name(enum trial_end e)
{
    return e == END_DONE ? "done" : e == END_PRUNED ? "pruned" : "failed";
}

/* Worst first; failures before everything. Of many, the worse half of the older ones is left out. */
static void put_history(struct json_out *j, const struct tuner *t, bool maximize)
{
    const struct history *h = tuner_history(t);
    int n, failed = 0;
    int *sorted = history_sorted(h, &n);
    jw_key(j, "history");
    jw_array(j);
    for (int i = h->n - 1; i >= 0 && failed < HISTORY_MAX / 4; i--) {
        const struct history_trial *tr = &h->trials[i];
        if (tr->end != END_FAILED || tr->outside)
            continue;
        failed++;
        jw_object(j);
        jw_key(j, "trial");
        jw_int(j, tr->id);
        put_params(j, tuner_space(t), tr->dna);
        put_number(j, "value", NAN);
        jw_key(j, "state");
        jw_str(j, end_name(tr->end));
        jw_object_end(j);
    }
    for (int i = (n < HISTORY_MAX ? n : HISTORY_MAX) - 1; i >= 0; i--) {
        const struct history_trial *tr = &h->trials[sorted[i]];
        jw_object(j);
        jw_key(j, "trial");
        jw_int(j, tr->id);
        put_params(j, tuner_space(t), tr->dna);
        put_number(j, "value", maximize ? -tr->loss : tr->loss);
        jw_key(j, "state");
        jw_str(j, end_name(tr->end));
        jw_object_end(j);
    }
    jw_array_end(j);
    free(sorted);
}

static void put_pending(struct json_out *j, const struct tuner *t)
{
    const struct history *h = tuner_history(t);
    jw_key(j, "pending");
    jw_array(j);
    for (int i = 0; i < h->n; i++) {
        if (h->trials[i].end != END_PENDING || h->trials[i].outside)
            continue;
        jw_object(j);
        jw_key(j, "trial");
        jw_int(j, h->trials[i].id);
        put_params(j, tuner_space(t), h->trials[i].dna);
        jw_object_end(j);
    }
    jw_array_end(j);
}

/* best - alpha * (worst - best), in losses. */
static double target(const struct tuner *t, double alpha)
{
    int n;
    int *sorted = history_sorted(tuner_history(t), &n);
    double best = n ? tuner_history(t)->trials[sorted[0]].loss : NAN;
    double worst = n ? tuner_history(t)->trials[sorted[n - 1]].loss : NAN;
    free(sorted);
    return best + alpha * (worst - best);
}

void advise_write(const struct advise_request *rq, const struct tuner *t, struct buf *out)
{
    const struct space *s = tuner_space(t);
    struct json_out j;
    int64_t id;
    double best = NAN, sign = rq->maximize ? -1 : 1;
    jw_open(&j, out);
    jw_object(&j);
    jw_key(&j, "op");
    jw_str(&j, "advise");
    jw_key(&j, "id");
    jw_int(&j, rq->id);
    jw_key(&j, "sweep");
    jw_str(&j, rq->sweep);
    jw_key(&j, "metric");
    jw_str(&j, rq->metric);
    jw_key(&j, "goal");
    jw_str(&j, rq->maximize ? "maximize" : "minimize");
    jw_key(&j, "n");
    jw_int(&j, rq->n);
    put_number(&j, "best", tuner_best(t, &id, &best) ? best : NAN);
    put_number(&j, "target", sign * target(t, rq->alpha));
    jw_key(&j, "parameters");
    jw_object(&j);
    for (int i = 0; i < s->n; i++)
        put_parameter(&j, &s->params[i]);
    jw_object_end(&j);
    put_history(&j, t, rq->maximize);
    put_pending(&j, t);
    jw_object_end(&j);
    buf_puts(out, "\n");
}

/* ---- the answer ---- */

static int read_candidate(struct advice *a, const struct space *s, struct rng *rng, json_t *c, char **cause)
{
    json_t *params = json_object_get(c, "params");
    const char *why = json_string_value(json_object_get(c, "why"));
    if (!json_is_object(c))
        return cause_set(cause, "a candidate must be an object of parameters");
    if (params && !json_is_object(params))
        return cause_set(cause, "params of a candidate must be an object");
    char *text = json_dumps(params ? params : c, JSON_COMPACT);
    struct buf map = {0};
    double *dna = mem_zero((size_t)s->n + 1, sizeof *dna);
    space_sample(s, rng, dna);
    int rc = text && params_json(text, &map) ? 0 : cause_set(cause, "a candidate could not be read");
    if (rc == 0)
        rc = params_decode(s, (struct span){(const char *)map.data, map.len}, dna, cause);
    if (rc == 0)
        rc = space_check(s, dna, cause);
    buf_release(&map);
    free(text);
    if (rc != 0) {
        free(dna);
        return -1;
    }
    a->why[a->n] = mem_strn(why ? why : "", why ? strnlen(why, WHY_MAX) : 0);
    a->dna[a->n++] = dna;
    return 0;
}

int advice_read(struct advice *a, const struct space *s, struct rng *rng, const char *line, size_t n, char **cause)
{
    json_error_t e;
    json_t *root = json_loadb(line, n, 0, &e), *list, *c;
    size_t i;
    *a = (struct advice){.id = -1};
    if (!json_is_object(root)) {
        json_decref(root);
        return cause_set(cause, "the adviser's line is no JSON object: %.60s", root ? "" : e.text);
    }
    if (json_is_integer(json_object_get(root, "id")))
        a->id = json_integer_value(json_object_get(root, "id"));
    a->terminate = json_is_true(json_object_get(root, "terminate"));
    list = json_object_get(root, "candidates");
    if (!a->terminate && !json_is_array(list)) {
        json_decref(root);
        return cause_set(cause, "the adviser's answer has no list of candidates");
    }
    json_array_foreach(list, i, c) {
        char *why = NULL;
        if (a->n == ADVICE_MAX)
            break;
        if (read_candidate(a, s, rng, c, &why) == 0)
            continue;
        a->refused++;
        if (a->trouble)
            free(why);
        else
            a->trouble = why;
    }
    json_decref(root);
    return 0;
}

void advice_release(struct advice *a)
{
    for (int i = 0; i < a->n; i++) {
        free(a->dna[i]);
        free(a->why[i]);
    }
    free(a->trouble);
    *a = (struct advice){.id = -1};
}
