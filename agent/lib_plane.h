/* lib_plane: a plane through weights: a centre, two directions, and what the weights were before somebody moved along them.
 *
 * The one promise: between hti_plane_keep and hti_plane_restore the tensors may hold anything; after it they are bit for bit what
 * they were. Nothing here is exported. */
#ifndef AGENT_LIB_PLANE_H
#define AGENT_LIB_PLANE_H

#include "agent/lib_tensor.h"
#include "base/rng.h"

struct hti_plane {
    struct ht_tensor *tensors; /* shapes in `lengths` */
    int64_t *lengths;
    size_t n, bytes;           /* of all data */
    uint8_t *centre, *kept;    /* data, tensor behind tensor; NULL while there is no plane */
    void *dir[2];              /* in double for HT_F64, else in float, tensor behind tensor */
};

bool hti_plane_init(struct hti_plane *p, const struct ht_tensor *t, size_t n); /* copies the shapes; false: no memory */
void hti_plane_release(struct hti_plane *p);
bool hti_plane_open(struct hti_plane *p);  /* memory for the four; false: there is none */
void hti_plane_close(struct hti_plane *p);

void hti_plane_keep(struct hti_plane *p);    /* the weights that are there now */
void hti_plane_restore(struct hti_plane *p);
void hti_plane_centre(struct hti_plane *p);  /* the kept ones are the centre */
/* Gaussian, zero for tensors of fewer than two dimensions; each filter, or each tensor, as long as the centre's. */
void hti_plane_random(struct hti_plane *p, int which, struct rng *rng, bool by_layer);
/* From the centre to the weights that are in the tensors now. False: one of them is not finite. */
bool hti_plane_towards(struct hti_plane *p, int which);
/* Weights centre + a first + b second into the tensors; 0, 0 is the centre itself. */
void hti_plane_go(struct hti_plane *p, double a, double b);

#endif
