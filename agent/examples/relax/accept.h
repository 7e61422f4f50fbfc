/* accept: the published numbers of Learning to Relax beside ours, one JSON object a line. Minutes; not part
 * of the tests. */
#ifndef RELAX_ACCEPT_H
#define RELAX_ACCEPT_H

/* reps: repetitions of experiment A (20 in the published check). 0, or 1 when a number is outside its
 * tolerance. */
int accept_all(int reps);

#endif
