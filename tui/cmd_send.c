/* cmd_send: `hypertop send VERB ...`: the console's `:` line for scripts. Waits until every target has a
 * final state and prints one line (or JSON object) for each, in the order in which the hub named them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "proto/verb.h"
#include "tui/cmd_list.h"
#include "tui/say.h"

#define WAIT_DEFAULT 30.0 /* seconds until a trainer reaches its safe point */

struct target {
    int64_t id; /* of the intervention */
    char *verb, *name, *state, *message;
};

struct answers {
    struct target *list;
    int n;
    bool over, lost;
    char *error; /* the hub refused the whole request */
};

static void target_release(struct target *t)
{
    free(t->verb);
    free(t->name);
    free(t->state);
    free(t->message);
}

static struct target *target_of(struct answers *a, int64_t id, struct span name)
{
    for (int i = 0; i < a->n; i++)
        if (a->list[i].id == id && span_eq(name, a->list[i].name))
            return &a->list[i];
    a->list = mem_resize(a->list, (size_t)a->n + 1, sizeof *a->list);
    a->list[a->n] = (struct target){.id = id};
    return &a->list[a->n++];
}

static void on_result(void *arg, const struct message *m)
{
    struct answers *a = arg;

    a->lost = m == NULL;
    a->over = !m || m->kind != MSG_RESULT || !cmap_bool(m->body, "more", false);
    if (m && m->kind == MSG_ERROR)
        a->error = span_dup(cmap_str(m->body, "message"));
    if (!m || m->kind != MSG_RESULT)
        return;
    struct span target = cmap_str(m->body, "target");
    struct target *t = target_of(a, cmap_int(m->body, "id", 0), target);
    target_release(t);
    t->verb = span_dup(cmap_str(m->body, "verb"));
    t->name = span_dup(target);
    t->state = span_dup(cmap_str(m->body, "state"));
    t->message = span_dup(cmap_str(m->body, "message"));
}

static bool good(const struct target *t)
{
    static const char *const bad[] = {"rejected", "expired"};
    for (int i = 0; i < 2; i++)
        if (strcmp(t->state, bad[i]) == 0)
            return false;
    return *t->state != '\0';
}

static void put_json(struct buf *b, const struct target *t)
{
    struct json_out j;
    jw_open(&j, b);
    jw_object(&j);
    jw_key(&j, "id");
    jw_int(&j, t->id);
    jw_key(&j, "verb");
    jw_str(&j, t->verb);
    jw_key(&j, "target");
    jw_str(&j, t->name);
    jw_key(&j, "state");
    jw_str(&j, t->state);
    jw_key(&j, "message");
    jw_str(&j, t->message);
    jw_object_end(&j);
    buf_putc(b, '\n');
}

/* "set t17 applied: lr 0.1 -> 0.001 at step 1200 (intervention 4)" */
static void put_sentence(struct buf *b, const struct target *t)
{
    say_puts(b, t->verb);
    if (*t->name) {
        buf_putc(b, ' ');
        say_puts(b, t->name);
    }
    buf_putc(b, ' ');
    say_puts(b, t->state);
    if (*t->message) {
        buf_puts(b, ": ");
        say_puts(b, t->message);
    }
    if (t->id > 0)
        buf_printf(b, " (intervention %" PRId64 ")", t->id);
    buf_putc(b, '\n');
}

/* One line a target: what went well on stdout, what did not on stderr; JSON all on stdout. */
static int report(struct cmd_call *call, const struct answers *a, bool as_json)
{
    struct buf out = {0}, err = {0};
    int rc = EXIT_DONE;

    for (int i = 0; i < a->n; i++) {
        bool well = good(&a->list[i]);
        if (!well)
            rc = EXIT_FAILED;
        if (as_json) {
            put_json(&out, &a->list[i]);
        } else if (well) {
            put_sentence(&out, &a->list[i]);
        } else {
            buf_puts(&err, "hypertop send: ");
            put_sentence(&err, &a->list[i]);
        }
    }
    if (!say_flush(&out, STDOUT_FILENO))
        rc = EXIT_FAILED;
    say_flush(&err, STDERR_FILENO);
    buf_release(&out);
    buf_release(&err);
    return rc;
}

static int conclude(struct cmd_call *call, struct answers *a, double seconds)
{
    int rc = report(call, a, opt_flag(&call->set, "json"));

    if (a->error)
        return cmd_error(call, EXIT_FAILED, "%s", a->error);
    if (a->lost)
        return cmd_error(
            call, EXIT_NO_HUB,
            "the hub went away before it answered: `hypertop ls interventions` shows what was done");
    if (!a->over && a->n == 0)
        return cmd_error(call, EXIT_FAILED,
                         "no answer within %g s: `hypertop ls interventions` shows what became of it",
                         seconds);
    if (a->n == 0)
        return cmd_error(call, EXIT_FAILED, "the hub named no target: nothing was done");
    return rc;
}

int cmd_send(struct cmd_call *call)
{
    struct answers a = {0};
    double seconds = opt_real(&call->set, "timeout", WAIT_DEFAULT);
    bool wait = !opt_flag(&call->set, "no-wait");
    char *cause = NULL;

    /* The words are judged before a hub is looked for: a mistyped verb is a usage error wherever one is. */
    struct buf parsed = {0};
    struct codec_writer w;
    cw_init(&w, &parsed);
    int bad = verb_parse(call->set.n_words, (char *const *)call->set.words, &w, &cause);
    buf_release(&parsed);
    if (bad)
        return cmd_cause(call, EXIT_USAGE, cause);
    int rc = cmd_connect(call, NULL, false);
    if (rc != EXIT_DONE)
        return rc;
    int64_t until = clock_mono_ns() + (int64_t)(seconds * 1e9);
    int64_t id = client_verb(call->client, call->set.n_words, (char *const *)call->set.words,
                             opt_text(&call->set, "sweep"), wait, on_result, &a, &cause);
    if (!id)
        return cmd_cause(call, EXIT_NO_HUB, cause);
    while (!a.over && client_wait(call->client, until))
        ;
    if (!a.over)
        client_forget(call->client, id);
    rc = conclude(call, &a, seconds);
    for (int i = 0; i < a.n; i++)
        target_release(&a.list[i]);
    free(a.list);
    free(a.error);
    return rc;
}
