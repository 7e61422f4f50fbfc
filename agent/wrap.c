#include "agent/wrap.h"

#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/child.h"
#include "agent/environment.h"
#include "agent/jsonl.h"
#include "agent/params_file.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define GRACE_MAX 86400

/* ---- settings ---- */

void wrap_init(struct wrap *w)
{
    *w = (struct wrap){.carbon = {.intensity = NAN, .pue = 1}};
}

int wrap_signal(const char *name)
{
    int64_t number;
    if (text_int(name, &number))
        return number > 0 && number < NSIG ? (int)number : 0;
    if (text_has_prefix(name, "SIG"))
        name += 3;
    for (int s = 1; s < NSIG; s++) {
        const char *abbreviation = sigabbrev_np(s);
        if (abbreviation && strcmp(abbreviation, name) == 0)
            return s;
    }
    return 0;
}

static int set_parse(struct wrap *w, const char *rule, char **cause)
{
    if (w->n_parse == SCRAPE_RULES)
        return cause_set(cause, "parse: at most %d rules", SCRAPE_RULES);
    if (scrape_check(rule, cause) != 0)
        return -1;
    w->parse[w->n_parse++] = mem_str(rule);
    return 0;
}

static int set_pause(struct wrap *w, const char *how, char **cause)
{
    static const char *const words[] = {"auto", "stop", "none"};
    for (int i = 0; i < 3; i++)
        if (strcmp(how, words[i]) == 0) {
            w->pause = i;
            return 0;
        }
    return cause_set(cause, "pause: auto, stop or none, not '%.40s'", how);
}

static int set_number(const char *name, const char *value, double low, double high, double *out, char **cause)
{
    double v;
    if (!text_double(value, &v) || !(v >= low && v <= high))
        return cause_set(cause, "%s: a number from %g to %g, not '%.40s'", name, low, high, value);
    *out = v;
    return 0;
}

int wrap_set(struct wrap *w, const char *name, const char *value, char **cause)
{
    double x = 0;
    if (strcmp(name, "parse") == 0)
        return set_parse(w, value, cause);
    if (strcmp(name, "pause") == 0)
        return set_pause(w, value, cause);
    if (strcmp(name, "checkpoint") == 0) {
        w->checkpoint_signal = wrap_signal(value);
        return w->checkpoint_signal ? 0 : cause_set(cause, "checkpoint: no signal is called '%.40s'; try USR1", value);
    }
    if (strcmp(name, "grace") == 0) {
        if (set_number(name, value, 1, GRACE_MAX, &x, cause) != 0)
            return -1;
        w->grace_s = (int)x;
        return 0;
    }
    if (strcmp(name, "params-file") == 0) {
        free(w->params_file);
        w->params_file = mem_str(value);
        return params_file_check(value, cause);
    }
    if (strcmp(name, "intensity") == 0)
        return set_number(name, value, 0, 1e5, &w->carbon.intensity, cause);
    if (strcmp(name, "pue") == 0)
        return set_number(name, value, 1, 100, &w->carbon.pue, cause);
    return cause_set(cause, "%.40s is not a setting of a wrapped program", name);
}

int wrap_read(struct wrap *w, struct span map, char **cause)
{
    static const char *const words[][2] = {{"pause", "pause"}, {"checkpoint", "checkpoint"}, {"params_file", "params-file"}};
    struct codec_reader r;
    char text[4096];
    if (cmap_find(map, "parse", &r) && cr_peek(&r) == CT_ARRAY)
        for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--) {
            span_copy(text, sizeof text, cr_str(&r));
            if (wrap_set(w, "parse", text, cause) != 0)
                return -1;
        }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (cmap_strcpy(map, words[i][0], text, sizeof text) && wrap_set(w, words[i][1], text, cause) != 0)
            return -1;
    free(w->metric);
    w->metric = cmap_strdup(map, "metric");
    int64_t grace = cmap_int(map, "grace", 0);
    w->grace_s = grace > 0 && grace <= GRACE_MAX ? (int)grace : 0;
    w->jsonl = cmap_bool(map, "jsonl", false);
    w->carbon.intensity = cmap_double(map, "intensity", NAN);
    w->carbon.pue = cmap_double(map, "pue", 1);
    return 0;
}

void wrap_release(struct wrap *w)
{
    for (int i = 0; i < w->n_parse; i++)
        free(w->parse[i]);
    free(w->metric);
    free(w->params_file);
    scrape_free(w->scrape);
    jsonl_free(w->lines);
    wrap_init(w);
}

/* ---- starting ---- */

static void on_point(void *ctx, const char *name, int64_t step, double value)
{
    struct wrap *w = ctx;
    if (w->n_parse == 0 && outlet_has_library(w->outlet))
        return; /* it speaks for itself */
    outlet_point(w->outlet, name, step, clock_wall_ns(), value);
}

