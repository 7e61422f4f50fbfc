/* Commands of the hub on their way to a training process. A command is carried out at most once: its id is
 * remembered, a repeat is dropped. Every command gets a final answer: from the program through the ring,
 * from here when the program cannot take it, or when the process has ended before it could. */
#include "agent/outlet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_out.h"
#include "base/text.h"

#define STARTING_NS                                                                                          \
    (5 * CLOCK_S) /* a program that has not opened its ring by then does not use the library */

static const struct {
    const char *verb;
    enum ring_command_kind kind;
} verbs[] = {
    {"set", RING_CMD_SET},         {"pause", RING_CMD_PAUSE},
    {"resume", RING_CMD_RESUME},   {"checkpoint", RING_CMD_CHECKPOINT},
    {"stop", RING_CMD_STOP},       {"ban", RING_CMD_BAN},
    {"unban", RING_CMD_UNBAN},     {"pin", RING_CMD_PIN},
    {"unpin", RING_CMD_UNPIN},     {"boost", RING_CMD_BOOST},
    {"explore", RING_CMD_EXPLORE}, {"restore", RING_CMD_RESTORE},
    {"probe", RING_CMD_PROBE},
};

static enum ring_command_kind kind_of(const char *verb)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].verb, verb) == 0)
            return verbs[i].kind;
    return RING_CMD_CUSTOM;
}

/* ---- what was given before ---- */

static bool remember(struct outlet *ol, int64_t id, bool ends)
{
    for (uint32_t i = 0; id && i < ol->n_commands && i < OUTLET_COMMANDS; i++)
        if (ol->commands[i].id == id)
            return false;
    if (id)
        ol->commands[ol->n_commands++ % OUTLET_COMMANDS] = (struct outlet_command){id, true, ends};
    return true;
}

static uint32_t remembered(const struct outlet *ol)
{
    return ol->n_commands < OUTLET_COMMANDS ? ol->n_commands : OUTLET_COMMANDS;
}

void outlet_settle(struct outlet *ol, int64_t command, bool stop)
{
    for (uint32_t i = 0; i < remembered(ol); i++) {
        struct outlet_command *c = &ol->commands[i];
        if (!c->open || (c->id != command && !(stop && c->ends)))
            continue;
        c->open = false;
        if (c->id != command)
            outlet_answer(ol, c->id, "applied", "the program was asked to stop before");
    }
}

void outlet_close_commands(struct outlet *ol, const char *why)
{
    for (uint32_t i = 0; i < remembered(ol); i++) {
        struct outlet_command *c = &ol->commands[i];
        if (!c->open)
            continue;
        c->open = false;
        if (c->ends)
            outlet_answer(ol, c->id, "applied", "the process has ended");
        else
            outlet_answer(ol, c->id, "rejected", why);
    }
}

void outlet_finish(struct outlet *ol, int64_t id, const char *state, const char *message)
{
    for (uint32_t i = 0; i < remembered(ol); i++)
        if (ol->commands[i].id == id)
            ol->commands[i].open = false;
    outlet_answer(ol, id, state, message);
}

/* ---- arguments ---- */

/* A scalar as the text that the library reads; containers as JSON. False: it does not fit. */
static bool value_text(struct codec_reader *r, char *out, size_t cap)
{
    struct buf b = {0};
    char number[TEXT_NUM];
    switch (cr_peek(r)) {
    case CT_STR: {
        struct span s = cr_str(r);
        buf_put(&b, s.p, s.n);
        break;
    }
    case CT_DOUBLE:
        text_fmt_double(number, cr_double(r));
        buf_puts(&b, number);
        break;
    default: {
        struct json_out j;
        jw_open(&j, &b);
        codec_to_json(cr_value(r), &j);
    }
    }
    bool fits = b.len < cap && cr_ok(r);
    if (fits)
        memcpy(out, buf_cstr(&b), b.len + 1);
    buf_release(&b);
    return fits;
}

static bool push(struct outlet *ol, const struct ring_command *c)
{
    if (ring_command_push(&ol->ring, c))
        return true;
    outlet_finish(ol, c->id, "rejected", "too many commands are waiting for the program's next safe point");
    return false;
}

static bool push_set(struct outlet *ol, struct ring_command *c, struct span name, struct codec_reader *value)
{
    struct codec_reader number = *value;
    span_copy(c->name, sizeof c->name, name);
    enum codec_type t = cr_peek(&number);
    c->value = t == CT_INT || t == CT_UINT || t == CT_DOUBLE ? cr_double(&number) : NAN;
    if (!value_text(value, c->text, sizeof c->text)) {
        outlet_finish(ol, c->id, "rejected", "the value is longer than a parameter's value can be");
        return false;
    }
    return push(ol, c);
}

