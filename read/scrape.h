/* scrape: points out of what a program prints, for programs that know nothing of us. A rule is a regular expression with
 * named groups (PCRE2: each group is a metric, the group step or epoch says when) or the name of a built-in reading:
 *
 *   auto       guesses: whichever of the others fits the line, and only where it speaks of training
 *   keyvalue   loss=0.3, val loss: 0.4, step:12/100, Accuracy: 98/100
 *   json       a line that is one JSON object; nested names are joined with dots
 *   hf         {'loss': 0.1, 'epoch': 1.0}, a Python dictionary
 *   tqdm       7%|... | 7/100 [00:01<00:13, 6.9it/s, loss=0.53]
 *   lightning  the same with "Epoch 3:" in front, and its tables of results
 *   keras      60/60 [====] - 1s 2ms/step - loss: 0.3 - val_loss: 0.4, below "Epoch 3/10"
 *   csv        a line of names, then lines of numbers; commas, semicolons, tabs or blanks between
 *   none       nothing
 *
 * Pure: lines in, points out. The work of a line is bounded by its length, at most SCRAPE_LINE bytes of it are looked at. A line
 * without a step takes that of the heading or bar before it, or counts on. */
#ifndef READ_SCRAPE_H
#define READ_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRAPE_LINE  4096
#define SCRAPE_NAME  64  /* bytes of a metric's name with its NUL */
#define SCRAPE_NAMES 256 /* metrics of one program; further ones are not taken */
#define SCRAPE_RULES 32

struct scrape_sink {
    void (*point)(void *ctx, const char *name, int64_t step, double value);
    void *ctx;
};

struct scrape;

/* rules: n of them; 0: auto. metric (may be NULL): the objective: a name that differs from it only in case and punctuation is
 * given as it. NULL and a cause: a rule makes no sense. */
struct scrape *scrape_new(char *const *rules, int n, const char *metric, const struct scrape_sink *sink, char **cause);
/* One line without its end. */
void scrape_line(struct scrape *s, const char *line, size_t n);
void scrape_free(struct scrape *s);
/* Whether the rule makes sense: 0, or -1 and a cause. */
int scrape_check(const char *rule, char **cause);

#endif
