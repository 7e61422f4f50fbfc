#include "tui/popup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/panel.h"
#include "tui/popup_parts.h"
#include "tui/row.h"
#include "tui/screen.h"

const char *popup_guard_name(enum verb_guard g)
{
    return g == VG_REVERSIBLE ? "undo" : g == VG_LOSING ? "confirm" : "type id";
}

struct rect popup_box(struct canvas *out, struct rect all, int w, int h, const char *title, const char *right)
{
    struct rect r = rect_center(all, w + 4, h + 2);
    canvas_fill(out, r, ST_PLAIN, ' ');
    canvas_hit(out, all, ACT_CANCEL, 0);
    canvas_hit(out, r, ACT_NONE, 0);
    struct rect in = rect_inset(canvas_box(out, r, title, right), 1, 0);
    out->cursor_x = in.x; /* the cursor is in what is in front */
    out->cursor_y = in.y;
    return in;
}

/* ---- help ---- */

static bool in_help(const struct console *c, const struct key_row *k, bool all)
{
    return k->show && (all || (k->on & 1u << c->screen));
}

static int help_lines(const struct console *c, bool all)
{
    int n, lines = 0;
    const struct key_row *rows = keymap_rows(&n);
    for (int i = 0; i < n; i++)
        lines += in_help(c, &rows[i], all);
    return lines;
}

static void draw_help(const struct console *c, struct canvas *out, struct rect area, bool all)
{
    char title[64];
    int n, line = 0, total = help_lines(c, all);
    const struct key_row *rows = keymap_rows(&n);
    row_format(title, sizeof title, all ? "Every key" : "Keys here: %s", screens[c->screen]->name);
    struct rect in = popup_box(out, area, 76, total, title, all ? "Esc close" : "? every key");
    struct rect old = canvas_clip(out, in);
    int scroll = c->popup.scroll, last = total - in.h > 0 ? total - in.h : 0;
    if (scroll > last)
        scroll = last;
    /* the screen's own keys stand first: they are what help is opened for */
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n; i++) {
            const struct key_row *k = &rows[i];
            if (!in_help(c, k, all) || (k->on == ON_ALL) != (pass == 1))
                continue;
            int y = in.y + line++ - scroll;
            const char *why = console_refusal(c, k->guard);
            canvas_textn(out, in.x, y, 11, why ? ST_DIM : ST_KEY, k->show, strlen(k->show));
            canvas_textn(out, in.x + 12, y, in.w - 12, why ? ST_DIM : ST_PLAIN, k->text, strlen(k->text));
        }
    canvas_clip(out, old);
}

/* ---- menu ---- */

static bool in_menu(const struct console *c, const struct menu_row *m)
{
    return (m->on & 1u << c->screen) != 0;
}

static void menu_target(const struct console *c, char *out, size_t cap)
{
    char t[PROMPT_CAP];
    action_expand(c, c->screen == SCREEN_ARMS ? "%a" : c->screen != SCREEN_LAND || land_on_surface(&c->land) ? "%t" : c->land.box ? "%r" : "%p", t, sizeof t);
    if (c->table.n_marks > 1 && c->screen != SCREEN_TRIAL && c->screen != SCREEN_ARMS &&
        c->screen != SCREEN_LAND)
        row_format(out, cap, "%d marked: %.60s", c->table.n_marks, t);
    else
        row_format(out, cap, "%.80s", t[0] ? t : "nothing selected");
}

static int menu_lines(const struct console *c)
{
    int n, lines = 0;
    const struct menu_row *m = keymap_menu(&n);
    for (int i = 0; i < n; i++)
        lines += in_menu(c, &m[i]);
    return lines;
}

