/* scrape_parts: what the readings of a line share. Internal to scrape*.c. */
#ifndef READ_SCRAPE_PARTS_H
#define READ_SCRAPE_PARTS_H

#include "read/scrape.h"
#include "base/buf.h"

#define SCRAPE_PAIRS 64 /* of one line */

/* What one line says. */
struct scrape_found {
    struct scrape_pair {
        char name[SCRAPE_NAME];
        double value;
    } pairs[SCRAPE_PAIRS];
    int n;
    bool has_step, has_epoch;
    int64_t step;
    double epoch;
    int64_t at, of; /* a place within the epoch: 640 of 60000; of 0: unsaid */
};

struct scrape_state {      /* what earlier lines said */
    bool has_heading;      /* a line that only says where we are: "Epoch 3/10" */
    int64_t heading;
    int64_t epoch, bar_at, bar_of; /* of the bar drawn last; bar_of 0: none */
    bool has_first_epoch;
    int64_t first_epoch;
    /* columns of a table */
    char (*columns)[SCRAPE_NAME];
    int n_columns;
    char separator;
    struct buf text;
};

/* A name as it is kept: blanks and odd characters become _, no _ at its ends. False: nothing is left. */
bool scrape_name(char out[SCRAPE_NAME], const char *p, size_t n);
/* Puts a pair in; the words for a step go to step and epoch instead. */
void scrape_put(struct scrape_found *f, const char *name, double value);
bool scrape_is_step(const char *name);  /* step, iteration, ... */
bool scrape_is_epoch(const char *name);
bool scrape_of_training(const char *name); /* a word of it is one that training prints: loss, accuracy, ... */
/* A number at p and what follows it makes sense (a unit, a bracket, a comma). Returns its length with the unit, 0: none. */
size_t scrape_number(const char *p, const char *end, double *value);

/* The readings: true when the line is of this kind, with what it says in f (which may be nothing yet). */
bool scrape_pairs(const char *line, const char *end, struct scrape_found *f);
bool scrape_json(struct scrape_state *s, const char *line, const char *end, struct scrape_found *f);
bool scrape_dict(struct scrape_state *s, const char *line, const char *end, struct scrape_found *f);
bool scrape_bar(struct scrape_state *s, const char *line, const char *end, bool lightning, struct scrape_found *f);
bool scrape_keras(struct scrape_state *s, const char *line, const char *end, struct scrape_found *f);
bool scrape_table(const char *line, const char *end, struct scrape_found *f); /* Lightning's results */
bool scrape_csv(struct scrape_state *s, const char *line, const char *end, bool only_training, struct scrape_found *f);
/* "Epoch 3/10", alone on its line. */
bool scrape_heading(const char *line, const char *end, int64_t *at);

struct scrape_regex;
struct scrape_regex *scrape_regex_new(const char *pattern, char **cause);
void scrape_regex_free(struct scrape_regex *x);
bool scrape_regex_line(struct scrape_regex *x, const char *line, size_t n, struct scrape_found *f);

#endif
