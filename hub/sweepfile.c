/* The top level of a sweep file and our own key. Parameters are read in sweep_params.c, the rest of our key
 * in sweep_own.c, command lines are made in sweep_argv.c. */
#include "hub/sweepfile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/sweep_candidates.h"
#include "hub/sweep_own.h"
#include "hub/warm_start.h"

/* ---- release ---- */

static void free_words(char **words)
{
    for (int i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}

static void free_kv(struct tuner_kv *kv)
{
    for (int i = 0; kv && kv[i].name; i++)
        free((char *)kv[i].name);
    free(kv);
}

void sweepfile_release(struct sweepfile *f)
{
    free(f->name);
    free(f->method);
    free(f->metric);
    space_free(f->space);
    for (int i = 0; i < f->n_objectives; i++)
        free((char *)f->objectives[i].name);
    free(f->objectives);
    free(f->sampler);
    free(f->stopper);
    free_kv(f->sampler_options);
    free_kv(f->stopper_options);
    free_words(f->command);
    free_words(f->adviser.command);
    free(f->program);
    free(f->seeds);
    free(f->test_seeds);
    free_words(f->test_command);
    free_words(f->live);
    free(f->candidates);
    warm_start_release(f);
    buf_release(&f->wrap);
    free_words(f->rules);
    free_words(f->warnings);
    free(f->params_json);
    free_words(f->nested);
    free(f->path);
    memset(f, 0, sizeof *f);
}

/* ---- W&B's keys ---- */

static int read_method(struct sweep_reader *r, const struct yaml_node *root, struct sweepfile *f)
{
    static const char *const tuners[][2] = {
        {"grid", "grid"}, {"random", "random"}, {"bayes", "auto"}, {"custom", "auto"}};
    const struct yaml_node *node = yaml_get(root, "method");
    if (!node) {
        sweepfile_warn(r, root, "method is missing; bayes is assumed");
        f->method = mem_str("bayes");
    } else if (sweepfile_string(r, node, "method", &f->method) < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof tuners / sizeof *tuners; i++)
        if (!strcmp(f->method, tuners[i][0]))
            f->sampler = mem_str(tuners[i][1]);
    return f->sampler
               ? 0
               : sweepfile_error(r, node, "method: bayes, random, grid or custom, not \"%s\"", f->method);
}

static int read_metric(struct sweep_reader *r, const struct yaml_node *root, struct sweepfile *f)
{
    const struct yaml_node *node = yaml_get(root, "metric"), *many = yaml_get(root, "metrics"), *name, *goal,
                           *target;
    if (!node && many && many->kind == YAML_LIST && many->n) {
        node = many->items[0];
        sweepfile_warn(r, many, "metrics: the first one is the objective");
    }
    if (!node) {
        f->metric = mem_str("objective");
        return 0;
    }
    if (node->kind != YAML_MAP)
        return sweepfile_error(r, node, "metric: a map with name and goal is expected");
    name = yaml_get(node, "name");
    goal = yaml_get(node, "goal");
    target = yaml_get(node, "target");
    if (!name)
        return sweepfile_error(r, node, "metric: name is missing");
    if (sweepfile_string(r, name, "metric.name", &f->metric) < 0)
        return -1;
    if (goal) {
        f->maximize = goal->kind == YAML_SCALAR && !strcmp(goal->text, "maximize");
        if (!f->maximize && (goal->kind != YAML_SCALAR || strcmp(goal->text, "minimize")))
            return sweepfile_error(r, goal, "metric.goal: minimize or maximize");
    }
    return target ? sweepfile_number(r, target, "metric.target", &f->target) : 0;
}

static int read_command(struct sweep_reader *r, const struct yaml_node *root, struct sweepfile *f)
{
    static const char *const standard[] = {"${env}", "${interpreter}", "${program}", "${args}"};
    const struct yaml_node *program = yaml_get(root, "program"), *node = yaml_get(root, "command");
    if (program && sweepfile_string(r, program, "program", &f->program) < 0)
        return -1;
    int n = node ? node->n : 4;
    if (node && node->kind == YAML_SCALAR && node->plain && !*node->text)
        n = 4; /* `command:` with nothing behind it */
    else if (node && (node->kind != YAML_LIST || !node->n))
        return sweepfile_error(r, node, "command: a list of words is expected");
    f->command = mem_zero((size_t)n + 1, sizeof *f->command);
    for (int i = 0; i < n; i++) {
        if (!node || node->kind != YAML_LIST)
            f->command[i] = mem_str(standard[i]);
        else if (sweepfile_string(r, node->items[i], "command", &f->command[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_early_terminate(struct sweep_reader *r, const struct yaml_node *root, struct sweepfile *f)
{
    static const char *const keys[] = {"min_iter", "max_iter", "s", "eta"};
    const struct yaml_node *node = yaml_get(root, "early_terminate"), *type = yaml_get(node, "type"), *strict;
    if (!node || (node->kind == YAML_SCALAR && !*node->text))
        return 0;
    if (node->kind != YAML_MAP || !type || type->kind != YAML_SCALAR)
        return sweepfile_error(r, node, "early_terminate: a map with type: hyperband is expected");
    if (strcmp(type->text, "hyperband"))
        return sweepfile_error(r, type, "early_terminate: there is only type hyperband, not \"%s\"",
                               type->text);
    if (!yaml_get(node, "min_iter") && !(yaml_get(node, "max_iter") && yaml_get(node, "s")))
        return sweepfile_error(r, node, "early_terminate: min_iter, or max_iter with s, is missing");
    struct sweep_kv kv = {0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct yaml_node *value = yaml_get(node, keys[i]);
        double x;
        if (value && sweepfile_number(r, value, keys[i], &x) < 0) {
            free_kv(kv.kv);
            return -1;
        }
        if (value)
            sweep_kv_add(&kv, keys[i], x);
    }
    strict = yaml_get(node, "strict");
    if (strict) {
        struct tune_value v = yaml_value(strict);
        sweep_kv_add(&kv, "strict", v.kind == TUNE_BOOL ? v.b : 1);
        tune_value_free(&v);
    }
    f->stopper = mem_str("wandb_hyperband");
    f->stopper_options = kv.kv;
    return 0;
}

static int read_cap(struct sweep_reader *r, const struct yaml_node *root, struct sweepfile *f)
{
    const struct yaml_node *node = yaml_get(root, "run_cap");
    if (!node)
        return 0;
    if (sweepfile_int(r, node, "run_cap", &f->budget) < 0)
        return -1;
    return f->budget > 0 ? 0 : sweepfile_error(r, node, "run_cap: a number above 0");
}

static void warn_unknown(struct sweep_reader *r, const struct yaml_node *root)
{
    static const char *const known[] = {
        "method",  "parameters", "metric",    "metrics",    "early_terminate", "scheduler", "command",
        "program", "job",        "image_uri", "name",       "description",     "entity",    "project",
        "run_cap", "controller", "kind",      "apiVersion", "settings",        "hypertop",  NULL,
    };
    for (int i = 0; i < root->n; i++) {
        int k = 0;
        while (known[k] && strcmp(known[k], root->keys[i]->text))
            k++;
        if (!known[k])
            sweepfile_warn(r, root->keys[i], "unknown key \"%s\"", root->keys[i]->text);
    }
}

/* The sweep's name: as given, else the stem of the program or of the file. */
static int read_name(struct sweep_reader *r, const struct yaml_node *root, struct sweepfile *f)
{
    const struct yaml_node *node = yaml_get(root, "name");
    if (node && node->kind == YAML_SCALAR && *node->text)
        return sweepfile_string(r, node, "name", &f->name);
    const char *path = f->program && *f->program ? f->program : r->path, *slash = strrchr(path, '/');
    const char *base = slash && slash[1] ? slash + 1 : path, *dot = strrchr(base, '.');
    f->name = mem_strn(base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
    return 0;
}

/* ---- parameters ---- */

static const struct yaml_node *parameters_of(struct sweep_reader *r, const struct yaml_node *root, bool *bare)
{
    const struct yaml_node *map = yaml_get(root, "parameters"), *scheduler = yaml_get(root, "scheduler");
    *bare = false;
    if (!map)
        map = yaml_get(scheduler, "search_space");
    if (map || root->kind != YAML_MAP || yaml_get(root, "method") || yaml_get(root, "program") || scheduler)
        return map;
    for (int i = 0; i < root->n; i++)
        if (root->items[i]->kind != YAML_MAP)
            return NULL;
    *bare = root->n > 0;
    return *bare ? root : NULL;
}

static int read_parameters(struct sweep_reader *r, const struct yaml_node *map, struct sweepfile *f)
{
    struct buf text = {0};
    struct json_out out;
    struct sweep_params p = {
        .space = f->space = space_new(), .out = &out, .grid = !strcmp(f->method, "grid")};
    jw_open(&out, &text);
    jw_object(&out);
    int rc = sweep_params_read(r, map, &p), n = 0;
    jw_object_end(&out);
    f->params_json = buf_take(&text);
    f->nested = mem_zero((size_t)f->space->n + 1, sizeof *f->nested);
    /* the last one is missing when reading stopped at it */
    for (int i = 0; i < f->space->n && p.nested; i++) {
        bool last = rc < 0 && i == f->space->n - 1;
        char *path = last ? NULL : p.nested[i];
        if (path && strchr(path, NEST))
            f->nested[n++] = path;
        else
            free(path);
    }
    free(p.nested);
    return rc;
}

static int finish_space(struct sweep_reader *r, const struct yaml_node *map, struct sweepfile *f)
{
    char *why = NULL;
    if (!f->space->n)
        return sweepfile_error(r, map, "there are no parameters");
    if (space_finish(f->space, &why) == 0)
        return 0;
    sweepfile_error(r, map, "%s", why);
    free(why);
    return -1;
}

/* ---- all ---- */

static int read_root(struct sweep_reader *r, const struct yaml_node *root, struct sweepfile *f)
{
    bool bare;
    const struct yaml_node *own = yaml_get(root, "hypertop"), *map;
    if (!root || root->kind != YAML_MAP)
        return sweepfile_error(
            r, root, root ? "a sweep file is a map with method and parameters" : "the file is empty");
    map = parameters_of(r, root, &bare);
    if (!map)
        return sweepfile_error(r, root, "parameters are missing");
    if (bare) {
        static const struct yaml_node nothing = {.kind = YAML_MAP};
        root = &nothing;
        f->method = mem_str("custom");
        f->sampler = mem_str("auto");
    } else if (read_method(r, root, f) < 0) {
        return -1;
    }
    if (read_metric(r, root, f) < 0 || read_command(r, root, f) < 0 || read_early_terminate(r, root, f) < 0 ||
        read_cap(r, root, f) < 0 || read_name(r, root, f) < 0 || read_parameters(r, map, f) < 0)
        return -1;
    if (own && (sweep_goals_before(r, root, own, f) < 0 || sweep_own_read(r, own, f) < 0 ||
                sweep_goals_constraints(r, own, f) < 0))
        return -1;
    warn_unknown(r, root);
    return finish_space(r, map, f) < 0 ? -1 : sweep_goals_feasible(r, own, f);
}

int sweepfile_parse(struct sweepfile *f, const char *yaml, size_t n, const char *path, char **cause)
{
    struct yaml_tree tree;
    struct sweep_reader r = {.path = path, .cause = cause};
    memset(f, 0, sizeof *f);
    f->target = NAN;
    f->budget = f->max_fidelity = -1;
    f->test_incumbents = 1;
    f->path = mem_str(path);
    int rc = yaml_read(&tree, yaml, n, path, cause);
    if (rc == 0)
        rc = read_root(&r, tree.root, f);
    yaml_release(&tree);
    f->warnings = r.warnings ? r.warnings : mem_zero(1, sizeof *f->warnings);
    if (!f->seeds) {
        f->seeds = mem_zero(1, sizeof *f->seeds);
        f->n_seeds = 1;
    }
    if (!f->live)
        f->live = mem_zero(1, sizeof *f->live);
    if (rc < 0)
        sweepfile_release(f);
    else
        sweepfile_settle(f);
    return rc;
}

/* ---- dry run ---- */

static void put_json_number(struct json_out *out, const char *key, double v)
{
    jw_key(out, key);
    if (v == floor(v) && fabs(v) < 9e15)
        jw_int(out, (int64_t)v);
    else
        jw_double(out, v);
}

static void put_part(struct json_out *out, const char *key, const char *name, const struct tuner_kv *kv)
{
    jw_key(out, key);
    if (!name) {
        jw_null(out);
        return;
    }
    jw_object(out);
    jw_key(out, "name");
    jw_str(out, name);
    for (; kv && kv->name; kv++) {
        if (kv->value == ARMS_VALUES || kv->value == ARMS_DECADES) {
            jw_key(out, kv->name);
            jw_str(out, kv->value == ARMS_VALUES ? "values" : "decades");
        } else {
            put_json_number(out, kv->name, kv->value);
        }
    }
    jw_object_end(out);
}

static void put_words(struct json_out *out, const char *key, char *const *words)
{
    jw_key(out, key);
    jw_array(out);
    for (; words && *words; words++)
        jw_str(out, *words);
    jw_array_end(out);
}

static void put_seeds(struct json_out *out, const char *key, const int64_t *seeds, int n)
{
    jw_key(out, key);
    jw_array(out);
    for (int i = 0; i < n; i++)
        jw_int(out, seeds[i]);
    jw_array_end(out);
}

void sweepfile_json(const struct sweepfile *f, struct json_out *out)
{
    jw_object(out);
    jw_key(out, "name");
    jw_str(out, f->name);
    jw_key(out, "method");
    jw_str(out, f->method);
    jw_key(out, "metric");
    jw_object(out);
    jw_key(out, "name");
    jw_str(out, f->metric);
    jw_key(out, "goal");
    jw_str(out, f->maximize ? "maximize" : "minimize");
    if (!isnan(f->target))
        put_json_number(out, "target", f->target);
    jw_object_end(out);
    jw_key(out, "parameters");
    buf_puts(out->b, f->params_json);
    out->comma = true;
    put_words(out, "command", f->command);
    if (f->program) {
        jw_key(out, "program");
        jw_str(out, f->program);
    }
    put_part(out, "tuner", f->sampler, f->sampler_options);
    put_part(out, "stopper", f->stopper, f->stopper_options);
    jw_key(out, "budget");
    if (f->budget >= 0)
        jw_int(out, f->budget);
    else
        jw_null(out);
    put_seeds(out, "seeds", f->seeds, f->n_seeds);
    jw_key(out, "replicates");
    jw_str(out, f->replicates ? "auto" : "all");
    put_seeds(out, "test_seeds", f->test_seeds, f->n_test_seeds);
    put_words(out, "live", f->live);
    sweep_goals_json(f, out);
    sweep_candidates_json(f, out);
    warm_start_json(f, out);
    sweep_wrap_json(f, out);
    put_words(out, "warnings", f->warnings);
    jw_object_end(out);
}
