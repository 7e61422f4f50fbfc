/* sweep_goals: of the key `hypertop:` what shapes the search: several objectives, constraints between parameters, choices of
 * k values from one list. Each mistake is told at the character where it stands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/sweep_own.h"
#include "tune/expr.h"

/* ---- objectives ---- */

static int read_goal(struct sweep_reader *r, const struct yaml_node *map, const struct sweepfile *f, int i,
                     struct objective *o)
{
    const struct yaml_node *name = yaml_get(map, "name"), *goal = yaml_get(map, "goal"),
                           *reference = yaml_get(map, "reference");
    if (map->kind != YAML_MAP || !name || name->kind != YAML_SCALAR || !*name->text)
        return sweepfile_error(r, map, "objectives: {name, goal, reference} is expected, name is the one of a metric");
    for (int k = 0; k < map->n; k++)
        if (map->items[k] != name && map->items[k] != goal && map->items[k] != reference)
            sweepfile_warn(r, map->keys[k], "unknown key \"hypertop.objectives.%s\"", map->keys[k]->text);
    for (int k = 0; k < i; k++)
        if (!strcmp(f->objectives[k].name, name->text))
            return sweepfile_error(r, name, "objectives: %s stands in the list twice", name->text);
    o->maximize = goal && goal->kind == YAML_SCALAR && !strcmp(goal->text, "maximize");
    if (goal && !o->maximize && (goal->kind != YAML_SCALAR || strcmp(goal->text, "minimize")))
        return sweepfile_error(r, goal, "objectives.goal: minimize or maximize");
    o->reference = NAN;
    if (reference && sweepfile_number(r, reference, "objectives.reference", &o->reference) < 0)
        return -1;
    o->name = mem_str(name->text);
    return 0;
}

static int read_objectives(struct sweep_reader *r, const struct yaml_node *node, const struct yaml_node *root,
                           struct sweepfile *f)
{
    if (node->kind != YAML_LIST || node->n < 1 || node->n > OBJECTIVES_MAX)
        return sweepfile_error(r, node, "objectives: a list of 1 to %d {name, goal, reference} is expected", OBJECTIVES_MAX);
    f->objectives = mem_zero((size_t)node->n, sizeof *f->objectives);
    for (int i = 0; i < node->n; i++, f->n_objectives++)
        if (read_goal(r, node->items[i], f, i, &f->objectives[i]) < 0)
            return -1;
    if (yaml_get(root, "metric") && strcmp(f->metric, f->objectives[0].name) != 0)
        sweepfile_warn(r, node->items[0], "objectives: %s takes the place of the metric %s", f->objectives[0].name, f->metric);
    free(f->metric);
    f->metric = mem_str(f->objectives[0].name);
    f->maximize = f->objectives[0].maximize;
    return 0;
}

/* ---- choose ---- */

static int read_flag(struct sweep_reader *r, const struct yaml_node *node, const char *what, bool *out)
{
    struct tune_value v = {.kind = TUNE_BOOL, .b = *out};
    if (node)
        v = yaml_value(node);
    bool is = v.kind == TUNE_BOOL;
    if (is)
        *out = v.b;
    tune_value_free(&v);
    return is ? 0 : sweepfile_error(r, node, "choose.%s: true or false", what);
}

static int read_choice(struct sweep_reader *r, const struct yaml_node *key, const struct yaml_node *map, struct sweepfile *f)
{
    static const char *const known[] = {"from", "k", "distinct", "sorted"};
    const struct yaml_node *from = yaml_get(map, "from"), *count = yaml_get(map, "k");
    bool distinct = true, sorted = false, loose;
    int64_t k = 1;
    if (map->kind != YAML_MAP || !from || from->kind != YAML_LIST || from->n < 1)
        return sweepfile_error(r, map, "choose.%s: {from: [...], k, distinct, sorted} is expected", key->text);
    for (int i = 0; i < map->n; i++) {
        int j = 0;
        while (j < 4 && strcmp(known[j], map->keys[i]->text))
            j++;
        if (j == 4)
            sweepfile_warn(r, map->keys[i], "unknown key \"hypertop.choose.%s.%s\"", key->text, map->keys[i]->text);
    }
    if ((count && sweepfile_int(r, count, "choose.k", &k) < 0) ||
        read_flag(r, yaml_get(map, "distinct"), "distinct", &distinct) < 0 ||
        read_flag(r, yaml_get(map, "sorted"), "sorted", &sorted) < 0)
        return -1;
    if (k < 1 || k > 16)
        return sweepfile_error(r, count, "choose.k: a whole number from 1 to 16");
    struct tune_value *v = mem_zero((size_t)from->n, sizeof *v);
    int rc = 0;
    char *why = NULL;
    for (int i = 0; i < from->n; i++) {
        v[i] = yaml_number_value(from->items[i], &loose);
        for (int j = 0; j < i && rc == 0; j++)
            if (tune_same(&v[i], &v[j]))
                rc = sweepfile_error(r, from->items[i], "choose.%s: a value stands in the list twice", key->text);
    }
    if (rc == 0 && space_choose_from(f->space, key->text, v, from->n, (int)k, distinct, sorted, &why) < 0)
        rc = sweepfile_error(r, map, "choose.%s", why);
    for (int i = 0; i < from->n; i++)
        tune_value_free(&v[i]);
    free(v);
    free(why);
    return rc;
}

