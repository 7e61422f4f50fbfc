/* A space that is a finite list (candidates.h), as the facade sees it: whatever an algorithm proposes becomes the nearest row
 * that is allowed and was not tried yet, so every algorithm keeps to the list, repeats nothing and is done when the list is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/candidates.h"
#include "tune/tuner_state.h"

int tuner_carry_list(const struct space *old, struct space *now, char **cause)
{
    if (!old->list)
        return 0;
    struct candidates *next = candidates_carry(old->list, old, now);
    if (next->n == 0) {
        candidates_free(next);
        return cause_set(cause, "none of the %d candidates would be left", old->list->n);
    }
    candidates_free(now->list);
    now->list = next;
    return 0;
}

int tuner_settle(struct tuner *t, struct proposal *out, char **cause)
{
    const struct space *s = t->space;
    const struct candidates *c = s->list;
    bool *tried = mem_zero((size_t)c->n + 1, sizeof *tried);
    int left = c->n - candidates_tried(c, &t->history, tried), row = candidates_find(c, out->dna), best = -1;
    double least = INFINITY;
    if (row >= 0 && !tried[row] && steering_allows(&t->steer, s, out->dna)) {
        free(tried);
        return 0;
    }
    for (int i = 0; i < c->n && left > 0; i++) {
        double d = tried[i] ? INFINITY : candidates_apart(s, out->dna, candidates_row(c, i));
        if (d < least && steering_allows(&t->steer, s, candidates_row(c, i))) {
            least = d;
            best = i;
        }
    }
    free(tried);
    if (left == 0)
        return 1;
    if (best < 0)
        return cause_set(cause, "the bans and pins leave none of the %d candidates that were not tried", left);
    memcpy(out->dna, candidates_row(c, best), (size_t)s->n * sizeof *out->dna);
    size_t used = strlen(out->why);
    snprintf(out->why + used, sizeof out->why - used, "%sthe nearest candidate", used ? "; " : "");
    return 0;
}
