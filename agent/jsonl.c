#include "agent/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/outlet.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "read/json_pull.h"

#define LINE_MAX_BYTES (1 << 20)
#define READS_TURN     16
#define LEAVES         256

struct jsonl {
    struct outlet *outlet;
    int in[2], out[2]; /* both ends of each are ours: the program may come and go */
    char in_path[64], out_path[64];
    struct buf line;
    bool skipping; /* a line that is too long */
    bool complained;
    int64_t next; /* step of a line without one */
};

static int make_pipe(int p[2])
{
    return pipe2(p, O_CLOEXEC | O_NONBLOCK);
}

struct jsonl *jsonl_open(struct outlet *ol, char **cause)
{
    struct jsonl *j = MEM_NEW(struct jsonl);
    j->outlet = ol;
    j->in[0] = j->in[1] = j->out[0] = j->out[1] = -1;
    if (make_pipe(j->in) != 0 || make_pipe(j->out) != 0) {
        cause_set(cause, "jsonl: cannot make pipes: %s", strerror(errno));
        jsonl_free(j);
        return NULL;
    }
    snprintf(j->in_path, sizeof j->in_path, "/proc/%d/fd/%d", (int)getpid(), j->in[1]);
    snprintf(j->out_path, sizeof j->out_path, "/proc/%d/fd/%d", (int)getpid(), j->out[0]);
    return j;
}

const char *jsonl_path(const struct jsonl *j)
{
    return j->in_path;
}

const char *jsonl_commands(const struct jsonl *j)
{
    return j->out_path;
}

int jsonl_fd(const struct jsonl *j)
{
    return j->in[0];
}

void jsonl_free(struct jsonl *j)
{
    if (!j)
        return;
    for (int i = 0; i < 2; i++) {
        if (j->in[i] >= 0)
            close(j->in[i]);
        if (j->out[i] >= 0)
            close(j->out[i]);
    }
    buf_release(&j->line);
    free(j);
}

/* ---- a line ---- */

struct said {
    struct {
        char name[128];
        double number;
    } leaves[LEAVES];
    int n;
    bool has_step, has_report, commands, live, has_answer, has_value;
    int64_t step, answer;
    double report, number;
    char param[256], text[4096], checkpoint[4096], state[32], message[512];
};

static void keep(char *out, size_t cap, const char *text)
{
    snprintf(out, cap, "%s", text);
}

static bool take_word(struct said *s, const char *name, const struct read_value *v)
{
    if (v->type != READ_TEXT)
        return false;
    if (strcmp(name, "checkpoint") == 0)
        keep(s->checkpoint, sizeof s->checkpoint, v->text);
    else if (strcmp(name, "state") == 0)
        keep(s->state, sizeof s->state, v->text);
    else if (strcmp(name, "message") == 0)
        keep(s->message, sizeof s->message, v->text);
    else if (strcmp(name, "param") == 0)
        keep(s->param, sizeof s->param, v->text);
    else if (strcmp(name, "value") == 0)
        keep(s->text, sizeof s->text, v->text);
    return true;
}

static void leaf(void *ctx, const char *name, const struct read_value *v)
{
    struct said *s = ctx;
    double x;
    if (take_word(s, name, v))
        return;
    if (strcmp(name, "commands") == 0 && v->type == READ_BOOL) {
        s->commands = v->i != 0;
        return;
    }
    if (strcmp(name, "live") == 0 && v->type == READ_BOOL) {
        s->live = v->i != 0;
        return;
    }
    if (!read_number(v, &x))
        return;
    bool whole = v->type == READ_INT;
    if (strcmp(name, "step") == 0 && whole) {
        s->has_step = true;
        s->step = v->i;
    } else if (strcmp(name, "answer") == 0 && whole) {
        s->has_answer = true;
        s->answer = v->i;
    } else if (strcmp(name, "report") == 0) {
        s->has_report = true;
        s->report = x;
    } else if (strcmp(name, "value") == 0) {
        s->has_value = true;
        s->number = x;
    } else if (s->n < LEAVES && v->type != READ_BOOL) {
        snprintf(s->leaves[s->n].name, sizeof s->leaves[s->n].name, "%s", name);
        s->leaves[s->n++].number = x;
    }
}

