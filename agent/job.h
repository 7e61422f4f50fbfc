/* job: one leased run in a worker: its ring, its process, its outlet. From the lease message to the last
 * event. */
#ifndef AGENT_JOB_H
#define AGENT_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/child.h"
#include "agent/outlet.h"
#include "agent/wrap.h"
#include "proto/message.h"

struct monitor;
struct monitor_run;

struct job {
    struct wrap wrap;
    struct monitor *monitor;
    struct monitor_run *metered; /* NULL: not watched */
    struct outlet *outlet;
    struct child child;
    int64_t run, epoch;
    bool over;   /* its last event is in the outlet */
    bool wanted; /* false: the hub gave the run away; nothing is to be sent */
};

/* Starts what the lease says. NULL: not even a ring could be made, or the lease makes no sense (cause). A
 * program that cannot be started is a job that is over, with the reason on its way to the hub. */
struct job *job_start(const struct message *lease, const char *hub, struct monitor *monitor, char **cause);
/* One turn; returns how full its ring was. */
double job_turn(struct job *j, int64_t now);
/* A command that the outlet could not carry out by itself. */
void job_act(struct job *j, enum outlet_verdict v, int64_t id, const char *verb);
/* The worker has to end: SIGTERM now, SIGKILL CHILD_TERM_S later. */
void job_end(struct job *j);
/* Nobody wants it any more. */
void job_drop(struct job *j);
/* Removes the ring when everything was delivered, keeps the spill otherwise; frees. */
void job_free(struct job *j);

#endif
