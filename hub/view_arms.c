/* view_arms: what the bandits can pull, and how the pulls were shared out over time.
 *
 * The sweep's own bandit is shown as the tuner explained it (snapshots in the log); bandits inside runs from
 * the sums of their pulls, and from what the program says now and then of its probabilities and of the bans,
 * pins and boosts that it obeys. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/view_parts.h"

#define Z95 1.959963984540054 /* 97.5 % quantile of the normal distribution */

static bool has_bandit(const struct view_request *rq, const struct state_bandit *b)
{
    return b->time <= rq->t;
}

static const struct state_arms *snap_at(const struct state_bandit *b, int64_t t)
{
    int k = STATE_PREFIX(b->snaps, b->n_snaps, struct state_arms, time, t);
    return k ? &b->snaps[k - 1] : NULL;
}

static const struct state_pulls_row *pulls_at(const struct state_bandit *b, int64_t t)
{
    int k = STATE_PREFIX(b->rows, b->n_rows, struct state_pulls_row, seen, t);
    return k ? &b->rows[k - 1] : NULL;
}

/* ---- the sweep's own: rows as the tuner said them ---- */

static bool next_row(struct codec_reader *r, struct span *row)
{
    while (cr_peek(r) != CT_END) {
        bool map = cr_peek(r) == CT_MAP;
        *row = cr_value(r);
        if (map && cr_ok(r))
            return true;
    }
    return false;
}

static void open_rows(const struct state_arms *snap, struct codec_reader *r)
{
    cr_init(r, snap->rows, snap->rows_n);
    cr_array(r);
}

/* Finite numbers and what else is not nil as they came; the keys in the manual's order whatever the tuner
 * left out. */
static void copy_key(struct codec_writer *w, struct span row, const char *key)
{
    struct span v = cmap_value(row, key);
    struct codec_reader r;
    cr_init(&r, v.p, v.n);
    if (v.p && cr_peek(&r) == CT_DOUBLE && !isfinite(cmap_double(row, key, NAN)))
        v.p = NULL;
    view_kraw(w, key, v.p, v.n);
}

static uint64_t put_snapshot(const struct state_bandit *b, const struct state_arms *snap,
                             struct view_out *out)
{
    static const char *const keys[] = {"arm",    "label",  "pulls",  "mean",   "low",   "high",
                                       "p_next", "p_best", "p_free", "banned", "pinned", "boost", "until"};
    struct codec_reader r;
    struct span row;
    uint64_t pulls = 0;
    open_rows(snap, &r);
    while (next_row(&r, &row)) {
        struct codec_writer w;
        int64_t n = cmap_int(row, "pulls", 0);
        pulls += n > 0 ? (uint64_t)n : 0;
        view_part_begin(out, &w, out->n_parts);
        cw_map(&w, 1 + sizeof keys / sizeof *keys);
        cw_kstr(&w, "bandit", b->id);
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            copy_key(&w, row, keys[i]);
        view_part_end(out);
    }
    return pulls;
}

/* ---- inside runs ---- */

/* What the program said about its arms, read in their order. */
struct told {
    struct codec_reader next, best, steered;
    struct span hold; /* the row of `steered` that was read last */
    int64_t since;    /* pulls since it was said */
};

static void open_list(struct codec_reader *r, struct span body, const char *key)
{
    struct span v = body.n ? cmap_value(body, key) : (struct span){NULL, 0};
    cr_init(r, v.p, v.n);
    if (cr_peek(r) == CT_ARRAY)
        cr_array(r);
}

/* Only the pulls of this start of the program count: another one began again at 1. */
static struct told told_at(const struct state_bandit *b, const struct state_pulls_row *row, int64_t t)
{
    const struct state_arms *snap = snap_at(b, t);
    struct span body = snap ? (struct span){snap->rows, snap->rows_n} : (struct span){NULL, 0};
    struct told k = {.since = 0};
    open_list(&k.next, body, "p_next");
    open_list(&k.best, body, "p_best");
    open_list(&k.steered, body, "steered");
    if (!snap)
        return k;
    int64_t then = cmap_int(body, "t", 0);
    k.since = row && row->time > snap->said && row->t > then ? row->t - then : 0;
    return k;
}

