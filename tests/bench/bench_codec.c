/* bench_codec: nanoseconds a point for packing and unpacking, beside msgpack-c on the same points as arrays of
 * [step, time, value]; and bytes a point. One JSON object per line. Arguments: [POINTS per block] [ROUNDS]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/rng.h"
#include "proto/points.h"

struct rows {
    uint32_t n;
    int64_t *steps, *times;
    double *values;
};

/* What training loops say: `regular` a float loss at every step with a jittering microsecond clock; `decimal` an accuracy
 * with four digits; `arbitrary` doubles from a computation with a nanosecond clock, the shape of the ingest benchmark. */
enum shape { REGULAR, DECIMAL, ARBITRARY, SHAPES };
static const char *const shape_names[] = {"regular", "decimal", "arbitrary"};

static void fill(struct rows *b, enum shape shape, struct rng *r)
{
    int64_t time = INT64_C(1700000000000000000);
    for (uint32_t i = 0; i < b->n; i++) {
        b->steps[i] = i;
        time += shape == ARBITRARY ? 330 + (int64_t)rng_below(r, 200) : 1000 * (2000 + (int64_t)rng_below(r, 500));
        b->times[i] = time;
        double loss = 0.1 + 2 / (1 + i * 1e-3) + 0.05 * rng_unit(r);
        b->values[i] = shape == REGULAR ? (double)(float)loss : shape == DECIMAL ? (double)rng_below(r, 10000) / 10000 : loss;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *bench, const char *shape, double *ns, int rounds, double bytes)
{
    struct buf b = {0};
    struct json_out j;
    qsort(ns, (size_t)rounds, sizeof *ns, by_value);
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "bench");
    jw_str(&j, bench);
    jw_key(&j, "unit");
    jw_str(&j, "ns/point");
    jw_key(&j, "median");
    jw_double(&j, ns[rounds / 2]);
    jw_key(&j, "p99");
    jw_double(&j, ns[rounds * 99 / 100]);
    jw_key(&j, "shape");
    jw_str(&j, shape);
    jw_key(&j, "bytes_per_point");
    jw_double(&j, bytes);
    jw_object_end(&j);
    puts(buf_cstr(&b));
    buf_release(&b);
}

static double time_pack(const struct rows *b, struct buf *out)
{
    int64_t t = clock_mono_ns();
    buf_clear(out);
    points_begin(out);
    points_add(out, "loss", b->n, b->steps, b->times, b->values);
    return (double)(clock_mono_ns() - t) / b->n;
}

static double time_unpack(const struct buf *in, uint32_t n)
{
    struct points_reader p;
    uint32_t seen = 0;
    int64_t t = clock_mono_ns();
    points_open(&p, (struct span){(const char *)in->data, in->len});
    while (points_next(&p))
        seen += p.block.n;
    points_close(&p);
    double ns = (double)(clock_mono_ns() - t) / n;
    if (seen != n)
        abort();
    return ns;
}

/* A reader that stays open over many batches pays for its memory once; that is how the hub reads. */
static double time_unpack_reused(const struct buf *in, uint32_t n, struct points_reader *p)
{
    int64_t t = clock_mono_ns();
    points_reopen(p, (struct span){(const char *)in->data, in->len});
    while (points_next(p)) {
    }
    return (double)(clock_mono_ns() - t) / n;
}

static void pack_msgpack(const struct rows *b, msgpack_sbuffer *out)
{
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
    msgpack_pack_array(&pk, b->n);
    for (uint32_t i = 0; i < b->n; i++) {
        msgpack_pack_array(&pk, 3);
        msgpack_pack_int64(&pk, b->steps[i]);
        msgpack_pack_int64(&pk, b->times[i]);
        msgpack_pack_double(&pk, b->values[i]);
    }
}

static double time_msgpack_unpack(const msgpack_sbuffer *in, uint32_t n)
{
    msgpack_unpacked u;
    double sum = 0;
    size_t off = 0;
    int64_t t = clock_mono_ns();
    msgpack_unpacked_init(&u);
    if (msgpack_unpack_next(&u, in->data, in->size, &off) != MSGPACK_UNPACK_SUCCESS)
        abort();
    for (uint32_t i = 0; i < u.data.via.array.size; i++)
        sum += u.data.via.array.ptr[i].via.array.ptr[2].via.f64;
    msgpack_unpacked_destroy(&u);
    double ns = (double)(clock_mono_ns() - t) / n;
    return sum > -1 ? ns : 0;
}

static void bench_shape(struct rows *b, enum shape shape, int rounds, double *ns)
{
    struct rng r;
    struct buf packed = {0};
    struct points_reader reader = {0};
    msgpack_sbuffer plain;
    msgpack_sbuffer_init(&plain);
    rng_seed(&r, 1);
    fill(b, shape, &r);
    for (int i = 0; i < rounds; i++)
        ns[i] = time_pack(b, &packed);
    double bytes = (double)packed.len / b->n;
    report("points_pack", shape_names[shape], ns, rounds, bytes);
    for (int i = 0; i < rounds; i++)
        ns[i] = time_unpack_reused(&packed, b->n, &reader);
    report("points_unpack", shape_names[shape], ns, rounds, bytes);
    for (int i = 0; i < rounds; i++)
        ns[i] = time_unpack(&packed, b->n);
    report("points_unpack_fresh", shape_names[shape], ns, rounds, bytes);
    pack_msgpack(b, &plain);
    bytes = (double)plain.size / b->n;
    for (int i = 0; i < rounds; i++)
        ns[i] = time_msgpack_unpack(&plain, b->n);
    report("points_unpack_msgpack_c", shape_names[shape], ns, rounds, bytes);
    msgpack_sbuffer_destroy(&plain);
    points_close(&reader);
    buf_release(&packed);
}

int main(int argc, char **argv)
{
    struct rows b = {.n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 8192};
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 500;
    if (b.n == 0 || b.n > POINTS_MAX_ROWS || rounds < 1) {
        fprintf(stderr, "usage: bench_codec [POINTS 1..%d] [ROUNDS]\n", POINTS_MAX_ROWS);
        return 2;
    }
    b.steps = mem_zero(b.n, sizeof *b.steps);
    b.times = mem_zero(b.n, sizeof *b.times);
    b.values = mem_zero(b.n, sizeof *b.values);
    double *ns = mem_zero((size_t)rounds, sizeof *ns);
    for (enum shape s = 0; s < SHAPES; s++)
        bench_shape(&b, s, rounds, ns);
    free(b.steps);
    free(b.times);
    free(b.values);
    free(ns);
    return 0;
}
