/* W&B's parameter distributions, by name or by inference, as parameters of a space.
 *
 * Inference follows the order of W&B's schema: values with probabilities, values, integer min and max, min
 * and max, value. Lists of numbers become ordinal parameters (they are searched as ordered), other lists
 * categorical ones. */
#include "hub/sweep_params.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"

int sweepfile_error(struct sweep_reader *r, const struct yaml_node *at, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    cause_set(r->cause, "%s:%d:%d: %s", r->path, at ? at->line : 1, at ? at->column : 1, buf_cstr(&b));
    buf_release(&b);
    return -1;
}

void sweepfile_warn(struct sweep_reader *r, const struct yaml_node *at, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    buf_printf(&b, "%s:%d: ", r->path, at ? at->line : 1);
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    r->warnings = mem_resize(r->warnings, (size_t)r->n_warnings + 2, sizeof *r->warnings);
    r->warnings[r->n_warnings++] = buf_take(&b);
    r->warnings[r->n_warnings] = NULL;
}

/* ---- scalars ---- */

static struct tune_value number_value(struct sweep_reader *r, const struct yaml_node *node, const char *name)
{
    bool loose;
    struct tune_value v = yaml_number_value(node, &loose);
    double x;
    if (loose) {
        sweepfile_warn(
            r, node,
            "%s: %s is a string to YAML 1.1; taken as a number (write %.1e to be understood everywhere)",
            name, node->text, v.f);
    } else if (v.kind == TUNE_STRING && !node->plain && text_double(v.s, &x)) {
        sweepfile_warn(r, node, "%s: \"%s\" is quoted; taken as a number", name, v.s);
        tune_value_free(&v);
        v = tune_float(x);
    }
    return v;
}

int sweepfile_number(struct sweep_reader *r, const struct yaml_node *node, const char *name, double *out)
{
    struct tune_value v = number_value(r, node, name);
    bool good = tune_number(&v, out) && isfinite(*out);
    tune_value_free(&v);
    return good ? 0 : sweepfile_error(r, node, "%s: a number is expected", name);
}

int sweepfile_int(struct sweep_reader *r, const struct yaml_node *node, const char *name, int64_t *out)
{
    double x;
    if (sweepfile_number(r, node, name, &x) < 0)
        return -1;
    if (x != floor(x) || fabs(x) > 9e15)
        return sweepfile_error(r, node, "%s: a whole number is expected", name);
    *out = (int64_t)x;
    return 0;
}

int sweepfile_string(struct sweep_reader *r, const struct yaml_node *node, const char *name, char **out)
{
    if (node->kind != YAML_SCALAR)
        return sweepfile_error(r, node, "%s: a word is expected", name);
    *out = mem_str(node->text);
    return 0;
}

/* ---- distributions ---- */

/* DIST(name, prior, quantised, keys): U uniform bounds, E bounds are exponents, N normal, B beta, I
 * integers */
static const struct distribution {
    const char *name;
    enum param_prior prior;
    char shape;
    bool quantised, old;
} distributions[] = {
    {"int_uniform", PRIOR_UNIFORM, 'I', false, false},
    {"uniform", PRIOR_UNIFORM, 'U', false, false},
    {"q_uniform", PRIOR_UNIFORM, 'U', true, false},
    {"log_uniform", PRIOR_LOG, 'E', false, true},
    {"log_uniform_values", PRIOR_LOG, 'U', false, false},
    {"q_log_uniform", PRIOR_LOG, 'E', true, true},
    {"q_log_uniform_values", PRIOR_LOG, 'U', true, false},
    {"inv_log_uniform", PRIOR_LOG, 'V', false, true}, /* exp(-U): the exponents' signs turn round */
    {"inv_log_uniform_values", PRIOR_LOG, 'U', false, false},
    {"normal", PRIOR_NORMAL, 'N', false, false},
    {"q_normal", PRIOR_NORMAL, 'N', true, false},
    {"log_normal", PRIOR_LOG_NORMAL, 'N', false, false},
    {"q_log_normal", PRIOR_LOG_NORMAL, 'N', true, false},
    {"beta", PRIOR_BETA, 'B', false, false},
    {"q_beta", PRIOR_BETA, 'B', true, false},
};

static const struct distribution *find_distribution(const char *name)
{
    for (size_t i = 0; i < sizeof distributions / sizeof *distributions; i++)
        if (!strcmp(distributions[i].name, name))
            return &distributions[i];
    return NULL;
}

/* One parameter being read. */
struct entry {
    struct sweep_reader *r;
    const struct yaml_node *map;
    const char *name;
    struct sweep_params *all;
    struct param *p;
};

