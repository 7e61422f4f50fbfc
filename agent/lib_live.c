/* Parameters and commands. A parameter is declared where it is read; its value is the leased one, else the
 * middle of its range. It changes in one place only: inside ht_poll, on the thread that calls it, never in
 * the middle of a step. Every command that is taken from the ring gets exactly one final answer (applied
 * or rejected, with a sentence). */
#include "agent/lib_agent.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAUSE_CHECK_MS = 100 };

/* ---- answers ---- */

void hti_answer(ht_agent *a, const struct hti_reply *reply)
{
    if (!reply->command && reply->verb != RING_CMD_PAUSE && reply->verb != RING_CMD_RESUME)
        return;
    struct ring_answer head = {
        .command = reply->command, .state = (uint8_t)reply->state, .verb = (uint8_t)reply->verb};
    const struct hti_change *change = reply->change;
    char text[4 * 256];
    if (change) {
        head.type = (uint8_t)change->type;
        head.change = 1;
    }
    int n = snprintf(text, sizeof text, "%s%c%s%c%s%c%.255s", change ? change->param : "", 0,
                     change ? change->old : "", 0, change ? change->new : "", 0,
                     reply->message ? reply->message : "");
    hti_record(a, RR_ANSWER, 0, reply->step, &head, sizeof head, text, (size_t)n + 1);
}

static int64_t step_now(const ht_agent *a)
{
    return atomic_load_explicit(&a->step, memory_order_relaxed);
}

void hti_answer_stop(ht_agent *a)
{
    struct hti_reply reply = {.command = atomic_exchange(&a->ring.h->stop_id, 0),
                              .verb = RING_CMD_STOP,
                              .state = RING_APPLIED,
                              .step = step_now(a)};
    hti_answer(a, &reply);
}

static void answer_command(ht_agent *a, const struct ring_command *c, enum ring_state state,
                           const char *message)
{
    struct hti_reply reply = {.command = c->id,
                              .verb = (enum ring_command_kind)c->kind,
                              .state = state,
                              .step = step_now(a),
                              .message = message};
    hti_answer(a, &reply);
}

void hti_reject(ht_agent *a, const struct ring_command *c, const char *why)
{
    answer_command(a, c, RING_REJECTED, why);
}

/* ---- values as text ---- */

/* Strict: the whole text is the number, no blanks, no hexadecimal. */
static bool read_number(const char *s, double *out)
{
    char *end;
    if (!*s || strpbrk(s, " \t\n\r\v\fxXpP"))
        return false;
    *out = strtod(s, &end);
    return *end == '\0';
}

static bool read_integer(const char *s, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    double d;
    if (*s && !strpbrk(s, " \t\n\r\v\f") && *end == '\0' && !errno) {
        *out = v;
        return true;
    }
    if (!read_number(s, &d) || d != floor(d) || fabs(d) > 9e15) /* 1e3 and 64.0 are integers too */
        return false;
    *out = (int64_t)d;
    return true;
}

static const char *shortest(char out[64], double v)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, 64, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return out;
}

static void value_text(const struct hti_param *p, char out[64])
{
    if (p->type == RING_FLOAT)
        shortest(out, p->number);
    else if (p->type == RING_INT)
        snprintf(out, 64, "%lld", (long long)p->integer);
    else
        snprintf(out, 64, "%s", p->choices[p->at]);
}

/* ---- declaring ---- */

static struct hti_param *find(const ht_agent *a, const char *name)
{
    for (int i = 0; i < a->n_params; i++)
        if (strncmp(a->params[i].name, name, sizeof a->params[i].name - 1) == 0)
            return &a->params[i];
    return NULL;
}

/* The leased value of a parameter as text; NULL when nobody leased one. */
static const char *leased(const ht_agent *a, const char *name)
{
    const char *p = a->ring.params, *end = p + a->ring.g.params_bytes;
    for (uint32_t i = 0; i < a->ring.h->params; i++) {
        const char *value = memchr(p, '\0', (size_t)(end - p));
        const char *next = value ? memchr(value + 1, '\0', (size_t)(end - value - 1)) : NULL;
        if (!next)
            return NULL;
        if (strcmp(p, name) == 0)
            return value + 1;
        p = next + 1;
    }
    return NULL;
}

static struct hti_param *declare(ht_agent *a, const char *name, enum ring_type type, unsigned flags)
{
    if (!a->params)
        a->params = calloc(HTI_PARAMS, sizeof *a->params);
    if (!a->params || a->n_params == HTI_PARAMS)
        return NULL;
    struct hti_param *p = &a->params[a->n_params++];
    *p = (struct hti_param){.type = type, .log = flags & HT_LOG, .live = flags & HT_LIVE};
    snprintf(p->name, sizeof p->name, "%s", name);
    return p;
}