static double next_number(struct codec_reader *r)
{
    enum codec_type type = cr_peek(r);
    return type == CT_DOUBLE || type == CT_INT || type == CT_UINT ? cr_double(r) : NAN;
}

/* What people hold on an arm; the arms are asked for in their order, which is that of the list. It is over
 * after so many choices, also when the program has not said so yet. */
static struct span hold_on(struct told *k, int arm, int64_t *left)
{
    while (!k->hold.p || cmap_int(k->hold, "arm", -1) < arm)
        if (!next_row(&k->steered, &k->hold))
            return (struct span){NULL, 0};
    if (cmap_int(k->hold, "arm", -1) != arm)
        return (struct span){NULL, 0};
    int64_t n = cmap_int(k->hold, "left", -1);
    *left = n < 0 ? -1 : n - k->since;
    return n < 0 || *left > 0 ? k->hold : (struct span){NULL, 0};
}

static void put_hold(struct told *k, int arm, struct codec_writer *w)
{
    int64_t left = -1;
    struct span hold = hold_on(k, arm, &left);
    cw_kbool(w, "banned", hold.p && cmap_bool(hold, "banned", false));
    cw_kbool(w, "pinned", hold.p && cmap_bool(hold, "pinned", false));
    cw_kdouble(w, "boost", hold.p ? cmap_double(hold, "boost", 1) : 1);
    if (hold.p && left > 0)
        cw_kint(w, "until", left);
    else
        cw_knil(w, "until");
}

static void put_arm(const struct state_bandit *b, const struct state_pulls_row *row, struct told *k, int i,
                    struct view_out *out)
{
    double n = row ? (double)row->pulls[i] : 0, mean = n > 0 ? row->cost_sum[i] / n : NAN;
    double var = n > 1 ? (row->cost_sq[i] - n * mean * mean) / (n - 1) : NAN;
    double half = n > 1 ? Z95 * sqrt(fmax(var, 0) / n) : NAN;
    struct codec_writer w;
    view_part_begin(out, &w, out->n_parts);
    cw_map(&w, 14);
    cw_kstr(&w, "bandit", b->id);
    cw_kint(&w, "arm", i);
    cw_kstr(&w, "label", b->labels[i]);
    cw_kint(&w, "pulls", row ? (int64_t)row->pulls[i] : 0);
    view_kvalue(&w, "mean", mean);
    view_kvalue(&w, "low", mean - half);
    view_kvalue(&w, "high", mean + half);
    view_kvalue(&w, "p_next", next_number(&k->next));
    view_kvalue(&w, "p_best", next_number(&k->best));
    cw_knil(&w, "p_free"); /* a bandit inside a program says only what it does */
    put_hold(k, i, &w);
    view_part_end(out);
}

/* ---- the view ---- */

static bool wanted(const struct view_request *rq, const struct state_bandit *b)
{
    struct span which = cmap_str(rq->body, "bandit");
    int64_t trial = cmap_int(rq->body, "trial", -1);
    const struct state_run *r = state_run(rq->s, b->run);
    if (trial >= 0 && (!r || r->trial != trial))
        return false;
    return has_bandit(rq, b) && (which.n == 0 || span_eq(which, b->id) || span_eq(which, b->name));
}

static void put_bandit(const struct view_request *rq, const struct state_bandit *b, uint64_t snap_pulls,
                       struct codec_writer *w)
{
    const struct state_pulls_row *row = pulls_at(b, rq->t);
    double cost = b->n_arms ? 0 : NAN;
    for (int i = 0; row && i < b->n_arms; i++)
        cost += row->cost_sum[i];
    cw_map(w, 6);
    cw_kstr(w, "bandit", b->id);
    cw_kstr(w, "name", b->name);
    cw_kstr(w, "algorithm", b->algorithm);
    view_ktime(w, "run", b->run);
    cw_kint(w, "rounds", (int64_t)(b->n_arms ? (row ? row->rounds : 0) : snap_pulls));
    view_kvalue(w, "cost", cost);
}

