/* Loss surfaces: what a probe asks for is evaluated here, by the trainer's own function, at the trainer's safe points.
 *
 * A probe owns a copy of the weights as they were when it began (the centre) and two directions. In each slice the weights of the
 * moment are kept, cells are evaluated, the weights are put back; training never sees another value, and no random number of
 * the program is used. Cells go from coarse to fine: the centre, then lattices around it of half the stride each. What was
 * evaluated is streamed in records; one that finds no room waits for the next safe point, none is lost. */
#include "agent/lib_agent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/lib_plane.h"
#include "base/clock.h"

enum { CELLS_SENT = 256, SIDE_MAX = 255 };
#define SEND_NS  (200 * CLOCK_MS)
#define SLICE_MS 20.0

struct hti_probe {
    struct ht_probe_options o;
    struct hti_plane plane;
    bool busy; /* the program's functions run now */
    /* the probe that is on; z NULL: none */
    int64_t command, step;
    int columns, rows;
    enum ring_surface_norm norm;
    enum ring_surface_state state;
    double radius, loss, slice_ms;
    uint32_t *order; /* places, coarse to fine */
    double *z;
    uint32_t n, done, sent;
    bool told;       /* at least one record went out */
    int64_t due, sent_at;
    char why[160];
};

/* ---- what is told ---- */

static bool send_some(ht_agent *a, struct hti_probe *p)
{
    struct {
        struct ring_cell cells[CELLS_SENT];
        char why[sizeof p->why];
    } body;
    uint32_t n = p->done - p->sent < CELLS_SENT ? p->done - p->sent : CELLS_SENT;
    bool last = p->sent + n == p->done;
    struct ring_surface head = {.command = p->command, .x0 = -p->radius, .x1 = p->radius, .y0 = p->rows > 1 ? -p->radius : 0,
                                .y1 = p->rows > 1 ? p->radius : 0, .loss = p->loss, .columns = (uint16_t)p->columns,
                                .rows = (uint16_t)p->rows, .norm = (uint8_t)p->norm,
                                .state = (uint8_t)(last ? p->state : RING_SURFACE_ON), .cells = n, .done = p->sent + n};
    for (uint32_t i = 0; i < n; i++)
        body.cells[i] = (struct ring_cell){.at = p->order[p->sent + i], .z = p->z[p->sent + i]};
    size_t bytes = n * sizeof *body.cells, why = last ? strlen(p->why) : 0;
    memcpy((char *)&body + bytes, p->why, why);
    if (!hti_record(a, RR_SURFACE, 0, p->step, &head, sizeof head, &body, bytes + why))
        return false;
    p->sent += n;
    p->told = true;
    return true;
}

static void forget(struct hti_probe *p)
{
    hti_plane_close(&p->plane);
    free(p->order);
    free(p->z);
    p->order = NULL;
    p->z = NULL;
    p->n = p->done = p->sent = 0;
}

/* Sends what has gathered; a probe that is over and wholly told is forgotten. */
static void tell(ht_agent *a, struct hti_probe *p)
{
    bool over = p->state != RING_SURFACE_ON;
    int64_t now = clock_mono_ns();
    if (!over && p->told && p->done - p->sent < CELLS_SENT && now - p->sent_at < SEND_NS)
        return;
    do {
        if (!send_some(a, p))
            return;
    } while (p->sent < p->done);
    p->sent_at = now;
    if (over)
        forget(p);
}

static void end(ht_agent *a, struct hti_probe *p, enum ring_surface_state state, const char *why)
{
    if (!p->z || p->state != RING_SURFACE_ON)
        return;
    p->state = state;
    snprintf(p->why, sizeof p->why, "%s", why);
    tell(a, p);
}

/* ---- the program's functions ---- */

static bool enter(struct hti_probe *p)
{
    p->busy = true;
    return !p->o.enter || p->o.enter(p->o.arg) == 0;
}

static bool leave(struct hti_probe *p)
{
    bool ok = !p->o.leave || p->o.leave(p->o.arg) == 0;
    p->busy = false;
    return ok;
}

