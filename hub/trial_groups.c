/* trial_groups: see trial_groups.h. Labels are found in a hash; bins are decades where the numbers span two of them, else
 * about eight steps of the 1-2-5 ladder. */
#include "hub/trial_groups.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/text.h"

#define FEW_VALUES 20 /* so many different numbers each get their group */

struct bins {
    bool on, decades;
    double step;
};

/* ---- labels ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct bins choose_bins(const struct filter_value *v, int n)
{
    struct bins b = {0};
    double *x = mem_alloc(((size_t)n + 1) * sizeof *x);
    int k = 0, different = 0;
    for (int i = 0; i < n; i++)
        if (v[i].type == FILTER_NUMBER && isfinite(v[i].number))
            x[k++] = v[i].number;
    qsort(x, (size_t)k, sizeof *x, by_value);
    for (int i = 0; i < k; i++)
        different += i == 0 || x[i] != x[i - 1];
    if (different > FEW_VALUES) {
        double rough = (x[k - 1] - x[0]) / 8, p = pow(10, floor(log10(rough))), m = rough / p;
        b.on = true;
        b.decades = x[0] > 0 && x[k - 1] / x[0] >= 100;
        b.step = p * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
    }
    free(x);
    return b;
}

static void label_of(const struct filter_value *v, const struct bins *b, char *out, size_t cap)
{
    char lo[TEXT_NUM], hi[TEXT_NUM];
    if (v->type == FILTER_TEXT || v->type == FILTER_STATE) {
        span_copy(out, cap, v->text);
    } else if (v->type != FILTER_NUMBER || !isfinite(v->number)) {
        snprintf(out, cap, "none");
    } else if (!b->on) {
        text_fmt_double(lo, v->number);
        snprintf(out, cap, "%s", lo);
    } else {
        double k = floor(b->decades ? log10(v->number) + 1e-9 : v->number / b->step + 1e-9);
        text_fmt_short(lo, b->decades ? pow(10, k) : k * b->step, 3);
        text_fmt_short(hi, b->decades ? pow(10, k + 1) : (k + 1) * b->step, 3);
        snprintf(out, cap, "%s\u2026%s", lo, hi);
    }
}

static int64_t id_of(const char *label)
{
    uint32_t h = 2166136261u;
    for (; *label; label++)
        h = (h ^ (uint8_t)*label) * 16777619u;
    return -2 - (int64_t)h;
}

/* ---- groups ---- */

struct seen {
    char label[80];
    int group;
    UT_hash_handle hh;
};

static int group_of(struct trial_groups *g, struct seen **seen, const char *label)
{
    struct seen *s = NULL;
    HASH_FIND_STR(*seen, label, s);
    if (s)
        return s->group;
    s = MEM_NEW(struct seen);
    snprintf(s->label, sizeof s->label, "%s", label);
    s->group = g->n;
    HASH_ADD_STR(*seen, label, s);
    if ((g->n & (g->n - 1)) == 0) /* full at every power of two */
        g->v = mem_resize(g->v, g->n ? (size_t)g->n * 2 : 1, sizeof *g->v);
    struct trial_group *v = &g->v[g->n];
    *v = (struct trial_group){
        .id = id_of(label), .best = NAN, .mean = NAN, .best_trial = -1, .first = -1, .last = -1};
    snprintf(v->label, sizeof v->label, "%s", label);
    return g->n++;
}

static void count(struct trial_group *g, struct trial_row *row, bool maximize)
{
    trial_row_whole(row);
    g->trials++;
    g->running += row->state == TRIAL_RUNNING;
    g->over += trial_state_terminal(row->state);
    if (isnan(row->value))
        return;
    g->mean = g->n_values ? g->mean + (row->value - g->mean) / (g->n_values + 1) : row->value;
    if (g->n_values++ == 0 || (maximize ? row->value > g->best : row->value < g->best)) {
        g->best = row->value;
        g->best_trial = row->tr->trial;
    }
}

static void fold(struct trial_groups *g, struct span folded)
{
    struct codec_reader r;
    cr_init(&r, folded.p, folded.n);
    for (size_t n = folded.n && cr_peek(&r) == CT_ARRAY ? cr_array(&r) : 0; n > 0 && cr_ok(&r); n--) {
        int64_t id = cr_int(&r);
        for (int i = 0; i < g->n; i++)
            g->v[i].folded |= g->v[i].id == id;
    }
}

static void put_lines(struct trial_groups *g, const int *next, int n)
{
    g->lines = mem_alloc(((size_t)g->n + (size_t)n + 1) * sizeof *g->lines);
    for (int i = 0; i < g->n; i++) {
        g->lines[g->n_lines++] = -1 - i;
        for (int k = g->v[i].first; k >= 0 && !g->v[i].folded; k = next[k])
            g->lines[g->n_lines++] = k;
    }
}

void trial_groups_make(struct trial_groups *g, const struct view_request *rq, const struct view_key *keys, int n,
                       const char *by, struct span folded)
{
    struct filter_value *v = mem_alloc(((size_t)n + 1) * sizeof *v);
    int *next = mem_alloc(((size_t)n + 1) * sizeof *next);
    struct seen *seen = NULL, *s, *after;
    memset(g, 0, sizeof *g);
    for (int i = 0; i < n; i++) {
        struct trial_row row;
        trial_row_begin(&row, rq, rq->s->trials[keys[i].at]);
        v[i] = trial_row_get(&row, by);
    }
    struct bins bins = choose_bins(v, n);
    for (int i = 0; i < n; i++) {
        struct trial_row row;
        char label[80];
        label_of(&v[i], &bins, label, sizeof label);
        int k = group_of(g, &seen, label); /* may move the groups */
        struct trial_group *at = &g->v[k];
        next[i] = -1;
        if (at->last >= 0)
            next[at->last] = i;
        else
            at->first = i;
        at->last = i;
        trial_row_begin(&row, rq, rq->s->trials[keys[i].at]);
        count(at, &row, rq->s->info.maximize);
    }
    fold(g, folded);
    put_lines(g, next, n);
    HASH_ITER(hh, seen, s, after)
    {
        HASH_DEL(seen, s);
        free(s);
    }
    free(v);
    free(next);
}

void trial_groups_release(struct trial_groups *g)
{
    free(g->v);
    free(g->lines);
    memset(g, 0, sizeof *g);
}

int trial_groups_find(const struct trial_groups *g, const struct view_key *keys, int64_t id)
{
    for (int i = 0; i < g->n_lines; i++) {
        int at = g->lines[i];
        if ((at < 0 ? g->v[-1 - at].id : keys[at].id) == id)
            return i;
    }
    return -1;
}

void trial_groups_put(const struct trial_group *g, struct codec_writer *w)
{
    cw_map(w, 9);
    cw_kint(w, "trial", g->id);
    cw_kstr(w, "group", g->label);
    cw_kint(w, "trials", g->trials);
    cw_kint(w, "running", g->running);
    cw_kint(w, "over", g->over);
    view_kvalue(w, "value", g->best);
    view_kvalue(w, "mean", g->mean);
    view_ktime(w, "best_trial", g->best_trial);
    cw_kbool(w, "folded", g->folded);
}
