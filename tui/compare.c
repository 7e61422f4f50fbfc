/* compare: asking and decoding. What is read off the lines is in compare_read.c, the keys' side in
 * compare_keys.c. */
#include "tui/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/console_state.h"
#include "tui/plot_curve.h"
#include "tui/row.h"

#define LOG_RATIO 4 /* positive data that spans more than this is drawn on a log axis unless told otherwise  \
                     */
#define MAX_TRIALS 512

static const double smoothing[] = {0, .6, .9};

void compare_init(struct compare *k)
{
    *k = (struct compare){.band = BAND_RANGE, .log_y = -1, .cross = NAN, .drag_x = -1};
}

static void drop_lines(struct compare *k)
{
    for (int i = 0; i < k->n_lines; i++)
        free(k->lines[i].mean);
    k->n_lines = k->n_letters = k->cut = 0;
}

void compare_release(struct compare *k)
{
    drop_lines(k);
}

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 1099511628211u;
    return h;
}

#define HASH_START 1469598103934665603u

/* ---- asking ---- */

static bool marked_only(const struct console *c)
{
    return c->compare.source == COMPARE_MARKED || (c->compare.source == COMPARE_AUTO && c->table.n_marks > 0);
}

static int best_count(const struct console *c)
{
    switch (c->compare.source) {
    case COMPARE_BEST10:
        return 10;
    case COMPARE_BEST20:
        return 20;
    case COMPARE_FILTER:
        return c->compare.group[0] ? MAX_TRIALS : COMPARE_LINES;
    default:
        return c->compare.group[0] && c->compare.source == COMPARE_AUTO ? MAX_TRIALS : 5;
    }
}

const char *compare_source_text(const struct console *c, char *out, size_t cap)
{
    const struct compare *k = &c->compare;
    char filter[ROW_TEXT];
    row_text(filter, (struct span){c->table.filter, strlen(c->table.filter)}, 24);
    if (marked_only(c))
        row_format(out, cap, "%d marked", c->table.n_marks);
    else if (k->source == COMPARE_FILTER || (k->source == COMPARE_AUTO && k->group[0]))
        row_format(out, cap, "%s%s", filter[0] ? "filter " : "all trials", filter);
    else
        row_format(out, cap, "best %d%s%s", best_count(c), filter[0] ? " of " : "", filter);
    return out;
}

const char *compare_x_name(enum compare_x x)
{
    static const char *const names[COMPARE_XS] = {"step", "time", "epoch", "cost"};
    return names[x];
}

/* Where the axis ends: what was zoomed to, else a length that is kept until it is full. */
static void follow_x(struct console *c)
{
    struct compare *k = &c->compare;
    if (k->zoom_x) {
        k->x_axis = (struct axis){k->zx0, k->zx1, k->log_x && k->zx0 > 0,
                                  k->x == COMPARE_TIME ? AXIS_SECONDS : AXIS_NUMBER};
        return;
    }
    uint64_t key = HASH_START + (uint64_t)k->x;
    if (key != k->x_key) {
        k->x_key = key;
        k->x_need = 0;
    }
    double planned = 0, least = INFINITY;
    for (int i = 0; i < k->n_lines; i++) {
        const struct compare_line *l = &k->lines[i];
        k->x_need = l->x1 > k->x_need ? l->x1 : k->x_need;
        least = l->x0 > 0 && l->x0 < least ? l->x0 : least;
    }
    for (int i = 0; i < c->table.n_rows && k->x == COMPARE_STEP; i++) {
        struct trial_row t;
        trial_row_read(&t, (struct span){(char *)c->table.rows[i].raw.data, c->table.rows[i].raw.len});
        double end = t.step > 0 && t.progress > 0 && t.progress <= 1 ? round((double)t.step / t.progress) : 0;
        planned = end > planned ? end : planned;
    }
    if (planned > 0 && !(k->x_need > 0))
        k->x_need = 1e-9; /* where it ends is known, what there is not yet */
    double end = k->x == COMPARE_TIME ? axis_grow_seconds(k->x_need) : axis_grow(k->x_need);
    if (k->x >= COMPARE_EPOCH)
        end = axis_snap(0, k->x_need > 0 ? k->x_need : 1, false).hi;
    if (planned >= k->x_need && planned > 0)
        end = planned;
    double begin = k->log_x ? (isfinite(least) ? axis_snap(least, least * 1.01, true).lo : end / 1000) : 0;
    k->x_axis = (struct axis){begin, end, k->log_x, k->x == COMPARE_TIME ? AXIS_SECONDS : AXIS_NUMBER};
}

