/* One function an operation, in tune_ops at the end; each writes one answer, or returns a cause that becomes
 * an error line. */
#include "hub/tune_session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cause.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/text.h"
#include "tune/pareto.h"

#define ASK_MAX   10000
#define ARMS_SHOWN 1024

struct tune_session {
    struct tuner *tuner;
    int64_t next_id;
    double *dna;
    struct json_out out;
};

/* ---- values ---- */

static void put_params(struct json_out *out, const struct space *s, const double *dna)
{
    jw_object(out);
    for (int i = 0; i < s->n; i++) {
        struct tune_value v;
        if (!space_active(s, dna, i))
            continue;
        param_decode(&s->params[i], dna[i], &v);
        jw_key(out, s->params[i].name);
        tune_value_json(out, &v);
    }
    jw_object_end(out);
}

static struct tune_value value_of(const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return tune_bool(json_is_true(j));
    case JSON_INTEGER:
        return tune_int(json_integer_value(j));
    case JSON_REAL:
        return tune_float(json_real_value(j));
    case JSON_STRING:
        return tune_string(json_string_value(j));
    case JSON_NULL:
        return (struct tune_value){.kind = TUNE_NULL};
    default: {
        char *text = json_dumps(j, JSON_COMPACT);
        struct tune_value v = tune_json(text ? text : "null");
        free(text);
        return v;
    }
    }
}

static void begin(struct tune_session *s, const char *op)
{
    jw_object(&s->out);
    jw_key(&s->out, "op");
    jw_str(&s->out, op);
}

static void put_text(struct tune_session *s, const char *key, const char *text)
{
    jw_key(&s->out, key);
    jw_str(&s->out, text);
}

static void put_double(struct tune_session *s, const char *key, double v)
{
    jw_key(&s->out, key);
    jw_double(&s->out, v);
}

static void put_count(struct tune_session *s, const char *key, int64_t v) /* when there is one */
{
    if (v < 0)
        return;
    jw_key(&s->out, key);
    jw_int(&s->out, v);
}

/* ---- operations: each writes one answer, or returns -1 and a cause ---- */

static void put_proposal(struct tune_session *s, int64_t id, const struct proposal *p)
{
    jw_object(&s->out);
    jw_key(&s->out, "id");
    jw_int(&s->out, id);
    jw_key(&s->out, "params");
    put_params(&s->out, tuner_space(s->tuner), p->dna);
    if (p->arm >= 0)
        put_text(s, "arm", p->label);
    if (!isnan(p->propensity))
        put_double(s, "propensity", p->propensity);
    if (p->resume >= 0) {
        jw_key(&s->out, "resume");
        jw_bool(&s->out, true);
    }
    if (p->replicate >= 0) {
        jw_key(&s->out, "replicate");
        jw_bool(&s->out, true);
        put_count(s, "seed_index", p->seed_index);
    }
    put_count(s, "steps", p->steps);
    put_count(s, "donor", p->donor);
    put_text(s, "why", p->why);
    jw_object_end(&s->out);
}

/* The context of the next asks. An empty list takes it away. */
static int op_context(struct tune_session *s, const json_t *in, char **cause)
{
    const json_t *list = json_object_get(in, "values"), *v;
    double values[TUNER_CONTEXT_MAX];
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > TUNER_CONTEXT_MAX)
        return cause_set(cause, "context: values must be a list of at most %d numbers", TUNER_CONTEXT_MAX);
    json_array_foreach(list, i, v) {
        if (!json_is_number(v))
            return cause_set(cause, "context: value %zu is not a number", i + 1);
        values[i] = json_number_value(v);
    }
    char *why = NULL;
    if (tuner_context(s->tuner, values, (int)json_array_size(list), &why) < 0) {
        cause_set(cause, "context: %s", why);
        free(why);
        return -1;
    }
    begin(s, "context");
    jw_object_end(&s->out);
    return 0;
}

