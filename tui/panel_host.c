/* panel_host: machines in numbers: one line for the trial's own, and the lists of machines, consoles and alerts that the command
 * line opens. */
#include <math.h>
#include <string.h>

#include "tui/panel.h"
#include "tui/plot_bars.h"
#include "tui/popup_parts.h"
#include "tui/row.h"

void panel_host_want(struct console *c)
{
    sub_want(&c->subs, SUB_HOSTS, "hosts", 0);
    sub_commit(&c->subs, SUB_HOSTS, 0, 1);
}

/* 31.2G */
static void bytes_text(char out[32], double v)
{
    static const char units[] = " KMGTP";
    int u = 0;
    for (; v >= 1024 && units[u + 1]; u++)
        v /= 1024;
    row_format(out, 32, v < 10 && u ? "%.1f%c" : "%.0f%c", v, units[u]);
    if (!u)
        out[strlen(out) - 1] = '\0';
}

static int put_share(char *out, size_t cap, int at, const char *name, double v)
{
    return isfinite(v) ? at + row_format(out + at, cap - (size_t)at, "%s%s %.0f%%", at ? "  " : "", name, v * 100) : at;
}

static int put_memory(char *out, size_t cap, int at, const char *name, double used, double total)
{
    char a[32], b[32];
    if (!isfinite(used))
        return at;
    bytes_text(a, used);
    bytes_text(b, total);
    return at + row_format(out + at, cap - (size_t)at, "%s%s %s%s%s", at ? "  " : "", name, a, isfinite(total) ? "/" : "",
                           isfinite(total) ? b : "");
}

static int put_gpu(char *out, size_t cap, int at, struct span gpus)
{
    struct codec_reader r;
    if (!gpus.p)
        return at;
    cr_init(&r, gpus.p, gpus.n);
    size_t n = cr_peek(&r) == CT_ARRAY ? cr_array(&r) : 0;
    for (size_t i = 0; i < n && cr_ok(&r) && (size_t)at + 60 < cap; i++) {
        struct span g = cr_value(&r);
        char name[24];
        if (!g.p)
            break;
        row_format(name, sizeof name, n > 1 ? "gpu%zu" : "gpu", i);
        at = put_share(out, cap, at, name, cmap_double(g, "use", NAN));
        at = put_memory(out, cap, at, "", cmap_double(g, "memory", NAN), cmap_double(g, "memory_total", NAN));
        double power = cmap_double(g, "power", NAN), hot = cmap_double(g, "temperature", NAN);
        if (isfinite(power))
            at += row_format(out + at, cap - (size_t)at, " %.0fW", power);
        if (isfinite(hot))
            at += row_format(out + at, cap - (size_t)at, " %.0f\u00b0C", hot);
    }
    return at;
}

static void host_text(struct span h, bool all, char *out, size_t cap)
{
    char in[32], sent[32];
    out[0] = '\0';
    int at = put_share(out, cap, 0, "cpu", cmap_double(h, "cpu", NAN));
    at = put_memory(out, cap, at, "mem", cmap_double(h, "memory", NAN), cmap_double(h, "memory_total", NAN));
    at = put_gpu(out, cap, at, cmap_value(h, "gpus"));
    static const char *const rates[][3] = {{"net", "net_in", "net_out"}, {"disk", "disk_in", "disk_out"}};
    for (int i = 0; i < 2 && all && (size_t)at + 80 < cap; i++) {
        double a = cmap_double(h, rates[i][1], NAN), b = cmap_double(h, rates[i][2], NAN);
        if (!isfinite(a) || !isfinite(b))
            continue;
        bytes_text(in, a);
        bytes_text(sent, b);
        at += row_format(out + at, cap - (size_t)at, "%s%s \u2193%s \u2191%s/s", at ? "  " : "", rates[i][0], in, sent);
    }
}

