/* state_trial: trials: chosen, moved through their states, judged by the tuner. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state_parts.h"

#define MAX_DNA 4096

static const char empty_map[] = "\x80";

static void keep_dna(struct state_trial *tr, struct span body)
{
    struct codec_reader r;
    if (!cmap_find(body, "dna", &r) || cr_peek(&r) != CT_ARRAY)
        return;
    size_t n = cr_array(&r);
    if (n == 0 || n > MAX_DNA)
        return;
    tr->dna = mem_alloc(n * sizeof *tr->dna);
    for (size_t i = 0; i < n; i++)
        tr->dna[i] = cr_double(&r);
    if (!cr_ok(&r)) {
        free(tr->dna);
        tr->dna = NULL;
        return;
    }
    tr->n_dna = (int)n;
}

static struct span params_of(struct span body)
{
    struct codec_reader r;
    if (cmap_find(body, "params", &r) && cr_peek(&r) == CT_MAP)
        return cmap_value(body, "params");
    return (struct span){empty_map, 1};
}

bool state_trial_tests(const struct state_trial *tr)
{
    return strcmp(tr->origin, "test") == 0;
}

bool state_done_before(const struct state_trial *tr, int64_t t)
{
    int n = STATE_PREFIX(tr->changes, tr->n_changes, struct state_change, time, t);
    if (!n || trial_state_terminal((enum trial_state)tr->changes[n - 1].state))
        return false;
    while (n > 0 && tr->changes[n - 1].state != TRIAL_DONE)
        n--;
    return n > 0;
}

int apply_trial(struct state *s, const struct event *ev)
{
    int64_t id = cmap_int(ev->body, "trial", -1);
    if (id < 0 || id >= STATE_MAX_TRIALS || state_trial(s, id))
        return 1;
    while (s->n_trials <= id)
        STATE_PUSH(s->trials, s->n_trials) = NULL;
    struct state_trial *tr = s->trials[id] = MEM_NEW(struct state_trial);
    tr->trial = id;
    tr->heap = -1;
    tr->parent = cmap_int(ev->body, "parent", -1);
    tr->space_version = (int)cmap_int(ev->body, "space_version", s->space_version);
    tr->origin = cmap_strdup(ev->body, "origin");
    if (!tr->origin)
        tr->origin = mem_str("tuner");
    tr->why = cmap_strdup(ev->body, "why");
    tr->arm = cmap_strdup(ev->body, "arm");
    tr->propensity = cmap_double(ev->body, "propensity", NAN);
    tr->params = state_keep(params_of(ev->body), &tr->params_n);
    keep_dna(tr, ev->body);
    tr->created = s->last_time;
    state_became(s, &tr->changes, &tr->n_changes, TRIAL_WAITING, (struct span){0}, 0);
    return 0;
}

/* What a failed trial reported does not count for its second life. */
static void reset_value(struct state *s, struct state_trial *tr)
{
    if (!tr->n_reports)
        return;
    struct state_reset *r = &STATE_PUSH(tr->resets, tr->n_resets);
    *r = (struct state_reset){s->last_time, tr->n_reports};
    for (int i = 0; i < tr->n_runs; i++)
        s->runs[tr->runs[i]]->reported = false;
}

int apply_trial_state(struct state *s, const struct event *ev)
{
    struct state_trial *tr = state_trial(s, cmap_int(ev->body, "trial", -1));
    enum trial_state to;
    if (!tr || !trial_state_parse(cmap_str(ev->body, "state"), &to))
        return 1;
    int from = state_newest(tr->changes, tr->n_changes, TRIAL_WAITING);
    bool again = from == TRIAL_DONE && to == TRIAL_RUNNING && cmap_int(ev->body, "replicate", 0) > 0;
    if (!again && !trial_move_legal((enum trial_state)from, to))
        return 1;
    if (to == TRIAL_WAITING && trial_state_terminal((enum trial_state)from))
        reset_value(s, tr);
    state_became(s, &tr->changes, &tr->n_changes, to, cmap_str(ev->body, "why"),
                 cmap_int(ev->body, "intervention", 0));
    state_best_update(s, tr);
    return 0;
}

int apply_tell(struct state *s, const struct event *ev)
{
    struct state_trial *tr = state_trial(s, cmap_int(ev->body, "trial", -1));
    if (!tr)
        return 1;
    struct span action = cmap_str(ev->body, "action");
    struct state_tell tell = {.time = s->last_time,
                              .step = cmap_int(ev->body, "step", -1),
                              .value = cmap_double(ev->body, "value", NAN),
                              .rung = (int)cmap_int(ev->body, "rung", -1),
                              .action = span_eq(action, "change") ? 'x' : action.n ? action.p[0] : 'c'};
    if (tell.rung >= 0 || tell.action != 'c')
        STATE_PUSH(tr->tells, tr->n_tells) = tell;
    int64_t chosen = cmap_int(ev->body, "incumbent", -1);
    if (chosen >= 0)
        state_best_choose(s, chosen);
    return 0;
}

void state_trial_free(struct state_trial *tr)
{
    if (!tr)
        return;
    state_changes_free(tr->changes, tr->n_changes);
    free(tr->origin);
    free(tr->why);
    free(tr->arm);
    free(tr->params);
    free(tr->dna);
    free(tr->reports);
    free(tr->runs);
    free(tr->remarks);
    free(tr->tells);
    free(tr->resets);
    free(tr);
}
