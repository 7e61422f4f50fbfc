/* headless: follows a sweep without a screen: progress lines until it ends, then a summary. For `run` without
 * a terminal. */
#ifndef TUI_HEADLESS_H
#define TUI_HEADLESS_H

struct cmd_call;

/* Returns the exit status: done when a trial succeeded, failed when none did, the sweep failed or somebody
 * pressed Ctrl-C, no hub when the hub went away for good. */
int headless_follow(struct cmd_call *call, const char *sweep);

#endif