/* Evaluates cells for a slice. NULL, or why it cannot go on. */
static const char *slice(struct hti_probe *p)
{
    int64_t begun = clock_mono_ns(), now = begun, longest = 0;
    const char *why = NULL;
    if (!enter(p)) {
        leave(p);
        return "the program could not make its weights ready";
    }
    hti_plane_keep(&p->plane);
    do {
        int column = (int)(p->order[p->done] % (uint32_t)p->columns), row = (int)(p->order[p->done] / (uint32_t)p->columns);
        double x = (double)(column - p->columns / 2) / (p->columns / 2) * p->radius;
        double y = p->rows > 1 ? (double)(row - p->rows / 2) / (p->rows / 2) * p->radius : 0;
        double z = NAN;
        int64_t before = now;
        hti_plane_go(&p->plane, x, y);
        if (p->o.eval(p->o.arg, &z) != 0)
            why = "the program's evaluation failed";
        else
            p->z[p->done++] = z;
        now = clock_mono_ns();
        longest = now - before > longest ? now - before : longest;
    } while (!why && p->done < p->n && (double)(now - begun + longest) <= p->slice_ms * 1e6);
    hti_plane_restore(&p->plane);
    if (!leave(p) && !why)
        why = "the program could not take its weights back";
    now = clock_mono_ns();
    p->due = now + (now - begun); /* training gets as long as the probe had */
    return why;
}

/* ---- beginning ---- */

/* Places in the order of evaluation: lattices around the middle, stride by stride. */
static void put_order(struct hti_probe *p)
{
    uint32_t n = 0;
    int most = p->columns > p->rows ? p->columns : p->rows, top = 1;
    while (top < most)
        top *= 2;
    for (int stride = top; stride >= 1; stride /= 2)
        for (int r = 0; r < p->rows; r++)
            for (int c = 0; c < p->columns; c++) {
                int x = abs(c - p->columns / 2), y = abs(r - p->rows / 2);
                bool before = stride < top && x % (2 * stride) == 0 && y % (2 * stride) == 0;
                if (!before && x % stride == 0 && y % stride == 0)
                    p->order[n++] = (uint32_t)(r * p->columns + c);
            }
}

/* The two directions; `text` names no, one or two checkpoints. NULL, or why there are none. */
static const char *put_directions(ht_agent *a, struct hti_probe *p, const char *text)
{
    char paths[sizeof((struct ring_command *)0)->text];
    struct rng rng;
    rng_seed_stream(&rng, (uint64_t)ht_seed(a, 0), UINT64_C(0x70726f6265) + (uint64_t)p->command);
    snprintf(paths, sizeof paths, "%s", text);
    char *path[2] = {paths, strchr(paths, RING_ARM_SEP)};
    if (path[1])
        *path[1]++ = '\0';
    for (int k = 0; k < 2; k++) {
        if (!path[k] || !*path[k]) {
            hti_plane_random(&p->plane, k, &rng, p->norm == RING_NORM_LAYER);
            continue;
        }
        p->norm = RING_NORM_TOWARDS;
        if (p->o.load(p->o.arg, path[k]) != 0)
            return "the program could not read a checkpoint, or it does not fit these weights";
        if (!hti_plane_towards(&p->plane, k))
            return "the weights of a checkpoint, or the program's own, are not finite";
    }
    return NULL;
}

static const char *look(ht_agent *a, struct hti_probe *p, const char *text)
{
    const char *why = NULL;
    if (!enter(p)) {
        leave(p);
        return "the program could not make its weights ready";
    }
    hti_plane_keep(&p->plane);
    hti_plane_centre(&p->plane);
    if (p->o.eval(p->o.arg, &p->loss) != 0)
        why = "the program's evaluation failed";
    else
        why = put_directions(a, p, text);
    hti_plane_restore(&p->plane);
    if (!leave(p) && !why)
        why = "the program could not take its weights back";
    return why;
}

