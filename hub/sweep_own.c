/* One function a key; a wrong value is an error at its place, an unknown key a warning. */
#include "hub/sweep_own.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/alerts.h"
#include "hub/sweep_candidates.h"
#include "hub/warm_start.h"

#define SEEDS_MAX 10000

void sweep_kv_add(struct sweep_kv *list, const char *name, double value)
{
    list->kv = mem_resize(list->kv, (size_t)list->n + 2, sizeof *list->kv);
    list->kv[list->n++] = (struct tuner_kv){mem_str(name), value};
    list->kv[list->n] = (struct tuner_kv){NULL, 0};
}

static int find_param(struct sweep_reader *r, const struct yaml_node *at, const char *where, const char *name,
                      const struct space *s)
{
    int i = space_find(s, name), near = i < 0 ? space_find_near(s, name) : -1;
    if (i < 0 && near >= 0)
        sweepfile_error(r, at, "%s: no parameter is called \"%s\"; did you mean %s?", where, name,
                        s->params[near].name);
    else if (i < 0)
        sweepfile_error(r, at, "%s: no parameter is called \"%s\"", where, name);
    return i;
}

/* ---- tuner and stopper ---- */

static int read_arms(struct sweep_reader *r, const struct yaml_node *node, const struct space *s,
                     struct sweep_kv *kv)
{
    if (node->kind != YAML_MAP)
        return sweepfile_error(r, node,
                               "arms: a map of PARAM: values, decades or a number of bins is expected");
    for (int i = 0; i < node->n; i++) {
        const struct yaml_node *key = node->keys[i], *how = node->items[i];
        char name[300];
        double x;
        if (find_param(r, key, "arms", key->text, s) < 0)
            return -1;
        if (how->kind == YAML_SCALAR && !strcmp(how->text, "values"))
            x = ARMS_VALUES;
        else if (how->kind == YAML_SCALAR && !strcmp(how->text, "decades"))
            x = ARMS_DECADES;
        else if (sweepfile_number(r, how, "arms", &x) < 0 || x < 1 || x != floor(x))
            return sweepfile_error(r, how, "arms.%s: values, decades or a number of bins", key->text);
        snprintf(name, sizeof name, "arms.%s", key->text);
        sweep_kv_add(kv, name, x);
    }
    return 0;
}

/* The parameters that a population may change. */
static int read_explore(struct sweep_reader *r, const struct yaml_node *node, const struct space *s, struct sweep_kv *kv)
{
    if (node->kind != YAML_LIST)
        return sweepfile_error(r, node, "explore: a list of parameters is expected");
    for (int i = 0; i < node->n; i++) {
        char name[300];
        if (find_param(r, node->items[i], "explore", node->items[i]->text, s) < 0)
            return -1;
        snprintf(name, sizeof name, "explore.%s", node->items[i]->text);
        sweep_kv_add(kv, name, 1);
    }
    return 0;
}

static int read_option(struct sweep_reader *r, const struct yaml_node *key, const struct yaml_node *value,
                       struct sweep_kv *kv)
{
    struct tune_value v = yaml_value(value);
    double x;
    bool flag = v.kind == TUNE_BOOL, on = flag && v.b;
    tune_value_free(&v);
    if (!flag && sweepfile_number(r, value, key->text, &x) < 0)
        return -1;
    sweep_kv_add(kv, key->text, flag ? on : x);
    return 0;
}

static int unknown_part(struct sweep_reader *r, const struct yaml_node *title, bool sampler, const char *what)
{
    struct buf known = {0};
    for (int i = 0; tuner_list[i]; i++)
        if (sampler ? tuner_list[i]->propose != NULL : tuner_is_stopper(tuner_list[i]))
            buf_printf(&known, "%s%s", known.len ? ", " : "", tuner_list[i]->name);
    sweepfile_error(r, title, "%s: there is none called \"%s\"; there are %s", what, title->text,
                    buf_cstr(&known));
    buf_release(&known);
    return -1;
}

