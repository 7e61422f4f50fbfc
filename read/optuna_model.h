/* optuna_model: what Optuna's journal and its database share: states, distributions, the way a trial becomes sink calls. */
#ifndef READ_OPTUNA_MODEL_H
#define READ_OPTUNA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "read/json_pull.h"
#include "read/sink.h"

enum optuna_state { OPTUNA_RUNNING, OPTUNA_COMPLETE, OPTUNA_PRUNED, OPTUNA_FAIL, OPTUNA_WAITING, OPTUNA_STATES };
bool optuna_state_named(const char *name, enum optuna_state *out);
static inline bool optuna_finished(enum optuna_state s)
{
    return s == OPTUNA_COMPLETE || s == OPTUNA_PRUNED || s == OPTUNA_FAIL;
}

struct optuna_trial {
    int64_t study, number;
    int handle; /* of the sink; -1 while nothing was said of it */
    enum optuna_state state;
    int64_t last_step; /* of its intermediate values; -1 none */
    bool known;
};

/* The value that an internal number stands for in a distribution (JSON; text borrows from j). */
struct read_value optuna_value(const char *distribution, size_t n, double internal, struct json_pull *j);
void optuna_say_state(const struct read_sink *k, struct optuna_trial *t, enum optuna_state s, int64_t time);
void optuna_intermediate(const struct read_sink *k, struct optuna_trial *t, int64_t step, double value);
/* The final value of one of n objectives. */
void optuna_final(const struct read_sink *k, struct optuna_trial *t, int64_t time, int objective, int n, double value);
/* A user attribute: a number is a metric, the rest is a line of text. */
void optuna_attribute(const struct read_sink *k, const struct optuna_trial *t, const char *json, size_t n,
                      const char *name, struct json_pull *j);
/* direction 1 minimize, 2 maximize */
void optuna_study(const struct read_sink *k, const char *name, int direction);

#endif
