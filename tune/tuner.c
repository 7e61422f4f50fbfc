/* The facade: one sampler and perhaps one stopper over one history, one steering and one stream of chance.
 *
 * It owns the sign (algorithms minimise), the ends of trials, the budget, and the promise that no proposal
 * violates a ban or a pin. A failure is a value that is not finite, or a failed trial; it ends the trial.
 * When the stopper says stop, the trial has ended as pruned with the loss it had; a final value that still
 * arrives only corrects that loss. */
#include "tune/tuner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tune/draw.h"
#include "tune/space_pack.h"

#define OPTIONS_MAX 32

struct part { /* the sampler or the stopper */
    const struct tuner_ops *ops;
    void *self;
    struct tuner_kv *kv; /* own copy */
    double values[OPTIONS_MAX];
};

struct tuner {
    struct space *space;
    struct history history;
    struct steering steer;
    struct rng rng;
    struct part sampler, stopper; /* stopper.ops NULL: none */
    bool maximize;
    int64_t budget;
};

/* ---- parts ---- */

static struct tuner_kv *kv_copy(const struct tuner_kv *kv)
{
    int n = 0;
    while (kv && kv[n].name)
        n++;
    struct tuner_kv *c = mem_zero((size_t)n + 1, sizeof *c);
    for (int i = 0; i < n; i++)
        c[i] = (struct tuner_kv){mem_str(kv[i].name), kv[i].value};
    return c;
}

static void part_release(struct part *p)
{
    if (p->self)
        p->ops->drop(p->self);
    for (int i = 0; p->kv && p->kv[i].name; i++)
        free((char *)p->kv[i].name);
    free(p->kv);
    memset(p, 0, sizeof *p);
}

static struct tuner_env env_of(const struct tuner *t, const struct part *p)
{
    return (struct tuner_env){.space = t->space,
                              .history = &t->history,
                              .steer = &t->steer,
                              .rng = (struct rng *)&t->rng,
                              .kv = p->kv,
                              .budget = t->budget,
                              .maximize = t->maximize};
}

static int option_values(struct part *p, char **cause)
{
    const struct tuner_option *o = p->ops->options;
    int n = 0;
    for (; o && o[n].name && n < OPTIONS_MAX; n++)
        p->values[n] = o[n].fallback;
    for (const struct tuner_kv *kv = p->kv; kv && kv->name; kv++) {
        int i = 0;
        if (!strncmp(kv->name, "arms.", 5))
            continue;
        while (i < n && strcmp(o[i].name, kv->name))
            i++;
        if (i == n)
            return cause_set(cause, "%s has no option \"%s\"", p->ops->name, kv->name);
        if (!(kv->value >= o[i].low && kv->value <= o[i].high))
            return cause_set(cause, "%s: %s must lie in %g..%g, not %g", p->ops->name, kv->name, o[i].low,
                             o[i].high, kv->value);
        p->values[i] = kv->value;
    }
    return 0;
}

/* Finds the algorithm, checks its options; makes no state yet. */
static int part_choose(struct part *p, const char *name, bool sampler, const struct tuner_kv *kv,
                       char **cause)
{
    struct buf known = {0};
    p->ops = tuner_find(name);
    if (p->ops && (sampler ? (void *)p->ops->propose : (void *)p->ops->judge)) {
        p->kv = kv_copy(kv);
        return option_values(p, cause);
    }
    p->ops = NULL;
    for (int i = 0; tuner_list[i]; i++)
        if (sampler ? (void *)tuner_list[i]->propose : (void *)tuner_list[i]->judge)
            buf_printf(&known, "%s%s", known.len ? ", " : "", tuner_list[i]->name);
    cause_set(cause, "no %s is called \"%s\"; there are %s", sampler ? "tuner" : "stopper", name,
              buf_cstr(&known));
    buf_release(&known);
    return -1;
}

static int part_make(struct tuner *t, struct part *p, char **cause)
{
    struct tuner_env env = env_of(t, p);
    p->self = p->ops->make(&env, p->values, cause);
    return p->self ? 0 : -1;
}

/* ---- life ---- */

