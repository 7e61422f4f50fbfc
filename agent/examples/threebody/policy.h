/* policy: which step factor for the next tenth of a year: in-process bandits, one for each state of the three
 * bodies.
 *
 * The state is what the integrator knows: how far it has come, how large its energy error is, how soon a pair
 * could meet. The reward of a step looks at the error of the whole run so far, so a careless step costs in
 * all steps that follow; what it is charged with here is that whole sum, which makes the costs of a run add
 * up to minus its reward. */
#ifndef THREEBODY_POLICY_H
#define THREEBODY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/hypertop.h"

enum { ARMS = 10, PHASES = 6, ERRORS = 5, MEETINGS = 6, STATES = PHASES * ERRORS * MEETINGS };

double factor_at(int arm); /* ten from 1e-4 to 1e-1 */

struct policy {
    ht_bandit *of[STATES];
};

bool policy_open(struct policy *p, ht_agent *ht, uint64_t seed);
void policy_close(struct policy *p);

struct flight {
    double reward; /* mean a step */
    double error;  /* log10, at the end */
    int64_t steps; /* of the integrator */
    int length;    /* steps taken: 100, or fewer when the error was too large */
};

/* A run from a seed; with a policy it chooses and learns, else all steps take the fixed factor. */
struct flight fly(uint32_t seed, struct policy *p, double fixed);

#endif