static void say_declared(ht_agent *a, const struct hti_param *p)
{
    struct ring_declare head = {.low = p->low,
                                .high = p->high,
                                .type = (uint8_t)p->type,
                                .log = p->log,
                                .live = p->live,
                                .choices = (uint32_t)p->n_choices};
    size_t room = 256, used;
    for (size_t i = 0; i < p->n_choices; i++)
        room += strlen(p->choices[i]) + 1;
    char *text = malloc(room), value[64];
    if (!text)
        return;
    value_text(p, value);
    used = (size_t)snprintf(text, room, "%s%c%s", p->name, 0, value) + 1;
    for (size_t i = 0; i < p->n_choices; i++)
        used += (size_t)snprintf(text + used, room - used, "%s", p->choices[i]) + 1;
    hti_record(a, RR_DECLARE, 0, step_now(a), &head, sizeof head, text, used);
    free(text);
}

static double middle(double lo, double hi, unsigned flags)
{
    if (flags & HT_LOG && lo > 0)
        return exp(log(lo) + (log(hi) - log(lo)) / 2);
    return lo + (hi - lo) / 2;
}

static double clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

double ht_float(ht_agent *a, const char *name, double lo, double hi, unsigned flags)
{
    return ht_float_from(a, name, lo, hi, NAN, flags);
}

double ht_float_from(ht_agent *a, const char *name, double lo, double hi, double start, unsigned flags)
{
    if (!(lo <= hi)) /* also NaN: nothing sensible to search */
        hi = lo;
    struct hti_param *p = name && a ? find(a, name) : NULL;
    if (p)
        return p->type == RING_INT ? (double)p->integer : p->number;
    double v = isnan(start) ? middle(lo, hi, flags) : clamp(start, lo, hi), given;
    if (!name || !hti_live(a) || !(p = declare(a, name, RING_FLOAT, flags)))
        return v;
    const char *text = leased(a, p->name);
    if (text && !read_number(text, &given))
        hti_remark(a, "parameter %s: \"%.100s\" is not a number; using %g", p->name, text, v);
    else if (text && !(given >= lo && given <= hi))
        hti_remark(a, "parameter %s: %s lies outside [%g, %g]; using %g", p->name, text, lo, hi,
                   v = isnan(given) ? v : clamp(given, lo, hi));
    else if (text)
        v = given;
    p->low = lo;
    p->high = hi;
    p->number = v;
    say_declared(a, p);
    return v;
}

static int64_t int_from(ht_agent *a, const char *name, int64_t lo, int64_t hi, const int64_t *start,
                        unsigned flags)
{
    if (lo > hi)
        hi = lo;
    struct hti_param *p = name && a ? find(a, name) : NULL;
    if (p)
        return p->type == RING_INT ? p->integer : (int64_t)llround(p->number);
    int64_t v = start ? *start : (int64_t)llround(middle((double)lo, (double)hi, flags)), given;
    v = v < lo ? lo : v > hi ? hi : v;
    if (!name || !hti_live(a) || !(p = declare(a, name, RING_INT, flags)))
        return v;
    const char *text = leased(a, p->name);
    if (text && !read_integer(text, &given))
        hti_remark(a, "parameter %s: \"%.100s\" is not an integer; using %lld", p->name, text, (long long)v);
    else if (text) {
        v = given < lo ? lo : given > hi ? hi : given;
        if (v != given)
            hti_remark(a, "parameter %s: %lld lies outside [%lld, %lld]; using %lld", p->name,
                       (long long)given, (long long)lo, (long long)hi, (long long)v);
    }
    p->low = (double)lo;
    p->high = (double)hi;
    p->integer = v;
    say_declared(a, p);
    return v;
}

int64_t ht_int(ht_agent *a, const char *name, int64_t lo, int64_t hi, unsigned flags)
{
    return int_from(a, name, lo, hi, NULL, flags);
}

int64_t ht_int_from(ht_agent *a, const char *name, int64_t lo, int64_t hi, int64_t start, unsigned flags)
{
    return int_from(a, name, lo, hi, &start, flags);
}

/* A copy of the choices in one block, so that they live as long as the agent. */
static bool copy_choices(struct hti_param *p, const char *const *choices, size_t n)
{
    size_t bytes = n * sizeof *choices;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(choices[i]) + 1;
    p->choices = malloc(bytes);
    if (!p->choices)
        return false;
    char *at = (char *)(p->choices + n);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(choices[i]) + 1;
        memcpy(at, choices[i], len);
        p->choices[i] = at;
        at += len;
    }
    p->n_choices = n;
    return true;
}

static bool choose(struct hti_param *p, const char *text)
{
    for (size_t i = 0; i < p->n_choices; i++)
        if (strcmp(p->choices[i], text) == 0) {
            p->at = i;
            return true;
        }
    return false;
}

