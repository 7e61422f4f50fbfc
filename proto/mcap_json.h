/* mcap_json: MCAP records as JSON, in the form of the format's public conformance files:
 * {"type":"Message","fields":[["channel_id","1"],["data",["1","2"]],...]}, fields sorted by name, integers as
 * decimal strings, bytes as arrays of such, maps as objects. */
#ifndef PROTO_MCAP_JSON_H
#define PROTO_MCAP_JSON_H

#include "base/json_out.h"
#include "proto/mcap_read.h"

/* One record as one object. False, and nothing is printed, for what those files do not list: chunks (their
 * content stands in the list instead), message indexes, and opcodes that the format does not name. */
bool mcap_record_json(const struct mcap_record *rec, struct json_out *out);
/* One field's value in that form. */
void mcap_field_json(enum mcap_field_type type, uint64_t v, struct span s, struct json_out *out);

#endif
