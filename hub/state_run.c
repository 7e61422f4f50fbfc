/* state_run: runs: their states, the processes that execute them, and their live parameters and checkpoints.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state_parts.h"

static bool parse_run_state(struct span name, enum run_state *out)
{
    for (int i = 0; i < RUN_STATE_COUNT; i++)
        if (name.p && span_eq(name, run_state_name((enum run_state)i))) {
            *out = (enum run_state)i;
            return true;
        }
    return false;
}

struct state_run *state_speaker(struct state *s, const struct event *ev)
{
    struct state_run *r = state_run(s, cmap_int(ev->body, "run", -1));
    if (!r || cmap_int(ev->body, "epoch", r->epoch) != r->epoch)
        return NULL;
    int64_t seq = cmap_int(ev->body, "seq", 0);
    if (seq > r->last_seq)
        r->last_seq = seq;
    return r;
}

/* ---- the processes ---- */

static void replace(char **field, struct span v)
{
    if (!v.p)
        return;
    free(*field);
    *field = span_dup(v);
}

/* Notes who executes the run now, if anything about it is new since the last note. */
static void note_process(struct state *s, struct state_run *r)
{
    const struct state_process *last = r->n_processes ? &r->processes[r->n_processes - 1] : NULL;
    if (last && last->epoch == r->epoch && last->pid == r->pid && last->exit == r->exit &&
        last->signal == r->signal && last->dropped == r->dropped && strcmp(last->worker, r->worker) == 0 &&
        strcmp(last->host, r->host) == 0)
        return;
    struct state_process *p = &STATE_PUSH(r->processes, r->n_processes);
    *p = (struct state_process){s->last_time,     r->epoch, r->dropped, mem_str(r->worker),
                                mem_str(r->host), r->pid,   r->exit,    r->signal};
}

static void takes_settle(struct state_takes *k)
{
    if (k->n)
        series_settle(k->v[k->n - 1].series);
}

static void takes_free(struct state_takes *k)
{
    for (int i = 0; i < k->n; i++)
        series_free(k->v[i].series);
    free(k->v);
}

static void move_run(struct state *s, struct state_run *r, enum run_state to, struct span why)
{
    if (state_newest(r->changes, r->n_changes, -1) == (int)to)
        return;
    state_became(s, &r->changes, &r->n_changes, to, why, 0);
    if (!run_state_terminal(to))
        return;
    for (int i = 0; i < r->n_metrics; i++)
        takes_settle(&r->metrics[i].takes);
    takes_settle(&r->reports);
}

static const char *worker_host(const struct state *s, const char *name)
{
    for (int i = s->n_workers - 1; i >= 0; i--)
        if (strcmp(s->workers[i]->name, name) == 0)
            return s->workers[i]->host;
    return "";
}

static struct state_run *new_run(struct state *s, struct state_trial *tr, int64_t id, struct span body)
{
    while (s->n_runs <= id)
        STATE_PUSH(s->runs, s->n_runs) = NULL;
    struct state_run *r = s->runs[id] = MEM_NEW(struct state_run);
    r->run = id;
    r->trial = tr->trial;
    r->seed = cmap_int(body, "seed", 0);
    r->epoch = -1;
    r->exit = -1;
    r->worker = mem_str("");
    r->host = mem_str("");
    r->first_seen = INT64_MAX;
    r->last_seen = INT64_MIN;
    r->test = span_eq(cmap_str(body, "phase"), "test");
    r->replicate = cmap_bool(body, "replicate", false);
    STATE_PUSH(tr->runs, tr->n_runs) = id;
    return r;
}

int apply_run(struct state *s, const struct event *ev)
{
    int64_t id = cmap_int(ev->body, "run", -1);
    struct state_run *r = state_run(s, id);
    enum run_state to;
    if (id < 0 || id >= STATE_MAX_RUNS || !parse_run_state(cmap_str(ev->body, "state"), &to))
        return 1;
    if (!r) {
        struct state_trial *tr = state_trial(s, cmap_int(ev->body, "trial", -1));
        if (!tr)
            return 1;
        r = new_run(s, tr, id, ev->body);
    }
    int64_t epoch = cmap_int(ev->body, "epoch", r->epoch < 0 ? 0 : r->epoch);
    int was = state_newest(r->changes, r->n_changes, -1);
    if (epoch < r->epoch ||
        (epoch == r->epoch && was >= 0 && run_state_terminal((enum run_state)was) && !run_state_terminal(to)))
        return 1; /* an earlier lease speaks of what is over */
    if (epoch != r->epoch) {
        r->epoch = epoch;
        r->last_seq = 0;
        r->exit = -1;
        r->pid = r->signal = 0;
    }
    struct span worker = cmap_str(ev->body, "worker");
    if (worker.n && !span_eq(worker, r->worker)) {
        replace(&r->worker, worker);
        const char *host = worker_host(s, r->worker);
        replace(&r->host, (struct span){host, strlen(host)});
    }
    replace(&r->host, cmap_str(ev->body, "host"));
    r->pid = (int)cmap_int(ev->body, "pid", r->pid);
    r->exit = (int)cmap_int(ev->body, "exit", r->exit);
    r->signal = (int)cmap_int(ev->body, "signal", r->signal);
    note_process(s, r);
    move_run(s, r, to, cmap_str(ev->body, "why"));
    if (r->replicate && to == RUN_DONE)
        state_repeated(s, r);
    return 0;
}

/* From the worker. How a run ended is for the hub to say (its "run" event), because it knows what was asked
 * of it. */
