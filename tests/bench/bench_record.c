/* bench_record: bytes a point on disk for real training curves, and how fast recordings are written.
 *
 * record_bytes: every metric of every run of data/deepobs and data/algoperf as a series of (step, time,
 * value), written as a recording, finished and compacted as the hub does at the end of a sweep; beside it a
 * TensorBoard event file of the same points, really written. Two shapes of batches: "run", many rows in one
 * batch (a fast trainer, or one whose points come from a spill file), and "row", one batch for every row
 * that was logged (a trainer with seconds between its rows; compaction merges these). before_compaction is
 * what the same points take while the sweep runs. deepobs has no clock: five seconds an epoch with jitter;
 * algoperf has its own (total_duration). Metrics of one row are logged one after the other, some hundred
 * nanoseconds apart; a batch is sent within 5 ms of its last point and logged within 20 ms of that.
 *
 * record_write: chunks of 1 MiB appended and synced one by one, beside plain write and fdatasync of the same
 * number of bytes. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/text.h"
#include "proto/points.h"
#include "proto/recording.h"

#define MAX_COLUMNS 64
#define RUN_ROWS    4096 /* rows in one batch of shape "run" */
#define T0          INT64_C(1700000000000000000)

struct series {
    char *name;
    uint32_t n, cap;
    int64_t *steps, *times;
    double *values;
};

struct corpus { /* what one pass writes */
    struct rec_writer *w;
    uint32_t rows_in_batch;
    int64_t run;
    uint64_t points;
    struct rng lag; /* between point, sender and log */
    struct buf tensorboard;
    double text_bytes; /* of the numbers as they stand in the CSV files */
};

static void die(const char *what, char *cause)
{
    fprintf(stderr, "bench_record: %s: %s\n", what, cause ? cause : "failed");
    exit(1);
}

/* ---- TensorBoard ---- */

static uint32_t crc32c(const uint8_t *p, size_t n)
{
    static uint32_t table[256];
    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
            table[i] = c;
        }
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++)
        c = table[(c ^ p[i]) & 0xff] ^ c >> 8;
    return ~c;
}

static void put_le(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_putc(b, (int)(v >> 8 * i & 0xff));
}

static void put_masked_crc(struct buf *b, size_t from)
{
    uint32_t c = crc32c(b->data + from, b->len - from);
    put_le(b, (uint32_t)((c >> 15 | c << 17) + 0xa282ead8u), 4);
}

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_putc(b, (int)(v & 0x7f) | 0x80);
    buf_putc(b, (int)v);
}

/* Event{wall_time=1, step=2, summary=5{value=1{tag=1, simple_value=2}}} in a TFRecord. */
static void put_event(struct buf *out, const char *tag, int64_t step, int64_t time, double value)
{
    struct buf v = {0}, e = {0};
    double wall = (double)time * 1e-9;
    float f = (float)value;
    size_t n = strlen(tag);
    buf_putc(&v, 0x0a);
    put_varint(&v, n);
    buf_put(&v, tag, n);
    buf_putc(&v, 0x15);
    buf_put(&v, &f, 4);
    buf_putc(&e, 0x09);
    buf_put(&e, &wall, 8);
    buf_putc(&e, 0x10);
    put_varint(&e, (uint64_t)step);
    buf_putc(&e, 0x2a);
    put_varint(&e, v.len + 2);
    buf_putc(&e, 0x0a);
    put_varint(&e, v.len);
    buf_put(&e, v.data, v.len);
    size_t at = out->len;
    put_le(out, e.len, 8);
    put_masked_crc(out, at);
    at = out->len;
    buf_put(out, e.data, e.len);
    put_masked_crc(out, at);
    buf_release(&v);
    buf_release(&e);
}

/* ---- a run as series, and series as batches ---- */

