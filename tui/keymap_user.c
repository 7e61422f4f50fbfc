/* keymap_user: the key table in force: a copy of the compiled-in one, changed by the person's configuration.
 *
 * Invariants of the compiled-in table hold for every changed one: an action keeps its guard wherever it is bound, a key has
 * one meaning on a screen, the menu's letters are none of a, y and q (which open it, answer its questions and close it), so
 * no key confirms what it opened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tui/key_name.h"
#include "tui/keymap.h"

static struct {
    struct key_row *rows;
    struct menu_row *menu;
    char **texts; /* what rows and menu point to and the compiled-in tables do not hold */
    int n_rows, n_menu, n_texts;
} user; /* rows NULL: as compiled in */

const struct key_row *keymap_rows(int *n)
{
    if (!user.rows)
        return keymap_default_rows(n);
    *n = user.n_rows;
    return user.rows;
}

const struct menu_row *keymap_menu(int *n)
{
    if (!user.rows)
        return keymap_default_menu(n);
    *n = user.n_menu;
    return user.menu;
}

const struct key_row *keymap_find(enum screen_id screen, int key)
{
    int n;
    const struct key_row *rows = keymap_rows(&n);
    for (int i = 0; i < n; i++)
        if (rows[i].key == key && (rows[i].on & 1u << screen))
            return &rows[i];
    return NULL;
}

void keymap_reset(void)
{
    for (int i = 0; i < user.n_texts; i++)
        free(user.texts[i]);
    free(user.texts);
    free(user.rows);
    free(user.menu);
    memset(&user, 0, sizeof user);
}

static const char *keep(char *text)
{
    user.texts = mem_resize(user.texts, (size_t)user.n_texts + 1, sizeof *user.texts);
    return user.texts[user.n_texts++] = text;
}

static void copy_tables(void)
{
    int n_rows, n_menu;
    if (user.rows)
        return;
    const struct key_row *rows = keymap_default_rows(&n_rows);
    const struct menu_row *menu = keymap_default_menu(&n_menu);
    user.rows = mem_dup(rows, (size_t)n_rows * sizeof *rows);
    user.menu = mem_dup(menu, (size_t)n_menu * sizeof *menu);
    user.n_rows = n_rows;
    user.n_menu = n_menu;
    for (int i = 1; i < n_rows; i++) /* an alias says itself what it is: its row may lose the one before it */
        if (!user.rows[i].text) {
            user.rows[i].text = user.rows[i - 1].text;
            user.rows[i].guard = user.rows[i - 1].guard;
        }
}

static bool same_meaning(const struct key_row *a, const struct key_row *b)
{
    return a->action == b->action && a->arg == b->arg && (a->on & b->on);
}

/* Which keys a row's sentence stands for: the first row of a meaning names them all, the others are its aliases. */
static void name_keys(void)
{
    for (int i = 0; i < user.n_rows; i++) {
        struct key_row *r = &user.rows[i];
        char all[64], one[KEY_NAME];
        bool alias = false;
        for (int k = 0; k < i && !alias; k++)
            alias = user.rows[k].show && same_meaning(r, &user.rows[k]);
        r->show = NULL;
        if (alias)
            continue;
        size_t n = (size_t)snprintf(all, sizeof all, "%s", key_name(r->key, one));
        for (int k = i + 1; k < user.n_rows && n + KEY_NAME + 2 < sizeof all; k++)
            if (same_meaning(r, &user.rows[k]))
                n += (size_t)snprintf(all + n, sizeof all - n, ", %s", key_name(user.rows[k].key, one));
        r->show = keep(mem_str(all));
    }
}

static void remove_row(int i)
{
    memmove(user.rows + i, user.rows + i + 1, (size_t)(--user.n_rows - i) * sizeof *user.rows);
}

