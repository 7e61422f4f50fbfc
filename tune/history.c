/* A growing array of trials with a hash from id to index (open addressing, at most half full). */
#include "tune/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct history_slot {
    int64_t id;
    int index; /* -1: empty */
};

void history_init(struct history *h, int dims)
{
    memset(h, 0, sizeof *h);
    h->dims = dims;
}

void history_release(struct history *h)
{
    for (int i = 0; i < h->n; i++) {
        free(h->trials[i].dna);
        free(h->trials[i].points);
        free(h->trials[i].context);
        free(h->trials[i].losses);
        free(h->trials[i].repeats);
        free(h->trials[i].born);
        for (int k = 0; k < h->trials[i].n_changes; k++)
            free(h->trials[i].changes[k].dna);
        free(h->trials[i].changes);
    }
    free(h->trials);
    free(h->slots);
    memset(h, 0, sizeof *h);
}

static struct history_slot *slot(const struct history *h, int64_t id)
{
    uint64_t x = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = x >> 32;; i++) {
        struct history_slot *s = &h->slots[i & (size_t)(h->n_slots - 1)];
        if (s->index < 0 || s->id == id)
            return s;
    }
}

static void rehash(struct history *h)
{
    h->n_slots = h->n_slots ? 2 * h->n_slots : 64;
    free(h->slots);
    h->slots = mem_zero((size_t)h->n_slots, sizeof *h->slots);
    for (int i = 0; i < h->n_slots; i++)
        h->slots[i].index = -1;
    for (int i = 0; i < h->n; i++)
        *slot(h, h->trials[i].id) = (struct history_slot){h->trials[i].id, i};
}

int history_find(const struct history *h, int64_t id)
{
    return h->n_slots ? slot(h, id)->index : -1;
}

int history_add(struct history *h, int64_t id, const double *dna)
{
    if (history_find(h, id) >= 0)
        return -1;
    if (2 * (h->n + 1) > h->n_slots)
        rehash(h);
    if (h->n == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 32;
        h->trials = mem_resize(h->trials, (size_t)h->cap, sizeof *h->trials);
    }
    *slot(h, id) = (struct history_slot){id, h->n};
    h->trials[h->n] = (struct history_trial){.id = id,
                                             .dna = mem_dup(dna, (size_t)h->dims * sizeof *dna),
                                             .loss = NAN,
                                             .step = -1,
                                             .arm = -1,
                                             .propensity = NAN,
                                             .order = -1,
                                             .space_version = 1};
    h->pending++;
    return h->n++;
}

void history_point(struct history *h, int trial, int64_t step, double loss)
{
    struct history_trial *t = &h->trials[trial];
    if (t->n_points == t->cap_points) {
        t->cap_points = t->cap_points ? 2 * t->cap_points : 8;
        t->points = mem_resize(t->points, (size_t)t->cap_points, sizeof *t->points);
    }
    t->points[t->n_points++] = (struct history_point){step, loss};
    if (t->end == END_PENDING) {
        t->loss = loss;
        t->step = step;
    }
}

static int *tally(struct history *h, enum trial_end end)
{
    static int nowhere;
    return end == END_PENDING ? &h->pending : end == END_DONE ? &h->done : end == END_PRUNED ? &h->pruned
         : end == END_FAILED ? &h->failed : &nowhere;
}

void history_end(struct history *h, int trial, enum trial_end end, int64_t step, double loss)
{
    struct history_trial *t = &h->trials[trial];
    --*tally(h, t->end);
    ++*tally(h, end);
    if (t->order < 0)
        t->order = h->ended++;
    t->end = end;
    t->loss = end == END_FAILED || end == END_FORGOTTEN ? NAN : loss;
    t->step = step;
}

void history_losses(struct history *h, int trial, const double *losses, int n)
{
    struct history_trial *t = &h->trials[trial];
    free(t->losses);
    t->losses = n > 0 ? mem_dup(losses, (size_t)n * sizeof *losses) : NULL;
    t->n_losses = n;
}

void history_repeat(struct history *h, int trial)
{
    struct history_trial *t = &h->trials[trial];
    if (!t->repeats) {
        t->repeats = mem_dup(&t->loss, sizeof t->loss);
        t->n_repeats = 1;
    }
    t->n_begun++;
    t->repeating = true;
}

void history_repeated(struct history *h, int trial, double loss)
{
    struct history_trial *t = &h->trials[trial];
    double mean = 0;
    t->repeating = false;
    if (isnan(loss))
        return;
    t->repeats = mem_resize(t->repeats, (size_t)t->n_repeats + 1, sizeof *t->repeats);
    t->repeats[t->n_repeats++] = loss;
    for (int i = 0; i < t->n_repeats; i++)
        mean += (t->repeats[i] - mean) / (i + 1);
    t->loss = mean;
}

