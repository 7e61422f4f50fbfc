/* intervention: see intervention.h. Owns the list of unfinished interventions of each sweep. */
#include "hub/intervention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/params.h"
#include "hub/trial.h"

/* ---- who asked ---- */

struct verb_ask *ask_new(const struct sock_peer *peer, int64_t id, int targets, bool wait)
{
    struct verb_ask *a = MEM_NEW(struct verb_ask);
    *a = (struct verb_ask){.peer = *peer, .id = id, .left = targets, .wait = wait, .refs = 1};
    return a;
}

void ask_drop(struct verb_ask *a)
{
    if (a && --a->refs == 0)
        free(a);
}

/* One answer to the asker, once the log is on disk. */
static void answer(struct sweep *s, struct verb_ask *a, int64_t id, const char *state, const char *message)
{
    const struct state_iv *iv = state_iv(s->state, id);
    if (!a || a->left == 0)
        return;
    a->left--;
    struct codec_writer w = hub_begin(s->hub, MSG_RESULT, a->id);
    cw_map(&w, 6);
    cw_kint(&w, "id", id);
    cw_kstr(&w, "verb", iv ? iv->verb : "");
    cw_kstr(&w, "target", iv ? iv->target : "");
    cw_kstr(&w, "state", state);
    cw_kstr(&w, "message", message ? message : "");
    cw_kbool(&w, "more", a->left > 0);
    outbox_message(&s->out, sweep_seq(s), &a->peer, s->hub->out.data, s->hub->out.len);
}

/* ---- recording ---- */

static void record(struct sweep *s, int64_t id, const struct iv_birth *b, enum iv_state state,
                   const char *message, int64_t step, int64_t run, int64_t token)
{
    size_t pairs = 2 + (b ? 6 : 0) + (message && *message) + (step >= 0) + (run >= 0) + (token != 0);
    struct codec_writer *w = sweep_begin(s, EV_INTERVENTION, pairs);
    cw_kint(w, "id", id);
    cw_kstr(w, "state", iv_state_name(state));
    if (b) {
        cw_kstr(w, "who", b->who);
        cw_kstr(w, "verb", verb_info(b->verb)->name);
        cw_kstr(w, "target", b->target);
        cw_str(w, "args");
        if (b->args.n)
            cw_raw(w, b->args.p, b->args.n);
        else
            cw_map(w, 0);
        cw_kstr(w, "reason", b->reason);
        cw_kint(w, "undo_of", b->undo_of);
    }
    if (message && *message)
        cw_kstr(w, "message", message);
    if (step >= 0)
        cw_kint(w, "step", step);
    if (run >= 0)
        cw_kint(w, "run", run);
    if (token)
        cw_kint(w, "token", token);
    sweep_commit(s);
    if (s->rec)
        recorder_urgent(s->rec);
}

int64_t intervention_new(struct sweep *s, const struct iv_birth *b)
{
    int64_t id = s->state->n_ivs + 1;
    record(s, id, b, IV_QUEUED, NULL, -1, -1, 0);
    return id;
}

void intervention_end(struct sweep *s, int64_t id, struct verb_ask *ask, enum iv_state state,
                      const char *message, int64_t step, int64_t run, int64_t token)
{
    record(s, id, NULL, state, message, step, run, token);
    answer(s, ask, id, iv_state_name(state), message);
}

void intervention_undone(struct sweep *s, int64_t id, int64_t by)
{
    char text[64];
    snprintf(text, sizeof text, "undone by %lld", (long long)by);
    record(s, id, NULL, IV_UNDONE, text, -1, -1, 0);
}

/* ---- commands ---- */

static void iv_free(struct sweep_iv *iv)
{
    ask_drop(iv->ask);
    free(iv->runs);
    free(iv->command);
    buf_release(&iv->args);
    free(iv);
}