static void draw_menu(const struct console *c, struct canvas *out, struct rect area)
{
    char title[120], target[100];
    int n, lines = menu_lines(c), line = 0;
    const struct menu_row *m = keymap_menu(&n);
    menu_target(c, target, sizeof target);
    char safe[ROW_TEXT];
    row_text(safe, (struct span){target, strlen(target)}, 50);
    row_format(title, sizeof title, c->screen == SCREEN_ARMS && target[0] ? "Actions: arm %s" : "Actions: %s", safe);
    struct rect in = popup_box(out, area, 60, lines + 1, title, "guard");
    int over = lines + 1 - in.h, scroll = c->popup.scroll < over ? c->popup.scroll : over > 0 ? over : 0;
    line = -scroll;
    if (over > scroll)
        canvas_right(out, in.x, in.y + in.h, in.w, ST_DIM, " \u2193 more ");
    struct rect old = canvas_clip(out, in);
    for (int i = 0; i < n; i++) {
        if (!in_menu(c, &m[i]))
            continue;
        const struct verb_info *v = verb_info(m[i].verb);
        int y = in.y + line++;
        canvas_put(out, in.x, y, ST_KEY, (uint32_t)m[i].key);
        canvas_text(out, in.x + 3, y, ST_STRONG, v ? v->name : "");
        canvas_textn(out, in.x + 15, y, in.w - 24, ST_PLAIN, m[i].text, strlen(m[i].text));
        canvas_right(out, in.x, y, in.w, ST_DIM, v ? popup_guard_name(v->guard) : "");
    }
    canvas_put(out, in.x, in.y + line, ST_KEY, 'q');
    canvas_text(out, in.x + 3, in.y + line, ST_PLAIN, "close this menu");
    canvas_clip(out, old);
}

static void menu_key(struct console *c, int key)
{
    int n;
    const struct menu_row *m = keymap_menu(&n);
    for (int i = 0; i < n; i++) {
        if (m[i].key != key || !in_menu(c, &m[i]))
            continue;
        char line[PROMPT_CAP];
        c->popup.kind = POPUP_NONE;
        action_expand(c, m[i].line, line, sizeof line);
        size_t len = strlen(m[i].line);
        if (strstr(m[i].line, "%r") && !c->land.box)
            console_toast(c, ST_WARN, land_on_surface(&c->land) ? LAND_NO_STEERING : "no box: v or a drag draws one");
        else if (strstr(m[i].line, "%p") && land_on_surface(&c->land))
            console_toast(c, ST_WARN, LAND_NO_STEERING);
        else if ((strstr(m[i].line, "%t") || strstr(m[i].line, "%a")) &&
            !strpbrk(line + strcspn(line, " "), "0123456789t"))
            console_toast(c, ST_WARN, "nothing is selected");
        else if (m[i].line[len - 1] == ' ' || m[i].line[len - 1] == '+')
            console_prompt(c, PROMPT_COMMAND, line);
        else
            action_submit(c, line);
        return;
    }
    if (key == KX_ESC || key == 'q')
        c->popup.kind = POPUP_NONE;
    else if (key == KX_DOWN || key == KX_PGDN)
        c->popup.scroll += key == KX_DOWN ? 1 : 8;
    else if (key == KX_UP || key == KX_PGUP)
        c->popup.scroll = c->popup.scroll > (key == KX_UP ? 1 : 8) ? c->popup.scroll - (key == KX_UP ? 1 : 8) : 0;
    int lines = menu_lines(c);
    c->popup.scroll = c->popup.scroll > lines ? lines : c->popup.scroll;
}

/* ---- questions ---- */

static void trial_line(const struct console *c, char *out, size_t cap)
{
    struct trial_row t = table_selected(&c->table);
    char value[32], a[ROW_TEXT], name[ROW_TEXT];
    if (t.trial < 0 || c->act.ask_id[0] != 't') {
        row_format(out, cap, "%.100s", c->act.ask_target);
        return;
    }
    row_number(value, t.value, isnan(t.value) && t.step < 0);
    int n = row_format(out, cap, "t%lld  %s %s", (long long)t.trial,
                       c->sum.metric[0] ? c->sum.metric : "value", value);
    for (int i = 0; i < c->sum.n_params && i < 2 && n > 0 && (size_t)n < cap; i++) {
        char key[ROW_TEXT];
        span_copy(name, sizeof name, c->sum.params[i]);
        row_text(key, c->sum.params[i], 12);
        row_param(a, t.params, name, 12);
        n += row_format(out + n, cap - (size_t)n, "  %s %s", key, a);
    }
    if (t.step >= 0 && (size_t)n < cap)
        row_format(out + n, cap - (size_t)n, "  step %lld", (long long)t.step);
}

