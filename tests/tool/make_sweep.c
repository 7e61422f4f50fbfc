/* make_sweep OUT.mcap [TRIALS [SEED]]: writes the recording of a made-up sweep (tests/unit/hub/made_sweep.h),
 * for looking at screens without a sweep that runs. */
#include <stdio.h>

#include "proto/recording.h"
#include "tests/unit/hub/made_sweep.h"

static int fail(char *cause)
{
    fprintf(stderr, "make_sweep: %s\n", cause ? cause : "the recording could not be written");
    free(cause);
    return 1;
}

static int flush(struct rec_writer *w, char **cause)
{
    struct rec_chunk *c = rec_take_chunk(w);
    return !c || rec_write_chunk(w, &c, cause) == REC_OK ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: make_sweep OUT.mcap [TRIALS [SEED]]\n", stderr);
        return 2;
    }
    int trials = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 80;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    char *cause = NULL;
    struct rec_header h = {
        .sweep = "made-up", .yaml = made_yaml, .yaml_n = sizeof made_yaml - 1, .created = MADE_T0};
    struct rec_writer *w = rec_create(argv[1], &h, &cause);
    if (!w)
        return fail(cause);
    struct random_log *l = made_sweep(seed, trials);
    int rc = 0;
    for (int i = 0; i < l->n && rc == 0; i++) {
        struct event ev = log_event(l, i);
        rec_put(w, ev.kind, ev.log_time, ev.time, ev.body);
        if (rec_pending(w) >= REC_CHUNK_BYTES)
            rc = flush(w, &cause);
    }
    if (rc == 0)
        rc = flush(w, &cause);
    if (rc == 0 && rec_finish(&w, &cause) != REC_OK)
        rc = -1;
    log_free(l);
    return rc == 0 ? 0 : fail(cause);
}