static void write_trials(struct console *c, struct codec_writer *w)
{
    int n = c->table.n_marks < MAX_TRIALS ? c->table.n_marks : MAX_TRIALS;
    cw_str(w, "trials");
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++)
        cw_int(w, c->table.marks[i]);
}

/* The metrics of the panels: as listed, the one that is shown elsewhere first. */
static void list_metrics(struct console *c)
{
    struct compare *k = &c->compare;
    const char *first = c->curve.metric[0] ? c->curve.metric : c->sum.metric;
    k->n_metrics = 0;
    if (first[0])
        row_format(k->metrics[k->n_metrics++], sizeof k->metrics[0], "%s", first);
    for (int i = 0; i < sub_rows(&c->subs, SUB_METRICS) && k->n_metrics < COMPARE_PANELS; i++) {
        struct span m = sub_row(&c->subs, SUB_METRICS, i), name = m.p ? cmap_str(m, "metric") : m;
        bool there = !name.n;
        for (int j = 0; j < k->n_metrics; j++)
            there = there || span_eq(name, k->metrics[j]);
        if (!there)
            span_copy(k->metrics[k->n_metrics++], sizeof k->metrics[0], name);
    }
}

void compare_want(struct console *c, int columns)
{
    struct compare *k = &c->compare;
    follow_x(c);
    list_metrics(c);
    bool marks = marked_only(c), many = k->panels == PANELS_METRICS && k->n_metrics > 0,
         metric = c->curve.metric[0] != '\0', filter = !marks && c->table.filter[0];
    bool bounded = k->x_need > 0 || k->zoom_x;
    struct codec_writer w =
        sub_want(&c->subs, SUB_COMPARE, "curve", 5 + 2 * bounded + filter + (many || metric));
    if (marks) {
        write_trials(c, &w);
    } else {
        cw_kint(&w, "best", best_count(c));
        if (filter)
            cw_kstr(&w, "filter", c->table.filter);
    }
    if (many) {
        cw_str(&w, "metrics");
        cw_array(&w, (size_t)k->n_metrics);
        for (int i = 0; i < k->n_metrics; i++)
            cw_str(&w, strcmp(k->metrics[i], c->sum.metric) == 0 ? "" : k->metrics[i]);
    } else if (metric) {
        cw_kstr(&w, "metric", c->curve.metric);
    }
    cw_kint(&w, "columns", columns);
    cw_kstr(&w, "x", compare_x_name(k->x));
    cw_kstr(&w, "group", k->group[0] ? k->group : k->by_run ? "run" : "trial");
    cw_kbool(&w, "log_x", k->x_axis.log);
    if (bounded) {
        cw_kdouble(&w, "x0", k->x_axis.lo);
        cw_kdouble(&w, "x1", k->x_axis.hi);
    }
    sub_commit(&c->subs, SUB_COMPARE, 0, k->n_lines > 8 ? 1 : 2);
}

/* ---- decoding ---- */

/* Bytes in a message are not aligned: they are copied. */
static bool copy_column(struct span part, const char *key, double *out, int n)
{
    struct codec_reader r;
    if (!cmap_find(part, key, &r) || cr_peek(&r) != CT_BIN)
        return false;
    struct span b = cr_bin(&r);
    if (b.n != (size_t)n * sizeof *out)
        return false;
    memcpy(out, b.p, b.n);
    return true;
}

static void read_marks(struct compare_line *l, struct span part)
{
    struct codec_reader r;
    if (!cmap_find(part, "marks", &r) || cr_peek(&r) != CT_ARRAY)
        return;
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--) {
        if (cr_array(&r) != 2)
            return;
        struct compare_mark m = {.id = cr_int(&r)};
        m.x = cr_double(&r);
        if (cr_ok(&r) && isfinite(m.x) && l->n_marks < COMPARE_MARKS)
            l->marks[l->n_marks++] = m;
    }
}