static void draw_question(const struct console *c, struct canvas *out, struct rect area, bool typed)
{
    char title[160], line[PROMPT_CAP + 40], first[24];
    const struct actions *a = &c->act;
    row_format(first, sizeof first, "%.20s", a->ask);
    first[strcspn(first, " ")] = '\0';
    const struct verb_info *v = verb_find(first);
    bool many = strchr(a->ask_target, ',') != NULL;
    row_format(title, sizeof title, many ? "%s %s trials?" : "%s %s?", first, a->ask_id);
    if (title[0] >= 'a' && title[0] <= 'z')
        title[0] = (char)(title[0] - 'a' + 'A');
    struct rect in = popup_box(out, area, 56, 5, title, NULL);
    struct rect old = canvas_clip(out, in);
    trial_line(c, line, sizeof line);
    canvas_textn(out, in.x, in.y, in.w, ST_STRONG, line, strlen(line));
    if (v) {
        row_format(line, sizeof line, "%s.", v->text);
        if (line[0] >= 'a' && line[0] <= 'z')
            line[0] = (char)(line[0] - 'a' + 'A');
        canvas_textn(out, in.x, in.y + 1, in.w, ST_PLAIN, line, strlen(line));
    }
    canvas_text(out, in.x, in.y + 2, ST_DIM,
                typed ? "Not undoable. Safer: stop, at the next safe point." : "Not undoable.");
    if (typed) {
        int n = canvas_printf(out, in.x, in.y + 4, ST_WARN, "type %s to %s: ", a->ask_id, first);
        n += canvas_text(out, in.x + n, in.y + 4, ST_STRONG, c->prompt.text);
        out->cursor_x = in.x + n < in.x + in.w ? in.x + n : in.x + in.w - 1;
        out->cursor_y = in.y + 4 < in.y + in.h ? in.y + 4 : in.y;
        canvas_right(out, in.x, in.y + 4, in.w, ST_DIM, "Esc cancel");
    } else {
        canvas_text(out, in.x, in.y + 4, ST_WARN, "y");
        canvas_printf(out, in.x + 2, in.y + 4, ST_PLAIN, "%s", first);
        canvas_text(out, in.x + 18, in.y + 4, ST_STRONG | ST_REVERSE, "[ Cancel ]");
        canvas_right(out, in.x, in.y + 4, in.w, ST_DIM, "Esc, n, Enter");
    }
    canvas_clip(out, old);
}

static void cancel_question(struct console *c)
{
    c->popup.kind = POPUP_NONE;
    c->act.ask[0] = '\0';
    if (c->prompt.kind == PROMPT_TYPED)
        prompt_close(&c->prompt);
    console_toast(c, ST_DIM, "cancelled; nothing was sent");
}

static void typed_key(struct console *c, int key)
{
    enum prompt_result r = prompt_key(&c->prompt, key);
    if (r == PROMPT_CANCELLED) {
        cancel_question(c);
    } else if (r == PROMPT_ENTERED) {
        char text[PROMPT_CAP];
        memcpy(text, c->prompt.text, sizeof text);
        if (!text[0]) {
            cancel_question(c);
        } else if (action_typed(c, text)) {
            prompt_close(&c->prompt);
        } else {
            console_toast(c, ST_WARN, "that is not %s; nothing was sent", c->act.ask_id);
            prompt_set(&c->prompt, "");
        }
    }
}

/* ---- details of an intervention ---- */