/* NAME or {name: NAME, OPTION: number...}. Whether the options exist is checked by tuner_new. */
static int read_part(struct sweep_reader *r, const struct yaml_node *node, const struct space *s,
                     bool sampler, char **name, struct tuner_kv **options)
{
    const char *what = sampler ? "tuner" : "stopper";
    struct sweep_kv kv = {0};
    const struct yaml_node *title = node->kind == YAML_MAP ? yaml_get(node, "name") : node;
    const struct tuner_ops *ops;
    if (!title || title->kind != YAML_SCALAR)
        return sweepfile_error(r, node, "%s: name is missing", what);
    ops = tuner_find(title->text);
    if (!ops || (sampler ? !ops->propose : !tuner_is_stopper(ops)))
        return unknown_part(r, title, sampler, what);
    int rc = 0;
    for (int i = 0; node->kind == YAML_MAP && i < node->n && rc == 0; i++) {
        const struct yaml_node *key = node->keys[i];
        if (!strcmp(key->text, "name"))
            continue;
        if (sampler && !strcmp(key->text, "arms")) {
            rc = read_arms(r, node->items[i], s, &kv);
            continue;
        }
        if (sampler && !strcmp(key->text, "explore")) {
            rc = read_explore(r, node->items[i], s, &kv);
            continue;
        }
        int o = 0;
        while (ops->options && ops->options[o].name && strcmp(ops->options[o].name, key->text))
            o++;
        if (!ops->options || !ops->options[o].name)
            rc = sweepfile_error(r, key, "%s %s has no option \"%s\"", what, title->text, key->text);
        else if ((rc = read_option(r, key, node->items[i], &kv)) == 0) {
            double x = kv.kv[kv.n - 1].value;
            if (!(x >= ops->options[o].low && x <= ops->options[o].high))
                rc = sweepfile_error(r, node->items[i], "%s: %g is outside %g..%g", key->text, x,
                                     ops->options[o].low, ops->options[o].high);
        }
    }
    free(*name);
    for (int i = 0; *options && (*options)[i].name; i++)
        free((char *)(*options)[i].name);
    free(*options);
    *name = mem_str(title->text);
    *options = kv.kv;
    return rc;
}

/* ---- numbers ---- */

static int read_seeds(struct sweep_reader *r, const struct yaml_node *node, const char *what, int64_t first,
                      int64_t **out, int *n)
{
    int64_t count;
    if (node->kind != YAML_LIST) {
        if (sweepfile_int(r, node, what, &count) < 0)
            return -1;
        if (count < 1 || count > SEEDS_MAX)
            return sweepfile_error(r, node, "%s: how many seeds (1 to %d), or a list of them", what,
                                   SEEDS_MAX);
        *out = mem_zero((size_t)count, sizeof **out);
        for (int64_t i = 0; i < count; i++)
            (*out)[i] = first + i;
        *n = (int)count;
        return 0;
    }
    if (node->n < 1 || node->n > SEEDS_MAX)
        return sweepfile_error(r, node, "%s: between 1 and %d seeds", what, SEEDS_MAX);
    *out = mem_zero((size_t)node->n, sizeof **out);
    *n = node->n;
    for (int i = 0; i < node->n; i++) {
        if (sweepfile_int(r, node->items[i], what, &(*out)[i]) < 0)
            return -1;
        if ((*out)[i] < 0)
            return sweepfile_error(r, node->items[i], "%s: a seed is a whole number from 0", what);
        for (int k = 0; k < i; k++)
            if ((*out)[k] == (*out)[i])
                return sweepfile_error(r, node->items[i], "%s: %lld stands in the list twice", what,
                                       (long long)(*out)[i]);
    }
    return 0;
}

/* Test seeds never touch tuning seeds: a score on a seed that was tuned on is not a test. */
static int check_seeds(struct sweep_reader *r, const struct yaml_node *at, const struct sweepfile *f)
{
    for (int i = 0; i < f->n_test_seeds; i++)
        for (int k = 0; k < f->n_seeds; k++)
            if (f->test_seeds[i] == f->seeds[k])
                return sweepfile_error(r, at, "test_seeds: %lld is a tuning seed as well",
                                       (long long)f->seeds[k]);
    return 0;
}

static int read_count(struct sweep_reader *r, const struct yaml_node *node, const char *what, int64_t most,
                      int64_t *out)
{
    if (sweepfile_int(r, node, what, out) < 0)
        return -1;
    return *out >= 1 && *out <= most
               ? 0
               : sweepfile_error(r, node, "%s: a whole number from 1 to %lld", what, (long long)most);
}

static int read_replicates(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    f->replicates = node->kind == YAML_SCALAR && !strcmp(node->text, "auto");
    return f->replicates || (node->kind == YAML_SCALAR && !strcmp(node->text, "all"))
               ? 0
               : sweepfile_error(r, node, "replicates: auto (the tuner decides) or all (each trial with each seed) is expected");
}

static int read_fidelity(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    const struct yaml_node *max = node->kind == YAML_MAP ? yaml_get(node, "max") : node;
    return max ? read_count(r, max, "fidelity.max", INT64_C(1) << 50, &f->max_fidelity) : 0;
}