static void series_add(struct series *s, int64_t step, int64_t time, double value)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 128;
        s->steps = mem_resize(s->steps, s->cap, sizeof *s->steps);
        s->times = mem_resize(s->times, s->cap, sizeof *s->times);
        s->values = mem_resize(s->values, s->cap, sizeof *s->values);
    }
    s->steps[s->n] = step;
    s->times[s->n] = time;
    s->values[s->n++] = value;
}

static void flush_chunk(struct corpus *c)
{
    char *cause = NULL;
    struct rec_chunk *chunk = rec_take_chunk(c->w);
    if (chunk && (rec_write_chunk(c->w, &chunk, &cause) != REC_OK))
        die("writing", cause);
}

/* One batch: what each series has from *from on, below `until` rows of time; as the relay packs it. */
static void put_batch(struct corpus *c, const struct series *s, int n, uint32_t *from, int64_t until,
                      int64_t seq)
{
    struct buf packed = {0}, body = {0};
    struct codec_writer w;
    struct point_block like = {0};
    int64_t newest = 0;
    bool any = false;
    points_begin(&packed);
    for (int i = 0; i < n; i++) {
        uint32_t k = from[i];
        while (k < s[i].n && s[i].times[k] < until)
            k++;
        uint32_t m = k - from[i];
        if (m == 0)
            continue;
        points_add_like(&packed, s[i].name, m, s[i].steps + from[i], s[i].times + from[i],
                        s[i].values + from[i], any ? &like : NULL);
        like = (struct point_block){.n = m, .steps = s[i].steps + from[i], .times = s[i].times + from[i]};
        newest = s[i].times[k - 1];
        from[i] = k;
        any = true;
        c->points += m;
    }
    if (any) {
        cw_init(&w, &body);
        cw_map(&w, 4);
        cw_kint(&w, "run", c->run);
        cw_kint(&w, "epoch", 1);
        cw_kint(&w, "seq", seq);
        cw_str(&w, "c");
        cw_bin(&w, packed.data, packed.len);
        int64_t sent = newest + (int64_t)rng_below(&c->lag, 5000000);
        int64_t logged = sent + (int64_t)rng_below(&c->lag, 20000000);
        if (!rec_put(c->w, EV_POINTS, logged, sent, (struct span){(char *)body.data, body.len}))
            die("an event", NULL);
        if (c->rows_in_batch == 1 || rec_pending(c->w) > REC_CHUNK_BYTES)
            flush_chunk(c);
    }
    buf_release(&packed);
    buf_release(&body);
}

/* row_times: when each row ended. */
static void put_run(struct corpus *c, struct series *s, int n, const int64_t *row_times, uint32_t rows)
{
    uint32_t from[MAX_COLUMNS] = {0};
    int64_t seq = 0;
    for (uint32_t r = 0; r < rows; r += c->rows_in_batch) {
        uint32_t last = r + c->rows_in_batch < rows ? r + c->rows_in_batch - 1 : rows - 1;
        put_batch(c, s, n, from, row_times[last] + 1, ++seq);
    }
    for (int i = 0; i < n; i++)
        for (uint32_t k = 0; k < s[i].n; k++)
            put_event(&c->tensorboard, s[i].name, s[i].steps[k], s[i].times[k], s[i].values[k]);
    for (int i = 0; i < n; i++) {
        free(s[i].name);
        free(s[i].steps);
        free(s[i].times);
        free(s[i].values);
    }
    c->run++;
}

/* ---- reading CSV ---- */

static int split(char *line, char **cell)
{
    int n = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *p = line; p && n < MAX_COLUMNS; n++) {
        cell[n] = p;
        p = strchr(p, ',');
        if (p)
            *p++ = '\0';
    }
    return n;
}

struct table { /* how a CSV file says it */
    FILE *f;
    char line[8192], header[8192], key[1024];
    char *name[MAX_COLUMNS];
    int columns, step, time;
    int first_metric; /* columns before are the run's configuration (deepobs) */
};

static bool is_metric(const struct table *t, int i)
{
    return i >= t->first_metric && i != t->step && i != t->time;
}

