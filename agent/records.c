#include "agent/records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cuts n NUL-terminated strings off the front of the bytes; what is left is the rest. */
static bool cut_strings(struct record_view *v, const uint8_t *p, size_t bytes, int n)
{
    const char *at = (const char *)p;
    for (int i = 0; i < n; i++) {
        const char *end = memchr(at, '\0', bytes);
        if (!end)
            return false;
        v->s[i] = (struct span){at, (size_t)(end - at)};
        bytes -= v->s[i].n + 1;
        at = end + 1;
    }
    v->rest = (struct span){at, bytes};
    return true;
}

static bool view_arms(struct record_view *v)
{
    struct ring_arms head;
    if (v->r->bytes < sizeof head)
        return false;
    memcpy(&head, v->payload, sizeof head);
    v->droppable = !head.steered;
    return v->r->bytes - sizeof head == (uint64_t)head.arms * sizeof(struct ring_arm);
}

static bool view_surface(struct record_view *v)
{
    struct ring_surface head;
    if (v->r->bytes < sizeof head)
        return false;
    memcpy(&head, v->payload, sizeof head);
    return head.state <= RING_SURFACE_FAILED && head.norm <= RING_NORM_TOWARDS &&
           (uint64_t)head.cells * sizeof(struct ring_cell) <= v->r->bytes - sizeof head;
}

static bool view_answer(struct record_view *v)
{
    struct ring_answer a;
    if (v->r->bytes < sizeof a || !cut_strings(v, v->payload + sizeof a, v->r->bytes - sizeof a, 4))
        return false;
    memcpy(&a, v->payload, sizeof a);
    v->command = a.command;
    v->stop = a.verb == RING_CMD_STOP;
    if (a.state == RING_APPLIED && a.verb == RING_CMD_PAUSE)
        v->pause_state = "paused";
    if (a.state == RING_APPLIED && a.verb == RING_CMD_RESUME)
        v->pause_state = "resumed";
    return a.state <= RING_REJECTED;
}

bool record_view(struct record_view *v, const struct ring_record *r, const uint8_t *payload)
{
    static const char *const events[RR_KINDS] = {
        [RR_REPORT] = "report",         [RR_TEXT] = "text",
        [RR_DECLARE] = "declare",       [RR_ANSWER] = "command",
        [RR_CHECKPOINT] = "checkpoint", [RR_BANDIT] = "bandit",
        [RR_ARMS] = "arms",             [RR_SURFACE] = "surface",
    };
    if (r->kind == RR_VOID || r->kind >= RR_KINDS || r->bytes > RING_PAYLOAD)
        return false;
    *v = (struct record_view){.r = r, .payload = payload, .event = events[r->kind]};
    switch (r->kind) {
    case RR_REPORT:
        return r->bytes == sizeof(double);
    case RR_DECLARE:
        return r->bytes >= sizeof(struct ring_declare) &&
               cut_strings(v, payload + sizeof(struct ring_declare), r->bytes - sizeof(struct ring_declare),
                           2) &&
               v->s[0].n;
    case RR_BANDIT:
        return r->bytes >= sizeof(struct ring_bandit) &&
               cut_strings(v, payload + sizeof(struct ring_bandit), r->bytes - sizeof(struct ring_bandit), 2);
    case RR_ANSWER:
        return view_answer(v);
    case RR_ARMS:
        return view_arms(v);
    case RR_SURFACE:
        return view_surface(v);
    default:
        v->droppable = r->kind == RR_TEXT;
        return true;
    }
}

static void kspan(struct codec_writer *w, const char *key, struct span s)
{
    cw_str(w, key);
    cw_strn(w, s.p, s.n);
}

/* A value that the library wrote as text, as what it is. */
static void kvalue(struct codec_writer *w, const char *key, unsigned type, struct span s)
{
    char text[80];
    span_copy(text, sizeof text, s);
    if (type == RING_FLOAT)
        cw_kdouble(w, key, strtod(text, NULL));
    else if (type == RING_INT)
        cw_kint(w, key, strtoll(text, NULL, 10));
    else
        kspan(w, key, s);
}

static void write_strings(struct codec_writer *w, const char *key, struct span rest)
{
    size_t n = 0;
    for (size_t i = 0; i < rest.n; i++)
        n += rest.p[i] == '\0';
    cw_str(w, key);
    cw_array(w, n);
    for (const char *p = rest.p; n > 0; n--) {
        size_t len = strlen(p);
        cw_strn(w, p, len);
        p += len + 1;
    }
}

static void write_declare(struct codec_writer *w, const struct record_view *v)
{
    static const char *const types[] = {"float", "int", "choice"};
    struct ring_declare d;
    memcpy(&d, v->payload, sizeof d);
    unsigned type = d.type <= RING_CHOICE ? d.type : RING_FLOAT;
    cw_map(w, type == RING_CHOICE ? 5 : 7);
    kspan(w, "name", v->s[0]);
    cw_kstr(w, "type", types[type]);
    cw_kbool(w, "live", d.live);
    kvalue(w, "value", type, v->s[1]);
    if (type == RING_CHOICE) {
        write_strings(w, "choices", v->rest);
        return;
    }
    cw_kdouble(w, "low", d.low);
    cw_kdouble(w, "high", d.high);
    cw_kbool(w, "log", d.log);
}