static int op_ask(struct tune_session *s, const json_t *in, char **cause)
{
    const json_t *count = json_object_get(in, "n");
    json_int_t n = count ? json_integer_value(count) : 1;
    int rc = 0;
    if (count && (!json_is_integer(count) || n < 1 || n > ASK_MAX))
        return cause_set(cause, "ask: n must be a whole number from 1 to %d", ASK_MAX);
    begin(s, "ask");
    jw_key(&s->out, "trials");
    jw_array(&s->out);
    for (json_int_t i = 0; i < n && rc == 0; i++) {
        struct proposal p = {.dna = s->dna};
        rc = tuner_ask(s->tuner, s->next_id, &p, cause);
        if (rc == 0)
            put_proposal(s, p.resume >= 0 ? p.resume : p.replicate >= 0 ? p.replicate : s->next_id++, &p);
    }
    jw_array_end(&s->out);
    if (rc == 1) {
        jw_key(&s->out, "exhausted");
        jw_bool(&s->out, true);
    } else if (rc == TUNER_WAIT) {
        jw_key(&s->out, "waiting");
        jw_bool(&s->out, true);
    } else if (rc == TUNER_HELD) {
        jw_key(&s->out, "held");
        jw_bool(&s->out, true);
    }
    jw_object_end(&s->out);
    return rc < 0 ? -1 : 0;
}

/* A number where JSON has none (NaN, Infinity) is told as null or as text; both mean a failure. */
static int read_value(const json_t *v, double *out, char **cause)
{
    if (json_is_null(v))
        *out = NAN;
    else if (json_is_number(v))
        *out = json_number_value(v);
    else if (!json_is_string(v) || !text_double(json_string_value(v), out))
        return cause_set(cause, "tell: value must be a number");
    return 0;
}

static int tell_value(const json_t *in, double *out, char **cause)
{
    const json_t *v = json_object_get(in, "value"), *many = json_object_get(in, "values");
    if (!v && json_is_array(many)) {
        if (json_array_size(many) != 1)
            return cause_set(cause,
                             "tell: this space has one objective; give value, or values with one entry");
        v = json_array_get(many, 0);
    }
    if (!v)
        return cause_set(cause, "tell: value is missing (or state: failed)");
    return read_value(v, out, cause);
}

/* The final values of several objectives. */
static int tell_values(const json_t *in, int n, double *out, char **cause)
{
    const json_t *many = json_object_get(in, "values");
    if (!json_is_array(many) || json_array_size(many) != (size_t)n)
        return cause_set(cause, "tell: this space has %d objectives; give values with as many entries", n);
    for (int i = 0; i < n; i++)
        if (read_value(json_array_get(many, (size_t)i), &out[i], cause) < 0)
            return -1;
    return 0;
}

static int trial_id(const json_t *in, const char *op, int64_t *id, char **cause)
{
    const json_t *j = json_object_get(in, "id");
    if (!json_is_integer(j))
        return cause_set(cause, "%s: id must be the number of a trial", op);
    *id = json_integer_value(j);
    return 0;
}

static int tell_end(struct tune_session *s, int64_t id, const char *state, char **cause)
{
    bool failed = !strcmp(state, "failed");
    if (!failed && strcmp(state, "withdrawn"))
        return cause_set(cause, "tell: state must be failed or withdrawn, not \"%s\"", state);
    return failed ? tuner_tell_failed(s->tuner, id, cause) : tuner_forget(s->tuner, id, cause);
}

static int op_tell(struct tune_session *s, const json_t *in, char **cause)
{
    static const char *const actions[] = {
        [TELL_CONTINUE] = "continue", [TELL_STOP] = "stop", [TELL_PAUSE] = "pause", [TELL_CHANGE] = "change"};
    const json_t *state = json_object_get(in, "state"), *step = json_object_get(in, "step"),
                 *final = json_object_get(in, "final");
    struct tell_result r = {.rung = -1, .cutoff = NAN};
    double value, values[OBJECTIVES_MAX];
    const struct objective *goals;
    int64_t id = -1;
    int n = tuner_objectives(s->tuner, &goals);
    bool last = !step || json_is_true(final);
    if (trial_id(in, "tell", &id, cause) < 0)
        return -1;
    if (step && !json_is_integer(step))
        return cause_set(cause, "tell: step must be a whole number");
    if (json_is_string(state)) {
        if (tell_end(s, id, json_string_value(state), cause) < 0)
            return -1;
    } else if (n > 1 && last) {
        if (tell_values(in, n, values, cause) < 0 ||
            tuner_tell_values(s->tuner, id, step ? json_integer_value(step) : -1, values, n, &r, cause) < 0)
            return -1;
    } else if (tell_value(in, &value, cause) < 0 ||
               tuner_tell(s->tuner, id, step ? json_integer_value(step) : -1, value, last, &r, cause) < 0) {
        return -1;
    }
    begin(s, "tell");
    jw_key(&s->out, "id");
    jw_int(&s->out, id);
    put_text(s, "action", actions[r.action]);
    if (r.action == TELL_CHANGE) {
        jw_key(&s->out, "params");
        put_params(&s->out, tuner_space(s->tuner), r.dna);
        put_count(s, "donor", r.donor);
    }
    if (r.checkpoint) {
        jw_key(&s->out, "checkpoint");
        jw_bool(&s->out, true);
    }
    if (r.rung >= 0) {
        jw_key(&s->out, "rung");
        jw_int(&s->out, r.rung);
        put_double(s, "cutoff", r.cutoff);
    }
    if (*r.why)
        put_text(s, "why", r.why);
    jw_object_end(&s->out);
    return 0;
}

