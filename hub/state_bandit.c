/* state_bandit: bandits: the sweep's own, whose arms come as snapshots of what the tuner said, and those
 * inside runs, whose pulls are summed here.
 *
 * Pulls come by the million, so of each in-process bandit only running sums are kept and a bounded number of
 * rows of them over time: one every `every` rounds and one at the end of each event. When there are too many
 * every second one goes and `every` doubles. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state_parts.h"
#include "proto/points.h"

#define TUNER_BANDIT        "tuner"
#define MAX_BANDITS_PER_RUN 256
#define FIRST_EVERY         64

static struct state_bandit *add_bandit(struct state *s, char *id)
{
    struct state_bandit *b = STATE_PUSH(s->bandits, s->n_bandits) = MEM_NEW(struct state_bandit);
    b->id = id;
    b->run = -1;
    b->time = s->last_time;
    b->every = FIRST_EVERY;
    return b;
}

struct state_bandit *state_bandit(const struct state *s, const char *id)
{
    const char *slash = strchr(id, '/');
    char *end;
    long run = slash ? strtol(id, &end, 10) : -1;
    if (slash && end == slash) {
        const struct state_run *r = state_run(s, run);
        for (int i = 0; r && i < r->n_bandits; i++)
            if (strcmp(s->bandits[r->bandits[i]]->id, id) == 0)
                return s->bandits[r->bandits[i]];
        return NULL;
    }
    for (int i = 0; i < s->n_bandits; i++)
        if (strcmp(s->bandits[i]->id, id) == 0)
            return s->bandits[i];
    return NULL;
}

/* What events call a bandit: its number in the run, or a name. */
static char *key_of(struct span body)
{
    struct codec_reader r;
    if (!cmap_find(body, "bandit", &r))
        return NULL;
    if (cr_peek(&r) == CT_STR)
        return span_dup(cr_str(&r));
    int64_t v = cr_int(&r);
    if (!cr_ok(&r))
        return NULL;
    struct buf b = {0};
    buf_printf(&b, "%lld", (long long)v);
    return buf_take(&b);
}

static struct state_bandit *bandit_of_run(struct state *s, struct state_run *r, const char *key)
{
    for (int i = 0; key && i < r->n_bandits; i++)
        if (strcmp(s->bandits[r->bandits[i]]->key, key) == 0)
            return s->bandits[r->bandits[i]];
    return NULL;
}

static void read_labels(struct state_bandit *b, struct span body)
{
    struct codec_reader r;
    if (!cmap_find(body, "arms", &r) || cr_peek(&r) != CT_ARRAY)
        return;
    size_t n = cr_array(&r);
    if (n > STATE_MAX_ARMS)
        n = STATE_MAX_ARMS;
    b->labels = mem_zero(n ? n : 1, sizeof *b->labels);
    for (size_t i = 0; i < n; i++) {
        if (cr_peek(&r) == CT_STR)
            b->labels[i] = span_dup(cr_str(&r));
        else {
            cr_skip(&r);
            b->labels[i] = mem_str("");
        }
    }
    b->n_arms = (int)n;
}

int apply_bandit(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    char *key = key_of(ev->body);
    if (!r || !key || bandit_of_run(s, r, key) || r->n_bandits >= MAX_BANDITS_PER_RUN) {
        free(key);
        return 1; /* opened again by a restarted program: the sums go on */
    }
    char *name = cmap_strdup(ev->body, "name");
    struct buf id = {0};
    buf_printf(&id, "%lld/%s", (long long)r->run, name ? name : key);
    struct state_bandit *b = add_bandit(s, buf_take(&id));
    STATE_PUSH(r->bandits, r->n_bandits) = s->n_bandits - 1;
    b->key = key;
    b->name = name ? name : mem_str(key);
    b->algorithm = cmap_strdup(ev->body, "algorithm");
    b->run = r->run;
    read_labels(b, ev->body);
    size_t n = (size_t)b->n_arms + 1;
    b->pulls = mem_zero(n, sizeof *b->pulls);
    b->cost_sum = mem_zero(n, sizeof *b->cost_sum);
    b->cost_sq = mem_zero(n, sizeof *b->cost_sq);
    return 0;
}

/* ---- pulls ---- */

static size_t row_size(const struct state_bandit *b)
{
    return sizeof *b->rows + (size_t)b->n_arms * 3 * sizeof(double) + 1;
}

static void thin_rows(struct state *s, struct state_bandit *b)
{
    int keep = 0;
    for (int i = 0; i < b->n_rows; i++) {
        if (i % 2 && i != b->n_rows - 1)
            free(b->rows[i].cost_sum);
        else
            b->rows[keep++] = b->rows[i];
    }
    size_t freed = (size_t)(b->n_rows - keep) * row_size(b);
    b->row_bytes -= freed;
    s->row_bytes -= freed;
    b->n_rows = keep;
    b->every *= 2;
}

static void bound_rows(struct state *s)
{
    while (s->row_bytes > STATE_ROW_BYTES) {
        struct state_bandit *most = s->bandits[0];
        for (int i = 1; i < s->n_bandits; i++)
            most = s->bandits[i]->row_bytes > most->row_bytes ? s->bandits[i] : most;
        if (most->n_rows < 3)
            break;
        thin_rows(s, most);
    }
}

