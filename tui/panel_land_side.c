#include "tui/panel_land_side.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/axis.h"
#include "tui/panel.h"
#include "tui/panel_land.h"
#include "tui/row.h"

struct inside {
    int trials, over, running;
    int64_t best;
    double best_value;
    double model, deviation; /* the best cell of the map inside; NaN */
};

static struct inside inside_of(const struct console *c)
{
    const struct land *k = &c->land;
    struct inside in = {.best = -1, .model = NAN, .deviation = NAN};
    for (int i = 0; i < k->n_points; i++) {
        const struct land_point *p = &k->points[i];
        if (!land_in_box(k, p->x, p->y))
            continue;
        in.trials++;
        in.over += p->state->over;
        in.running += strcmp(p->state->name, "running") == 0;
        bool better = in.best < 0 || (c->sum.maximize ? p->value > in.best_value : p->value < in.best_value);
        if (isfinite(p->value) && better) {
            in.best = p->trial;
            in.best_value = p->value;
        }
    }
    for (int i = 0; k->z && i < k->columns * k->rows; i++) {
        double x = (i % k->columns + .5) / k->columns, y = (i / k->columns + .5) / k->rows,
               z = (double)k->z[i];
        if (!isfinite(z) || !land_in_box(k, x, y))
            continue;
        if (!(c->sum.maximize ? z <= in.model : z >= in.model)) {
            in.model = z;
            in.deviation = k->deviation ? (double)k->deviation[i] : NAN;
        }
    }
    return in;
}

/* Words in lines of w columns; returns the line after the last. */
static int wrapped(struct canvas *out, struct rect r, int y, style st, const char *text)
{
    size_t n = strlen(text);
    for (size_t from = 0; from < n && y < r.h;) {
        size_t end = from, last = 0;
        while (end < n && canvas_columns(text + from, end - from + 1) <= r.w) {
            if (text[end] == ' ')
                last = end;
            end++;
        }
        if (end < n && last > from && text[end] != ' ')
            end = last;
        canvas_textn(out, r.x, r.y + y++, r.w, st, text + from, end - from);
        from = end;
        while (from < n && text[from] == ' ')
            from++;
    }
    return y;
}

static int fact(struct canvas *out, struct rect r, int y, const char *name, const char *text)
{
    char label[ROW_TEXT];
    if (y >= r.h)
        return y;
    row_text(label, (struct span){name, strlen(name)}, r.w / 2);
    int n = canvas_text(out, r.x, r.y + y, ST_DIM, label), at = r.w >= 34 && n < 13 ? 13 : n + 1;
    canvas_textn(out, r.x + at, r.y + y, r.w - at, ST_PLAIN, text, strlen(text));
    return y + 1;
}

static int axis_fact(struct canvas *out, struct rect r, int y, const struct land_axis *a, double p0,
                     double p1)
{
    char lo[ROW_TEXT], hi[ROW_TEXT], text[ROW_TEXT * 2 + 8];
    if (!a->there)
        return y;
    land_text(a, p0, lo);
    land_text(a, p1, hi);
    row_format(text, sizeof text, strcmp(lo, hi) == 0 ? "%s" : "%s .. %s", lo, hi);
    return fact(out, r, y, a->name, text);
}

static int side_box(const struct console *c, struct canvas *out, struct rect r, int y)
{
    const struct land *k = &c->land;
    struct inside in = inside_of(c);
    char text[120], value[32], d[AXIS_LABEL];
    y = axis_fact(out, r, y, &k->ax, k->bx0, k->bx1);
    y = axis_fact(out, r, y, &k->ay, k->by0, k->by1);
    row_format(text, sizeof text, "%d trials, %d running", in.trials, in.running);
    y = fact(out, r, y, "inside", text);
    if (in.best >= 0) {
        row_number(value, in.best_value, false);
        row_format(text, sizeof text, "%s t%lld%s", value, (long long)in.best,
                   in.best == k->best.trial ? " \u2605" : "");
        y = fact(out, r, y, "best", text);
    }
    if (isfinite(in.model) && strcmp(k->layer_name, "mean") == 0) {
        row_number(value, in.model, false);
        axis_label(d, in.deviation);
        row_format(text, sizeof text, isfinite(in.deviation) ? "%s \u00b1%s" : "%s", value, d);
        y = fact(out, r, y, c->sum.maximize ? "model max" : "model min", text);
    }
    return y;
}