static int read_choose(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    if (node->kind != YAML_MAP)
        return sweepfile_error(r, node, "choose: a map of NAME: {from: [...], k, distinct, sorted} is expected");
    for (int i = 0; i < node->n; i++)
        if (read_choice(r, node->keys[i], node->items[i], f) < 0)
            return -1;
    return 0;
}

int sweep_goals_before(struct sweep_reader *r, const struct yaml_node *root, const struct yaml_node *own, struct sweepfile *f)
{
    const struct yaml_node *objectives = yaml_get(own, "objectives"), *choose = yaml_get(own, "choose");
    if (objectives && read_objectives(r, objectives, root, f) < 0)
        return -1;
    return choose ? read_choose(r, choose, f) : 0;
}

/* ---- constraints ---- */

static int read_constraint(struct sweep_reader *r, const struct yaml_node *node, struct space *s)
{
    char *why = NULL;
    size_t at = 0;
    if (node->kind != YAML_SCALAR)
        return sweepfile_error(r, node, "constraints: a condition in quotes is expected, as in \"layers >= 2 or dropout == 0\"");
    if (space_constrain(s, node->text, &at, &why) == 0)
        return 0;
    struct yaml_node place = *node; /* right under the character; in a text of several lines at its beginning */
    if (!strchr(node->text, '\n'))
        place.column += (int)at + !node->plain;
    sweepfile_error(r, &place, "constraints: %s", why);
    free(why);
    return -1;
}

int sweep_goals_constraints(struct sweep_reader *r, const struct yaml_node *own, struct sweepfile *f)
{
    const struct yaml_node *node = yaml_get(own, "constraints");
    if (!node)
        return 0;
    if (node->kind != YAML_LIST)
        return sweepfile_error(r, node, "constraints: a list of conditions is expected");
    for (int i = 0; i < node->n; i++)
        if (read_constraint(r, node->items[i], f->space) < 0)
            return -1;
    return 0;
}

int sweep_goals_feasible(struct sweep_reader *r, const struct yaml_node *own, struct sweepfile *f)
{
    char *why = NULL;
    if (space_find_feasible(f->space, &why) == 0)
        return 0;
    sweepfile_error(r, yaml_get(own, "constraints"), "constraints: %s", why);
    free(why);
    return -1;
}

/* ---- dry run ---- */

void sweep_goals_json(const struct sweepfile *f, struct json_out *out)
{
    const struct space *s = f->space;
    jw_key(out, "objectives");
    jw_array(out);
    for (int i = 0; i < f->n_objectives; i++) {
        jw_object(out);
        jw_key(out, "name");
        jw_str(out, f->objectives[i].name);
        jw_key(out, "goal");
        jw_str(out, f->objectives[i].maximize ? "maximize" : "minimize");
        jw_key(out, "reference");
        jw_double(out, f->objectives[i].reference);
        jw_object_end(out);
    }
    jw_array_end(out);
    jw_key(out, "constraints");
    jw_array(out);
    for (int i = 0; s && i < s->n_constraints; i++)
        jw_str(out, expr_text(s->constraints[i]));
    jw_array_end(out);
    jw_key(out, "choose");
    jw_object(out);
    for (int i = 0; s && i < s->n_groups; i++) {
        const struct space_group *g = &s->groups[i];
        const struct param *p = &s->params[g->first];
        jw_key(out, g->name);
        jw_object(out);
        jw_key(out, "from");
        jw_array(out);
        for (int k = 0; k < p->n_choices; k++)
            tune_value_json(out, &p->choices[k]);
        jw_array_end(out);
        jw_key(out, "k");
        jw_int(out, g->k);
        jw_key(out, "distinct");
        jw_bool(out, g->distinct);
        jw_key(out, "sorted");
        jw_bool(out, g->sorted);
        jw_object_end(out);
    }
    jw_object_end(out);
    jw_key(out, "space_size");
    double n = s ? space_count(s) : INFINITY;
    if (isfinite(n) && n < 9e15)
        jw_int(out, (int64_t)n);
    else
        jw_double(out, n); /* null when infinite */
}
