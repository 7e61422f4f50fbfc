/* land: asking for the map and decoding it. */
#include "tui/land.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "tui/console_state.h"

#define MAX_COLUMNS 512
#define MAX_ROWS    256
#define MAX_POINTS  10000
#define COARSE      4 /* the first picture has 1/4 of the columns and rows */

static const char *const layers[LAND_LAYERS] = {"mean", "deviation", "acquisition", "observed", "partial", "probe"};

const char *land_layer_name(enum land_layer l)
{
    return layers[l];
}

void land_init(struct land *k)
{
    *k = (struct land){.contours = true, .trials = true, .u1 = 1, .v1 = 1, .cu = .5, .cv = .5, .drag_x = -1};
    k->best.trial = -1;
    row_format(k->hold, sizeof k->hold, "best");
}

static void drop(struct land *k)
{
    free(k->z);
    free(k->deviation);
    free(k->points);
    k->z = k->deviation = NULL;
    k->points = NULL;
    k->n_points = k->n_basins = k->n_regions = k->n_splits = k->n_held = k->columns = k->rows = 0;
    k->best.trial = -1;
    k->quadratic.there = k->surface.there = false;
}

void land_release(struct land *k)
{
    drop(k);
}

/* ---- axes ---- */

double land_value(const struct land_axis *a, double pos)
{
    switch (a->scale) {
    case LAND_LOG:
        return a->low > 0 ? a->low * pow(a->high / a->low, pos) : a->low + pos * (a->high - a->low);
    case LAND_RLOG:
        return a->low > 0 ? a->high + a->low - a->low * pow(a->high / a->low, 1 - pos)
                          : a->low + pos * (a->high - a->low);
    case LAND_CHOICES: {
        double k = floor(pos * a->n_labels);
        return k < 0 ? 0 : k >= a->n_labels ? a->n_labels - 1 : k;
    }
    default:
        return a->low + pos * (a->high - a->low);
    }
}

double land_pos(const struct land_axis *a, double v)
{
    switch (a->scale) {
    case LAND_LOG:
        return a->low > 0 && v > 0 ? log(v / a->low) / log(a->high / a->low) : NAN;
    case LAND_RLOG: {
        double turned = a->high + a->low - v;
        return a->low > 0 && turned > 0 ? 1 - log(turned / a->low) / log(a->high / a->low) : NAN;
    }
    case LAND_CHOICES:
        return a->n_labels ? (v + .5) / a->n_labels : NAN;
    default:
        return a->high > a->low ? (v - a->low) / (a->high - a->low) : NAN;
    }
}

void land_text(const struct land_axis *a, double pos, char out[ROW_TEXT])
{
    double v = land_value(a, pos);
    if (a->scale == LAND_CHOICES)
        row_format(out, ROW_TEXT, "%s", a->n_labels ? a->labels[(int)v] : "");
    else if (a->whole)
        row_format(out, ROW_TEXT, "%.0f", v);
    else
        text_fmt_short(out, v, 3);
}

bool land_low_is_good(const struct console *c)
{
    const struct land *k = &c->land;
    bool of_objective = strcmp(k->layer_name, "deviation") != 0 && strcmp(k->layer_name, "acquisition") != 0;
    return k->surface.there || (of_objective && !c->sum.maximize);
}

/* ---- asking ---- */

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 1099511628211u;
    return h;
}

static uint64_t picture(const struct land *k)
{
    uint64_t h = hash(1469598103934665603u, k->x, strlen(k->x));
    h = hash(h, k->y, strlen(k->y) + 1);
    h = hash(h, &k->slice, sizeof k->slice);
    h = hash(h, &k->layer, sizeof k->layer);
    h = hash(h, k->hold, strlen(k->hold));
    return hash(h, k->fix, (size_t)k->n_fix * sizeof *k->fix) + 1;
}

static int clamp(double v, int most)
{
    return v < 1 ? 1 : v > most ? most : (int)v;
}

