#include "proto/recording_copy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define COPY_LEVEL 3

/* ---- the file ---- */

static struct mcap_writer *target(struct mcap_reader *r, const char *path, const char *out, char **cause)
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

int rec_copy_begin(struct rec_copy *c, struct mcap_reader *r, const char *path, const char *out, char **cause)
{
    *c = (struct rec_copy){.to = target(r, path, out, cause)};
    if (!c->to)
        return -1;
    c->encoder = mcap_encoder_new(COPY_LEVEL);
    c->defined = mem_zero(2, MCAP_CHANNELS);
    return 0;
}

int64_t rec_copy_end(struct rec_copy *c, bool good, const char *out, char **cause)
{
    if (good)
        rec_copy_flush(c, cause);
    if (good && c->status == MCAP_OK)
        c->status = mcap_finish(c->to, cause);
    good = good && c->status == MCAP_OK;
    mcap_close_writer(&c->to);
    mcap_encoder_free(c->encoder);
    mcap_builder_release(&c->b);
    buf_release(&c->encoded);
    free(c->defined);
    if (!good)
        unlink(out);
    return good ? c->messages : -1;
}

/* ---- records ---- */

void rec_copy_flush(struct rec_copy *c, char **cause)
{
    if (c->b.n == 0 || c->status != MCAP_OK)
        return;
    mcap_encode(c->encoder, &c->b, &c->encoded);
    c->status = mcap_write_encoded(c->to, &c->encoded, cause);
    mcap_builder_clear(&c->b);
    memset(c->defined, 0, 2 * MCAP_CHANNELS);
}

bool rec_copy_define(struct rec_copy *c, uint16_t id)
{
    struct mcap_channel channel;
    struct mcap_schema schema;
    if (c->defined[id])
        return true;
    if (!mcap_index_find_channel(&c->to->index, id, &channel))
        return false;
    uint32_t schema_at = MCAP_CHANNELS + channel.schema_id;
    if (channel.schema_id && !c->defined[schema_at] &&
        mcap_index_find_schema(&c->to->index, channel.schema_id, &schema)) {
        mcap_put_schema(&c->b.records, &schema);
        c->defined[schema_at] = 1;
    }
    mcap_put_channel(&c->b.records, &channel);
    c->defined[id] = 1;
    return true;
}

void rec_copy_message(struct rec_copy *c, const struct mcap_message *m)
{
    if (!rec_copy_define(c, m->channel_id)) {
        c->orphans++;
        return;
    }
    mcap_builder_message(&c->b, m);
    c->messages++;
}

void rec_copy_record(struct rec_copy *c, const struct mcap_record *rec, char **cause)
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
