/* view_order: filter, order and window of lists whose rows are MessagePack maps, and the one order that all
 * lists have. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "hub/view_parts.h"

static int rank(const struct filter_value *v)
{
    if (v->type == FILTER_NUMBER && !isnan(v->number))
        return 0;
    return v->type == FILTER_TEXT || v->type == FILTER_STATE ? 1 : 2;
}

static int compare_values(const struct filter_value *a, const struct filter_value *b)
{
    if (rank(a) == 0)
        return (a->number > b->number) - (a->number < b->number);
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    int c = n ? memcmp(a->text.p, b->text.p, n) : 0;
    return c ? c : (a->text.n > b->text.n) - (a->text.n < b->text.n);
}

static int compare_keys(const void *pa, const void *pb, void *arg)
{
    const struct view_key *a = pa, *b = pb;
    int ra = rank(&a->v), rb = rank(&b->v), c = 0;
    if (ra == 2 || rb == 2)
        c = ra - rb;
    else if (ra != rb)
        c = *(bool *)arg ? rb - ra : ra - rb;
    else
        c = *(bool *)arg ? compare_values(&b->v, &a->v) : compare_values(&a->v, &b->v);
    return c ? c : (a->id > b->id) - (a->id < b->id);
}

void view_sort(struct view_key *keys, int n, bool reverse)
{
    if (n > 1)
        qsort_r(keys, (size_t)n, sizeof *keys, compare_keys, &reverse);
}

static bool before(const struct view_key *a, const struct view_key *b, bool reverse)
{
    return compare_keys(a, b, &reverse) < 0;
}

/* keys[0..n) is a heap with its last in order on top; restores it from the top. */
static void sift_down(struct view_key *keys, int n, bool reverse)
{
    int at = 0;
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(&keys[child], &keys[child + 1], reverse))
            child++;
        if (!before(&keys[at], &keys[child], reverse))
            return;
        struct view_key k = keys[at];
        keys[at] = keys[child];
        keys[child] = k;
    }
}

/* A window of 40 among 10,000: nearly every key loses its one comparison with the worst of the 40 best so
 * far. */
void view_sort_first(struct view_key *keys, int n, int first, bool reverse)
{
    if (first <= 0)
        return;
    if (first > n / 8) {
        view_sort(keys, n, reverse);
        return;
    }
    view_sort(keys, first, reverse);
    for (int i = 0; i < first / 2; i++) { /* last in order first: a heap */
        struct view_key k = keys[i];
        keys[i] = keys[first - 1 - i];
        keys[first - 1 - i] = k;
    }
    for (int i = first; i < n; i++) {
        if (!before(&keys[i], &keys[0], reverse))
            continue;
        struct view_key k = keys[0];
        keys[0] = keys[i];
        keys[i] = k;
        sift_down(keys, first, reverse);
    }
    view_sort(keys, first, reverse);
}

int view_rank(const struct view_key *keys, int n, int i, bool reverse)
{
    int rank_of = 0;
    for (int k = 0; k < n; k++)
        rank_of += before(&keys[k], &keys[i], reverse);
    return rank_of;
}

const char *view_sort_name(const char *sort, bool *reverse)
{
    *reverse = *sort == '-';
    return sort + *reverse;
}

/* ---- a row map as the filter sees it ---- */

static bool is_time(const char *key)
{
    return strcmp(key, "time") == 0 || strcmp(key, "started") == 0 || strcmp(key, "last_seen") == 0 ||
           strcmp(key, "changed") == 0;
}

static struct filter_value read_value(struct codec_reader *r, const char *key)
{
    struct filter_value v = {FILTER_ABSENT, NAN, {NULL, 0}};
    switch (cr_peek(r)) {
    case CT_INT:
    case CT_UINT:
    case CT_DOUBLE:
        v.type = FILTER_NUMBER;
        v.number = cr_double(r) / (is_time(key) ? 1e9 : 1);
        break;
    case CT_STR:
        v.type = strcmp(key, "state") == 0 ? FILTER_STATE : FILTER_TEXT;
        v.text = cr_str(r);
        break;
    case CT_BOOL:
        v.type = FILTER_TEXT;
        v.text = cr_bool(r) ? (struct span){"true", 4} : (struct span){"false", 5};
        break;
    default: break;
    }
    return v;
}

