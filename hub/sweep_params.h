/* sweep_params: the `parameters` of a W&B sweep as a space. Internal to sweepfile*.c. */
#ifndef HUB_SWEEP_PARAMS_H
#define HUB_SWEEP_PARAMS_H

#include "base/json_out.h"
#include "hub/yaml_tree.h"
#include "tune/space.h"

#define SWEEP_PARAMS_MAX 4096
/* between the names of a nested parameter where a dot in a name must be told from nesting */
#define NEST '\x1f'

/* Where a sweep file is read from, and what is said about it. */
struct sweep_reader {
    const char *path;
    char **cause;
    char **warnings; /* NULL-terminated */
    int n_warnings;
};
/* FILE:LINE:COLUMN: sentence; returns -1 */
int sweepfile_error(struct sweep_reader *r, const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void sweepfile_warn(struct sweep_reader *r, const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct sweep_params {
    struct space *space;   /* not finished */
    struct json_out *out;  /* resolved parameters go here, inside an open object */
    char **nested;         /* of each parameter: its path with NEST between the names */
    bool grid;             /* method grid: q_uniform counts from min, without max */
};
int sweep_params_read(struct sweep_reader *r, const struct yaml_node *map, struct sweep_params *p);

/* Scalars of a kind; what a wrong one is called in the error is `name`. */
int sweepfile_number(struct sweep_reader *r, const struct yaml_node *node, const char *name, double *out);
int sweepfile_int(struct sweep_reader *r, const struct yaml_node *node, const char *name, int64_t *out);
/* malloc'ed */
int sweepfile_string(struct sweep_reader *r, const struct yaml_node *node, const char *name, char **out);

#endif
