/* opt: command line options as rows. A row says how an option is spelled, what it takes, within which bounds,
 * and what it is for; parsing, -h, completion and the manual's drift test all read the same rows. */
#ifndef TUI_OPT_H
#define TUI_OPT_H

#include <stdbool.h>
#include <stdint.h>

enum opt_type {
    OPT_END,
    OPT_FLAG,
    OPT_TEXT,
    OPT_FILE,   /* text that completes as a path */
    OPT_INT,    /* low..high */
    OPT_REAL,   /* low..high */
    OPT_CHOICE, /* one of `arg`, "a|b|c" */
    OPT_WORD,   /* takes text and is handed on, name and value, as words: options of a verb */
};

struct opt {
    enum opt_type type;
    char letter;      /* 0: none */
    const char *name; /* without dashes; NULL: a letter only */
    const char *arg;  /* placeholder, or the choices */
    double low, high;
    const char *text; /* a sentence without a full stop */
};

#define OPT_MAX 32 /* options of one command and the global ones together */

struct opt_set {                 /* what a command line said */
    const struct opt *tables[2]; /* the command's and the global ones; each ends with OPT_END */
    struct {
        const struct opt *opt;
        const char *value; /* "" for a flag */
    } given[OPT_MAX];
    int n_given;
    const char **words; /* what is not an option, in order; n_words of them, owned by the set */
    int n_words;
};

enum opt_mode {
    OPT_STRICT,  /* an unknown option is an error */
    OPT_PASS,    /* an unknown option is a word: the rest has a grammar of its own */
    OPT_LEADING, /* stops at the first word: global options in front of a subcommand */
};

/* Parses argv[0..argc). Returns how many were consumed (all but with OPT_LEADING), or -1 and a cause that
 * names the option. */
int opt_parse(struct opt_set *s, int argc, char *const *argv, enum opt_mode mode, char **cause);
void opt_release(struct opt_set *s);

const char *opt_text(const struct opt_set *s, const char *name); /* the last value given, NULL: not given */
bool opt_flag(const struct opt_set *s, const char *name);
int64_t opt_int(const struct opt_set *s, const char *name, int64_t absent);
double opt_real(const struct opt_set *s, const char *name, double absent);
/* "-j, --jobs N" */
void opt_spelling(const struct opt *o, char *out, int cap);

#endif
