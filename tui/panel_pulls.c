/* panel_pulls: where a bandit's pulls went over time, and what became of trials at each rung. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/panel.h"
#include "tui/plot_bars.h"
#include "tui/plot_curve.h"
#include "tui/row.h"

/* The share axis starts at 0 and ends at the ladder's step above the largest share. */
static double most_share(const struct console *c)
{
    double most = .1;
    for (int i = 0; i < sub_rows(&c->subs, SUB_HISTORY); i++) {
        struct span part = sub_row(&c->subs, SUB_HISTORY, i);
        struct codec_reader at;
        if (!part.p || !cmap_find(part, "share", &at) || cr_peek(&at) != CT_BIN)
            continue;
        struct span b = cr_bin(&at);
        for (size_t k = 0; k + sizeof(double) <= b.n; k += sizeof(double)) {
            double v;
            memcpy(&v, b.p + k, sizeof v);
            most = isfinite(v) && v > most ? v : most;
        }
    }
    double top = axis_snap(0, most, false).hi;
    return top > 1 ? 1 : top;
}

void panel_pulls_draw(const struct console *c, struct canvas *out, struct rect r)
{
    static const enum theme_role roles[8] = {ST_CURVE_A, ST_CURVE_B, ST_CURVE_C, ST_CURVE_D,
                                             ST_CURVE_E, ST_CURVE_F, ST_CURVE_G, ST_CURVE_H};
    struct span head = sub_head(&c->subs, SUB_HISTORY);
    double t0 = head.p ? cmap_double(head, "t0", NAN) / 1e9 : NAN,
           t1 = head.p ? cmap_double(head, "t1", NAN) / 1e9 : NAN;
    int n = sub_rows(&c->subs, SUB_HISTORY);
    if (n == 0 || !isfinite(t0) || !(t1 > t0)) {
        panel_note(out, r, ST_DIM, panel_empty(c, SUB_HISTORY, "no pulls yet"));
        return;
    }
    struct plot p;
    struct axis x = {0, axis_grow_seconds(t1 - t0), false, AXIS_SECONDS},
                y = {0, most_share(c), false, AXIS_NUMBER};
    struct rect old = canvas_clip(out, r);
    plot_axes(&p, out, r, x, y);
    for (int i = 0; i < sub_rows(&c->subs, SUB_IVS); i++) {
        struct span iv = sub_row(&c->subs, SUB_IVS, i);
        const struct verb_info *v = NULL;
        char name[32];
        if (iv.p && cmap_strcpy(iv, "verb", name, sizeof name))
            v = verb_find(name);
        if (v && (v->target == VT_ARM || v->target == VT_SWEEP))
            plot_mark(&p, out, (double)cmap_int(iv, "time", 0) / 1e9 - t0,
                      panel_mark_glyph(cmap_int(iv, "id", 0)), ST_MARK);
    }
    for (int i = n; i-- > 0;) {
        struct span part = sub_row(&c->subs, SUB_HISTORY, i);
        struct codec_reader at;
        if (!part.p || !cmap_find(part, "share", &at) || cr_peek(&at) != CT_BIN)
            continue;
        struct span b = cr_bin(&at);
        int cols = (int)(b.n / sizeof(double));
        double *v = mem_alloc((size_t)cols * sizeof *v + 1);
        memcpy(v, b.p, (size_t)cols * sizeof *v);
        int64_t arm = cmap_int(part, "arm", i);
        struct plot_series s = {
            .mean = v, .n = cols, .x0 = 0, .x1 = t1 - t0, .break_at = NAN, .st = roles[i % 8]};
        if (arm == c->arm_id)
            s.st |= ST_BOLD;
        s.letter = (uint32_t)(i < 26 ? 'A' + i : '.');
        plot_series(&p, out, &s);
        free(v);
    }
    plot_end(&p, out);
    canvas_clip(out, old);
}

void panel_rungs_draw(const struct console *c, struct canvas *out, struct rect r)
{
    int n = sub_rows(&c->subs, SUB_RUNGS);
    struct rect old = canvas_clip(out, r);
    double most = 1;
    for (int i = 0; i < n; i++) {
        struct span row = sub_row(&c->subs, SUB_RUNGS, i);
        double t = row.p ? cmap_double(row, "trials", 0) : 0;
        most = t > most ? t : most;
    }
    if (n == 0)
        panel_note(out, r, ST_DIM, "no rungs: trials run to their end");
    for (int i = 0; i < n && i < r.h; i++) {
        struct span row = sub_row(&c->subs, SUB_RUNGS, i);
        char resource[32], cutoff[32];
        if (!row.p)
            continue;
        double trials = cmap_double(row, "trials", 0), cut = cmap_double(row, "cutoff", NAN);
        row_count(resource, cmap_double(row, "resource", NAN));
        row_number(cutoff, cut, isnan(cut));
        int x = canvas_printf(out, r.x + 1, r.y + i, ST_PLAIN,
                              "rung %2lld  at %6s  in %4.0f  promoted %4lld  stopped %4lld  cut %-7s",
                              (long long)cmap_int(row, "rung", i), resource, trials,
                              (long long)cmap_int(row, "promoted", 0), (long long)cmap_int(row, "stopped", 0),
                              cutoff);
        if (r.w - x - 4 > 4)
            bar_draw(out, r.x + x + 2, r.y + i, (int)((r.w - x - 4) * trials / most), ST_SPARK,
                     trials > 0 ? (double)cmap_int(row, "promoted", 0) / trials : 0, true);
    }
    canvas_clip(out, old);
}
