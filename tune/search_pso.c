/* Particle swarm: J. Kennedy and R. Eberhart, ICNN 1995, with the constriction constants of M. Clerc and J.
 * Kennedy (IEEE Trans. Evolutionary Computation 6, 2002). Particles move in turn, whether or not their last
 * position has been judged; a result only ever improves what its particle and the swarm remember. Positions
 * that leave the cube are reflected.
 *
 * A categorical gene has no direction: it keeps its choice, takes that of the particle's or the swarm's best
 * position, or any, with weights in the proportion of inertia, the two attractions and a small rest. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/genes.h"
#include "tune/pool.h"

#define POPULATION_MAX 1000
#define FASTEST        0.2 /* a step, as a share of each range */
#define ANY            0.1 /* weight of any choice */

enum { OPT_POPULATION, OPT_INERTIA, OPT_OWN, OPT_SWARM, OPT_COUNT };

struct pso {
    int n, dims;
    int64_t next;
    double inertia, own, swarm;
    bool *placed;         /* has a position */
    double *x, *v, *best; /* n x dims */
    double *loss;         /* of best; NaN none */
    struct flights flights;
    int particle;       /* that the ask in progress moves */
    double *to, *speed; /* where, and how fast */
};

static void drop(void *self)
{
    struct pso *s = self;
    flights_release(&s->flights);
    free(s->placed);
    free(s->x);
    free(s->v);
    free(s->best);
    free(s->loss);
    free(s->to);
    free(s->speed);
    free(s);
}

static void hold(struct pso *s, int n)
{
    size_t all = (size_t)n * (size_t)s->dims;
    free(s->placed);
    free(s->x);
    free(s->v);
    free(s->best);
    free(s->loss);
    s->n = n;
    s->placed = mem_zero((size_t)n, sizeof *s->placed);
    s->x = mem_zero(all, sizeof *s->x);
    s->v = mem_zero(all, sizeof *s->v);
    s->best = mem_zero(all, sizeof *s->best);
    s->loss = mem_zero((size_t)n, sizeof *s->loss);
    for (int i = 0; i < n; i++)
        s->loss[i] = NAN;
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct pso *s = MEM_NEW(struct pso);
    s->dims = s->flights.dims = env->space->n;
    s->inertia = values[OPT_INERTIA];
    s->own = values[OPT_OWN];
    s->swarm = values[OPT_SWARM];
    s->to = mem_zero((size_t)s->dims, sizeof *s->to);
    s->speed = mem_zero((size_t)s->dims, sizeof *s->speed);
    hold(s, genes_population(env, values[OPT_POPULATION], 3, 8, 20));
    return s;
}

static size_t at(const struct pso *s, int particle)
{
    return (size_t)particle * (size_t)s->dims;
}

static int leader(const struct pso *s)
{
    int best = -1;
    for (int i = 0; i < s->n; i++)
        if (!isnan(s->loss[i]) && (best < 0 || s->loss[i] < s->loss[best]))
            best = i;
    return best;
}

/* ---- moving ---- */

static void move_number(struct pso *s, int i, double own, double swarm, const struct tuner_env *env)
{
    double dial = steering_explore(env->steer), fastest = FASTEST * fmax(dial, 0.25);
    double x = s->x[at(s, s->particle) + (size_t)i], v = s->v[at(s, s->particle) + (size_t)i];
    v = fmin(s->inertia * dial, 0.98) * v + s->own * rng_unit(env->rng) * (own - x) +
        s->swarm * rng_unit(env->rng) * (swarm - x);
    v = fmin(fmax(v, -fastest), fastest);
    x += v;
    if (x < 0 || x > 1) {
        x = x < 0 ? -x : 2 - x;
        v = -v;
    }
    s->to[i] = x;
    s->speed[i] = v;
}

static void move_choice(struct pso *s, int i, double own, double swarm, const struct tuner_env *env)
{
    double dial = steering_explore(env->steer), x = s->x[at(s, s->particle) + (size_t)i];
    double u = rng_unit(env->rng) * (s->inertia + s->own + s->swarm + ANY * dial);
    double any = rng_unit(env->rng);
    s->speed[i] = 0;
    s->to[i] = u < s->inertia                       ? x
               : u < s->inertia + s->own            ? own
               : u < s->inertia + s->own + s->swarm ? swarm
                                                    : any;
}

static void move(void *self, const struct tuner_env *env, double *dna)
{
    struct pso *s = self;
    const double *own = s->best + at(s, s->particle), *swarm = s->best + at(s, leader(s));
    if (isnan(s->loss[s->particle]))
        own = swarm; /* its first result is still awaited, or has never come */
    for (int i = 0; i < s->dims; i++) {
        if (env->space->params[i].type == PARAM_CATEGORICAL)
            move_choice(s, i, own[i], swarm[i], env);
        else
            move_number(s, i, own[i], swarm[i], env);
    }
    genes_to(env->space, s->to, dna);
}

