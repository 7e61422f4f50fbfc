#include "tui/insight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "tui/console_state.h"

#define LOG_RATIO 20 /* positive values that span more than this are on a log axis */
#define NARROWEST .02

void insight_init(struct insight *k)
{
    *k = (struct insight){.other = INSIGHT_PARETO, .dragging = -1};
}

void insight_release(struct insight *k)
{
    free(k->lines);
    k->lines = NULL;
    k->n_lines = 0;
}

/* ---- asking ---- */

void insight_want(struct console *c, const bool shown[INSIGHT_PANES], int edf_columns, int time_columns)
{
    struct insight *k = &c->insight;
    struct codec_writer w;
    /* importance also orders the axes */
    w = sub_want(&c->subs, SUB_IMPORTANCE, "importance", 1);
    cw_kstr(&w, "method", k->quick ? "quick" : "fanova");
    sub_commit(&c->subs, SUB_IMPORTANCE, 0, 1);
    if (shown[INSIGHT_PARETO]) {
        w = sub_want(&c->subs, SUB_PARETO, "pareto", 1);
        cw_kint(&w, "columns", time_columns);
        sub_commit(&c->subs, SUB_PARETO, 0, 1);
    }
    if (shown[INSIGHT_EDF]) {
        w = sub_want(&c->subs, SUB_EDF, "edf", 2);
        cw_kstr(&w, "by", k->by[0] ? k->by : "tuner");
        cw_kint(&w, "columns", edf_columns);
        sub_commit(&c->subs, SUB_EDF, 0, 1);
    }
    if (shown[INSIGHT_RUNGS]) {
        w = sub_want(&c->subs, SUB_RUNGS, "rungs", 0);
        sub_commit(&c->subs, SUB_RUNGS, 0, 1);
    }
    if (shown[INSIGHT_SEEDS]) {
        w = sub_want(&c->subs, SUB_SEEDS, "seeds", 0);
        sub_commit(&c->subs, SUB_SEEDS, 0, 1);
    }
    if (shown[INSIGHT_PARALLEL]) {
        w = sub_want(&c->subs, SUB_ALL, "trials", 3);
        cw_kint(&w, "from", 0);
        cw_kint(&w, "rows", INSIGHT_TRIALS);
        cw_kstr(&w, "sort", "value");
        sub_commit(&c->subs, SUB_ALL, 0, 1);
    }
}

/* ---- axes ---- */

static struct insight_axis *axis_named(struct insight *k, struct span name)
{
    for (int i = 0; i < k->n_axes; i++)
        if (k->axes[i].name[0] && span_eq(name, k->axes[i].name))
            return &k->axes[i];
    return NULL;
}

/* The parameters, the most important first, and the objective behind them; brushes stay with their names. */
static void name_axes(struct console *c)
{
    struct insight *k = &c->insight;
    struct insight_axis *old = mem_dup(k->axes, sizeof k->axes);
    int n_old = k->n_axes;
    k->n_axes = 0;
    for (int pass = 0; pass < 2; pass++) {
        int n = pass == 0 ? sub_rows(&c->subs, SUB_IMPORTANCE) : c->sum.n_params;
        for (int i = 0; i < n && k->n_axes < INSIGHT_AXES - 1; i++) {
            struct span row = pass == 0 ? sub_row(&c->subs, SUB_IMPORTANCE, i) : c->sum.params[i];
            struct span name = pass == 1                           ? row
                               : row.p && !cmap_str(row, "pair").p ? cmap_str(row, "param")
                                                                   : (struct span){NULL, 0};
            if (!name.n || axis_named(k, name))
                continue;
            k->axes[k->n_axes] = (struct insight_axis){.low = INFINITY, .high = -INFINITY};
            span_copy(k->axes[k->n_axes++].name, sizeof k->axes[0].name, name);
        }
    }
    k->axes[k->n_axes++] = (struct insight_axis){.low = INFINITY, .high = -INFINITY};
    for (int i = 0; i < k->n_axes; i++)
        for (int j = 0; j < n_old; j++)
            if (strcmp(old[j].name, k->axes[i].name) == 0) {
                k->axes[i].brush = old[j].brush;
                k->axes[i].b0 = old[j].b0;
                k->axes[i].b1 = old[j].b1;
                k->axes[i].inverted = old[j].inverted;
            }
    free(old);
    k->axis = k->axis >= k->n_axes ? k->n_axes - 1 : k->axis;
}

