/* state_parts: what the files of the fold share and nobody else sees. */
#ifndef HUB_STATE_PARTS_H
#define HUB_STATE_PARTS_H

#include "hub/state.h"

/* Makes room for one more element; the capacity is implied by n (2, 4, 8, ...), so short lists cost a
 * pointer and a count. */
void *state_grow(void *list, int n, size_t size);
#define STATE_PUSH(list, n) (*((list) = state_grow((list), (n), sizeof *(list)), &(list)[(n)++]))

/* A raw MessagePack value kept beyond the event; NULL and 0 when it is absent. */
char *state_keep(struct span v, size_t *n);

/* Adds what something became at s->last_time. */
void state_became(const struct state *s, struct state_change **list, int *n, int state, struct span why,
                  int64_t intervention);
/* The newest state, `none` when there is no change yet. */
int state_newest(const struct state_change *list, int n, int none);

/* ---- one function per kind of event: 0 applied, 1 ignored ---- */
int apply_sweep(struct state *s, const struct event *ev);
int apply_space(struct state *s, const struct event *ev);
int apply_trial(struct state *s, const struct event *ev);
int apply_trial_state(struct state *s, const struct event *ev);
int apply_tell(struct state *s, const struct event *ev);
int apply_run(struct state *s, const struct event *ev);
int apply_run_state(struct state *s, const struct event *ev);
int apply_points(struct state *s, const struct event *ev);
int apply_text(struct state *s, const struct event *ev);
int apply_report(struct state *s, const struct event *ev);
int apply_declare(struct state *s, const struct event *ev);
int apply_command(struct state *s, const struct event *ev);
int apply_checkpoint(struct state *s, const struct event *ev);
int apply_bandit(struct state *s, const struct event *ev);
int apply_pulls(struct state *s, const struct event *ev);
int apply_arms(struct state *s, const struct event *ev);
int apply_intervention(struct state *s, const struct event *ev);
int apply_worker(struct state *s, const struct event *ev);
int apply_host(struct state *s, const struct event *ev);
void state_host_free(struct state_host *h);
int apply_surface(struct state *s, const struct event *ev);
void state_surface_free(struct state_surface *u);
int apply_hub(struct state *s, const struct event *ev);

/* The run that says this, after the epoch was checked and the batch number noted; NULL when it is unknown or
 * speaks from an earlier lease, whose reports are never merged. */
/* A replicate is done: what it reported last counts from now on. */
void state_repeated(struct state *s, struct state_run *r);
struct state_run *state_speaker(struct state *s, const struct event *ev);
/* The trial's value from its runs as they are now. */
bool state_value_now(const struct state *s, const struct state_trial *tr, double *value, int64_t *step);
/* The trial's value or state changed: the incumbent may be another one. */
void state_best_update(struct state *s, struct state_trial *tr);
/* The tuner says who leads. */
void state_best_choose(struct state *s, int64_t trial);
void state_best_rebuild(struct state *s);

void state_trial_free(struct state_trial *tr);
void state_run_free(struct state_run *r);
void state_bandit_free(struct state_bandit *b);
void state_changes_free(struct state_change *list, int n);

void state_objectives_read(struct sweep_info *f, struct span body);
void state_objectives_free(struct sweep_info *f);

#endif
