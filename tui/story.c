/* story: compares what the hub shows now with what was told. One summary and one list of interventions are
 * subscribed; when the summary's counts move, story_trials.c looks at the trials; what the summary itself
 * says is told after them. */
#include "tui/story.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "tui/say.h"
#include "tui/story_state.h"

#define HZ     2
#define DIGITS 5

/* ---- lines ---- */

void story_start(struct buf *b, int64_t wall)
{
    char hms[CLOCK_TEXT];
    clock_hms(hms, wall);
    buf_clear(b);
    buf_printf(b, "%s ", hms);
}

void story_end(struct story *f, enum story_kind kind, struct buf *b)
{
    f->line(f->arg, kind, buf_cstr(b));
    buf_release(b);
}

void story_number(struct buf *b, double v)
{
    char text[TEXT_NUM];
    text_fmt_short(text, v, DIGITS);
    buf_puts(b, isnan(v) ? "nan" : text);
}

struct span story_head(const struct story *f)
{
    return f->summary->head;
}

int64_t story_trial_id(struct span map, const char *key)
{
    char name[24];
    int64_t id = cmap_int(map, key, -1);
    if (cmap_strcpy(map, key, name, sizeof name) && name[0] == 't' && !text_int(name + 1, &id))
        id = -1;
    return id;
}

void story_metric(struct story *f, struct buf *b, double value)
{
    struct span metric = cmap_str(story_head(f), "metric");
    if (metric.n)
        say_put(b, metric);
    else
        buf_puts(b, "value");
    buf_putc(b, ' ');
    story_number(b, value);
}

/* ---- the link ---- */

static void tell_link(struct story *f)
{
    static const char *const sentences[] = {
        [LINK_CONNECTING] = "connecting to the hub",
        [LINK_UP] = "the hub answers again",
        [LINK_STALE] = "the hub is silent; what was shown may be old",
        [LINK_DOWN] = "the hub is gone; waiting for it to come back",
    };
    struct buf b = {0};
    enum client_link now = client_link(f->c);

    if (now == f->link)
        return;
    f->link = now;
    story_start(&b, clock_wall_ns());
    buf_puts(&b, sentences[now]);
    story_end(f, STORY_LINK, &b);
    if (now == LINK_UP)
        buf_clear(&f->counts); /* look at everything once more */
}

/* ---- the summary ---- */

/* The sweep's own present: of a recording, its end. */
static int64_t story_now(const struct story *f)
{
    int64_t last = cmap_int(story_head(f), "last", -1);
    return cmap_bool(story_head(f), "live", true) || last <= 0 ? client_now(f->c) : last;
}

static void tell_best(struct story *f)
{
    double best = cmap_double(story_head(f), "best", NAN);
    int64_t trial = story_trial_id(story_head(f), "best_trial");
    struct buf b = {0};

    /* The incumbent's last value counts, so the best can get worse again; that is no news. */
    bool maximize = span_eq(cmap_str(story_head(f), "goal"), "maximize");
    if (trial < 0 || isnan(best) || (f->best_trial >= 0 && (maximize ? best <= f->best : best >= f->best)))
        return;
    f->best = best;
    f->best_trial = trial;
    story_start(&b, story_now(f));
    buf_printf(&b, "t%" PRId64 " ", trial);
    story_metric(f, &b, best);
    buf_puts(&b, " new best");
    story_end(f, STORY_BEST, &b);
}

static void tell_sweep(struct story *f)
{
    char state[16] = "", warning[256] = "";
    struct buf b = {0};

    cmap_strcpy(story_head(f), "state", state, sizeof state);
    cmap_strcpy(story_head(f), "warning", warning, sizeof warning);
    if (strcmp(state, f->state) != 0) {
        bool first = !*f->state;
        memcpy(f->state, state, sizeof state);
        if (!first || strcmp(state, "running") != 0) {
            story_start(&b, story_now(f));
            buf_puts(&b, "sweep ");
            say_put(&b, cmap_str(story_head(f), "sweep"));
            buf_puts(&b, " is ");
            say_puts(&b, state);
            story_end(f, STORY_SWEEP, &b);
        }
    }
    if (strcmp(warning, f->warning) != 0) {
        memcpy(f->warning, warning, sizeof warning);
        story_start(&b, story_now(f));
        buf_puts(&b, *warning ? "warning: " : "the warning is over");
        say_puts(&b, warning);
        story_end(f, STORY_WARNING, &b);
    }
}

