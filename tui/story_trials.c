/* story_trials: trials are asked for page by page, newest change first, until a page reaches what is already
 * known, so that a burst of a thousand short trials loses no line. Invariant: at most one request for trials
 * is under way. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tui/say.h"
#include "tui/story_state.h"

#define PAGE 64

static struct story_trial *trial_at(struct story *f, int64_t id)
{
    if (id < 0 || id >= STORY_ID_MAX)
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
    story_metric(f, b, value);
    if (step >= 0)
        buf_printf(b, " at step %" PRId64, step);
    if (isfinite(seconds) && seconds < 10) {
        buf_printf(b, " after %.1fs", seconds);
    } else if (isfinite(seconds)) {
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
    story_start(&b, x->time);
    buf_printf(&b, "t%" PRId64 " failed", x->trial);
    if (text.n) {
        buf_puts(&b, ": ");
        say_put(&b, text);
    }
    story_end(x->f, STORY_FAILED, &b);
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

/* A trial of origin "test": which one it scores, and once it is done the score. */
static void put_test(struct story *f, struct buf *b, struct span row, int64_t trial, bool done)
{
    int64_t of = story_trial_id(row, "parent");
    if (!span_eq(cmap_str(row, "origin"), "test") || of < 0)
        return;
    buf_printf(b, ", a test of t%" PRId64, of);
    if (!done)
        return;
    buf_printf(&f->tests, "t%" PRId64 " ", of);
    story_metric(f, &f->tests, cmap_double(row, "value", NAN));
    buf_printf(&f->tests, " (t%" PRId64 ")\n", trial);
}

static void tell_trial(struct story *f, struct span row, int64_t trial, const char *was, const char *state,
                       int64_t time)
{
    struct buf b = {0};
    enum story_kind kind = STORY_STATE;

    if (in(state, "waiting") && !*was)
        return; /* chosen: it is told when it starts */
    if (in(state, "failed")) {
        ask_failure(f, trial, time);
        return;
    }
    story_start(&b, time);
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
    put_test(f, &b, row, trial, in(state, "done"));
    if (in(state, "done pruned stopped killed")) {
        kind = STORY_ENDED;
        put_result(f, &b, row);
    }
    story_end(f, kind, &b);
}

/* One row of a page; false when it was already known. */
static bool take_trial(struct story *f, struct span row)
{
    int64_t id = story_trial_id(row, "trial"), changed = cmap_int(row, "changed", -1);
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
    return changed < 0 || changed >= f->mark;
}

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
        story_look(f, f->from + n);
        return;
    }
    f->mark = f->newest;
    f->looked = true;
}

void story_look(struct story *f, int64_t from)
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

void story_trials_release(struct story *f)
{
    if (f->look_id > 0)
        client_forget(f->c, f->look_id);
    while (f->failures) {
        client_forget(f->c, f->failures->id);
        drop_failure(f->failures);
    }
    free(f->trials);
}
