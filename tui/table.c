#include "tui/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void table_init(struct table *t)
{
    *t = (struct table){
        .sel = -1, .sel_index = -1, .follow = true, .want_index = -1, .range_from = -1, .id_width = 3};
    snprintf(t->sort, sizeof t->sort, "value");
}

void table_release(struct table *t)
{
    for (int i = 0; i < t->cap_rows; i++)
        buf_release(&t->rows[i].raw);
    free(t->rows);
    free(t->marks);
    *t = (struct table){.sel = -1};
}

/* ---- the request ---- */

static bool holds(const struct table *t, int64_t mono)
{
    return t->frozen || mono < t->hold_until;
}

/* First row asked for: a page of margin, moved only when the visible page would come near the window's edge.
 */
static int64_t window_from(const struct table *t, const struct subs *f, int64_t mono)
{
    int64_t from = f->sub[SUB_TRIALS].from, rows = 3 * (int64_t)t->visible, best = t->top - t->visible;
    if (best < 0)
        best = 0;
    bool inside = t->top >= from && t->top + t->visible <= from + rows;
    bool near_edge = from > 0 && t->top - from < t->visible / 2;
    near_edge = near_edge || from + rows - (t->top + t->visible) < t->visible / 2;
    return inside && (holds(t, mono) || !near_edge) ? from : best;
}

void table_want(struct table *t, struct subs *f, const struct summary *s, int visible, int64_t mono)
{
    char sort[80];
    t->visible = visible > 1 ? visible : 1;
    bool minus = t->reverse;
    if (strcmp(t->sort, "value") == 0 && s->maximize)
        minus = !minus;
    snprintf(sort, sizeof sort, "%s%s", minus ? "-" : "", t->sort);
    int64_t from = window_from(t, f, mono);
    int extra = 0;
    for (int i = 0; i < t->cols.n; i++)
        extra += column_kind(s, t->cols.name[i]) == COLUMN_OTHER;
    int pairs = 6 + (extra > 0) + (t->group[0] ? 2 : 0);
    struct codec_writer w = sub_want(f, SUB_TRIALS, "trials", pairs);
    cw_kint(&w, "from", from);
    cw_kint(&w, "rows", 3 * (int64_t)t->visible);
    cw_kstr(&w, "sort", sort);
    cw_kstr(&w, "filter", t->filter);
    cw_kint(&w, "spark", TABLE_SPARK);
    cw_kint(&w, "follow", t->sel_group ? t->sel_group : t->sel);
    if (extra) {
        cw_str(&w, "extra");
        cw_array(&w, (size_t)extra);
        for (int i = 0; i < t->cols.n; i++)
            if (column_kind(s, t->cols.name[i]) == COLUMN_OTHER)
                cw_str(&w, t->cols.name[i]);
    }
    if (t->group[0]) {
        cw_kstr(&w, "group", t->group);
        cw_str(&w, "folded");
        cw_array(&w, (size_t)t->n_folded);
        for (int i = 0; i < t->n_folded; i++)
            cw_int(&w, t->folded[i]);
    }
    sub_commit(f, SUB_TRIALS, from, 4);
}

/* ---- what arrived ---- */

static struct table_row *row_slot(struct table *t, int i)
{
    if (i >= t->cap_rows) {
        int cap = t->cap_rows ? 2 * t->cap_rows : 64;
        while (cap <= i)
            cap *= 2;
        t->rows = mem_resize(t->rows, (size_t)cap, sizeof *t->rows);
        memset(t->rows + t->cap_rows, 0, (size_t)(cap - t->cap_rows) * sizeof *t->rows);
        t->cap_rows = cap;
    }
    return &t->rows[i];
}

static void keep_raw(struct table_row *r, struct span raw)
{
    buf_clear(&r->raw);
    buf_put(&r->raw, raw.p, raw.n);
}

static void take_order(struct table *t, const struct subs *f)
{
    int n = sub_rows(f, SUB_TRIALS), kept = 0;
    for (int i = 0; i < n; i++) {
        struct span raw = sub_row(f, SUB_TRIALS, i);
        if (!raw.p)
            break; /* a gap: what is behind it comes with the next answer */
        struct table_row *r = row_slot(t, kept++);
        r->id = cmap_int(raw, "trial", -1);
        keep_raw(r, raw);
    }
    t->n_rows = kept;
    t->base = f->sub[SUB_TRIALS].have_from;
}