/* Whether trials may have moved since they were last looked at. */
static bool counts_moved(struct story *f)
{
    struct span counts = cmap_value(story_head(f), "counts");
    if (f->counts.len == counts.n && counts.n && memcmp(f->counts.data, counts.p, counts.n) == 0)
        return false;
    buf_clear(&f->counts);
    buf_put(&f->counts, counts.p, counts.n);
    return true;
}

/* ---- interventions ---- */

static void tell_intervention(struct story *f, struct span row)
{
    struct buf b = {0};
    int64_t time = cmap_int(row, "time", 0), step = cmap_int(row, "applied_step", -1);
    static const char *const fields[] = {"who", "verb", "target"};

    story_start(&b, time > 0 ? time : client_now(f->c));
    for (int i = 0; i < 3; i++) {
        struct span s = cmap_str(row, fields[i]);
        say_put(&b, s);
        if (s.n)
            buf_putc(&b, ' ');
    }
    say_put(&b, cmap_str(row, "state"));
    if (step >= 0)
        buf_printf(&b, " at step %" PRId64, step);
    struct span message = cmap_str(row, "message"), reason = cmap_str(row, "reason");
    if (message.n) {
        buf_puts(&b, ": ");
        say_put(&b, message);
    }
    if (reason.n) {
        buf_puts(&b, " (");
        say_put(&b, reason);
        buf_putc(&b, ')');
    }
    story_end(f, STORY_INTERVENTION, &b);
}

/* 1.. in the order in which an intervention goes through them; those from FINAL_STATE on are final. */
#define FINAL_STATE 4
static uint8_t state_code(struct span state)
{
    static const char *const names[] = {"queued",   "sent",    "delivered", "applied",
                                        "rejected", "expired", "undone"};
    for (uint8_t i = 0; i < sizeof names / sizeof *names; i++)
        if (span_eq(state, names[i]))
            return (uint8_t)(i + 1);
    return 0;
}

/* Notes the state; whether it is news and final. */
static bool note_state(struct story *f, int64_t id, struct span state)
{
    uint8_t code = state_code(state);
    if (id < 0 || id >= STORY_ID_MAX || !code)
        return false;
    while ((int64_t)f->iv_states.len <= id)
        buf_putc(&f->iv_states, 0);
    bool news = f->iv_states.data[id] != code;
    f->iv_states.data[id] = code;
    return news && code >= FINAL_STATE;
}

void story_told(struct story *f, int64_t intervention, struct span state)
{
    note_state(f, intervention, state);
}

static void tell_interventions(struct story *f)
{
    bool first = !f->interventions_seen && f->quiet;

    if (f->interventions->version == f->interventions_seen)
        return;
    f->interventions_seen = f->interventions->version;
    for (int i = 0; i < f->interventions->n_parts; i++) {
        struct span row = f->interventions->parts[i].value;
        if (note_state(f, cmap_int(row, "id", -1), cmap_str(row, "state")) && !first)
            tell_intervention(f, row);
    }
}

/* ---- life ---- */

static struct view *subscribe(struct story *f, const char *view)
{
    struct buf b = {0};
    struct codec_writer w;

    cw_init(&w, &b);
    cw_map(&w, 2);
    cw_kstr(&w, "view", view);
    cw_kstr(&w, "sweep", f->sweep);
    struct view *v = client_sub(f->c, (struct span){(char *)b.data, b.len}, HZ);
    buf_release(&b);
    return v;
}

struct story *story_open(struct client *c, const char *sweep, bool quiet, story_line *line, void *arg)
{
    struct story *f = MEM_NEW(struct story);
    f->c = c;
    f->sweep = mem_str(sweep ? sweep : "");
    f->quiet = quiet;
    f->line = line;
    f->arg = arg;
    f->best_trial = -1;
    f->mark = f->newest = -1;
    f->link = client_link(c);
    f->summary = subscribe(f, "summary");
    f->interventions = subscribe(f, "interventions");
    return f;
}

void story_close(struct story *f)
{
    if (!f)
        return;
    story_trials_release(f);
    client_unsub(f->c, f->summary);
    client_unsub(f->c, f->interventions);
    buf_release(&f->counts);
    buf_release(&f->tests);
    buf_release(&f->iv_states);
    free(f->sweep);
    free(f->current);
    free(f);
}