/* What the hub says a command would do; while one waits it is that one. */
static int side_preview(const struct console *c, struct canvas *out, struct rect r, int y)
{
    struct span head = sub_head(&c->subs, SUB_PREVIEW);
    char text[ROW_TEXT], line[PROMPT_CAP + 8];
    bool waits = c->act.n_holds > 0;
    land_preview_line(c, line, sizeof line);
    if (!line[0] || y + 1 >= r.h)
        return y;
    if (waits)
        y = wrapped(out, r, y + 1, ST_MARK, "waits; u takes it back:");
    else
        canvas_text(out, r.x, r.y + y++, ST_TITLE, "focus here would");
    if (!head.p || sub_error(&c->subs, SUB_PREVIEW) || !sub_loaded(&c->subs, SUB_PREVIEW))
        return wrapped(out, r, y, ST_DIM,
                       sub_error(&c->subs, SUB_PREVIEW) ? "the hub cannot say what it would do" : "\u2026");
    row_text(text, cmap_str(head, "text"), 250);
    if (!text[0])
        row_text(text, cmap_str(head, "message"), 250);
    return wrapped(out, r, y, cmap_bool(head, "ok", true) ? ST_PLAIN : ST_ERROR, text);
}

static int side_steer(const struct console *c, struct canvas *out, struct rect r, int y)
{
    static const char *const lines[][2] = {
        {"a f", "focus: more of the next inside"},   {"a v", "avoid: none inside"},
        {"a w", "weight: its chance times so much"}, {"a b", "budget: a share of the next"},
        {"Enter", "list the trials inside"},         {"Esc", "clear the box"}};
    const char *why = console_refusal(c, KG_STEER);
    for (size_t i = 0; i < sizeof lines / sizeof *lines && y < r.h; i++) {
        bool off = why && i < 4;
        canvas_text(out, r.x, r.y + y, off ? ST_DIM : ST_KEY, lines[i][0]);
        canvas_textn(out, r.x + 6, r.y + y, r.w - 6, off ? ST_DIM | ST_FADED : ST_PLAIN, lines[i][1],
                     strlen(lines[i][1]));
        y++;
    }
    return why ? wrapped(out, r, y, ST_DIM, why) : y;
}

static const struct land_point *nearest(const struct land *k, double *distance)
{
    const struct land_point *best = NULL;
    *distance = INFINITY;
    for (int i = 0; i < k->n_points; i++) {
        double dx = k->points[i].x - k->cu, dy = k->ay.there ? k->points[i].y - k->cv : 0,
               d = sqrt(dx * dx + dy * dy);
        if (d < *distance) {
            *distance = d;
            best = &k->points[i];
        }
    }
    return best;
}

static int side_cross(const struct console *c, struct canvas *out, struct rect r, int y)
{
    const struct land *k = &c->land;
    char text[120], value[32];
    struct heat h = panel_land_heat(c, r);
    double z = k->z ? heat_at(&h, k->cu, k->ay.there ? k->cv : .5) : NAN, d;
    y = axis_fact(out, r, y, &k->ax, k->cu, k->cu);
    y = axis_fact(out, r, y, &k->ay, k->cv, k->cv);
    row_number(value, z, isnan(z));
    if (k->z)
        y = fact(out, r, y, k->layer_name, value);
    const struct land_point *p = nearest(k, &d);
    if (p) {
        row_number(value, p->value, isnan(p->value));
        row_format(text, sizeof text, "t%lld %s%s", (long long)p->trial, value,
                   p->inside ? "" : " (off the slice)");
        y = fact(out, r, y, "nearest", text);
    }
    return y;
}

static int side_regions(const struct console *c, struct canvas *out, struct rect r, int y)
{
    const struct land *k = &c->land;
    for (int i = 0; i < k->n_regions && y < r.h; i++) {
        const struct land_region *g = &k->regions[i];
        char text[200], times[32] = "", left[40] = "";
        if (i == 0)
            canvas_text(out, r.x, r.y + y++, ST_TITLE, "Regions");
        if (y >= r.h)
            break;
        if (isfinite(g->weight) && g->weight > 0 && g->weight != 1)
            row_format(times, sizeof times, " \u00d7%.3g", g->weight);
        if (g->left >= 0)
            row_format(left, sizeof left, ", %lld asks left", (long long)g->left);
        row_format(text, sizeof text, "%s %s%s%s", g->verb, g->text, times, left);
        canvas_put(out, r.x, r.y + y, ST_MARK,
                   g->intervention > 0 ? panel_mark_glyph(g->intervention) : 0x00b7);
        y = wrapped(out, (struct rect){r.x + 2, r.y, r.w - 2, r.h}, y, ST_PLAIN, text);
    }
    return y;
}

