/* alerts: which rules fired on a sweep, and when. A firing follows from the log alone: the same log and rules give the same
 * firings, live, in replay and in `hypertop rules --dry-run`. What is kept here is only how far each run was looked at, so that
 * a look at a living sweep costs what came since the last one.
 *
 * A rule on a metric fires when a run's value comes to fulfil it, and again no sooner than a minute (of the trainer's clock)
 * later; `no point for` fires once for each silence; a firing's time is when its cause came into the log. */
#ifndef HUB_ALERTS_H
#define HUB_ALERTS_H

#include "hub/alert_rule.h"
#include "hub/state.h"

struct sweep;
struct sweep_ref;
struct alert_book;

#define ALERT_RULES    64    /* of one sweep, viewers' own included */
#define ALERT_FIRINGS  10000 /* of one rule: later ones are only counted */

struct alert {
    int64_t time, trial; /* trial -1: of the sweep */
    const struct alert_rule *rule;
    char text[160];
};

struct alert_book *alert_book_new(void);
void alert_book_free(struct alert_book *b);

/* The firings of a set of rules up to t (now: the clock of a living sweep, for silences), oldest first; *out is malloc'ed, to be
 * freed, and its rules live as long as the book does. own: texts of the asker's rules beside those of the sweep, n_own of
 * them; of those that do not parse, the first is told in *cause (may be NULL) and all are left out. */
int alert_list(struct alert_book *b, const struct sweep_ref *ref, int64_t t, int64_t now, char *const *own, int n_own,
               struct alert **out, char **cause);
/* The rules in force as of t, for the list's head: text, firings so far. Returns how many. */
struct alert_count {
    const char *text;
    int64_t fired;
};
int alert_rules(struct alert_book *b, const struct sweep_ref *ref, int64_t t, struct alert_count out[ALERT_RULES]);

/* ---- a living sweep ---- */
/* Rules that pause: their new firings become interventions of "rule". At most once a second. */
void alerts_tick(struct sweep *s);

#endif
