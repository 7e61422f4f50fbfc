/* state_log: the sweep itself, its spaces, interventions, workers, and what the hub says of itself. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state_parts.h"

#define MAX_IVS (1 << 22)

static void sweep_begins(struct state *s, struct span body)
{
    struct sweep_info *f = &s->info;
    f->name = cmap_strdup(body, "sweep");
    f->yaml = cmap_strdup(body, "yaml");
    f->path = cmap_strdup(body, "path");
    f->cwd = cmap_strdup(body, "cwd");
    f->metric = cmap_strdup(body, "metric");
    f->tuner = cmap_strdup(body, "tuner");
    f->maximize = span_eq(cmap_str(body, "goal"), "maximize");
    state_objectives_read(f, body);
    f->seed = (uint64_t)cmap_int(body, "seed", 0);
    f->budget = cmap_int(body, "budget", -1);
    f->workers = (int)cmap_int(body, "workers", 0);
    f->adhoc = cmap_bool(body, "adhoc", false);
    f->env = state_keep(cmap_value(body, "env"), &f->env_n);
    if (!f->metric)
        f->metric = mem_str("objective");
    state_became(s, &s->changes, &s->n_changes, SWEEP_RUNNING, (struct span){0}, 0);
    state_best_rebuild(s); /* the goal is known from here on, should trials have come first */
}

int apply_sweep(struct state *s, const struct event *ev)
{
    struct span to = cmap_str(ev->body, "state");
    if (!s->info.name) {
        if (!cmap_str(ev->body, "sweep").p)
            return 1;
        sweep_begins(s, ev->body);
    }
    for (int i = SWEEP_RUNNING; to.p && i <= SWEEP_FAILED; i++)
        if (span_eq(to, sweep_state_name((enum sweep_state)i))) {
            if (state_newest(s->changes, s->n_changes, -1) != i)
                state_became(s, &s->changes, &s->n_changes, i, cmap_str(ev->body, "why"), 0);
            return 0;
        }
    return to.p ? 1 : 0;
}

int apply_space(struct state *s, const struct event *ev)
{
    int64_t version = cmap_int(ev->body, "version", -1);
    if (version < 1 || version > INT32_MAX)
        return 1;
    s->space_version = (int)version;
    struct state_space *p = &STATE_PUSH(s->spaces, s->n_spaces);
    *p = (struct state_space){s->last_time, (int)version, cmap_strdup(ev->body, "yaml")};
    return 0;
}

/* ---- interventions ---- */

static bool parse_iv_state(struct span name, enum iv_state *out)
{
    for (int i = 0; i < IV_STATE_COUNT; i++)
        if (name.p && span_eq(name, iv_state_name((enum iv_state)i))) {
            *out = (enum iv_state)i;
            return true;
        }
    return false;
}

/* Targets of a remark: "17", "t17" or a comma list of these. */
static void note_remark(struct state *s, const struct state_iv *iv)
{
    if (strcmp(iv->verb, "note") != 0 && strcmp(iv->verb, "tag") != 0)
        return;
    for (const char *p = iv->target; *p;) {
        char *end;
        p += *p == 't';
        long id = strtol(p, &end, 10);
        struct state_trial *tr = end > p ? state_trial(s, id) : NULL;
        if (tr)
            STATE_PUSH(tr->remarks, tr->n_remarks) = iv->id;
        p = strchr(end, ',');
        if (!p++)
            break;
    }
}

static char *text_of(struct span body, const char *key)
{
    char *s = cmap_strdup(body, key);
    return s ? s : mem_str("");
}

static struct state_iv *new_iv(struct state *s, int64_t id, struct span body)
{
    while (s->n_ivs < id)
        STATE_PUSH(s->ivs, s->n_ivs) = NULL;
    struct state_iv *iv = s->ivs[id - 1] = MEM_NEW(struct state_iv);
    iv->id = id;
    iv->undo_of = cmap_int(body, "undo_of", 0);
    iv->time = s->last_time;
    iv->who = text_of(body, "who");
    iv->verb = text_of(body, "verb");
    iv->target = text_of(body, "target");
    iv->reason = text_of(body, "reason");
    struct codec_reader r;
    bool map = cmap_find(body, "args", &r) && cr_peek(&r) == CT_MAP;
    iv->args = state_keep(map ? cmap_value(body, "args") : (struct span){"\x80", 1}, &iv->args_n);
    iv->step = iv->run = -1;
    note_remark(s, iv);
    return iv;
}

int apply_intervention(struct state *s, const struct event *ev)
{
    int64_t id = cmap_int(ev->body, "id", -1);
    enum iv_state to;
    if (id < 1 || id > MAX_IVS || !parse_iv_state(cmap_str(ev->body, "state"), &to))
        return 1;
    struct state_iv *iv = state_iv(s, id);
    if (!iv)
        iv = new_iv(s, id, ev->body);
    iv->step = cmap_int(ev->body, "step", iv->step);
    iv->run = cmap_int(ev->body, "run", iv->run);
    struct span message = cmap_str(ev->body, "message");
    if (message.p) {
        free(iv->message);
        iv->message = span_dup(message);
    }
    iv->steps = state_grow(iv->steps, iv->n_changes, sizeof *iv->steps);
    iv->steps[iv->n_changes] = iv->step;
    state_became(s, &iv->changes, &iv->n_changes, to, message, 0);
    return 0;
}

/* ---- workers and the hub ---- */

static struct state_worker *worker_named(struct state *s, struct span name)
{
    for (int i = s->n_workers - 1; i >= 0; i--)
        if (span_eq(name, s->workers[i]->name))
            return s->workers[i];
    struct state_worker *w = STATE_PUSH(s->workers, s->n_workers) = MEM_NEW(struct state_worker);
    w->name = span_dup(name);
    w->host = mem_str("");
    return w;
}

int apply_worker(struct state *s, const struct event *ev)
{
    static const char *const names[] = {"joined", "lost", "left"};
    struct span name = cmap_str(ev->body, "worker"), to = cmap_str(ev->body, "state");
    int state = 0;
    while (state < 3 && !(to.p && span_eq(to, names[state])))
        state++;
    if (!name.n || state == 3)
        return 1;
    struct state_worker *w = worker_named(s, name);
    if (state == 0) {
        struct span host = cmap_str(ev->body, "host");
        if (host.p) {
            free(w->host);
            w->host = span_dup(host);
        }
        w->pid = (int)cmap_int(ev->body, "pid", w->pid);
        w->slots = (int)cmap_int(ev->body, "slots", w->slots);
        struct state_join *j = &STATE_PUSH(w->joins, w->n_joins);
        *j = (struct state_join){s->last_time, mem_str(w->host), w->pid, w->slots};
    }
    if (state_newest(w->changes, w->n_changes, -1) != state)
        state_became(s, &w->changes, &w->n_changes, state, (struct span){0}, 0);
    return 0;
}

int apply_hub(struct state *s, const struct event *ev)
{
    struct span what = cmap_str(ev->body, "what");
    if (!what.p)
        return 1;
    struct state_hub_event *h = &STATE_PUSH(s->hub_events, s->n_hub_events);
    *h = (struct state_hub_event){s->last_time, span_dup(what), text_of(ev->body, "text")};
    return 0;
}
