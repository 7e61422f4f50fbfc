/* fuzz_proto: whatever bytes arrive, the protocol's readers return. LLVMFuzzerTestOneInput is what libFuzzer calls
 * (clang -fsanitize=fuzzer,address -DFUZZ_NO_MAIN); with any compiler the main below replays a corpus and mutates it:
 *
 *     fuzz_proto [-n MUTATIONS] [-s SEED] [-t SECONDS] [FILE or FOLDER]...
 *
 * .hex files are read as tests/golden/protocol writes them. Build it with a sanitizer; it ends with status 0 or dies, and
 * the same seed, count and files make the same inputs again. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/text.h"
#include "proto/codec.h"
#include "proto/event.h"
#include "proto/message.h"
#include "proto/points.h"
#include "proto/row_print.h"
#include "proto/safe_text.h"
#include "proto/verb.h"

static void check(bool fact)
{
    if (!fact)
        abort();
}

static void try_points(struct span bin)
{
    struct points_reader p;
    uint64_t rows = 0;
    points_open(&p, bin);
    while (points_next(&p)) {
        check(p.block.n > 0 && p.block.n <= POINTS_MAX_ROWS && strlen(p.block.name) < POINTS_NAME);
        rows += p.block.n;
    }
    check(rows <= POINTS_MAX_TOTAL);
    points_close(&p);
}

static void try_pulls(struct span bin)
{
    struct pull *pulls;
    const char *why;
    int n = pulls_unpack(bin, &pulls, &why);
    check((n >= 0) == (pulls != NULL) && (n >= 0) == (why == NULL));
    free(pulls);
}

/* Binaries inside a valid value are what points and pulls come in. */
static void try_binaries(struct codec_reader *r)
{
    while (cr_ok(r) && r->p < r->end) {
        enum codec_type t = cr_peek(r);
        if (t == CT_BIN) {
            struct span bin = cr_bin(r);
            try_points(bin);
            try_pulls(bin);
        } else if (t == CT_MAP) {
            cr_map(r);
        } else if (t == CT_ARRAY) {
            cr_array(r);
        } else {
            cr_skip(r);
        }
    }
}

static void try_message(const uint8_t *data, size_t n)
{
    struct message m;
    const char *why = NULL;
    if (!msg_parse(&m, data, n, &why)) {
        check(why != NULL);
        return;
    }
    check(codec_valid(m.body.p, m.body.n, NULL));
    msg_allowed(m.kind, m.role);
    cmap_str(m.body, "verb");
    cmap_double(m.body, "value", 0);
    struct codec_reader r;
    cr_init(&r, m.body.p, m.body.n);
    try_binaries(&r);
}

static void try_text(const char *s, size_t n)
{
    char out[64];
    int columns = safe_text(out, sizeof out, s, n, 40);
    check(columns <= 40 && strlen(out) < sizeof out);
    for (const char *c = out; *c; c++)
        check((unsigned char)*c >= 0x20 && *c != 0x7f);
    char **words = NULL, *cause = NULL, *line = mem_strn(s, n);
    struct buf body = {0};
    struct codec_writer w;
    cw_init(&w, &body);
    int count = verb_split(line, &words, &cause);
    if (count > 0 && verb_parse(count, words, &w, &cause) == 0)
        check(body.len > 0);
    else if (count != 0)
        check(cause != NULL);
    verb_words_free(words, count);
    buf_release(&body);
    free(line);
    free(cause);
}

static void try_rows(const uint8_t *data, size_t n)
{
    struct span row = {(const char *)data, n};
    struct buf out = {0};
    struct row_table *t = row_table_new(NULL);
    row_json(&out, row);
    row_table_add(t, row);
    row_table_print(t, &out, 80);
    row_table_free(t);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *why = NULL;
    bool valid = codec_valid(data, n, &why);
    check(valid == (why == NULL));
    struct span all = {(const char *)data, n};
    try_message(data, n);
    try_points(all);
    try_pulls(all);
    try_text((const char *)data, n);
    try_rows(data, n);
    event_parse(all);
    return 0;
}

#ifndef FUZZ_NO_MAIN

struct input {
    uint8_t *data;
    size_t n;
};

static struct input *corpus;
static size_t corpus_n;

static void add_input(const void *p, size_t n)
{
    corpus = mem_resize(corpus, corpus_n + 1, sizeof *corpus);
    corpus[corpus_n++] = (struct input){mem_dup(p, n), n};
}

