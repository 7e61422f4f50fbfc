/* A registry of checkpoints: a text file of "step value path" lines, by step, replaced as a whole, so that a crash leaves the old or the
 * new one. A file is removed only after the registry that no longer names it is in place. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hypertop.h"

struct entry {
    int64_t step;
    double value;
    char *path;
};

struct ht_registry {
    char *path;
    int best, last;
    struct entry *v;
    int n, cap;
};

static bool better(const struct entry *a, const struct entry *b)
{
    return a->value < b->value || (!isnan(a->value) && isnan(b->value));
}

static bool insert(ht_registry *r, const char *path, int64_t step, double value)
{
    char *copy = strdup(path);
    if (r->n == r->cap) {
        int cap = r->cap ? r->cap * 2 : 16;
        struct entry *v = realloc(r->v, (size_t)cap * sizeof *v);
        if (v) {
            r->v = v;
            r->cap = cap;
        }
    }
    if (!copy || r->n == r->cap) {
        free(copy);
        return false;
    }
    int at = r->n++;
    for (; at > 0 && r->v[at - 1].step > step; at--)
        r->v[at] = r->v[at - 1];
    r->v[at] = (struct entry){step, value, copy};
    return true;
}

static bool read_lines(ht_registry *r, FILE *f)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool ok = true;
    while (ok && (len = getline(&line, &cap, f)) > 0) {
        int64_t step;
        double value;
        int at = 0;
        if (*line == '#')
            continue;
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        ok = sscanf(line, "%" SCNd64 " %lf %n", &step, &value, &at) == 2 && at > 0 && line[at] && insert(r, line + at, step, value);
    }
    free(line);
    return ok && !ferror(f);
}

ht_registry *ht_registry_open(const char *path, int best, int last)
{
    ht_registry *r = path && best >= 0 && last >= 0 ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return NULL;
    *r = (struct ht_registry){.path = strdup(path), .best = best, .last = last};
    FILE *f = r->path ? fopen(path, "r") : NULL;
    bool ok = r->path && (f ? read_lines(r, f) : errno == ENOENT);
    if (f)
        fclose(f);
    if (ok)
        return r;
    ht_registry_close(r);
    return NULL;
}

void ht_registry_close(ht_registry *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n; i++)
        free(r->v[i].path);
    free(r->v);
    free(r->path);
    free(r);
}

static bool is_kept(const ht_registry *r, int i)
{
    int ahead = 0;
    if (r->best == 0 && r->last == 0)
        return true;
    for (int k = 0; k < r->n; k++) /* of equals the later one is the better */
        ahead += better(&r->v[k], &r->v[i]) || (k > i && !better(&r->v[i], &r->v[k]));
    return i >= r->n - r->last || ahead < r->best;
}

static bool store(const ht_registry *r, const bool *keep)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s.new", r->path) >= (int)sizeof part)
        return false;
    FILE *f = fopen(part, "w");
    bool ok = f && fprintf(f, "# hypertop checkpoints 1: step value path\n") > 0;
    for (int i = 0; ok && i < r->n; i++)
        if (keep[i])
            ok = fprintf(f, "%" PRId64 " %.17g %s\n", r->v[i].step, r->v[i].value, r->v[i].path) > 0;
    ok = f && fclose(f) == 0 && ok;
    return ok && rename(part, r->path) == 0;
}

int ht_registry_add(ht_registry *r, const char *checkpoint, int64_t step, double value)
{
    if (!r || !checkpoint || !*checkpoint || *checkpoint == ' ' || strchr(checkpoint, '\n')) {
        errno = EINVAL;
        return HT_INVALID;
    }
    for (int i = 0; i < r->n; i++) /* written again */
        if (strcmp(r->v[i].path, checkpoint) == 0) {
            free(r->v[i].path);
            memmove(&r->v[i], &r->v[i + 1], (size_t)(--r->n - i) * sizeof *r->v);
            break;
        }
    bool *keep = insert(r, checkpoint, step, value) ? calloc((size_t)r->n, sizeof *keep) : NULL;
    if (!keep)
        return HT_INVALID;
    for (int i = 0; i < r->n; i++)
        keep[i] = is_kept(r, i);
    bool ok = store(r, keep);
    int saved = errno, n = 0;
    for (int i = 0; ok && i < r->n; i++) {
        if (keep[i]) {
            r->v[n++] = r->v[i];
            continue;
        }
        unlink(r->v[i].path);
        free(r->v[i].path);
    }
    r->n = ok ? n : r->n;
    free(keep);
    errno = saved;
    return ok ? HT_OK : HT_INVALID;
}

int ht_registry_count(const ht_registry *r)
{
    return r->n;
}

int ht_registry_get(const ht_registry *r, int i, const char **checkpoint, int64_t *step, double *value)
{
    if (i < 0 || i >= r->n)
        return HT_INVALID;
    *checkpoint = r->v[i].path;
    *step = r->v[i].step;
    *value = r->v[i].value;
    return HT_OK;
}

const char *ht_registry_best(const ht_registry *r)
{
    int best = 0;
    for (int i = 1; i < r->n; i++)
        if (!better(&r->v[best], &r->v[i]))
            best = i;
    return r->n ? r->v[best].path : NULL;
}
