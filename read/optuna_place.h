/* optuna_place: where a trial stands in an Optuna journal: what somebody must know who adds an operation to it. */
#ifndef READ_OPTUNA_PLACE_H
#define READ_OPTUNA_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct optuna_place {
    int64_t study_id, trial_id; /* as the journal counts; trial_id -1: no such trial */
    int64_t trials;             /* of the study, so far */
    bool finished;
};

/* Looks the trial "STUDY/NUMBER" (or the study of that key alone) up in a whole journal. False: no such study. */
bool optuna_place_find(const void *journal, size_t n, const char *key, struct optuna_place *out);

#endif