static void draw_detail(const struct console *c, struct canvas *out, struct rect area)
{
    static const struct {
        const char *key, *name;
    } fields[] = {{"who", "who"},     {"verb", "action"},   {"target", "target"},
                  {"state", "state"}, {"reason", "reason"}, {"message", "message"}};
    struct rect in = popup_box(out, area, 66, 9, "Intervention", "Esc close");
    struct rect old = canvas_clip(out, in);
    struct span row = {NULL, 0};
    for (int i = 0; i < sub_rows(&c->subs, SUB_IVS); i++) {
        struct span r = sub_row(&c->subs, SUB_IVS, i);
        if (r.p && cmap_int(r, "id", -1) == c->iv)
            row = r;
    }
    int y = in.y;
    if (row.p) {
        char text[ROW_TEXT], change[160], clock[CLOCK_TEXT] = "";
        int64_t at = cmap_int(row, "time", -1), step = cmap_int(row, "applied_step", -1),
                of = cmap_int(row, "undo_of", 0);
        if (at > 0)
            clock_rfc3339(clock, at);
        canvas_printf(out, in.x, y++, ST_STRONG, "#%lld  %s", (long long)c->iv, clock);
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            row_text(text, cmap_str(row, fields[i].key), 56);
            canvas_text(out, in.x, y, ST_DIM, fields[i].name);
            canvas_text(out, in.x + 9, y++, ST_PLAIN, text[0] ? text : "\u2014");
        }
        panel_change(row, change, sizeof change);
        canvas_text(out, in.x, y, ST_DIM, "change");
        canvas_textn(out, in.x + 9, y++, in.w - 9, ST_PLAIN, change[0] ? change : "\u2014",
                     strlen(change[0] ? change : "\u2014"));
        if (step >= 0)
            canvas_printf(out, in.x, y, ST_DIM, "applied at step %lld", (long long)step);
        else if (of > 0)
            canvas_printf(out, in.x, y, ST_DIM, "undoes #%lld", (long long)of);
    } else {
        canvas_text(out, in.x, y, ST_DIM, "it is not there any more");
    }
    canvas_clip(out, old);
}

/* ---- all ---- */

void popup_draw(const struct console *c, struct canvas *out, struct rect all)
{
    switch (c->popup.kind) {
    case POPUP_HELP:
    case POPUP_KEYS:
        draw_help(c, out, all, c->popup.kind == POPUP_KEYS);
        break;
    case POPUP_MENU:
        draw_menu(c, out, all);
        break;
    case POPUP_CONFIRM:
    case POPUP_TYPED:
        draw_question(c, out, all, c->popup.kind == POPUP_TYPED);
        break;
    case POPUP_COLUMNS:
        popup_columns_draw(c, out, all);
        break;
    case POPUP_DETAIL:
        draw_detail(c, out, all);
        break;
    case POPUP_ALERTS:
    case POPUP_HOSTS:
    case POPUP_CONSOLES:
        popup_list_draw(c, out, all);
        break;
    case POPUP_NONE:
        break;
    }
}

static void help_key(struct console *c, int key)
{
    struct popup *p = &c->popup;
    int last = help_lines(c, p->kind == POPUP_KEYS) - 1;
    if (key == '?' && p->kind == POPUP_HELP)
        *p = (struct popup){POPUP_KEYS, 0};
    else if (key == KX_DOWN || key == 'j')
        p->scroll += p->scroll < last;
    else if (key == KX_UP || key == 'k')
        p->scroll -= p->scroll > 0;
    else if (key == KX_PGDN || key == ' ')
        p->scroll = p->scroll + 10 < last ? p->scroll + 10 : last;
    else if (key == KX_PGUP)
        p->scroll = p->scroll > 10 ? p->scroll - 10 : 0;
    else
        p->kind = POPUP_NONE;
}

void popup_key(struct console *c, int key)
{
    switch (c->popup.kind) {
    case POPUP_HELP:
    case POPUP_KEYS:
        help_key(c, key);
        break;
    case POPUP_MENU:
        menu_key(c, key);
        break;
    case POPUP_CONFIRM:
        if (key == 'y')
            action_confirm(c);
        else if (key == KX_ESC || key == 'n' || key == KX_ENTER || key == 'q')
            cancel_question(c);
        break;
    case POPUP_TYPED:
        typed_key(c, key);
        break;
    case POPUP_COLUMNS:
        popup_columns_key(c, key);
        break;
    case POPUP_ALERTS:
    case POPUP_HOSTS:
    case POPUP_CONSOLES:
        if (key == KX_DOWN || key == 'j')
            c->popup.scroll += c->popup.scroll < 199;
        else if (key == KX_UP || key == 'k')
            c->popup.scroll -= c->popup.scroll > 0;
        else if (key == KX_ESC || key == 'q' || key == KX_ENTER)
            c->popup.kind = POPUP_NONE;
        break;
    default:
        if (key == KX_ESC || key == 'q' || key == KX_ENTER)
            c->popup.kind = POPUP_NONE;
    }
}
