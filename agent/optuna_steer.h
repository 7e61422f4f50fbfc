/* optuna_steer: writes into an Optuna study's journal file what its workers will act upon, under Optuna's own lock. The only
 * place here that writes to a file of another tool. */
#ifndef AGENT_OPTUNA_STEER_H
#define AGENT_OPTUNA_STEER_H

#include "base/buf.h"
#include "proto/codec.h"

/* Both: key is STUDY/NUMBER; `said` gets a sentence on what was done. 0, or -1 and a cause. */
/* The trial becomes FAIL: its worker's next report or tell raises. */
int optuna_steer_fail(const char *journal, const char *key, struct buf *said, char **cause);
/* A trial that waits, with these parameters fixed (args: {params: {NAME: VALUE}}), in the study of `key`: the next worker that
 * asks gets it. */
int optuna_steer_enqueue(const char *journal, const char *key, struct span args, struct buf *said, char **cause);

#endif
