/* screen_landscape: the loss over two parameters (or along one), what was tried, and steering by drawing on
 * it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/panel.h"
#include "tui/panel_land.h"
#include "tui/panel_land_side.h"
#include "tui/plot_curve.h"
#include "tui/screen.h"

enum pane { PANE_MAP, PANE_SIDE };
static const char *const panes[] = {"Map", "Box", NULL};

struct places {
    struct rect line, map, side; /* insides; an empty one is not shown */
    struct rect map_frame, side_frame;
    int rule;   /* x of the rule between them; -1 none */
    bool strip; /* the side is three lines below */
};

static struct places place(const struct console *c, struct rect body, enum layout_size size)
{
    struct places p = {.rule = -1};
    p.line = rect_top(&body, 1);
    if (c->zoom[SCREEN_LAND]) {
        *(c->pane[SCREEN_LAND] == PANE_SIDE ? &p.side : &p.map) = body;
        return p;
    }
    if (size == LAYOUT_WIDE) {
        p.side_frame = rect_right(&body, body.w >= 140 ? 46 : 32);
        p.map_frame = body;
        p.side = rect_inset(p.side_frame, 1, 1);
        p.map = rect_inset(p.map_frame, 1, 1);
    } else if (size == LAYOUT_NORMAL && body.w >= 60) {
        p.side = rect_right(&body, 24);
        p.rule = body.x + body.w - 1;
        rect_right(&body, 1);
        p.map_frame = rect_top(&body, 1);
        p.map = body;
    } else {
        p.strip = body.h >= 12;
        if (p.strip)
            p.side = rect_bottom(&body, 3);
        p.map = body;
    }
    return p;
}

static void want(struct console *c, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    struct rect in = panel_land_inner(p.map.h > 0 ? p.map : p.side);
    table_want(&c->table, &c->subs, &c->sum, 10, c->mono);
    land_want(c, in.w, in.h);
}

/* ---- drawing ---- */

static int word(struct canvas *out, struct rect r, int x, const char *name, const char *value)
{
    int a = canvas_columns(name, strlen(name)), b = canvas_columns(value, strlen(value));
    if (x + a + 1 + b > r.x + r.w)
        return x;
    canvas_text(out, x, r.y, ST_DIM, name);
    canvas_text(out, x + a + (a > 0), r.y, ST_PLAIN, value);
    return x + a + b + 3;
}

static void axis_words(const struct land_axis *a, char *out, size_t cap)
{
    static const char *const scales[] = {"", " (log)", " (rlog)", ""};
    char name[ROW_TEXT];
    row_text(name, (struct span){a->name, strlen(a->name)}, 20);
    row_format(out, cap, "%s%s", a->there ? name : "\u2014", a->there ? scales[a->scale] : "");
}

static void draw_settings(const struct console *c, struct canvas *out, struct rect r)
{
    const struct land *k = &c->land;
    char text[ROW_TEXT * 2];
    int x = r.x + 1;
    axis_words(&k->ax, text, sizeof text);
    x = word(out, r, x, "x", text);
    axis_words(&k->ay, text, sizeof text);
    if (!k->ay.there && (k->ax.there || !land_on_surface(k)))
        row_format(text, sizeof text, "none: a slice");
    x = word(out, r, x, "y", text);
    x = word(out, r, x, "layer", land_layer_name(k->layer));
    if (k->surface.there) {
        row_format(text, sizeof text, "%dx%d by %s", k->columns, k->rows, k->surface.norm);
        word(out, r, x, "grid", text);
    }
    text[0] = '\0';
    for (int i = 0; i < k->n_held; i++) {
        char name[ROW_TEXT];
        size_t n = strlen(text);
        row_text(name, (struct span){k->held[i].name, strlen(k->held[i].name)}, 12);
        if (n + 40 < sizeof text)
            row_format(text + n, sizeof text - n, "%s%s=%.20s", n ? " " : "", name, k->held[i].text);
    }
    char lead[48];
    int64_t trial;
    bool id = text_int(k->hold, &trial);
    row_format(lead, sizeof lead, "held at %s%.24s", id ? "t" : "", k->hold);
    if (!text[0])
        return;
    int room = r.x + r.w - x - canvas_columns(lead, strlen(lead)) - 1;
    if (room < 12)
        return;
    canvas_text(out, x, r.y, ST_DIM, lead);
    canvas_textn(out, x + canvas_columns(lead, strlen(lead)) + 1, r.y, room, ST_PLAIN, text, strlen(text));
}

