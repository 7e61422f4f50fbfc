/* sweep_own: the key `hypertop:` of a sweep file. Internal to sweepfile.c. */
#ifndef HUB_SWEEP_OWN_H
#define HUB_SWEEP_OWN_H

#include "hub/sweep_params.h"
#include "hub/sweepfile.h"

struct sweep_kv { /* a growing list of options; ends with a NULL name */
    struct tuner_kv *kv;
    int n;
};
void sweep_kv_add(struct sweep_kv *list, const char *name, double value);

/* hypertop.adviser (sweep_adviser.c) */
int sweep_adviser_read(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f);
int sweep_own_read(struct sweep_reader *r, const struct yaml_node *own, struct sweepfile *f);

/* ---- sweep_wrap.c ---- */
bool sweep_wrap_key(const char *key); /* parse, signals, params_file, jsonl, energy */
int sweep_wrap_read(struct sweep_reader *r, const struct yaml_node *own, struct sweepfile *f);
void sweep_wrap_json(const struct sweepfile *f, struct json_out *out);

/* ---- sweep_goals.c ---- */
/* objectives and choose: before everything that names parameters. */
int sweep_goals_before(struct sweep_reader *r, const struct yaml_node *root, const struct yaml_node *own, struct sweepfile *f);
/* constraints: when every parameter is there. */
int sweep_goals_constraints(struct sweep_reader *r, const struct yaml_node *own, struct sweepfile *f);
int sweep_goals_feasible(struct sweep_reader *r, const struct yaml_node *own, struct sweepfile *f); /* of the finished space */
void sweep_goals_json(const struct sweepfile *f, struct json_out *out); /* pairs of an open object */

/* What the file says once and its algorithms need as options of their own. */
void sweepfile_settle(struct sweepfile *f);

#endif