static struct span likeliest(const struct state_arms *snap)
{
    struct span best = {NULL, 0}, row;
    struct codec_reader r;
    double p = 0;
    if (!snap)
        return best;
    open_rows(snap, &r);
    while (next_row(&r, &row)) {
        double x = cmap_double(row, "p_next", NAN);
        if (x > p) {
            p = x;
            best = cmap_str(row, "label");
        }
    }
    return best;
}

int view_arms(const struct view_request *rq, struct view_out *out, char **cause)
{
    const struct state *s = rq->s;
    struct buf bandits = {0};
    struct codec_writer list, w;
    struct span next = {NULL, 0};
    size_t n = 0;
    cw_init(&list, &bandits);
    for (int i = 0; i < s->n_bandits; i++) {
        const struct state_bandit *b = s->bandits[i];
        if (!wanted(rq, b))
            continue;
        const struct state_arms *snap = snap_at(b, rq->t);
        uint64_t pulls = 0;
        if (b->n_arms == 0 && snap) {
            pulls = put_snapshot(b, snap, out);
            next = next.p ? next : likeliest(snap);
        }
        const struct state_pulls_row *row = pulls_at(b, rq->t);
        struct told k = told_at(b, row, rq->t);
        for (int a = 0; a < b->n_arms; a++)
            put_arm(b, row, &k, a, out);
        put_bandit(rq, b, pulls, &list);
        n++;
    }
    view_head(out, &w, 3);
    cw_str(&w, "bandits");
    cw_array(&w, n);
    cw_raw(&w, bandits.data, bandits.len);
    cw_kstr(&w, "policy", rq->ref->tuner_text && *rq->ref->tuner_text ? rq->ref->tuner_text : s->info.tuner);
    cw_str(&w, "next");
    if (next.p)
        cw_strn(&w, next.p, next.n);
    else
        cw_nil(&w);
    buf_release(&bandits);
    return view_rows_finish(rq, out, cause);
}

/* ---- pulls over time ---- */

static const struct state_bandit *choose_bandit(const struct view_request *rq)
{
    const struct state_bandit *b = NULL;
    for (int i = 0; i < rq->s->n_bandits && !b; i++)
        b = wanted(rq, rq->s->bandits[i]) ? rq->s->bandits[i] : NULL;
    return b;
}

struct shares {
    int n_arms, columns;
    char **labels; /* borrowed for in-process bandits, owned for the sweep's own */
    double *share; /* n_arms rows of columns */
};

/* Cumulative share of each arm at the end of each column, by the process's own clock. */
static void shares_of_pulls(const struct view_request *rq, const struct state_bandit *b, struct shares *sh,
                            int64_t t0, int64_t t1)
{
    int k = STATE_PREFIX(b->rows, b->n_rows, struct state_pulls_row, seen, rq->t), at = -1;
    for (int c = 0; c < sh->columns; c++) {
        double end = (double)t0 + (double)(t1 - t0) * (c + 1) / sh->columns;
        while (at + 1 < k && (double)b->rows[at + 1].time <= end)
            at++;
        for (int a = 0; at >= 0 && a < sh->n_arms; a++)
            sh->share[a * sh->columns + c] = (double)b->rows[at].pulls[a] / (double)b->rows[at].rounds;
    }
}

static int arm_labelled(const struct shares *sh, struct span label)
{
    for (int i = 0; i < sh->n_arms; i++)
        if (span_eq(label, sh->labels[i]))
            return i;
    return -1;
}

