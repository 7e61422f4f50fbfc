/* cmd_dump: a recording as text: its events, or (--records) every record of the MCAP file, for people or as
 * JSON.
 *
 * Streams: one chunk is in memory at a time. What the file says goes through safe_text before it can reach a
 * terminal; JSON is escaped. Damage is said on stderr, one line each, and makes the exit status 1; what is
 * readable is printed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/cmd.h"

#include "base/clock.h"
#include "base/json_out.h"
#include "hub/dump_event.h"
#include "proto/mcap_json.h"
#include "proto/mcap_read.h"
#include "proto/recording.h"
#include "proto/safe_text.h"

struct dump_options {
    const char *file;
    bool records, json;
};

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "hypertop dump: %s%s; usage: hypertop dump FILE [--records] [--json]\n", what, arg);
    return 2;
}

static int parse(int argc, char **argv, struct dump_options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (strcmp(argv[i], "--records") == 0)
            o->records = true;
        else if (argv[i][0] == '-' && argv[i][1])
            return usage("unknown option ", argv[i]);
        else if (o->file)
            return usage("one file at a time, not also ", argv[i]);
        else
            o->file = argv[i];
    }
    return o->file ? 0 : usage("which file?", "");
}

static int complain(const char *text)
{
    struct buf b = {0};
    safe_text_buf(&b, text, strlen(text), -1);
    fprintf(stderr, "hypertop dump: %s\n", buf_cstr(&b));
    buf_release(&b);
    return 1;
}

static int fail(char *cause)
{
    int rc = complain(cause);
    free(cause);
    return rc;
}

/* Hands what was formatted to stdout. False when nobody reads it any more. */
static bool flush(struct buf *b)
{
    bool ok = b->len == 0 || fwrite(b->data, 1, b->len, stdout) == b->len;
    buf_clear(b);
    return ok;
}

/* ---- records ---- */

static void text_field(struct buf *b, const struct mcap_field *f, uint64_t v, struct span s)
{
    char time[CLOCK_TEXT];
    struct json_out j;
    buf_printf(b, " %s=", f->name);
    switch (f->type) {
    case MF_U64:
        if (strstr(f->name, "time") && v > (uint64_t)CLOCK_S * 86400 && v <= INT64_MAX) {
            clock_rfc3339(time, (int64_t)v);
            buf_puts(b, time);
            break;
        }
        buf_printf(b, "%llu", (unsigned long long)v);
        break;
    case MF_U8:
    case MF_U16:
    case MF_U32:
        buf_printf(b, "%llu", (unsigned long long)v);
        break;
    case MF_STR:
        buf_putc(b, '"');
        safe_text_buf(b, s.p, s.n, -1);
        buf_putc(b, '"');
        break;
    case MF_MAP_STR:
    case MF_MAP_U64: {
        struct buf text = {0};
        jw_open(&j, &text);
        mcap_field_json(f->type, v, s, &j);
        safe_text_buf(b, (char *)text.data, text.len, -1);
        buf_release(&text);
        break;
    }
    case MF_INDEX:
        buf_printf(b, "%zu entries", s.n / 16);
        break;
    default:
        buf_printf(b, "%zu bytes", s.n);
        break;
    }
}

static void text_record(struct buf *b, const struct mcap_record *rec)
{
    const char *name = mcap_op_name(rec->op);
    struct mcap_in in;
    struct span s;
    uint64_t v;
    if (rec->in_chunk)
        buf_printf(b, "%12s  %s", "", name ? name : "Unknown");
    else
        buf_printf(b, "%12llu %s", (unsigned long long)rec->offset, name ? name : "Unknown");
    if (!name)
        buf_printf(b, " opcode=0x%02x %zu bytes", rec->op, rec->n);
    mi_init(&in, rec->body, rec->n);
    for (const struct mcap_field *f = mcap_fields(rec->op); f && f->name && !in.bad; f++) {
        v = 0;
        s = (struct span){"", 0};
        mcap_field_read(&in, f->type, &v, &s);
        if (!in.bad)
            text_field(b, f, v, s);
    }
    buf_putc(b, '\n');
}

static int report_damage(const char *file, const struct mcap_reader *r)
{
    size_t n;
    const char *why;
    char text[512];
    const struct mcap_damage *d = mcap_damages(r, &n);
    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%s: byte %llu: %s (%llu bytes skipped)", file,
                 (unsigned long long)d[i].offset, d[i].why, (unsigned long long)d[i].bytes);
        complain(text);
    }
    int64_t torn = mcap_torn_at(r, &why);
    if (torn >= 0) {
        snprintf(text, sizeof text,
                 "%s: byte %lld: torn end: %s (%llu bytes); hypertop fsck --repair writes a whole file", file,
                 (long long)torn, why, (unsigned long long)(mcap_size(r) - (uint64_t)torn));
        complain(text);
    }
    return n > 0 || torn >= 0;
}

static int dump_records(const struct dump_options *o)
{
    char *cause = NULL;
    struct mcap_reader *r = mcap_open(o->file, MCAP_WITH_SUMMARY | (o->json ? 0 : MCAP_WITH_CHUNKS), &cause);
    if (!r)
        return fail(cause);
    struct buf b = {0};
    struct json_out j;
    struct mcap_record rec;
    int got = 0;
    jw_open(&j, &b);
    if (o->json) {
        jw_object(&j);
        jw_key(&j, "records");
        jw_array(&j);
    }
    while (flush(&b) && (got = mcap_next(r, &rec, &cause)) == 1) {
        if (o->json)
            mcap_record_json(&rec, &j);
        else
            text_record(&b, &rec);
    }
    if (o->json) {
        jw_array_end(&j);
        jw_object_end(&j);
        buf_putc(&b, '\n');
    }
    flush(&b);
    int rc = report_damage(o->file, r);
    mcap_close(r);
    buf_release(&b);
    return got < 0 ? fail(cause) : rc;
}

/* ---- events ---- */

static int dump_events(const struct dump_options *o)
{
    char *cause = NULL;
    struct recording_reader *r = rec_open(o->file, &cause);
    if (!r)
        return fail(cause);
    struct buf b = {0};
    struct event ev;
    int got = 0;
    while (flush(&b) && (got = rec_next(r, &ev, &cause)) == 1) {
        if (o->json)
            dump_event_json(&b, &ev);
        else
            dump_event_text(&b, &ev);
    }
    struct rec_damage d;
    rec_damage(r, &d);
    rec_close(r);
    buf_release(&b);
    if (got < 0)
        return fail(cause);
    if (d.truncated_at < 0 && d.bytes_lost == 0 && d.events_skipped == 0 && d.chunks_skipped == 0)
        return 0;
    char text[512];
    snprintf(text, sizeof text,
             "%s: %lld bytes could not be read (%d chunks, %lld events skipped%s); hypertop fsck says where",
             o->file, (long long)d.bytes_lost, d.chunks_skipped, (long long)d.events_skipped,
             d.truncated_at >= 0 ? ", torn end" : "");
    return complain(text);
}

int cmd_dump(int argc, char **argv)
{
    struct dump_options o = {0};
    if (parse(argc, argv, &o) != 0)
        return 2;
    int rc = o.records ? dump_records(&o) : dump_events(&o);
    if (fflush(stdout) != 0 || ferror(stdout)) /* `| head` has seen enough: no news, but not all was said either */
        return errno == EPIPE ? 1 : complain("cannot write to stdout");
    return rc;
}