static struct filter_value row_get(void *arg, const char *name)
{
    struct span row = *(struct span *)arg;
    struct codec_reader r;
    if (cmap_find(row, name, &r) || cmap_find(cmap_value(row, "params"), name, &r) ||
        cmap_find(cmap_value(row, "args"), name, &r))
        return read_value(&r, name);
    return (struct filter_value){FILTER_ABSENT, NAN, {NULL, 0}};
}

static bool row_tagged(void *arg, const char *tag)
{
    struct codec_reader r;
    if (!cmap_find(*(struct span *)arg, "tags", &r) || cr_peek(&r) != CT_ARRAY)
        return false;
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--) {
        if (cr_peek(&r) != CT_STR)
            cr_skip(&r);
        else if (span_eq(cr_str(&r), tag))
            return true;
    }
    return false;
}

static bool any_text(struct codec_reader *r, const char *needle, int depth)
{
    enum codec_type type = cr_peek(r);
    if (type == CT_STR)
        return filter_contains(cr_str(r), needle);
    if ((type != CT_MAP && type != CT_ARRAY) || depth > CODEC_MAX_DEPTH) {
        cr_skip(r);
        return false;
    }
    bool hit = false;
    for (size_t n = type == CT_MAP ? cr_map(r) : cr_array(r); n > 0 && cr_ok(r); n--) {
        if (type == CT_MAP)
            cr_skip(r); /* the key */
        hit |= any_text(r, needle, depth + 1);
    }
    return hit;
}

static bool row_says(void *arg, const char *text, bool note_only)
{
    struct span row = *(struct span *)arg;
    if (note_only)
        return filter_contains(cmap_str(row, "note"), text);
    struct codec_reader r;
    cr_init(&r, row.p, row.n);
    return any_text(&r, text, 0);
}

/* ---- filter, sort, window ---- */

static struct span part_row(const struct view_out *out, int i)
{
    return (struct span){(const char *)out->data.data + out->parts[i].off, out->parts[i].len};
}

static int filter_rows(struct view_out *out, const char *text, char **cause)
{
    struct filter *f = filter_parse(text, cause);
    if (!f)
        return -1;
    int keep = 0;
    for (int i = 0; i < out->n_parts; i++) {
        struct span row = part_row(out, i);
        struct filter_subject subject = {&row, row_get, row_tagged, row_says};
        if (filter_match(f, &subject))
            out->parts[keep++] = out->parts[i];
    }
    out->n_parts = keep;
    filter_free(f);
    return 0;
}

static void sort_rows(struct view_out *out, const char *sort)
{
    bool reverse;
    const char *name = view_sort_name(sort, &reverse);
    int n = out->n_parts;
    struct view_key *keys = mem_zero((size_t)n + 1, sizeof *keys);
    struct view_out_part *parts = mem_alloc(((size_t)n + 1) * sizeof *parts);
    for (int i = 0; i < n; i++) {
        struct span row = part_row(out, i);
        keys[i] = (struct view_key){row_get(&row, name), i, i};
    }
    view_sort(keys, n, reverse);
    for (int i = 0; i < n; i++)
        parts[i] = out->parts[keys[i].at];
    memcpy(out->parts, parts, (size_t)n * sizeof *parts);
    free(keys);
    free(parts);
}

static void cut_rows(struct view_out *out, int64_t from, int64_t rows)
{
    from = from < 0 ? 0 : from > out->n_parts ? out->n_parts : from;
    int64_t n = out->n_parts - from;
    n = rows > 0 && rows < n ? rows : n;
    memmove(out->parts, out->parts + from, (size_t)n * sizeof *out->parts);
    out->n_parts = (int)n;
}

int view_rows_finish(const struct view_request *rq, struct view_out *out, char **cause)
{
    char filter[FILTER_MAX_TEXT + 2], sort[128];
    filter[0] = sort[0] = '\0';
    cmap_strcpy(rq->body, "filter", filter, sizeof filter);
    cmap_strcpy(rq->body, "sort", sort, sizeof sort);
    if (filter[0] && filter_rows(out, filter, cause) != 0)
        return -1;
    if (sort[0])
        sort_rows(out, sort);
    out->count = out->n_parts;
    if (out->n_parts)
        cut_rows(out, cmap_int(rq->body, "from", 0), cmap_int(rq->body, "rows", 0));
    for (int i = 0; i < out->n_parts; i++)
        out->parts[i].index = i;
    return 0;
}
