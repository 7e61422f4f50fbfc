/* story: compares what the hub shows now with what was told. One summary and one list of interventions are subscribed;
 * trials are asked for page by page, newest change first, until a page reaches what is already known, so that a burst of
 * a thousand short trials loses no line.
 *
 * Invariant: at most one request for trials is under way. */
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

#define HZ     2
#define PAGE   64
#define DIGITS 5
#define ID_MAX (1 << 20) /* trials and interventions past this many are not told */

struct story_trial {
    char state[16]; /* as told; "" never heard of */
};

struct story {
    struct client *c;
    char *sweep;
    story_line *line;
    void *arg;
    struct view *summary, *interventions;
    uint64_t summary_seen, interventions_seen;
    bool quiet;
    struct story_trial *trials;
    int64_t n_trials;
    struct buf counts;      /* what of the summary was the reason for the last look at the trials */
    int64_t look_id;        /* the request under way */
    bool look_again, looked;
    int64_t from;           /* first row of the page under way */
    int64_t newest, mark;   /* changes up to mark are known; newest is the mark to be */
    int64_t best_trial;
    double best;
    char state[16], warning[256];
    struct buf iv_states;   /* one byte per id: the state last seen */
    enum client_link link;
    struct failure *failures;
};

struct failure { /* a trial whose reason is being asked for */
    struct failure *next;
    struct story *f;
    int64_t trial, time, id;
};

/* ---- lines ---- */

static void start_line(struct buf *b, int64_t wall)
{
    char hms[CLOCK_TEXT];
    clock_hms(hms, wall);
    buf_clear(b);
    buf_printf(b, "%s ", hms);
}

static void end_line(struct story *f, enum story_kind kind, struct buf *b)
{
    f->line(f->arg, kind, buf_cstr(b));
    buf_release(b);
}

static void put_number(struct buf *b, double v)
{
    char text[TEXT_NUM];
    text_fmt_short(text, v, DIGITS);
    buf_puts(b, isnan(v) ? "nan" : text);
}

static struct span head(const struct story *f)
{
    return f->summary->head;
}

/* 17 or "t17"; -1 when there is none. */
static int64_t trial_id(struct span map, const char *key)
{
    char name[24];
    int64_t id = cmap_int(map, key, -1);
    if (cmap_strcpy(map, key, name, sizeof name) && name[0] == 't' && !text_int(name + 1, &id))
        id = -1;
    return id;
}

static void put_metric(struct story *f, struct buf *b, double value)
{
    struct span metric = cmap_str(head(f), "metric");
    if (metric.n)
        say_put(b, metric);
    else
        buf_puts(b, "value");
    buf_putc(b, ' ');
    put_number(b, value);
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
    start_line(&b, clock_wall_ns());
    buf_puts(&b, sentences[now]);
    end_line(f, STORY_LINK, &b);
    if (now == LINK_UP)
        buf_clear(&f->counts); /* look at everything once more */
}

/* ---- trials ---- */

static struct story_trial *trial_at(struct story *f, int64_t id)
{
    if (id < 0 || id >= ID_MAX)
        return NULL;
    if (id >= f->n_trials) {
        int64_t n = f->n_trials ? f->n_trials : 64;
        while (n <= id)
            n *= 2;
        f->trials = mem_resize(f->trials, (size_t)n, sizeof *f->trials);
        memset(f->trials + f->n_trials, 0, (size_t)(n - f->n_trials) * sizeof *f->trials);
        f->n_trials = n;
    }
    return &f->trials[id];
}

static void put_params(struct buf *b, struct span row)
{
    struct span params = cmap_value(row, "params");
    if (!params.n)
        return;
    buf_putc(b, ' ');
    say_value(b, params);
}

