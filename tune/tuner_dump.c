/* A tuner as bytes: stream of chance, space, history, steering, and the states of its algorithms. Loading
 * builds a whole new tuner first and then changes places with it, so a damaged dump leaves the old one as it
 * was. */
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/space_pack.h"
#include "tune/tuner_state.h"

#define DUMP_VERSION 3

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
    pack_u64(out, (uint64_t)t->n_context);
    pack_doubles(out, t->context, (size_t)t->n_context);
    space_pack(t->space, out);
    history_pack(&t->history, out);
    steering_pack(&t->steer, out);
    tuner_edits_pack(t, out);
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
        struct tuner_env env = tuner_env(t, p);
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
    l->n_context = (int)unpack_count(&in, 8);
    l->context = mem_zero((size_t)l->n_context, sizeof *l->context);
    unpack_doubles(&in, l->context, (size_t)l->n_context);
    l->space = space_unpack(&in);
    history_init(&l->history, l->space ? l->space->n : 0);
    if (!l->space || history_unpack(&l->history, &in) < 0 || steering_unpack(&l->steer, &in) < 0 ||
        tuner_edits_unpack(l, &in) < 0 || in.bad) {
        tuner_free(l);
        return cause_set(cause, "the tuner's state is damaged");
    }
    l->replicates = t->replicates; /* of the setup */
    l->steer.constrained = space_constrained(l->space);
    if (load_part(l, &l->sampler, true, &in, cause) < 0 || load_part(l, &l->stopper, false, &in, cause) < 0) {
        tuner_free(l);
        return -1;
    }
    tuner_cut_regions(l);
    struct tuner swap = *t;
    *t = *l;
    *l = swap;
    tuner_free(l);
    return 0;
}
