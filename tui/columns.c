#include "tui/columns.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum column_kind kind;
} fixed[] = {
    {"step", COLUMN_STEP},   {"seconds", COLUMN_SECONDS}, {"progress", COLUMN_PROGRESS}, {"curve", COLUMN_CURVE},
    {"origin", COLUMN_OTHER}, {"tags", COLUMN_OTHER},     {"note", COLUMN_OTHER},        {"arm", COLUMN_OTHER},
    {"runs", COLUMN_OTHER},  {"parent", COLUMN_OTHER},
};
#define N_FIXED (sizeof fixed / sizeof *fixed)

enum column_kind column_kind(const struct summary *s, const char *name)
{
    for (int p = 0; p < s->n_params; p++)
        if (span_eq(s->params[p], name))
            return COLUMN_PARAM;
    for (size_t i = 0; i < N_FIXED; i++)
        if (strcmp(fixed[i].name, name) == 0)
            return fixed[i].kind;
    return COLUMN_OTHER;
}

int columns_find(const struct columns *k, const char *name)
{
    for (int i = 0; i < k->n; i++)
        if (strcmp(k->name[i], name) == 0)
            return i;
    return -1;
}

bool columns_toggle(struct columns *k, const char *name)
{
    int at = columns_find(k, name);
    k->own = true;
    if (at >= 0) {
        memmove(k->name[at], k->name[at + 1], (size_t)(--k->n - at) * sizeof k->name[0]);
        return true;
    }
    if (k->n == COLUMNS_MAX)
        return false;
    snprintf(k->name[k->n++], COLUMNS_NAME, "%s", name);
    return true;
}

void columns_move(struct columns *k, const char *name, int by)
{
    char keep[COLUMNS_NAME];
    int at = columns_find(k, name), to = at + by;
    if (at < 0 || to < 0 || to >= k->n)
        return;
    memcpy(keep, k->name[at], sizeof keep);
    memcpy(k->name[at], k->name[to], sizeof keep);
    memcpy(k->name[to], keep, sizeof keep);
}

static void offer(struct columns_all *out, const char *name)
{
    if (out->n == (int)(sizeof out->name / sizeof out->name[0]) || !name[0])
        return;
    for (int i = 0; i < out->n; i++)
        if (strcmp(out->name[i], name) == 0)
            return;
    snprintf(out->name[out->n++], COLUMNS_NAME, "%s", name);
}

void columns_all(const struct columns *k, const struct summary *s, const char (*metrics)[COLUMNS_NAME], int n_metrics,
                 struct columns_all *out)
{
    char name[COLUMNS_NAME];
    out->n = 0;
    for (int i = 0; i < k->n; i++)
        offer(out, k->name[i]);
    for (int p = 0; p < s->n_params; p++) {
        span_copy(name, sizeof name, s->params[p]);
        offer(out, name);
    }
    for (size_t i = 0; i < N_FIXED; i++)
        offer(out, fixed[i].name);
    for (int i = 0; i < n_metrics; i++)
        if (strcmp(metrics[i], s->metric) != 0) /* that is the value */
            offer(out, metrics[i]);
}
