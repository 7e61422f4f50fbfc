/* recover: see recover.h. Two folds over one log: the state's, and the tuner's, which is driven again by the
 * events that its calls left behind (trial, tell, applied interventions), from the newest dump on. Same calls
 * in the same order: the same asks as if the hub had never stopped. */
#include "hub/recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "hub/intervention.h"
#include "hub/launch_local.h"
#include "hub/objective.h"
#include "hub/redrive.h"
#include "hub/scheduler.h"
#include "hub/sweep.h"
#include "hub/trial.h"
#include "hub/verbs.h"
#include "hub/worker.h"
#include "proto/mcap_read.h"

#define SHOWN_FILES 10 /* ended recordings that are loaded to be shown */
#define SHOWN_BYTES (8 << 20)

/* ---- which recordings ---- */

struct found {
    char *path;
    int64_t bytes, mtime;
    bool ended;
};

struct found_list {
    struct found *v;
    int n;
};

/* The first event names the hub; the last state says whether the sweep has ended. A finished file is not read
 * whole for it. */
static bool look(const char *path, const char *hub, bool *ended)
{
    char *cause = NULL;
    struct event ev;
    struct recording_reader *r = rec_open(path, &cause);
    bool ours = false;
    *ended = false;
    if (r && rec_next(r, &ev, &cause) == 1 && ev.kind == EV_SWEEP) {
        struct span name = cmap_str(ev.body, "hub");
        ours = name.n ? span_eq(name, hub) : strcmp(hub, "default") == 0;
    }
    struct mcap_reader *m = ours ? mcap_open(path, 0, NULL) : NULL;
    const struct mcap_index *x = m ? mcap_summary(m) : NULL;
    if (x && x->has_times && rec_seek(r, (int64_t)x->end, NULL) == 0)
        while (rec_next(r, &ev, &cause) == 1)
            if (ev.kind == EV_SWEEP) {
                struct span st = cmap_str(ev.body, "state");
                *ended = span_eq(st, "done") || span_eq(st, "failed");
            }
    mcap_close(m);
    if (r)
        rec_close(r);
    free(cause);
    return ours;
}

static int by_age(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return (x->mtime > y->mtime) - (x->mtime < y->mtime);
}

static int find_recordings(struct hub *h, struct found_list *l, char **cause)
{
    DIR *d = opendir(h->data_dir);
    struct dirent *e;
    if (!d)
        return cause_set(cause, "%s: %s", h->data_dir, strerror(errno));
    while ((e = readdir(d))) {
        size_t n = strlen(e->d_name);
        struct stat st;
        struct buf path = {0};
        struct found f = {0};
        if (n < 6 || strcmp(e->d_name + n - 5, ".mcap") != 0)
            continue;
        buf_printf(&path, "%s/%s", h->data_dir, e->d_name);
        f.path = buf_take(&path);
        if (lstat(f.path, &st) != 0 || !S_ISREG(st.st_mode) || recorder_locked(f.path) ||
            !look(f.path, h->ep.name, &f.ended)) {
            free(f.path);
            continue;
        }
        f.bytes = st.st_size;
        f.mtime = st.st_mtim.tv_sec * CLOCK_S + st.st_mtim.tv_nsec;
        l->v = mem_resize(l->v, (size_t)l->n + 1, sizeof *l->v);
        l->v[l->n++] = f;
    }
    closedir(d);
    if (l->n)
        qsort(l->v, (size_t)l->n, sizeof *l->v, by_age);
    return 0;
}

/* ---- one sweep ---- */

static int fold(struct sweep *s, struct redrive *d, struct rec_damage *damage, char **cause)
{
    struct recording_reader *r = rec_open(s->path, cause);
    struct event ev;
    int rc;
    if (!r)
        return -1;
    while ((rc = rec_next(r, &ev, cause)) == 1) {
        if (ev.log_time > s->log_time)
            s->log_time = ev.log_time;
        state_apply(s->state, &ev);
        redrive_note(d, s, &ev);
    }
    rec_damage(r, damage);
    rec_close(r);
    return rc;
}

/* Nobody is connected yet: whoever was executing a run has to say so again. */
static void lose_runs(struct sweep *s)
{
    for (int64_t i = 0; i < s->state->n_runs; i++) {
        const struct state_run *r = state_run(s->state, i);
        struct run_live *l = sweep_run(s, i);
        enum run_state st = run_now(s, i);
        if (!r)
            continue;
        l->seq = l->acked = r->last_seq;
        if (!run_state_terminal(st) && *r->worker)
            l->worker = worker_named(s->hub, r->worker);
        if (st == RUN_LOST)
            l->lost_since = s->hub->mono;
        if (st != RUN_LEASED && st != RUN_RUNNING && st != RUN_PAUSED)
            continue;
        struct run_change c = RUN_CHANGE(RUN_LOST);
        c.why = "the hub was started again";
        if (l->worker)
            l->worker->busy++; /* run_move takes it off */
        run_move(s, i, &c);
    }
    for (int i = 0; i < s->state->n_trials; i++)
        trial_settle(s, i);
}