static int start(struct pso *s, const struct tuner_env *env, double *dna)
{
    if (draw_prior(env, NULL, dna) < 0)
        return -1;
    genes_from(env->space, dna, env->rng, s->to);
    for (int i = 0; i < s->dims; i++)
        s->speed[i] = FASTEST * (rng_unit(env->rng) - rng_unit(env->rng));
    return 1;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct pso *s = self;
    int best = leader(s), rc;
    size_t bytes = (size_t)s->dims * sizeof *s->x;
    s->particle = (int)(s->next++ % s->n);
    bool moves = s->placed[s->particle] && best >= 0;
    rc = moves ? genes_breed(env, move, s, out->dna) : start(s, env, out->dna);
    out->forced = steering_pin(env->steer) != NULL;
    if (rc < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    if (rc == 0)
        snprintf(out->why, sizeof out->why, "particle %d of %d moves between its own best and the swarm's",
                 s->particle + 1, s->n);
    else
        snprintf(out->why, sizeof out->why, "particle %d of %d starts from a draw from the prior",
                 s->particle + 1, s->n);
    genes_match(env->space, out->dna, env->rng, s->to);
    s->placed[s->particle] = true;
    memcpy(s->x + at(s, s->particle), s->to, bytes);
    memcpy(s->v + at(s, s->particle), s->speed, bytes);
    flights_put(&s->flights, env->history->n, s->particle, s->to);
    return 0;
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct pso *s = self;
    const struct history_trial *t = &env->history->trials[ob->trial];
    int particle = -1;
    if (!ob->final || t->outside)
        return;
    if (!flights_take(&s->flights, ob->trial, &particle, s->to))
        genes_from(env->space, t->dna, env->rng, s->to);
    else
        genes_match(env->space, t->dna, env->rng, s->to);
    if (ob->forgotten || ob->failed)
        return;
    for (int i = 0; particle < 0 && i < s->n; i++) /* nobody's: the particle that remembers least takes it */
        if (isnan(s->loss[i]))
            particle = i;
    if (particle < 0) {
        particle = 0;
        for (int i = 1; i < s->n; i++)
            particle = s->loss[i] > s->loss[particle] ? i : particle;
    }
    if (ob->loss >= s->loss[particle])
        return;
    s->loss[particle] = ob->loss;
    memcpy(s->best + at(s, particle), s->to, (size_t)s->dims * sizeof *s->to);
}

/* ---- for people, and to disk ---- */

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct pso *s = self;
    snprintf(out, cap, "of %d particles", s->n);
}

static void dump(void *self, struct buf *out)
{
    const struct pso *s = self;
    size_t all = (size_t)s->n * (size_t)s->dims;
    pack_u64(out, (uint64_t)s->n);
    pack_i64(out, s->next);
    for (int i = 0; i < s->n; i++)
        pack_u64(out, s->placed[i]);
    pack_doubles(out, s->loss, (size_t)s->n);
    pack_doubles(out, s->x, all);
    pack_doubles(out, s->v, all);
    pack_doubles(out, s->best, all);
    flights_pack(&s->flights, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct pso *s = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    uint64_t particles = unpack_u64(&in);
    s->next = unpack_i64(&in);
    if (particles >= 1 && particles <= POPULATION_MAX && s->next >= 0) {
        hold(s, (int)particles);
        size_t all = (size_t)s->n * (size_t)s->dims;
        for (int i = 0; i < s->n; i++)
            s->placed[i] = unpack_u64(&in) != 0;
        unpack_doubles(&in, s->loss, (size_t)s->n);
        unpack_doubles(&in, s->x, all);
        unpack_doubles(&in, s->v, all);
        unpack_doubles(&in, s->best, all);
        flights_unpack(&s->flights, s->n, &in);
        if (!in.bad && !in.n)
            return s;
    }
    drop(s);
    return cause_null(cause, "the state is not one of this swarm");
}

static const struct tuner_option options[OPT_COUNT + 1] = {
    [OPT_POPULATION] = {"population", 0, POPULATION_MAX, 0,
                        "particles; 0: 3 a parameter, 8 to 20, a tenth of the budget"},
    [OPT_INERTIA] = {"inertia", 0, 1, 0.7298, "share of its velocity that a particle keeps"},
    [OPT_OWN] = {"own", 0, 4, 1.49618, "attraction of the particle's best position"},
    [OPT_SWARM] = {"swarm", 0, 4, 1.49618, "attraction of the swarm's best position"},
    [OPT_COUNT] = {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_pso = {
    .name = "pso",
    .paper = "Kennedy and Eberhart 1995; Clerc and Kennedy 2002",
    .summary = "a swarm of particles drawn to the best positions known",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .describe = describe,
    .dump = dump,
    .load = load,
};
