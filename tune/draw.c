/* Rejection sampling. Boosts are honoured by thinning: a draw of weight w is kept with probability w / max,
 * which makes the density exactly prior x weight; after enough refusals the last allowed draw is taken, so a
 * tiny weight cannot stall an ask. */
#include "tune/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TRIES 20000 /* a ban may leave little of the space */
#define THIN  64    /* allowed draws looked at for the sake of boosts */

static double heaviest(const struct steering *st)
{
    double w = 1;
    for (int i = 0; i < st->n; i++) {
        const struct steer_entry *e = &st->entries[i];
        if (e->verb == STEER_BOOST && !e->lifted && (e->until < 0 || st->asks < e->until))
            w *= fmax(1, e->weight);
    }
    return w;
}

int draw_prior(const struct tuner_env *env, const struct region *within, double *dna)
{
    if (!within && !steering_any(env->steer)) {
        space_sample(env->space, env->rng, dna);
        return 0;
    }
    static const struct region whole = {0};
    const struct region *pin = steering_pin(env->steer), *box = within ? within : pin ? pin : &whole;
    struct region both = {0};
    if (within && pin) {
        region_join(&both, within, pin);
        box = &both;
    }
    double max = heaviest(env->steer), *spare = mem_zero((size_t)env->space->n, sizeof *spare);
    int thin = 0, misses = 0;
    for (int i = 0; i < TRIES && thin < THIN; i++) {
        if (region_sample(box, env->space, env->rng, spare) < 0) {
            if (env->steer->constrained && ++misses >= (within ? 1 : 20)) /* each has searched long already */
                break;
            continue;
        }
        if (!steering_allows(env->steer, env->space, spare))
            continue;
        thin++;
        memcpy(dna, spare, (size_t)env->space->n * sizeof *dna);
        double w = steering_weight(env->steer, env->space, dna);
        if (w >= max || rng_unit(env->rng) * max < w)
            break;
    }
    free(spare);
    region_release(&both);
    return thin ? 0 : -1;
}

bool draw_keeps(const struct tuner_env *env, const double *dna)
{
    if (!steering_any(env->steer))
        return true;
    double max = heaviest(env->steer);
    return steering_allows(env->steer, env->space, dna) &&
           (max == 1 || rng_unit(env->rng) * max < steering_weight(env->steer, env->space, dna));
}

double draw_place(const struct param *p, double u)
{
    if (param_numeric(p))
        return u;
    if (p->type == PARAM_CONSTANT)
        return 0;
    if (!p->weights)
        return fmin(floor(u * p->n_choices), p->n_choices - 1);
    int k = 0;
    while (k < p->n_choices - 1 && (u -= p->weights[k]) >= 0)
        k++;
    while (p->weights[k] == 0)
        k--;
    return k;
}