const char *ht_choice(ht_agent *a, const char *name, const char *const *choices, size_t n, unsigned flags)
{
    struct hti_param *p = name && a ? find(a, name) : NULL;
    if (p && p->type == RING_CHOICE)
        return p->choices[p->at];
    const char *first = choices && n ? choices[0] : "";
    if (p || !*first || !name || !hti_live(a) || !(p = declare(a, name, RING_CHOICE, flags)))
        return first;
    if (!copy_choices(p, choices, n)) {
        a->n_params--;
        return first;
    }
    const char *text = leased(a, p->name);
    if (text && !choose(p, text))
        hti_remark(a, "parameter %s: \"%.100s\" is none of its %zu choices; using %s", p->name, text, n,
                   first);
    say_declared(a, p);
    return p->choices[p->at];
}

void hti_params_free(ht_agent *a)
{
    for (int i = 0; i < a->n_params; i++)
        free(a->params[i].choices);
    free(a->params);
}

/* ---- commands ---- */

/* Puts the new value in; a sentence when it cannot be. */
static const char *put_value(struct hti_param *p, const char *text, char why[256])
{
    double number;
    int64_t integer;
    if (p->type == RING_CHOICE && !choose(p, text)) {
        snprintf(why, 256, "%.80s is none of the choices of %s", text, p->name);
        return why;
    }
    if (p->type == RING_FLOAT) {
        if (!read_number(text, &number))
            snprintf(why, 256, "%s takes a number, not %.80s", p->name, text);
        else if (!(number >= p->low && number <= p->high))
            snprintf(why, 256, "%s must lie in [%g, %g]; %.80s does not", p->name, p->low, p->high, text);
        else
            return p->number = number, NULL;
        return why;
    }
    if (p->type == RING_INT) {
        if (!read_integer(text, &integer))
            snprintf(why, 256, "%s takes an integer, not %.80s", p->name, text);
        else if ((double)integer < p->low || (double)integer > p->high)
            snprintf(why, 256, "%s must lie in [%.0f, %.0f]; %.80s does not", p->name, p->low, p->high, text);
        else
            return p->integer = integer, NULL;
        return why;
    }
    return NULL;
}

static bool apply_set(ht_agent *a, const struct ring_command *c)
{
    struct hti_param *p = find(a, c->name);
    char why[256];
    const char *wrong = why;
    struct hti_change change;
    if (!p)
        snprintf(why, sizeof why, "the program has no parameter %s", c->name);
    else if (!p->live)
        snprintf(why, sizeof why, "%s was not declared live by the program; it cannot change while it runs",
                 c->name);
    else {
        change = (struct hti_change){.type = p->type, .param = p->name};
        value_text(p, change.old);
        wrong = put_value(p, c->text, why);
    }
    if (wrong) {
        hti_reject(a, c, wrong);
        return false;
    }
    value_text(p, change.new);
    struct hti_reply reply = {.command = c->id,
                              .verb = RING_CMD_SET,
                              .state = RING_APPLIED,
                              .step = step_now(a),
                              .change = &change};
    hti_answer(a, &reply);
    return true;
}

static void hand_over(struct ht_command *out, enum ht_command_kind kind, const struct ring_command *c)
{
    if (!out)
        return;
    *out = (struct ht_command){.kind = kind, .id = c->id, .value = c->value};
    snprintf(out->name, sizeof out->name, "%s", c->name);
    snprintf(out->text, sizeof out->text, "%.255s", c->text);
}

/* Carries one command out. True when it was handed to the caller. */
static bool carry_out(ht_agent *a, const struct ring_command *c, struct ht_command *out)
{
    switch (c->kind) {
    case RING_CMD_SET:
        if (!apply_set(a, c) || !out)
            return false;
        hand_over(out, HT_CMD_SET, c);
        return true;
    case RING_CMD_PAUSE:
        a->paused = true;
        answer_command(a, c, RING_APPLIED, "paused");
        return false;
    case RING_CMD_RESUME: {
        bool was = a->paused;
        a->paused = false;
        answer_command(a, c, RING_APPLIED, was ? "resumed" : "was not paused");
        hand_over(out, HT_CMD_RESUME, c);
        return was && out;
    }
    case RING_CMD_CHECKPOINT:
        if (!out) {
            hti_reject(a, c, "the program takes no checkpoint requests");
            return false;
        }
        if (a->checkpoint) {
            struct ring_command earlier = {.id = a->checkpoint, .kind = RING_CMD_CHECKPOINT};
            hti_reject(a, &earlier, "another request came before this one was answered");
        }
        a->checkpoint = c->id;
        hand_over(out, HT_CMD_CHECKPOINT, c);
        return true;
    case RING_CMD_RESTORE:
        if (!out)
            hti_reject(a, c, "the program takes no checkpoints over while it runs");
        hand_over(out, HT_CMD_RESTORE, c);
        return out != NULL;
    case RING_CMD_CUSTOM:
        if (!out)
            hti_reject(a, c, "the program takes no commands of its own");
        hand_over(out, HT_CMD_CUSTOM, c);
        return out != NULL;
    case RING_CMD_PROBE:
        hti_probe_command(a, c);
        return false;
    default:
        hti_steer(a, c);
        return false;
    }
}