/* The configuration columns of a row: rows with the same ones are one run. Algoperf has one run a file. */
static void run_key(const struct table *t, char **cell, char key[1024])
{
    key[0] = '\0';
    for (int i = 0, n = 0; i < t->step && t->first_metric > 0; i++)
        n += snprintf(key + n, n < 1024 ? (size_t)(1024 - n) : 0, "%s,", cell[i]);
}

struct run {
    struct series s[MAX_COLUMNS];
    int64_t *row_times;
    uint32_t rows;
    int64_t start, now;
};

static void run_begin(struct run *run, const struct table *t, const struct corpus *c)
{
    free(run->row_times);
    *run = (struct run){.start = T0 + c->run * 10 * CLOCK_S};
    run->now = run->start;
    for (int i = 0; i < t->columns; i++)
        run->s[i].name = is_metric(t, i) ? mem_str(t->name[i]) : NULL;
}

static void run_row(struct run *run, const struct table *t, char **cell, int n, struct rng *r,
                    double *text_bytes)
{
    double step = run->rows, since;
    if (t->step >= 0 && t->step < n)
        text_double(cell[t->step], &step);
    if (t->time >= 0 && t->time < n && text_double(cell[t->time], &since) && since > 0)
        run->now = run->start + (int64_t)(since * 1e9);
    else
        run->now += 5 * CLOCK_S + (int64_t)rng_below(r, 200000) * 1000;
    int64_t t_log = run->now;
    for (int i = 0; i < n && i < t->columns; i++) {
        double v;
        if (!is_metric(t, i) || !text_double(cell[i], &v))
            continue;
        t_log += 300 + (int64_t)rng_below(r, 600);
        series_add(&run->s[i], (int64_t)step, t_log, v);
        *text_bytes += (double)strlen(cell[i]);
    }
    run->now = t_log;
    run->row_times = mem_resize(run->row_times, run->rows + 1, sizeof *run->row_times);
    run->row_times[run->rows++] = t_log;
}

static void run_end(struct run *run, const struct table *t, struct corpus *c)
{
    struct series s[MAX_COLUMNS];
    int n = 0;
    for (int i = 0; i < t->columns; i++)
        if (run->s[i].n > 0)
            s[n++] = run->s[i];
        else
            free(run->s[i].name);
    if (run->rows > 0)
        put_run(c, s, n, run->row_times, run->rows);
    run->rows = 0;
}

static void read_csv(const char *path, struct corpus *c, struct rng *r)
{
    struct table t = {.f = fopen(path, "r"), .step = -1, .time = -1};
    struct run run = {0};
    char *cell[MAX_COLUMNS], key[1024];
    if (!t.f || !fgets(t.header, sizeof t.header, t.f))
        die(path, NULL);
    t.columns = split(t.header, t.name);
    for (int i = 0; i < t.columns; i++) {
        if (strcmp(t.name[i], "epoch") == 0)
            t.first_metric = i + 1;
        if (strcmp(t.name[i], "epoch") == 0 || strcmp(t.name[i], "global_step") == 0)
            t.step = i;
        if (strcmp(t.name[i], "total_duration") == 0)
            t.time = i;
    }
    bool open = false;
    while (fgets(t.line, sizeof t.line, t.f)) {
        int n = split(t.line, cell);
        run_key(&t, cell, key);
        if (!open || strcmp(key, t.key) != 0) {
            if (open)
                run_end(&run, &t, c);
            memcpy(t.key, key, sizeof key);
            run_begin(&run, &t, c);
            open = true;
        }
        run_row(&run, &t, cell, n, r, &c->text_bytes);
    }
    if (open)
        run_end(&run, &t, c);
    free(run.row_times);
    fclose(t.f);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every .csv under dir, in the order of the names. */
static void read_tree(const char *dir, struct corpus *c, struct rng *r)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char **names = NULL;
    size_t n = 0;
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.') {
            names = mem_resize(names, n + 1, sizeof *names);
            names[n++] = mem_str(e->d_name);
        }
    if (d)
        closedir(d);
    if (n)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        struct buf path = {0};
        struct stat st;
        buf_printf(&path, "%s/%s", dir, names[i]);
        size_t len = strlen(names[i]);
        if (stat(buf_cstr(&path), &st) == 0 && S_ISDIR(st.st_mode))
            read_tree(buf_cstr(&path), c, r);
        else if (len > 4 && strcmp(names[i] + len - 4, ".csv") == 0)
            read_csv(buf_cstr(&path), c, r);
        buf_release(&path);
        free(names[i]);
    }
    free(names);
}

