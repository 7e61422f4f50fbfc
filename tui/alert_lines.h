/* alert_lines: alerts where there is no screen: one line each, and the person's command. */
#ifndef TUI_ALERT_LINES_H
#define TUI_ALERT_LINES_H

#include "base/buf.h"
#include "tui/alert_watch.h"
#include "tui/config.h"

struct alert_lines {
    struct alert_watch watch;
    struct config config;
    const char *exec; /* NULL: the configuration's */
    const char *sweep;
};
void alert_lines_open(struct alert_lines *a, struct client *c, const char *sweep, const char *exec);
void alert_lines_pump(struct alert_lines *a, struct buf *out); /* "14:21:07 alert t17 val_loss is nan at step 1200" */
void alert_lines_close(struct alert_lines *a);

#endif
