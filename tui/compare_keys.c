/* compare_keys: what keys and the mouse change of a comparison. */
#include <math.h>
#include <string.h>

#include "tui/compare.h"
#include "tui/console_state.h"
#include "tui/row.h"

void compare_step_line(struct console *c, int by)
{
    struct compare *k = &c->compare;
    int at = 0, letters = k->n_letters;
    const struct compare_line *now = compare_selected(k);
    if (!letters)
        return;
    at = now ? now->letter + by : 0;
    at = at < 0 ? 0 : at >= letters ? letters - 1 : at;
    for (int i = 0; i < k->n_lines; i++)
        if (k->lines[i].letter == at) {
            k->sel = k->lines[i].key;
            if (k->lines[i].trial >= 0)
                table_select(&c->table, k->lines[i].trial);
            return;
        }
}

void compare_step_cross(struct console *c, int cells, int width)
{
    struct compare *k = &c->compare;
    struct axis a = k->x_axis;
    double now = axis_pos(&a, compare_cross(k));
    if (width < 1)
        return;
    if (isnan(now))
        now = 1;
    double at = floor(now * width + 1e-6) + (isfinite(k->cross) ? cells : cells < 0 ? cells : 0);
    if (k->zoom_x && (at < 0 || at > width - 1)) /* the picture follows the crosshair */
        compare_pan(c, (at < 0 ? at : at - (width - 1)) / width);
    at = at < 0 ? 0 : at > width - 1 ? width - 1 : at;
    k->cross = axis_value(&k->x_axis, (at + .5) / width);
}

/* Where the data ends on either side: zooming stays inside. */
static void limits(const struct compare *k, double *lo, double *hi)
{
    *lo = k->log_x ? k->x_axis.lo : 0;
    *hi = k->x_axis.hi;
    for (int i = 0; i < k->n_lines; i++) {
        *hi = k->lines[i].x1 > *hi ? k->lines[i].x1 : *hi;
        *lo = k->log_x && k->lines[i].x0 > 0 && k->lines[i].x0 < *lo ? k->lines[i].x0 : *lo;
    }
}

static void set_zoom(struct compare *k, double x0, double x1)
{
    k->zoom_x = true;
    k->zx0 = x0;
    k->zx1 = x1;
}

void compare_zoom(struct console *c, double factor, double about)
{
    struct compare *k = &c->compare;
    struct axis a = k->x_axis;
    if (!(a.hi > a.lo))
        return;
    double pos = axis_pos(&a, about);
    if (isnan(pos) || pos < 0 || pos > 1)
        pos = .5;
    double lo = pos - pos / factor, hi = pos + (1 - pos) / factor;
    if (factor < 1 && !k->zoom_x)
        return;
    double x0 = axis_value(&a, lo), x1 = axis_value(&a, hi), least, most;
    limits(k, &least, &most);
    if (!a.log) { /* what does not fit on one side is shown on the other */
        x1 += x0 < least ? least - x0 : 0;
        x0 -= x1 > most ? x1 - most : 0;
    }
    x0 = x0 < least ? least : x0;
    x1 = x1 > most ? most : x1;
    bool whole = x1 - x0 >= (most - least) * .999;
    if (factor < 1 && (whole || !(x1 > x0))) {
        compare_fit(k);
        return;
    }
    if (x1 - x0 < 2 && k->x == COMPARE_STEP) {
        console_toast(c, ST_DIM, "this is one step wide");
        return;
    }
    set_zoom(k, x0, x1);
}

void compare_pan(struct console *c, double share)
{
    struct compare *k = &c->compare;
    if (!k->zoom_x)
        return;
    const struct axis *a = &k->x_axis;
    double x0 = axis_value(a, share), x1 = axis_value(a, 1 + share), least, most;
    limits(k, &least, &most);
    if (x0 < least) { /* as far as it goes, as wide as it is */
        x1 = a->log ? least * (a->hi / a->lo) : least + (a->hi - a->lo);
        x0 = least;
    } else if (x1 > most) {
        x0 = a->log ? most / (a->hi / a->lo) : most - (a->hi - a->lo);
        x1 = most;
    }
    set_zoom(k, x0, x1);
    k->x_axis.lo = x0;
    k->x_axis.hi = x1;
}

void compare_fit(struct compare *k)
{
    k->zoom_x = k->zoom_y = false;
}

void compare_toggle(struct console *c, uint64_t key)
{
    struct compare *k = &c->compare;
    for (int i = 0; i < k->n_hidden; i++)
        if (k->hidden[i] == key) {
            k->hidden[i] = k->hidden[--k->n_hidden];
            return;
        }
    if (k->n_hidden < COMPARE_HIDDEN)
        k->hidden[k->n_hidden++] = key;
}

/* Trials, runs, then each parameter. */
void compare_next_group(struct console *c)
{
    struct compare *k = &c->compare;
    int next = 0;
    if (!k->group[0] && !k->by_run) {
        k->by_run = true;
        return;
    }
    k->by_run = false;
    for (int i = 0; k->group[0] && i < c->sum.n_params; i++)
        if (span_eq(c->sum.params[i], k->group))
            next = i + 1;
    if (next < c->sum.n_params)
        span_copy(k->group, sizeof k->group, c->sum.params[next]);
    else
        k->group[0] = '\0';
}

static bool has_metric(const struct console *c, const char *name)
{
    for (int i = 0; i < sub_rows(&c->subs, SUB_METRICS); i++) {
        struct span m = sub_row(&c->subs, SUB_METRICS, i);
        if (m.p && span_eq(cmap_str(m, "metric"), name))
            return true;
    }
    return false;
}

/* Epochs and cost are metrics that a trainer logs under these names; without them there is no such axis. */
void compare_next_x(struct console *c)
{
    struct compare *k = &c->compare;
    do
        k->x = (k->x + 1) % COMPARE_XS;
    while (k->x >= COMPARE_EPOCH && !has_metric(c, compare_x_name(k->x)));
    compare_fit(k);
    k->cross = NAN;
}

void compare_event(struct console *c, int dir)
{
    struct compare *k = &c->compare;
    double at = compare_cross(k), best = NAN, slack = (k->x_axis.hi - k->x_axis.lo) * 1e-9;
    for (int i = 0; i < k->n_lines; i++)
        for (int m = 0; m < k->lines[i].n_marks && !k->lines[i].hidden; m++) {
            double x = k->lines[i].marks[m].x;
            if (dir > 0 ? x > at + slack && !(x >= best) : x < at - slack && !(x <= best))
                best = x;
        }
    if (isnan(best)) {
        console_toast(c, ST_DIM,
                      dir > 0 ? "no later intervention on these lines"
                              : "no earlier intervention on these lines");
        return;
    }
    k->cross = best;
    if (k->zoom_x && (best < k->zx0 || best > k->zx1))
        compare_pan(c, axis_pos(&k->x_axis, best) - .5);
}
