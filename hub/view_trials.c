/* view_trials: the table of trials. Only the rows of the window are computed whole; of the others only what
 * filter and order need. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/trial_groups.h"

struct table {
    struct view_key *keys;
    int n;
    int64_t total;
};

static struct filter_value sort_value(struct trial_row *row, const char *name)
{
    if (strcmp(name, "state") == 0) { /* as trials live, not as the alphabet has it */
        trial_row_times(row);
        return (struct filter_value){FILTER_NUMBER, row->state, {NULL, 0}};
    }
    return trial_row_get(row, name);
}

static void collect(const struct view_request *rq, const struct filter *f, const char *sort, struct table *tb)
{
    const struct state *s = rq->s;
    tb->keys = mem_alloc(((size_t)s->n_trials + 1) * sizeof *tb->keys);
    for (int i = 0; i < s->n_trials; i++) {
        const struct state_trial *tr = s->trials[i];
        if (!view_has_trial(rq, tr))
            continue;
        tb->total++;
        struct trial_row row;
        trial_row_begin(&row, rq, tr);
        if (f) {
            struct filter_subject subject = trial_row_subject(&row);
            if (!filter_match(f, &subject))
                continue;
        }
        struct view_key *k = &tb->keys[tb->n++];
        *k = (struct view_key){.id = tr->trial, .at = i};
        if (sort)
            k->v = sort_value(&row, sort);
    }
}

/* Puts the rows up to `until` in order; returns where the followed trial stands in all of them, -1 when it is
 * not there. */
static int64_t order(const struct view_request *rq, struct table *tb, const char *name, bool reverse,
                     int64_t until)
{
    int64_t follow = cmap_int(rq->body, "follow", -1), index = -1;
    bool by_id = !*name || strcmp(name, "trial") == 0;
    for (int i = 0; by_id && reverse && i < tb->n; i++)
        tb->keys[i].v = (struct filter_value){FILTER_NUMBER, (double)tb->keys[i].id, {NULL, 0}};
    if (strcmp(name, "value") == 0) /* best first, whichever way is good */
        reverse ^= rq->s->info.maximize;
    for (int i = 0; i < tb->n; i++)
        if (tb->keys[i].id == follow)
            index = by_id && !reverse ? i : view_rank(tb->keys, tb->n, i, reverse);
    if (!by_id || reverse)
        view_sort_first(tb->keys, tb->n, until < tb->n ? (int)until : tb->n, reverse);
    return index;
}

#define MAX_EXTRA 32

/* What the request wants beside the fixed columns, by name. */
struct extra {
    char names[MAX_EXTRA][64];
    int n;
};

static void read_extra(const struct view_request *rq, struct extra *e)
{
    struct codec_reader r;
    e->n = 0;
    if (!cmap_find(rq->body, "extra", &r) || cr_peek(&r) != CT_ARRAY)
        return;
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r) && e->n < MAX_EXTRA; n--) {
        if (cr_peek(&r) == CT_STR)
            span_copy(e->names[e->n++], sizeof e->names[0], cr_str(&r));
        else
            cr_skip(&r);
    }
}

static void put_extra(struct trial_row *row, const struct extra *e, struct codec_writer *w)
{
    cw_str(w, "extra");
    cw_array(w, (size_t)e->n);
    for (int i = 0; i < e->n; i++) {
        struct filter_value v = trial_row_get(row, e->names[i]);
        if (v.type == FILTER_NUMBER && isfinite(v.number))
            cw_double(w, v.number);
        else if (v.type == FILTER_TEXT || v.type == FILTER_STATE)
            cw_strn(w, v.text.p, v.text.n);
        else
            cw_nil(w);
    }
}

static void put_row(const struct view_request *rq, int at, int spark, const struct extra *e,
                    struct codec_writer *w)
{
    struct trial_row row;
    trial_row_begin(&row, rq, rq->s->trials[at]);
    trial_row_whole(&row);
    cw_map(w, TRIAL_ROW_PAIRS + 2 + (e->n > 0) + (rq->s->info.n_objectives > 1));
    trial_row_put(&row, spark, w);
    trial_row_put_live(&row, w);
    cw_kint(w, "runs", row.runs);
    if (rq->s->info.n_objectives > 1)
        trial_row_put_values(&row, w);
    if (e->n)
        put_extra(&row, e, w);
}

/* Lines [from, until) of the table, or of the tree when it is grouped. */
static void put_window(const struct view_request *rq, const struct table *tb, const struct trial_groups *g,
                       int64_t from, int64_t until, struct view_out *out)
{
    int spark = trial_row_spark(rq);
    struct extra extra;
    read_extra(rq, &extra);
    int64_t lines = g ? g->n_lines : tb->n;
    for (int64_t i = from; i < until && i < lines; i++) {
        struct codec_writer w;
        int at = g ? g->lines[i] : (int)i;
        view_part_begin(out, &w, i - from);
        if (at < 0)
            trial_groups_put(&g->v[-1 - at], &w);
        else
            put_row(rq, tb->keys[at].at, spark, &extra, &w);
        view_part_end(out);
    }
}

int view_trials(const struct view_request *rq, struct view_out *out, char **cause)
{
    char text[FILTER_MAX_TEXT + 2], sort[128], group[64];
    struct table tb = {0};
    struct trial_groups groups = {0};
    struct filter *f = NULL;
    bool reverse = false;
    text[0] = sort[0] = group[0] = '\0';
    cmap_strcpy(rq->body, "group", group, sizeof group);
    cmap_strcpy(rq->body, "sort", sort, sizeof sort);
    if (cmap_strcpy(rq->body, "filter", text, sizeof text) && text[0]) {
        f = filter_parse(text, cause);
        if (!f)
            return -1;
    }
    const char *name = view_sort_name(sort, &reverse);
    int64_t from = cmap_int(rq->body, "from", 0), rows = cmap_int(rq->body, "rows", 0);
    from = from < 0 ? 0 : from > STATE_MAX_TRIALS ? STATE_MAX_TRIALS : from;
    int64_t until = rows > 0 && rows < STATE_MAX_TRIALS ? from + rows : INT64_MAX;
    collect(rq, f, *name && strcmp(name, "trial") != 0 ? name : NULL, &tb);
    int64_t index = order(rq, &tb, name, reverse, group[0] ? INT64_MAX : until);
    if (group[0]) {
        trial_groups_make(&groups, rq, tb.keys, tb.n, group, cmap_value(rq->body, "folded"));
        index = trial_groups_find(&groups, tb.keys, cmap_int(rq->body, "follow", -1));
    }
    put_window(rq, &tb, group[0] ? &groups : NULL, from, until, out);
    out->count = group[0] ? groups.n_lines : tb.n;
    struct codec_writer w;
    view_head(out, &w, 4);
    cw_kint(&w, "groups", groups.n);
    cw_kint(&w, "shown", tb.n);
    cw_kint(&w, "total", tb.total);
    view_ktime(&w, "index", index);
    trial_groups_release(&groups);
    free(tb.keys);
    filter_free(f);
    return 0;
}