static bool read_number(struct span v, double *out)
{
    struct codec_reader r;
    if (!v.p)
        return false;
    cr_init(&r, v.p, v.n);
    enum codec_type t = cr_peek(&r);
    if (t != CT_INT && t != CT_UINT && t != CT_DOUBLE)
        return false;
    *out = cr_double(&r);
    return isfinite(*out);
}

static struct span value_on(const struct insight_axis *a, const struct trial_row *t)
{
    return a->name[0] ? cmap_value(t->params, a->name) : (struct span){NULL, 0};
}

static int word_of(struct insight_axis *a, struct span v, bool add)
{
    char text[ROW_TEXT];
    row_value(text, v, 28);
    for (int i = 0; i < a->n_words; i++)
        if (strncmp(a->words[i], text, sizeof a->words[0] - 1) == 0)
            return i;
    if (!add || a->n_words == INSIGHT_WORDS || !text[0])
        return -1;
    row_format(a->words[a->n_words], sizeof a->words[0], "%.30s", text);
    return a->n_words++;
}

static void widen(struct insight_axis *a, const struct trial_row *t)
{
    double x = t->value;
    struct span v = value_on(a, t);
    if (a->name[0] && !read_number(v, &x)) {
        if (v.p)
            word_of(a, v, true);
        return;
    }
    if (!isfinite(x))
        return;
    a->low = x < a->low ? x : a->low;
    a->high = x > a->high ? x : a->high;
}

static double place_of(struct insight_axis *a, const struct trial_row *t)
{
    double x = t->value;
    struct span v = value_on(a, t);
    bool is_number = !a->name[0] || read_number(v, &x);
    if (a->n_words) {
        int at = v.p ? word_of(a, v, false) : -1;
        return at < 0 ? NAN : (at + .5) / a->n_words;
    }
    if (!is_number || !isfinite(x) || !(a->high >= a->low))
        return NAN;
    if (a->high == a->low)
        return .5;
    double p = a->log ? log(x / a->low) / log(a->high / a->low) : (x - a->low) / (a->high - a->low);
    return p < 0 ? 0 : p > 1 ? 1 : p;
}

void insight_text(const struct console *c, const struct insight_axis *a, double pos, char out[ROW_TEXT])
{
    if (a->n_words) {
        int i = (int)(pos * a->n_words);
        row_format(out, ROW_TEXT, "%s", a->words[i < 0 ? 0 : i >= a->n_words ? a->n_words - 1 : i]);
        return;
    }
    double v = a->log ? a->low * pow(a->high / a->low, pos) : a->low + pos * (a->high - a->low);
    if (isfinite(v))
        text_fmt_short(out, v, 3);
    else
        row_format(out, ROW_TEXT, "%s", "");
}

/* ---- decoding ---- */

static struct trial_row row_at(const struct console *c, int i)
{
    struct trial_row t = {.trial = -1};
    struct span raw = sub_row(&c->subs, SUB_ALL, i);
    if (raw.p)
        trial_row_read(&t, raw);
    return t;
}

static void read_lines(struct console *c)
{
    struct insight *k = &c->insight;
    int n = sub_rows(&c->subs, SUB_ALL);
    n = n > INSIGHT_TRIALS ? INSIGHT_TRIALS : n;
    insight_release(k);
    name_axes(c);
    for (int i = 0; i < n; i++) {
        struct trial_row t = row_at(c, i);
        for (int a = 0; t.trial >= 0 && a < k->n_axes; a++)
            widen(&k->axes[a], &t);
    }
    for (int a = 0; a < k->n_axes; a++) {
        struct insight_axis *x = &k->axes[a];
        x->log = x->low > 0 && x->high / x->low > LOG_RATIO;
    }
    k->lines = mem_zero((size_t)n + 1, sizeof *k->lines);
    for (int i = 0; i < n; i++) {
        struct trial_row t = row_at(c, i);
        if (t.trial < 0 || !isfinite(t.value))
            continue;
        struct insight_line *l = &k->lines[k->n_lines++];
        *l = (struct insight_line){.trial = t.trial, .state = t.state};
        for (int a = 0; a < k->n_axes; a++)
            l->at[a] = (float)place_of(&k->axes[a], &t);
    }
}