/* {params: {NAME: VALUE...}} or {param, value}; with several names the program answers each, under the
 * same id. */
static bool give_set(struct outlet *ol, struct ring_command *c, struct span args)
{
    struct codec_reader r;
    if (cmap_find(args, "params", &r) && cr_peek(&r) == CT_MAP) {
        bool given = true;
        size_t n = cr_map(&r);
        if (n == 0)
            outlet_finish(ol, c->id, "rejected", "set names no parameter");
        for (; n > 0 && given && cr_ok(&r); n--) {
            struct span name = cr_str(&r);
            given = push_set(ol, c, name, &r);
        }
        return given;
    }
    struct span name = cmap_str(args, "param");
    if (name.p && cmap_find(args, "value", &r))
        return push_set(ol, c, name, &r);
    outlet_finish(ol, c->id, "rejected", "set names no parameter");
    return false;
}

/* Arms by label or number, as a list or one string with commas -> joined by RING_ARM_SEP. */
static bool arms_text(struct span args, char *out, size_t cap)
{
    struct codec_reader r;
    size_t used = 0;
    *out = '\0';
    if (!cmap_find(args, "arms", &r) && !cmap_find(args, "arm", &r))
        return true;
    if (cr_peek(&r) != CT_ARRAY) {
        if (!value_text(&r, out, cap))
            return false;
        for (char *p = out; *p; p++)
            *p = *p == ',' ? RING_ARM_SEP : *p;
        return true;
    }
    for (size_t n = cr_array(&r); n > 0; n--) {
        if (used + 2 > cap || !value_text(&r, out + used, cap - used - 1))
            return false;
        used += strlen(out + used);
        if (n > 1)
            out[used++] = RING_ARM_SEP;
        out[used] = '\0';
    }
    return cr_ok(&r);
}

static bool give_steer(struct outlet *ol, struct ring_command *c, struct span args)
{
    double absent = c->kind == RING_CMD_BOOST ? 2 : NAN;
    c->value = cmap_double(args, c->kind == RING_CMD_EXPLORE ? "factor" : "weight", absent);
    c->count = cmap_int(args, "for", 0);
    cmap_strcpy(args, "bandit", c->name, sizeof c->name);
    if (arms_text(args, c->text, sizeof c->text))
        return push(ol, c);
    outlet_finish(ol, c->id, "rejected", "too many arms at once; name fewer, or name them by number");
    return false;
}

static bool give_custom(struct outlet *ol, struct ring_command *c, const char *verb, struct span args)
{
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    codec_to_json(args, &j);
    bool fits = b.len < 256; /* what struct ht_command holds */
    snprintf(c->name, sizeof c->name, "%s", verb);
    if (fits)
        memcpy(c->text, buf_cstr(&b), b.len + 1);
    buf_release(&b);
    if (fits)
        return push(ol, c);
    outlet_finish(ol, c->id, "rejected", "the arguments are longer than 255 bytes of JSON");
    return false;
}

static bool give_restore(struct outlet *ol, struct ring_command *c, struct span args)
{
    if (!(atomic_load(&ol->ring.h->takes_commands) & RING_RESTORES))
        outlet_finish(ol, c->id, "rejected", "the program takes no checkpoints over while it runs");
    else if (!cmap_strcpy(args, "path", c->text, 256) || !*c->text) /* what struct ht_command holds */
        outlet_finish(ol, c->id, "rejected", "the checkpoint's path is missing or longer than 255 bytes");
    else
        return push(ol, c);
    return false;
}

/* {columns, rows, radius, norm, slice, paths: [..]}, or {off: true}; what is absent has its default. */
static bool give_probe(struct outlet *ol, struct ring_command *c, struct span args)
{
    struct codec_reader r;
    size_t used = 0;
    bool layer = span_eq(cmap_str(args, "norm"), "layer");
    snprintf(c->name, sizeof c->name, "%d %d %d %.6g", cmap_bool(args, "off", false) ? 0 : (int)cmap_int(args, "columns", 31),
             (int)cmap_int(args, "rows", 31), layer ? RING_NORM_LAYER : RING_NORM_FILTER, cmap_double(args, "slice", 0));
    c->value = cmap_double(args, "radius", 1);
    if (cmap_find(args, "paths", &r) && cr_peek(&r) == CT_ARRAY)
        for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--) {
            struct span path = cr_str(&r);
            if (used + path.n + 2 > sizeof c->text) {
                outlet_finish(ol, c->id, "rejected", "the paths of the checkpoints are longer than 414 bytes together");
                return false;
            }
            memcpy(c->text + used, path.p, path.n);
            used += path.n;
            if (n > 1)
                c->text[used++] = RING_ARM_SEP;
        }
    return push(ol, c);
}

