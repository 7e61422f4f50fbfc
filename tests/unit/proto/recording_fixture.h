/* recording_fixture: small recordings whose events can be recognised again: event i (from 1) carries {n: i,
 * pad: bytes that depend on i}, one millisecond after the one before it. */
#ifndef RECORDING_FIXTURE_H
#define RECORDING_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "proto/recording.h"

#define FIXTURE_T0   INT64_C(1700000000000000000)
#define FIXTURE_STEP INT64_C(1000000)

static char fixture_dir[64];
static size_t fixture_pad = 200; /* bytes of an event's pad at most; up to 8000 */

static inline const char *fixture_path(const char *name)
{
    static char path[4][160];
    static int turn;
    if (!fixture_dir[0]) {
        snprintf(fixture_dir, sizeof fixture_dir, "/tmp/hypertop-rec-XXXXXX");
        if (!mkdtemp(fixture_dir))
            abort();
    }
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", fixture_dir, name);
    return p;
}

static inline int fixture_remove(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

static inline int fixture_cleanup(void **state)
{
    (void)state;
    return fixture_dir[0] ? nftw(fixture_dir, fixture_remove, 16, FTW_DEPTH | FTW_PHYS) : 0;
}

static inline void fixture_body(struct buf *b, uint64_t i)
{
    struct codec_writer w;
    uint64_t pad[1000];
    struct rng r;
    rng_seed(&r, i);
    size_t n = rng_below(&r, fixture_pad);
    for (size_t k = 0; k * sizeof *pad < n; k++)
        pad[k] = rng_u64(&r) &
                 (fixture_pad > 200 ? UINT64_MAX : UINT64_C(0x0303030303030303)); /* or compresses a little */
    buf_clear(b);
    cw_init(&w, b);
    cw_map(&w, 2);
    cw_kint(&w, "n", (int64_t)i);
    cw_str(&w, "pad");
    cw_bin(&w, pad, n);
}

static inline enum event_kind fixture_kind(uint64_t i)
{
    static const enum event_kind kinds[] = {EV_TRIAL, EV_POINTS, EV_POINTS, EV_TEXT};
    return kinds[i % 4];
}

static inline void fixture_put(struct rec_writer *w)
{
    struct buf b = {0};
    uint64_t i = rec_seq(w) + 1;
    int64_t t = FIXTURE_T0 + (int64_t)i * FIXTURE_STEP;
    fixture_body(&b, i);
    if (rec_put(w, fixture_kind(i), t, t - 500, (struct span){(char *)b.data, b.len}) != i)
        abort();
    buf_release(&b);
}

/* Whether the event is number i, whole and unchanged. */
static inline bool fixture_is(const struct event *ev, uint64_t i)
{
    struct buf b = {0};
    fixture_body(&b, i);
    int64_t t = FIXTURE_T0 + (int64_t)i * FIXTURE_STEP;
    bool same = ev->kind == fixture_kind(i) && ev->log_time == t && ev->time == t - 500 &&
                ev->body.n == b.len && memcmp(ev->body.p, b.data, b.len) == 0;
    buf_release(&b);
    return same;
}

static inline struct rec_writer *fixture_create(const char *path)
{
    static const char yaml[] = "method: random\nparameters: {lr: {min: 0.1, max: 1.0}}\n";
    struct rec_header h = {.sweep = "fixture",
                           .yaml = yaml,
                           .yaml_n = sizeof yaml - 1,
                           .environment = "{\"A\":\"b\"}",
                           .environment_n = 9,
                           .created = FIXTURE_T0};
    char *cause = NULL;
    unlink(path);
    struct rec_writer *w = rec_create(path, &h, &cause);
    if (!w) {
        fprintf(stderr, "%s\n", cause);
        abort();
    }
    return w;
}

/* One chunk of n events, written and synced. */
static inline void fixture_chunk(struct rec_writer *w, int n)
{
    char *cause = NULL;
    for (int i = 0; i < n; i++)
        fixture_put(w);
    struct rec_chunk *c = rec_take_chunk(w);
    if (rec_write_chunk(w, &c, &cause) != REC_OK || rec_sync(w, &cause) != REC_OK) {
        fprintf(stderr, "%s\n", cause);
        abort();
    }
}

static inline void fixture_recording(const char *path, int chunks, int events, bool finish)
{
    struct rec_writer *w = fixture_create(path);
    for (int i = 0; i < chunks; i++)
        fixture_chunk(w, events);
    if (!finish)
        rec_abandon(&w);
    else if (rec_finish(&w, NULL) < 0)
        abort();
}

static inline uint8_t *fixture_load(const char *path, size_t *n)
{
    struct buf b = {0};
    int fd = open(path, O_RDONLY);
    ssize_t k;
    *n = 0;
    if (fd < 0)
        return NULL;
    while ((k = read(fd, buf_reserve(&b, 65536), 65536)) > 0)
        b.len += (size_t)k;
    close(fd);
    *n = b.len;
    return b.data;
}

static inline void fixture_store(const char *path, const uint8_t *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || (n && write(fd, p, n) != (ssize_t)n))
        abort();
    close(fd);
}

/* Reads it all: the number of events, each checked to be a genuine one, no number twice, in order; -1 when
 * something is wrong with what was delivered. `seen` (if not NULL) gets a mark per event number up to max. */
static inline int64_t fixture_read(const char *path, uint8_t *seen, uint64_t max, struct rec_damage *damage)
{
    char *cause = NULL;
    struct recording_reader *r = rec_open(path, &cause);
    free(cause);
    if (!r)
        return -2;
    struct event ev;
    uint64_t last = 0;
    int64_t n = 0;
    int got;
    while ((got = rec_next(r, &ev, NULL)) == 1) {
        uint64_t i = (uint64_t)cmap_int(ev.body, "n", 0);
        if (i <= last || !fixture_is(&ev, i)) {
            n = -1;
            break;
        }
        if (seen && i <= max)
            seen[i] = 1;
        last = i;
        n++;
    }
    if (damage)
        rec_damage(r, damage);
    rec_close(r);
    return got < 0 ? -1 : n;
}

#endif