void panel_host_text(const struct console *c, struct span host, char *out, size_t cap)
{
    out[0] = '\0';
    for (int i = 0; i < sub_rows(&c->subs, SUB_HOSTS); i++) {
        struct span h = sub_row(&c->subs, SUB_HOSTS, i), name = h.p ? cmap_str(h, "host") : h;
        /* the worker's own word is better than the hub's about the same machine */
        if (name.p && host.p && name.n == host.n && memcmp(name.p, host.p, host.n) == 0)
            host_text(h, false, out, cap);
    }
}

/* ---- the lists ---- */

static void line_of_host(const struct console *c, struct canvas *out, struct rect r, int y, struct span h)
{
    char name[ROW_TEXT], role[ROW_TEXT], text[500];
    row_text(name, cmap_str(h, "host"), 16);
    row_text(role, cmap_str(h, "role"), 8);
    host_text(h, true, text, sizeof text);
    canvas_text(out, r.x, y, ST_STRONG, name);
    canvas_text(out, r.x + 17, y, ST_DIM, role);
    canvas_textn(out, r.x + 26, y, r.w - 26, ST_PLAIN, text[0] ? text : "measured in a second",
                 strlen(text[0] ? text : "measured in a second"));
}

static void line_of_console(const struct console *c, struct canvas *out, struct rect r, int y, struct span h)
{
    char user[ROW_TEXT], host[ROW_TEXT], role[ROW_TEXT], last[ROW_TEXT], span[32] = "";
    row_text(user, cmap_str(h, "user"), 12);
    row_text(host, cmap_str(h, "host"), 16);
    row_text(role, cmap_str(h, "role"), 9);
    row_text(last, cmap_str(h, "last"), 40);
    int64_t at = cmap_int(h, "last_time", -1);
    if (at > 0)
        row_span(span, floor((double)(c->wall - at) / 1e9));
    canvas_text(out, r.x, y, ST_STRONG, user);
    canvas_text(out, r.x + 13, y, ST_PLAIN, host);
    canvas_text(out, r.x + 30, y, role[0] == 'v' ? ST_WARN : ST_DIM, role);
    canvas_printf(out, r.x + 40, y, ST_PLAIN, "%s%s%s", last[0] ? last : "has only looked", span[0] ? "  " : "", span);
}

static void line_of_alert(const struct console *c, struct canvas *out, struct rect r, int y, struct span a)
{
    char text[ROW_TEXT], rule[ROW_TEXT], state[ROW_TEXT], clock[CLOCK_TEXT] = "";
    int64_t at = cmap_int(a, "time", -1), trial = cmap_int(a, "trial", -1);
    if (at > 0)
        clock_hms(clock, at);
    row_text(text, cmap_str(a, "text"), 60);
    row_text(rule, cmap_str(a, "rule"), 60);
    row_text(state, cmap_str(a, "state"), 12);
    canvas_text(out, r.x, y, ST_DIM, clock);
    if (trial >= 0)
        canvas_printf(out, r.x + 9, y, ST_STRONG, "t%lld", (long long)trial);
    int x = r.x + 15 + canvas_textn(out, r.x + 15, y, r.w - 15, ST_WARN, text, strlen(text)) + 2;
    bool told = strcmp(state, "told") == 0;
    if (!told)
        x += canvas_text(out, x, y, ST_MARK, state) + 2;
    if (x < r.x + r.w)
        canvas_textn(out, x, y, r.x + r.w - x, ST_DIM, rule, strlen(rule));
}

/* What can be asked for by name; the popup's kind says which. */
static const struct list {
    enum popup_kind kind;
    enum sub_id sub;
    const char *view, *sort, *title, *none;
    void (*line)(const struct console *c, struct canvas *out, struct rect r, int y, struct span row);
} lists[] = {
    {POPUP_HOSTS, SUB_HOSTS, "hosts", "", "Machines", "no machine is known", line_of_host},
    {POPUP_CONSOLES, SUB_CONSOLES, "consoles", "since", "Who is here", "nobody but this console", line_of_console},
    {POPUP_ALERTS, SUB_ALERTS, "alerts", "-time", "Alerts", "nothing fired; :rule val_loss is nan sets a rule", line_of_alert},
};

static const struct list *list_of(const struct console *c)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i].kind == c->popup.kind)
            return &lists[i];
    return NULL;
}