/* A request of the hub itself waits for nobody: a program that never polled would not see it. */
static bool give_checkpoint(struct outlet *ol, struct ring_command *c, bool starting)
{
    if (c->id >= 0 || starting || atomic_load(&ol->ring.h->takes_commands) & RING_POLLS)
        return push(ol, c);
    outlet_finish(ol, c->id, "rejected", "the program has not called ht_poll");
    return false;
}

/* {"id":5,"verb":"set","param":"lr","value":0.1}: the arguments beside the verb. */
static void write_line(struct outlet *ol, int64_t id, const char *verb, struct span args)
{
    struct codec_reader r;
    struct json_out j;
    buf_clear(&ol->line);
    jw_open(&j, &ol->line);
    jw_object(&j);
    jw_key(&j, "id");
    jw_int(&j, id);
    jw_key(&j, "verb");
    jw_str(&j, verb);
    cr_init(&r, args.p, args.n);
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        struct span key = cr_str(&r), value = cr_value(&r);
        jw_keyn(&j, key.p, key.n);
        codec_to_json(value, &j);
    }
    jw_object_end(&j);
    buf_putc(&ol->line, '\n');
}

/* ---- the verdict ---- */

bool outlet_has_library(const struct outlet *ol)
{
    return ol->ring.h && atomic_load(&ol->ring.h->trainer) != 0;
}

static enum outlet_verdict give(struct outlet *ol, struct ring_command *c, const char *verb, struct span args)
{
    bool given;
    switch (c->kind) {
    case RING_CMD_STOP:
        ring_stop(&ol->ring, c->id);
        given = true;
        break;
    case RING_CMD_SET:
        given = give_set(ol, c, args);
        break;
    case RING_CMD_CUSTOM:
        given = give_custom(ol, c, verb, args);
        break;
    case RING_CMD_PROBE:
        given = give_probe(ol, c, args);
        break;
    case RING_CMD_RESTORE:
        given = give_restore(ol, c, args);
        break;
    case RING_CMD_CHECKPOINT:
        given = give_checkpoint(ol, c, clock_mono_ns() - ol->opened < STARTING_NS);
        break;
    case RING_CMD_PAUSE:
    case RING_CMD_RESUME:
        given = push(ol, c);
        break;
    default:
        given = give_steer(ol, c, args);
    }
    if (given)
        outlet_answer(ol, c->id, "delivered", NULL);
    return c->kind == RING_CMD_STOP ? OUTLET_STOP : OUTLET_DONE;
}

enum outlet_verdict outlet_command(struct outlet *ol, const struct message *m, int64_t *id, char verb[32])
{
    static const char none[1] = {(char)0x80}; /* an empty map */
    struct span args = cmap_value(m->body, "args");
    if (!args.n)
        args = (struct span){none, sizeof none};
    cmap_strcpy(m->body, "verb", verb, 32);
    *id = cmap_int(m->body, "command", 0);
    bool kill = strcmp(verb, "kill") == 0;
    struct ring_command c = {.kind = kind_of(verb), .id = *id, .value = NAN};
    if (!remember(ol, *id, kill || c.kind == RING_CMD_STOP))
        return OUTLET_DONE;
    if (kill)
        return OUTLET_KILL;
    if (ol->ended || !ol->ring.h) {
        outlet_finish(ol, *id, "rejected", "the process has ended");
        return OUTLET_DONE;
    }
    bool holds = c.kind == RING_CMD_PAUSE || c.kind == RING_CMD_RESUME;
    if (holds && ol->by_signal & OUTLET_BY_PAUSE)
        return OUTLET_SIGNAL;
    if (!outlet_has_library(ol)) {
        if (ol->by_lines) {
            write_line(ol, *id, verb, args);
            outlet_answer(ol, *id, "delivered", NULL);
            return c.kind == RING_CMD_STOP ? OUTLET_STOP : OUTLET_LINE;
        }
        if (holds && ol->by_signal & OUTLET_BY_NO_PAUSE) {
            outlet_finish(ol, *id, "rejected", "the program does not use libhypertop, and is not to be held by a signal");
            return OUTLET_DONE;
        }
        if (c.kind == RING_CMD_CHECKPOINT && ol->by_signal & OUTLET_BY_CHECKPOINT && *id > 0)
            return OUTLET_SIGNAL;
        bool starting = clock_mono_ns() - ol->opened < STARTING_NS;
        if (holds)
            return OUTLET_SIGNAL;
        if (c.kind != RING_CMD_STOP && !starting) {
            outlet_finish(
                ol, *id, "rejected",
                "the program does not use libhypertop: it can only be paused, resumed, stopped, killed");
            return OUTLET_DONE;
        }
    }
    return give(ol, &c, verb, args);
}
