/* console_state: everything a console knows. Internal to the console's own files.
 *
 * console_prepare() is the only place where state follows from views (scrolling, ranges, subscriptions);
 * console_frame() only reads, so a frame is a pure function of (views, this struct, size, now) and can be
 * compared. */
#ifndef TUI_CONSOLE_STATE_H
#define TUI_CONSOLE_STATE_H

#include "tui/action.h"
#include "tui/axis.h"
#include "tui/canvas.h"
#include "tui/client.h"
#include "tui/compare.h"
#include "tui/console.h"
#include "tui/subs.h"
#include "tui/insight.h"
#include "tui/keymap.h"
#include "tui/land.h"
#include "tui/own.h"
#include "tui/prompt.h"
#include "tui/summary.h"
#include "tui/table.h"
#include "tui/timeline.h"

#define CONSOLE_TOAST 240
#define CONSOLE_ARMS  256 /* arms of one bandit that are listed */
#define CONSOLE_BEST_ARMS 3

enum popup_kind {
    POPUP_NONE,
    POPUP_HELP,
    POPUP_KEYS,
    POPUP_MENU,
    POPUP_CONFIRM,
    POPUP_TYPED,
    POPUP_COLUMNS,
    POPUP_DETAIL,
    POPUP_ALERTS,
    POPUP_HOSTS,
    POPUP_CONSOLES
};

struct input_event;

struct popup {
    enum popup_kind kind;
    int scroll; /* first line, or the selected entry */
};

/* How the focused curve is drawn; shared by the screens that show one. */
struct curve_state {
    int log_y; /* -1 as the data suggests, 0 linear, 1 log */
    bool by_time;
    int smooth;      /* index: off, .6, .9 */
    char metric[64]; /* "" the objective */
    struct range y;
    double x_need; /* the last step (or second) that was seen */
    struct axis x;
    uint64_t key;  /* what x belongs to */
    bool auto_log; /* what log_y -1 means now */
};

struct edit_state {
    bool on;
    int row; /* among the live parameters */
    char param[64];
};

struct console {
    struct client *client;
    struct console_options opt;
    char sweep[128], user[64];
    int64_t mono, wall; /* as of this frame: monotonic, and the hub's wall clock */
    int64_t prepared;   /* mono of the last frame: what has come due since then is still to be drawn */
    int cols, rows;

    enum screen_id screen, back;
    int pane[SCREEN_COUNT];
    bool zoom[SCREEN_COUNT];
    bool quit, suspend, redraw;
    bool ask_again; /* what arrived changes what this frame asks for */

    struct subs subs;
    struct summary sum;   /* decoded from the subscriptions; its spans live until the client is pumped */
    const char *sum_head; /* what sum was decoded from */
    uint64_t sum_version;
    struct timeline time;
    bool at_done; /* --at was honoured */
    struct table table;
    struct curve_state curve;
    struct compare compare;
    struct land land;
    struct insight insight;
    struct axis best_x, best_y;
    struct edit_state edit;
    int arm; /* where the selected arm is listed */
    int64_t arm_id;
    int arm_sort;                    /* enum arm_sort */
    int64_t arm_order[CONSOLE_ARMS]; /* the arms as listed, by number */
    int n_arm_order;
    int64_t arm_best[CONSOLE_BEST_ARMS]; /* of those not banned; -1 fewer */
    char bandit[64];  /* shown bandit; "" the first */
    int64_t iv;       /* selected intervention; -1 the newest */
    bool percent;     /* the next digit is a tenth to seek to */
    int64_t log_back; /* lines scrolled back in the log */

    struct own own;
    struct actions act;
    struct prompt prompt;
    struct popup popup;
    char toast[CONSOLE_TOAST];
    style toast_style;
    int64_t toast_until; /* mono */
};

void console_init(struct console *c, struct client *client, const struct console_options *o, bool ascii);
void console_release(struct console *c);
/* Time and size of the next frame; follows the views, renews subscriptions. */
void console_prepare(struct console *c, int64_t mono, int64_t wall, int cols, int rows);
void console_frame(const struct console *c, struct canvas *out);
/* One key (see keymap.h); pasted text; a mouse press on what the last frame put there. */
void console_key(struct console *c, int key);
void console_paste(struct console *c, const char *s, size_t n);
void console_mouse(struct console *c, const struct canvas *shown, const struct input_event *e);
void console_act(struct console *c, enum action a, int64_t arg);
/* When the console wants to be drawn again even if nothing arrives; monotonic ns, INT64_MAX never. */
int64_t console_deadline(const struct console *c);
/* Changes whenever the next frame would look different (data, keys, clocks that are shown). */
uint64_t console_stamp(const struct console *c);

/* Decodes the summary again when it changed: before anything reads c->sum after the client was pumped. */
void console_sync(struct console *c);
void console_toast(struct console *c, style st, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Why an action with this guard is refused now; NULL when it is not. */
const char *console_refusal(const struct console *c, enum key_guard g);
/* Opens the prompt with a command to be completed. */
void console_prompt(struct console *c, enum prompt_kind kind, const char *text);
/* The command line: console commands and verbs. */
void console_command(struct console *c, const char *line);
void console_show(struct console *c, enum screen_id s);
/* The moment on screen. */
int64_t console_moment(const struct console *c);

#endif
