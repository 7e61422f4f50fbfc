/* What changes a tuner under way: steering, another sampler, another version of the space. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "tune/tuner_state.h"

/* The k-th arm of the sampler, or region of one without arms. */
static int arm_at(struct tuner *t, int k, struct region *out, char label[96])
{
    struct tuner_env env = tuner_env(t, &t->sampler);
    if (!t->regions)
        return t->sampler.ops->arm ? t->sampler.ops->arm(t->sampler.self, &env, k, out, label) : -1;
    if (k < 0 || k >= t->regions->n)
        return -1;
    region_copy(out, &t->regions->cell[k]);
    memcpy(label, t->regions->label[k], 96);
    return 0;
}

/* An arm by number ("3" or "a3") or by label (whole, or the only one that contains the word). */
static int find_arm(void *self, const char *name, struct region *out, char label[96])
{
    struct tuner *t = self;
    struct region r;
    char text[96];
    int64_t number;
    int found = -1, several = 0;
    if (text_int(name[0] == 'a' && name[1] ? name + 1 : name, &number) && number >= 0 && number < INT32_MAX)
        return arm_at(t, (int)number, out, label);
    for (int i = 0; arm_at(t, i, &r, text) == 0; i++) {
        region_release(&r);
        if (!strcmp(text, name)) {
            found = i;
            several = 1;
            break;
        }
        if (strstr(text, name)) {
            found = i;
            several++;
        }
    }
    return several == 1 ? arm_at(t, found, out, label) : -1;
}

static void tell_steered(struct tuner *t)
{
    struct tuner_env env = tuner_env(t, &t->sampler);
    if (t->sampler.ops->steered)
        t->sampler.ops->steered(t->sampler.self, &env);
    env = tuner_env(t, &t->stopper);
    if (t->stopper.ops && t->stopper.ops->steered)
        t->stopper.ops->steered(t->stopper.self, &env);
}

int tuner_steer(struct tuner *t, const struct steer_request *rq, int64_t *token, char **cause)
{
    struct steer_arms arms = {t, find_arm};
    if (rq->verb == STEER_SPACE || rq->verb == STEER_FREEZE || rq->verb == STEER_THAW)
        return tuner_edit_space(t, rq, token, cause);
    if (rq->verb == STEER_TUNER)
        return tuner_edit_sampler(t, rq, token, cause);
    if (steering_apply(&t->steer, t->space, &arms, rq, token, cause) < 0)
        return -1;
    tell_steered(t);
    return 0;
}

int tuner_unsteer(struct tuner *t, int64_t token, char **cause)
{
    struct tuner_edit *e = tuner_edit_find(t, token);
    if (e)
        return tuner_edit_undo(t, e, cause);
    if (steering_undo(&t->steer, token, cause) < 0)
        return -1;
    tell_steered(t);
    return 0;
}

/* Makes a part's state anew and teaches it the history in the order in which trials ended. */
static int relearn(struct tuner *t, struct part *p, char **cause)
{
    void *old = p->self;
    if (part_make(t, p, cause) < 0) {
        p->self = old;
        return -1;
    }
    if (old)
        p->ops->drop(old);
    struct tuner_env env = tuner_env(t, p);
    int *by_order = mem_zero((size_t)t->history.ended + 1, sizeof *by_order);
    for (int k = 0; k < t->history.n; k++)
        if (t->history.trials[k].order >= 0)
            by_order[t->history.trials[k].order] = k + 1;
    for (int64_t order = 0; p->ops->learn && order < t->history.ended; order++) {
        int k = by_order[order] - 1;
        const struct history_trial *h = &t->history.trials[k < 0 ? 0 : k];
        if (k < 0 || h->end == END_PENDING)
            continue;
        struct observation ob = {.trial = k, .step = h->step, .loss = h->loss, .final = true,
                                 .failed = h->end == END_FAILED, .pruned = h->end == END_PRUNED,
                                 .forgotten = h->end == END_FORGOTTEN};
        p->ops->learn(p->self, &env, &ob);
    }
    free(by_order);
    return 0;
}

int tuner_switch(struct tuner *t, const char *sampler, const struct tuner_kv *options, char **cause)
{
    struct part next = {0};
    if (part_choose(&next, sampler, true, options, cause) < 0 || tuner_one_judge(&next, &t->stopper, cause) < 0) {
        part_release(&next);
        return -1;
    }
    for (int k = 0; k < t->history.n; k++) /* arms of another algorithm mean nothing to this one */
        t->history.trials[k].asked = false;
    if (relearn(t, &next, cause) < 0) {
        next.self = NULL;
        part_release(&next);
        return -1;
    }
    part_release(&t->sampler);
    t->sampler = next;
    tuner_cut_regions(t);
    return 0;
}

/* The version that is left is kept: trials born in it are carried from it. */
static void keep_version(struct tuner *t, struct space *old)
{
    if (t->n_versions < old->version) { /* versions that this tuner never saw */
        t->versions = mem_resize(t->versions, (size_t)old->version + 1, sizeof *t->versions);
        while (t->n_versions < old->version)
            t->versions[t->n_versions++] = NULL;
    }
    t->versions = mem_resize(t->versions, (size_t)old->version + 2, sizeof *t->versions);
    t->versions[t->n_versions++] = old;
}

int tuner_set_space(struct tuner *t, struct space **space, char **cause)
{
    struct space *old = t->space;
    struct history carried;
    if (tuner_carry_list(old, *space, cause) < 0)
        return -1;
    struct buf packed = {0};
    history_pack(&t->history, &packed);
    struct unpack in = {.p = packed.data, .n = packed.len};
    history_init(&carried, old->n);
    history_unpack(&carried, &in);
    buf_release(&packed);
    keep_version(t, old);
    history_carry(&carried, t->versions, old, *space);
    struct history keep = t->history;
    t->history = carried;
    t->space = *space;
    for (int k = 0; k < t->history.n; k++)
        t->history.trials[k].asked = false;
    if (relearn(t, &t->sampler, cause) < 0) {
        history_release(&t->history);
        t->history = keep;
        t->space = old;
        t->versions[--t->n_versions] = NULL;
        return -1;
    }
    history_release(&keep);
    t->steer.constrained = space_constrained(t->space);
    *space = NULL;
    tuner_cut_regions(t);
    tell_steered(t);
    return 0;
}
