/* Steering as boxes on a landscape, as of any moment: from the interventions in the log, so that a recording
 * shows them too. A steering intervention is in force from when it was applied until it is undone, lifted by
 * the verb that lifts it, or over: expiry is counted in the tuner's asks, which are the trials it made since.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/landscape_parts.h"
#include "tune/arms.h"
#include "tune/region.h"

#define REGIONS_MAX 256

/* What lifts it; the weight when none is given. Kinds are told apart by their verb's name alone. */
static const struct kind {
    const char *verb, *lift;
    double weight;
} kinds[] = {
    {"ban", "unban", NAN}, {"avoid", "unban", NAN}, {"pin", "unpin", NAN}, {"boost", NULL, 2},
    {"weight", NULL, 2},   {"focus", NULL, 4},      {"quota", NULL, NAN},
};

static const struct kind *kind_of(const char *verb)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].verb, verb) == 0)
            return &kinds[i];
    return NULL;
}

/* Since when an intervention is in force; false: it is not. */
static bool in_force(const struct view_request *rq, const struct state_iv *iv, int64_t *since)
{
    enum iv_state st;
    if (!view_iv_at(rq, iv, &st) || st != IV_APPLIED)
        return false;
    for (int i = 0; i < iv->n_changes; i++)
        if (iv->changes[i].state == IV_APPLIED)
            *since = iv->changes[i].time;
    return true;
}

/* A target names the same place or, for a verb without one, every place. */
static bool lifted(const struct view_request *rq, const struct state_iv *iv, const char *lift)
{
    for (int i = (int)iv->id; lift && i < rq->s->n_ivs; i++) {
        const struct state_iv *later = rq->s->ivs[i];
        int64_t since;
        if (later && strcmp(later->verb, lift) == 0 && in_force(rq, later, &since) &&
            (!*later->target || strcmp(later->target, iv->target) == 0))
            return true;
    }
    return false;
}

/* Asks left, -1 no end, 0 over. */
static int64_t asks_left(const struct view_request *rq, const struct state_iv *iv, int64_t since)
{
    int64_t n = cmap_int((struct span){iv->args, iv->args_n}, "for", -1), asked = 0;
    if (n < 0)
        return -1;
    for (int i = 0; i < rq->s->n_trials; i++) {
        const struct state_trial *tr = rq->s->trials[i];
        asked += view_has_trial(rq, tr) && tr->created > since && strcmp(tr->origin, "tuner") == 0;
    }
    return n > asked ? n - asked : 0;
}

/* ---- boxes ---- */

static void side_of(const struct landscape_axis *a, const struct region *r, double *low, double *high)
{
    *low = 0;
    *high = 1;
    for (int i = 0; i < r->n; i++) {
        const struct region_side *s = &r->sides[i];
        if (strcmp(s->param, a->param->name) != 0)
            continue;
        if (a->scale != SCALE_CHOICES) {
            double from = axis_of_value(a, fmax(s->low, a->low)),
                   to = axis_of_value(a, fmin(s->high, a->high));
            *low = fmax(*low, from);
            *high = fmin(*high, to);
            continue;
        }
        double first = INFINITY, last = -INFINITY;
        for (int k = 0; k < a->param->n_choices; k++)
            for (int v = 0; v < s->n_values; v++)
                if (tune_same(&s->values[v], &a->param->choices[k])) {
                    first = fmin(first, k);
                    last = fmax(last, k + 1);
                }
        *low = isinf(first) ? 0 : first / a->high;
        *high = isinf(first) ? 0 : last / a->high;
    }
}

static double dna_edge(const struct landscape_axis *a, double dna, bool high)
{
    if (isnan(dna))
        return high;
    return a->scale == SCALE_CHOICES ? (dna + high) / a->high : axis_of_value(a, param_warp(a->param, dna));
}

void landscape_cell_box(const struct landscape_grid *g, const double *low, const double *high, double box[4])
{
    box[0] = dna_edge(&g->x, low[g->x.at], false);
    box[2] = dna_edge(&g->x, high[g->x.at], true);
    box[1] = g->slice ? 0 : dna_edge(&g->y, low[g->y.at], false);
    box[3] = g->slice ? 1 : dna_edge(&g->y, high[g->y.at], true);
}

/* An arm by label or number, as the tuner shows a sampler without arms of its own; else a region as written.
 */
static int region_of(const struct space *s, const struct arms *arms, const char *word, struct region *out)
{
    *out = (struct region){0};
    for (int i = 0; arms && i < arms->n; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        if (strcmp(arms->label[i], word) != 0 && strcmp(number, word) != 0)
            continue;
        region_copy(out, &arms->cell[i]);
        return 0;
    }
    return region_parse(out, s, word, NULL);
}

struct writing {
    struct buf list;
    struct codec_writer w;
    size_t n;
    const struct landscape_grid *g;
    const struct state_iv *iv;
    double weight;
    int64_t left;
};

static void put_region(struct writing *k, const struct region *r, const char *text)
{
    double x0, y0 = 0, x1, y1 = 1;
    side_of(&k->g->x, r, &x0, &x1);
    if (!k->g->slice)
        side_of(&k->g->y, r, &y0, &y1);
    if (k->n == REGIONS_MAX || !(x1 > x0 && y1 > y0))
        return;
    k->n++;
    cw_array(&k->w, 9);
    cw_str(&k->w, k->iv->verb);
    cw_str(&k->w, text);
    cw_double(&k->w, x0);
    cw_double(&k->w, y0);
    cw_double(&k->w, x1);
    cw_double(&k->w, y1);
    if (isnan(k->weight))
        cw_nil(&k->w);
    else
        cw_double(&k->w, k->weight);
    if (k->left > 0)
        cw_int(&k->w, k->left);
    else
        cw_nil(&k->w);
    cw_int(&k->w, k->iv->id);
}

static void put_words(struct writing *k, const struct model *m, const struct arms *arms)
{
    char *words = mem_str(k->iv->target), *rest = words;
    for (char *word; rest && (word = rest, *word);) {
        char *comma = strchr(word, ',');
        rest = comma ? comma + 1 : NULL;
        if (comma)
            *comma = '\0';
        struct region r;
        if (region_of(m->space, arms, word, &r) == 0)
            put_region(k, &r, word);
        region_release(&r);
    }
    free(words);
}

void landscape_put_regions(struct codec_writer *w, const struct view_request *rq, const struct model *m,
                           const struct landscape_grid *g)
{
    struct writing k = {.g = g};
    struct arms *arms = NULL;
    bool cut = false;
    cw_init(&k.w, &k.list);
    for (int i = 0; i < rq->s->n_ivs; i++) {
        const struct state_iv *iv = rq->s->ivs[i];
        const struct kind *kind = iv ? kind_of(iv->verb) : NULL;
        struct span args = {iv ? iv->args : NULL, iv ? iv->args_n : 0};
        int64_t since = 0;
        if (!kind || !in_force(rq, iv, &since) || cmap_str(args, "bandit").n || lifted(rq, iv, kind->lift))
            continue;
        k.iv = iv;
        k.left = asks_left(rq, iv, since);
        k.weight = cmap_double(args, "share", cmap_double(args, "weight", kind->weight));
        if (!cut)
            arms = arms_make(m->space, NULL, LANDSCAPE_ARMS, NULL);
        cut = true;
        if (k.left != 0)
            put_words(&k, m, arms);
    }
    cw_str(w, "regions");
    cw_array(w, k.n);
    if (k.n)
        cw_raw(w, k.list.data, k.list.len);
    buf_release(&k.list);
    arms_free(arms);
}