/* An error inside a rule is at the node's column, then at the rule's own. */
static int read_rules(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    if (node->kind != YAML_LIST || node->n > ALERT_RULES)
        return sweepfile_error(r, node, "rules: a list of at most %d rules is expected", ALERT_RULES);
    f->rules = mem_zero((size_t)node->n + 1, sizeof *f->rules);
    for (int i = 0; i < node->n; i++) {
        struct alert_rule rule;
        char *why = NULL;
        if (node->items[i]->kind != YAML_SCALAR)
            return sweepfile_error(r, node->items[i], "rules: a rule in words is expected: val_loss is nan");
        if (alert_rule_parse(&rule, node->items[i]->text, &why) < 0) {
            sweepfile_error(r, node->items[i], "%s", why);
            free(why);
            return -1;
        }
        alert_rule_release(&rule);
        f->rules[i] = mem_str(node->items[i]->text);
    }
    return 0;
}

/* What is done with the test seeds: how many of the best, and by which command. */
static int read_test(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    const struct yaml_node *count = yaml_get(node, "incumbents"), *command = yaml_get(node, "command");
    int64_t n = 1;
    if (node->kind != YAML_MAP)
        return sweepfile_error(r, node, "test: a map of incumbents and command is expected");
    for (int i = 0; i < node->n; i++)
        if (strcmp(node->keys[i]->text, "incumbents") && strcmp(node->keys[i]->text, "command"))
            sweepfile_warn(r, node->keys[i], "unknown key \"hypertop.test.%s\"", node->keys[i]->text);
    if (count && read_count(r, count, "test.incumbents", 1000, &n) < 0)
        return -1;
    f->test_incumbents = (int)n;
    if (!command)
        return 0;
    if (command->kind != YAML_LIST || !command->n)
        return sweepfile_error(r, command, "test.command: a list of words is expected");
    f->test_command = mem_zero((size_t)command->n + 1, sizeof *f->test_command);
    for (int i = 0; i < command->n; i++)
        if (sweepfile_string(r, command->items[i], "test.command", &f->test_command[i]) < 0)
            return -1;
    return 0;
}

static int read_live(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    if (node->kind != YAML_LIST)
        return sweepfile_error(r, node, "live: a list of parameters is expected");
    f->live = mem_zero((size_t)node->n + 1, sizeof *f->live);
    for (int i = 0; i < node->n; i++) {
        if (node->items[i]->kind != YAML_SCALAR)
            return sweepfile_error(r, node->items[i], "live: the name of a parameter is expected");
        if (find_param(r, node->items[i], "live", node->items[i]->text, f->space) < 0)
            return -1;
        f->live[i] = mem_str(node->items[i]->text);
    }
    f->live_any = node->n > 0;
    return 0;
}

static int read_wandb(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    struct tune_value v = yaml_value(node);
    bool flag = v.kind == TUNE_BOOL, on = flag && v.b;
    tune_value_free(&v);
    if (!flag && !(node->kind == YAML_SCALAR && !strcmp(node->text, "auto")))
        return sweepfile_error(r, node, "wandb: true, false or auto is expected");
    f->wandb = !flag ? SWEEPFILE_WANDB_AUTO : on ? SWEEPFILE_WANDB_ON : SWEEPFILE_WANDB_OFF;
    return 0;
}

/* ---- conditions ---- */

static int allow(struct sweep_reader *r, const struct yaml_node *value, const struct param *parent,
                 bool *when)
{
    bool loose;
    double dna;
    char *why = NULL;
    struct tune_value v = yaml_number_value(value, &loose);
    int rc = param_encode(parent, &v, &dna, &why);
    tune_value_free(&v);
    if (rc < 0)
        sweepfile_error(r, value, "conditions: %s", why);
    else
        when[(int)dna] = true;
    free(why);
    return rc;
}

static int read_condition(struct sweep_reader *r, const struct yaml_node *child, const struct yaml_node *map,
                          struct space *s)
{
    int i = find_param(r, child, "conditions", child->text, s);
    if (i < 0)
        return -1;
    if (map->kind != YAML_MAP || map->n != 1)
        return sweepfile_error(r, map, "conditions.%s: one PARENT: VALUE, [VALUE...] or {min, max}",
                               child->text);
    int k = find_param(r, map->keys[0], "conditions", map->keys[0]->text, s);
    if (k < 0)
        return -1;
    const struct yaml_node *what = map->items[0];
    struct param *p = &s->params[i];
    const struct param *parent = &s->params[k];
    p->parent = k;
    p->when_low = -INFINITY;
    p->when_high = INFINITY;
    if (param_numeric(parent)) {
        const struct yaml_node *min = yaml_get(what, "min"), *max = yaml_get(what, "max");
        if (!min && !max)
            return sweepfile_error(r, what, "conditions.%s: %s is a number; give {min, max}", child->text,
                                   parent->name);
        return (min && sweepfile_number(r, min, "min", &p->when_low) < 0) ||
                       (max && sweepfile_number(r, max, "max", &p->when_high) < 0)
                   ? -1
                   : 0;
    }
    free(p->when);
    p->when = mem_zero((size_t)parent->n_choices, sizeof *p->when);
    if (what->kind == YAML_SCALAR)
        return allow(r, what, parent, p->when);
    for (int c = 0; c < what->n; c++)
        if (allow(r, what->items[c], parent, p->when) < 0)
            return -1;
    return 0;
}

