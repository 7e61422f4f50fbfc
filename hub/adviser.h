/* adviser: a second opinion on what to try next, from a program outside: a script, another optimiser, a language
 * model, a person at a prompt. JSON lines over a pipe (adviser_text.h): the history goes in, candidates
 * come out. A candidate that is inside the space and allowed by steering becomes a trial of origin "adviser" that
 * the tuner learns from like from its own.
 *
 * A silent, slow, wrong or dying adviser never stops the sweep: nothing here blocks, an answer that comes too
 * late is not waited for, a program that keeps failing is given up and the tuner goes on alone. Each of
 * these is said once as a warning. Belongs to one sweep; lives only while the sweep is worked on. */
#ifndef HUB_ADVISER_H
#define HUB_ADVISER_H

#include <stdint.h>

struct sweep;
struct adviser;

/* Periodic: starts the program, sends what is due, reads what came. */
void adviser_tick(struct sweep *s);
#define ADVISER_PASS (-1) /* let the tuner propose */
#define ADVISER_WAIT (-2) /* its answer is on its way: an adviser with the whole share is waited for, until its timeout */
/* When it is the adviser's turn: the first run of a trial made of its next candidate. Else one of the above. */
int64_t adviser_ask(struct sweep *s);
/* Ends the program. */
void adviser_free(struct sweep *s);

#endif
