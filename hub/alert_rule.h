/* alert_rule: the language of alerts:
 *
 *     val_loss is nan                  a metric is NaN or infinite
 *     gpu.power > 300                  a metric passes a number: < <= > >= = !=
 *     no point for 10m                 a running trial says nothing for so long (s, m, h, d)
 *     best improves                    there is a new best
 *     state is failed                  a trial comes into a state
 *
 *     ... where FILTER                 only trials that the filter lets through (hub/filter.h)
 *     ... then pause                   the hub pauses the trial; a person decides
 *
 * A name with blanks stands in quotes. Parsed once; pure. */
#ifndef HUB_ALERT_RULE_H
#define HUB_ALERT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/filter.h"

#define ALERT_RULE_TEXT 512

enum alert_kind { ALERT_NAN, ALERT_COMPARE, ALERT_SILENT, ALERT_BEST, ALERT_STATE };
enum alert_compare { ALERT_LT, ALERT_LE, ALERT_GT, ALERT_GE, ALERT_EQ, ALERT_NE };

struct alert_rule {
    char text[ALERT_RULE_TEXT]; /* as written, blanks made single */
    enum alert_kind kind;
    char metric[64];
    enum alert_compare op;
    double number;
    int64_t silence;  /* ns */
    int state;        /* enum trial_state */
    struct filter *where; /* NULL: every trial */
    bool pause;
};

/* 0, or -1 and a cause "rule: what at column N" (from 1). */
int alert_rule_parse(struct alert_rule *r, const char *text, char **cause);
void alert_rule_release(struct alert_rule *r);
bool alert_rule_holds(const struct alert_rule *r, double value); /* of ALERT_NAN and ALERT_COMPARE */

#endif
