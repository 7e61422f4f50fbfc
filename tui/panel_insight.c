#include "tui/panel_insight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/panel.h"
#include "tui/plot_bars.h"
#include "tui/plot_curve.h"
#include "tui/row.h"

static const enum theme_role roles[8] = {ST_CURVE_A, ST_CURVE_B, ST_CURVE_C, ST_CURVE_D,
                                         ST_CURVE_E, ST_CURVE_F, ST_CURVE_G, ST_CURVE_H};

/* Words in lines, in the middle of r. */
static void say(struct canvas *out, struct rect r, const char *text)
{
    size_t n = strlen(text);
    int w = r.w - 2, lines = w > 0 ? (canvas_columns(text, n) + w - 1) / w : 0, y = r.y + (r.h - lines) / 2;
    for (size_t from = 0; from < n && w > 4 && y < r.y + r.h; y++) {
        size_t end = from, last = 0;
        while (end < n && canvas_columns(text + from, end - from + 1) <= w) {
            last = text[end] == ' ' ? end : last;
            end++;
        }
        end = end < n && last > from && text[end] != ' ' ? last : end;
        int cols = canvas_columns(text + from, end - from);
        canvas_textn(out, r.x + 1 + (w - cols) / 2, y < r.y ? r.y : y, w, ST_DIM, text + from, end - from);
        for (from = end; from < n && text[from] == ' ';)
            from++;
    }
}

/* False (and said why) while a view has not enough to be drawn. */
static bool enough(const struct console *c, struct canvas *out, struct rect r, enum sub_id id,
                   const char *none)
{
    struct span head = sub_head(&c->subs, id);
    const char *error = sub_error(&c->subs, id);
    char text[ROW_TEXT], line[ROW_TEXT + 40];
    if (error) {
        row_text(text, (struct span){error, strlen(error)}, 200);
        say(out, r, text);
        return false;
    }
    bool loaded = c->time.playing ? sub_any(&c->subs, id) : sub_loaded(&c->subs, id);
    if (!loaded && !head.p) {
        say(out, r, "loading");
        return false;
    }
    if (head.p && !cmap_bool(head, "enough", true)) {
        row_text(text, cmap_str(head, "why"), 200);
        row_format(line, sizeof line,
                   strncmp(text, "not enough", 10) == 0 || id == SUB_PARETO ? "%s" : "not enough data: %s",
                   text[0] ? text : none);
        say(out, r, line);
        return false;
    }
    if (!head.p || (sub_rows(&c->subs, id) == 0 && id != SUB_RUNGS)) {
        row_format(line, sizeof line, id == SUB_PARETO ? "%s" : "not enough data: %s", none);
        say(out, r, line);
        return false;
    }
    return true;
}

static double *column(struct span part, const char *key, int *n)
{
    struct codec_reader r;
    *n = 0;
    if (!part.p || !cmap_find(part, key, &r) || cr_peek(&r) != CT_BIN)
        return NULL;
    struct span b = cr_bin(&r);
    *n = (int)(b.n / sizeof(double));
    return *n ? mem_dup(b.p, b.n) : NULL;
}

/* ---- importance ---- */