double history_squares(const struct history_trial *t)
{
    double sum = 0;
    for (int i = 0; i < t->n_repeats; i++)
        sum += (t->repeats[i] - t->loss) * (t->repeats[i] - t->loss);
    return sum;
}

void history_revive(struct history *h, int trial)
{
    struct history_trial *t = &h->trials[trial];
    history_losses(h, trial, NULL, 0);
    --*tally(h, t->end);
    h->pending++;
    t->end = END_PENDING;
    t->paused = false;
    t->loss = t->n_points ? t->points[t->n_points - 1].loss : NAN;
    t->step = t->n_points ? t->points[t->n_points - 1].step : -1;
}

void history_change(struct history *h, int trial, int64_t step, const double *dna, int64_t donor)
{
    struct history_trial *t = &h->trials[trial];
    t->changes = mem_resize(t->changes, (size_t)t->n_changes + 1, sizeof *t->changes);
    t->changes[t->n_changes++] = (struct history_change){step, t->dna, donor};
    t->dna = mem_dup(dna, (size_t)h->dims * sizeof *dna);
    free(t->born);
    t->born = NULL;
}

double history_at(const struct history *h, int trial, int64_t step, bool best)
{
    const struct history_trial *t = &h->trials[trial];
    double loss = NAN;
    int64_t latest = INT64_MIN;
    for (int i = 0; i < t->n_points; i++) {
        const struct history_point *p = &t->points[i];
        if (p->step > step)
            continue;
        if (best ? !(loss <= p->loss) : p->step >= latest) {
            loss = p->loss;
            latest = p->step;
        }
    }
    return loss;
}

static bool scored(const struct history_trial *t)
{
    return (t->end == END_DONE || t->end == END_PRUNED) && !isnan(t->loss);
}

int history_source(const struct history *h, int trial)
{
    const struct history_trial *t = &h->trials[trial];
    return t->id < 0 && !strncmp(t->origin, "warm:", 5) ? (int)strtol(t->origin + 5, NULL, 10) : 0;
}

int history_warm(const struct history *h)
{
    int n = 0;
    for (int i = 0; i < h->n; i++)
        n += h->trials[i].id < 0;
    return n;
}

int history_best(const struct history *h)
{
    int best = -1;
    for (int i = 0; i < h->n; i++)
        if (scored(&h->trials[i]) && h->trials[i].id >= 0 && (best < 0 || h->trials[i].loss < h->trials[best].loss))
            best = i;
    return best;
}

struct ranked {
    double loss;
    int trial;
};

static int by_loss(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->trial - y->trial;
}

int *history_sorted(const struct history *h, int *n)
{
    struct ranked *r = mem_zero((size_t)h->n, sizeof *r);
    int k = 0;
    for (int i = 0; i < h->n; i++)
        if (scored(&h->trials[i]) && !h->trials[i].outside)
            r[k++] = (struct ranked){h->trials[i].loss, i};
    qsort(r, (size_t)k, sizeof *r, by_loss);
    int *out = mem_zero((size_t)k, sizeof *out);
    for (int i = 0; i < k; i++)
        out[i] = r[i].trial;
    free(r);
    *n = k;
    return out;
}

static bool carry(double **dna, const struct space *from, const struct space *to)
{
    double *carried = mem_zero((size_t)to->n, sizeof *carried);
    bool inside = space_carry(from, *dna, to, carried);
    free(*dna);
    *dna = carried;
    return inside;
}

void history_carry(struct history *h, struct space *const *versions, const struct space *from, const struct space *to)
{
    for (int i = 0; i < h->n; i++) {
        struct history_trial *t = &h->trials[i];
        if (!t->born) {
            t->n_born = h->dims;
            t->born = mem_dup(t->dna, (size_t)h->dims * sizeof *t->dna);
            t->born_version = from->version;
        }
        free(t->dna);
        t->dna = mem_dup(t->born, (size_t)t->n_born * sizeof *t->dna);
        t->outside = !carry(&t->dna, versions[t->born_version], to);
        for (int k = 0; k < t->n_changes; k++)
            carry(&t->changes[k].dna, from, to);
    }
    h->dims = to->n;
}

