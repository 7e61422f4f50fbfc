/* popup_columns: choosing the table's columns: on and off, their order, which one sorts, which one groups. */
#include <string.h>

#include "tui/popup_parts.h"
#include "tui/row.h"

/* Metrics that the selected trial has: they can be columns too. */
static int metric_names(const struct console *c, char (*out)[COLUMNS_NAME], int cap)
{
    int n = 0;
    for (int i = 0; i < sub_rows(&c->subs, SUB_METRICS) && n < cap; i++) {
        struct span m = sub_row(&c->subs, SUB_METRICS, i);
        if (m.p)
            span_copy(out[n++], COLUMNS_NAME, cmap_str(m, "metric"));
    }
    return n;
}

static void list_all(const struct console *c, struct columns_all *all)
{
    char metrics[48][COLUMNS_NAME];
    int n = metric_names(c, metrics, 48);
    columns_all(&c->table.cols, &c->sum, (const char (*)[COLUMNS_NAME])metrics, n, all);
}

static bool is_on(const struct console *c, const char *name)
{
    const struct columns *k = &c->table.cols;
    return k->own ? columns_find(k, name) >= 0 : column_kind(&c->sum, name) != COLUMN_OTHER;
}

void popup_columns_draw(const struct console *c, struct canvas *out, struct rect area)
{
    struct columns_all all;
    list_all(c, &all);
    const struct table *t = &c->table;
    struct rect in = popup_box(out, area, 58, all.n + 3, "Columns", t->cols.own ? "your choice" : "what fits");
    struct rect old = canvas_clip(out, in), list = in;
    struct rect foot = rect_bottom(&list, 2);
    int scroll = c->popup.scroll - list.h + 1 > 0 ? c->popup.scroll - list.h + 1 : 0;
    for (int i = scroll; i < all.n && i - scroll < list.h; i++) {
        char name[ROW_TEXT];
        int y = list.y + i - scroll;
        row_text(name, (struct span){all.name[i], strlen(all.name[i])}, 28);
        canvas_text(out, list.x, y, ST_PLAIN, is_on(c, all.name[i]) ? "[x]" : "[ ]");
        canvas_text(out, list.x + 4, y, ST_PLAIN, name);
        enum column_kind k = column_kind(&c->sum, all.name[i]);
        const char *what = strcmp(t->group, all.name[i]) == 0  ? "groups"
                           : strcmp(t->sort, all.name[i]) == 0 ? "sorts"
                           : k == COLUMN_PARAM                 ? "parameter"
                                                               : "";
        canvas_right(out, list.x, y, list.w, what[0] == 'p' ? ST_DIM : ST_MARK, what);
        if (i == c->popup.scroll) {
            canvas_flag(out, (struct rect){list.x, y, list.w, 1}, ST_REVERSE);
            out->cursor_x = list.x;
            out->cursor_y = y;
        }
    }
    if (foot.h == 2) {
        canvas_text(out, foot.x, foot.y, ST_DIM, "Space on/off   J K move   s sort   g group");
        canvas_text(out, foot.x, foot.y + 1, ST_DIM, "r what fits again   Esc close; kept for this sweep");
    }
    canvas_clip(out, old);
}

/* The first change starts from what is on the screen. */
static void make_own(struct console *c)
{
    struct columns *k = &c->table.cols;
    int order[SUMMARY_PARAMS];
    if (k->own)
        return;
    k->own = true;
    table_param_order(&c->table, &c->sum, order);
    for (int i = 0; i < c->sum.n_params; i++) {
        char name[COLUMNS_NAME];
        span_copy(name, sizeof name, c->sum.params[order[i]]);
        if (columns_find(k, name) < 0)
            columns_toggle(k, name);
    }
    static const char *const rest[] = {"step", "seconds", "progress", "curve"};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        columns_toggle(k, rest[i]);
}

static void move(struct console *c, const char *name, int by)
{
    make_own(c);
    int at = columns_find(&c->table.cols, name);
    if (at < 0 || at + by < 0 || at + by >= c->table.cols.n)
        return;
    columns_move(&c->table.cols, name, by);
    c->popup.scroll = at + by; /* the chosen ones stand first: the pointer goes with it */
}

void popup_columns_key(struct console *c, int key)
{
    struct columns_all all;
    struct popup *p = &c->popup;
    struct table *t = &c->table;
    list_all(c, &all);
    char name[COLUMNS_NAME] = "";
    if (p->scroll < all.n)
        row_format(name, sizeof name, "%s", all.name[p->scroll]);
    switch (key) {
    case KX_ESC:
    case 'q':
    case KX_ENTER:
        p->kind = POPUP_NONE;
        break;
    case KX_DOWN:
    case 'j':
        p->scroll += p->scroll + 1 < all.n;
        break;
    case KX_UP:
    case 'k':
        p->scroll -= p->scroll > 0;
        break;
    case ' ':
        make_own(c);
        if (!columns_toggle(&t->cols, name))
            console_toast(c, ST_WARN, "%d columns are the most", COLUMNS_MAX);
        t->col = 0;
        break;
    case 'J':
    case 'K':
        move(c, name, key == 'J' ? 1 : -1);
        break;
    case 's':
        table_sort_by(t, name);
        break;
    case 'g':
        table_group_by(t, strcmp(t->group, name) == 0 ? "" : name);
        break;
    case 'r':
        t->cols = (struct columns){0};
        break;
    }
}
