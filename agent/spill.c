#include "agent/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cause.h"
#include "base/mem.h"

#define SPILL_MAGIC "HTSPILL1"
#define HEAD_BYTES  4096
#define FRAME_MAGIC 0x4c505348u

struct spill_head {
    char magic[8];
    uint32_t version, unused;
    struct spill_identity id;
};

struct spill_frame {
    uint32_t magic, crc; /* of everything after this word */
    uint64_t seq;
    uint32_t events, points, plain, len;
};

struct spill_entry {
    uint64_t seq;
    uint8_t *data; /* in memory; NULL: in the file at `at` */
    int64_t at;    /* of the payload */
    uint32_t events, points, len;
    bool plain, gone; /* gone: dropped */
};

void spill_init(struct spill *s, const char *path, const struct spill_identity *id)
{
    *s = (struct spill){.path = mem_str(path), .fd = -1, .id = *id};
}

/* ---- the file ---- */

static bool write_all(int fd, const void *p, size_t n, int64_t at)
{
    const uint8_t *from = p;
    while (n) {
        ssize_t done = pwrite(fd, from, n, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        from += done;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

static bool read_all(int fd, void *p, size_t n, int64_t at)
{
    uint8_t *to = p;
    while (n) {
        ssize_t done = pread(fd, to, n, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        to += done;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

static bool head_write(const struct spill *s, int fd)
{
    uint8_t page[HEAD_BYTES] = {0};
    struct spill_head h = {.version = 1, .id = s->id};
    memcpy(h.magic, SPILL_MAGIC, sizeof h.magic);
    memcpy(page, &h, sizeof h);
    return write_all(fd, page, sizeof page, 0);
}

static bool file_open(struct spill *s)
{
    if (s->fd >= 0)
        return true;
    int fd = open(s->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !head_write(s, fd)) {
        close(fd);
        return false;
    }
    s->fd = fd;
    s->end = HEAD_BYTES;
    return true;
}

static void file_remove(struct spill *s)
{
    if (s->fd < 0)
        return;
    unlink(s->path);
    close(s->fd);
    s->fd = -1;
    s->end = 0;
}

static uint32_t frame_crc(const struct spill_frame *f, const void *data)
{
    uLong c = crc32(0, (const Bytef *)f + 8, sizeof *f - 8);
    return (uint32_t)crc32(c, data, f->len);
}

/* Writes one entry's frame at the end of fd; its payload's offset, or -1. */
static int64_t frame_write(int fd, int64_t end, const struct spill_entry *e, const uint8_t *data)
{
    struct spill_frame f = {.magic = FRAME_MAGIC,
                            .seq = e->seq,
                            .events = e->events,
                            .points = e->points,
                            .plain = e->plain,
                            .len = e->len};
    f.crc = frame_crc(&f, data);
    if (!write_all(fd, &f, sizeof f, end) || !write_all(fd, data, e->len, end + (int64_t)sizeof f))
        return -1;
    return end + (int64_t)sizeof f;
}

static const uint8_t *entry_data(struct spill *s, const struct spill_entry *e)
{
    if (e->data)
        return e->data;
    buf_clear(&s->frame);
    if (s->fd < 0 || !read_all(s->fd, buf_reserve(&s->frame, e->len), e->len, e->at))
        return NULL;
    s->frame.len = e->len;
    return s->frame.data;
}

static bool entry_to_file(struct spill *s, struct spill_entry *e)
{
    if (!e->data || e->gone)
        return true;
    int64_t at = file_open(s) ? frame_write(s->fd, s->end, e, e->data) : -1;
    if (at < 0) {
        s->failed = true;
        return false;
    }
    s->failed = false;
    e->at = at;
    s->end = at + e->len;
    free(e->data);
    e->data = NULL;
    s->memory -= e->len;
    return true;
}

/* Everything that is in memory, in order: what is in the file is always older than what is in memory. */
static bool flush_memory(struct spill *s)
{
    size_t i = s->n;
    while (i > s->head && (s->entries[i - 1].data || s->entries[i - 1].gone))
        i--;
    for (; i < s->n; i++)
        if (!entry_to_file(s, &s->entries[i]))
            return false;
    return true;
}

/* Writes what is still waiting into a new file and puts it in the old one's place. A failure leaves the
 * old one. */
static void file_compact(struct spill *s)
{
    struct buf path = {0};
    buf_printf(&path, "%s.new", s->path);
    int fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && head_write(s, fd);
    int64_t end = HEAD_BYTES, *places = mem_zero(s->n, sizeof *places);
    for (size_t i = s->head; ok && i < s->n; i++) {
        struct spill_entry *e = &s->entries[i];
        if (e->gone || e->data)
            continue;
        const uint8_t *data = entry_data(s, e);
        places[i] = data ? frame_write(fd, end, e, data) : -1;
        ok = places[i] >= 0;
        end = places[i] + e->len;
    }
    if (ok && rename(buf_cstr(&path), s->path) == 0) {
        for (size_t i = s->head; i < s->n; i++)
            if (places[i])
                s->entries[i].at = places[i];
        close(s->fd);
        s->fd = fd;
        s->end = end;
    } else if (fd >= 0) {
        unlink(buf_cstr(&path));
        close(fd);
    }
    free(places);
    buf_release(&path);
}

/* ---- the queue ---- */

static struct spill_entry *entry_new(struct spill *s)
{
    if (s->head > 64 && s->head > s->n / 2) {
        memmove(s->entries, s->entries + s->head, (s->n - s->head) * sizeof *s->entries);
        s->n -= s->head;
        s->head = 0;
    }
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->entries = mem_resize(s->entries, s->cap, sizeof *s->entries);
    }
    return &s->entries[s->n++];
}

static void entry_forget(struct spill *s, struct spill_entry *e)
{
    if (e->gone)
        return;
    s->live -= e->len;
    if (e->data)
        s->memory -= e->len;
    free(e->data);
    e->data = NULL;
    e->gone = true;
}

static bool drop_oldest(struct spill *s, bool plain)
{
    for (size_t i = s->head; i < s->n; i++) {
        struct spill_entry *e = &s->entries[i];
        if (e->gone || e->plain != plain)
            continue;
        s->dropped += e->points ? e->points : e->events;
        entry_forget(s, e);
        return true;
    }
    return false;
}

void spill_put(struct spill *s, const struct batch *b, bool to_file)
{
    while (s->live + b->len > SPILL_LIVE && drop_oldest(s, true))
        continue;
    while (s->live + b->len > 2 * SPILL_LIVE && drop_oldest(s, false))
        continue;
    struct spill_entry *e = entry_new(s);
    *e = (struct spill_entry){.seq = b->seq,
                              .events = b->events,
                              .points = b->points,
                              .len = b->len,
                              .plain = b->plain,
                              .data = mem_dup(b->data, b->len)};
    s->live += b->len;
    s->memory += b->len;
    if (to_file || s->memory > SPILL_MEMORY)
        flush_memory(s);
    if (s->end > SPILL_FILE && (size_t)s->end > s->live + HEAD_BYTES + SPILL_FILE / 8)
        file_compact(s);
}

bool spill_next(struct spill *s, uint64_t seq, struct batch *b)
{
    size_t lo = s->head, hi = s->n; /* first entry with a higher seq */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->entries[mid].seq <= seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < s->n; lo++) {
        struct spill_entry *e = &s->entries[lo];
        const uint8_t *data = e->gone ? NULL : entry_data(s, e);
        if (!data) {
            if (!e->gone) { /* the disk lost it */
                s->dropped += e->points ? e->points : e->events;
                entry_forget(s, e);
            }
            continue;
        }
        *b = (struct batch){e->seq, e->events, e->points, e->plain, data, e->len};
        return true;
    }
    return false;
}

void spill_ack(struct spill *s, uint64_t seq)
{
    while (s->head < s->n && s->entries[s->head].seq <= seq)
        entry_forget(s, &s->entries[s->head++]);
    while (s->head < s->n && s->entries[s->head].gone)
        s->head++;
    if (s->head == s->n) {
        s->head = s->n = 0;
        file_remove(s);
    }
}

bool spill_empty(const struct spill *s)
{
    return s->head == s->n;
}

uint64_t spill_last(const struct spill *s)
{
    return s->n > s->head ? s->entries[s->n - 1].seq : 0;
}

uint64_t spill_take_dropped(struct spill *s)
{
    uint64_t n = s->dropped;
    s->dropped = 0;
    return n;
}

void spill_identify(struct spill *s, const struct spill_identity *id)
{
    s->id = *id;
    if (s->fd >= 0)
        head_write(s, s->fd);
}

int spill_store(struct spill *s, char **cause)
{
    if (!flush_memory(s))
        return cause_set(cause, "%s: %s; %zu bytes of run %lld are lost", s->path, strerror(errno), s->memory,
                         (long long)s->id.run);
    if (s->fd >= 0 && fdatasync(s->fd) != 0)
        return cause_set(cause, "%s: %s", s->path, strerror(errno));
    return 0;
}

/* ---- what an earlier process left ---- */

static void read_frames(struct spill *s, int64_t size)
{
    int64_t at = HEAD_BYTES;
    uint64_t last = 0;
    struct spill_frame f;
    while (at + (int64_t)sizeof f <= size && read_all(s->fd, &f, sizeof f, at)) {
        if (f.magic != FRAME_MAGIC || f.len > (16u << 20) || at + (int64_t)sizeof f + f.len > size)
            break;
        struct spill_entry e = {.seq = f.seq,
                                .at = at + (int64_t)sizeof f,
                                .events = f.events,
                                .points = f.points,
                                .len = f.len,
                                .plain = f.plain};
        const uint8_t *data = entry_data(s, &e);
        if (!data || frame_crc(&f, data) != f.crc)
            break;
        if (e.seq > last) {
            *entry_new(s) = e;
            s->live += e.len;
            last = e.seq;
        }
        at = e.at + e.len;
    }
    s->end = at; /* the next frame overwrites a torn one */
}

int spill_adopt(struct spill *s, char **cause)
{
    struct spill_head h;
    struct stat st;
    int fd = open(s->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : cause_set(cause, "%s: %s", s->path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return cause_set(cause, "%s: another process delivers it", s->path);
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || !read_all(fd, &h, sizeof h, 0) ||
        memcmp(h.magic, SPILL_MAGIC, sizeof h.magic) != 0 || h.version != 1) {
        close(fd);
        return cause_set(cause, "%s: not a spill file of this version; remove it", s->path);
    }
    h.id.program[sizeof h.id.program - 1] = h.id.hub[sizeof h.id.hub - 1] = '\0';
    s->fd = fd;
    s->id = h.id;
    read_frames(s, st.st_size);
    if (ftruncate(fd, s->end) != 0)
        s->failed = true;
    return 1;
}

void spill_discard(struct spill *s)
{
    for (size_t i = s->head; i < s->n; i++)
        entry_forget(s, &s->entries[i]);
    s->head = s->n = 0;
    file_remove(s);
}

void spill_release(struct spill *s)
{
    for (size_t i = s->head; i < s->n; i++)
        free(s->entries[i].data);
    free(s->entries);
    free(s->path);
    if (s->fd >= 0)
        close(s->fd);
    buf_release(&s->frame);
    *s = (struct spill){.fd = -1};
}
