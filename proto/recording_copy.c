/* recording_copy: what makes a recording out of a recording: compaction, repair.
 *
 * Neither ever leaves less than was there: a copy takes the place of its source by rename, when it is whole
 * and on disk. */
#include "proto/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/mem.h"
#include "proto/mcap_read.h"
#include "proto/recording_file.h"

#define COMPACT_BYTES (4 << 20) /* a chunk of a compacted file, before compression */
#define COMPACT_LEVEL 3

struct copy {
    struct mcap_writer *to;
    struct mcap_encoder *encoder;
    struct mcap_builder b;
    struct buf encoded;
    uint8_t *defined; /* per channel and (from MCAP_CHANNELS on) schema: its record is in the chunk */
    int64_t messages, orphans; /* orphans: of a channel that nothing defines */
    enum mcap_status status;
};

static void copy_flush(struct copy *c, char **cause)
{
    if (c->b.n == 0 || c->status != MCAP_OK)
        return;
    mcap_encode(c->encoder, &c->b, &c->encoded);
    c->status = mcap_write_encoded(c->to, &c->encoded, cause);
    mcap_builder_clear(&c->b);
    memset(c->defined, 0, 2 * MCAP_CHANNELS);
}

static void copy_message(struct copy *c, const struct mcap_record *rec, char **cause)
{
    struct mcap_message m;
    struct mcap_channel channel;
    struct mcap_schema schema;
    if (!mcap_parse_message(&m, rec->body, rec->n) ||
        !mcap_index_find_channel(&c->to->index, m.channel_id, &channel)) {
        c->orphans++;
        return;
    }
    if (c->b.records.len > 0 && c->b.records.len + rec->n > COMPACT_BYTES)
        copy_flush(c, cause);
    if (channel.schema_id && !c->defined[MCAP_CHANNELS + channel.schema_id] &&
        mcap_index_find_schema(&c->to->index, channel.schema_id, &schema)) {
        mcap_put_schema(&c->b.records, &schema);
        c->defined[MCAP_CHANNELS + channel.schema_id] = 1;
    }
    if (!c->defined[channel.id]) {
        mcap_put_channel(&c->b.records, &channel);
        c->defined[channel.id] = 1;
    }
    mcap_builder_message(&c->b, &m);
    c->messages++;
}

static void copy_record(struct copy *c, const struct mcap_record *rec, char **cause)
{
    struct mcap_schema schema;
    struct mcap_channel channel;
    struct mcap_attachment attachment;
    struct mcap_metadata metadata;
    switch (rec->op) {
    case MCAP_SCHEMA:
        if (mcap_parse_schema(&schema, rec->body, rec->n))
            mcap_index_schema(&c->to->index, &schema);
        break;
    case MCAP_CHANNEL:
        if (mcap_parse_channel(&channel, rec->body, rec->n))
            mcap_index_channel(&c->to->index, &channel);
        break;
    case MCAP_MESSAGE:
        copy_message(c, rec, cause);
        break;
    case MCAP_ATTACHMENT:
        if (mcap_parse_attachment(&attachment, rec->body, rec->n))
            c->status = mcap_write_attachment(c->to, &attachment, cause);
        break;
    case MCAP_METADATA:
        if (mcap_parse_metadata(&metadata, rec->body, rec->n))
            c->status = mcap_write_metadata(c->to, &metadata, cause);
        break;
    default:
        break; /* index records are made anew; what this version does not know it cannot place */
    }
}

/* The file to copy into, with the header of the source, or, when that is damaged, one that fits. */
static struct mcap_writer *copy_target(struct mcap_reader *r, const char *path, const char *out, char **cause)
{
    struct mcap_record rec;
    struct mcap_header h;
    char *profile = NULL, *library = NULL;
    if (mcap_next(r, &rec, NULL) == 1 && rec.op == MCAP_HEADER && mcap_parse_header(&h, rec.body, rec.n)) {
        profile = span_dup(h.profile);
        library = span_dup(h.library);
    } else {
        struct recording_reader *ours = rec_open(path, NULL);
        profile = mem_str(ours ? REC_PROFILE : "");
        rec_close(ours);
    }
    mcap_rewind(r);
    struct mcap_writer *w = mcap_create(out, profile, library ? library : REC_LIBRARY, cause);
    free(profile);
    free(library);
    return w;
}

/* Copies everything readable into `out`, finished and synced; r is left at its end. Messages copied, or -1
 * and no file. */
static int64_t copy_all(struct mcap_reader *r, const char *path, const char *out, char **cause)
{
    struct copy c = {.to = copy_target(r, path, out, cause)};
    if (!c.to)
        return -1;
    c.encoder = mcap_encoder_new(COMPACT_LEVEL);
    c.defined = mem_zero(2, MCAP_CHANNELS);
    struct mcap_record rec;
    int got = 1;
    while (c.status == MCAP_OK && (got = mcap_next(r, &rec, cause)) == 1)
        copy_record(&c, &rec, cause);
    copy_flush(&c, cause);
    if (c.status == MCAP_OK && got == 0)
        c.status = mcap_finish(c.to, cause);
    bool ok = c.status == MCAP_OK && got == 0;
    mcap_close_writer(&c.to);
    mcap_encoder_free(c.encoder);
    mcap_builder_release(&c.b);
    buf_release(&c.encoded);
    free(c.defined);
    if (!ok)
        unlink(out);
    return ok ? c.messages : -1;
}

int64_t rec_repair(const char *path, const char *out, char **cause)
{
    struct mcap_reader *r = mcap_open(path, 0, cause);
    if (!r)
        return -1;
    int64_t n = copy_all(r, path, out, cause);
    mcap_close(r);
    if (n >= 0 && mcap_sync_directory(out, cause) < 0)
        n = -1;
    return n;
}

/* The source was whole, and everything that it says it has was copied. */
static int check_copied(struct mcap_reader *r, const char *path, int64_t copied, char **cause)
{
    size_t damages;
    mcap_damages(r, &damages);
    if (damages > 0 || mcap_torn_at(r, NULL) >= 0)
        return cause_set(cause, "%s: damaged, hence not compacted; see hypertop fsck", path);
    if (!mcap_at_footer(r))
        return cause_set(cause, "%s: not finished, hence not compacted", path);
    const struct mcap_index *x = mcap_summary(r);
    if (!x || x->messages != (uint64_t)copied)
        return cause_set(
            cause, "%s: its statistics do not match its messages, hence not compacted; see hypertop fsck",
            path);
    return 0;
}

int rec_compact(const char *path, char **cause)
{
    int fd = mcap_open_locked(path, cause); /* nobody may append meanwhile */
    if (fd < 0)
        return -1;
    struct buf tmp = {0};
    buf_printf(&tmp, "%s.tmp", path);
    struct mcap_reader *r = mcap_open(path, 0, cause);
    int rc = -1;
    if (r) {
        unlink(buf_cstr(&tmp)); /* of a compaction that was interrupted */
        int64_t n = copy_all(r, path, buf_cstr(&tmp), cause);
        rc = n < 0 ? -1 : check_copied(r, path, n, cause);
        if (rc == 0 && mcap_sys.rename(buf_cstr(&tmp), path) < 0)
            rc = cause_set(cause, "%s: cannot rename to %s: %s", buf_cstr(&tmp), path, strerror(errno));
        if (rc == 0)
            rc = mcap_sync_directory(path, cause);
        else
            unlink(buf_cstr(&tmp));
    }
    mcap_close(r);
    buf_release(&tmp);
    close(fd);
    return rc;
}
