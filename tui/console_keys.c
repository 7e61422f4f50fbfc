/* console_keys: a key on its way: an open pop-up takes it, else an open field, else the key table. */
#include <stdio.h>
#include <string.h>

#include "tui/console_state.h"
#include "tui/palette.h"
#include "tui/panel.h"
#include "tui/popup.h"
#include "tui/row.h"
#include "tui/screen.h"

/* The list that `/` filters on this screen: the trials', or the screen's own. */
static char *filter_of(struct console *c)
{
    bool own = c->screen == SCREEN_ARMS || c->screen == SCREEN_AUDIT;
    return own ? c->own.list_filter[c->screen] : c->table.filter;
}

static void filter_live(struct console *c)
{
    row_format(filter_of(c), sizeof c->table.filter, "%.*s", (int)sizeof c->table.filter - 1, c->prompt.text);
    c->table.top = 0;
    c->table.hold_until = 0;
}

static void command_entered(struct console *c)
{
    char line[PROMPT_CAP];
    memcpy(line, c->prompt.text, sizeof line);
    if (!line[strspn(line, " ")]) {
        prompt_close(&c->prompt);
        return;
    }
    c->prompt.error[0] = '\0';
    prompt_remember(&c->prompt, line);
    console_command(c, line);
    /* an error stays beside its text; a question has opened its own prompt already */
    if (!c->prompt.error[0] && c->prompt.kind == PROMPT_COMMAND)
        prompt_close(&c->prompt);
}

static void prompt_key_in(struct console *c, int key)
{
    enum prompt_kind kind = c->prompt.kind;
    enum prompt_result r = prompt_key(&c->prompt, key);
    switch (r) {
    case PROMPT_CANCELLED:
        if (kind == PROMPT_FILTER)
            filter_of(c)[0] = '\0';
        prompt_close(&c->prompt);
        break;
    case PROMPT_ENTERED:
        if (kind == PROMPT_FILTER)
            prompt_close(&c->prompt);
        else if (kind == PROMPT_VALUE)
            screens[SCREEN_TRIAL]->act(c, ACT_OPEN, 0);
        else if (kind == PROMPT_SEARCH)
            panel_log_search(c, c->prompt.text);
        else
            command_entered(c);
        break;
    case PROMPT_TAB:
    case PROMPT_TAB_BACK:
        if (kind == PROMPT_COMMAND)
            palette_tab(c, r == PROMPT_TAB ? 1 : -1);
        break;
    case PROMPT_PLAIN:
        if (kind == PROMPT_VALUE && (key == KX_UP || key == KX_DOWN))
            screens[SCREEN_TRIAL]->act(c, key == KX_UP ? ACT_MORE : ACT_LESS, 0);
        break;
    case PROMPT_GOES_ON:
        if (kind == PROMPT_FILTER)
            filter_live(c);
        break;
    }
}

static void percent_key(struct console *c, int key)
{
    c->percent = false;
    if (key >= '0' && key <= '9' && c->time.known)
        timeline_seek(&c->time, c->time.first + (c->time.last - c->time.first) * (key - '0') / 10, c->mono);
}

void console_key(struct console *c, int key)
{
    console_sync(c);
    table_touch(&c->table, c->mono);
    action_seen(c);
    if (c->popup.kind != POPUP_NONE) {
        popup_key(c, key);
        return;
    }
    if (c->prompt.kind != PROMPT_NONE) {
        prompt_key_in(c, key);
        return;
    }
    if (c->percent) {
        percent_key(c, key);
        return;
    }
    const struct key_row *k = keymap_find(c->screen, key);
    if (!k)
        return;
    const char *why = console_refusal(c, k->guard);
    if (why) {
        console_toast(c, ST_WARN, "%s", why);
        return;
    }
    console_act(c, k->action, k->arg);
}

void console_paste(struct console *c, const char *s, size_t n)
{
    if (c->prompt.kind != PROMPT_NONE) {
        prompt_insert(&c->prompt, s, n);
        if (c->prompt.kind == PROMPT_FILTER)
            filter_live(c);
        return;
    }
    console_toast(c, ST_WARN, "pasted text is not a command; open : or / first");
}
