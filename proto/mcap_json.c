#include "proto/mcap_json.h"

#include <stdio.h>
#include <string.h>

struct value {
    const struct mcap_field *field;
    uint64_t v;
    struct span s;
};

static void json_digits(struct json_out *out, uint64_t v)
{
    char text[24];
    jw_strn(out, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)v));
}

static void json_pairs(struct mcap_in *in, enum mcap_field_type type, struct json_out *out)
{
    char key[24];
    if (type == MF_INDEX) {
        jw_array(out);
        json_digits(out, mi_uint(in, 8));
        json_digits(out, mi_uint(in, 8));
        jw_array_end(out);
    } else if (type == MF_MAP_STR) {
        struct span k = mi_str(in), v = mi_str(in);
        jw_keyn(out, k.p, k.n);
        jw_strn(out, v.p, v.n);
    } else {
        size_t n = (size_t)snprintf(key, sizeof key, "%u", (unsigned)mi_uint(in, 2));
        jw_keyn(out, key, n);
        json_digits(out, mi_uint(in, 8));
    }
}

void mcap_field_json(enum mcap_field_type type, uint64_t v, struct span s, struct json_out *out)
{
    struct mcap_in in;
    mi_init(&in, s.p, s.n);
    switch (type) {
    case MF_U8:
    case MF_U16:
    case MF_U32:
    case MF_U64:
        json_digits(out, v);
        break;
    case MF_STR:
        jw_strn(out, s.p, s.n);
        break;
    case MF_BYTES32:
    case MF_BYTES64:
    case MF_REST:
    case MF_RECORDS:
        jw_array(out);
        for (size_t i = 0; i < s.n; i++)
            json_digits(out, (uint8_t)s.p[i]);
        jw_array_end(out);
        break;
    case MF_INDEX:
        jw_array(out);
        while (in.p < in.end)
            json_pairs(&in, type, out);
        jw_array_end(out);
        break;
    case MF_MAP_STR:
    case MF_MAP_U64:
        jw_object(out);
        while (in.p < in.end)
            json_pairs(&in, type, out);
        jw_object_end(out);
        break;
    }
}

/* The record's fields sorted by name; how many, 0 when the body is malformed. The CRC of an attachment is
 * left out: it is checked on reading and the conformance files do not list it. */
static int sorted_fields(const struct mcap_record *rec, struct value out[MCAP_FIELDS])
{
    struct mcap_in in;
    int n = 0;
    mi_init(&in, rec->body, rec->n);
    for (const struct mcap_field *f = mcap_fields(rec->op); f->name; f++) {
        struct value v = {.field = f};
        mcap_field_read(&in, f->type, &v.v, &v.s);
        if (strcmp(f->name, "crc") == 0)
            continue;
        int at = n++;
        for (; at > 0 && strcmp(out[at - 1].field->name, f->name) > 0; at--)
            out[at] = out[at - 1];
        out[at] = v;
    }
    return in.bad ? 0 : n;
}

bool mcap_record_json(const struct mcap_record *rec, struct json_out *out)
{
    struct value v[MCAP_FIELDS];
    if (rec->op == MCAP_CHUNK || rec->op == MCAP_MESSAGE_INDEX || !mcap_op_name(rec->op))
        return false;
    int n = sorted_fields(rec, v);
    if (n == 0)
        return false;
    jw_object(out);
    jw_key(out, "type");
    jw_str(out, mcap_op_name(rec->op));
    jw_key(out, "fields");
    jw_array(out);
    for (int i = 0; i < n; i++) {
        jw_array(out);
        jw_str(out, v[i].field->name);
        mcap_field_json(v[i].field->type, v[i].v, v[i].s, out);
        jw_array_end(out);
    }
    jw_array_end(out);
    jw_object_end(out);
    return true;
}
