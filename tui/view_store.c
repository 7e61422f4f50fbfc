/* view_store: a view is a list of encoded parts and an encoded head, each a copy of its own, so that a delta
 * touches only what it names. The body is checked whole before anything is changed: a malformed answer leaves
 * the last good picture. */
#include "tui/view_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void part_set(struct view_part *p, struct span value)
{
    free((char *)p->value.p);
    p->value.p = value.n ? mem_dup(value.p, value.n) : NULL;
    p->value.n = value.n;
}

static void parts_cut(struct view *v, int64_t n)
{
    while (v->n_parts > n)
        part_set(&v->parts[--v->n_parts], (struct span){0});
}

static void parts_grow(struct view *v, int64_t n)
{
    if (n <= v->n_parts)
        return;
    v->parts = mem_resize(v->parts, (size_t)n, sizeof *v->parts);
    memset(v->parts + v->n_parts, 0, (size_t)(n - v->n_parts) * sizeof *v->parts);
    v->n_parts = (int)n;
}

/* One [index, value] pair; false at damage. */
static bool read_pair(struct codec_reader *r, int64_t *index, struct span *value)
{
    if (cr_array(r) != 2)
        cr_fail(r, "a part is not [index, value]");
    *index = cr_int(r);
    *value = cr_value(r);
    if (cr_ok(r) && (*index < 0 || *index >= VIEW_MAX_PARTS))
        cr_fail(r, "a part's index is out of bounds");
    return cr_ok(r);
}

/* Checks all parts and returns one past the highest index, or -1. */
static int64_t parts_end(struct span parts)
{
    struct codec_reader r;
    int64_t end = 0, index;
    struct span value;

    if (!parts.n)
        return 0;
    cr_init(&r, parts.p, parts.n);
    for (size_t n = cr_array(&r); n > 0 && read_pair(&r, &index, &value); n--)
        if (index >= end)
            end = index + 1;
    return cr_ok(&r) ? end : -1;
}

static void parts_put(struct view *v, struct span parts)
{
    struct codec_reader r;
    int64_t index;
    struct span value;

    if (!parts.n)
        return;
    cr_init(&r, parts.p, parts.n);
    for (size_t n = cr_array(&r); n > 0 && read_pair(&r, &index, &value); n--)
        part_set(&v->parts[index], value);
}

static void head_set(struct view *v, struct span head)
{
    if (!head.n)
        return;
    free((char *)v->head.p);
    v->head.p = mem_dup(head.p, head.n);
    v->head.n = head.n;
}

bool view_apply(struct view *v, struct span body, int64_t from, bool fresh)
{
    struct span parts = cmap_value(body, "parts");
    int64_t end = parts_end(parts);
    bool full = fresh || cmap_bool(body, "full", false);

    if (end < 0)
        return false;
    v->count = cmap_int(body, "count", 0);
    parts_grow(v, end);
    parts_put(v, parts);
    /* A full answer is all there is; after a delta the rows past the count are gone. */
    parts_cut(v, full ? end : v->count > from ? v->count - from : 0);
    head_set(v, cmap_value(body, "head"));
    free(v->error);
    v->error = NULL;
    v->loaded = true;
    v->version++;
    return true;
}

void view_refuse(struct view *v, struct span sentence)
{
    free(v->error);
    v->error = sentence.n ? span_dup(sentence) : mem_str("the hub refused this view and did not say why");
    parts_cut(v, 0); /* they answered an earlier request: another filter, a moment before this trial was born */
    v->count = 0;
    v->loaded = true;
    v->version++;
}

void view_clear(struct view *v)
{
    parts_cut(v, 0);
    free(v->parts);
    free((char *)v->head.p);
    free(v->error);
    memset(v, 0, sizeof *v);
}