/* args: an object of target, for, weight, factor; target may also be a list of arms. */
static int steer_args(const json_t *args, struct steer_arg *out, int *n, char **cause)
{
    const char *key;
    json_t *v;
    *n = 0;
    json_object_foreach((json_t *)args, key, v) {
        if (*n == 8)
            return cause_set(cause, "steer: too many arguments");
        out[*n].name = key;
        if (!json_is_array(v)) {
            out[(*n)++].value = value_of(v);
            continue;
        }
        struct buf b = {0};
        for (size_t i = 0; i < json_array_size(v); i++) {
            struct tune_value one = value_of(json_array_get(v, i));
            char text[400];
            tune_text(&one, text, sizeof text);
            buf_printf(&b, "%s%s", i ? "," : "", text);
            tune_value_free(&one);
        }
        out[(*n)++].value = tune_string(buf_cstr(&b));
        buf_release(&b);
    }
    return 0;
}

static int steer(struct tune_session *s, const char *verb, const json_t *args, int64_t *token, char **cause)
{
    struct steer_arg list[8] = {{0}};
    struct steer_request rq;
    int n, rc = steer_args(args, list, &n, cause);
    if (rc == 0 && (rc = steer_parse(verb, list, n, &rq, cause)) == 0) {
        rc = tuner_steer(s->tuner, &rq, token, cause);
        steer_request_release(&rq);
    }
    for (int i = 0; i < n; i++)
        tune_value_free(&list[i].value);
    return rc;
}

static int steer_budget(struct tune_session *s, const json_t *args, char **cause)
{
    const json_t *v = json_object_get(args, "value");
    int64_t budget = json_is_integer(v) ? json_integer_value(v) : -1;
    if (json_is_true(json_object_get(args, "relative")) && tuner_budget(s->tuner) >= 0)
        budget += tuner_budget(s->tuner);
    if (!json_is_integer(v) || budget < 0)
        return cause_set(cause, "budget: value must be a whole number of trials");
    tuner_set_budget(s->tuner, budget);
    return 0;
}

static int op_steer(struct tune_session *s, const json_t *in, char **cause)
{
    const char *verb = json_string_value(json_object_get(in, "verb"));
    const json_t *args = json_object_get(in, "args");
    int64_t token = 0;
    int rc;
    if (!verb)
        return cause_set(cause, "steer: verb is missing");
    if (args && !json_is_object(args))
        return cause_set(cause, "steer: args must be an object");
    if (!strcmp(verb, "undo"))
        rc = tuner_unsteer(s->tuner, json_integer_value(json_object_get(args, "token")), cause);
    else if (!strcmp(verb, "budget"))
        rc = steer_budget(s, args, cause);
    else
        rc = steer(s, verb, args, &token, cause);
    if (rc < 0)
        return -1;
    free(s->dna); /* the space may have more parameters now */
    s->dna = mem_zero((size_t)tuner_space(s->tuner)->n + 1, sizeof *s->dna);
    begin(s, "steer");
    jw_key(&s->out, "ok");
    jw_bool(&s->out, true);
    jw_key(&s->out, "space_version");
    jw_int(&s->out, tuner_space(s->tuner)->version);
    if (token) {
        jw_key(&s->out, "token");
        jw_int(&s->out, token);
    }
    jw_object_end(&s->out);
    return 0;
}

static void put_row(struct tune_session *s, int arm, const struct arm_row *r)
{
    jw_object(&s->out);
    jw_key(&s->out, "arm");
    jw_int(&s->out, arm);
    put_text(s, "label", r->label);
    jw_key(&s->out, "pulls");
    jw_uint(&s->out, r->pulls);
    put_double(s, "mean", r->mean);
    put_double(s, "low", r->low);
    put_double(s, "high", r->high);
    put_double(s, "p_next", r->p_next);
    if (!isnan(r->p_free))
        put_double(s, "p_free", r->p_free);
    put_double(s, "p_best", r->p_best);
    jw_key(&s->out, "banned");
    jw_bool(&s->out, r->banned);
    jw_key(&s->out, "pinned");
    jw_bool(&s->out, r->pinned);
    put_double(s, "boost", r->boost);
    jw_object_end(&s->out);
}

