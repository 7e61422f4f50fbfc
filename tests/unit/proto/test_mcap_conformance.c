/* The record lists of the MCAP project's conformance files read back identical.
 *
 * The copies in shared/data hold the JSON lists; the .mcap files beside them are Git LFS pointers (name,
 * SHA-256 and size of the real file). The real files are small and fully determined by list and feature
 * names, so they are built here byte by byte and accepted only when their SHA-256 is the pointer's. A
 * checkout that has the real files is read as it is. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
/* base/json_out.h has functions of these names too; jansson's are not used here. */
#include <jansson.h>
#include <zlib.h>

#include "proto/mcap_json.h"
#include "recording_fixture.h"

/* ---- building a file from its record list ---- */

#define PADDING "\x01\xff\xff" /* what feature "pad" puts behind the known fields */

static const char *const features[] = {"ch", "mx", "st", "rsh", "rch", "mdx", "ax", "chx", "sum", "pad"};

struct build {
    struct buf out;
    bool has[10];
    json_t *records;
};

static bool has(const struct build *b, const char *feature)
{
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        if (strcmp(features[i], feature) == 0)
            return b->has[i];
    abort();
}

static const json_t *field(const json_t *record, const char *name)
{
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(record, "fields"), i,
                       pair) if (strcmp(json_string_value(json_array_get(pair, 0)), name) ==
                                 0) return json_array_get(pair, 1);
    return NULL;
}

static void put_bytes(struct buf *b, const json_t *list)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)list, i, v) buf_putc(b, (int)strtol(json_string_value(v), NULL, 10));
}

static void put_field(struct buf *b, enum mcap_field_type type, const json_t *v)
{
    static const int width[] = {[MF_U8] = 1, [MF_U16] = 2, [MF_U32] = 4, [MF_U64] = 8};
    struct buf inner = {0};
    const char *key;
    json_t *value;
    switch (type) {
    case MF_U8:
    case MF_U16:
    case MF_U32:
    case MF_U64:
        mo_uint(b, strtoull(json_string_value(v), NULL, 10), width[type]);
        break;
    case MF_STR:
        mo_str(b, span_of(json_string_value(v)));
        break;
    case MF_REST:
        put_bytes(b, v);
        break;
    case MF_MAP_STR:
    case MF_MAP_U64:
        json_object_foreach((json_t *)v, key, value)
        {
            if (type == MF_MAP_STR) {
                mo_str(&inner, span_of(key));
                mo_str(&inner, span_of(json_string_value(value)));
            } else {
                mo_uint(&inner, strtoull(key, NULL, 10), 2);
                mo_uint(&inner, strtoull(json_string_value(value), NULL, 10), 8);
            }
        }
        mo_str(b, (struct span){inner.len ? (char *)inner.data : "", inner.len});
        break;
    default: /* bytes behind a length */
        put_bytes(&inner, v);
        mo_uint(b, inner.len, type == MF_BYTES32 ? 4 : 8);
        buf_put(b, inner.data, inner.len);
    }
    buf_release(&inner);
}

static uint8_t opcode(const char *name)
{
    for (uint8_t op = 1; op < MCAP_OP_COUNT; op++)
        if (strcmp(mcap_op_name(op), name) == 0)
            return op;
    abort();
}

static void put_record(struct build *b, struct buf *out, const json_t *record, bool padded)
{
    uint8_t op = opcode(json_string_value(json_object_get(record, "type")));
    size_t at = mo_begin(out, op);
    for (const struct mcap_field *f = mcap_fields(op); f->name; f++)
        put_field(out, f->type, field(record, f->name));
    if (padded && has(b, "pad") && op != MCAP_FOOTER && op != MCAP_DATA_END && op != MCAP_MESSAGE)
        buf_put(out, PADDING, 3);
    mo_end(out, at);
}

static const char *type_of(const json_t *record)
{
    return json_string_value(json_object_get(record, "type"));
}

/* Schema, channel and message number i, i+1, i+2 as one uncompressed chunk, then its message index. */
static void put_chunk(struct build *b, size_t i)
{
    struct buf content = {0};
    for (size_t k = i; k < i + 3; k++)
        put_record(b, &content, json_array_get(b->records, k), false);
    const json_t *message = json_array_get(b->records, i + 2);
    uint64_t time = strtoull(json_string_value(field(message, "log_time")), NULL, 10);
    size_t at = mo_begin(&b->out, MCAP_CHUNK);
    mo_uint(&b->out, time, 8);
    mo_uint(&b->out, time, 8);
    mo_uint(&b->out, content.len, 8);
    mo_uint(&b->out, crc32_z(0, content.data, content.len), 4);
    mo_str(&b->out, span_of(""));
    mo_uint(&b->out, content.len, 8);
    buf_put(&b->out, content.data, content.len);
    mo_end(&b->out, at);
    if (has(b, "mx")) {
        size_t message_at = content.len - (MCAP_HEAD + 22 + json_array_size(field(message, "data")));
        at = mo_begin(&b->out, MCAP_MESSAGE_INDEX);
        put_field(&b->out, MF_U16, field(message, "channel_id"));
        mo_uint(&b->out, 16, 4);
        mo_uint(&b->out, time, 8);
        mo_uint(&b->out, message_at, 8);
        if (has(b, "pad"))
            buf_put(&b->out, PADDING, 3);
        mo_end(&b->out, at);
    }
    buf_release(&content);
}