/* A person or the tuner had asked for the end of a trial that has not ended yet. */
static void restore_endings(struct sweep *s)
{
    for (int i = 0; i < s->state->n_ivs; i++) {
        const struct state_iv *iv = s->state->ivs[i];
        const struct verb_info *v = iv ? verb_find(iv->verb) : NULL;
        int64_t trial = v ? strtoll(iv->target, NULL, 10) : -1;
        if (!v || (v->verb != VERB_STOP && v->verb != VERB_KILL) || !state_trial(s->state, trial) ||
            !iv->n_changes || iv->changes[iv->n_changes - 1].state == IV_REJECTED ||
            trial_state_terminal(trial_now(s, trial)))
            continue;
        trial_ending(s, trial, v->verb == VERB_KILL ? TRIAL_KILLED : TRIAL_STOPPED, v->text, iv->id);
    }
    for (int i = 0; i < s->state->n_trials; i++) {
        const struct state_trial *t = state_trial(s->state, i);
        if (t && !trial_state_terminal(trial_now(s, i)) && t->n_tells &&
            t->tells[t->n_tells - 1].action == 's')
            trial_ending(s, i, TRIAL_PRUNED, "the tuner stopped it", 0);
    }
}

static void say_recovered(struct sweep *s, const struct rec_recovered *found, const struct rec_damage *damage,
                          const struct redrive *d)
{
    if (found->chunks_skipped || found->damaged_copy)
        sweep_hub_event(s, "damaged", "%d damaged chunks were skipped; the file as it was is %s",
                        found->chunks_skipped, found->damaged_copy ? found->damaged_copy : "gone");
    /* Opening trusts what was synced long ago; the fold has read it all. */
    if (damage->chunks_skipped)
        sweep_hub_event(s, "damaged", "%d damaged chunks (%lld bytes) were skipped; see hypertop fsck --repair",
                        damage->chunks_skipped, (long long)damage->bytes_lost);
    sweep_hub_event(s, "recovered", "%llu events read again, %lld bytes of a torn tail cut off",
                    (unsigned long long)found->events,
                    (long long)(found->truncated_at >= 0 ? found->truncated_bytes : 0));
    if (d->trouble)
        sweep_hub_event(s, "warning", "%s", d->trouble);
}

/* A hub that was stopped has ended its local workers: nobody will come back. */
static bool stopped_cleanly(const struct sweep *s)
{
    int n = s->state->n_hub_events;
    return n > 0 && strcmp(s->state->hub_events[n - 1].what, "stopped") == 0;
}

static int recover_one(struct hub *h, const char *path, char **cause)
{
    struct sweep *s = sweep_new(h, path);
    struct redrive d = {0};
    struct rec_recovered found = {.truncated_at = -1};
    struct rec_damage damage = {.truncated_at = -1};
    int rc = -1;
    struct recorder *rec = recorder_append(path, &h->sync, &found, cause);
    if (!rec || fold(s, &d, &damage, cause) < 0 || !s->state->info.name) {
        if (rec && !s->state->info.name)
            cause_set(cause, "%s: the beginning of the log is missing", path);
        goto out;
    }
    s->rec = rec; /* only now: the fold must not be recorded again */
    if (sweep_equip(s, cause) != 0 || redrive_tuner(&d, s, cause) != 0)
        goto out;
    rec = NULL;
    if (sweep_open(s)) {
        if (!stopped_cleanly(s))
            launch_expect(s);
        say_recovered(s, &found, &damage, &d);
        restore_endings(s);
        lose_runs(s);
        intervention_recover(s);
        objective_arms_changed(s);
    } else {
        s->exhausted = true;
    }
    sweep_refresh(s);
    hub_add_sweep(h, s);
    scheduler_wake(h);
    rc = 0;
out:
    redrive_release(&d);
    free(found.damaged_copy);
    if (rc != 0) {
        s->rec = NULL;
        recorder_close(&rec, 1000, NULL);
        sweep_free(s);
    }
    return rc;
}

/* ---- all of them ---- */

static void show_ended(struct hub *h, struct found_list *l)
{
    int64_t bytes = 0;
    int from = l->n, shown = 0;
    while (from > 0 && shown < SHOWN_FILES) {
        if (l->v[from - 1].ended) {
            if (bytes + l->v[from - 1].bytes > SHOWN_BYTES)
                break;
            bytes += l->v[from - 1].bytes;
            shown++;
        }
        from--;
    }
    for (int i = from; i < l->n; i++) {
        struct sweep_ref *r = l->v[i].ended ? sweep_ref_load(l->v[i].path, NULL) : NULL;
        if (r)
            hub_add_ref(h, r);
    }
}

int recover_all(struct hub *h, char **cause)
{
    struct found_list l = {0};
    int rc = find_recordings(h, &l, cause);
    if (rc == 0)
        show_ended(h, &l);
    for (int i = 0; i < l.n; i++) {
        char *why = NULL;
        if (!l.v[i].ended && recover_one(h, l.v[i].path, &why) != 0)
            fprintf(stderr, "hypertop-hub: %s was not resumed: %s\n", l.v[i].path, why ? why : "unreadable");
        free(why);
        free(l.v[i].path);
    }
    free(l.v);
    return rc;
}

int recover_replay(struct hub *h, char *const *files, char **cause)
{
    for (; *files; files++) {
        struct sweep_ref *r = sweep_ref_load(*files, cause);
        if (!r)
            return -1;
        hub_add_ref(h, r);
    }
    return 0;
}