static void put_result(struct story *f, struct buf *b, struct span row)
{
    double value = cmap_double(row, "value", NAN), seconds = cmap_double(row, "seconds", NAN);
    int64_t step = cmap_int(row, "step", -1);
    char span[CLOCK_TEXT];

    buf_putc(b, ' ');
    put_metric(f, b, value);
    if (step >= 0)
        buf_printf(b, " at step %" PRId64, step);
    if (isfinite(seconds)) {
        clock_span(span, (int64_t)(seconds * 1e9));
        buf_printf(b, " after %s", span);
    }
}

static void drop_failure(struct failure *x)
{
    struct failure **p = &x->f->failures;
    while (*p != x)
        p = &(*p)->next;
    *p = x->next;
    free(x);
}

/* The events view's rows of one trial: the last one of kind "fail" says why. */
static void told_failure(void *arg, const struct message *m)
{
    struct failure *x = arg;
    struct span parts = m ? cmap_value(m->body, "parts") : (struct span){0}, text = {0};
    struct codec_reader r;
    struct buf b = {0};

    cr_init(&r, parts.p, parts.n);
    for (size_t n = parts.n ? cr_array(&r) : 0; n > 0 && cr_array(&r) == 2; n--) {
        cr_skip(&r);
        struct span row = cr_value(&r);
        if (cr_ok(&r) && span_eq(cmap_str(row, "kind"), "fail"))
            text = cmap_str(row, "text");
    }
    start_line(&b, x->time);
    buf_printf(&b, "t%" PRId64 " failed", x->trial);
    if (text.n) {
        buf_puts(&b, ": ");
        say_put(&b, text);
    }
    end_line(x->f, STORY_FAILED, &b);
    drop_failure(x);
}

static void ask_failure(struct story *f, int64_t trial, int64_t time)
{
    struct failure *x = MEM_NEW(struct failure);
    struct buf b = {0};
    struct codec_writer w;

    *x = (struct failure){.next = f->failures, .f = f, .trial = trial, .time = time};
    f->failures = x;
    cw_init(&w, &b);
    cw_map(&w, 3);
    cw_kstr(&w, "view", "events");
    cw_kstr(&w, "sweep", f->sweep);
    cw_kint(&w, "trial", trial);
    int64_t id = client_request(f->c, MSG_VIEW, (struct span){(char *)b.data, b.len}, told_failure, x);
    if (id)
        x->id = id;
    buf_release(&b);
}

static bool in(const char *state, const char *list)
{
    const char *at = strstr(list, state);
    size_t n = strlen(state);
    return n && at && (at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]);
}

static void tell_trial(struct story *f, struct span row, int64_t trial, const char *was, const char *state, int64_t time)
{
    struct buf b = {0};
    enum story_kind kind = STORY_STATE;

    if (in(state, "waiting") && !*was)
        return; /* chosen: it is told when it starts */
    if (in(state, "failed")) {
        ask_failure(f, trial, time);
        return;
    }
    start_line(&b, time);
    buf_printf(&b, "t%" PRId64 " ", trial);
    if (in(state, "running") && (!*was || in(was, "waiting"))) {
        kind = STORY_STARTED;
        buf_puts(&b, "started");
        put_params(&b, row);
    } else if (in(state, "running")) {
        buf_puts(&b, "runs again");
    } else {
        say_puts(&b, state);
    }
    if (in(state, "done pruned stopped killed")) {
        kind = STORY_ENDED;
        put_result(f, &b, row);
    }
    end_line(f, kind, &b);
}

/* One row of a page; false when it was already known. */
static bool take_trial(struct story *f, struct span row)
{
    int64_t id = trial_id(row, "trial"), changed = cmap_int(row, "changed", -1);
    struct story_trial *t = trial_at(f, id);
    char state[16], was[16];

    if (!t)
        return false;
    if (changed > f->newest)
        f->newest = changed;
    cmap_strcpy(row, "state", state, sizeof state);
    if (strcmp(state, t->state) != 0) {
        memcpy(was, t->state, sizeof was);
        memcpy(t->state, state, sizeof state);
        if (!f->quiet || f->looked)
            tell_trial(f, row, id, was, state, changed > 0 ? changed : client_now(f->c));
    }
    return changed < 0 || changed > f->mark;
}

