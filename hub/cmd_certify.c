/* cmd_certify: `hypertop certify`: which trials that were stopped early would have been winners, with a bound on how
 * many of the picks are wrong. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_out.h"
#include "base/text.h"
#include "hub/certify.h"
#include "hub/cmd.h"
#include "hub/views.h"
#include "proto/safe_text.h"

struct options {
    const char *file;
    struct certify_options how;
    bool json;
};

static int complain(const char *what, const char *arg, int status)
{
    struct buf b = {0};
    safe_text_buf(&b, arg, strlen(arg), -1);
    fprintf(stderr, "hypertop certify: %s%s%s\n", what, buf_cstr(&b),
            status == 2 ? "; usage: hypertop certify FILE [--better-than V] [--fdr Q] [--at STEP] [--json]" : "");
    buf_release(&b);
    return status;
}

static int parse(int argc, char **argv, struct options *o)
{
    int64_t step;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--json") == 0) {
            o->json = true;
        } else if (strcmp(argv[i], "--better-than") == 0) {
            if (!text_double(value, &o->how.better_than) || !isfinite(o->how.better_than))
                return complain("--better-than needs a number, not ", value, 2);
            i++;
        } else if (strcmp(argv[i], "--fdr") == 0) {
            if (!text_double(value, &o->how.q) || !(o->how.q > 0 && o->how.q < 1))
                return complain("--fdr needs a number between 0 and 1, not ", value, 2);
            i++;
        } else if (strcmp(argv[i], "--at") == 0) {
            if (!text_int(value, &step) || step < 0)
                return complain("--at needs a step, not ", value, 2);
            o->how.at = step;
            i++;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return complain("unknown option: ", argv[i], 2);
        } else if (o->file) {
            return complain("one recording at a time, not also ", argv[i], 2);
        } else {
            o->file = argv[i];
        }
    }
    return o->file ? 0 : complain("which recording?", "", 2);
}

static void put_json(const struct certify_result *r)
{
    for (int i = 0; i < r->candidates; i++) {
        struct buf b = {0};
        struct json_out j;
        jw_open(&j, &b);
        jw_object(&j);
        jw_key(&j, "trial");
        jw_int(&j, r->rows[i].trial);
        jw_key(&j, "step");
        jw_int(&j, r->rows[i].step);
        jw_key(&j, "predicted");
        jw_double(&j, r->rows[i].predicted);
        jw_key(&j, "evidence");
        jw_double(&j, r->rows[i].e);
        jw_key(&j, "selected");
        jw_bool(&j, r->rows[i].selected);
        jw_key(&j, "better_than");
        jw_double(&j, r->better_than);
        jw_object_end(&j);
        puts(buf_cstr(&b));
        buf_release(&b);
    }
}

static void put_text(const struct certify_result *r, const struct certify_options *o)
{
    printf("%d of %d unfinished trials would have come out better than %g (%g %% of the picks wrong at most, on average):\n",
           r->selected, r->candidates, r->better_than, 100 * o->q);
    for (int i = 0; i < r->candidates; i++)
        if (r->rows[i].selected)
            printf("  t%-6" PRId64 " at step %-8" PRId64 " predicted %.6g\n", r->rows[i].trial, r->rows[i].step,
                   r->rows[i].predicted);
    printf("Judged by their parameters and curves up to step %" PRId64 ", calibrated on %d finished trials.\n", r->at,
           r->examples - r->examples / 2);
    puts("The bound holds when stopped and finished trials are alike; a stopper that kept only the best curves makes it cautious.");
}

int cmd_certify(int argc, char **argv)
{
    struct options o = {.how = {.better_than = NAN, .q = 0.2, .at = -1, .seed = 1}};
    struct certify_result r = {0};
    char *cause = NULL;
    int rc = parse(argc, argv, &o);
    if (rc != 0)
        return rc;
    struct sweep_ref *ref = sweep_ref_load(o.file, &cause);
    if (!ref || certify(ref->state, &o.how, &r, &cause) != 0)
        rc = complain("", cause, 1);
    else if (o.json)
        put_json(&r);
    else
        put_text(&r, &o.how);
    free(cause);
    certify_release(&r);
    sweep_ref_free(ref);
    return rc;
}
