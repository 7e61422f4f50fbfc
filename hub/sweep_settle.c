/* sweep_settle: what a sweep file says once and its algorithms need as options of their own: the step of a full run (fidelity)
 * is max_resource, and the live parameters are those that a population may change. What is given as an option stays. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "hub/sweep_own.h"

static int count(const struct tuner_kv *kv)
{
    int n = 0;
    while (kv && kv[n].name)
        n++;
    return n;
}

static void add(struct tuner_kv **list, const char *name, double value)
{
    int n = count(*list);
    *list = mem_resize(*list, (size_t)n + 2, sizeof **list);
    (*list)[n] = (struct tuner_kv){mem_str(name), value};
    (*list)[n + 1] = (struct tuner_kv){NULL, 0};
}

static bool given(const struct tuner_kv *kv, const char *prefix)
{
    for (int i = 0; kv && kv[i].name; i++)
        if (!strncmp(kv[i].name, prefix, strlen(prefix)))
            return true;
    return false;
}

static void full_run(const char *name, struct tuner_kv **list, int64_t steps)
{
    const struct tuner_ops *ops = name ? tuner_find(name) : NULL;
    for (const struct tuner_option *o = ops ? ops->options : NULL; o && o->name; o++)
        if (!strcmp(o->name, "max_resource") && steps > 0 && !given(*list, "max_resource"))
            add(list, "max_resource", (double)steps);
}

/* asha says what it does in rungs below max_resource: the first one has to be below it too. */
static bool fits(const char *name, const struct tuner_kv *kv, int64_t steps)
{
    double first = 1;
    for (int i = 0; kv && kv[i].name; i++)
        first = strcmp(kv[i].name, "min_resource") ? first : kv[i].value;
    return !name || strcmp(name, "asha") || first < (double)steps;
}

void sweepfile_settle(struct sweepfile *f)
{
    bool population = f->sampler && (!strcmp(f->sampler, "pbt") || !strcmp(f->sampler, "pb2"));
    if (fits(f->stopper, f->stopper_options, f->max_fidelity))
        full_run(f->stopper, &f->stopper_options, f->max_fidelity);
    full_run(f->sampler, &f->sampler_options, f->max_fidelity);
    for (int i = 0; population && f->live && f->live[i] && (i || !given(f->sampler_options, "explore.")); i++) {
        struct buf name = {0};
        buf_printf(&name, "explore.%s", f->live[i]);
        add(&f->sampler_options, buf_cstr(&name), 1);
        buf_release(&name);
    }
}
