/* hold: what the tuner does with trials that are under way: it holds them (checkpoint, then the process ends and its slot is
 * free), resumes them, and gives them other parameters and somebody else's weights. */
#ifndef HUB_HOLD_H
#define HUB_HOLD_H

#include "hub/sweep.h"

/* TELL_PAUSE: its runs write a checkpoint and end; the trial waits as paused. */
void hold_trial(struct sweep *s, int64_t trial);
/* The trial should write a checkpoint and go on. */
void hold_checkpoint(struct sweep *s, int64_t trial);
/* TELL_CHANGE: the tuner's history has the new configuration already. Live parameters are set while the run goes on, a
 * checkpoint is restored in place where the program can; otherwise the run ends and begins again from it. */
void hold_change(struct sweep *s, int64_t trial, const struct tell_result *r);
/* An ask resumed a held trial: recorded, its runs queued. Returns the first of them, -1 none. */
int64_t hold_resume(struct sweep *s, const struct proposal *p);
/* Held trials that the tuner will not resume end as pruned. all: every held one (there is nothing more to try). */
void hold_release(struct sweep *s, bool all);

/* What a run says. command: the agent's answer to one of ours (negative ids). */
void hold_answered(struct sweep *s, int64_t run, struct span body);
void hold_checkpointed(struct sweep *s, int64_t run);
/* Its process has ended: true when that is how it was meant, and the run is held or queued again. */
bool hold_ended(struct sweep *s, int64_t run, const char *why);
/* Its worker will not bring it back. */
void hold_lost(struct sweep *s, int64_t run, const char *why);
void hold_again(struct sweep *s, int64_t run); /* its worker came back */
void hold_tick(struct sweep *s, int64_t run);  /* an answer that does not come */
/* Values of a trial that is being held or changed say nothing of its present configuration. */
bool hold_busy(struct sweep *s, int64_t trial);

/* For a lease: where a run that was executed before should begin, "" at the beginning; and the parameters it has now (a raw
 * map in *own when they were changed, else the trial's). */
const char *hold_restore(const struct sweep *s, int64_t run);
struct span hold_params(struct sweep *s, int64_t trial, struct buf *own);

#endif
