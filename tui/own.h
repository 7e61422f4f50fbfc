/* own: what is this person's own in a console: their configuration, how curves are drawn here, how large the panes are, what
 * they search and filter for. What belongs to a sweep (columns, order, groups, pane sizes) is written as a small text, which the
 * loop keeps for the next time (saved.h). */
#ifndef TUI_OWN_H
#define TUI_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tui/alert_watch.h"
#include "tui/keymap.h"

struct console;
struct config;
struct canvas;

enum charset { CHARSET_AUTO, CHARSET_BRAILLE, CHARSET_BLOCKS, CHARSET_ASCII };

struct own {
    struct config *config; /* borrowed; NULL none */
    bool ascii_only;       /* the locale has nothing else */
    enum charset charset;
    char color[8];         /* wanted by :theme; "" as started */
    bool recolor;          /* the loop has to tell the terminal */
    bool keep_charset;     /* chosen here: the loop remembers it for this TERM */
    int split[SCREEN_COUNT][2];          /* columns more for the right panes, lines more for the lower ones */
    char list_filter[SCREEN_COUNT][256]; /* of the lists that are no trials: arms, audit */
    struct alert_watch watch;
    char watch_sweep[128];
    struct alert_news news[8]; /* for the loop: bell, notification, command */
    int n_news;
    int64_t since;             /* the hub's clock at the start: what others did before is not told */
    int64_t iv_told;           /* the newest intervention that was told or is ours */
    char search[64];                     /* in the log; "" none */
    int64_t search_at;                   /* index of the line that was found; -1 none yet */
    int search_go;                       /* -1, 1: to the next one when the hub has said where it is; 0 */
};

void own_init(struct console *c, bool ascii_only);
/* The configuration is read again; what is wrong with it is said. */
void own_reload(struct console *c);
/* The first error of the configuration, as a notice. */
void own_complain(struct console *c);
/* "braille", "blocks", "ascii", "auto": 0, or -1 and a cause. */
int own_set_charset(struct console *c, const char *name, char **cause);
const char *own_charset_name(enum charset s);
void own_charset_apply(const struct console *c, struct canvas *out);

/* The sweep's arrangement as a text, and back; unknown lines are skipped. */
void own_layout_text(const struct console *c, struct buf *out);
void own_layout_apply(struct console *c, const char *text, size_t n);

/* New alerts and what others did become notices; called once a frame. */
void own_news(struct console *c);

/* Pane sizes: dir of ACT_WIDER and its like. */
bool own_resize(struct console *c, enum action a);

#endif
