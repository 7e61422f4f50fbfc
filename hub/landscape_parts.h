/* landscape_parts: boxes on a landscape: what people steer, and an algorithm's cells. For view_landscape.c.
 */
#ifndef HUB_LANDSCAPE_PARTS_H
#define HUB_LANDSCAPE_PARTS_H

#include "hub/model_at.h"
#include "tune/landscape.h"

#define LANDSCAPE_ARMS 32 /* regions that a sampler without arms is shown by (tuner_view.c) */

/* "regions": the steering that is in force as of the request, as boxes. */
void landscape_put_regions(struct codec_writer *w, const struct view_request *rq, const struct model *m,
                           const struct landscape_grid *g);
/* x0, y0, x1, y1 of a box in dna. */
void landscape_cell_box(const struct landscape_grid *g, const double *low, const double *high, double box[4]);

/* `list`: the request asks for the cells as rows (landscape_list.c). */
bool landscape_listed(const struct view_request *rq);
void landscape_put_cells(struct view_out *out, const struct landscape_grid *g, const char *layer, const float *z,
                         const float *deviation);

#endif