static void column_of_snap(const struct state_arms *snap, struct shares *sh, int c)
{
    struct codec_reader r;
    struct span row;
    double total = 0;
    open_rows(snap, &r);
    while (next_row(&r, &row)) {
        int a = arm_labelled(sh, cmap_str(row, "label"));
        double pulls = cmap_double(row, "pulls", 0);
        if (a < 0 || !(pulls >= 0))
            continue;
        sh->share[a * sh->columns + c] = pulls;
        total += pulls;
    }
    for (int a = 0; a < sh->n_arms; a++)
        sh->share[a * sh->columns + c] = total > 0 ? sh->share[a * sh->columns + c] / total : NAN;
}

static void shares_of_snaps(const struct view_request *rq, const struct state_bandit *b, struct shares *sh,
                            int64_t t0, int64_t t1)
{
    const struct state_arms *before = NULL;
    for (int c = 0; c < sh->columns; c++) {
        int64_t end = c + 1 == sh->columns ? t1 : t0 + (int64_t)((double)(t1 - t0) * (c + 1) / sh->columns);
        const struct state_arms *snap = snap_at(b, end < rq->t ? end : rq->t);
        if (snap && snap == before) {
            for (int a = 0; a < sh->n_arms; a++)
                sh->share[a * sh->columns + c] = sh->share[a * sh->columns + c - 1];
        } else if (snap) {
            column_of_snap(snap, sh, c);
        }
        before = snap;
    }
}

static void labels_of_snap(const struct state_arms *snap, struct shares *sh)
{
    struct codec_reader r;
    struct span row;
    open_rows(snap, &r);
    while (next_row(&r, &row)) {
        sh->labels = mem_resize(sh->labels, (size_t)sh->n_arms + 1, sizeof *sh->labels);
        sh->labels[sh->n_arms++] = span_dup(cmap_str(row, "label"));
    }
}

static void put_shares(const struct shares *sh, struct view_out *out)
{
    for (int a = 0; a < sh->n_arms; a++) {
        struct codec_writer w;
        view_part_begin(out, &w, a);
        cw_map(&w, 3);
        cw_kint(&w, "arm", a);
        cw_kstr(&w, "label", sh->labels[a]);
        view_kcolumn(&w, "share", sh->share + (size_t)a * (size_t)sh->columns, sh->columns);
        view_part_end(out);
    }
    out->count = sh->n_arms;
}

int view_arms_history(const struct view_request *rq, struct view_out *out, char **cause)
{
    const struct state_bandit *b = choose_bandit(rq);
    struct shares sh = {.columns = view_columns(rq, 80)};
    const struct state_arms *snap = b ? snap_at(b, rq->t) : NULL;
    struct codec_writer w;
    int64_t t0 = rq->s->first_time, t1 = rq->now;
    (void)cause;
    bool inside = b && b->n_arms > 0;
    if (inside) {
        const struct state_pulls_row *last = pulls_at(b, rq->t);
        sh.n_arms = b->n_arms;
        sh.labels = b->labels;
        t0 = last ? b->rows[0].time : b->time;
        t1 = last ? last->time : t0;
    } else if (snap) {
        labels_of_snap(snap, &sh);
        t0 = b->snaps[0].time;
    }
    t1 = t1 > t0 ? t1 : t0;
    size_t cells = (size_t)sh.n_arms * (size_t)sh.columns;
    sh.share = mem_alloc((cells + 1) * sizeof *sh.share);
    for (size_t i = 0; i < cells; i++)
        sh.share[i] = NAN;
    if (inside)
        shares_of_pulls(rq, b, &sh, t0, t1);
    else if (snap)
        shares_of_snaps(rq, b, &sh, t0, t1);
    put_shares(&sh, out);
    for (int i = 0; !inside && i < sh.n_arms; i++)
        free(sh.labels[i]);
    if (!inside)
        free(sh.labels);
    free(sh.share);
    view_head(out, &w, 4);
    cw_kint(&w, "t0", t0);
    cw_kint(&w, "t1", t1);
    cw_kint(&w, "columns", sh.columns);
    cw_kstr(&w, "bandit", b ? b->id : NULL);
    return 0;
}