static void put_rungs(struct tune_session *s)
{
    struct rung_row rows[64];
    int n = tuner_rungs(s->tuner, rows, 64);
    jw_key(&s->out, "rungs");
    jw_array(&s->out);
    for (int i = 0; i < n && i < 64; i++) {
        jw_object(&s->out);
        jw_key(&s->out, "rung");
        jw_int(&s->out, rows[i].rung);
        put_double(s, "resource", rows[i].resource);
        jw_key(&s->out, "trials");
        jw_int(&s->out, rows[i].trials);
        jw_key(&s->out, "promoted");
        jw_int(&s->out, rows[i].promoted);
        jw_key(&s->out, "stopped");
        jw_int(&s->out, rows[i].stopped);
        put_double(s, "cutoff", rows[i].cutoff);
        jw_object_end(&s->out);
    }
    jw_array_end(&s->out);
}

static void put_correlation(struct tune_session *s)
{
    struct rung_tau rows[64];
    int n = tuner_correlation(s->tuner, rows, 64);
    jw_key(&s->out, "correlation");
    jw_array(&s->out);
    for (int i = 0; i < n && i < 64; i++) {
        jw_object(&s->out);
        jw_key(&s->out, "rung");
        jw_int(&s->out, rows[i].rung);
        jw_key(&s->out, "trials");
        jw_int(&s->out, rows[i].n);
        put_double(s, "tau", rows[i].tau);
        put_double(s, "low", rows[i].low);
        put_double(s, "high", rows[i].high);
        jw_object_end(&s->out);
    }
    jw_array_end(&s->out);
}

/* What the tuner thinks of running a trial once more. */
static void put_replicates(struct tune_session *s)
{
    struct tuner_replicates r;
    if (!tuner_replicates(s->tuner, &r))
        return;
    jw_key(&s->out, "replicates");
    jw_object(&s->out);
    put_count(s, "seeds", r.seeds);
    put_count(s, "runs", r.runs);
    put_double(s, "noise", r.noise);
    put_double(s, "mean", r.mean);
    put_double(s, "spread", r.spread);
    put_double(s, "gain_replicate", r.worth);
    put_double(s, "gain_new", r.fresh);
    jw_object_end(&s->out);
}

/* What people told the tuner and how it stands. */
static void put_steering(struct tune_session *s)
{
    static const char *const names[] = {
#define STEER_ROW(e, name) name,
        STEER_VERBS(STEER_ROW)
#undef STEER_ROW
    };
    const struct steering *st = tuner_steering(s->tuner);
    jw_key(&s->out, "steering");
    jw_array(&s->out);
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (e->lifted)
            continue;
        jw_object(&s->out);
        put_text(s, "verb", names[e->verb]);
        put_text(s, "region", e->label);
        put_double(s, "weight", e->weight);
        put_text(s, "state", e->given_up ? "given up" : steering_in_force(st, e) ? "in force" : "over");
        if (e->verb == STEER_FOCUS)
            put_double(s, "share", steering_share(st, e));
        if (e->verb == STEER_FOCUS || e->verb == STEER_QUOTA) {
            jw_key(&s->out, "inside");
            jw_int(&s->out, e->used);
        }
        put_count(s, "until", e->until);
        jw_object_end(&s->out);
    }
    jw_array_end(&s->out);
}

/* The trials that nothing dominates. */
static void put_front(struct tune_session *s)
{
    const struct objective *goals;
    const struct history *h = tuner_history(s->tuner);
    int m = tuner_objectives(s->tuner, &goals), n = 0;
    double *x = mem_zero(((size_t)h->n + 1) * (size_t)m, sizeof *x);
    int *trial = mem_zero((size_t)h->n + 1, sizeof *trial), *front = mem_zero((size_t)h->n + 1, sizeof *front);
    for (int i = 0; i < h->n; i++)
        if (h->trials[i].n_losses == m) {
            memcpy(x + (size_t)n * (size_t)m, h->trials[i].losses, (size_t)m * sizeof *x);
            trial[n++] = i;
        }
    pareto_fronts(x, n, m, front);
    jw_key(&s->out, "front");
    jw_array(&s->out);
    for (int i = 0; i < n; i++) {
        if (front[i] > 0)
            continue;
        jw_object(&s->out);
        jw_key(&s->out, "id");
        jw_int(&s->out, h->trials[trial[i]].id);
        jw_key(&s->out, "values");
        jw_array(&s->out);
        for (int k = 0; k < m; k++)
            jw_double(&s->out, goals[k].maximize ? -x[i * m + k] : x[i * m + k]);
        jw_array_end(&s->out);
        jw_object_end(&s->out);
    }
    jw_array_end(&s->out);
    free(x);
    free(trial);
    free(front);
}