static int side_model(const struct console *c, struct canvas *out, struct rect r, int y)
{
    const struct land *k = &c->land;
    char text[200], a[ROW_TEXT], b[ROW_TEXT], v[32];
    if (k->model[0])
        y = wrapped(out, r, y, ST_DIM, k->model);
    if (isfinite(k->noise)) {
        axis_label(v, k->noise);
        y = fact(out, r, y, "noise", v);
    }
    if (k->quadratic.there && k->quadratic.convex && k->ay.there) {
        land_text(&k->ax, k->quadratic.x, a);
        land_text(&k->ay, k->quadratic.y, b);
        row_format(text, sizeof text, "bowl at %s, %s; %.0f%% of the map is within the noise of its best", a,
                   b, 100 * (isfinite(k->quadratic.plateau) ? k->quadratic.plateau : 0));
        y = wrapped(out, r, y, ST_DIM, text);
    }
    for (int i = 0; i < k->n_basins && y < r.h && k->n_basins > 1; i++) {
        if (!k->ay.there)
            break;
        land_text(&k->ax, k->basins[i].x, a);
        land_text(&k->ay, k->basins[i].y, b);
        row_number(v, k->basins[i].value, false);
        if (isfinite(k->basins[i].persistence)) {
            char deep[AXIS_LABEL];
            axis_label(deep, k->basins[i].persistence);
            row_format(text, sizeof text, "%s at %s, %s; %s deep", v, a, b, deep);
        } else {
            row_format(text, sizeof text, "%s at %s, %s; the deepest", v, a, b);
        }
        canvas_put(out, r.x, r.y + y, ST_MARK, 0x25bd);
        canvas_textn(out, r.x + 2, r.y + y++, r.w - 2, ST_PLAIN, text, strlen(text));
    }
    return y;
}

/* Whose surface it is, and how far it has come. */
static int side_surface(const struct console *c, struct canvas *out, struct rect r, int y)
{
    const struct land *k = &c->land;
    char text[200], value[32];
    row_format(text, sizeof text, "t%lld", (long long)k->surface.trial);
    y = fact(out, r, y, "trial", text);
    if (k->surface.step >= 0) {
        row_count(value, (double)k->surface.step);
        y = fact(out, r, y, "at step", value);
    }
    row_number(value, k->surface.loss, isnan(k->surface.loss));
    y = fact(out, r, y, "loss there", value);
    row_number(value, k->surface.least, isnan(k->surface.least));
    y = fact(out, r, y, "lowest", value);
    row_format(text, sizeof text, "%s%s%s", land_surface_state(k), k->surface.why[0] ? ": " : "",
               k->surface.why);
    return wrapped(out, r, y, ST_DIM, text);
}

void panel_land_side(const struct console *c, struct canvas *out, struct rect r)
{
    const struct land *k = &c->land;
    struct rect old = canvas_clip(out, r);
    int y = 0;
    rect_left(&r, r.w > 30 ? 1 : 0);
    if (!k->ax.there) {
        panel_note(out, r, ST_DIM, panel_empty(c, SUB_LANDSCAPE, "no map"));
        canvas_clip(out, old);
        return;
    }
    if (k->box)
        y = side_box(c, out, r, y);
    if (c->act.n_holds || k->box)
        y = side_preview(c, out, r, y + (y > 0 && r.h > 20));
    if (k->box)
        y = side_steer(c, out, r, y + (r.h > 20));
    if (y)
        y++;
    if (k->box && y < r.h)
        canvas_text(out, r.x, r.y + y++, ST_TITLE, "Here");
    y = side_cross(c, out, r, y);
    if (k->surface.there)
        y = side_surface(c, out, r, y + 1);
    else if (!k->box && y + 3 < r.h)
        y = wrapped(out, r, y + 1, ST_DIM, "v or a drag draws a box to steer with; a t tries this point");
    y = side_regions(c, out, r, y + 1);
    side_model(c, out, r, y + 1);
    canvas_clip(out, old);
}

void panel_land_strip(const struct console *c, struct canvas *out, struct rect r)
{
    const struct land *k = &c->land;
    char region[PROMPT_CAP], a[ROW_TEXT] = "", b[ROW_TEXT] = "", value[32];
    struct heat h = panel_land_heat(c, r);
    double z = k->z ? heat_at(&h, k->cu, k->ay.there ? k->cv : .5) : NAN;
    if (!k->ax.there)
        return;
    land_text(&k->ax, k->cu, a);
    if (k->ay.there)
        land_text(&k->ay, k->cv, b);
    row_number(value, z, isnan(z));
    canvas_printf(out, r.x, r.y, ST_PLAIN, "%.12s %.10s %.12s %.10s: %s", k->ax.name, a,
                  k->ay.there ? k->ay.name : "", b, value);
    land_region(k, region, sizeof region);
    if (region[0])
        canvas_printf(out, r.x, r.y + 1, ST_MARK, "%.100s: %d trials", region, inside_of(c).trials);
    if (r.h > 2)
        panel_land_bar(c, out, r.x, r.y + 2, r.w < 40 ? r.w : 40);
}