static void take_values(struct table *t, const struct subs *f)
{
    int n = sub_rows(f, SUB_TRIALS);
    for (int i = 0; i < n; i++) {
        struct span raw = sub_row(f, SUB_TRIALS, i);
        int64_t id = raw.p ? cmap_int(raw, "trial", -1) : -1;
        for (int k = 0; id != -1 && k < t->n_rows; k++)
            if (t->rows[k].id == id) {
                keep_raw(&t->rows[k], raw);
                break;
            }
    }
}

/* The row becomes the selection; of a group, its best trial is what the panels show. */
static void take_selection(struct table *t, const struct table_row *row)
{
    t->sel_group = row->id < -1 ? row->id : 0;
    if (t->sel_group)
        t->sel = cmap_int((struct span){(char *)row->raw.data, row->raw.len}, "best_trial", -1);
    else
        t->sel = row->id;
}

static void find_selection(struct table *t, const struct subs *f)
{
    int64_t id = t->sel_group ? t->sel_group : t->sel;
    t->sel_index = -1;
    for (int i = 0; i < t->n_rows; i++)
        if (t->rows[i].id == id)
            t->sel_index = t->base + i;
    struct span head = sub_head(f, SUB_TRIALS);
    if (t->sel_index < 0 && head.p)
        t->sel_index = cmap_int(head, "index", -1);
}

static void scroll_to_selection(struct table *t, int64_t total)
{
    int64_t at = t->want_index >= 0 ? t->want_index : t->sel_index;
    if (at >= 0 && at < t->top)
        t->top = at;
    if (at >= t->top + t->visible)
        t->top = at - t->visible + 1;
    if (t->top + t->visible > total)
        t->top = total - t->visible;
    if (t->top < 0)
        t->top = 0;
}

static int text_width(const char *s)
{
    return canvas_columns(s, strlen(s));
}

static void grow_widths(struct table *t, const struct summary *s)
{
    char text[ROW_TEXT], name[ROW_TEXT], first[ROW_TEXT];
    for (int p = 0; p < s->n_params; p++) {
        row_text(text, s->params[p], 5); /* a name may be cut, so a long one does not widen its column */
        span_copy(name, sizeof name, s->params[p]);
        int w = text_width(text);
        first[0] = '\0';
        for (int i = 0; i < t->n_rows; i++) {
            struct trial_row r;
            if (t->rows[i].id < 0)
                continue;
            trial_row_read(&r, (struct span){(char *)t->rows[i].raw.data, t->rows[i].raw.len});
            row_param(text, r.params, name, 9);
            int v = text_width(text);
            w = v > w ? v : w;
            if ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'))
                t->words |= 1u << p;
            else if (strpbrk(text, ".e"))
                t->fractions |= 1u << p;
            if (!first[0])
                memcpy(first, text, sizeof first);
            else if (strcmp(first, text) != 0)
                t->varied |= 1u << p;
        }
        if (w > t->width[p])
            t->width[p] = (uint8_t)(w > 9 ? 9 : w);
    }
    for (int i = 0; i < t->n_rows; i++) {
        int w = t->rows[i].id < 0 ? 0 : snprintf(NULL, 0, "t%lld", (long long)t->rows[i].id);
        t->id_width = w > t->id_width ? w : t->id_width;
    }
}

/* Which parameters the code lets us steer: said of the selected trial while it runs. */
static void learn_live(struct table *t, const struct subs *f, const struct summary *s)
{
    struct span row = sub_row(f, SUB_TRIAL, 0), list = row.p ? cmap_value(row, "live") : row;
    struct codec_reader r;
    if (!list.p)
        return;
    cr_init(&r, list.p, list.n);
    for (size_t n = cr_peek(&r) == CT_ARRAY ? cr_array(&r) : 0; n > 0 && cr_ok(&r); n--) {
        struct span v = cr_value(&r), name = v.p ? cmap_str(v, "name") : v;
        for (int p = 0; p < s->n_params && name.p; p++)
            if (s->params[p].n == name.n && memcmp(s->params[p].p, name.p, name.n) == 0)
                t->live |= 1u << p;
    }
}