static void write_fix(struct codec_writer *w, const struct land *k)
{
    cw_str(w, "fix");
    cw_map(w, (size_t)k->n_fix);
    for (int i = 0; i < k->n_fix; i++) {
        double v;
        int64_t whole;
        if (text_int(k->fix[i].value, &whole))
            cw_kint(w, k->fix[i].name, whole);
        else if (text_double(k->fix[i].value, &v))
            cw_kdouble(w, k->fix[i].name, v);
        else
            cw_kstr(w, k->fix[i].name, k->fix[i].value);
    }
}

static void want_preview(struct console *c)
{
    char line[PROMPT_CAP];
    land_preview_line(c, line, sizeof line);
    if (!line[0] || c->land.extending || c->land.drag_x >= 0)
        return;
    struct codec_writer w = sub_want(&c->subs, SUB_PREVIEW, "preview", 1);
    cw_kstr(&w, "words", line);
    sub_commit(&c->subs, SUB_PREVIEW, 0, 1);
}

void land_want(struct console *c, int w, int h)
{
    struct land *k = &c->land;
    bool y = !k->slice && k->y[0], x = k->x[0] || k->slice;
    land_want_surfaces(c);
    if (k->layer == LAND_PROBE) {
        k->coarse = false;
        k->asked = 0;
        land_want_surface(c);
        return;
    }
    const char *name = k->x[0] ? k->x : k->ax.name;
    uint64_t now = picture(k);
    if (now != k->asked) { /* first a picture that is quickly there, then the fine one */
        k->asked = now;
        k->coarse = h > 0;
    }
    int by = k->coarse || c->time.playing ? COARSE : 1;
    x = x && name[0];
    struct codec_writer q = sub_want(&c->subs, SUB_LANDSCAPE, "landscape", 5 + x + y);
    if (x)
        cw_kstr(&q, "x", name);
    if (y)
        cw_kstr(&q, "y", k->y);
    cw_kstr(&q, "layer", layers[k->layer]);
    cw_kint(&q, "columns", clamp(w / (k->u1 - k->u0) / by, MAX_COLUMNS));
    cw_kint(&q, "rows", clamp(2. * h / (k->v1 - k->v0) / by, MAX_ROWS));
    int64_t trial;
    if (text_int(k->hold, &trial))
        cw_kint(&q, "hold", trial);
    else
        cw_kstr(&q, "hold", k->hold);
    write_fix(&q, k);
    sub_commit(&c->subs, SUB_LANDSCAPE, 0, 1);
    want_preview(c);
}

/* ---- decoding ---- */

static void read_axis(struct land_axis *a, struct span raw)
{
    char scale[16] = "", type[16] = "";
    struct codec_reader r;
    *a = (struct land_axis){0};
    if (!raw.p || !cmap_str(raw, "name").p)
        return;
    a->there = true;
    cmap_strcpy(raw, "name", a->name, sizeof a->name);
    cmap_strcpy(raw, "type", type, sizeof type);
    cmap_strcpy(raw, "scale", scale, sizeof scale);
    a->whole = strcmp(type, "int") == 0;
    a->low = cmap_double(raw, "low", 0);
    a->high = cmap_double(raw, "high", 1);
    a->scale = strcmp(scale, "log") == 0       ? LAND_LOG
               : strcmp(scale, "rlog") == 0    ? LAND_RLOG
               : strcmp(scale, "choices") == 0 ? LAND_CHOICES
                                               : LAND_LINEAR;
    if (!cmap_find(raw, "labels", &r) || cr_peek(&r) != CT_ARRAY)
        return;
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r) && a->n_labels < LAND_LABELS; n--) {
        char text[ROW_TEXT];
        row_text(text, cr_str(&r), 36);
        row_format(a->labels[a->n_labels++], sizeof a->labels[0], "%.38s", text);
    }
}

static float *read_floats(struct span head, const char *key, size_t want)
{
    struct codec_reader r;
    if (want == 0 || !cmap_find(head, key, &r) || cr_peek(&r) != CT_BIN)
        return NULL;
    struct span b = cr_bin(&r);
    if (b.n != want * sizeof(float))
        return NULL;
    return mem_dup(b.p, b.n);
}

