/* state_surface: loss surfaces as runs evaluate them, cell by cell. One is (intervention, run): a trial of several runs has several.
 * A cell that comes twice, or lies outside the grid, is ignored; a run that begins again begins a surface anew only under another id. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state_parts.h"

#define MAX_SURFACES 4096
#define MAX_SIDE     255

static const char *const names[SURFACE_STATE_COUNT] = {"on", "done", "stopped", "failed"};

const char *surface_state_name(enum surface_state s)
{
    return (unsigned)s < SURFACE_STATE_COUNT ? names[s] : "?";
}

void state_surface_free(struct state_surface *u)
{
    state_changes_free(u->changes, u->n_changes);
    free(u->cells);
    free(u->known);
    free(u->norm);
    free(u);
}

static struct state_surface *find(struct state *s, int64_t id, int64_t run)
{
    for (int i = s->n_surfaces - 1; i >= 0; i--)
        if (s->surfaces[i]->id == id && s->surfaces[i]->run == run)
            return s->surfaces[i];
    return NULL;
}

static struct state_surface *new_surface(struct state *s, const struct state_run *r, struct span body)
{
    int64_t columns = cmap_int(body, "columns", 0), rows = cmap_int(body, "rows", 0);
    struct span norm = cmap_str(body, "norm");
    if (columns < 1 || columns > MAX_SIDE || rows < 1 || rows > MAX_SIDE || s->n_surfaces == MAX_SURFACES)
        return NULL;
    struct state_surface *u = MEM_NEW(struct state_surface);
    u->id = cmap_int(body, "surface", 0);
    u->run = r->run;
    u->trial = r->trial;
    u->time = s->last_time;
    u->step = cmap_int(body, "step", -1);
    u->columns = (int)columns;
    u->rows = (int)rows;
    u->x0 = cmap_double(body, "x0", NAN);
    u->x1 = cmap_double(body, "x1", NAN);
    u->y0 = cmap_double(body, "y0", NAN);
    u->y1 = cmap_double(body, "y1", NAN);
    u->loss = cmap_double(body, "loss", NAN);
    u->norm = mem_strn(norm.p ? norm.p : "", norm.n < 31 ? norm.n : 31);
    u->known = mem_zero((size_t)(columns * rows + 7) / 8, 1);
    return STATE_PUSH(s->surfaces, s->n_surfaces) = u;
}

static void add_cell(const struct state *s, struct state_surface *u, int64_t at, double z)
{
    if (at < 0 || at >= (int64_t)u->columns * u->rows || u->known[at / 8] >> (at % 8) & 1)
        return;
    u->known[at / 8] |= (uint8_t)(1u << (at % 8));
    if (u->n_cells == u->cap_cells) {
        u->cap_cells = u->cap_cells ? u->cap_cells * 2 : 16;
        u->cells = mem_resize(u->cells, (size_t)u->cap_cells, sizeof *u->cells);
    }
    u->cells[u->n_cells++] = (struct state_cell){s->last_time, (uint32_t)at, z};
}

int apply_surface(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    struct codec_reader at, z;
    struct span state = cmap_str(ev->body, "state"), why = cmap_str(ev->body, "why");
    if (!r || !cmap_find(ev->body, "at", &at) || !cmap_find(ev->body, "z", &z) || cr_peek(&at) != CT_ARRAY ||
        cr_peek(&z) != CT_ARRAY)
        return 1;
    struct state_surface *u = find(s, cmap_int(ev->body, "surface", 0), r->run);
    if (!u && !(u = new_surface(s, r, ev->body)))
        return 1;
    size_t n = cr_array(&at), m = cr_array(&z);
    for (size_t i = 0; i < n && i < m; i++) {
        int64_t place = cr_int(&at);
        double value = cr_double(&z);
        if (!cr_ok(&at) || !cr_ok(&z))
            break;
        add_cell(s, u, place, value);
    }
    for (int k = 0; k < SURFACE_STATE_COUNT; k++)
        if (state.p && span_eq(state, names[k]) && state_newest(u->changes, u->n_changes, -1) != k)
            state_became(s, &u->changes, &u->n_changes, k, why, 0);
    return 0;
}