static void hold_lines(struct insight *k)
{
    k->n_held = 0;
    for (int i = 0; i < k->n_lines; i++) {
        struct insight_line *l = &k->lines[i];
        l->held = true;
        for (int a = 0; a < k->n_axes; a++) {
            const struct insight_axis *x = &k->axes[a];
            if (x->brush && !((double)l->at[a] >= x->b0 - 1e-6 && (double)l->at[a] <= x->b1 + 1e-6))
                l->held = false;
        }
        k->n_held += l->held;
    }
}

void insight_follow(struct console *c)
{
    struct insight *k = &c->insight;
    uint64_t version = sub_version(&c->subs, SUB_ALL) * 1000003 + sub_version(&c->subs, SUB_IMPORTANCE) +
                       (uint64_t)c->sum.n_params;
    if (version != k->seen)
        read_lines(c);
    k->seen = version;
    hold_lines(k);
}

/* ---- keys ---- */

void insight_next_by(struct console *c)
{
    static const char *const fixed[] = {"", "origin", "space_version"};
    struct insight *k = &c->insight;
    int n = 3 + c->sum.n_params, at = 0;
    for (int i = 0; i < n; i++)
        if (i < 3 ? strcmp(k->by, fixed[i]) == 0 : span_eq(c->sum.params[i - 3], k->by))
            at = i;
    at = (at + 1) % n;
    if (at < 3)
        row_format(k->by, sizeof k->by, "%s", fixed[at]);
    else
        span_copy(k->by, sizeof k->by, c->sum.params[at - 3]);
}

bool insight_brushed(const struct insight *k)
{
    for (int i = 0; i < k->n_axes; i++)
        if (k->axes[i].brush)
            return true;
    return false;
}

void insight_set_brush(struct insight *k, int axis, double a, double b)
{
    if (axis < 0 || axis >= k->n_axes)
        return;
    struct insight_axis *x = &k->axes[axis];
    double lo = a < b ? a : b, hi = a < b ? b : a;
    hi = hi - lo < NARROWEST ? lo + NARROWEST : hi;
    x->brush = true;
    x->b0 = lo < 0 ? 0 : lo > 1 - NARROWEST ? 1 - NARROWEST : lo;
    x->b1 = hi > 1 ? 1 : hi;
}

void insight_toggle_brush(struct insight *k)
{
    struct insight_axis *x = &k->axes[k->axis];
    if (k->n_axes == 0)
        return;
    if (x->brush)
        x->brush = false;
    else if (x->b1 > x->b0)
        x->brush = true;
    else /* the quarter with the lower values: of a loss the good one */
        insight_set_brush(k, k->axis, 0, .25);
}

void insight_move_brush(struct insight *k, double by)
{
    struct insight_axis *x = &k->axes[k->axis];
    if (k->n_axes == 0)
        return;
    if (!x->brush) {
        insight_toggle_brush(k);
        return;
    }
    double w = x->b1 - x->b0, lo = x->b0 + by;
    lo = lo < 0 ? 0 : lo + w > 1 ? 1 - w : lo;
    insight_set_brush(k, k->axis, lo, lo + w);
}

void insight_size_brush(struct insight *k, double by)
{
    struct insight_axis *x = &k->axes[k->axis];
    if (k->n_axes && x->brush && x->b1 - x->b0 + by >= NARROWEST)
        insight_set_brush(k, k->axis, x->b0 - by / 2, x->b1 + by / 2);
}

bool insight_filter(const struct console *c, char *out, size_t cap)
{
    const struct insight *k = &c->insight;
    out[0] = '\0';
    for (int a = 0; a < k->n_axes; a++) {
        const struct insight_axis *x = &k->axes[a];
        char lo[ROW_TEXT], hi[ROW_TEXT], one[300] = "";
        const char *name = x->name[0] ? x->name : "value";
        if (!x->brush)
            continue;
        insight_text(c, x, x->b0, lo);
        insight_text(c, x, x->b1, hi);
        if (!x->n_words)
            row_format(one, sizeof one, "%.63s>=%.30s %.63s<=%.30s", name, lo, name, hi);
        for (int i = 0; i < x->n_words; i++) {
            double mid = (i + .5) / x->n_words;
            size_t n = strlen(one);
            if (mid >= x->b0 && mid <= x->b1)
                row_format(one + n, sizeof one - n, "%s%.63s=%.31s", one[0] ? "|" : "", name, x->words[i]);
        }
        if (!one[0])
            return false;
        size_t n = strlen(out);
        row_format(out + n, cap - n, "%s%s", n ? " " : "", one);
    }
    return true;
}
