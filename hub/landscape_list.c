/* A landscape as a list of its cells, for programs and for reading: a row a cell, with the values of the parameters in its
 * middle as they would be proposed. Filters and sorts like other lists; what fills the picture is view_landscape's. */
#include <math.h>

#include "hub/landscape_parts.h"
#include "hub/params.h"

bool landscape_listed(const struct view_request *rq)
{
    return cmap_bool(rq->body, "list", false);
}

static void put_param(struct codec_writer *w, const struct landscape_axis *a, double place)
{
    struct tune_value v;
    cw_str(w, a->param->name);
    param_decode(a->param, axis_dna(a, place), &v);
    params_put_value(w, &v);
}

void landscape_put_cells(struct view_out *out, const struct landscape_grid *g, const char *layer, const float *z,
                         const float *deviation)
{
    for (int i = 0; i < g->columns * g->rows; i++) {
        struct codec_writer w;
        view_part_begin(out, &w, i);
        cw_map(&w, 4);
        cw_str(&w, "params");
        cw_map(&w, g->slice ? 1 : 2);
        put_param(&w, &g->x, (i % g->columns + 0.5) / g->columns);
        if (!g->slice)
            put_param(&w, &g->y, (i / g->columns + 0.5) / g->rows);
        view_kvalue(&w, "value", (double)z[i]);
        view_kvalue(&w, "deviation", deviation ? (double)deviation[i] : NAN);
        cw_kstr(&w, "layer", layer);
        view_part_end(out);
    }
}