static int entry_number(struct entry *e, const char *key, double absent, double *out)
{
    const struct yaml_node *node = yaml_get(e->map, key);
    char name[300];
    *out = absent;
    if (!node)
        return isnan(absent) ? sweepfile_error(e->r, e->map, "%s: %s is missing", e->name, key) : 0;
    snprintf(name, sizeof name, "%s.%s", e->name, key);
    return sweepfile_number(e->r, node, name, out);
}

static void put_number(struct entry *e, const char *key, double v)
{
    jw_key(e->all->out, key);
    if (v == floor(v) && fabs(v) < 9e15 && e->p->type == PARAM_INT)
        jw_int(e->all->out, (int64_t)v);
    else
        jw_double(e->all->out, v);
}

static bool is_whole(const struct yaml_node *node)
{
    struct tune_value v;
    if (!node)
        return false;
    v = yaml_value(node);
    bool whole = v.kind == TUNE_INT;
    tune_value_free(&v);
    return whole;
}

static int read_bounds(struct entry *e, const struct distribution *d, double q)
{
    struct param *p = e->p;
    double min, max;
    if (entry_number(e, "min", NAN, &min) < 0 || entry_number(e, "max", NAN, &max) < 0)
        return -1;
    if (!(min < max))
        return sweepfile_error(e->r, yaml_get(e->map, "min"), "%s: min %g is not below max %g", e->name, min,
                               max);
    put_number(e, "min", min);
    put_number(e, "max", max);
    p->low = d->shape == 'E' ? exp(min) : d->shape == 'V' ? exp(-max) : min;
    p->high = d->shape == 'E' ? exp(max) : d->shape == 'V' ? exp(-min) : max;
    if (d->prior == PRIOR_LOG && !(p->low > 0))
        return sweepfile_error(e->r, yaml_get(e->map, "min"), "%s: a log scale needs min above 0, not %g",
                               e->name, min);
    if (d->prior == PRIOR_LOG && d->shape == 'U' && d->quantised && p->high < q)
        return sweepfile_error(e->r, yaml_get(e->map, "max"), "%s: no multiple of q %g lies below max %g",
                               e->name, q, max);
    /* a grid counts from min and leaves max out; other methods round to multiples */
    if (d->quantised && e->all->grid) {
        p->anchor = p->low;
        p->high = p->low + (ceil((p->high - p->low) / q - 1e-9) - 1) * q;
    }
    return 0;
}

static int read_shape(struct entry *e, const struct distribution *d)
{
    struct param *p = e->p;
    const char *first = d->shape == 'B' ? "a" : "mu", *second = d->shape == 'B' ? "b" : "sigma";
    if (entry_number(e, first, d->shape == 'B' ? 1 : 0, &p->a) < 0 || entry_number(e, second, 1, &p->b) < 0)
        return -1;
    if (!(p->b > 0) || (d->shape == 'B' && !(p->a > 0)))
        return sweepfile_error(e->r, yaml_get(e->map, p->b > 0 ? first : second), "%s: %s must be above 0",
                               e->name, p->b > 0 ? first : second);
    put_number(e, first, p->a);
    put_number(e, second, p->b);
    p->low = d->prior == PRIOR_NORMAL ? -INFINITY : 0;
    p->high = d->shape == 'B' ? 1 : INFINITY;
    return 0;
}

static int read_numeric(struct entry *e, const struct distribution *d)
{
    struct param *p = e->p;
    double q = 0;
    if (d->quantised && entry_number(e, "q", 1, &q) < 0)
        return -1;
    if (d->quantised && !(q > 0))
        return sweepfile_error(e->r, yaml_get(e->map, "q"), "%s: q must be above 0", e->name);
    bool whole_q = d->quantised && (!yaml_get(e->map, "q") || is_whole(yaml_get(e->map, "q")));
    if (d->old)
        sweepfile_warn(e->r, e->map, "%s: %s is deprecated: its min and max are exponents of e", e->name,
                       d->name);
    p->prior = d->prior;
    p->quantum = q;
    p->type = d->shape == 'I' || whole_q ? PARAM_INT : PARAM_FLOAT;
    if (d->shape == 'N' || d->shape == 'B' ? read_shape(e, d) < 0 : read_bounds(e, d, q) < 0)
        return -1;
    if (d->shape == 'I' && (p->low != floor(p->low) || p->high != floor(p->high)))
        return sweepfile_error(e->r, yaml_get(e->map, "min"), "%s: int_uniform needs whole numbers", e->name);
    if (whole_q && e->all->grid && p->anchor != floor(p->anchor))
        p->type = PARAM_FLOAT;
    if (d->quantised)
        put_number(e, "q", q);
    return 0;
}