void panel_importance_draw(const struct console *c, struct canvas *out, struct rect r)
{
    if (!enough(c, out, r, SUB_IMPORTANCE, "no trial has ended with a value"))
        return;
    struct rect old = canvas_clip(out, r);
    struct span head = sub_head(&c->subs, SUB_IMPORTANCE);
    int n = sub_rows(&c->subs, SUB_IMPORTANCE), label = 6, gap = n * 2 <= r.h - 2 ? 2 : 1, y = 0;
    double most = .01;
    for (int i = 0; i < n; i++) {
        struct span row = sub_row(&c->subs, SUB_IMPORTANCE, i);
        char a[ROW_TEXT], b[ROW_TEXT] = "";
        row_text(a, cmap_str(row, "param"), 18);
        row_text(b, cmap_str(row, "pair"), 18);
        int w = canvas_columns(a, strlen(a)) + (b[0] ? 1 + canvas_columns(b, strlen(b)) : 0);
        label = w > label ? w : label;
        double high = cmap_double(row, "high", NAN), v = cmap_double(row, "importance", 0);
        most = v > most ? v : most;
        most = isfinite(high) && high > most && high <= 1 ? high : most;
    }
    label = label > r.w / 2 ? r.w / 2 : label;
    for (int i = 0; i < n && y < r.h; i++, y += gap) {
        struct span row = sub_row(&c->subs, SUB_IMPORTANCE, i);
        char a[ROW_TEXT], b[ROW_TEXT], text[ROW_TEXT * 2];
        row_text(a, cmap_str(row, "param"), 18);
        row_text(b, cmap_str(row, "pair"), 18);
        row_format(text, sizeof text, b[0] ? "%s\u00d7%s" : "%s", a, b);
        double v = cmap_double(row, "importance", NAN), low = cmap_double(row, "low", NAN),
               high = cmap_double(row, "high", NAN);
        canvas_textn(out, r.x + 1, r.y + y, label, b[0] ? ST_DIM : ST_PLAIN, text, strlen(text));
        canvas_printf(out, r.x + label + 2, r.y + y, ST_STRONG, "%.2f", v);
        int tail = isfinite(low) && isfinite(high) && r.w - label > 24 ? 11 : 0, x = r.x + label + 7,
            w = r.w - label - 8 - tail;
        if (w > 0)
            bar_draw(out, x, r.y + y, w, ST_SPARK, v / most, false);
        if (w > 0 && isfinite(low) &&
            isfinite(high)) { /* solid up to the low end, then shaded, a line up to the high one */
            int p = (int)(low / most * w), m = (int)(v / most * w), q = (int)(high / most * w + .5);
            for (int k = p; k < q && k < w; k++)
                canvas_put(out, x + k, r.y + y, k < m ? ST_SPARK : ST_DIM, k < m ? 0x2592 : 0x2500);
        }
        if (tail)
            canvas_printf(out, r.x + r.w - tail, r.y + y, ST_DIM, "%.2f..%.2f", low, high);
    }
    double r2 = cmap_double(head, "r2", NAN);
    if (y + 1 < r.h && isfinite(r2))
        canvas_printf(out, r.x + 1, r.y + r.h - 1, ST_DIM, "%s, %lld trials, r2 %.2f on those left out",
                      c->insight.quick ? "quick" : "fANOVA", (long long)cmap_int(head, "trials", 0), r2);
    else if (y + 1 < r.h)
        canvas_printf(out, r.x + 1, r.y + r.h - 1, ST_DIM, "%s, %lld trials",
                      c->insight.quick ? "quick" : "fANOVA", (long long)cmap_int(head, "trials", 0));
    canvas_clip(out, old);
}

/* ---- several objectives ---- */

static double nth(struct span row, const char *key, size_t i)
{
    struct codec_reader r;
    if (!cmap_find(row, key, &r) || cr_peek(&r) != CT_ARRAY || cr_array(&r) <= i)
        return NAN;
    while (i-- > 0)
        cr_skip(&r);
    enum codec_type t = cr_peek(&r);
    return t == CT_INT || t == CT_UINT || t == CT_DOUBLE ? cr_double(&r) : NAN;
}

static void objective_name(struct span head, size_t i, char out[ROW_TEXT])
{
    struct codec_reader r;
    out[0] = '\0';
    if (!cmap_find(head, "objectives", &r) || cr_peek(&r) != CT_ARRAY || cr_array(&r) <= i)
        return;
    while (i-- > 0)
        cr_skip(&r);
    row_text(out, cmap_str(cr_value(&r), "name"), 16);
}

/* Front trials with their ids, the others as dots; the first objective upwards, the second to the right. */
static void pareto_points(const struct console *c, struct canvas *out, const struct plot *p)
{
    int n = sub_rows(&c->subs, SUB_PARETO);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n; i++) {
            struct span row = sub_row(&c->subs, SUB_PARETO, i);
            bool front = cmap_bool(row, "front", false);
            double x = axis_pos(&p->x, nth(row, "values", 1)), y = axis_pos(&p->y, nth(row, "values", 0));
            if (front != (pass == 1) || !(x >= 0 && x <= 1 && y >= 0 && y <= 1))
                continue;
            int px = p->inner.x + (int)(x * (p->inner.w - 1) + .5),
                py = p->inner.y + (int)((1 - y) * (p->inner.h - 1) + .5);
            char id[24];
            canvas_put(out, px, py, front ? ST_BEST : ST_DIM, front ? 0x25cf : 0x00b7);
            row_format(id, sizeof id, "t%lld", (long long)cmap_int(row, "trial", -1));
            int w = (int)strlen(id), at = px + 1 + w <= p->inner.x + p->inner.w ? px + 1 : px - w;
            if (front)
                canvas_text(out, at, py, ST_STRONG, id);
        }
}

static struct axis axis_over(const struct console *c, size_t objective)
{
    double lo = INFINITY, hi = -INFINITY;
    for (int i = 0; i < sub_rows(&c->subs, SUB_PARETO); i++) {
        double v = nth(sub_row(&c->subs, SUB_PARETO, i), "values", objective);
        lo = v < lo ? v : lo;
        hi = v > hi ? v : hi;
    }
    return axis_snap(lo, hi, lo > 0 && hi / lo > 20);
}

