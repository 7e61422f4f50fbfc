/* console_mouse: the mouse on its way: the screen that draws with it takes it first, then it means what was
 * drawn under it. */
#include "tui/console_state.h"
#include "tui/input.h"
#include "tui/screen.h"

static void press(struct console *c, const struct canvas *shown, const struct input_event *e)
{
    if (e->y == shown->rows - 1 && c->popup.kind == POPUP_NONE)
        return;
    const struct hit *h = canvas_find_hit(shown, e->x, e->y);
    if (h && h->what == ACT_CANCEL)
        console_key(c, KX_ESC);
    else if (h && c->popup.kind == POPUP_NONE && c->prompt.kind == PROMPT_NONE)
        console_act(c, (enum action)h->what, h->arg);
}

void console_mouse(struct console *c, const struct canvas *shown, const struct input_event *e)
{
    const struct screen *s = screens[c->screen];
    bool open = c->popup.kind != POPUP_NONE || c->prompt.kind != PROMPT_NONE;
    console_sync(c);
    if (!open && s->mouse && layout_frame(c->cols, c->rows).size != LAYOUT_LINE && s->mouse(c, e))
        return;
    const struct hit *h = canvas_find_hit(shown, e->x, e->y);
    if (e->kind == INPUT_WHEEL)
        console_key(c, e->by < 0 ? KX_UP : KX_DOWN);
    else if (e->kind == INPUT_PRESS && e->button == 0)
        press(c, shown, e);
    else if (e->kind == INPUT_DRAG && e->button == 0 && h && h->what == ACT_SEEK)
        press(c, shown, e);
}