static int op_explain(struct tune_session *s, const json_t *in, char **cause)
{
    struct arm_row *rows = mem_zero(ARMS_SHOWN, sizeof *rows);
    char what[400];
    int n = tuner_explain(s->tuner, rows, ARMS_SHOWN);
    tuner_describe(s->tuner, what, sizeof what);
    begin(s, "explain");
    put_text(s, "tuner", what);
    jw_key(&s->out, "arms");
    jw_array(&s->out);
    for (int i = 0; i < n && i < ARMS_SHOWN; i++)
        put_row(s, i, &rows[i]);
    jw_array_end(&s->out);
    put_rungs(s);
    put_correlation(s);
    put_double(s, "explore", steering_explore(tuner_steering(s->tuner)));
    put_steering(s);
    put_replicates(s);
    jw_object_end(&s->out);
    free(rows);
    return 0;
}

static int op_best(struct tune_session *s, const json_t *in, char **cause)
{
    const struct history *h = tuner_history(s->tuner);
    const struct objective *goals;
    int64_t id;
    double value;
    begin(s, "best");
    if (tuner_best(s->tuner, &id, &value)) {
        jw_key(&s->out, "id");
        jw_int(&s->out, id);
        put_double(s, "value", value);
        jw_key(&s->out, "params");
        const struct history_trial *best = &h->trials[history_find(h, id)];
        put_params(&s->out, tuner_space(s->tuner), best->dna);
        if (best->repeats) {
            jw_key(&s->out, "runs");
            jw_int(&s->out, best->n_repeats);
        }
    } else {
        jw_key(&s->out, "id");
        jw_null(&s->out);
    }
    if (tuner_objectives(s->tuner, &goals) > 1)
        put_front(s);
    jw_object_end(&s->out);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct tune_session *s, const json_t *in, char **cause);
} tune_ops[] = {
    {"ask", op_ask},         {"tell", op_tell},       {"context", op_context},
    {"steer", op_steer},     {"explain", op_explain}, {"best", op_best},
};
#define N_OPS (sizeof tune_ops / sizeof *tune_ops)

/* ---- the session ---- */

static int dispatch(struct tune_session *s, const json_t *in, char **cause)
{
    const char *op = json_string_value(json_object_get(in, "op"));
    if (!json_is_object(in) || !op)
        return cause_set(cause,
                         "each line must be an object with op: ask, tell, context, steer, explain or best");
    for (size_t i = 0; i < N_OPS; i++)
        if (!strcmp(tune_ops[i].name, op))
            return tune_ops[i].run(s, in, cause);
    return cause_set(cause, "there is no op \"%s\"; there are ask, tell, context, steer, explain, best", op);
}

void tune_session_answer(struct tune_session *s, const char *line, size_t n, struct buf *out)
{
    json_error_t error;
    char *cause = NULL;
    json_t *in = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
    size_t start = out->len;
    jw_open(&s->out, out);
    int rc = in ? dispatch(s, in, &cause)
                : cause_set(&cause, "not JSON: %s (column %d)", error.text, error.column);
    if (rc < 0) { /* whatever was begun is replaced */
        out->len = start;
        jw_open(&s->out, out);
        begin(s, "error");
        put_text(s, "message", cause);
        jw_object_end(&s->out);
    }
    json_decref(in);
    free(cause);
    buf_putc(out, '\n');
}

struct tune_session *tune_session_new(struct tuner *tuner)
{
    struct tune_session *s = MEM_NEW(struct tune_session);
    s->tuner = tuner;
    s->dna = mem_zero((size_t)tuner_space(tuner)->n + 1, sizeof *s->dna);
    return s;
}

void tune_session_free(struct tune_session *s)
{
    if (!s)
        return;
    tuner_free(s->tuner);
    free(s->dna);
    free(s);
}