void history_pack(const struct history *h, struct buf *out)
{
    pack_u64(out, (uint64_t)h->n);
    pack_u64(out, (uint64_t)h->dims);
    pack_i64(out, h->ended);
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        pack_i64(out, t->id);
        pack_doubles(out, t->dna, (size_t)h->dims);
        pack_u64(out, t->end);
        pack_f64(out, t->loss);
        pack_i64(out, t->step);
        pack_i64(out, t->arm);
        pack_f64(out, t->propensity);
        pack_u64(out, (uint64_t)(t->forced | t->asked << 1 | t->outside << 2 | t->paused << 3 | (t->repeats != NULL) << 4 |
                                 t->repeating << 5));
        pack_i64(out, t->space_version);
        pack_i64(out, t->order);
        pack_str(out, t->origin);
        pack_u64(out, (uint64_t)t->n_context);
        pack_doubles(out, t->context, (size_t)t->n_context);
        pack_u64(out, (uint64_t)t->n_losses);
        pack_doubles(out, t->losses, (size_t)t->n_losses);
        pack_u64(out, t->born ? (uint64_t)t->n_born : 0);
        if (t->born) {
            pack_doubles(out, t->born, (size_t)t->n_born);
            pack_i64(out, t->born_version);
        }
        if (t->repeats) {
            pack_i64(out, t->n_begun);
            pack_u64(out, (uint64_t)t->n_repeats);
            pack_doubles(out, t->repeats, (size_t)t->n_repeats);
        }
        pack_u64(out, (uint64_t)t->n_points);
        for (int k = 0; k < t->n_points; k++) {
            pack_i64(out, t->points[k].step);
            pack_f64(out, t->points[k].loss);
        }
        pack_u64(out, (uint64_t)t->n_changes);
        for (int k = 0; k < t->n_changes; k++) {
            pack_i64(out, t->changes[k].step);
            pack_i64(out, t->changes[k].donor);
            pack_doubles(out, t->changes[k].dna, (size_t)h->dims);
        }
    }
}

/* What most trials do not have. */
static void unpack_several(struct history_trial *t, struct unpack *in)
{
    size_t n = unpack_count(in, 8);
    t->n_losses = (int)n;
    t->losses = n ? mem_zero(n, sizeof *t->losses) : NULL;
    unpack_doubles(in, t->losses, n);
    n = unpack_count(in, 8);
    t->n_born = (int)n;
    if (!n)
        return;
    t->born = mem_zero(n, sizeof *t->born);
    unpack_doubles(in, t->born, n);
    t->born_version = (int)unpack_i64(in);
    in->bad |= t->born_version < 1;
}

static void unpack_repeats(struct history_trial *t, struct unpack *in)
{
    t->n_begun = (int)unpack_i64(in);
    size_t n = unpack_count(in, 8);
    in->bad |= n < 1 || t->n_begun < 1;
    if (in->bad)
        return;
    t->n_repeats = (int)n;
    t->repeats = mem_zero(n, sizeof *t->repeats);
    unpack_doubles(in, t->repeats, n);
}

int history_unpack(struct history *h, struct unpack *in)
{
    size_t n = unpack_count(in, 8), dims = (size_t)unpack_u64(in);
    int64_t ended = unpack_i64(in);
    if (in->bad || dims != (size_t)h->dims)
        return -1;
    double *dna = mem_zero(dims, sizeof *dna);
    for (size_t i = 0; i < n && !in->bad; i++) {
        int64_t id = unpack_i64(in);
        unpack_doubles(in, dna, dims);
        int k = in->bad ? -1 : history_add(h, id, dna);
        if (k < 0) {
            in->bad = true;
            break;
        }
        struct history_trial *t = &h->trials[k];
        uint64_t end = unpack_u64(in);
        in->bad |= end > END_FORGOTTEN;
        h->pending--;
        ++*tally(h, t->end = in->bad ? END_FORGOTTEN : (enum trial_end)end);
        t->loss = unpack_f64(in);
        t->step = unpack_i64(in);
        t->arm = (int)unpack_i64(in);
        t->propensity = unpack_f64(in);
        uint64_t flags = unpack_u64(in);
        t->forced = flags & 1;
        t->asked = flags >> 1 & 1;
        t->outside = flags >> 2 & 1;
        t->paused = flags >> 3 & 1;
        t->space_version = (int)unpack_i64(in);
        t->order = unpack_i64(in);
        char *origin = unpack_str(in);
        snprintf(t->origin, sizeof t->origin, "%s", origin ? origin : "");
        free(origin);
        t->n_context = (int)unpack_count(in, 8);
        t->context = mem_zero((size_t)t->n_context, sizeof *t->context);
        unpack_doubles(in, t->context, (size_t)t->n_context);
        unpack_several(t, in);
        if (flags >> 4 & 1)
            unpack_repeats(t, in);
        t->repeating = t->repeats && flags >> 5 & 1;
        t->n_points = t->cap_points = (int)unpack_count(in, 16);
        t->points = mem_zero((size_t)t->n_points, sizeof *t->points);
        for (int p = 0; p < t->n_points; p++) {
            t->points[p].step = unpack_i64(in);
            t->points[p].loss = unpack_f64(in);
        }
        t->n_changes = (int)unpack_count(in, 16);
        t->changes = mem_zero((size_t)t->n_changes, sizeof *t->changes);
        for (int c = 0; c < t->n_changes; c++) {
            t->changes[c].step = unpack_i64(in);
            t->changes[c].donor = unpack_i64(in);
            t->changes[c].dna = mem_zero(dims, sizeof *dna);
            unpack_doubles(in, t->changes[c].dna, dims);
        }
    }
    free(dna);
    h->ended = ended;
    return in->bad ? -1 : 0;
}