static double number(struct codec_reader *r)
{
    enum codec_type t = cr_peek(r);
    if (t == CT_INT || t == CT_UINT || t == CT_DOUBLE)
        return cr_double(r);
    cr_skip(r);
    return NAN;
}

static void text_of(struct codec_reader *r, char *out, size_t cap, int columns)
{
    char text[ROW_TEXT] = "";
    if (cr_peek(r) == CT_STR)
        row_text(text, cr_str(r), columns);
    else
        cr_skip(r);
    row_format(out, cap, "%s", text);
}

static size_t list_of(struct span head, const char *key, struct codec_reader *r)
{
    return cmap_find(head, key, r) && cr_peek(r) == CT_ARRAY ? cr_array(r) : 0;
}

/* The entries of an inner array beyond `used`, which a newer hub may have added. */
static bool begin_entry(struct codec_reader *r, size_t need, size_t *more)
{
    size_t n = cr_peek(r) == CT_ARRAY ? cr_array(r) : 0;
    *more = n >= need ? n - need : 0;
    return cr_ok(r) && n >= need;
}

static void skip(struct codec_reader *r, size_t n)
{
    for (; n > 0 && cr_ok(r); n--)
        cr_skip(r);
}

static void read_lists(struct land *k, struct span head)
{
    struct codec_reader r;
    size_t more;
    for (size_t n = list_of(head, "basins", &r);
         n > 0 && k->n_basins < LAND_BASINS && begin_entry(&r, 4, &more); n--) {
        double x = number(&r), y = number(&r), value = number(&r), persistence = number(&r);
        k->basins[k->n_basins].x = x;
        k->basins[k->n_basins].y = y;
        k->basins[k->n_basins].value = value;
        k->basins[k->n_basins++].persistence = persistence;
        skip(&r, more);
    }
    for (size_t n = list_of(head, "regions", &r);
         n > 0 && k->n_regions < LAND_REGIONS && begin_entry(&r, 9, &more); n--) {
        struct land_region *g = &k->regions[k->n_regions++];
        text_of(&r, g->verb, sizeof g->verb, 12);
        text_of(&r, g->text, sizeof g->text, 80);
        g->x0 = number(&r);
        g->y0 = number(&r);
        g->x1 = number(&r);
        g->y1 = number(&r);
        g->weight = number(&r);
        double left = number(&r), id = number(&r);
        g->left = isfinite(left) ? (int64_t)left : -1;
        g->intervention = isfinite(id) ? (int64_t)id : -1;
        skip(&r, more);
    }
    for (size_t n = list_of(head, "cells", &r);
         n > 0 && k->n_splits < LAND_CELLS && begin_entry(&r, 6, &more); n--) {
        double box[6];
        for (int i = 0; i < 6; i++)
            box[i] = number(&r);
        k->splits[k->n_splits].x0 = box[0];
        k->splits[k->n_splits].y0 = box[1];
        k->splits[k->n_splits].x1 = box[2];
        k->splits[k->n_splits].y1 = box[3];
        k->splits[k->n_splits++].depth = (int)box[4];
        skip(&r, more);
    }
    for (size_t n = list_of(head, "held", &r); n > 0 && k->n_held < LAND_HELD && begin_entry(&r, 2, &more);
         n--) {
        span_copy(k->held[k->n_held].name, sizeof k->held[0].name, cr_str(&r));
        struct span v = cr_value(&r);
        struct codec_reader peek;
        char text[ROW_TEXT];
        cr_init(&peek, v.p, v.n);
        enum codec_type t = cr_peek(&peek);
        k->held[k->n_held].number = t == CT_INT || t == CT_UINT || t == CT_DOUBLE;
        row_value(text, v, 40);
        row_format(k->held[k->n_held++].text, sizeof k->held[0].text, "%.46s", text);
        skip(&r, more);
    }
}