static void look(struct story *f, int64_t from);

/* Rows come newest first and are told oldest first. */
static int page_rows(struct span parts, struct span *rows)
{
    struct codec_reader r;
    int n = 0;
    cr_init(&r, parts.p, parts.n);
    for (size_t left = parts.n ? cr_array(&r) : 0; left > 0 && n < PAGE && cr_array(&r) == 2; left--) {
        cr_skip(&r);
        rows[n] = cr_value(&r);
        if (!cr_ok(&r))
            break;
        n++;
    }
    return n;
}

static void told_page(void *arg, const struct message *m)
{
    struct story *f = arg;
    struct span rows[PAGE];
    bool all_new = true;

    f->look_id = 0;
    if (!m || m->kind != MSG_VIEW_DATA) {
        buf_clear(&f->counts); /* asked again when the hub is back */
        return;
    }
    int n = page_rows(cmap_value(m->body, "parts"), rows);
    for (int i = n - 1; i >= 0; i--)
        all_new &= take_trial(f, rows[i]);
    if (n == PAGE && all_new) {
        look(f, f->from + n);
        return;
    }
    f->mark = f->newest;
    f->looked = true;
}

static void look(struct story *f, int64_t from)
{
    struct buf b = {0};
    struct codec_writer w;

    cw_init(&w, &b);
    cw_map(&w, 6);
    cw_kstr(&w, "view", "trials");
    cw_kstr(&w, "sweep", f->sweep);
    cw_kstr(&w, "sort", "-changed");
    cw_kint(&w, "from", from);
    cw_kint(&w, "rows", PAGE);
    cw_kint(&w, "spark", 0);
    f->from = from;
    f->look_id = -1; /* a reply may come before client_request returns */
    int64_t id = client_request(f->c, MSG_VIEW, (struct span){(char *)b.data, b.len}, told_page, f);
    if (f->look_id == -1)
        f->look_id = id;
    buf_release(&b);
}

/* ---- the summary ---- */

static void tell_best(struct story *f)
{
    double best = cmap_double(head(f), "best", NAN);
    int64_t trial = trial_id(head(f), "best_trial");
    struct buf b = {0};

    if (trial < 0 || isnan(best) || (trial == f->best_trial && best == f->best))
        return;
    f->best = best;
    f->best_trial = trial;
    start_line(&b, client_now(f->c));
    buf_printf(&b, "t%" PRId64 " ", trial);
    put_metric(f, &b, best);
    buf_puts(&b, " new best");
    end_line(f, STORY_BEST, &b);
}

static void tell_sweep(struct story *f)
{
    char state[16] = "", warning[256] = "";
    struct buf b = {0};

    cmap_strcpy(head(f), "state", state, sizeof state);
    cmap_strcpy(head(f), "warning", warning, sizeof warning);
    if (strcmp(state, f->state) != 0) {
        bool first = !*f->state;
        memcpy(f->state, state, sizeof state);
        if (!first || strcmp(state, "running") != 0) {
            start_line(&b, client_now(f->c));
            buf_puts(&b, "sweep ");
            say_put(&b, cmap_str(head(f), "sweep"));
            buf_puts(&b, " is ");
            say_puts(&b, state);
            end_line(f, STORY_SWEEP, &b);
        }
    }
    if (strcmp(warning, f->warning) != 0) {
        memcpy(f->warning, warning, sizeof warning);
        start_line(&b, client_now(f->c));
        buf_puts(&b, *warning ? "warning: " : "the warning is over");
        say_puts(&b, warning);
        end_line(f, STORY_WARNING, &b);
    }
}

