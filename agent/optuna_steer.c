/* optuna_steer: see optuna_steer.h. The protocol is that of optuna/storages/journal/_file.py: whoever can create
 * JOURNAL.lock as a symbolic link holds the lock (its other lock class, which creates a file, is excluded by the same name);
 * a batch of lines is appended and synced; the lock is given back by renaming and unlinking it. A lock that is not given back
 * is never broken from here: that is left to Optuna's workers, who do it after 30 s. */
#include "agent/optuna_steer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/json_out.h"
#include "read/optuna_place.h"

#define LOCK_WAIT_NS (5 * CLOCK_S)
#define JOURNAL_MAX  (1 << 30)

struct steer {
    const char *path;
    int fd;
    char lock[PATH_MAX + 8];
    struct buf bytes; /* the whole journal, as of when it was locked */
};

/* ---- the lock ---- */

static void uuid(char out[37])
{
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != sizeof b)
        memset(b, 7, sizeof b);
    b[6] = (uint8_t)((b[6] & 15) | 64);
    b[8] = (uint8_t)((b[8] & 63) | 128);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4],
             b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static int take_lock(struct steer *s, char **cause)
{
    char real[PATH_MAX];
    int64_t start = clock_mono_ns(), nap = CLOCK_MS;
    if (!realpath(s->path, real))
        return cause_set(cause, "%s: %s", s->path, strerror(errno));
    snprintf(s->lock, sizeof s->lock, "%s.lock", real);
    while (symlink(real, s->lock) != 0) {
        if (errno != EEXIST)
            return cause_set(cause, "%s: %s", s->lock, strerror(errno));
        if (clock_mono_ns() - start > LOCK_WAIT_NS)
            return cause_set(cause, "%s is held by another process; when none is alive Optuna's workers remove it", s->lock);
        struct timespec ts = {.tv_nsec = nap};
        nanosleep(&ts, NULL);
        nap = nap < 100 * CLOCK_MS ? nap * 2 : nap;
    }
    return 0;
}

static void give_lock(struct steer *s)
{
    char id[37], renamed[PATH_MAX + 64];
    uuid(id);
    snprintf(renamed, sizeof renamed, "%s%s.rename", s->lock, id);
    if (rename(s->lock, renamed) == 0)
        unlink(renamed);
}

/* ---- reading and writing ---- */

static int read_journal(struct steer *s, char **cause)
{
    struct stat sb;
    s->fd = open(s->path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &sb) != 0)
        return cause_set(cause, "%s: %s", s->path, strerror(errno));
    if (sb.st_size > JOURNAL_MAX)
        return cause_set(cause, "%s: a journal of more than %d MB is not steered", s->path, JOURNAL_MAX >> 20);
    uint8_t *to = buf_reserve(&s->bytes, (size_t)sb.st_size + 1);
    for (ssize_t n; s->bytes.len < (size_t)sb.st_size; s->bytes.len += (size_t)n) {
        n = pread(s->fd, to + s->bytes.len, (size_t)sb.st_size - s->bytes.len, (off_t)s->bytes.len);
        if (n <= 0)
            return cause_set(cause, "%s: %s", s->path, n < 0 ? strerror(errno) : "became shorter while it was read");
    }
    if (s->bytes.len && s->bytes.data[s->bytes.len - 1] != '\n')
        return cause_set(cause, "%s: its last line has no end, so nothing may be put behind it", s->path);
    return 0;
}

static int append(struct steer *s, const struct buf *line, char **cause)
{
    ssize_t n = write(s->fd, line->data, line->len);
    if (n == (ssize_t)line->len && fsync(s->fd) == 0)
        return 0;
    int error = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(s->fd, (off_t)s->bytes.len) != 0)
        error = errno; /* half a line: nobody else could have written, we hold the lock */
    return cause_set(cause, "%s: %s", s->path, strerror(error));
}

static int begin(struct steer *s, const char *path, char **cause)
{
    *s = (struct steer){.path = path, .fd = -1};
    if (take_lock(s, cause) != 0)
        return -1;
    if (read_journal(s, cause) == 0)
        return 0;
    give_lock(s);
    if (s->fd >= 0)
        close(s->fd);
    buf_release(&s->bytes);
    return -1;
}