int apply_run_state(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    if (!r)
        return 1;
    struct span what = cmap_str(ev->body, "state");
    if (!what.p)
        return 1;
    r->pid = (int)cmap_int(ev->body, "pid", r->pid);
    if (span_eq(what, "exited")) {
        r->exit = (int)cmap_int(ev->body, "exit", r->exit);
        r->signal = (int)cmap_int(ev->body, "signal", r->signal);
    } else if (span_eq(what, "dropped")) {
        r->dropped += cmap_int(ev->body, "points", 0);
    }
    note_process(s, r);
    int now = state_newest(r->changes, r->n_changes, RUN_QUEUED);
    if (run_state_terminal((enum run_state)now))
        return 0;
    if (span_eq(what, "started") || span_eq(what, "resumed"))
        move_run(s, r, RUN_RUNNING, (struct span){0});
    else if (span_eq(what, "paused"))
        move_run(s, r, RUN_PAUSED, (struct span){0});
    return 0;
}

/* ---- live parameters ---- */

const struct state_param *state_param_at(const struct state_run *r, const char *name, int64_t t)
{
    for (int i = r->n_params - 1; i >= 0; i--)
        if (r->params[i].time <= t && strcmp(r->params[i].name, name) == 0)
            return &r->params[i];
    return NULL;
}

struct span state_param_value(const struct state_run *r, const char *name, int64_t t)
{
    for (int i = r->n_lives - 1; i >= 0; i--)
        if (r->lives[i].time <= t && strcmp(r->lives[i].param, name) == 0)
            return (struct span){r->lives[i].new_value, r->lives[i].new_n};
    const struct state_param *p = state_param_at(r, name, t);
    return p ? (struct span){p->value, p->value_n} : (struct span){NULL, 0};
}

static bool same_value(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void note_live(struct state *s, struct state_run *r, struct span body, struct span name,
                      struct span old, struct span new)
{
    struct state_live *l = &STATE_PUSH(r->lives, r->n_lives);
    *l = (struct state_live){
        .time = s->last_time, .step = cmap_int(body, "step", -1), .command = cmap_int(body, "command", 0)};
    l->param = span_dup(name);
    l->old_value = state_keep(old, &l->old_n);
    l->new_value = state_keep(new, &l->new_n);
}

static bool same_double(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_declaration(const struct state_param *p, const struct state_param *q)
{
    return strcmp(p->type, q->type) == 0 && same_double(p->low, q->low) && same_double(p->high, q->high) &&
           p->log == q->log && p->live == q->live &&
           same_value((struct span){p->choices, p->choices_n}, (struct span){q->choices, q->choices_n});
}

static void param_release(struct state_param *p)
{
    free(p->name);
    free(p->type);
    free(p->choices);
    free(p->value);
}

/* A second declaration (the program was started again) may change the value: that is a change like any other.
 */
int apply_declare(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    struct span name = cmap_str(ev->body, "name"), value = cmap_value(ev->body, "value"),
                type = cmap_str(ev->body, "type");
    if (!r || !name.n || !value.p)
        return 1;
    struct state_param p = {.name = span_dup(name),
                            .type = type.p ? span_dup(type) : mem_str("float"),
                            .low = cmap_double(ev->body, "low", NAN),
                            .high = cmap_double(ev->body, "high", NAN),
                            .log = cmap_bool(ev->body, "log", false),
                            .live = cmap_bool(ev->body, "live", false),
                            .time = s->last_time};
    p.choices = state_keep(cmap_value(ev->body, "choices"), &p.choices_n);
    p.value = state_keep(value, &p.value_n);
    const struct state_param *before = state_param_at(r, p.name, s->last_time);
    struct span old = state_param_value(r, p.name, s->last_time);
    if (before && !same_value(old, value))
        note_live(s, r, ev->body, name, old, value);
    if (before && same_declaration(before, &p))
        param_release(&p);
    else
        STATE_PUSH(r->params, r->n_params) = p;
    return 0;
}

/* What the trainer says of a command. The intervention's own states come as its own events; here counts what
 * took effect. */
int apply_command(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    struct span state = cmap_str(ev->body, "state");
    if (!r || !state.p)
        return 1;
    struct span name = cmap_str(ev->body, "param"), value = cmap_value(ev->body, "new");
    if (!span_eq(state, "applied") || !name.n || !value.p)
        return 0;
    note_live(s, r, ev->body, name, cmap_value(ev->body, "old"), value);
    return 0;
}

int apply_checkpoint(struct state *s, const struct event *ev)
{
    struct state_run *r = state_speaker(s, ev);
    struct span path = cmap_str(ev->body, "path");
    if (!r || !path.p)
        return 1;
    struct state_checkpoint *c = &STATE_PUSH(r->checkpoints, r->n_checkpoints);
    *c = (struct state_checkpoint){s->last_time, cmap_int(ev->body, "step", -1), span_dup(path)};
    return 0;
}

static void lives_free(struct state_live *lives, int n)
{
    for (int i = 0; i < n; i++) {
        free(lives[i].param);
        free(lives[i].old_value);
        free(lives[i].new_value);
    }
    free(lives);
}

void state_run_free(struct state_run *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n_params; i++)
        param_release(&r->params[i]);
    lives_free(r->lives, r->n_lives);
    for (int i = 0; i < r->n_processes; i++) {
        free(r->processes[i].worker);
        free(r->processes[i].host);
    }
    for (int i = 0; i < r->n_metrics; i++)
        takes_free(&r->metrics[i].takes);
    for (int i = 0; i < r->n_checkpoints; i++)
        free(r->checkpoints[i].path);
    for (int i = 0; i < r->n_lines; i++)
        free(r->lines[i].text);
    state_changes_free(r->changes, r->n_changes);
    takes_free(&r->reports);
    free(r->params);
    free(r->processes);
    free(r->metrics);
    free(r->checkpoints);
    free(r->lines);
    free(r->bandits);
    free(r->worker);
    free(r->host);
    free(r);
}