static void read_points(struct console *c)
{
    struct land *k = &c->land;
    int n = sub_rows(&c->subs, SUB_LANDSCAPE);
    n = n > MAX_POINTS ? MAX_POINTS : n;
    k->points = mem_zero((size_t)n + 1, sizeof *k->points);
    for (int i = 0; i < n; i++) {
        struct span row = sub_row(&c->subs, SUB_LANDSCAPE, i);
        if (!row.p)
            continue;
        struct land_point *p = &k->points[k->n_points++];
        p->trial = cmap_int(row, "trial", -1);
        p->order = cmap_int(row, "order", -1);
        p->state = row_state(cmap_str(row, "state"));
        p->x = cmap_double(row, "x", NAN);
        p->y = cmap_double(row, "y", NAN);
        p->value = cmap_double(row, "value", NAN);
        p->inside = cmap_bool(row, "inside", true);
    }
}

static void decode(struct console *c)
{
    struct land *k = &c->land;
    struct span head = sub_head(&c->subs, SUB_LANDSCAPE), best, quadratic;
    char text[ROW_TEXT];
    drop(k);
    if (!head.p)
        return;
    if (!cmap_str(head, "layer").p) { /* as every answer of the landscape has it */
        land_read_surface(c, head);
        return;
    }
    read_axis(&k->ax, cmap_value(head, "x"));
    read_axis(&k->ay, cmap_value(head, "y"));
    cmap_strcpy(head, "layer", k->layer_name, sizeof k->layer_name);
    int64_t columns = cmap_int(head, "columns", 0), rows = cmap_int(head, "rows", 0);
    if (columns > 0 && rows > 0 && columns <= MAX_COLUMNS && rows <= MAX_ROWS) {
        k->columns = (int)columns;
        k->rows = (int)rows;
        k->z = read_floats(head, "z", (size_t)(columns * rows));
        k->deviation = read_floats(head, "deviation", (size_t)(columns * rows));
    }
    k->z0 = cmap_double(head, "z0", NAN);
    k->z1 = cmap_double(head, "z1", NAN);
    k->noise = cmap_double(head, "noise", NAN);
    k->enough = cmap_bool(head, "enough", true);
    k->n_trials = cmap_int(head, "trials", 0);
    row_text(text, cmap_str(head, "why"), 120);
    row_format(k->why, sizeof k->why, "%.150s", text);
    row_text(text, cmap_str(head, "model"), 100);
    row_format(k->model, sizeof k->model, "%.110s", text);
    best = cmap_value(head, "best");
    if (best.p && (k->best.trial = cmap_int(best, "trial", -1)) >= 0) {
        k->best.x = cmap_double(best, "x", NAN);
        k->best.y = cmap_double(best, "y", NAN);
        k->best.value = cmap_double(best, "value", NAN);
    }
    quadratic = cmap_value(head, "quadratic");
    if (quadratic.p && isfinite(cmap_double(quadratic, "x", NAN))) {
        k->quadratic.there = true;
        k->quadratic.x = cmap_double(quadratic, "x", NAN);
        k->quadratic.y = cmap_double(quadratic, "y", NAN);
        k->quadratic.value = cmap_double(quadratic, "value", NAN);
        k->quadratic.convex = cmap_bool(quadratic, "convex", false);
        k->quadratic.r2 = cmap_double(quadratic, "r2", NAN);
        k->quadratic.plateau = cmap_double(quadratic, "plateau", NAN);
    }
    read_lists(k, head);
    read_points(c);
}

void land_follow(struct console *c)
{
    struct land *k = &c->land;
    uint64_t version = sub_version(&c->subs, SUB_LANDSCAPE);
    if (version == k->seen)
        return;
    k->seen = version;
    decode(c);
    c->ask_again = c->ask_again || k->surface.there; /* whether its gaps are filled depends on its state */
    if (k->coarse && sub_loaded(&c->subs, SUB_LANDSCAPE)) {
        k->coarse = false;
        c->ask_again = true;
    }
}