/* Text of hexadecimal bytes; lines with # are comments. A binary's payload counts as an input of its own. */
static void add_hex(char *text)
{
    struct buf b = {0};
    for (char *line; (line = strsep(&text, "\n")) != NULL;) {
        unsigned v;
        int used;
        for (; *line != '#' && sscanf(line, "%2x%n", &v, &used) == 1; line += used)
            buf_putc(&b, (int)v);
    }
    struct codec_reader r;
    cr_init(&r, b.data, b.len);
    if (cr_peek(&r) == CT_BIN) {
        struct span bin = cr_bin(&r);
        add_input(bin.p, bin.n);
    }
    add_input(b.data, b.len);
    buf_release(&b);
}

static void add_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct buf b = {0};
    size_t n;
    if (!f)
        return;
    do {
        n = fread(buf_reserve(&b, 65536), 1, 65536, f);
        b.len += n;
    } while (n > 0 && b.len < MSG_MAX_AGENT);
    fclose(f);
    size_t len = strlen(path);
    if (len > 4 && strcmp(path + len - 4, ".hex") == 0) {
        char *text = buf_take(&b);
        add_hex(text);
        free(text);
    } else {
        add_input(b.data, b.len);
    }
    buf_release(&b);
}

static void add_path(const char *path)
{
    DIR *d = opendir(path);
    if (!d) {
        add_file(path);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        struct buf b = {0};
        if (e->d_name[0] == '.')
            continue;
        buf_printf(&b, "%s/%s", path, e->d_name);
        add_file(buf_cstr(&b));
        buf_release(&b);
    }
    closedir(d);
}

/* One input: a corpus entry with some bytes changed, inserted, cut or taken from another entry; exactly as large as its
 * allocation, so that a read behind its end is seen. */
static struct input mutate(struct rng *r)
{
    struct input from = corpus[rng_below(r, corpus_n)], other = corpus[rng_below(r, corpus_n)];
    struct buf b = {0};
    buf_put(&b, from.data, from.n);
    for (int k = 1 + (int)rng_below(r, 5); k > 0; k--) {
        size_t at = b.len ? rng_below(r, b.len) : 0;
        switch (rng_below(r, 6)) {
        case 0:
            if (b.len)
                b.data[at] = (uint8_t)rng_u64(r);
            break;
        case 1:
            if (b.len)
                b.data[at] ^= (uint8_t)(1 << rng_below(r, 8));
            break;
        case 2: b.len = at; break;
        case 3:
            if (other.n) {
                size_t o = rng_below(r, other.n);
                buf_put(&b, other.data + o, rng_below(r, other.n - o) + 1);
            }
            break;
        case 4:
            if (b.len)
                b.data[at] = (uint8_t)(0xc0 + rng_below(r, 0x40)); /* a MessagePack head */
            break;
        default: buf_putc(&b, (int)rng_below(r, 256)); break;
        }
    }
    struct input out = {mem_dup(b.data, b.len), b.len};
    buf_release(&b);
    return out;
}

static int usage(void)
{
    fputs("usage: fuzz_proto [-n MUTATIONS] [-s SEED] [-t SECONDS] [FILE or FOLDER]...\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    int64_t count = 20000, seed = 1, seconds = 0, i = 0;
    int a = 1;
    for (; a + 1 < argc && argv[a][0] == '-'; a += 2) {
        int64_t *to = strcmp(argv[a], "-n") == 0   ? &count
                      : strcmp(argv[a], "-s") == 0 ? &seed
                      : strcmp(argv[a], "-t") == 0 ? &seconds
                                                   : NULL;
        if (!to || !text_int(argv[a + 1], to))
            return usage();
    }
    add_input("", 0);
    for (; a < argc; a++)
        add_path(argv[a]);
    for (size_t k = 0; k < corpus_n; k++)
        LLVMFuzzerTestOneInput(corpus[k].data, corpus[k].n);
    struct rng r;
    rng_seed(&r, (uint64_t)seed);
    int64_t until = seconds ? clock_mono_ns() + seconds * CLOCK_S : INT64_MAX;
    for (; i < count && (i % 64 || clock_mono_ns() < until); i++) {
        struct input in = mutate(&r);
        LLVMFuzzerTestOneInput(in.data, in.n);
        free(in.data);
    }
    printf("fuzz_proto: %zu inputs and %lld mutations (seed %lld), no complaint\n", corpus_n, (long long)i, (long long)seed);
    for (size_t k = 0; k < corpus_n; k++)
        free(corpus[k].data);
    free(corpus);
    return 0;
}

#endif