static void add_row(struct state *s, struct state_bandit *b, int64_t time)
{
    if (b->n_rows == STATE_PULLS_ROWS)
        thin_rows(s, b);
    b->row_bytes += row_size(b);
    s->row_bytes += row_size(b);
    size_t n = (size_t)b->n_arms;
    struct state_pulls_row *row = &STATE_PUSH(b->rows, b->n_rows);
    row->time = time;
    row->seen = s->last_time;
    row->t = b->last_t;
    row->rounds = b->rounds;
    row->cost_sum = mem_alloc(row_size(b) - sizeof *row);
    row->cost_sq = row->cost_sum + n;
    row->pulls = (uint64_t *)(void *)(row->cost_sq + n);
    memcpy(row->cost_sum, b->cost_sum, n * sizeof *b->cost_sum);
    memcpy(row->cost_sq, b->cost_sq, n * sizeof *b->cost_sq);
    memcpy(row->pulls, b->pulls, n * sizeof *b->pulls);
}

int apply_pulls(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    struct codec_reader at;
    char *key = key_of(ev->body);
    struct state_bandit *b = r ? bandit_of_run(s, r, key) : NULL;
    free(key);
    if (!b || !cmap_find(ev->body, "c", &at) || cr_peek(&at) != CT_BIN)
        return 1;
    struct pull *pulls = NULL;
    int n = pulls_unpack(cr_bin(&at), &pulls, NULL);
    int64_t last = ev->time;
    for (int i = 0; i < n; i++) {
        const struct pull *p = &pulls[i];
        if (p->arm >= b->n_arms)
            continue;
        b->pulls[p->arm]++;
        b->rounds++;
        b->last_t = p->t;
        if (isfinite(p->cost)) {
            b->cost_sum[p->arm] += p->cost;
            b->cost_sq[p->arm] += p->cost * p->cost;
            b->total_cost += p->cost;
        }
        last = p->time;
        if (b->rounds % b->every == 0)
            add_row(s, b, last);
    }
    free(pulls);
    if (n > 0 && (!b->n_rows || b->rows[b->n_rows - 1].rounds != b->rounds))
        add_row(s, b, last);
    bound_rows(s);
    return n < 0;
}

/* ---- snapshots ---- */

static void thin_snaps(struct state_bandit *b)
{
    int half = b->n_snaps / 2, keep = 0;
    for (int i = 0; i < b->n_snaps; i++) {
        if (i < half && i % 2)
            free(b->snaps[i].rows);
        else
            b->snaps[keep++] = b->snaps[i];
    }
    b->n_snaps = keep;
}

static struct state_arms *add_snap(struct state *s, struct state_bandit *b, const struct event *ev)
{
    if (b->n_snaps == STATE_SNAPS)
        thin_snaps(b);
    struct state_arms *snap = &STATE_PUSH(b->snaps, b->n_snaps);
    *snap = (struct state_arms){.time = s->last_time, .said = ev->time};
    return snap;
}

/* A run speaks for its own bandits only, whatever it calls them. */
static int apply_run_arms(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    char *key = key_of(ev->body);
    struct state_bandit *b = r ? bandit_of_run(s, r, key) : NULL;
    struct codec_reader at;
    free(key);
    if (!b || !cmap_find(ev->body, "p_next", &at) || cr_peek(&at) != CT_ARRAY)
        return 1;
    if (b->n_snaps > 8 && (size_t)b->n_snaps * ev->body.n > STATE_SNAP_BYTES)
        thin_snaps(b);
    struct state_arms *snap = add_snap(s, b, ev);
    snap->rows = state_keep(ev->body, &snap->rows_n);
    return 0;
}

int apply_arms(struct state *s, const struct event *ev)
{
    struct codec_reader at;
    if (cmap_find(ev->body, "run", &at))
        return apply_run_arms(s, ev);
    if (!cmap_find(ev->body, "rows", &at) || cr_peek(&at) != CT_ARRAY)
        return 1;
    char *id = key_of(ev->body);
    if (!id)
        id = mem_str(TUNER_BANDIT);
    struct state_bandit *b = state_bandit(s, id);
    if (!b && strchr(id, '/')) {
        free(id);
        return 1; /* of a run that never opened it */
    }
    if (!b) {
        b = add_bandit(s, id);
        b->name = mem_str(id);
        b->algorithm = mem_str(s->info.tuner);
    } else {
        free(id);
    }
    struct state_arms *snap = add_snap(s, b, ev);
    snap->rows = state_keep(cmap_value(ev->body, "rows"), &snap->rows_n);
    return 0;
}

void state_bandit_free(struct state_bandit *b)
{
    for (int i = 0; i < b->n_arms; i++)
        free(b->labels[i]);
    for (int i = 0; i < b->n_snaps; i++)
        free(b->snaps[i].rows);
    for (int i = 0; i < b->n_rows; i++)
        free(b->rows[i].cost_sum);
    free(b->labels);
    free(b->snaps);
    free(b->rows);
    free(b->id);
    free(b->key);
    free(b->name);
    free(b->algorithm);
    free(b->pulls);
    free(b->cost_sum);
    free(b->cost_sq);
    free(b);
}