void panel_pareto_draw(const struct console *c, struct canvas *out, struct rect r)
{
    struct span head = sub_head(&c->subs, SUB_PARETO);
    char a[ROW_TEXT], b[ROW_TEXT], value[32];
    if (!enough(c, out, r, SUB_PARETO, "one objective: a sweep with two or more shows their front here"))
        return;
    struct rect old = canvas_clip(out, r);
    struct rect low = r.h >= 8 ? rect_bottom(&r, 1) : (struct rect){0, 0, 0, 0};
    struct rect top = rect_top(&r, 1);
    objective_name(head, 0, a);
    objective_name(head, 1, b);
    canvas_printf(out, top.x + 1, top.y, ST_DIM, "\u2191 %s  \u2192 %s", a, b);
    struct plot p;
    plot_axes(&p, out, r, axis_over(c, 1), axis_over(c, 0));
    plot_end(&p, out);
    pareto_points(c, out, &p);
    if (low.h) {
        int n, w;
        double *v = column(head, "over_time", &n);
        struct spark_scale scale = {0};
        row_number(value, cmap_double(head, "hypervolume", NAN), false);
        int x = canvas_printf(out, low.x + 1, low.y, ST_PLAIN, "hypervolume %s ", value);
        w = low.w - x - 3;
        spark_scale_add(&scale, v, n);
        spark_scale_done(&scale);
        if (v && w > 4) {
            n = spark_fit(v, n, v, w);
            spark_draw(out, low.x + x + 2, low.y, w, ST_SPARK, &scale, v, n);
        }
        free(v);
    }
    canvas_clip(out, old);
}

/* ---- EDF ---- */

void panel_edf_draw(const struct console *c, struct canvas *out, struct rect r)
{
    if (!enough(c, out, r, SUB_EDF, "no trial has ended with a value"))
        return;
    struct span head = sub_head(&c->subs, SUB_EDF);
    double v0 = cmap_double(head, "v0", NAN), v1 = cmap_double(head, "v1", NAN);
    int n = sub_rows(&c->subs, SUB_EDF), legend = n < 6 ? n : 6;
    bool turned = v1 < v0; /* good values are the large ones: the picture is mirrored */
    if (!isfinite(v0) || !isfinite(v1) || v0 == v1) {
        say(out, r, "not enough data: all values are the same");
        return;
    }
    struct rect old = canvas_clip(out, r), names = {0, 0, 0, 0};
    if (r.w >= 56)
        names = rect_right(&r, 22);
    else if (r.h >= 10)
        names = rect_bottom(&r, legend > 2 ? 2 : legend);
    struct plot p;
    struct axis x =
        turned ? (struct axis){v1, v0, false, AXIS_NUMBER} : (struct axis){v0, v1, false, AXIS_NUMBER};
    plot_axes(&p, out, r, x, (struct axis){0, 1, false, AXIS_NUMBER});
    for (int i = n; i-- > 0;) {
        int cols;
        double *v = column(sub_row(&c->subs, SUB_EDF, i), "share", &cols);
        for (int k = 0; turned && k < cols / 2; k++) {
            double t = v[k];
            v[k] = v[cols - 1 - k];
            v[cols - 1 - k] = t;
        }
        struct plot_series s = {.mean = v,
                                .n = cols,
                                .x0 = x.lo,
                                .x1 = x.hi,
                                .st = roles[i % 8],
                                .break_at = NAN,
                                .letter = (uint32_t)(i < 26 ? 'A' + i : '.')};
        if (v)
            plot_series(&p, out, &s);
        free(v);
    }
    plot_end(&p, out);
    for (int i = 0; i < n && names.h > 0; i++) {
        struct span row = sub_row(&c->subs, SUB_EDF, i);
        char label[ROW_TEXT], median[32], line[120];
        int rows = names.w == 22 ? 1 : legend, y = names.w == 22 ? i : i / 3,
            x0 = names.w == 22 ? 0 : i % 3 * (names.w / 3);
        (void)rows;
        if (y >= names.h)
            break;
        row_text(label, cmap_str(row, "label"), 10);
        row_number(median, cmap_double(row, "median", NAN), false);
        row_format(line, sizeof line, "%c %s %lld, %s", i < 26 ? 'A' + i : '.', label,
                   (long long)cmap_int(row, "trials", 0), median);
        canvas_textn(out, names.x + 1 + x0, names.y + y, names.w == 22 ? 21 : names.w / 3 - 1, roles[i % 8],
                     line, strlen(line));
    }
    canvas_clip(out, old);
}