struct tuner *tuner_new(struct tuner_setup *setup, char **cause)
{
    struct tuner *t = MEM_NEW(struct tuner);
    t->space = setup->space;
    t->maximize = setup->maximize;
    t->budget = setup->budget;
    rng_seed(&t->rng, setup->seed);
    history_init(&t->history, t->space->n);
    if (part_choose(&t->sampler, setup->sampler ? setup->sampler : "auto", true, setup->sampler_options,
                    cause) == 0 &&
        (!setup->stopper ||
         part_choose(&t->stopper, setup->stopper, false, setup->stopper_options, cause) == 0) &&
        part_make(t, &t->sampler, cause) == 0 && (!setup->stopper || part_make(t, &t->stopper, cause) == 0)) {
        setup->space = NULL;
        return t;
    }
    t->space = NULL; /* still the caller's */
    tuner_free(t);
    return NULL;
}

void tuner_free(struct tuner *t)
{
    if (!t)
        return;
    part_release(&t->sampler);
    part_release(&t->stopper);
    history_release(&t->history);
    steering_release(&t->steer);
    space_free(t->space);
    free(t);
}

/* Trials that count against the budget. */
static int64_t spent(const struct tuner *t)
{
    const struct history *h = &t->history;
    return h->pending + h->done + h->pruned + h->failed;
}

/* ---- ask ---- */

static void proposal_clear(struct proposal *out)
{
    out->propensity = NAN;
    out->arm = -1;
    out->forced = false;
    out->label[0] = out->why[0] = '\0';
}

/* An algorithm that cannot honour bans by itself is asked a few times; after that the prior helps out. */
static int propose_allowed(struct tuner *t, struct tuner_env *env, struct proposal *out, char **cause)
{
    for (int tries = 0; tries < 50; tries++) {
        proposal_clear(out);
        int rc = t->sampler.ops->propose(t->sampler.self, env, out, cause);
        if (rc != 0)
            return rc;
        if (steering_allows(&t->steer, t->space, out->dna))
            return 0;
    }
    proposal_clear(out);
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    out->forced = steering_pin(&t->steer) != NULL;
    snprintf(out->why, sizeof out->why, "%s proposed only what is banned; a draw from the prior",
             t->sampler.ops->name);
    return 0;
}

int tuner_ask(struct tuner *t, int64_t id, struct proposal *out, char **cause)
{
    struct tuner_env env = env_of(t, &t->sampler);
    if (history_find(&t->history, id) >= 0)
        return cause_set(cause, "trial %lld exists already", (long long)id);
    proposal_clear(out);
    if (t->budget >= 0 && spent(t) >= t->budget)
        return 1;
    int rc = propose_allowed(t, &env, out, cause);
    if (rc != 0)
        return rc;
    int k = history_add(&t->history, id, out->dna);
    struct history_trial *h = &t->history.trials[k];
    h->arm = out->arm;
    h->propensity = out->propensity;
    h->forced = out->forced;
    h->asked = true;
    h->space_version = t->space->version;
    snprintf(h->origin, sizeof h->origin, "tuner");
    t->steer.asks++;
    return 0;
}

int tuner_adopt(struct tuner *t, int64_t id, const double *dna, const char *origin, char **cause)
{
    int k = history_find(&t->history, id);
    if (k >= 0) {
        enum trial_end end = t->history.trials[k].end;
        if (end != END_FAILED && end != END_FORGOTTEN)
            return cause_set(cause, "trial %lld exists already", (long long)id);
        history_revive(&t->history, k);
        t->history.trials[k].asked = false; /* its pull was settled when it failed */
        return 0;
    }
    if (space_check(t->space, dna, cause) < 0)
        return -1;
    k = history_add(&t->history, id, dna);
    struct history_trial *h = &t->history.trials[k];
    h->space_version = t->space->version;
    snprintf(h->origin, sizeof h->origin, "%s", origin ? origin : "adopted");
    return 0;
}

/* ---- tell ---- */

static void tell_parts(struct tuner *t, const struct observation *ob)
{
    struct tuner_env env = env_of(t, &t->sampler);
    if (t->sampler.ops->learn)
        t->sampler.ops->learn(t->sampler.self, &env, ob);
    env = env_of(t, &t->stopper);
    if (t->stopper.ops && t->stopper.ops->learn)
        t->stopper.ops->learn(t->stopper.self, &env, ob);
}

static void finish(struct tuner *t, int k, enum trial_end end, int64_t step, double loss)
{
    history_end(&t->history, k, end, step, loss);
    struct observation ob = {.trial = k,
                             .step = step,
                             .loss = end == END_DONE || end == END_PRUNED ? loss : NAN,
                             .final = true,
                             .failed = end == END_FAILED,
                             .pruned = end == END_PRUNED,
                             .forgotten = end == END_FORGOTTEN};
    tell_parts(t, &ob);
}