static int read_conditions(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    if (node->kind != YAML_MAP)
        return sweepfile_error(r, node, "conditions: a map of PARAM: {PARENT: VALUE} is expected");
    for (int i = 0; i < node->n; i++)
        if (read_condition(r, node->keys[i], node->items[i], f->space) < 0)
            return -1;
    return 0;
}

/* ---- all ---- */

static int read_key(struct sweep_reader *r, const struct yaml_node *key, const struct yaml_node *node,
                    struct sweepfile *f)
{
    int64_t n;
    const char *k = key->text;
    if (!strcmp(k, "tuner"))
        return read_part(r, node, f->space, true, &f->sampler, &f->sampler_options);
    if (!strcmp(k, "stopper")) {
        if (f->stopper)
            sweepfile_warn(r, node, "hypertop.stopper takes the place of early_terminate");
        return read_part(r, node, f->space, false, &f->stopper, &f->stopper_options);
    }
    if (!strcmp(k, "budget"))
        return read_count(r, node, "budget", INT64_C(1) << 40, &f->budget);
    if (!strcmp(k, "workers")) {
        if (read_count(r, node, "workers", 100000, &n) < 0)
            return -1;
        f->workers = (int)n;
        return 0;
    }
    if (!strcmp(k, "seeds"))
        return read_seeds(r, node, "seeds", 0, &f->seeds, &f->n_seeds);
    if (!strcmp(k, "replicates"))
        return read_replicates(r, node, f);
    if (!strcmp(k, "test_seeds"))
        return 0; /* after seeds */
    if (!strcmp(k, "test"))
        return read_test(r, node, f);
    if (!strcmp(k, "fidelity"))
        return read_fidelity(r, node, f);
    if (!strcmp(k, "rules"))
        return read_rules(r, node, f);
    if (!strcmp(k, "wandb"))
        return read_wandb(r, node, f);
    if (!strcmp(k, "live"))
        return read_live(r, node, f);
    if (!strcmp(k, "adviser"))
        return sweep_adviser_read(r, node, f);
    if (!strcmp(k, "conditions"))
        return read_conditions(r, node, f);
    if (!strcmp(k, "objectives") || !strcmp(k, "choose") || !strcmp(k, "constraints"))
        return 0; /* sweep_goals.c */
    if (sweep_wrap_key(k))
        return 0; /* sweep_wrap.c */
    if (!strcmp(k, "candidates"))
        return sweep_candidates_note(r, node, f);
    if (!strcmp(k, "warm_start"))
        return warm_start_note(r, node, f);
    if (!strcmp(k, "prior"))
        return warm_start_note_prior(r, node, f);
    sweepfile_warn(r, key, "unknown key \"hypertop.%s\"", k);
    return 0;
}

int sweep_own_read(struct sweep_reader *r, const struct yaml_node *own, struct sweepfile *f)
{
    const struct yaml_node *test = yaml_get(own, "test_seeds");
    if (own->kind != YAML_MAP)
        return sweepfile_error(r, own, "hypertop: a map is expected");
    for (int i = 0; i < own->n; i++)
        if (read_key(r, own->keys[i], own->items[i], f) < 0)
            return -1;
    if (f->replicates && f->n_seeds < 2)
        return sweepfile_error(r, yaml_get(own, "replicates"), "replicates: auto needs two or more seeds to choose from (seeds: 5)");
    if (sweep_wrap_read(r, own, f) < 0)
        return -1;
    if (!test && yaml_get(own, "test"))
        return sweepfile_error(r, yaml_get(own, "test"), "test: there are no test_seeds to run");
    if (!test)
        return 0;
    int64_t next = 0; /* seeds counted from N go on behind the tuning seeds */
    for (int i = 0; i < f->n_seeds; i++)
        next = f->seeds[i] >= next ? f->seeds[i] + 1 : next;
    if (!f->n_seeds)
        next = 1;
    if (read_seeds(r, test, "test_seeds", next, &f->test_seeds, &f->n_test_seeds) < 0)
        return -1;
    if (!f->n_seeds) { /* one run a trial, with seed 0 */
        f->seeds = mem_zero(1, sizeof *f->seeds);
        f->n_seeds = 1;
    }
    return check_seeds(r, test, f);
}