/* ---- rungs: does an early value say what a late one will be? ---- */

void panel_correlation_draw(const struct console *c, struct canvas *out, struct rect r)
{
    struct codec_reader at;
    struct span head = sub_head(&c->subs, SUB_RUNGS);
    if (!enough(c, out, r, SUB_RUNGS, "no rungs: trials run to their end"))
        return;
    size_t n = cmap_find(head, "correlation", &at) && cr_peek(&at) == CT_ARRAY ? cr_array(&at) : 0;
    if (sub_rows(&c->subs, SUB_RUNGS) == 0 || n == 0) {
        say(out, r,
            sub_rows(&c->subs, SUB_RUNGS) == 0 ? "no rungs: trials run to their end"
                                               : "not enough data: no two trials have passed two rungs yet");
        return;
    }
    struct rect old = canvas_clip(out, r);
    int y = 0;
    canvas_textn(out, r.x + 1, r.y + y++, r.w - 2, ST_DIM, "rank correlation with the last rung both reached",
                 48);
    for (; n > 0 && y < r.h && cr_ok(&at); n--, y++) {
        size_t k = cr_array(&at);
        double v[5] = {NAN, NAN, NAN, NAN, NAN};
        for (size_t i = 0; i < k; i++) {
            enum codec_type t = cr_peek(&at);
            bool number = t == CT_INT || t == CT_UINT || t == CT_DOUBLE;
            double x = number ? cr_double(&at) : NAN;
            if (!number)
                cr_skip(&at);
            if (i < 5)
                v[i] = x;
        }
        int x = canvas_printf(out, r.x + 1, r.y + y, ST_PLAIN, "rung %-2.0f n %-3.0f ", v[0], v[1]);
        if (!isfinite(v[2])) {
            canvas_text(out, r.x + 1 + x, r.y + y, ST_DIM, "not enough");
            continue;
        }
        x += canvas_printf(out, r.x + 1 + x, r.y + y, ST_STRONG, "%+.2f ", v[2]);
        if (r.w - x - 3 > 8)
            interval_draw(out, r.x + x + 2, r.y + y, r.w - x - 3, ST_SPARK, -1, 1, v[3], v[2], v[4]);
    }
    canvas_clip(out, old);
}

/* ---- seeds ---- */

void panel_seeds_draw(const struct console *c, struct canvas *out, struct rect r)
{
    if (!enough(c, out, r, SUB_SEEDS, "no trial has values from two seeds yet"))
        return;
    struct rect old = canvas_clip(out, r);
    int n = sub_rows(&c->subs, SUB_SEEDS);
    double lo = INFINITY, hi = -INFINITY,
           pooled = cmap_double(sub_head(&c->subs, SUB_SEEDS), "deviation", NAN);
    for (int i = 0; i < n && i < r.h; i++) {
        struct span row = sub_row(&c->subs, SUB_SEEDS, i);
        double a = cmap_double(row, "min", NAN), b = cmap_double(row, "max", NAN),
               t = cmap_double(row, "test_mean", NAN);
        lo = a < lo ? a : lo;
        hi = b > hi ? b : hi;
        lo = t < lo ? t : lo;
        hi = t > hi ? t : hi;
    }
    int y = 0;
    if (isfinite(pooled)) {
        char d[AXIS_LABEL];
        axis_label(d, pooled);
        canvas_printf(out, r.x + 1, r.y + y++, ST_DIM, "between seeds: \u00b1%s", d);
    }
    for (int i = 0; i < n && y < r.h; i++, y++) {
        struct span row = sub_row(&c->subs, SUB_SEEDS, i);
        char mean[32], test[40] = "";
        double m = cmap_double(row, "mean", NAN), t = cmap_double(row, "test_mean", NAN);
        row_number(mean, m, isnan(m));
        int x = canvas_printf(out, r.x + 1, r.y + y, ST_PLAIN, "t%-4lld n %-2lld %-7s ",
                              (long long)cmap_int(row, "trial", -1), (long long)cmap_int(row, "n", 0), mean);
        if (isfinite(t)) {
            char v[32];
            row_number(v, t, false);
            row_format(test, sizeof test, "test %s", v);
        }
        int tail = test[0] && r.w > 44 ? 12 : 0, w = r.w - x - 3 - tail;
        if (w > 6)
            interval_draw(out, r.x + x + 1, r.y + y, w, ST_SPARK, lo, hi, cmap_double(row, "min", NAN), m,
                          cmap_double(row, "max", NAN));
        if (tail)
            canvas_right(out, r.x, r.y + y, r.w - 1, ST_DIM, test);
    }
    canvas_clip(out, old);
}