static void end(struct steer *s)
{
    give_lock(s);
    close(s->fd);
    buf_release(&s->bytes);
}

/* ---- operations ---- */

/* {"op_code": N, "worker_id": ..., then what the caller adds and jw_object_end */
static void open_entry(struct json_out *j, struct buf *b, int op)
{
    char id[37], worker[64];
    uuid(id);
    snprintf(worker, sizeof worker, "%s-%d", id, (int)getpid());
    jw_open(j, b);
    jw_object(j);
    jw_key(j, "op_code");
    jw_int(j, op);
    jw_key(j, "worker_id");
    jw_str(j, worker);
}

/* As Python's isoformat writes it: UTC, microseconds, with the zone (without one Optuna would take it for local time). */
static void moment(struct json_out *j, const char *key)
{
    char utc[CLOCK_TEXT], text[CLOCK_TEXT + 8];
    clock_rfc3339(utc, clock_wall_ns());
    snprintf(text, sizeof text, "%.*s+00:00", (int)strcspn(utc, "Z"), utc);
    jw_key(j, key);
    jw_str(j, text);
}

static void fail_entry(struct buf *b, int64_t trial_id)
{
    struct json_out j;
    open_entry(&j, b, 6);
    jw_key(&j, "trial_id");
    jw_int(&j, trial_id);
    jw_key(&j, "state");
    jw_int(&j, 3);
    jw_key(&j, "values");
    jw_null(&j);
    moment(&j, "datetime_complete");
    jw_object_end(&j);
    buf_putc(b, '\n');
}

static void empty_object(struct json_out *j, const char *key)
{
    jw_key(j, key);
    jw_object(j);
    jw_object_end(j);
}

static void enqueue_entry(struct buf *b, int64_t study_id, struct span params)
{
    struct json_out j;
    open_entry(&j, b, 4);
    jw_key(&j, "study_id");
    jw_int(&j, study_id);
    jw_key(&j, "datetime_start");
    jw_null(&j);
    jw_key(&j, "state");
    jw_int(&j, 4);
    jw_key(&j, "value");
    jw_null(&j);
    jw_key(&j, "values");
    jw_null(&j);
    empty_object(&j, "distributions");
    empty_object(&j, "params");
    empty_object(&j, "user_attrs");
    jw_key(&j, "system_attrs");
    jw_object(&j);
    jw_key(&j, "fixed_params");
    codec_to_json(params, &j);
    jw_object_end(&j);
    empty_object(&j, "intermediate_values");
    jw_object_end(&j);
    buf_putc(b, '\n');
}

int optuna_steer_fail(const char *journal, const char *key, struct buf *said, char **cause)
{
    struct steer s;
    struct optuna_place at;
    struct buf line = {0};
    if (begin(&s, journal, cause) != 0)
        return -1;
    int rc = -1;
    if (!optuna_place_find(s.bytes.data, s.bytes.len, key, &at) || at.trial_id < 0)
        cause_set(cause, "the journal has no trial %s", key);
    else if (at.finished)
        cause_set(cause, "%s is finished already", key);
    else {
        fail_entry(&line, at.trial_id);
        rc = append(&s, &line, cause);
    }
    end(&s);
    buf_release(&line);
    if (rc == 0)
        buf_printf(said, "%s is FAIL in the journal: its worker's next report raises", key);
    return rc;
}

int optuna_steer_enqueue(const char *journal, const char *key, struct span args, struct buf *said, char **cause)
{
    struct steer s;
    struct optuna_place at;
    struct codec_reader r;
    struct buf line = {0};
    struct span params = args.n ? cmap_value(args, "params") : (struct span){0};
    cr_init(&r, params.p, params.n);
    if (!params.n || cr_peek(&r) != CT_MAP)
        return cause_set(cause, "enqueue: which parameters?");
    if (begin(&s, journal, cause) != 0)
        return -1;
    int rc = -1;
    if (!optuna_place_find(s.bytes.data, s.bytes.len, key, &at)) {
        cause_set(cause, "the journal has no study of %s", key);
    } else {
        enqueue_entry(&line, at.study_id, params);
        rc = append(&s, &line, cause);
    }
    end(&s);
    buf_release(&line);
    if (rc == 0)
        buf_printf(said, "number %lld waits in the journal", (long long)at.trials);
    return rc;
}
