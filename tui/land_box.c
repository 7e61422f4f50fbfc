/* land_box: the crosshair, the box, the part of the map that is seen, and the words that steering is said in.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/text.h"
#include "tui/console_state.h"
#include "tui/land.h"

#define LEAST .002 /* smallest side of a box or a view */

static double unit(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

void land_move(struct console *c, double du, double dv)
{
    struct land *k = &c->land;
    k->cu = unit(k->cu + du);
    k->cv = unit(k->cv + dv);
    if (k->cu < k->u0 || k->cu > k->u1)
        land_pan(k, k->cu < k->u0 ? k->cu - k->u0 : k->cu - k->u1, 0);
    if (k->cv < k->v0 || k->cv > k->v1)
        land_pan(k, 0, k->cv < k->v0 ? k->cv - k->v0 : k->cv - k->v1);
    if (k->extending)
        land_extend_box(k, k->cu, k->cv);
}

void land_begin_box(struct land *k, double u, double v)
{
    k->au = k->bx0 = k->bx1 = unit(u);
    k->av = k->by0 = k->by1 = unit(v);
    k->box = true;
}

void land_extend_box(struct land *k, double u, double v)
{
    u = unit(u);
    v = unit(v);
    k->bx0 = u < k->au ? u : k->au;
    k->bx1 = u > k->au ? u : k->au;
    k->by0 = v < k->av ? v : k->av;
    k->by1 = v > k->av ? v : k->av;
    k->box = true;
}

/* Its right and its upper edge move. */
void land_size_box(struct land *k, double du, double dv)
{
    if (!k->box) {
        land_begin_box(k, k->cu, k->cv);
        k->bx1 = unit(k->bx0 + fabs(du) + fabs(dv));
        k->by1 = unit(k->by0 + fabs(du) + fabs(dv));
    }
    k->bx1 = unit(k->bx1 + du);
    k->by1 = unit(k->by1 + dv);
    k->bx1 = k->bx1 < k->bx0 + LEAST ? k->bx0 + LEAST : k->bx1;
    k->by1 = k->by1 < k->by0 + LEAST ? k->by0 + LEAST : k->by1;
}

static void zoom_side(double *lo, double *hi, double factor, double about)
{
    double a = about - (about - *lo) / factor, b = about + (*hi - about) / factor;
    if (b - a >= 1 || factor < 1) {
        double w = b - a > 1 ? 1 : b - a;
        a = a < 0 ? 0 : a + w > 1 ? 1 - w : a;
        b = a + w;
    }
    if (b - a < 10 * LEAST)
        return;
    *lo = unit(a);
    *hi = unit(b);
}

void land_zoom(struct land *k, double factor, double u, double v)
{
    zoom_side(&k->u0, &k->u1, factor, u);
    if (k->ay.there)
        zoom_side(&k->v0, &k->v1, factor, v);
}

void land_pan(struct land *k, double du, double dv)
{
    du = k->u0 + du < 0 ? -k->u0 : k->u1 + du > 1 ? 1 - k->u1 : du;
    dv = k->v0 + dv < 0 ? -k->v0 : k->v1 + dv > 1 ? 1 - k->v1 : dv;
    k->u0 += du;
    k->u1 += du;
    k->v0 += dv;
    k->v1 += dv;
}

bool land_in_box(const struct land *k, double x, double y)
{
    bool across = x >= k->bx0 && x <= k->bx1;
    return k->box && across && (!k->ay.there || (y >= k->by0 && y <= k->by1));
}

/* ---- words ---- */

static void add(char *out, size_t cap, const char *text)
{
    size_t n = strlen(out);
    row_format(out + n, cap - n, "%s", text);
}

static bool touched(const struct land_axis *a, int i, double p0, double p1)
{
    double mid = (i + .5) / a->n_labels, half = .5 / a->n_labels;
    return (mid >= p0 - 1e-9 && mid <= p1 + 1e-9) || (p0 > mid - half && p1 < mid + half);
}

/* sep stands between this side and the one before; equal: "=" for choices; filter: as two comparisons. */
static void side(const struct land_axis *a, double p0, double p1, bool filter, char *out, size_t cap)
{
    char lo[ROW_TEXT], hi[ROW_TEXT], one[400];
    if (!a->there)
        return;
    if (out[0])
        add(out, cap, filter ? " " : "&");
    if (a->scale != LAND_CHOICES) {
        land_text(a, p0, lo);
        land_text(a, p1, hi);
        if (filter)
            row_format(one, sizeof one, "%.63s>=%.30s %.63s<=%.30s", a->name, lo, a->name, hi);
        else
            row_format(one, sizeof one, "%.63s=%.30s..%.30s", a->name, lo, hi);
        add(out, cap, one);
        return;
    }
    bool any = false;
    for (int i = 0; i < a->n_labels; i++) {
        if (!touched(a, i, p0, p1))
            continue;
        if (!any || filter)
            row_format(one, sizeof one, "%s%.63s=%.39s", any ? "|" : "", a->name, a->labels[i]);
        else
            row_format(one, sizeof one, "|%.39s", a->labels[i]);
        add(out, cap, one);
        any = true;
    }
}

static void both_sides(const struct land *k, bool filter, char *out, size_t cap)
{
    out[0] = '\0';
    if (!k->box)
        return;
    side(&k->ax, k->bx0, k->bx1, filter, out, cap);
    side(&k->ay, k->by0, k->by1, filter, out, cap);
}

/* A word of a command line. */
static void quote(char *out, size_t cap)
{
    char word[PROMPT_CAP];
    if (!strpbrk(out, " \t'\"\\"))
        return;
    row_format(word, sizeof word, "%s", out);
    row_format(out, cap, strchr(word, '\'') ? "\"%s\"" : "'%s'", word);
}

void land_region(const struct land *k, char *out, size_t cap)
{
    both_sides(k, false, out, cap);
    quote(out, cap);
}

void land_filter(const struct land *k, char *out, size_t cap)
{
    both_sides(k, true, out, cap);
}

void land_point(const struct land *k, char *out, size_t cap)
{
    char text[ROW_TEXT], one[200];
    out[0] = '\0';
    if (land_on_surface(k))
        return;
    const struct land_axis *const axes[] = {&k->ax, &k->ay};
    for (int i = 0; i < 2; i++) {
        if (!axes[i]->there)
            continue;
        land_text(axes[i], i ? k->cv : k->cu, text);
        row_format(one, sizeof one, "%.63s=%.60s", axes[i]->name, text);
        quote(one, sizeof one);
        add(out, cap, out[0] ? " " : "");
        add(out, cap, one);
    }
    for (int i = 0; i < k->n_held && out[0]; i++) {
        if (!k->held[i].text[0])
            continue;
        row_format(one, sizeof one, " %.63s=%.46s", k->held[i].name, k->held[i].text);
        if (!strpbrk(one + 1, " '\"\\"))
            add(out, cap, one);
    }
}

void land_preview_line(const struct console *c, char *out, size_t cap)
{
    char region[PROMPT_CAP];
    out[0] = '\0';
    if (c->act.n_holds) {
        row_format(out, cap, "%s", c->act.holds[c->act.n_holds - 1].line);
        return;
    }
    land_region(&c->land, region, sizeof region);
    if (region[0])
        row_format(out, cap, "focus %.480s", region);
}

/* ---- what is seen ---- */

void land_next_param(struct console *c, bool y)
{
    struct land *k = &c->land;
    const char *now = y ? k->ay.name : k->ax.name, *other = y ? k->ax.name : k->ay.name;
    int n = c->sum.n_params, at = -1;
    for (int i = 0; i < n; i++)
        if (span_eq(c->sum.params[i], now))
            at = i;
    if (y && k->slice)
        at = -1;
    k->box = k->extending = false;
    k->u0 = k->v0 = 0;
    k->u1 = k->v1 = 1;
    if (!k->x[0])
        row_format(k->x, sizeof k->x, "%s", k->ax.name);
    for (int step = 1; step <= n; step++) {
        int i = at + step;
        if (y && i >= n) { /* behind the last parameter: a slice along x */
            k->slice = true;
            return;
        }
        struct span name = c->sum.params[i % n];
        if (span_eq(name, other) && (y || !k->slice))
            continue;
        if (y && span_eq(name, k->x))
            continue;
        k->slice = y ? false : k->slice;
        if (!y && !k->slice && !k->y[0])
            row_format(k->y, sizeof k->y, "%s", k->ay.name);
        span_copy(y ? k->y : k->x, sizeof k->x, name);
        return;
    }
}

int land_slice(struct console *c, int argc, char **argv, char **cause)
{
    struct land *k = &c->land;
    if (argc == 0) {
        k->n_fix = 0;
        row_format(k->hold, sizeof k->hold, "best");
        return 0;
    }
    for (int i = 0; i < argc; i++) {
        const char *eq = strchr(argv[i], '=');
        int64_t id;
        if (strcmp(argv[i], "best") == 0 || strcmp(argv[i], "typical") == 0) {
            row_format(k->hold, sizeof k->hold, "%s", argv[i]);
        } else if (text_int(argv[i] + (argv[i][0] == 't'), &id) && id >= 0) {
            row_format(k->hold, sizeof k->hold, "%lld", (long long)id);
        } else if (eq && eq > argv[i] && eq[1]) {
            int at = 0, n = (int)(eq - argv[i]);
            while (at < k->n_fix && (strncmp(k->fix[at].name, argv[i], (size_t)n) != 0 || k->fix[at].name[n]))
                at++;
            if (at == LAND_FIX)
                return cause_set(cause, "at most %d parameters are held by hand; slice alone lets them go",
                                 LAND_FIX);
            memset(&k->fix[at], 0, sizeof k->fix[at]);
            row_format(k->fix[at].name, sizeof k->fix[at].name, "%.*s", n < 63 ? n : 63, argv[i]);
            row_format(k->fix[at].value, sizeof k->fix[at].value, "%.60s", eq + 1);
            k->n_fix += at == k->n_fix;
        } else {
            return cause_set(cause, "slice takes best, typical, a trial or PARAM=VALUE, not '%.40s'",
                             argv[i]);
        }
    }
    return 0;
}