static bool is_hidden(const struct compare *k, uint64_t key)
{
    for (int i = 0; i < k->n_hidden; i++)
        if (k->hidden[i] == key)
            return true;
    return false;
}

static bool read_line(struct compare *k, struct compare_line *l, struct span part, int n)
{
    *l =
        (struct compare_line){.trial = cmap_int(part, "trial", -1), .run = cmap_int(part, "run", -1), .n = n};
    l->mean = mem_alloc(5 * (size_t)n * sizeof *l->mean);
    l->min = l->mean + n;
    l->max = l->min + n;
    l->deviation = l->max + n;
    if (!copy_column(part, "mean", l->mean, n) || !copy_column(part, "min", l->min, n) ||
        !copy_column(part, "max", l->max, n)) {
        free(l->mean);
        return false;
    }
    if (!copy_column(part, "deviation", l->deviation, n))
        l->deviation = NULL;
    l->runs = (int)cmap_int(part, "runs", 1);
    l->trials = (int)cmap_int(part, "trials", 1);
    char text[ROW_TEXT];
    row_text(text, cmap_str(part, "label"), 40);
    row_format(l->label, sizeof l->label, "%.46s", text);
    cmap_strcpy(part, "metric", l->metric, sizeof l->metric);
    l->key = hash(hash(HASH_START, &l->trial, sizeof l->trial), l->label, strlen(l->label));
    l->x0 = cmap_double(part, "x0", NAN);
    l->x1 = cmap_double(part, "x1", NAN);
    l->last = cmap_double(part, "last", NAN);
    l->nan_x = cmap_double(part, "nan_x", NAN);
    l->hidden = is_hidden(k, l->key);
    read_marks(l, part);
    return true;
}

static void letter_of(struct compare *k, struct compare_line *l)
{
    for (int i = 0; i < k->n_lines; i++)
        if (k->lines[i].key == l->key) {
            l->letter = k->lines[i].letter;
            return;
        }
    l->letter = k->n_letters++;
}

static void subtract(struct compare_line *l, const double *ref, int n)
{
    for (int i = 0; i < n; i++) {
        double r = compare_at_column(ref, n, i);
        if (isnan(r)) {
            l->mean[i] = l->min[i] = l->max[i] = NAN;
            if (l->raw)
                l->raw[i] = NAN;
            continue;
        }
        l->mean[i] -= isinf(l->mean[i]) ? 0 : r;
        l->min[i] -= r;
        l->max[i] -= r;
        if (l->raw)
            l->raw[i] -= isinf(l->raw[i]) ? 0 : r;
    }
}

static void take_differences(struct compare *k)
{
    for (int i = 0; i < k->n_lines; i++) {
        const struct compare_line *r = compare_reference(k, k->lines[i].metric);
        if (!r || r == &k->lines[i])
            continue;
        subtract(&k->lines[i], r->mean, k->lines[i].n);
    }
    for (int i = 0; i < k->n_lines; i++) /* the reference itself last: the others have used it */
        if (compare_reference(k, k->lines[i].metric) == &k->lines[i]) {
            struct compare_line *l = &k->lines[i];
            double *own = mem_dup(l->mean, (size_t)l->n * sizeof *own);
            subtract(l, own, l->n);
            free(own);
        }
}

static void smooth(struct compare_line *l, double weight)
{
    if (!(weight > 0))
        return;
    l->raw = l->max + 2 * l->n; /* the fifth of the allocation */
    memcpy(l->raw, l->mean, (size_t)l->n * sizeof *l->raw);
    plot_smooth(l->mean, l->n, weight);
}

/* What the decoded lines depend on beside the answer. */
static uint64_t settings(const struct console *c)
{
    const struct compare *k = &c->compare;
    uint64_t h = hash(HASH_START, &c->curve.smooth, sizeof c->curve.smooth);
    h = hash(h, &k->diff, sizeof k->diff);
    h = hash(h, &k->diff_key, sizeof k->diff_key);
    return hash(h, k->hidden, (size_t)k->n_hidden * sizeof *k->hidden) + (uint64_t)k->n_hidden;
}

