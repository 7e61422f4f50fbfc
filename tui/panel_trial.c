/* panel_trial: a trial's metrics as a list, and the trial itself in one line. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/panel.h"
#include "tui/row.h"

void panel_metrics_draw(const struct console *c, struct canvas *out, struct rect r)
{
    struct rect old = canvas_clip(out, r);
    int n = sub_rows(&c->subs, SUB_METRICS), y = 0;
    if (n == 0)
        panel_note(out, r, ST_DIM, panel_empty(c, SUB_METRICS, "no metrics yet"));
    for (int i = 0; i < n && y < r.h; i++) {
        struct span m = sub_row(&c->subs, SUB_METRICS, i);
        char name[ROW_TEXT], last[32], lo[32], hi[32], count[32];
        if (!m.p)
            continue;
        row_text(name, cmap_str(m, "metric"), 14);
        row_number(last, cmap_double(m, "last", NAN), false);
        row_number(lo, cmap_double(m, "min", NAN), false);
        row_number(hi, cmap_double(m, "max", NAN), false);
        row_count(count, (double)cmap_int(m, "count", 0));
        bool on = span_eq(cmap_str(m, "metric"), c->curve.metric) ||
                  (!c->curve.metric[0] && span_eq(cmap_str(m, "metric"), c->sum.metric));
        canvas_put(out, r.x, r.y + y, ST_STRONG, on ? '>' : ' ');
        canvas_text(out, r.x + 1, r.y + y, on ? ST_STRONG : ST_PLAIN, name);
        canvas_right(out, r.x + 15, r.y + y, 8, ST_STRONG, last);
        char tail[120];
        row_format(tail, sizeof tail, "%s\u2026%s%s%s", lo, hi, r.w >= 50 ? "  n " : "",
                   r.w >= 50 ? count : "");
        canvas_textn(out, r.x + 25, r.y + y, r.w - 25, ST_DIM, tail, strlen(tail));
        y++;
    }
    canvas_clip(out, old);
}

void panel_trial_line(const struct console *c, struct canvas *out, struct rect r)
{
    struct trial_row t = table_selected(&c->table);
    char text[200], value[32], tags[ROW_TEXT];
    if (r.h <= 0)
        return;
    if (t.trial < 0) {
        canvas_text(out, r.x + 1, r.y, ST_DIM, c->table.sel < 0 ? "no trial selected" : "loading the trial");
        return;
    }
    int x = r.x + 1;
    x += canvas_printf(out, x, r.y, ST_STRONG, "t%lld ", (long long)t.trial);
    x += canvas_put(out, x, r.y, t.state->st, t.state->glyph);
    x += canvas_printf(out, x, r.y, t.state->st, " %s", t.state->name);
    row_number(value, t.value, isnan(t.value) && t.step < 0);
    int n = 0;
    text[0] = '\0';
    if (t.step >= 0)
        n = row_format(text, sizeof text, "  step %lld", (long long)t.step);
    if (isfinite(t.progress) && n >= 0)
        n += row_format(text + n, sizeof text - (size_t)n, " (%.0f%%)", floor(t.progress * 100 + 1e-9));
    row_format(text + n, sizeof text - (size_t)n, "  %s %s", c->sum.metric[0] ? c->sum.metric : "value",
               value);
    x += canvas_text(out, x, r.y, ST_PLAIN, text);
    if (t.trial == c->sum.best_trial)
        x += canvas_text(out, x, r.y, ST_BEST, "  \u2605 best");
    row_text(tags, t.origin, 12);
    if (tags[0] && strcmp(tags, "tuner") != 0)
        x += canvas_printf(out, x, r.y, ST_DIM, "  %s", tags);
    row_text(tags, t.note, 40);
    if (tags[0])
        canvas_printf(out, x, r.y, ST_DIM, "  \"%s\"", tags);
}