static void title_of(const struct console *c, char *out, size_t cap)
{
    const struct land *k = &c->land;
    char metric[ROW_TEXT];
    row_text(metric, (struct span){c->sum.metric, strlen(c->sum.metric)}, 16);
    if (land_on_surface(k))
        land_surface_title(k, out, cap);
    else if (!k->ax.there)
        row_format(out, cap, "%s", metric[0] ? metric : "landscape");
    else if (!k->enough)
        row_format(out, cap, "%s, observed (n=%lld): %.70s", metric, (long long)k->n_trials,
                   k->why[0] ? k->why : "not enough for a model");
    else
        row_format(out, cap, "%s, %s (n=%lld)%s", metric, k->layer_name, (long long)k->n_trials,
                   k->coarse || !sub_loaded(&c->subs, SUB_LANDSCAPE) ? ", refining" : "");
}

static void draw(const struct console *c, struct canvas *out, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    char title[160];
    int focus = c->pane[SCREEN_LAND];
    draw_settings(c, out, p.line);
    title_of(c, title, sizeof title);
    if (size == LAYOUT_WIDE && p.map_frame.h > 1) {
        panel_box(out, p.map_frame, title, NULL, focus == PANE_MAP && c->zoom[SCREEN_LAND]);
        int n = canvas_columns(title, strlen(title)), w = p.map_frame.w - n - 12;
        panel_box(out, p.side_frame, c->land.box ? "Box" : "Here", NULL, focus == PANE_SIDE);
        if (w >= 16 && c->land.z)
            panel_land_bar(c, out, p.map_frame.x + p.map_frame.w - (w < 34 ? w : 34) - 3, p.map_frame.y,
                           w < 34 ? w : 34);
    } else if (p.rule >= 0) {
        for (int y = p.map_frame.y; y < p.map.y + p.map.h; y++)
            canvas_put(out, p.rule, y, ST_BORDER, 0x2502);
        int w = p.map_frame.w - 20, n = canvas_textn(out, p.map_frame.x + 1, p.map_frame.y, w > 8 ? w : 8,
                                                     ST_TITLE, title, strlen(title));
        if (c->land.z && p.map_frame.w - n - 3 >= 16)
            panel_land_bar(c, out, p.map_frame.x + p.map_frame.w - 17, p.map_frame.y, 17);
    }
    panel_land_draw(c, out, p.map, size);
    if (p.strip)
        panel_land_strip(c, out, p.side);
    else if (p.side.h > 0)
        panel_land_side(c, out, p.side);
}

/* ---- keys ---- */

static struct rect map_of(const struct console *c)
{
    struct layout l = layout_frame(c->cols, c->rows);
    return panel_land_inner(place(c, l.body, l.size).map);
}

static bool cancel(struct console *c)
{
    struct land *k = &c->land;
    if (k->extending)
        k->extending = k->box = false;
    else if (k->box)
        k->box = false;
    else if (c->zoom[SCREEN_LAND])
        c->zoom[SCREEN_LAND] = false;
    else if (k->u1 - k->u0 < 1 || k->v1 - k->v0 < 1) {
        k->u0 = k->v0 = 0;
        k->u1 = k->v1 = 1;
    } else
        return false;
    return true;
}

static void list_inside(struct console *c)
{
    char filter[PROMPT_CAP];
    land_filter(&c->land, filter, sizeof filter);
    if (!filter[0]) {
        console_toast(c, ST_DIM, "no box: v or a drag draws one, Enter then lists the trials inside");
        return;
    }
    if (strlen(filter) >= sizeof c->table.filter) {
        console_toast(c, ST_WARN, "the box has too many choices for a filter");
        return;
    }
    row_format(c->table.filter, sizeof c->table.filter, "%s", filter);
    c->table.top = 0;
    console_show(c, SCREEN_OVER);
}

static bool steers(enum action a)
{
    return a == ACT_MARK_RANGE || a == ACT_BOX_WIDER || a == ACT_BOX_NARROWER || a == ACT_BOX_TALLER ||
           a == ACT_BOX_FLATTER || a == ACT_OPEN || a == ACT_X_AXIS || a == ACT_LOG_Y;
}

static bool act_box(struct console *c, enum action a, double du, double dv)
{
    struct land *k = &c->land;
    if (land_on_surface(k) && steers(a)) {
        console_toast(c, ST_DIM, LAND_NO_STEERING);
        return true;
    }
    switch (a) {
    case ACT_MARK_RANGE:
        if (k->extending)
            k->extending = false;
        else {
            land_begin_box(k, k->cu, k->cv);
            k->extending = true;
        }
        return true;
    case ACT_BOX_WIDER:
        land_size_box(k, du, 0);
        return true;
    case ACT_BOX_NARROWER:
        land_size_box(k, -du, 0);
        return true;
    case ACT_BOX_TALLER:
        land_size_box(k, 0, dv);
        return true;
    case ACT_BOX_FLATTER:
        land_size_box(k, 0, -dv);
        return true;
    case ACT_OPEN:
        list_inside(c);
        return true;
    default:
        return false;
    }
}