static int param_rank(const struct table *t, int p)
{
    uint32_t bit = 1u << p;
    return t->live & bit        ? 0
           : !(t->varied & bit) ? 4
           : t->words & bit     ? 3
           : t->fractions & bit ? 1
                                : 2;
}

void table_param_order(const struct table *t, const struct summary *s, int order[SUMMARY_PARAMS])
{
    int n = 0;
    for (int rank = 0; rank <= 4; rank++)
        for (int p = 0; p < s->n_params; p++)
            if (param_rank(t, p) == rank)
                order[n++] = p;
}

static void take_rows(struct table *t, const struct subs *f, const struct summary *s, int64_t mono)
{
    int64_t have = f->sub[SUB_TRIALS].have_from, total = sub_total(f, SUB_TRIALS);
    bool covered = t->n_rows > 0 && t->top >= t->base &&
                   (t->top + t->visible <= t->base + t->n_rows || t->base + t->n_rows >= total);
    uint64_t version = sub_version(f, SUB_TRIALS) * 31 + (uint64_t)have;
    if (version == t->seen && holds(t, mono))
        return;
    if (holds(t, mono) && covered)
        take_values(t, f);
    else
        take_order(t, f);
    grow_widths(t, s);
    t->seen = version;
}

void table_follow(struct table *t, const struct subs *f, const struct summary *s, int64_t mono)
{
    if (sub_loaded(f, SUB_TRIALS))
        take_rows(t, f, s, mono);
    learn_live(t, f, s);
    int64_t k = t->want_index - t->base;
    if (t->want_index >= 0 && k >= 0 && k < t->n_rows) {
        take_selection(t, &t->rows[k]);
        t->want_index = -1;
    }
    if (t->follow && s->best_trial >= 0) {
        t->sel = s->best_trial;
        t->sel_group = 0;
    }
    if (t->sel < 0 && !t->sel_group && t->n_rows)
        take_selection(t, &t->rows[0]);
    find_selection(t, f);
    scroll_to_selection(t, sub_total(f, SUB_TRIALS));
}

/* ---- keys ---- */

void table_touch(struct table *t, int64_t mono)
{
    t->hold_until = mono + TABLE_HOLD_NS;
}

void table_goto(struct table *t, int64_t index, int64_t total)
{
    if (total <= 0)
        return;
    if (index >= total)
        index = total - 1;
    t->want_index = index < 0 ? 0 : index;
    t->follow = false;
    scroll_to_selection(t, total);
    int64_t k = t->want_index - t->base;
    if (k >= 0 && k < t->n_rows) {
        take_selection(t, &t->rows[k]);
        t->sel_index = t->want_index;
        t->want_index = -1;
    }
}

void table_move(struct table *t, int64_t by, int64_t total)
{
    int64_t at = t->want_index >= 0 ? t->want_index : t->sel_index >= 0 ? t->sel_index : t->top;
    table_goto(t, at + by, total);
}

void table_select(struct table *t, int64_t trial)
{
    t->sel = trial;
    t->sel_group = 0;
    t->follow = false;
    t->want_index = -1;
}

bool table_marked(const struct table *t, int64_t trial)
{
    for (int i = 0; i < t->n_marks; i++)
        if (t->marks[i] == trial)
            return true;
    return false;
}

void table_mark(struct table *t, int64_t trial, bool on)
{
    for (int i = 0; i < t->n_marks; i++)
        if (t->marks[i] == trial) {
            if (!on)
                memmove(t->marks + i, t->marks + i + 1, (size_t)(--t->n_marks - i) * sizeof *t->marks);
            return;
        }
    if (!on || trial < 0 || t->n_marks >= TABLE_MARKS)
        return;
    if (!t->marks)
        t->marks = mem_zero(TABLE_MARKS, sizeof *t->marks);
    t->marks[t->n_marks++] = trial;
}

void table_mark_range(struct table *t)
{
    if (t->range_from < 0) {
        t->range_from = t->sel_index;
        return;
    }
    int64_t a = t->range_from, b = t->sel_index;
    if (a > b) {
        a = t->sel_index;
        b = t->range_from;
    }
    for (int64_t i = a; i <= b; i++)
        if (i >= t->base && i < t->base + t->n_rows)
            table_mark(t, t->rows[i - t->base].id, true);
    t->range_from = -1;
}