static const char *begin(ht_agent *a, struct hti_probe *p, const struct ring_command *c)
{
    int norm = 0;
    double ms = 0;
    if (sscanf(c->name, "%d %d %d %lf", &p->columns, &p->rows, &norm, &ms) != 4 || p->columns < 3 || p->columns > SIDE_MAX ||
        p->rows < 1 || p->rows > SIDE_MAX || p->columns % 2 == 0 || p->rows % 2 == 0 || !(c->value > 0) || !isfinite(c->value) ||
        norm < 0 || norm > RING_NORM_LAYER)
        return "the probe's grid, radius or norm makes no sense";
    if (*c->text && !p->o.load)
        return "the program reads no checkpoints for a probe (ht_probe_options.load)";
    p->n = (uint32_t)(p->columns * p->rows);
    p->order = calloc(p->n, sizeof *p->order);
    p->z = calloc(p->n, sizeof *p->z);
    if (!p->order || !p->z || !hti_plane_open(&p->plane))
        return "there is no memory for another four times the weights";
    p->command = c->id;
    p->step = atomic_load_explicit(&a->step, memory_order_relaxed);
    p->radius = c->value;
    p->norm = (enum ring_surface_norm)norm;
    p->slice_ms = ms > 0 ? ms : p->o.slice_ms > 0 ? p->o.slice_ms : SLICE_MS;
    p->state = RING_SURFACE_ON;
    p->told = false;
    p->due = p->sent_at = 0;
    p->why[0] = '\0';
    put_order(p);
    return look(a, p, c->text);
}

static void say(ht_agent *a, const struct ring_command *c, const struct hti_probe *p, const char *text)
{
    struct hti_reply reply = {.command = c->id, .verb = RING_CMD_PROBE, .state = RING_APPLIED, .step = p->step, .message = text};
    hti_answer(a, &reply);
}

void hti_probe_command(ht_agent *a, const struct ring_command *c)
{
    struct hti_probe *p = a->probe;
    char text[160];
    if (!p) {
        hti_reject(a, c, "the program offers no loss surfaces (it calls ht_probe, in Python trial.probe)");
        return;
    }
    if (c->name[0] == '0') {
        if (!p->z || p->state != RING_SURFACE_ON) {
            hti_reject(a, c, "no probe is on");
            return;
        }
        snprintf(text, sizeof text, "ended after %u of %u cells", p->done, p->n);
        end(a, p, RING_SURFACE_STOPPED, "ended on request");
        say(a, c, p, text);
        return;
    }
    if (p->z) {
        snprintf(text, sizeof text, "a probe is on: %u of %u cells are done", p->done, p->n);
        hti_reject(a, c, text);
        return;
    }
    const char *why = begin(a, p, c);
    if (why) {
        forget(p);
        hti_reject(a, c, why);
        return;
    }
    snprintf(text, sizeof text, "%dx%d cells from step %lld, loss %.9g", p->columns, p->rows, (long long)p->step, p->loss);
    say(a, c, p, text);
    tell(a, p);
}

/* ---- turns ---- */

bool hti_probe_on(const ht_agent *a)
{
    return a->probe && a->probe->z;
}

bool hti_probe_busy(const ht_agent *a)
{
    return a->probe && a->probe->busy;
}

void hti_probe_turn(ht_agent *a, bool idle)
{
    struct hti_probe *p = a->probe;
    if (!p || !p->z)
        return;
    if (p->state == RING_SURFACE_ON && (idle || clock_mono_ns() >= p->due)) {
        const char *why = slice(p);
        if (why) {
            end(a, p, RING_SURFACE_FAILED, why);
            return;
        }
        if (p->done == p->n)
            p->state = RING_SURFACE_DONE;
    }
    tell(a, p);
}

void hti_probe_close(ht_agent *a, const char *why)
{
    struct hti_probe *p = a->probe;
    if (!p)
        return;
    if (hti_live(a))
        end(a, p, RING_SURFACE_STOPPED, why);
    forget(p);
    hti_plane_release(&p->plane);
    free(p);
    a->probe = NULL;
}

int ht_probe(ht_agent *a, const struct ht_probe_options *given)
{
    struct ht_probe_options o = {0};
    if (!hti_live(a))
        return HT_INERT;
    if (given)
        memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    if (given && (!o.eval || !hti_tensors_ok(o.tensors, o.n) || !(o.slice_ms >= 0) || !isfinite(o.slice_ms)))
        return HT_INVALID;
    if (hti_probe_busy(a))
        return HT_INVALID; /* from inside eval */
    hti_probe_close(a, "the program has replaced what it offers");
    if (!given)
        return HT_OK;
    struct hti_probe *p = calloc(1, sizeof *p);
    if (!p || !hti_plane_init(&p->plane, o.tensors, o.n)) {
        free(p);
        return HT_FULL;
    }
    p->o = o;
    a->probe = p;
    return HT_OK;
}

int ht_probing(const ht_agent *a)
{
    return hti_live(a) && hti_probe_on(a);
}