/* Once a second: a relay that was killed is started again, so that a long run does not go dark. */
static void watch_relay(ht_agent *a)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    if (t.tv_sec == a->watched)
        return;
    a->watched = t.tv_sec;
    uint64_t owner = atomic_load(&a->ring.h->owner);
    if (owner && !ring_process_alive(owner))
        hti_launch(a->path);
}

/* While paused: waits for the doorbell to move on from `seen`, at most ms. Lifts the pause when who paused us
 * is gone: nobody is left who could say go on. */
static void wait_paused(ht_agent *a, uint32_t seen, int ms)
{
    if (ms > 0)
        ring_doorbell_wait(&a->ring, seen, ms);
    if (!ring_process_alive(atomic_load(&a->ring.h->owner))) {
        a->paused = false;
        hti_remark(a, "the pause was lifted because the relay has gone");
    }
}

int ht_poll(ht_agent *a, struct ht_command *out)
{
    return ht_poll_for(a, out, -1);
}

int ht_poll_for(ht_agent *a, struct ht_command *out, int timeout_ms)
{
    if (out)
        *out = (struct ht_command){.kind = HT_CMD_NONE, .value = NAN};
    if (!hti_live(a) || hti_probe_busy(a)) /* an evaluation that polls is no safe point */
        return HT_CONTINUE;
    struct ring_header *h = a->ring.h;
    struct ring_command c;
    int64_t end = 0; /* of the wait, once there is one */
    if (!(atomic_load_explicit(&h->takes_commands, memory_order_relaxed) & RING_POLLS))
        atomic_fetch_or(&h->takes_commands, RING_POLLS);
    if (a->relayed)
        watch_relay(a);
    for (;;) {
        uint32_t bell = atomic_load_explicit(&h->doorbell, memory_order_acquire);
        if (atomic_load_explicit(&h->stop, memory_order_acquire)) {
            hti_answer_stop(a);
            a->paused = false;
            if (out)
                out->kind = HT_CMD_STOP;
            return HT_STOP;
        }
        if (ring_command_take(&a->ring, &c)) {
            if (carry_out(a, &c, out))
                return HT_CONTINUE;
            continue;
        }
        hti_probe_turn(a, a->paused);
        if (!a->paused)
            return HT_CONTINUE;
        int64_t now = timeout_ms < 0 ? 0 : hti_mono_ms(), wait = PAUSE_CHECK_MS;
        if (timeout_ms >= 0) {
            end = end ? end : now + timeout_ms;
            wait = end - now < wait ? end - now : wait;
        }
        wait_paused(a, bell, hti_probe_on(a) ? 0 : (int)wait);
        if (a->paused && wait <= 0)
            return HT_PAUSED;
    }
}

int ht_checkpoint(ht_agent *a, const char *path, int64_t step)
{
    if (!hti_live(a))
        return HT_INERT;
    if (!path || !*path)
        return HT_INVALID;
    bool ok = hti_record(a, RR_CHECKPOINT, 0, step, path, strnlen(path, RING_PATH), NULL, 0);
    struct hti_reply reply = {.command = a->checkpoint,
                              .verb = RING_CMD_CHECKPOINT,
                              .state = RING_APPLIED,
                              .step = step,
                              .message = path};
    hti_answer(a, &reply);
    a->checkpoint = 0;
    return ok ? HT_OK : HT_DROPPED;
}

const char *ht_restore(const ht_agent *a)
{
    const char *path = hti_live(a) ? getenv("HYPERTOP_RESTORE") : NULL;
    return path && *path ? path : NULL;
}

void ht_restores(ht_agent *a)
{
    if (hti_live(a))
        atomic_fetch_or(&a->ring.h->takes_commands, RING_RESTORES);
}

int ht_answer(ht_agent *a, int64_t id, int ok, const char *message)
{
    if (!hti_live(a))
        return HT_INERT;
    if (id == a->checkpoint)
        a->checkpoint = 0;
    struct ring_command c = {.id = id, .kind = RING_CMD_CUSTOM};
    answer_command(a, &c, ok ? RING_APPLIED : RING_REJECTED, message);
    return HT_OK;
}
