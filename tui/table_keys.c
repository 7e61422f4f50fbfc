/* table_keys: the keys of the table of trials, shared by the screens that show it. */
#include <string.h>

#include "tui/screen.h"
#include "tui/table_parts.h"

static bool move_key(struct console *c, enum action a)
{
    struct table *t = &c->table;
    int64_t total = sub_total(&c->subs, SUB_TRIALS), page = t->visible > 1 ? t->visible - 1 : 1;
    switch (a) {
    case ACT_UP: table_move(t, -1, total); return true;
    case ACT_DOWN: table_move(t, 1, total); return true;
    case ACT_PAGE_UP: table_move(t, -page, total); return true;
    case ACT_PAGE_DOWN: table_move(t, page, total); return true;
    case ACT_HALF_UP: table_move(t, -(page + 1) / 2, total); return true;
    case ACT_HALF_DOWN: table_move(t, (page + 1) / 2, total); return true;
    case ACT_HOME: table_goto(t, 0, total); return true;
    case ACT_END:
    case ACT_LAST: table_goto(t, total - 1, total); return true;
    case ACT_LEFT: t->col -= t->col > 0; return true;
    case ACT_RIGHT: t->col += t->col + 1 < (t->cols.own ? t->cols.n : c->sum.n_params); return true;
    default: return false;
    }
}

static bool mark_key(struct console *c, enum action a)
{
    struct table *t = &c->table;
    switch (a) {
    case ACT_MARK:
        table_mark(t, t->sel, !table_marked(t, t->sel));
        table_move(t, 1, sub_total(&c->subs, SUB_TRIALS));
        return true;
    case ACT_MARK_RANGE: table_mark_range(t); return true;
    case ACT_MARK_ALL: table_mark_page(t); return true;
    case ACT_MARK_CLEAR: table_clear_marks(t); return true;
    default: return false;
    }
}

/* A click on a column's head: ids as table_draw_head and table_own_head give them. */
static void sort_by_head(struct console *c, int64_t column)
{
    static const char *const heads[] = {"trial", "state", "value", "step", "seconds"};
    struct table *t = &c->table;
    char name[80];
    if (column >= TABLE_HIT_OWN && column - TABLE_HIT_OWN < t->cols.n) {
        table_sort_by(t, t->cols.name[column - TABLE_HIT_OWN]);
    } else if (column >= 5 && column - 5 < c->sum.n_params) {
        span_copy(name, sizeof name, c->sum.params[column - 5]);
        table_sort_by(t, name);
    } else if (column >= 0 && column < 5) {
        table_sort_by(t, heads[column]);
    }
}

static bool sort_key(struct console *c, enum action a, int64_t arg)
{
    struct table *t = &c->table;
    switch (a) {
    case ACT_SORT_LEFT:
    case ACT_SORT_RIGHT: table_sort_step(t, &c->sum, a == ACT_SORT_LEFT ? -1 : 1); return true;
    case ACT_SORT_REVERSE: table_sort_by(t, t->sort); return true;
    case ACT_SORT: sort_by_head(c, arg); return true;
    default: return false;
    }
}

bool screen_table_act(struct console *c, enum action a, int64_t arg)
{
    struct table *t = &c->table;
    switch (a) {
    case ACT_FREEZE: t->frozen = !t->frozen; return true;
    case ACT_FOLLOW: t->follow = !t->follow; return true;
    case ACT_COLUMNS: c->popup = (struct popup){POPUP_COLUMNS, 0}; return true;
    case ACT_FILTER: console_prompt(c, PROMPT_FILTER, t->filter); return true;
    case ACT_FILTER_CLEAR: t->filter[0] = '\0'; return true;
    case ACT_ROW:
        if (arg < -1) /* a group's line */
            table_click_group(t, arg);
        else
            table_select(t, arg);
        return true;
    default: return move_key(c, a) || mark_key(c, a) || sort_key(c, a, arg);
    }
}