static struct sweep_iv **find(struct sweep *s, int64_t id)
{
    struct sweep_iv **at = &s->ivs;
    while (*at && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

static void end_pending(struct sweep *s, struct sweep_iv **at, enum iv_state state, const char *message)
{
    struct sweep_iv *iv = *at;
    const struct state_iv *known = state_iv(s->state, iv->id);
    *at = iv->next;
    if (known && known->n_changes &&
        iv_state_final((enum iv_state)known->changes[known->n_changes - 1].state))
        answer(s, iv->ask, iv->id, iv_state_name(state), message); /* undone before it was answered */
    else
        intervention_end(s, iv->id, iv->ask, state, message, iv->step, iv->run, 0);
    if (iv->verb == VERB_UNDO && state == IV_APPLIED && known)
        intervention_undone(s, known->undo_of, iv->id);
    iv_free(iv);
}

static void send_to(struct sweep *s, struct sweep_iv *iv, struct iv_run *r)
{
    if (sweep_run(s, r->run)->peer.n == 0)
        return; /* when its worker is there again */
    r->sent = true;
    run_command(s, r->run, iv->id, iv->command, (struct span){(const char *)iv->args.data, iv->args.len});
}

void intervention_send(struct sweep *s, int64_t id, enum verb verb, struct verb_ask *ask, int64_t trial,
                       const int64_t *runs, int n_runs, const char *command, struct span args, int answers)
{
    struct sweep_iv *iv = MEM_NEW(struct sweep_iv);
    bool sent = true;
    iv->id = id;
    iv->verb = verb;
    iv->trial = trial;
    iv->deadline = s->hub->mono + s->hub->expiry;
    iv->runs = mem_zero((size_t)n_runs + 1, sizeof *iv->runs);
    iv->n_runs = n_runs;
    iv->command = mem_str(command);
    iv->step = iv->run = -1;
    buf_put(&iv->args, args.p, args.n);
    iv->next = s->ivs;
    s->ivs = iv;
    if (ask) {
        iv->ask = ask;
        ask->refs++;
    }
    for (int i = 0; i < n_runs; i++) {
        iv->runs[i] = (struct iv_run){.run = runs[i], .wanted = answers};
        sent = sent && sweep_run(s, runs[i])->peer.n;
    }
    if (sent)
        record(s, id, NULL, IV_SENT, NULL, -1, -1, 0);
    for (int i = 0; i < n_runs; i++)
        send_to(s, iv, &iv->runs[i]);
    if (ask && !ask->wait)
        answer(s, ask, id, "accepted", sent ? "sent" : "waits for its worker to come back");
}

/* ---- answers ---- */

static struct iv_run *of_run(struct sweep_iv *iv, int64_t run)
{
    for (int i = 0; i < iv->n_runs; i++)
        if (iv->runs[i].run == run)
            return &iv->runs[i];
    return NULL;
}

static bool all_answered(const struct sweep_iv *iv)
{
    for (int i = 0; i < iv->n_runs; i++)
        if (iv->runs[i].wanted > 0)
            return false;
    return true;
}

static void add_message(struct sweep_iv *iv, const char *text)
{
    size_t n = strlen(iv->message);
    if (strstr(iv->message, text))
        return;
    snprintf(iv->message + n, sizeof iv->message - n, "%s%s", n ? "; " : "", text);
}

/* "lr 0.01 -> 0.001 at step 1200", or what the trainer said. */
static void describe(struct sweep_iv *iv, struct span body)
{
    char param[64], old[48], new[48], text[200], message[120] = "";
    struct span o = cmap_value(body, "old"), n = cmap_value(body, "new");
    cmap_strcpy(body, "message", message, sizeof message);
    if (cmap_strcpy(body, "param", param, sizeof param) && *param && n.n) {
        params_text(o, old, sizeof old);
        params_text(n, new, sizeof new);
        snprintf(text, sizeof text, "%s %s -> %s at step %lld%s%s", param, old, new,
                 (long long)cmap_int(body, "step", -1), *message ? ", " : "", message);
        add_message(iv, text);
    } else if (*message) {
        add_message(iv, message);
    }
}

/* Pausing is seen in the answer: the trainer holds inside its safe point from then on. */
static void follow(struct sweep *s, const struct sweep_iv *iv, int64_t run)
{
    enum run_state to = iv->verb == VERB_PAUSE ? RUN_PAUSED : RUN_RUNNING, now = run_now(s, run);
    bool pausing = strcmp(iv->command, "pause") == 0, resuming = strcmp(iv->command, "resume") == 0;
    if (pausing)
        to = RUN_PAUSED;
    if ((!pausing && !resuming) || now == to || run_state_terminal(now))
        return;
    struct run_change c = RUN_CHANGE(to);
    run_move(s, run, &c);
    trial_settle(s, state_run(s->state, run)->trial);
}

static void conclude(struct sweep *s, struct sweep_iv **at)
{
    struct sweep_iv *iv = *at;
    char message[300];
    if (!all_answered(iv))
        return;
    snprintf(message, sizeof message, "%s", iv->message);
    end_pending(s, at, iv->applied ? IV_APPLIED : IV_REJECTED, message);
}

void intervention_answered(struct sweep *s, int64_t run, struct span body)
{
    int64_t id = cmap_int(body, "command", 0);
    struct span state = cmap_str(body, "state");
    struct sweep_iv **at = find(s, id), *iv = *at;
    struct iv_run *r = iv ? of_run(iv, run) : NULL;
    if (!r) {
        const struct state_iv *late = state_iv(s->state, id);
        if (late && late->n_changes && late->changes[late->n_changes - 1].state == IV_EXPIRED &&
            span_eq(state, "applied"))
            sweep_hub_event(s, "warning", "intervention %lld was applied after it had expired",
                            (long long)id);
        return;
    }
    if (span_eq(state, "delivered")) {
        if (!iv->delivered)
            record(s, id, NULL, IV_DELIVERED, NULL, -1, run, 0);
        iv->delivered = true;
        return;
    }
    bool applied = span_eq(state, "applied");
    if (!applied && !span_eq(state, "rejected"))
        return;
    if (applied || cmap_str(body, "param").n)
        r->wanted--;
    else
        r->wanted = 0; /* refused as a whole */
    iv->applied += applied;
    iv->rejected += !applied;
    iv->run = run;
    iv->step = cmap_int(body, "step", -1);
    describe(iv, body);
    if (applied)
        follow(s, iv, run);
    conclude(s, find(s, id));
}

void intervention_run_ended(struct sweep *s, int64_t run)
{
    for (struct sweep_iv **at = &s->ivs; *at;) {
        struct sweep_iv *iv = *at;
        struct iv_run *r = of_run(iv, run);
        if (!r || r->wanted <= 0) {
            at = &iv->next;
            continue;
        }
        bool end = iv->verb == VERB_STOP || iv->verb == VERB_KILL;
        r->wanted = 0;
        iv->applied += end;
        iv->rejected += !end;
        add_message(iv, end ? "the run has ended" : "the run ended before it was applied");
        conclude(s, at);
        if (*at == iv)
            at = &iv->next;
    }
}

void intervention_resend(struct sweep *s, int64_t run)
{
    for (struct sweep_iv *iv = s->ivs; iv; iv = iv->next) {
        struct iv_run *r = of_run(iv, run);
        if (!r || r->sent || r->wanted <= 0)
            continue;
        record(s, iv->id, NULL, IV_SENT, NULL, -1, run, 0);
        send_to(s, iv, r);
    }
}

void intervention_tick(struct sweep *s)
{
    for (struct sweep_iv **at = &s->ivs; *at;) {
        struct sweep_iv *iv = *at;
        if (s->hub->mono < iv->deadline) {
            at = &iv->next;
            continue;
        }
        end_pending(s, at, iv->applied ? IV_APPLIED : IV_EXPIRED,
                    iv->applied     ? iv->message
                    : iv->delivered ? "the trainer has it but did not come to a safe point (ht_poll) in time"
                                    : "no answer from the trainer in time: does it call ht_poll?");
    }
}

/* ---- recovery ---- */

void intervention_recover(struct sweep *s)
{
    for (int i = 0; i < s->state->n_ivs; i++) {
        const struct state_iv *v = s->state->ivs[i];
        if (!v || !v->n_changes || iv_state_final((enum iv_state)v->changes[v->n_changes - 1].state))
            continue;
        /* What it had reached cannot be told: it may have been sent in the hub's last moment. It gets its
         * time to be answered. */
        const struct verb_info *info = verb_find(v->verb);
        int64_t trial = strtoll(v->target, NULL, 10);
        const struct state_trial *tr = info && info->target == VT_TRIAL ? state_trial(s->state, trial) : NULL;
        struct sweep_iv *iv = MEM_NEW(struct sweep_iv);
        *iv = (struct sweep_iv){.id = v->id, .verb = info ? info->verb : VERB_NONE, .trial = tr ? trial : -1};
        iv->deadline = s->hub->mono + s->hub->expiry;
        iv->command = mem_str(v->verb);
        iv->step = iv->run = -1;
        iv->n_runs = tr ? tr->n_runs : 0;
        iv->runs = mem_zero((size_t)iv->n_runs + 1, sizeof *iv->runs);
        for (int k = 0; k < iv->n_runs; k++)
            iv->runs[k] = (struct iv_run){.run = tr->runs[k], .wanted = 1, .sent = true};
        iv->next = s->ivs;
        s->ivs = iv;
    }
}

void interventions_free(struct sweep *s)
{
    while (s->ivs) {
        struct sweep_iv *iv = s->ivs;
        s->ivs = iv->next;
        iv_free(iv);
    }
}