/* "The newest" has become another sweep: nothing that was told is about it. */
static void follow_newest(struct story *f)
{
    struct span name = cmap_str(story_head(f), "sweep");
    struct buf b = {0};

    if (!name.n || (f->current && span_eq(name, f->current)))
        return;
    if (f->current) {
        memset(f->trials, 0, (size_t)f->n_trials * sizeof *f->trials);
        buf_clear(&f->iv_states);
        buf_clear(&f->counts);
        f->best_trial = f->mark = f->newest = -1;
        f->state[0] = '\0';
        story_start(&b, story_now(f));
        buf_puts(&b, "sweep ");
        say_put(&b, name);
        buf_puts(&b, " is the newest now");
        story_end(f, STORY_SWEEP, &b);
    }
    free(f->current);
    f->current = span_dup(name);
}

void story_pump(struct story *f)
{
    tell_link(f);
    if (f->summary->version != f->summary_seen && story_head(f).n) {
        f->summary_seen = f->summary->version;
        follow_newest(f);
        f->moved = true;
        if (counts_moved(f))
            f->look_again = true;
    }
    if (f->look_again && !f->look_id && f->link == LINK_UP) {
        f->look_again = false;
        story_look(f, 0);
    }
    /* The trials first: a sweep is not over before its last trial is. */
    if (f->moved && f->looked && !f->look_id && !f->look_again) {
        f->moved = false;
        tell_best(f);
        tell_sweep(f);
    }
    tell_interventions(f);
}

static int64_t counted(struct span counts, const char *state)
{
    return cmap_int(counts, state, 0);
}

void story_summary(const struct story *f, struct story_summary *s)
{
    struct span h = story_head(f), counts = cmap_value(h, "counts");
    struct buf best = {0};

    *s = (struct story_summary){.loaded = f->summary->loaded && f->looked, .error = f->summary->error};
    cmap_strcpy(h, "sweep", s->sweep, sizeof s->sweep);
    cmap_strcpy(h, "state", s->state, sizeof s->state);
    cmap_strcpy(h, "metric", s->metric, sizeof s->metric);
    cmap_strcpy(h, "recording", s->recording, sizeof s->recording);
    story_number(&best, cmap_double(h, "best", NAN));
    snprintf(s->best, sizeof s->best, "%s", buf_cstr(&best));
    buf_release(&best);
    s->best_trial = story_trial_id(h, "best_trial");
    s->trials = cmap_int(h, "trials", 0);
    s->budget = cmap_int(h, "budget", -1);
    s->waiting = counted(counts, "waiting");
    s->running = counted(counts, "running");
    s->paused = counted(counts, "paused");
    s->lost = counted(counts, "lost");
    s->done = counted(counts, "done");
    s->pruned = counted(counts, "pruned");
    s->stopped = counted(counts, "stopped");
    s->failed = counted(counts, "failed");
    s->killed = counted(counts, "killed");
    s->withdrawn = counted(counts, "withdrawn");
    bool ended = strcmp(s->state, "done") == 0 || strcmp(s->state, "failed") == 0;
    s->settled = f->looked && !f->look_again && !f->look_id && !f->moved && !f->failures;
    s->over = ended && s->settled;
    s->best_params = cmap_value(h, "best_params");
    s->tests = (struct span){(const char *)f->tests.data, f->tests.len};
}

void story_status(const struct story *f, struct buf *out)
{
    struct story_summary s;
    story_summary(f, &s);
    const struct {
        const char *word;
        int64_t n;
    } counts[] = {{"done", s.done},     {"pruned", s.pruned},   {"stopped", s.stopped},
                  {"failed", s.failed}, {"killed", s.killed},   {"lost", s.lost},
                  {"paused", s.paused}, {"running", s.running}, {"waiting", s.waiting}};
    size_t from = out->len;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].n)
            buf_printf(out, "%s%" PRId64 " %s", out->len > from ? ", " : "", counts[i].n, counts[i].word);
    if (out->len == from)
        buf_puts(out, "no trial yet");
    if (s.budget >= 0)
        buf_printf(out, " of %" PRId64, s.budget);
    if (s.best_trial >= 0)
        buf_printf(out, ", best %s t%" PRId64, s.best, s.best_trial);
}