static void judge(struct tuner *t, int k, int64_t step, double loss, bool final, struct tell_result *out)
{
    struct observation ob = {.trial = k, .step = step, .loss = loss, .final = final};
    struct tuner_env env = env_of(t, &t->stopper);
    if (!t->stopper.ops)
        return;
    t->stopper.ops->judge(t->stopper.self, &env, &ob, out);
    if (t->maximize)
        out->cutoff = -out->cutoff;
}

int tuner_tell(struct tuner *t, int64_t id, int64_t step, double value, bool final, struct tell_result *out,
               char **cause)
{
    int k = history_find(&t->history, id);
    double loss = t->maximize ? -value : value;
    *out = (struct tell_result){.rung = -1, .cutoff = NAN};
    if (k < 0)
        return cause_set(cause, "there is no trial %lld", (long long)id);
    enum trial_end end = t->history.trials[k].end;
    if (end == END_DONE || end == END_FORGOTTEN)
        return cause_set(cause, "trial %lld has %s", (long long)id,
                         end == END_DONE ? "its final value" : "been withdrawn");
    if (end == END_FAILED || end == END_PRUNED) {
        if (end == END_PRUNED && isfinite(loss))
            history_end(&t->history, k, END_PRUNED, step >= 0 ? step : t->history.trials[k].step, loss);
        out->action = TELL_STOP;
        snprintf(out->why, sizeof out->why, "the trial was %s",
                 end == END_FAILED ? "counted as failed" : "stopped before");
        return 0;
    }
    if (!isfinite(loss)) {
        finish(t, k, END_FAILED, step, NAN);
        out->action = TELL_STOP;
        snprintf(out->why, sizeof out->why, "the value is not a finite number: counted as failed");
        return 0;
    }
    if (step >= 0 || !final)
        history_point(&t->history, k, step, loss);
    judge(t, k, step, loss, final, out);
    if (final) {
        out->action = TELL_CONTINUE;
        finish(t, k, END_DONE, step, loss);
    } else if (out->action == TELL_STOP) {
        finish(t, k, END_PRUNED, step, loss);
    } else {
        struct observation ob = {.trial = k, .step = step, .loss = loss};
        tell_parts(t, &ob);
    }
    return 0;
}

static int end_unfinished(struct tuner *t, int64_t id, enum trial_end end, char **cause)
{
    int k = history_find(&t->history, id);
    if (k < 0)
        return cause_set(cause, "there is no trial %lld", (long long)id);
    if (t->history.trials[k].end == end)
        return 0;
    if (t->history.trials[k].end != END_PENDING)
        return cause_set(cause, "trial %lld has ended", (long long)id);
    finish(t, k, end, t->history.trials[k].step, NAN);
    return 0;
}

int tuner_tell_failed(struct tuner *t, int64_t id, char **cause)
{
    return end_unfinished(t, id, END_FAILED, cause);
}

int tuner_forget(struct tuner *t, int64_t id, char **cause)
{
    return end_unfinished(t, id, END_FORGOTTEN, cause);
}

/* ---- steering ---- */

struct finder {
    struct tuner *t;
};