void popup_list_want(struct console *c)
{
    const struct list *l = list_of(c);
    if (!l)
        return;
    struct codec_writer w = sub_want(&c->subs, l->sub, l->view, 2);
    cw_kstr(&w, "sort", l->sort);
    cw_kint(&w, "rows", 200);
    sub_commit(&c->subs, l->sub, 0, 1);
}

/* The rules that are in force, under the alerts. */
static void draw_rules(const struct console *c, struct canvas *out, struct rect r)
{
    struct span head = sub_head(&c->subs, SUB_ALERTS), list = head.p ? cmap_value(head, "rules") : head;
    struct codec_reader rd;
    if (!list.p)
        return;
    cr_init(&rd, list.p, list.n);
    int n = cr_peek(&rd) == CT_ARRAY ? (int)cr_array(&rd) : 0;
    for (int i = 0; i < n && i < r.h && cr_ok(&rd); i++) {
        char text[ROW_TEXT];
        if (cr_array(&rd) != 2)
            return;
        row_text(text, cr_str(&rd), r.w - 16);
        canvas_printf(out, r.x, r.y + i, ST_DIM, "rule %d", i + 1);
        canvas_text(out, r.x + 8, r.y + i, ST_PLAIN, text);
        char fired[32];
        row_format(fired, sizeof fired, "fired %lld", (long long)cr_int(&rd));
        canvas_right(out, r.x, r.y + i, r.w, ST_DIM, fired);
    }
}

static int count_rules(const struct console *c)
{
    struct span head = sub_head(&c->subs, SUB_ALERTS), list = head.p ? cmap_value(head, "rules") : head;
    struct codec_reader rd;
    if (!list.p)
        return 0;
    cr_init(&rd, list.p, list.n);
    return cr_peek(&rd) == CT_ARRAY ? (int)cr_array(&rd) : 0;
}

bool popup_list_draw(const struct console *c, struct canvas *out, struct rect area)
{
    const struct list *l = list_of(c);
    if (!l)
        return false;
    int n = sub_rows(&c->subs, l->sub), rules = l->kind == POPUP_ALERTS ? count_rules(c) : 0;
    rules = rules > area.h / 3 ? area.h / 3 : rules;
    int rows = n > 0 ? n : 1, w = area.w - 8 < 110 ? area.w - 8 : 110;
    struct rect in = popup_box(out, area, w, rows + (rules ? rules + 1 : 0), l->title, "Esc close");
    struct rect old = canvas_clip(out, in), foot = rect_bottom(&in, rules);
    if (rules)
        rect_bottom(&in, 1);
    const char *error = sub_error(&c->subs, l->sub);
    if (n == 0)
        panel_note(out, in, error ? ST_ERROR : ST_DIM, error ? error : panel_empty(c, l->sub, l->none));
    int last = n - in.h > 0 ? n - in.h : 0, scroll = c->popup.scroll < last ? c->popup.scroll : last;
    for (int i = 0; i < in.h && scroll + i < n; i++) {
        struct span row = sub_row(&c->subs, l->sub, scroll + i);
        if (row.p)
            l->line(c, out, in, in.y + i, row);
    }
    draw_rules(c, out, foot);
    canvas_clip(out, old);
    return true;
}

/* Names of the others who look on: "bob, carol"; "" alone. */
void panel_present(const struct console *c, char *out, size_t cap)
{
    size_t at = 0;
    int others = 0, mine = 0;
    out[0] = '\0';
    for (int i = 0; i < sub_rows(&c->subs, SUB_CONSOLES); i++) {
        struct span r = sub_row(&c->subs, SUB_CONSOLES, i);
        char user[ROW_TEXT];
        if (!r.p)
            continue;
        row_text(user, cmap_str(r, "user"), 10);
        if (strcmp(user, c->user) == 0 && mine++ == 0)
            continue; /* this one */
        others++;
        if (others <= 2 && at + 14 < cap)
            at += (size_t)row_format(out + at, cap - at, "%s%s", at ? ", " : "", user);
    }
    if (others > 2)
        row_format(out + at, cap - at, " +%d", others - 2);
}