static void decode(struct console *c)
{
    struct compare *k = &c->compare;
    struct span head = sub_head(&c->subs, SUB_COMPARE);
    int n = (int)cmap_int(head, "columns", 0), parts = sub_rows(&c->subs, SUB_COMPARE);
    drop_lines(k);
    if (!head.p || n <= 0 || sub_error(&c->subs, SUB_COMPARE))
        return;
    k->x0 = cmap_double(head, "x0", 0);
    k->x1 = cmap_double(head, "x1", 1);
    k->log_columns = cmap_bool(head, "log_x", false);
    char why[ROW_TEXT];
    row_text(why, cmap_str(head, "why"), 100);
    row_format(k->why, sizeof k->why, "%.120s", why);
    for (int i = 0; i < parts; i++) {
        struct span part = sub_row(&c->subs, SUB_COMPARE, i);
        if (k->n_lines == COMPARE_LINES) {
            k->cut++;
            continue;
        }
        struct compare_line *l = &k->lines[k->n_lines];
        if (!part.p || !read_line(k, l, part, n))
            continue;
        letter_of(k, l);
        smooth(l, smoothing[c->curve.smooth % 3]);
        k->n_lines++;
    }
    if (k->diff)
        take_differences(k);
}

/* ---- following ---- */

static void bounds(const struct compare *k, const struct compare_line *l, double *lo, double *hi)
{
    bool band = k->band != BAND_NONE && (l->runs > 1 || !l->raw);
    for (int i = 0; i < l->n; i++) {
        double a = l->mean[i], b = a;
        if (!isfinite(a))
            continue;
        if (band && isfinite(l->min[i]) && isfinite(l->max[i])) {
            a = l->min[i];
            b = l->max[i];
        }
        *lo = a < *lo ? a : *lo;
        *hi = b > *hi ? b : *hi;
    }
}

static void follow_y(struct console *c, int panel)
{
    struct compare *k = &c->compare;
    double lo = INFINITY, hi = -INFINITY;
    uint64_t key = HASH_START + (uint64_t)k->diff * 7 + (uint64_t)k->panels * 31 + (uint64_t)panel;
    for (int i = 0; i < k->n_lines; i++) {
        const struct compare_line *l = &k->lines[i];
        if (k->panels == PANELS_LINES ? l->hidden : compare_panel_of(c, l) != panel)
            continue;
        bounds(k, l, &lo, &hi);
        key = hash(key, l->metric, strlen(l->metric));
    }
    key = hash(key, &k->zoom_x, sizeof k->zoom_x);
    if (k->zoom_x)
        key = hash(hash(key, &k->zx0, sizeof k->zx0), &k->zx1, sizeof k->zx1);
    struct range *r = &k->y[panel];
    if (k->zoom_y && k->panels == PANELS_ONE) {
        bool log = k->log_y != 0 && k->zy0 > 0 && (k->log_y > 0 || r->now.log);
        *r = (struct range){.now = {k->zy0, k->zy1, log, AXIS_NUMBER}, .set = true, .key = key};
        return;
    }
    if (!(hi >= lo)) {
        r->set = false;
        return;
    }
    bool same = r->set && r->key == key;
    k->y_log_auto[panel] =
        !k->diff && ((same && k->y_log_auto[panel] && lo > 0) || (lo > 0 && hi / lo >= LOG_RATIO));
    bool log = k->log_y < 0 ? k->y_log_auto[panel] : k->log_y > 0 && lo > 0;
    range_feed(r, key, lo, hi, log, c->mono);
}

static void follow_selection(struct console *c)
{
    struct compare *k = &c->compare;
    if (!compare_selected(k) && k->n_lines) {
        k->sel = k->lines[0].key;
        for (int i = 0; i < k->n_lines; i++)
            if (k->lines[i].trial >= 0 && k->lines[i].trial == c->table.sel) {
                k->sel = k->lines[i].key;
                break;
            }
    }
}

void compare_follow(struct console *c)
{
    struct compare *k = &c->compare;
    uint64_t version = sub_version(&c->subs, SUB_COMPARE), with = settings(c);
    if (version != k->seen || with != k->decoded) {
        decode(c);
        k->seen = version;
        k->decoded = with;
    }
    struct axis before = k->x_axis;
    follow_x(c);
    c->ask_again = c->ask_again || before.lo != k->x_axis.lo || before.hi != k->x_axis.hi;
    for (int p = 0; p < compare_n_panels(c); p++)
        follow_y(c, p);
    follow_selection(c);
}