/* ---- lists ---- */

static struct tune_value list_value(struct entry *e, const struct yaml_node *node)
{
    bool loose;
    struct tune_value v = yaml_number_value(node, &loose);
    if (loose)
        sweepfile_warn(e->r, node, "%s: %s is a string to YAML 1.1; taken as a number", e->name, node->text);
    return v;
}

static int read_weights(struct entry *e, const struct yaml_node *values, double *weights)
{
    const struct yaml_node *list = yaml_get(e->map, "probabilities");
    double sum = 0;
    if (list->kind != YAML_LIST || list->n != values->n)
        return sweepfile_error(e->r, list, "%s: as many probabilities as values are needed", e->name);
    for (int k = 0; k < list->n; k++) {
        if (sweepfile_number(e->r, list->items[k], "probability", &weights[k]) < 0)
            return -1;
        if (weights[k] < 0)
            return sweepfile_error(e->r, list->items[k], "%s: a probability is negative", e->name);
        sum += weights[k];
    }
    return fabs(sum - 1) < 1e-6
               ? 0
               : sweepfile_error(e->r, list, "%s: the probabilities sum to %g, not 1", e->name, sum);
}

/* Equal values are one choice with their weights added. Returns how many are left. */
static int fold_equal(struct entry *e, const struct yaml_node *list, struct tune_value *v, double *w, int n)
{
    int kept = 0;
    for (int k = 0; k < n; k++) {
        int same = 0;
        while (same < kept && !tune_same(&v[same], &v[k]))
            same++;
        if (same < kept) {
            char text[60];
            tune_text(&v[k], text, sizeof text);
            sweepfile_warn(e->r, list->items[k], "%s: %s stands in the list twice", e->name, text);
            w[same] += w[k];
            tune_value_free(&v[k]);
            continue;
        }
        v[kept] = v[k];
        w[kept++] = w[k];
    }
    return kept;
}

static void put_list(struct entry *e, const struct tune_value *v, const double *w, int n, bool weighted)
{
    jw_key(e->all->out, "values");
    jw_array(e->all->out);
    for (int k = 0; k < n; k++)
        tune_value_json(e->all->out, &v[k]);
    jw_array_end(e->all->out);
    if (!weighted)
        return;
    jw_key(e->all->out, "probabilities");
    jw_array(e->all->out);
    for (int k = 0; k < n; k++)
        jw_double(e->all->out, w[k]);
    jw_array_end(e->all->out);
}

static int read_list(struct entry *e, const struct yaml_node *list)
{
    if (list->kind != YAML_LIST || list->n < 1)
        return sweepfile_error(e->r, list, "%s: values must be a list with at least one entry", e->name);
    bool weighted = yaml_get(e->map, "probabilities") != NULL, numbers = true, even = true;
    struct tune_value *v = mem_zero((size_t)list->n, sizeof *v);
    double *w = mem_zero((size_t)list->n, sizeof *w), x;
    int n = list->n, rc = 0;
    for (int k = 0; k < n; k++) {
        v[k] = list_value(e, list->items[k]);
        w[k] = 1.0 / n;
    }
    if (weighted)
        rc = read_weights(e, list, w);
    n = fold_equal(e, list, v, w, n);
    for (int k = 0; k < n; k++) {
        numbers &= tune_number(&v[k], &x);
        even &= fabs(w[k] - 1.0 / n) < 1e-12;
    }
    if (rc == 0) {
        e->p->type = n == 1 ? PARAM_CONSTANT : numbers ? PARAM_ORDINAL : PARAM_CATEGORICAL;
        param_set_choices(e->p, v, n);
        if (!even && n > 1)
            e->p->weights = mem_dup(w, (size_t)n * sizeof *w);
        put_list(e, v, w, n, weighted);
    }
    for (int k = 0; k < n; k++)
        tune_value_free(&v[k]);
    free(v);
    free(w);
    return rc;
}

static int read_constant(struct entry *e, const struct yaml_node *node)
{
    struct tune_value v = list_value(e, node);
    e->p->type = PARAM_CONSTANT;
    param_set_choices(e->p, &v, 1);
    jw_key(e->all->out, "value");
    tune_value_json(e->all->out, &v);
    tune_value_free(&v);
    return 0;
}

/* ---- one parameter ---- */

