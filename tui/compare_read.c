/* compare_read: values, colours, panels and names of the lines. */
#include <math.h>
#include <string.h>

#include "tui/compare.h"
#include "tui/console_state.h"
#include "tui/row.h"

const struct compare_line *compare_reference(const struct compare *k, const char *metric)
{
    for (int i = 0; i < k->n_lines; i++)
        if (k->lines[i].key == k->diff_key && strcmp(k->lines[i].metric, metric) == 0)
            return &k->lines[i];
    return NULL;
}

double compare_at_column(const double *v, int n, double at)
{
    int i = (int)floor(at);
    if (i < 0 || i >= n || isinf(v[i]))
        return NAN;
    if (isfinite(v[i]))
        return v[i];
    int a = i, b = i;
    while (a >= 0 && isnan(v[a]))
        a--;
    while (b < n && isnan(v[b]))
        b++;
    if (a < 0 || b >= n || !isfinite(v[a]) || !isfinite(v[b]))
        return NAN;
    return v[a] + (v[b] - v[a]) * (i - a) / (b - a);
}

const struct compare_line *compare_selected(const struct compare *k)
{
    for (int i = 0; i < k->n_lines; i++)
        if (k->lines[i].key == k->sel)
            return &k->lines[i];
    return NULL;
}

double compare_cross(const struct compare *k)
{
    if (isfinite(k->cross))
        return k->cross;
    double end = -INFINITY;
    for (int i = 0; i < k->n_lines; i++)
        if (!k->lines[i].hidden && k->lines[i].x1 > end)
            end = k->lines[i].x1;
    return end < k->x_axis.hi ? end : k->x_axis.hi;
}

double compare_read(const struct compare_line *l, const struct compare *k, double x)
{
    struct axis columns = {k->x0, k->x1, k->log_columns, AXIS_NUMBER};
    double pos = axis_pos(&columns, x), at = pos * l->n;
    if (!isfinite(k->cross)) { /* each line's own newest column that has something */
        for (int i = l->n; i-- > 0;)
            if (isfinite(l->mean[i]))
                return l->mean[i];
        return NAN;
    }
    if (isnan(pos) || x > l->x1 * (1 + 1e-9) || x < l->x0 * (1 - 1e-9))
        return NAN;
    return compare_at_column(l->mean, l->n, pos >= 1 && pos < 1 + 1e-9 ? l->n - 1 : at);
}

style compare_style(const struct compare_line *l)
{
    static const enum theme_role roles[8] = {ST_CURVE_A, ST_CURVE_B, ST_CURVE_C, ST_CURVE_D,
                                             ST_CURVE_E, ST_CURVE_F, ST_CURVE_G, ST_CURVE_H};
    return roles[l->letter % 8];
}

int compare_n_panels(const struct console *c)
{
    const struct compare *k = &c->compare;
    if (k->panels == PANELS_METRICS)
        return k->n_metrics > 0 ? k->n_metrics : 1;
    if (k->panels == PANELS_LINES)
        return k->n_letters < 1 ? 1 : k->n_letters < COMPARE_PANELS ? k->n_letters : COMPARE_PANELS;
    return 1;
}

int compare_panel_of(const struct console *c, const struct compare_line *l)
{
    const struct compare *k = &c->compare;
    if (l->hidden)
        return -1;
    if (k->panels == PANELS_LINES)
        return l->letter < COMPARE_PANELS ? l->letter : -1;
    if (k->panels == PANELS_METRICS) {
        for (int i = 0; i < k->n_metrics; i++)
            if (strcmp(k->metrics[i], l->metric) == 0)
                return i;
        return -1;
    }
    return 0;
}

void compare_panel_title(const struct console *c, int panel, char *out, size_t cap)
{
    const struct compare *k = &c->compare;
    char text[ROW_TEXT];
    const char *raw = c->curve.metric[0] ? c->curve.metric : c->sum.metric[0] ? c->sum.metric : "value";
    if (k->panels == PANELS_METRICS && panel < k->n_metrics)
        raw = k->metrics[panel];
    row_text(text, (struct span){raw, strlen(raw)}, 24);
    const struct compare_line *ref = k->diff ? compare_reference(k, raw) : NULL;
    if (k->panels == PANELS_LINES) {
        for (int i = 0; i < k->n_lines; i++)
            if (k->lines[i].letter == panel) {
                row_format(out, cap, "%c %s", panel < 26 ? 'A' + panel : '.', k->lines[i].label);
                return;
            }
        row_format(out, cap, "%s", text);
    } else if (ref) {
        row_format(out, cap, "%s \u2212 %s", text, ref->label);
    } else {
        row_format(out, cap, "%s", text);
    }
}
