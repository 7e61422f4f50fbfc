/* cmd_fsck: says whether a recording is whole, and with --repair writes a whole one from everything readable.
 * Never changes the file that it looks at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/cmd.h"

#include "base/json_out.h"
#include "proto/mcap_check.h"
#include "proto/recording.h"
#include "proto/safe_text.h"

struct fsck_options {
    const char *file, *repair;
    bool json;
};

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "hypertop fsck: %s%s; usage: hypertop fsck FILE [--repair OUT] [--json]\n", what, arg);
    return 2;
}

static int parse(int argc, char **argv, struct fsck_options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (strcmp(argv[i], "--repair") == 0 && i + 1 < argc)
            o->repair = argv[++i];
        else if (strcmp(argv[i], "--repair") == 0)
            return usage("--repair needs a file to write", "");
        else if (argv[i][0] == '-' && argv[i][1])
            return usage("unknown option ", argv[i]);
        else if (o->file)
            return usage("one file at a time, not also ", argv[i]);
        else
            o->file = argv[i];
    }
    return o->file ? 0 : usage("which file?", "");
}

static void print_json(const char *file, const struct mcap_report *r, const char *repaired)
{
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "file");
    jw_str(&j, file);
    jw_key(&j, "ok");
    jw_bool(&j, mcap_report_ok(r));
    jw_key(&j, "finished");
    jw_bool(&j, r->finished);
    jw_key(&j, "chunks");
    jw_uint(&j, r->chunks);
    jw_key(&j, "messages");
    jw_uint(&j, r->messages);
    jw_key(&j, "damaged");
    jw_array(&j);
    for (size_t i = 0; i < r->n_damages; i++) {
        jw_object(&j);
        jw_key(&j, "offset");
        jw_uint(&j, r->damages[i].offset);
        jw_key(&j, "bytes");
        jw_uint(&j, r->damages[i].bytes);
        jw_key(&j, "why");
        jw_str(&j, r->damages[i].why);
        jw_object_end(&j);
    }
    jw_array_end(&j);
    jw_key(&j, "truncated_at");
    if (r->torn_at >= 0)
        jw_int(&j, r->torn_at);
    else
        jw_null(&j);
    if (repaired) {
        jw_key(&j, "repaired");
        jw_str(&j, repaired);
    }
    jw_object_end(&j);
    printf("%s\n", buf_cstr(&b));
    buf_release(&b);
}

static void print_text(const char *file, const struct mcap_report *r)
{
    struct buf name = {0};
    safe_text_buf(&name, file, strlen(file), -1);
    for (size_t i = 0; i < r->n_damages; i++) {
        const struct mcap_damage *d = &r->damages[i];
        printf("%s: byte %llu: %s", buf_cstr(&name), (unsigned long long)d->offset, d->why);
        if (d->bytes)
            printf(" (%llu bytes skipped)", (unsigned long long)d->bytes);
        putchar('\n');
    }
    if (r->torn_at >= 0)
        printf("%s: byte %lld: torn end: %s (%llu bytes)\n", buf_cstr(&name), (long long)r->torn_at,
               r->torn_why, (unsigned long long)r->torn_bytes);
    printf("%s: %s, %llu messages in %llu chunks%s\n", buf_cstr(&name), mcap_report_ok(r) ? "ok" : "damaged",
           (unsigned long long)r->messages, (unsigned long long)r->chunks,
           r->finished ? "" : ", not finished");
    buf_release(&name);
}

static int fail(char *cause)
{
    struct buf b = {0};
    safe_text_buf(&b, cause, strlen(cause), -1);
    fprintf(stderr, "hypertop fsck: %s\n", buf_cstr(&b));
    buf_release(&b);
    free(cause);
    return 1;
}

int cmd_fsck(int argc, char **argv)
{
    struct fsck_options o = {0};
    struct mcap_report report;
    char *cause = NULL;
    if (parse(argc, argv, &o) != 0)
        return 2;
    if (mcap_check(o.file, &report, &cause) < 0) {
        mcap_report_release(&report);
        return fail(cause);
    }
    int64_t saved = o.repair ? rec_repair(o.file, o.repair, &cause) : 0;
    if (saved >= 0 && o.json)
        print_json(o.file, &report, o.repair);
    else if (saved >= 0)
        print_text(o.file, &report);
    if (saved >= 0 && o.repair && !o.json) {
        struct buf name = {0};
        safe_text_buf(&name, o.repair, strlen(o.repair), -1);
        printf("%s: written, %lld messages\n", buf_cstr(&name), (long long)saved);
        buf_release(&name);
    }
    int rc = mcap_report_ok(&report) ? 0 : 1;
    mcap_report_release(&report);
    return saved < 0 ? fail(cause) : rc;
}
