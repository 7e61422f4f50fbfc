/* cmd_dry_run: what a sweep file means, as one JSON object: `hypertop run SWEEP.yaml --dry-run`. Starts
 * nothing. A tuner that would refuse the space is asked, so that the refusal is seen now and not when the
 * sweep starts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/cmd.h"

#include "base/mem.h"
#include "hub/sweep_load.h"

static int usage(void)
{
    fprintf(stderr, "hypertop run --dry-run: which file? usage: hypertop run SWEEP.yaml --dry-run\n");
    return 2;
}

/* The file's own tuner over a copy of its space; a cause when they do not go together. */
static char *try_tuner(const struct sweepfile *f)
{
    char *cause = NULL;
    struct tuner_setup setup = {
        .space = space_copy(f->space),
        .sampler = f->sampler,
        .stopper = f->stopper,
        .sampler_options = f->sampler_options,
        .stopper_options = f->stopper_options,
        .maximize = f->maximize,
        .budget = f->budget,
        .objectives = f->objectives,
        .n_objectives = f->n_objectives,
        .replicates = f->replicates ? f->n_seeds : 0,
    };
    tuner_free(tuner_new(&setup, &cause));
    space_free(setup.space);
    return cause;
}

int cmd_dry_run(int argc, char **argv)
{
    struct sweepfile f;
    struct buf text = {0};
    struct json_out out;
    char *cause = NULL, *why;
    if (argc != 2 || (argv[1][0] == '-' && argv[1][1]))
        return usage();
    if (sweepfile_load(&f, argv[1], &cause) < 0) {
        fprintf(stderr, "hypertop run: %s\n", cause);
        free(cause);
        return 1;
    }
    why = try_tuner(&f);
    jw_open(&out, &text);
    sweepfile_json(&f, &out);
    buf_putc(&text, '\n');
    if (!why)
        fwrite(text.data, 1, text.len, stdout);
    else
        fprintf(stderr, "hypertop run: %s: %s\n", argv[1], why);
    int rc = why || fflush(stdout) != 0;
    free(why);
    buf_release(&text);
    sweepfile_release(&f);
    return rc;
}