/* Whether trials may have moved since they were last looked at. */
static bool counts_moved(struct story *f)
{
    struct span counts = cmap_value(head(f), "counts");
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

    start_line(&b, time > 0 ? time : client_now(f->c));
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
    end_line(f, STORY_INTERVENTION, &b);
}

/* 1.. in the order in which an intervention goes through them; those from FINAL_STATE on are final. */
#define FINAL_STATE 4
static uint8_t state_code(struct span state)
{
    static const char *const names[] = {"queued", "sent", "delivered", "applied", "rejected", "expired", "undone"};
    for (uint8_t i = 0; i < sizeof names / sizeof *names; i++)
        if (span_eq(state, names[i]))
            return (uint8_t)(i + 1);
    return 0;
}

static void tell_interventions(struct story *f)
{
    bool first = !f->interventions_seen && f->quiet;

    if (f->interventions->version == f->interventions_seen)
        return;
    f->interventions_seen = f->interventions->version;
    for (int i = 0; i < f->interventions->n_parts; i++) {
        struct span row = f->interventions->parts[i].value, state = cmap_str(row, "state");
        int64_t id = cmap_int(row, "id", -1);
        uint8_t code = state_code(state);
        if (id < 0 || id >= ID_MAX || !code)
            continue;
        while ((int64_t)f->iv_states.len <= id)
            buf_putc(&f->iv_states, 0);
        bool news = f->iv_states.data[id] != code;
        f->iv_states.data[id] = code;
        if (news && code >= FINAL_STATE && !first)
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
    if (f->look_id > 0)
        client_forget(f->c, f->look_id);
    while (f->failures) {
        client_forget(f->c, f->failures->id);
        drop_failure(f->failures);
    }
    client_unsub(f->c, f->summary);
    client_unsub(f->c, f->interventions);
    buf_release(&f->counts);
    buf_release(&f->iv_states);
    free(f->trials);
    free(f->sweep);
    free(f);
}

void story_pump(struct story *f)
{
    tell_link(f);
    if (f->summary->version != f->summary_seen && head(f).n) {
        f->summary_seen = f->summary->version;
        if (counts_moved(f))
            f->look_again = true;
        tell_best(f);
        tell_sweep(f);
    }
    if (f->look_again && !f->look_id && f->link == LINK_UP) {
        f->look_again = false;
        look(f, 0);
    }
    tell_interventions(f);
}

static int64_t counted(struct span counts, const char *state)
{
    return cmap_int(counts, state, 0);
}

void story_summary(const struct story *f, struct story_summary *s)
{
    struct span h = head(f), counts = cmap_value(h, "counts");
    struct buf best = {0};

    *s = (struct story_summary){.loaded = f->summary->loaded && f->looked, .error = f->summary->error};
    cmap_strcpy(h, "sweep", s->sweep, sizeof s->sweep);
    cmap_strcpy(h, "state", s->state, sizeof s->state);
    cmap_strcpy(h, "metric", s->metric, sizeof s->metric);
    cmap_strcpy(h, "recording", s->recording, sizeof s->recording);
    put_number(&best, cmap_double(h, "best", NAN));
    snprintf(s->best, sizeof s->best, "%s", buf_cstr(&best));
    buf_release(&best);
    s->best_trial = trial_id(h, "best_trial");
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
    /* Over only when the last trials were told too. */
    s->over = (in(s->state, "done failed")) && f->looked && !f->look_again && !f->look_id && !f->failures;
    s->best_params = cmap_value(h, "best_params");
}

void story_status(const struct story *f, struct buf *out)
{
    struct story_summary s;
    story_summary(f, &s);
    const struct {
        const char *word;
        int64_t n;
    } counts[] = {{"done", s.done}, {"pruned", s.pruned}, {"stopped", s.stopped}, {"failed", s.failed}, {"killed", s.killed},
                  {"lost", s.lost}, {"paused", s.paused}, {"running", s.running}, {"waiting", s.waiting}};
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
