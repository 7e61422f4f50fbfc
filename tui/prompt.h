/* prompt: one line of text being edited: the command line, the filter, a value, the id of something to kill.
 * Owns the text and the history; knows nothing of what the text means. */
#ifndef TUI_PROMPT_H
#define TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#define PROMPT_CAP     512
#define PROMPT_HISTORY 64

enum prompt_kind { PROMPT_NONE, PROMPT_COMMAND, PROMPT_FILTER, PROMPT_VALUE, PROMPT_TYPED, PROMPT_SEARCH };

struct prompt {
    enum prompt_kind kind;
    char text[PROMPT_CAP];
    size_t len, at;  /* bytes */
    char error[200]; /* shown beside the text, which is kept */
    char *history[PROMPT_HISTORY];
    int n_history, recall; /* recall: how far back, 0 the line being written */
    char draft[PROMPT_CAP];
    int pick;              /* which completion, counted from 1; 0 none */
    char stem[PROMPT_CAP]; /* what was typed before Tab */
};

enum prompt_result {
    PROMPT_GOES_ON,
    PROMPT_ENTERED,
    PROMPT_CANCELLED,
    PROMPT_TAB,
    PROMPT_TAB_BACK,
    PROMPT_PLAIN
};

void prompt_open(struct prompt *p, enum prompt_kind kind, const char *text);
void prompt_close(struct prompt *p); /* keeps the history */
void prompt_release(struct prompt *p);
/* PROMPT_PLAIN: the key means nothing here. PROMPT_ENTERED leaves the text for the caller. */
enum prompt_result prompt_key(struct prompt *p, int key);
/* Text from a paste: controls and line ends become blanks, nothing is entered. */
void prompt_insert(struct prompt *p, const char *s, size_t n);
void prompt_set(struct prompt *p, const char *text);
void prompt_remember(struct prompt *p, const char *line);
/* The word under the end of the line: its offset; *nth is its number. */
size_t prompt_word(const char *text, int *nth);

#endif