/* ${run} and ${trial} by their numbers: runs at the same time need files of their own. */
static void file_name(const char *pattern, const char *cwd, const struct outlet *ol, struct buf *out)
{
    if (*pattern != '/' && cwd && *cwd)
        buf_printf(out, "%s/", cwd);
    for (const char *p = pattern; *p;) {
        if (text_has_prefix(p, "${run}")) {
            buf_printf(out, "%lld", (long long)ol->run);
            p += 6;
        } else if (text_has_prefix(p, "${trial}")) {
            buf_printf(out, "%lld", (long long)ol->spill.id.trial);
            p += 8;
        } else {
            buf_putc(out, *p++);
        }
    }
}

static int write_params(struct wrap *w, struct environment *env, struct span params, const char *cwd, char **cause)
{
    struct buf path = {0};
    if (!w->params_file)
        return 0;
    file_name(w->params_file, cwd, w->outlet, &path);
    int rc = params_file_write(buf_cstr(&path), params, cause);
    if (rc == 0)
        environment_set(env, "HYPERTOP_PARAMS_FILE", buf_cstr(&path));
    buf_release(&path);
    return rc;
}

int wrap_prepare(struct wrap *w, struct outlet *ol, struct environment *env, struct span params, const char *cwd, char **cause)
{
    struct scrape_sink sink = {on_point, w};
    w->outlet = ol;
    ol->by_signal = (w->pause == WRAP_PAUSE_STOP ? OUTLET_BY_PAUSE : w->pause == WRAP_PAUSE_NONE ? OUTLET_BY_NO_PAUSE : 0) |
                    (w->checkpoint_signal ? OUTLET_BY_CHECKPOINT : 0);
    if (write_params(w, env, params, cwd, cause) != 0)
        return -1;
    if (!(w->scrape = scrape_new(w->parse, w->n_parse, w->metric, &sink, cause)))
        return -1;
    if (!w->jsonl)
        return 0;
    if (!(w->lines = jsonl_open(ol, cause)))
        return -1;
    environment_set(env, "HYPERTOP_JSONL", jsonl_path(w->lines));
    environment_set(env, "HYPERTOP_COMMANDS", jsonl_commands(w->lines));
    return 0;
}

void wrap_attach(struct wrap *w, struct child *c)
{
    c->grace_s = w->grace_s;
    c->out[0].scrape = c->out[1].scrape = w->scrape;
}

/* ---- running ---- */

int wrap_poll_fds(const struct wrap *w, struct pollfd *p)
{
    if (!w->lines)
        return 0;
    *p = (struct pollfd){.fd = jsonl_fd(w->lines), .events = POLLIN};
    return 1;
}

void wrap_turn(struct wrap *w, bool last)
{
    if (w->lines)
        jsonl_turn(w->lines, last);
}

static void stop(struct wrap *w, struct child *c, struct outlet *ol)
{
    if (c->stopped)
        child_signal(c, SIGCONT);
    c->stopped = false;
    bool told = ol->by_lines && w->lines && jsonl_give(w->lines);
    child_stop(c, told || outlet_has_library(ol) ? CHILD_STOP_S : 0);
}

static void by_signal(struct wrap *w, struct child *c, struct outlet *ol, int64_t id, const char *verb)
{
    char message[80];
    if (strcmp(verb, "checkpoint") == 0) {
        child_signal(c, w->checkpoint_signal);
        snprintf(message, sizeof message, "told by SIG%s to write a checkpoint", sigabbrev_np(w->checkpoint_signal));
        outlet_finish(ol, id, "applied", message);
        return;
    }
    c->stopped = strcmp(verb, "pause") == 0;
    child_signal(c, c->stopped ? SIGSTOP : SIGCONT);
    outlet_state(ol, c->stopped ? "paused" : "resumed", -1, -1, 0, NULL);
    outlet_finish(ol, id, "applied",
                  outlet_has_library(ol) ? NULL
                  : c->stopped           ? "held by SIGSTOP: the program does not use libhypertop"
                                         : "let go on by SIGCONT");
}

void wrap_act(struct wrap *w, struct child *c, enum outlet_verdict v, int64_t id, const char *verb)
{
    struct outlet *ol = w->outlet;
    switch (v) {
    case OUTLET_KILL:
        child_signal(c, SIGKILL);
        break;
    case OUTLET_STOP:
        stop(w, c, ol);
        break;
    case OUTLET_SIGNAL:
        by_signal(w, c, ol, id, verb);
        break;
    case OUTLET_LINE:
        if (!w->lines || !jsonl_give(w->lines))
            outlet_finish(ol, id, "rejected", "the program does not read its commands");
        break;
    case OUTLET_DONE:
        break;
    }
}
