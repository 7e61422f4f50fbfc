/* key_name: how a key is written: in help, in the footer and in hypertop.conf ("e", "Space", "Ctrl-P", "Shift-Left", "F1"). */
#ifndef TUI_KEY_NAME_H
#define TUI_KEY_NAME_H

#define KEY_NAME 16

const char *key_name(int key, char out[KEY_NAME]);
/* The key of that name; also C-p and ^P for Ctrl-P, S-Left for Shift-Left. KEY_NONE_ when there is none. */
int key_parse(const char *name);

#endif