static void build(struct build *b)
{
    bool data = true;
    buf_put(&b->out, MCAP_MAGIC, MCAP_MAGIC_N);
    for (size_t i = 0; i < json_array_size(b->records); i++) {
        const json_t *record = json_array_get(b->records, i);
        if (data && has(b, "ch") && strcmp(type_of(record), "Schema") == 0) {
            put_chunk(b, i);
            i += 2;
            continue;
        }
        data = data && strcmp(type_of(record), "DataEnd") != 0;
        put_record(b, &b->out, record, true);
    }
    buf_put(&b->out, MCAP_MAGIC, MCAP_MAGIC_N);
}

/* ---- the files ---- */

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* One 64 byte block of SHA-256 (FIPS 180-4, 6.2.2). The constants are the fractional parts of the cube roots
 * of the first 64 primes. */
static void sha256_block(uint32_t h[8], const uint8_t *p)
{
    static uint32_t k[64];
    uint32_t w[64], v[8];
    for (int n = 0, prime = 2; k[63] == 0; prime++) {
        bool is_prime = true;
        for (int d = 2; d * d <= prime; d++)
            is_prime &= prime % d != 0;
        if (is_prime)
            k[n++] = (uint32_t)(int64_t)floorl((cbrtl(prime) - floorl(cbrtl(prime))) * 4294967296.0L);
    }
    for (int i = 0; i < 64; i++)
        w[i] = i < 16
                   ? (uint32_t)p[i * 4] << 24 | (uint32_t)p[i * 4 + 1] << 16 | (uint32_t)p[i * 4 + 2] << 8 |
                         p[i * 4 + 3]
                   : w[i - 16] + w[i - 7] + (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
                         (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
                      ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        uint32_t t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
                      ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += v[i];
}

static void sha256_of(const struct buf *b, char out[65])
{
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    struct buf m = {0};
    buf_put(&m, b->data, b->len);
    buf_putc(&m, 0x80);
    while (m.len % 64 != 56)
        buf_putc(&m, 0);
    for (int i = 56; i >= 0; i -= 8)
        buf_putc(&m, (int)((uint64_t)b->len * 8 >> i & 0xff));
    for (size_t at = 0; at < m.len; at += 64)
        sha256_block(h, m.data + at);
    for (int i = 0; i < 8; i++)
        snprintf(out + i * 8, 9, "%08x", h[i]);
    buf_release(&m);
}

/* The file to read for this pair: the real one, or one built anew whose hash is the pointer's. */
static const char *real_file(const char *mcap, json_t *list)
{
    size_t n;
    uint8_t *p = fixture_load(mcap, &n);
    char want[65] = "", got[65];
    if (n < 64 || memcmp(p, "version ", 8) != 0) {
        free(p);
        return mcap;
    }
    const char *oid = memmem(p, n, "sha256:", 7);
    assert_non_null(oid);
    memcpy(want, oid + 7, 64);
    free(p);

    struct build b = {.records = json_object_get(list, "records")};
    size_t i;
    json_t *feature;
    json_array_foreach(json_object_get(json_object_get(json_object_get(list, "meta"), "variant"), "features"),
                       i, feature) for (size_t k = 0; k < sizeof features / sizeof *features; k++) b.has[k] |=
        strcmp(features[k], json_string_value(feature)) == 0;
    build(&b);
    const char *path = fixture_path("built.mcap");
    fixture_store(path, b.out.data, b.out.len);
    sha256_of(&b.out, got);
    buf_release(&b.out);
    if (strcmp(got, want) != 0)
        print_error("%s: the file built from the list has another SHA-256 than the pointer\n", mcap);
    assert_string_equal(got, want);
    return path;
}

static void read_back(const char *path, json_t *want)
{
    struct buf b = {0};
    struct json_out j;
    struct mcap_record rec;
    char *cause = NULL;
    struct mcap_reader *r = mcap_open(path, MCAP_WITH_SUMMARY | MCAP_WITH_CRC, &cause);
    assert_non_null(r);
    jw_open(&j, &b);
    jw_array(&j);
    while (mcap_next(r, &rec, &cause) == 1)
        mcap_record_json(&rec, &j);
    jw_array_end(&j);
    size_t damages;
    const struct mcap_damage *d = mcap_damages(r, &damages);
    if (damages)
        print_error("%s: %s\n", path, d[0].why);
    assert_int_equal(damages, 0);
    mcap_close(r);
    json_t *got = json_loadb((char *)b.data, b.len, 0, NULL);
    assert_non_null(got);
    if (!json_equal(got, want))
        print_error("%s: reads as %s\n", path, buf_cstr(&b));
    assert_true(json_equal(got, want));
    json_decref(got);
    buf_release(&b);
}

static int pairs_in(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int n = 0;
    while (d && (e = readdir(d))) {
        size_t len = strlen(e->d_name);
        if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
            continue;
        char json[512], mcap[512];
        snprintf(json, sizeof json, "%s/%s", dir, e->d_name);
        snprintf(mcap, sizeof mcap, "%s/%.*s.mcap", dir, (int)len - 5, e->d_name);
        json_t *list = json_load_file(json, 0, NULL);
        assert_non_null(list);
        read_back(real_file(mcap, list), json_object_get(list, "records"));
        json_decref(list);
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

static void all_conformance_pairs_read_back_identical(void **state)
{
    (void)state;
    const char *shared = getenv("HYPERTOP_SHARED");
    char dir[400];
    int n = 0;
    static const char *const sets[] = {"NoData", "OneMessage", "OneMetadata"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(dir, sizeof dir, "%s/data/mcap_conformance/%s", shared ? shared : "../shared", sets[i]);
        n += pairs_in(dir);
    }
    if (n == 0) {
        print_message("skipped: no shared/data/mcap_conformance here (set HYPERTOP_SHARED)\n");
        skip();
    }
    print_message("%d pairs\n", n);
    assert_true(n >= 174);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_conformance_pairs_read_back_identical),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_cleanup);
}
