/* Columns are parameters, cells their values as in a sweep file, an empty cell a conditional parameter that is not active in
 * its row. Parameters with a single value may be left out. */
#include "hub/sweep_candidates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/csv_table.h"
#include "tune/candidates.h"

int sweep_candidates_note(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    if (node->kind != YAML_SCALAR || !*node->text)
        return sweepfile_error(r, node, "candidates: the name of a CSV file is expected");
    f->candidates = sweepfile_beside(f->path, node->text);
    snprintf(f->candidates_at, sizeof f->candidates_at, "%d:%d", node->line, node->column);
    return 0;
}

char *sweepfile_beside(const char *sweep, const char *name)
{
    const char *slash = strrchr(sweep, '/');
    struct buf b = {0};
    if (*name != '/' && slash)
        buf_put(&b, sweep, (size_t)(slash - sweep) + 1);
    buf_puts(&b, name);
    return buf_take(&b);
}

/* The column of each parameter; -1: none. */
static int match_columns(const struct csv_table *t, const struct space *s, int *column, char **cause)
{
    for (int k = 0; k < t->columns; k++) {
        const char *name = t->header[k].text;
        int near = space_find(s, name) < 0 ? space_find_near(s, name) : -1;
        if (near >= 0)
            return csv_error(t, &t->header[k], cause, "no parameter is called \"%s\"; did you mean %s?", name,
                             s->params[near].name);
        if (space_find(s, name) < 0)
            return csv_error(t, &t->header[k], cause, "no parameter is called \"%s\"", name);
    }
    for (int i = 0; i < s->n; i++) {
        column[i] = csv_column(t, s->params[i].name);
        if (column[i] < 0 && param_count(&s->params[i]) > 1)
            return csv_error(t, &t->header[0], cause, "there is no column for the parameter %s", s->params[i].name);
    }
    return 0;
}

static int read_row(const struct csv_table *t, const struct space *s, const int *column, int row, double *dna, char **cause)
{
    for (int k = 0; k < s->n; k++) {
        int i = s->order[k];
        const struct csv_cell *cell = column[i] >= 0 ? csv_at(t, row, column[i]) : NULL;
        const struct param *p = &s->params[i];
        bool empty = cell && !*cell->text && !cell->quoted;
        char *why = NULL;
        dna[i] = NAN;
        if (!space_active(s, dna, i)) {
            if (cell && !empty)
                return csv_error(t, cell, cause, "%s has a value though its condition does not hold in this row", p->name);
            continue;
        }
        if (!cell) {
            dna[i] = param_nth(p, 0);
            continue;
        }
        if (empty)
            return csv_error(t, cell, cause, "%s has no value in this row", p->name);
        struct tune_value v = {.kind = TUNE_STRING, .s = cell->text};
        if (param_encode(p, &v, &dna[i], &why) < 0) {
            csv_error(t, cell, cause, "%s", why);
            free(why);
            return -1;
        }
    }
    return 0;
}

static void warn(struct sweepfile *f, const char *fmt, int n)
{
    int k = 0;
    char text[600], sentence[200];
    snprintf(sentence, sizeof sentence, fmt, n);
    snprintf(text, sizeof text, "%.350s:%s: %s", f->path, f->candidates_at, sentence);
    while (f->warnings[k])
        k++;
    f->warnings = mem_resize(f->warnings, (size_t)k + 2, sizeof *f->warnings);
    f->warnings[k] = mem_str(text);
    f->warnings[k + 1] = NULL;
}

static int read_rows(struct sweepfile *f, const struct csv_table *t, char **cause)
{
    struct space *s = f->space;
    int *column = mem_zero((size_t)s->n + 1, sizeof *column), rc = match_columns(t, s, column, cause), broken = 0;
    double *dna = mem_zero((size_t)s->n + 1, sizeof *dna);
    struct candidates *list = candidates_new(s->n);
    for (int i = 0; i < t->rows && rc == 0; i++) {
        rc = read_row(t, s, column, i, dna, cause);
        if (rc == 0 && space_feasible(s, dna))
            candidates_add(list, dna);
        else
            broken += rc == 0;
    }
    int again = rc == 0 ? candidates_seal(list) : 0;
    if (rc == 0 && list->n == 0)
        rc = broken ? cause_set(cause, "%s: every row breaks a constraint", t->path)
                    : cause_set(cause, "%s: there are no rows below the header", t->path);
    if (rc == 0 && again)
        warn(f, "candidates: %d rows repeat others and count once", again);
    if (rc == 0 && broken)
        warn(f, "candidates: %d rows break a constraint and are left out", broken);
    if (rc == 0)
        s->list = list;
    else
        candidates_free(list);
    free(dna);
    free(column);
    return rc;
}

int sweep_candidates_read(struct sweepfile *f, char **cause)
{
    struct csv_table t;
    char *why = NULL;
    int rc;
    if (!f->candidates)
        return 0;
    if (csv_read(&t, f->candidates, &why) < 0) {
        bool placed = t.columns > 0 || strstr(why, ":1:"); /* the file was read: its own place says it best */
        rc = placed ? cause_set(cause, "%s", why) : cause_set(cause, "%s:%s: candidates: %s", f->path, f->candidates_at, why);
        free(why);
    } else if (t.rows > CANDIDATES_MAX) {
        rc = cause_set(cause, "%s: %d rows; a list of candidates has at most %d", t.path, t.rows, CANDIDATES_MAX);
    } else {
        rc = read_rows(f, &t, cause);
    }
    csv_release(&t);
    return rc;
}

void sweep_candidates_stand_in(struct sweepfile *f)
{
    struct space *s = f->space;
    if (!f->candidates || s->list)
        return;
    double *dna = mem_zero((size_t)s->n + 1, sizeof *dna);
    for (int i = 0; i < s->n; i++)
        dna[i] = param_numeric(&s->params[i]) ? 0.5 : 0;
    space_canon(s, dna);
    s->list = candidates_new(s->n);
    candidates_add(s->list, dna);
    candidates_seal(s->list);
    free(dna);
}

void sweep_candidates_json(const struct sweepfile *f, struct json_out *out)
{
    jw_key(out, "candidates");
    if (!f->candidates) {
        jw_null(out);
        return;
    }
    jw_object(out);
    jw_key(out, "file");
    jw_str(out, f->candidates);
    jw_key(out, "rows");
    if (f->space && f->space->list)
        jw_int(out, f->space->list->n);
    else
        jw_null(out);
    jw_object_end(out);
}
