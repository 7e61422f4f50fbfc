/* cmd_tune: a tuner as a filter: JSON lines in, JSON lines out, one answer a line, flushed. The language in
 * which anybody can drive our tuners and benchmarks do. An error is a line and never ends the session; the
 * end of input does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/cmd.h"

#include "base/mem.h"
#include "base/text.h"
#include "hub/sweep_load.h"
#include "hub/tune_session.h"
#include "hub/warm_start.h"

static int converse(struct tune_session *s)
{
    struct buf out = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            n--;
        if (n == 0)
            continue;
        buf_clear(&out);
        tune_session_answer(s, line, (size_t)n, &out);
        fwrite(out.data, 1, out.len, stdout);
        if (fflush(stdout) != 0)
            break; /* the reader is gone */
    }
    free(line);
    buf_release(&out);
    return ferror(stdout) ? 1 : 0;
}

struct tune_options {
    const char *space, *tuner, *stopper;
    int64_t seed, budget;
    const char **warm; /* --warm-start, NULL-terminated */
    int n_warm;
};

static int usage(const char *what, const char *arg)
{
    fprintf(stderr,
            "hypertop tune: %s%s; usage: hypertop tune --space SPACE.yaml [--tuner NAME] [--stopper NAME] "
            "[--seed S] "
            "[--budget N] [--warm-start FILE]...\n",
            what, arg);
    return 2;
}

static int parse(int argc, char **argv, struct tune_options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        const char **text = !strcmp(name, "--warm-start") ? &o->warm[o->n_warm] : !strcmp(name, "--space") ? &o->space : !strcmp(name, "--tuner") ? &o->tuner
                          : !strcmp(name, "--stopper") ? &o->stopper : NULL;
        int64_t *number = !strcmp(name, "--seed") ? &o->seed : !strcmp(name, "--budget") ? &o->budget : NULL;
        if (!text && !number)
            return usage("unknown option ", name);
        if (!value)
            return usage("a value is missing behind ", name);
        if (text) {
            *text = value;
            o->n_warm += text == &o->warm[o->n_warm];
        }
        else if (!text_int(value, number) || *number < 0)
            return usage("not a number from 0: ", value);
        i++;
    }
    return o->space ? 0 : usage("--space is missing", "");
}

static struct tuner *open_tuner(struct sweepfile *f, const struct tune_options *o, char **cause)
{
    bool own = !o->tuner || !strcmp(o->tuner, f->sampler),
         own_stopper = !o->stopper || (f->stopper && !strcmp(o->stopper, f->stopper));
    struct tuner_setup setup = {
        .space = f->space,
        .sampler = o->tuner ? o->tuner : f->sampler,
        .stopper = o->stopper ? o->stopper : f->stopper,
        .sampler_options = own ? f->sampler_options : NULL,
        .stopper_options = own_stopper ? f->stopper_options : NULL,
        .seed = (uint64_t)o->seed,
        .maximize = f->maximize,
        .budget = o->budget >= 0 ? o->budget : f->budget,
        .objectives = f->objectives,
        .n_objectives = f->n_objectives,
        .replicates = f->replicates ? f->n_seeds : 0,
    };
    struct tuner *t = tuner_new(&setup, cause);
    struct buf said = {0};
    if (!t)
        return NULL;
    f->space = NULL;
    for (int i = 0; i < o->n_warm; i++)
        warm_start_add(f, o->warm[i]);
    if (warm_start(t, f, &said, cause) < 0) {
        tuner_free(t);
        t = NULL;
    } else if (said.len) {
        fprintf(stderr, "hypertop tune: warm start: %s\n", buf_cstr(&said));
    }
    buf_release(&said);
    return t;
}

int cmd_tune(int argc, char **argv)
{
    struct tune_options o = {.budget = -1};
    struct sweepfile f;
    char *cause = NULL;
    o.warm = mem_zero((size_t)argc + 1, sizeof *o.warm);
    int rc = parse(argc, argv, &o);
    if (rc != 0) {
        free(o.warm);
        return rc;
    }
    if (sweepfile_load(&f, o.space, &cause) < 0) {
        fprintf(stderr, "hypertop tune: %s\n", cause);
        free(cause);
        free(o.warm);
        return 1;
    }
    for (int i = 0; f.warnings[i]; i++)
        fprintf(stderr, "hypertop tune: %s\n", f.warnings[i]);
    struct tuner *tuner = open_tuner(&f, &o, &cause);
    if (tuner) {
        struct tune_session *s = tune_session_new(tuner);
        rc = converse(s);
        tune_session_free(s);
    } else {
        fprintf(stderr, "hypertop tune: %s: %s\n", o.space, cause);
        rc = 1;
    }
    free(cause);
    free(o.warm);
    sweepfile_release(&f);
    return rc;
}
