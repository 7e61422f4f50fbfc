/* mcap_check: whether an MCAP file is what it says: framing, CRCs, message indexes, summary, and (in a
 * recording) payloads. Reads every byte. Memory is bounded by the largest chunk and the summary. */
#ifndef PROTO_MCAP_CHECK_H
#define PROTO_MCAP_CHECK_H

#include "proto/mcap_read.h"

struct mcap_report {
    uint64_t chunks, messages; /* readable ones */
    struct mcap_damage *damages;
    size_t n_damages;
    int64_t torn_at; /* -1: none */
    uint64_t torn_bytes;
    char torn_why[112];
    bool finished; /* it ends with a footer */
};

/* 0, or -1 and a cause: it cannot be read, or is no MCAP file. Damage is no failure: it is in the report. */
int mcap_check(const char *path, struct mcap_report *out, char **cause);
/* No damage and no torn end; a recording that was not finished is fine. */
bool mcap_report_ok(const struct mcap_report *r);
void mcap_report_release(struct mcap_report *r);

#endif