static bool act_view(struct console *c, enum action a)
{
    struct land *k = &c->land;
    switch (a) {
    case ACT_X_AXIS:
    case ACT_LOG_Y: /* the y axis: here its parameter */
        land_next_param(c, a == ACT_LOG_Y);
        return true;
    case ACT_SHOWN:
        land_next_layer(c);
        return true;
    case ACT_SLICE:
        console_prompt(c, PROMPT_COMMAND, "slice ");
        return true;
    case ACT_CONTOURS:
        k->contours = !k->contours;
        return true;
    case ACT_TRIALS:
        k->trials = !k->trials;
        return true;
    case ACT_PATH:
        k->path = !k->path;
        return true;
    case ACT_CELLS:
        k->cells = !k->cells;
        if (k->cells && k->n_splits == 0)
            console_toast(c, ST_DIM, "this tuner does not split the space into cells");
        return true;
    case ACT_MORE:
        land_zoom(k, 2, k->cu, k->cv);
        return true;
    case ACT_LESS:
        land_zoom(k, .5, k->cu, k->cv);
        return true;
    case ACT_FIT:
        k->u0 = k->v0 = 0;
        k->u1 = k->v1 = 1;
        return true;
    default:
        return false;
    }
}

/* One step is a cell; along a list of choices one choice. */
static double step_of(const struct land_axis *a, double cell)
{
    double choice = a->scale == LAND_CHOICES && a->n_labels ? 1. / a->n_labels : 0;
    return choice > cell ? choice : cell;
}

static bool act(struct console *c, enum action a, int64_t arg)
{
    struct land *k = &c->land;
    struct rect in = map_of(c);
    double du = step_of(&k->ax, in.w > 0 ? (k->u1 - k->u0) / in.w : 0),
           dv = step_of(&k->ay, in.h > 0 ? (k->v1 - k->v0) / in.h : 0);
    switch (a) {
    case ACT_LEFT:
    case ACT_RIGHT:
        land_move(c, a == ACT_LEFT ? -du : du, 0);
        return true;
    case ACT_FAR_LEFT:
    case ACT_FAR_RIGHT:
        land_move(c, a == ACT_FAR_LEFT ? -10 * du : 10 * du, 0);
        return true;
    case ACT_UP:
    case ACT_DOWN:
        land_move(c, 0, a == ACT_UP ? dv : -dv);
        return true;
    case ACT_PAGE_UP:
    case ACT_PAGE_DOWN:
        land_move(c, 0, a == ACT_PAGE_UP ? 10 * dv : -10 * dv);
        return true;
    case ACT_HOME: /* to the best trial; on a surface to the weights */
        if (land_on_surface(k))
            land_move(c, .5 - k->cu, .5 - k->cv);
        else if (k->best.trial >= 0 && isfinite(k->best.x))
            land_move(c, k->best.x - k->cu, isfinite(k->best.y) ? k->best.y - k->cv : 0);
        return true;
    case ACT_CANCEL:
        return cancel(c);
    default:
        return act_box(c, a, du, dv) || act_view(c, a);
    }
}

/* ---- the mouse: left drag is the box, right drag pans, the wheel zooms, a click puts the crosshair ---- */

static bool mouse(struct console *c, const struct input_event *e)
{
    struct land *k = &c->land;
    struct rect in = map_of(c);
    bool inside = e->x >= in.x && e->x < in.x + in.w && e->y >= in.y && e->y < in.y + in.h && k->ax.there;
    double u = panel_land_u(k, in, e->x + .5), v = panel_land_v(k, in, e->y + .5);
    switch (e->kind) {
    case INPUT_WHEEL:
        if (inside)
            land_zoom(k, e->by < 0 ? 1.5 : 1 / 1.5, u, v);
        return inside;
    case INPUT_PRESS:
        if (!inside || e->button == 1)
            return inside;
        k->drag_x = e->x;
        k->drag_y = e->y;
        k->panning = e->button == 2;
        k->moved = false;
        return true;
    case INPUT_DRAG:
        if (k->drag_x < 0)
            return false;
        if (k->panning) {
            land_pan(k, (k->u1 - k->u0) * (k->drag_x - e->x) / in.w,
                     (k->v1 - k->v0) * (e->y - k->drag_y) / in.h);
            k->drag_x = e->x;
            k->drag_y = e->y;
            return true;
        }
        if (land_on_surface(k))
            return true;
        if (!k->moved)
            land_begin_box(k, panel_land_u(k, in, k->drag_x + .5), panel_land_v(k, in, k->drag_y + .5));
        k->moved = true;
        k->extending = false;
        land_extend_box(k, u, v);
        return true;
    case INPUT_RELEASE:
        if (k->drag_x < 0)
            return false;
        if (!k->panning && !k->moved)
            land_move(c, u - k->cu, v - k->cv);
        k->drag_x = -1;
        k->panning = false;
        return true;
    default:
        return false;
    }
}

const struct screen screen_landscape = {
    .key = '3',
    .name = "Landscape",
    .brief = "Land",
    .panes = panes,
    .want = want,
    .follow = land_follow,
    .draw = draw,
    .act = act,
    .mouse = mouse,
};