static void write_answer(struct codec_writer *w, const struct record_view *v)
{
    static const char *const states[] = {"delivered", "applied", "rejected"};
    struct ring_answer a;
    memcpy(&a, v->payload, sizeof a);
    cw_map(w, 3 + (a.change ? 3 : 0) + (v->s[3].n > 0));
    cw_kint(w, "command", a.command);
    cw_kstr(w, "state", states[a.state]);
    cw_kint(w, "step", v->r->step);
    if (a.change) {
        kspan(w, "param", v->s[0]);
        kvalue(w, "old", a.type, v->s[1]);
        kvalue(w, "new", a.type, v->s[2]);
    }
    if (v->s[3].n)
        kspan(w, "message", v->s[3]);
}

/* ---- arms ---- */

static struct ring_arm arm_at(const struct record_view *v, size_t i)
{
    struct ring_arm arm;
    memcpy(&arm, v->payload + sizeof(struct ring_arms) + i * sizeof arm, sizeof arm);
    return arm;
}

static bool is_steered(const struct ring_arm *arm)
{
    return arm->banned || arm->pinned || arm->boost != 1;
}

static void write_steered(struct codec_writer *w, const struct record_view *v, size_t arms)
{
    size_t n = 0;
    for (size_t i = 0; i < arms; i++) {
        struct ring_arm arm = arm_at(v, i);
        n += is_steered(&arm);
    }
    cw_str(w, "steered");
    cw_array(w, n);
    for (size_t i = 0; i < arms; i++) {
        struct ring_arm arm = arm_at(v, i);
        if (!is_steered(&arm))
            continue;
        cw_map(w, 4 + (arm.left <= INT64_MAX));
        cw_kint(w, "arm", (int64_t)i);
        cw_kbool(w, "banned", arm.banned);
        cw_kbool(w, "pinned", arm.pinned);
        cw_kdouble(w, "boost", arm.boost);
        if (arm.left <= INT64_MAX)
            cw_kint(w, "left", (int64_t)arm.left);
    }
}

static void write_arms(struct codec_writer *w, const struct record_view *v)
{
    size_t arms = (v->r->bytes - sizeof(struct ring_arms)) / sizeof(struct ring_arm);
    cw_map(w, 5);
    cw_kint(w, "bandit", v->r->id);
    cw_kint(w, "t", v->r->step);
    cw_str(w, "p_next");
    cw_array(w, arms);
    for (size_t i = 0; i < arms; i++)
        cw_double(w, arm_at(v, i).p_next);
    cw_str(w, "p_best");
    cw_array(w, arms);
    for (size_t i = 0; i < arms; i++)
        cw_double(w, arm_at(v, i).p_best);
    write_steered(w, v, arms);
}

static void write_surface(struct codec_writer *w, const struct record_view *v)
{
    static const char *const states[] = {"on", "done", "stopped", "failed"}, *const norms[] = {"filter", "layer", "towards"};
    struct ring_surface s;
    memcpy(&s, v->payload, sizeof s);
    const uint8_t *cells = v->payload + sizeof s, *why = cells + s.cells * sizeof(struct ring_cell);
    struct span words = {(const char *)why, (size_t)(v->payload + v->r->bytes - why)};
    cw_map(w, 14 + (words.n > 0));
    cw_kint(w, "surface", s.command);
    cw_kint(w, "step", v->r->step);
    cw_kint(w, "columns", s.columns);
    cw_kint(w, "rows", s.rows);
    cw_kdouble(w, "x0", s.x0);
    cw_kdouble(w, "x1", s.x1);
    cw_kdouble(w, "y0", s.y0);
    cw_kdouble(w, "y1", s.y1);
    cw_kstr(w, "norm", norms[s.norm]);
    cw_kdouble(w, "loss", s.loss);
    cw_kint(w, "done", s.done);
    cw_kstr(w, "state", states[s.state]);
    if (words.n)
        kspan(w, "why", words);
    for (int what = 0; what < 2; what++) {
        cw_str(w, what ? "z" : "at");
        cw_array(w, s.cells);
        for (uint32_t i = 0; i < s.cells; i++) {
            struct ring_cell c;
            memcpy(&c, cells + i * sizeof c, sizeof c);
            if (what)
                cw_double(w, c.z);
            else
                cw_int(w, c.at);
        }
    }
}

void record_write(struct codec_writer *w, const struct record_view *v)
{
    double value;
    struct span all = {(const char *)v->payload, v->r->bytes};
    switch (v->r->kind) {
    case RR_REPORT:
        memcpy(&value, v->payload, sizeof value);
        cw_map(w, 2);
        cw_kint(w, "step", v->r->step);
        cw_kdouble(w, "value", value);
        break;
    case RR_TEXT:
        cw_map(w, 3);
        cw_kstr(w, "stream", "log");
        cw_kint(w, "step", v->r->step);
        kspan(w, "text", all);
        break;
    case RR_DECLARE:
        write_declare(w, v);
        break;
    case RR_ANSWER:
        write_answer(w, v);
        break;
    case RR_CHECKPOINT:
        cw_map(w, 2);
        kspan(w, "path", all);
        cw_kint(w, "step", v->r->step);
        break;
    case RR_ARMS:
        write_arms(w, v);
        break;
    case RR_SURFACE:
        write_surface(w, v);
        break;
    default: /* RR_BANDIT: record_view lets nothing else through */
        cw_map(w, 4);
        cw_kint(w, "bandit", v->r->id);
        kspan(w, "name", v->s[0]);
        kspan(w, "algorithm", v->s[1]);
        write_strings(w, "arms", v->rest);
    }
}
