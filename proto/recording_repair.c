/* recording_repair: everything readable of a damaged file as a whole one. Works for any MCAP file, hence
 * passes messages on as they are; a chunk with merged batches stays one chunk, because their places in the
 * log are places in it. */
#include "proto/recording.h"

#include "proto/recording_copy.h"

/* Whether what is in the chunk so far must be written before this record. *whole: offset of the source's
 * chunk that must stay one, 0 while there is none. */
static bool begins_chunk(const struct rec_copy *c, const struct mcap_record *rec, uint64_t *whole)
{
    struct mcap_channel channel;
    if (*whole && rec->in_chunk && rec->offset == *whole)
        return false;
    bool ends = *whole != 0;
    bool begins = rec->in_chunk && rec->op == MCAP_CHANNEL &&
                  mcap_parse_channel(&channel, rec->body, rec->n) && rec_channel_merged(&channel);
    *whole = begins ? rec->offset : 0;
    return ends || begins || (rec->op == MCAP_MESSAGE && c->b.records.len + rec->n > REC_COPY_BYTES);
}

static void copy_record(struct rec_copy *c, const struct mcap_record *rec, uint64_t whole, char **cause)
{
    struct mcap_message m;
    struct mcap_channel channel;
    rec_copy_record(c, rec, cause);
    if (rec->op == MCAP_MESSAGE && mcap_parse_message(&m, rec->body, rec->n))
        rec_copy_message(c, &m);
    if (whole && rec->op == MCAP_CHANNEL && mcap_parse_channel(&channel, rec->body, rec->n) &&
        rec_channel_merged(&channel))
        rec_copy_define(c, channel.id);
}

int64_t rec_repair(const char *path, const char *out, char **cause)
{
    struct mcap_reader *r = mcap_open(path, 0, cause);
    struct rec_copy c;
    if (!r || rec_copy_begin(&c, r, path, out, cause) < 0) {
        mcap_close(r);
        return -1;
    }
    struct mcap_record rec;
    uint64_t whole = 0;
    int got = 1;
    while (c.status == MCAP_OK && (got = mcap_next(r, &rec, cause)) == 1) {
        if (begins_chunk(&c, &rec, &whole))
            rec_copy_flush(&c, cause);
        if (c.status == MCAP_OK)
            copy_record(&c, &rec, whole, cause);
    }
    int64_t n = rec_copy_end(&c, got == 0, out, cause);
    mcap_close(r);
    if (n >= 0 && mcap_sync_directory(out, cause) < 0)
        n = -1;
    return n;
}