static void declare(struct outlet *ol, const struct said *s)
{
    struct codec_writer w;
    outlet_event(ol, false, &w, "declare", clock_wall_ns());
    cw_map(&w, 4);
    cw_kstr(&w, "name", s->param);
    cw_kstr(&w, "type", s->has_value ? "float" : "choice");
    cw_kbool(&w, "live", s->live);
    if (s->has_value)
        cw_kdouble(&w, "value", s->number);
    else
        cw_kstr(&w, "value", s->text);
}

static void answer(struct outlet *ol, const struct said *s)
{
    bool applied = strcmp(s->state, "rejected") != 0;
    outlet_finish(ol, s->answer, applied ? "applied" : "rejected", *s->message ? s->message : NULL);
}

static void act_on(struct jsonl *j, const struct said *s)
{
    struct outlet *ol = j->outlet;
    struct codec_writer w;
    int64_t now = clock_wall_ns(), step = s->has_step ? s->step : j->next;
    if (s->commands)
        ol->by_lines = true;
    if (s->has_answer) {
        answer(ol, s);
        return;
    }
    if (*s->param) {
        declare(ol, s);
        return;
    }
    if (s->has_value) /* not of a parameter: a metric called so */
        outlet_point(ol, "value", step, now, s->number);
    for (int i = 0; i < s->n; i++)
        outlet_point(ol, s->leaves[i].name, step, now, s->leaves[i].number);
    if (*s->checkpoint) {
        outlet_event(ol, false, &w, "checkpoint", now);
        cw_map(&w, 2);
        cw_kstr(&w, "path", s->checkpoint);
        cw_kint(&w, "step", s->has_step ? s->step : -1);
    }
    if (s->has_report) {
        outlet_event(ol, false, &w, "report", now);
        cw_map(&w, 2);
        cw_kint(&w, "step", step);
        cw_kdouble(&w, "value", s->report);
    }
    if (s->n || s->has_value || s->has_report)
        j->next = step + 1;
}

static void take_line(struct jsonl *j, const char *p, size_t n)
{
    struct said s = {0};
    struct json_pull pull = {0};
    json_open(&pull, p, n);
    enum json_token t = json_next(&pull);
    bool whole = t == JSON_OBJECT && json_leaves(&pull, t, "", leaf, &s);
    json_release(&pull);
    if (whole) {
        act_on(j, &s);
    } else if (!j->complained && n) {
        char text[160];
        int k = snprintf(text, sizeof text, "[a line in HYPERTOP_JSONL is no JSON object: %.80s]", p);
        j->complained = true;
        outlet_text(j->outlet, "log", clock_wall_ns(), text, (size_t)(k < (int)sizeof text ? k : (int)sizeof text - 1));
    }
}

static void take_bytes(struct jsonl *j, const char *p, size_t n)
{
    while (n) {
        const char *end = memchr(p, '\n', n);
        size_t k = end ? (size_t)(end - p) : n;
        if (!j->skipping)
            buf_put(&j->line, p, k);
        if (j->line.len > LINE_MAX_BYTES) {
            j->skipping = true;
            buf_clear(&j->line);
        }
        if (end && !j->skipping)
            take_line(j, buf_cstr(&j->line), j->line.len);
        if (end) {
            buf_clear(&j->line);
            j->skipping = false;
        }
        p += k + (end != NULL);
        n -= k + (end != NULL);
    }
}

void jsonl_turn(struct jsonl *j, bool last)
{
    static char bytes[64 << 10];
    ssize_t n;
    for (int i = 0; i < READS_TURN && (n = read(j->in[0], bytes, sizeof bytes)) > 0; i++)
        take_bytes(j, bytes, (size_t)n);
    if (last && j->line.len) {
        take_line(j, buf_cstr(&j->line), j->line.len);
        buf_clear(&j->line);
    }
}

/* A line is shorter than a pipe takes at once (PIPE_BUF), or it is cut nowhere: the write is all or nothing. */
bool jsonl_give(struct jsonl *j)
{
    const struct buf *b = &j->outlet->line;
    return b->len <= 4096 && write(j->out[1], b->data, b->len) == (ssize_t)b->len;
}
