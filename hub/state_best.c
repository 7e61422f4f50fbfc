/* state_best: the incumbent over time.
 *
 * Values get worse as well as better (the last report counts, not the best), and trials leave the race when
 * they fail, so the candidates stand in a binary heap: each change costs O(log trials) and a new incumbent is
 * noted when the top changes. In a sweep with replicates the tuner says who leads (a lucky single value does not), and its word
 * stands as long as that trial is in the race. */
#include <math.h>

#include "hub/state_parts.h"

bool state_value_now(const struct state *s, const struct state_trial *tr, double *value, int64_t *step)
{
    double sum = 0;
    int n = 0;
    for (int i = tr->n_runs - 1; i >= 0; i--) {
        const struct state_run *r = s->runs[tr->runs[i]];
        bool replaced = false;
        for (int k = tr->n_runs - 1; k > i && !replaced; k--) {
            const struct state_run *later = s->runs[tr->runs[k]];
            replaced = later->reported && later->seed == r->seed;
        }
        if (!r->reported || replaced)
            continue;
        sum += r->report_value;
        *step = n == 0 || r->report_step > *step ? r->report_step : *step;
        n++;
    }
    *value = n ? sum / n : NAN;
    return n > 0;
}

static double value_of(const struct state_trial *tr)
{
    return tr->reports[tr->n_reports - 1].trial_value;
}

static bool counts(const struct state_trial *tr)
{
    if (state_trial_tests(tr))
        return false;
    switch (state_newest(tr->changes, tr->n_changes, TRIAL_WAITING)) {
    case TRIAL_WAITING:
    case TRIAL_FAILED:
    case TRIAL_KILLED:
    case TRIAL_WITHDRAWN: return false;
    default: break;
    }
    if (tr->n_reports == 0 || (tr->n_resets && tr->resets[tr->n_resets - 1].n_reports == tr->n_reports))
        return false;
    return isfinite(value_of(tr));
}

static bool before(const struct state *s, const struct state_trial *a, const struct state_trial *b)
{
    double x = value_of(a), y = value_of(b);
    if (x != y)
        return s->info.maximize ? x > y : x < y;
    return a->trial < b->trial;
}

static void place(struct state *s, int at, struct state_trial *tr)
{
    s->heap[at] = tr->trial;
    tr->heap = at;
}

static void sift(struct state *s, struct state_trial *tr)
{
    int at = tr->heap;
    while (at > 0 && before(s, tr, s->trials[s->heap[(at - 1) / 2]])) {
        place(s, at, s->trials[s->heap[(at - 1) / 2]]);
        at = (at - 1) / 2;
    }
    for (;;) {
        int child = 2 * at + 1;
        if (child >= s->n_heap)
            break;
        if (child + 1 < s->n_heap && before(s, s->trials[s->heap[child + 1]], s->trials[s->heap[child]]))
            child++;
        if (!before(s, s->trials[s->heap[child]], tr))
            break;
        place(s, at, s->trials[s->heap[child]]);
        at = child;
    }
    place(s, at, tr);
}

static void leave(struct state *s, struct state_trial *tr)
{
    struct state_trial *last = s->trials[s->heap[--s->n_heap]];
    int hole = tr->heap;
    tr->heap = -1;
    if (last == tr)
        return;
    place(s, hole, last);
    sift(s, last);
}

static void note_top(struct state *s)
{
    const struct state_trial *chosen = state_trial(s, s->chosen);
    int64_t trial = chosen && chosen->heap >= 0 ? chosen->trial : s->n_heap ? s->heap[0] : -1;
    double value = s->n_heap ? value_of(s->trials[trial]) : NAN;
    const struct state_improvement *last = s->n_best ? &s->best[s->n_best - 1] : NULL;
    if (last ? last->trial == trial && (trial < 0 || last->value == value) : trial < 0)
        return;
    if (last && last->time == s->last_time) /* within one instant only the outcome can be seen */
        s->n_best--;
    struct state_improvement *b = &STATE_PUSH(s->best, s->n_best);
    *b = (struct state_improvement){s->last_time, trial, value};
}

void state_best_update(struct state *s, struct state_trial *tr)
{
    bool is = tr->heap >= 0, should = counts(tr);
    if (!is && !should)
        return;
    if (is && !should) {
        leave(s, tr);
    } else {
        if (!is) {
            STATE_PUSH(s->heap, s->n_heap) = tr->trial;
            tr->heap = s->n_heap - 1;
        }
        sift(s, tr);
    }
    note_top(s);
}

void state_best_choose(struct state *s, int64_t trial)
{
    s->chosen = trial;
    note_top(s);
}

void state_best_rebuild(struct state *s)
{
    for (int i = 0; i < s->n_trials; i++)
        if (s->trials[i] && s->trials[i]->heap >= 0)
            leave(s, s->trials[i]);
    for (int i = 0; i < s->n_trials; i++)
        if (s->trials[i])
            state_best_update(s, s->trials[i]);
}