/* An arm by number ("3" or "a3") or by label (whole, or the only one that contains the word). */
static int find_arm(void *self, const char *name, struct region *out, char label[96])
{
    struct tuner *t = ((struct finder *)self)->t;
    struct tuner_env env = env_of(t, &t->sampler);
    const struct tuner_ops *ops = t->sampler.ops;
    struct region r;
    char text[96];
    int64_t number;
    int found = -1, several = 0;
    if (!ops->arm)
        return -1;
    if (text_int(name[0] == 'a' && name[1] ? name + 1 : name, &number) && number >= 0 && number < INT32_MAX)
        return ops->arm(t->sampler.self, &env, (int)number, out, label);
    for (int i = 0; ops->arm(t->sampler.self, &env, i, &r, text) == 0; i++) {
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
    return several == 1 ? ops->arm(t->sampler.self, &env, found, out, label) : -1;
}

static void tell_steered(struct tuner *t)
{
    struct tuner_env env = env_of(t, &t->sampler);
    if (t->sampler.ops->steered)
        t->sampler.ops->steered(t->sampler.self, &env);
    env = env_of(t, &t->stopper);
    if (t->stopper.ops && t->stopper.ops->steered)
        t->stopper.ops->steered(t->stopper.self, &env);
}

int tuner_steer(struct tuner *t, const struct steer_request *rq, int64_t *token, char **cause)
{
    struct finder finder = {t};
    struct steer_arms arms = {&finder, find_arm};
    if (steering_apply(&t->steer, t->space, &arms, rq, token, cause) < 0)
        return -1;
    tell_steered(t);
    return 0;
}

int tuner_unsteer(struct tuner *t, int64_t token, char **cause)
{
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
    struct tuner_env env = env_of(t, p);
    for (int64_t order = 0; p->ops->learn && order < t->history.ended; order++) {
        for (int k = 0; k < t->history.n; k++) {
            const struct history_trial *h = &t->history.trials[k];
            if (h->order != order || h->end == END_PENDING)
                continue;
            struct observation ob = {.trial = k,
                                     .step = h->step,
                                     .loss = h->loss,
                                     .final = true,
                                     .failed = h->end == END_FAILED,
                                     .pruned = h->end == END_PRUNED,
                                     .forgotten = h->end == END_FORGOTTEN};
            p->ops->learn(p->self, &env, &ob);
        }
    }
    return 0;
}

int tuner_switch(struct tuner *t, const char *sampler, const struct tuner_kv *options, char **cause)
{
    struct part next = {0};
    if (part_choose(&next, sampler, true, options, cause) < 0) {
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
    return 0;
}

int tuner_set_space(struct tuner *t, struct space **space, char **cause)
{
    struct space *old = t->space;
    struct history carried;
    struct buf packed = {0};
    history_pack(&t->history, &packed);
    struct unpack in = {.p = packed.data, .n = packed.len};
    history_init(&carried, old->n);
    history_unpack(&carried, &in);
    buf_release(&packed);
    history_carry(&carried, old, *space);
    struct history keep = t->history;
    t->history = carried;
    t->space = *space;
    for (int k = 0; k < t->history.n; k++)
        t->history.trials[k].asked = false;
    if (relearn(t, &t->sampler, cause) < 0) {
        history_release(&t->history);
        t->history = keep;
        t->space = old;
        return -1;
    }
    history_release(&keep);
    space_free(old);
    *space = NULL;
    tell_steered(t);
    return 0;
}

/* ---- for people ---- */

int tuner_explain(struct tuner *t, struct arm_row *rows, int max)
{
    struct rng kept = t->rng; /* explaining must not change what comes next */
    struct tuner_env env = env_of(t, &t->sampler);
    int n = t->sampler.ops->explain ? t->sampler.ops->explain(t->sampler.self, &env, rows, max) : 0;
    t->rng = kept;
    for (int i = 0; t->maximize && i < n && i < max; i++) {
        double low = rows[i].low;
        rows[i].mean = -rows[i].mean;
        rows[i].low = -rows[i].high;
        rows[i].high = -low;
    }
    return n;
}

static size_t describe_part(const struct tuner *t, const struct part *p, char *out, size_t cap)
{
    struct tuner_env env = env_of(t, p);
    char more[240] = "";
    if (p->ops->describe)
        p->ops->describe(p->self, &env, more, sizeof more);
    int n = snprintf(out, cap, "%s%s%s", p->ops->name, *more ? " " : "", more);
    return n > 0 ? (size_t)n : 0;
}

void tuner_describe(const struct tuner *t, char *out, size_t cap)
{
    size_t n = describe_part(t, &t->sampler, out, cap);
    if (!t->stopper.ops || n + 3 >= cap)
        return;
    memcpy(out + n, ", ", 3);
    describe_part(t, &t->stopper, out + n + 2, cap - n - 2);
}

int tuner_rungs(const struct tuner *t, struct rung_row *rows, int max)
{
    struct tuner_env env = env_of(t, &t->stopper);
    if (!t->stopper.ops || !t->stopper.ops->rungs)
        return 0;
    int n = t->stopper.ops->rungs(t->stopper.self, &env, rows, max);
    for (int i = 0; t->maximize && i < n && i < max; i++)
        rows[i].cutoff = -rows[i].cutoff;
    return n;
}

bool tuner_best(const struct tuner *t, int64_t *id, double *value)
{
    const struct history *h = &t->history;
    int best = history_best(h);
    for (int k = 0; best < 0 && k < h->n; k++) /* nobody has finished: the best so far */
        if (h->trials[k].end == END_PENDING && !isnan(h->trials[k].loss))
            best = k;
    for (int k = 0; best >= 0 && h->trials[best].end == END_PENDING && k < h->n; k++)
        if (h->trials[k].end == END_PENDING && h->trials[k].loss < h->trials[best].loss)
            best = k;
    if (best < 0)
        return false;
    *id = h->trials[best].id;
    *value = t->maximize ? -h->trials[best].loss : h->trials[best].loss;
    return true;
}

const struct space *tuner_space(const struct tuner *t)
{
    return t->space;
}

const struct history *tuner_history(const struct tuner *t)
{
    return &t->history;
}

const struct steering *tuner_steering(const struct tuner *t)
{
    return &t->steer;
}

int64_t tuner_budget(const struct tuner *t)
{
    return t->budget;
}

void tuner_set_budget(struct tuner *t, int64_t budget)
{
    t->budget = budget;
}

/* ---- bytes ---- */

#define DUMP_VERSION 1

static void dump_part(const struct part *p, struct buf *out)
{
    struct buf state = {0};
    if (p->ops)
        p->ops->dump(p->self, &state);
    pack_str(out, p->ops ? p->ops->name : NULL);
    uint64_t n = 0;
    while (p->kv && p->kv[n].name)
        n++;
    pack_u64(out, n);
    for (uint64_t i = 0; i < n; i++) {
        pack_str(out, p->kv[i].name);
        pack_f64(out, p->kv[i].value);
    }
    pack_bytes(out, state.data, state.len);
    buf_release(&state);
}

void tuner_dump(const struct tuner *t, struct buf *out)
{
    pack_u64(out, DUMP_VERSION);
    for (int i = 0; i < 4; i++)
        pack_u64(out, t->rng.s[i]);
    pack_u64(out, t->maximize);
    pack_i64(out, t->budget);
    space_pack(t->space, out);
    history_pack(&t->history, out);
    steering_pack(&t->steer, out);
    dump_part(&t->sampler, out);
    dump_part(&t->stopper, out);
}

/* The algorithm and its options as dumped (a sampler may have been switched), with its state. */
static int load_part(struct tuner *t, struct part *p, bool sampler, struct unpack *in, char **cause)
{
    struct tuner_kv kv[OPTIONS_MAX + 1] = {{0}};
    char *name = unpack_str(in);
    size_t n = unpack_count(in, 16), size;
    in->bad |= n > OPTIONS_MAX || (sampler && !name);
    for (size_t i = 0; i < n && !in->bad; i++) {
        kv[i].name = unpack_str(in);
        kv[i].value = unpack_f64(in);
        in->bad |= !kv[i].name;
    }
    const uint8_t *state = unpack_bytes(in, &size);
    int rc = in->bad ? cause_set(cause, "the tuner's state is damaged") : 0;
    if (rc == 0 && name && (rc = part_choose(p, name, sampler, kv, cause)) == 0) {
        struct tuner_env env = env_of(t, p);
        p->self = p->ops->load(&env, p->values, state, size, cause);
        rc = p->self ? 0 : -1;
    }
    for (size_t i = 0; i < n && i < OPTIONS_MAX; i++)
        free((char *)kv[i].name);
    free(name);
    return rc;
}

int tuner_load(struct tuner *t, const uint8_t *p, size_t n, char **cause)
{
    struct unpack in = {.p = p, .n = n};
    struct tuner *l = MEM_NEW(struct tuner);
    if (unpack_u64(&in) != DUMP_VERSION) {
        free(l);
        return cause_set(cause, "the tuner's state is of another version");
    }
    for (int i = 0; i < 4; i++)
        l->rng.s[i] = unpack_u64(&in);
    l->maximize = unpack_u64(&in);
    l->budget = unpack_i64(&in);
    l->space = space_unpack(&in);
    history_init(&l->history, l->space ? l->space->n : 0);
    if (!l->space || history_unpack(&l->history, &in) < 0 || steering_unpack(&l->steer, &in) < 0 || in.bad) {
        tuner_free(l);
        return cause_set(cause, "the tuner's state is damaged");
    }
    if (load_part(l, &l->sampler, true, &in, cause) < 0 || load_part(l, &l->stopper, false, &in, cause) < 0) {
        tuner_free(l);
        return -1;
    }
    struct tuner swap = *t;
    *t = *l;
    *l = swap;
    tuner_free(l);
    return 0;
}