static const char *infer(const struct yaml_node *map)
{
    if (yaml_get(map, "values"))
        return yaml_get(map, "probabilities") ? "categorical_w_probabilities" : "categorical";
    if (yaml_get(map, "min") && yaml_get(map, "max"))
        return is_whole(yaml_get(map, "min")) && is_whole(yaml_get(map, "max")) ? "int_uniform" : "uniform";
    return yaml_get(map, "value") ? "constant" : NULL;
}

static void warn_unknown(struct sweep_reader *r, const struct yaml_node *map, const char *name)
{
    static const char *const known[] = {"distribution",
                                        "value",
                                        "values",
                                        "probabilities",
                                        "min",
                                        "max",
                                        "mu",
                                        "sigma",
                                        "q",
                                        "a",
                                        "b",
                                        "parameters",
                                        "desc",
                                        "description",
                                        NULL};
    for (int i = 0; i < map->n; i++) {
        int k = 0;
        while (known[k] && strcmp(known[k], map->keys[i]->text))
            k++;
        if (!known[k])
            sweepfile_warn(r, map->keys[i], "%s: unknown key \"%s\"", name, map->keys[i]->text);
    }
}

static int read_kind(struct entry *e, const char *kind, const struct yaml_node *at)
{
    const struct yaml_node *values = yaml_get(e->map, "values"), *value = yaml_get(e->map, "value");
    if (!strcmp(kind, "categorical") || !strcmp(kind, "categorical_w_probabilities"))
        return values ? read_list(e, values)
                      : sweepfile_error(e->r, e->map, "%s: values are missing", e->name);
    if (!strcmp(kind, "constant"))
        return value ? read_constant(e, value)
                     : sweepfile_error(e->r, e->map, "%s: value is missing", e->name);
    const struct distribution *d = find_distribution(kind);
    return d ? read_numeric(e, d)
             : sweepfile_error(e->r, at, "%s: there is no distribution \"%s\"", e->name, kind);
}

static int read_one(struct sweep_reader *r, const struct yaml_node *map, const char *name,
                    struct sweep_params *all)
{
    const struct yaml_node *given = yaml_get(map, "distribution");
    const char *kind = given && given->kind == YAML_SCALAR ? given->text : given ? NULL : infer(map);
    if (!kind)
        return sweepfile_error(r, given ? given : map,
                               "%s: give value, values, or min and max (and a distribution)", name);
    if (all->space->n >= SWEEP_PARAMS_MAX)
        return sweepfile_error(r, map, "more than %d parameters", SWEEP_PARAMS_MAX);
    warn_unknown(r, map, name);
    struct entry e = {.r = r, .map = map, .name = name, .all = all, .p = space_add(all->space, name)};
    e.p->distribution = mem_str(kind);
    jw_key(all->out, name);
    jw_object(all->out);
    jw_key(all->out, "distribution");
    jw_str(all->out, kind);
    int rc = read_kind(&e, kind, given);
    jw_object_end(all->out);
    return rc;
}

static char *join(const char *prefix, const char *name, int separator)
{
    struct buf b = {0};
    if (*prefix) {
        buf_puts(&b, prefix);
        buf_putc(&b, separator);
    }
    buf_puts(&b, name);
    return buf_take(&b);
}

static int read_map(struct sweep_reader *r, const struct yaml_node *map, const char *prefix, const char *path,
                    struct sweep_params *p)
{
    int rc = 0;
    if (map->kind != YAML_MAP)
        return sweepfile_error(r, map, "%s: a map of parameters is expected",
                               *prefix ? prefix : "parameters");
    for (int i = 0; i < map->n && rc == 0; i++) {
        const struct yaml_node *entry = map->items[i], *inner = yaml_get(entry, "parameters");
        char *name = join(prefix, map->keys[i]->text, '.'), *nested = join(path, map->keys[i]->text, NEST);
        if (!*map->keys[i]->text || strchr(map->keys[i]->text, NEST)) {
            rc = sweepfile_error(r, map->keys[i], "a parameter needs a name");
        } else if (entry->kind != YAML_MAP) {
            rc = sweepfile_error(r, entry, "%s: a map with value, values, or min and max is expected", name);
        } else if (inner && !yaml_get(entry, "value") && !yaml_get(entry, "values") &&
                   !yaml_get(entry, "min")) {
            rc = read_map(r, inner, name, nested, p);
        } else if ((rc = read_one(r, entry, name, p)) == 0) {
            p->nested = mem_resize(p->nested, (size_t)p->space->n, sizeof *p->nested);
            p->nested[p->space->n - 1] = nested;
            nested = NULL;
        }
        free(name);
        free(nested);
    }
    return rc;
}

int sweep_params_read(struct sweep_reader *r, const struct yaml_node *map, struct sweep_params *p)
{
    return read_map(r, map, "", "", p);
}