/* Takes the key away on these screens; true when it had a meaning on one of them. */
static bool take_key(unsigned on, int key)
{
    bool had = false;
    for (int i = user.n_rows; i-- > 0;) {
        if (user.rows[i].key != key || !(user.rows[i].on & on))
            continue;
        had = true;
        user.rows[i].on &= ~on;
        if (!(user.rows[i].on & ((1u << SCREEN_COUNT) - 1)))
            remove_row(i);
    }
    return had;
}

/* Behind the rows of the same meaning, so that help keeps its order. */
static void add_row(struct key_row row)
{
    int place = user.n_rows;
    for (int i = user.n_rows; i-- > 0 && place == user.n_rows;)
        if (user.rows[i].action == row.action && user.rows[i].arg == row.arg)
            place = i + 1;
    user.rows = mem_resize(user.rows, (size_t)user.n_rows + 1, sizeof *user.rows);
    memmove(user.rows + place + 1, user.rows + place, (size_t)(user.n_rows - place) * sizeof row);
    user.rows[place] = row;
    user.n_rows++;
}

/* An action may have another guard on another screen: each screen gets the row that it had. */
int keymap_bind(unsigned on, int key, enum action action, int arg, char **cause)
{
    int n;
    const struct key_row *defaults = keymap_default_rows(&n);
    unsigned can = 0;
    for (int i = 0; i < n; i++)
        if (defaults[i].action == action && defaults[i].arg == arg && defaults[i].text)
            can |= defaults[i].on;
    if (!(can & on))
        return cause_set(cause, "%s means nothing on %s", action_name(action), can ? "these screens" : "any screen");
    copy_tables();
    take_key(on & can, key);
    unsigned left = on & can;
    for (int i = 0; i < n; i++) {
        struct key_row row = defaults[i];
        row.on &= left;
        if (row.action != action || row.arg != arg || !row.text || !row.on)
            continue;
        left &= ~row.on;
        row.key = key;
        add_row(row);
    }
    name_keys();
    return 0;
}

int keymap_unbind(unsigned on, int key, char **cause)
{
    char name[KEY_NAME];
    copy_tables();
    if (!take_key(on, key))
        return cause_set(cause, "%s has no meaning on these screens", key_name(key, name));
    name_keys();
    return 0;
}

/* ---- the menu ---- */

static void remove_entry(int i)
{
    memmove(user.menu + i, user.menu + i + 1, (size_t)(--user.n_menu - i) * sizeof *user.menu);
}

static bool take_letter(unsigned on, int key)
{
    bool had = false;
    for (int i = user.n_menu; i-- > 0;) {
        if (user.menu[i].key != key || !(user.menu[i].on & on))
            continue;
        had = true;
        user.menu[i].on &= ~on;
        if (!(user.menu[i].on & ((1u << SCREEN_COUNT) - 1)))
            remove_entry(i);
    }
    return had;
}

int keymap_menu_bind(unsigned on, int key, const char *line, char **cause)
{
    char verb[32];
    size_t len = strcspn(line, " ");
    if (key == 'a' || key == 'y' || key == 'q' || key == KX_ESC || key == KX_ENTER)
        return cause_set(cause, "%s",
                         "a, y, q, Esc and Enter open, answer and close the menu; take another letter");
    snprintf(verb, sizeof verb, "%.*s", len < 31 ? (int)len : 31, line);
    const struct verb_info *v = verb_find(verb);
    if (!v)
        return cause_set(cause, "no verb %s; `hypertop help verbs` lists them", verb);
    copy_tables();
    take_letter(on, key);
    user.menu = mem_resize(user.menu, (size_t)user.n_menu + 1, sizeof *user.menu);
    user.menu[user.n_menu++] =
        (struct menu_row){.on = on, .key = key, .verb = v->verb, .line = keep(mem_str(line)), .text = v->text};
    return 0;
}

int keymap_menu_unbind(unsigned on, int key, char **cause)
{
    char name[KEY_NAME];
    copy_tables();
    if (!take_letter(on, key))
        return cause_set(cause, "%s is no letter of the menu on these screens", key_name(key, name));
    return 0;
}
