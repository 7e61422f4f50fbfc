/* nearest: "did you mean": the candidate that is closest to a mistyped word. */
#ifndef TUI_NEAREST_H
#define TUI_NEAREST_H

/* next(arg, i) gives the i-th candidate, NULL at the end. NULL when none is within a third of the word's
 * length. */
const char *nearest_word(const char *word, const char *(*next)(const void *arg, int i), const void *arg);

#endif
