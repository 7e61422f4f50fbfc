/* sweep_ref: a recording as a sweep: opened, folded, closed. What only a living hub knows stays empty. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/alerts.h"
#include "hub/model_at.h"
#include "hub/sweepfile.h"
#include "hub/views.h"
#include "proto/recording.h"

struct loaded {
    struct sweep_ref ref; /* first: sweep_ref_free gets its address */
    char *path;
    char warning[160];
};

static int fold(struct state *s, struct recording_reader *r, char **cause)
{
    struct event ev;
    int rc;
    while ((rc = rec_next(r, &ev, cause)) == 1)
        state_apply(s, &ev);
    return rc;
}

static void note_damage(struct loaded *l, const struct recording_reader *r)
{
    struct rec_damage d;
    rec_damage(r, &d);
    if (d.chunks_skipped || d.events_skipped)
        snprintf(l->warning, sizeof l->warning,
                 "damaged: %d chunks and %lld events were skipped (hypertop fsck says where)",
                 d.chunks_skipped, (long long)d.events_skipped);
    l->ref.warning = l->warning[0] ? l->warning : NULL;
}

/* Steps at full length, for the progress column; a file that does not parse any more just leaves that column
 * empty. */
static int64_t read_max_fidelity(const struct sweep_info *f)
{
    struct sweepfile file = {0};
    char *cause = NULL;
    int64_t steps = -1;
    if (!f->yaml || !*f->yaml)
        return -1;
    if (sweepfile_parse(&file, f->yaml, strlen(f->yaml), f->path ? f->path : "sweep.yaml", &cause) == 0) {
        steps = file.max_fidelity;
        sweepfile_release(&file);
    }
    free(cause);
    return steps;
}

struct sweep_ref *sweep_ref_load(const char *path, char **cause)
{
    struct recording_reader *r = rec_open(path, cause);
    struct stat st;
    if (!r)
        return NULL;
    struct loaded *l = MEM_NEW(struct loaded);
    l->path = mem_str(path);
    l->ref = (struct sweep_ref){.state = state_new(), .recording = l->path, .max_fidelity = -1, .explore = 1, .alerts = alert_book_new(),
                                .models = model_cache_new()};
    int rc = fold(l->ref.state, r, cause);
    note_damage(l, r);
    rec_close(r);
    struct state *s = l->ref.state;
    if (rc == 0 && !s->info.name) {
        rc = cause_set(cause,
                       "%s: the event that starts a sweep is missing: hypertop fsck %s says what is damaged",
                       path, path);
    }
    if (rc != 0) {
        sweep_ref_free(&l->ref);
        return NULL;
    }
    l->ref.bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    l->ref.max_fidelity = read_max_fidelity(&s->info);
    l->ref.budget = s->info.budget;
    l->ref.concurrency = s->info.workers;
    return &l->ref;
}

void sweep_ref_free(struct sweep_ref *r)
{
    if (!r)
        return;
    struct loaded *l = (struct loaded *)r;
    model_cache_free(l->ref.models);
    alert_book_free(l->ref.alerts);
    state_free(l->ref.state);
    free(l->path);
    free(l);
}