/* ---- the benches ---- */

static const char *work_path(const char *name)
{
    static char path[512];
    const char *dir = getenv("HYPERTOP_BUILD");
    snprintf(path, sizeof path, "%s/%s-%d", dir ? dir : ".", name, (int)getpid());
    return path;
}

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static struct rec_writer *create(const char *path)
{
    struct rec_header h = {.sweep = "bench", .created = T0, .unsynced = true};
    char *cause = NULL;
    unlink(path);
    struct rec_writer *w = rec_create(path, &h, &cause);
    if (!w)
        die(path, cause);
    return w;
}

static void line_begin(struct json_out *j, struct buf *b, const char *bench, const char *unit, double median)
{
    jw_open(j, b);
    jw_object(j);
    jw_key(j, "bench");
    jw_str(j, bench);
    jw_key(j, "unit");
    jw_str(j, unit);
    jw_key(j, "median");
    jw_double(j, median);
}

static void line_number(struct json_out *j, const char *key, double v)
{
    jw_key(j, key);
    jw_double(j, v);
}

static void line_end(struct json_out *j, struct buf *b)
{
    jw_object_end(j);
    puts(buf_cstr(b));
    buf_release(b);
}

static void record_bytes(const char *set, const char *shape, uint32_t rows)
{
    const char *shared = getenv("HYPERTOP_SHARED"), *path = work_path("bench_record.mcap");
    struct corpus c = {.w = create(path), .rows_in_batch = rows};
    struct rng r;
    struct buf dir = {0}, b = {0};
    struct json_out j;
    char *cause = NULL;
    rng_seed(&r, 1);
    rng_seed(&c.lag, 3);
    buf_printf(&dir, "%s/data/%s", shared ? shared : "../shared", set);
    read_tree(buf_cstr(&dir), &c, &r);
    if (rec_finish(&c.w, &cause) < 0)
        die(path, cause);
    int64_t live = size_of(path);
    if (c.points == 0) {
        fprintf(stderr, "bench_record: skipped, no curves in %s\n", buf_cstr(&dir));
    } else if (rec_compact(path, &cause) < 0) {
        die(path, cause);
    } else {
        double n = (double)c.points, mine = (double)size_of(path) / n, theirs = (double)c.tensorboard.len / n;
        line_begin(&j, &b, "record_bytes", "bytes/point", mine);
        jw_key(&j, "set");
        jw_str(&j, set);
        jw_key(&j, "batches");
        jw_str(&j, shape);
        line_number(&j, "before_compaction", (double)live / n);
        line_number(&j, "tensorboard", theirs);
        line_number(&j, "of_tensorboard", mine / theirs);
        line_number(&j, "csv_digits", c.text_bytes / n);
        jw_key(&j, "points");
        jw_uint(&j, c.points);
        jw_key(&j, "runs");
        jw_int(&j, c.run);
        line_end(&j, &b);
    }
    unlink(path);
    buf_release(&dir);
    buf_release(&c.tensorboard);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#define WRITE_CHUNKS 200
#define WRITE_POINTS 1000 /* in a batch */

/* Points of the shape that the ingest benchmark sends: steps count up, a nanosecond clock, doubles with all
 * their bits. */
static size_t fill_chunk(struct rec_writer *w, struct rng *r, int64_t *step, uint64_t *points)
{
    static int64_t steps[WRITE_POINTS], times[WRITE_POINTS];
    static double values[WRITE_POINTS];
    struct buf packed = {0}, body = {0};
    struct codec_writer cw;
    while (rec_pending(w) < REC_CHUNK_BYTES) {
        for (int i = 0; i < WRITE_POINTS; i++) {
            steps[i] = ++*step;
            times[i] = T0 + *step * 330 + (int64_t)rng_below(r, 100);
            values[i] = 0.1 + 2 / (1 + (double)*step * 1e-6) + 0.05 * rng_unit(r);
        }
        buf_clear(&packed);
        buf_clear(&body);
        points_begin(&packed);
        points_add(&packed, "loss", WRITE_POINTS, steps, times, values);
        cw_init(&cw, &body);
        cw_map(&cw, 1);
        cw_str(&cw, "c");
        cw_bin(&cw, packed.data, packed.len);
        rec_put(w, EV_POINTS, times[WRITE_POINTS - 1], times[0], (struct span){(char *)body.data, body.len});
        *points += WRITE_POINTS;
    }
    buf_release(&packed);
    buf_release(&body);
    return rec_pending(w);
}

/* Plain write and fdatasync of `bytes` each time: what the disk can do. Returns the total in ns. */
static double plain_ns(size_t bytes, int times)
{
    const char *path = work_path("bench_plain");
    uint8_t *p = mem_zero(bytes, 1);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int64_t t = clock_mono_ns();
    for (int i = 0; i < times; i++)
        if (write(fd, p, bytes) != (ssize_t)bytes || fdatasync(fd) != 0)
            die(path, NULL);
    double ns = (double)(clock_mono_ns() - t);
    close(fd);
    unlink(path);
    free(p);
    return ns;
}

static void record_write(void)
{
    const char *path = work_path("bench_record.mcap");
    struct rec_writer *w = create(path);
    struct rng r;
    struct buf b = {0};
    struct json_out j;
    double ms[WRITE_CHUNKS], total = 0, bytes = 0;
    int64_t step = 0;
    uint64_t points = 0;
    char *cause = NULL;
    rng_seed(&r, 2);
    for (int i = 0; i < WRITE_CHUNKS; i++) {
        bytes += (double)fill_chunk(w, &r, &step, &points);
        struct rec_chunk *c = rec_take_chunk(w);
        int64_t t = clock_mono_ns();
        if (rec_write_chunk(w, &c, &cause) != REC_OK || rec_sync(w, &cause) != REC_OK)
            die(path, cause);
        ms[i] = (double)(clock_mono_ns() - t) * 1e-6;
        total += ms[i];
    }
    int64_t size = rec_file_bytes(w);
    if (rec_finish(&w, &cause) < 0)
        die(path, cause);
    unlink(path);
    double plain = plain_ns((size_t)size / WRITE_CHUNKS, WRITE_CHUNKS) * 1e-6;
    qsort(ms, WRITE_CHUNKS, sizeof *ms, by_value);
    line_begin(&j, &b, "record_write", "MB/s", bytes / total * 1e-3);
    line_number(&j, "points_per_s", (double)points / total * 1e3);
    line_number(&j, "chunk_ms", ms[WRITE_CHUNKS / 2]);
    line_number(&j, "chunk_ms_p99", ms[WRITE_CHUNKS * 99 / 100]);
    line_number(&j, "bytes_per_point", (double)size / (double)points);
    line_number(&j, "disk_mb_per_s", (double)size / total * 1e-3);
    line_number(&j, "plain_write_mb_per_s", (double)size / plain * 1e-3);
    line_end(&j, &b);
}

int main(void)
{
    static const char *const sets[] = {"deepobs", "algoperf"};
    for (size_t i = 0; i < 2; i++) {
        record_bytes(sets[i], "run", RUN_ROWS);
        record_bytes(sets[i], "row", 1);
    }
    record_write();
    return 0;
}