void table_mark_page(struct table *t)
{
    for (int64_t i = t->top; i < t->top + t->visible; i++)
        if (i >= t->base && i < t->base + t->n_rows)
            table_mark(t, t->rows[i - t->base].id, true);
}

void table_clear_marks(struct table *t)
{
    t->n_marks = 0;
    t->range_from = -1;
}

/* ---- the tree ---- */

/* What is on the screen is no longer what is asked for. */
static void forget_order(struct table *t)
{
    t->hold_until = 0;
    t->seen = 0;
    t->n_rows = 0;
}

void table_group_by(struct table *t, const char *name)
{
    row_format(t->group, sizeof t->group, "%s", name);
    t->n_folded = 0;
    t->sel_group = 0;
    t->top = 0;
    forget_order(t);
}

void table_click_group(struct table *t, int64_t group)
{
    if (t->sel_group == group) {
        table_fold(t);
        return;
    }
    for (int i = 0; i < t->n_rows; i++)
        if (t->rows[i].id == group)
            take_selection(t, &t->rows[i]);
    t->follow = false;
    t->want_index = -1;
}

bool table_fold(struct table *t)
{
    if (!t->sel_group)
        return false;
    for (int i = 0; i < t->n_folded; i++)
        if (t->folded[i] == t->sel_group) {
            t->folded[i] = t->folded[--t->n_folded];
            t->hold_until = 0;
            return true;
        }
    if (t->n_folded == TABLE_FOLDED) /* the oldest opens */
        memmove(t->folded, t->folded + 1, (size_t)(--t->n_folded) * sizeof *t->folded);
    t->folded[t->n_folded++] = t->sel_group;
    t->hold_until = 0;
    return true;
}

/* ---- sorting ---- */

static const char *const fixed_sorts[] = {"trial", "state", "value", "step", "seconds"};
#define N_FIXED ((int)(sizeof fixed_sorts / sizeof *fixed_sorts))

/* The i-th column from the left: of the chosen ones behind id, state and value, else of all. */
static bool sort_name(const struct table *t, const struct summary *s, int i, char *out, size_t cap)
{
    int fixed = t->cols.own ? 3 : N_FIXED;
    if (i < fixed) {
        snprintf(out, cap, "%s", fixed_sorts[i]);
        return true;
    }
    if (t->cols.own) {
        snprintf(out, cap, "%s", i - fixed < t->cols.n ? t->cols.name[i - fixed] : "");
        return i - fixed < t->cols.n;
    }
    if (i - N_FIXED >= s->n_params)
        return false;
    int order[SUMMARY_PARAMS];
    table_param_order(t, s, order);
    span_copy(out, cap, s->params[order[i - N_FIXED]]);
    return true;
}

bool table_has_sort(const struct summary *s, const char *column)
{
    char name[80];
    for (int i = 0; i < N_FIXED; i++)
        if (strcmp(fixed_sorts[i], column) == 0)
            return true;
    for (int p = 0; p < s->n_params; p++) {
        span_copy(name, sizeof name, s->params[p]);
        if (strcmp(name, column) == 0)
            return true;
    }
    return false;
}

void table_sort_by(struct table *t, const char *column)
{
    if (strcmp(t->sort, column) == 0) {
        t->reverse = !t->reverse;
    } else {
        row_format(t->sort, sizeof t->sort, "%s", column);
        t->reverse = false;
    }
    forget_order(t); /* a new order was asked for: show it */
    t->top = 0;
}

void table_sort_step(struct table *t, const struct summary *s, int dir)
{
    int n = t->cols.own ? 3 + t->cols.n : N_FIXED + s->n_params, at = 0;
    char name[80];
    for (int i = 0; i < n; i++)
        if (sort_name(t, s, i, name, sizeof name) && strcmp(name, t->sort) == 0)
            at = i;
    at = (at + dir + n) % n;
    sort_name(t, s, at, name, sizeof name);
    table_sort_by(t, name);
}

const struct table_row *table_find(const struct table *t, int64_t trial)
{
    for (int i = 0; i < t->n_rows; i++)
        if (t->rows[i].id == trial)
            return &t->rows[i];
    return NULL;
}

struct trial_row table_selected(const struct table *t)
{
    struct trial_row r;
    const struct table_row *row = table_find(t, t->sel);
    trial_row_read(&r, row ? (struct span){(char *)row->raw.data, row->raw.len} : (struct span){NULL, 0});
    return r;
}
