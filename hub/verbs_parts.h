/* verbs_parts: what the families of verbs give to undo and to recovery, and nobody else sees. */
#ifndef HUB_VERBS_PARTS_H
#define HUB_VERBS_PARTS_H

#include "hub/verbs.h"

void verb_redo_steer(struct sweep *s, int64_t id, const char *verb, const char *target, struct span args,
                     int64_t token);
/* The space has another version than before: an event says so. */
void verb_record_space(struct sweep *s, int before, const char *edit, int64_t intervention);
enum verb_outcome verb_unsteer_process(struct verb_call *c, const struct state_iv *of, char **cause);
void verb_redo_sweep(struct sweep *s, enum verb verb, int64_t id, struct span args);
void verb_restore_budget(struct sweep *s, int64_t before);
void verb_restore_concurrency(struct sweep *s, int64_t before);

#endif
