/* follow: see follow.h. A stream that became shorter, or another file under its name, is a run that began anew: it is
 * read from its start as another trial, "KEY#2". */
#include "read/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"

struct stamp { /* what tells that a file was changed */
    int64_t mtime, size;
    uint64_t inode;
};

struct read_follow {
    struct read_file file; /* path owned */
    const struct read_sink *sink;
    void *parser;
    int fd;
    int64_t offset; /* of buf's first byte in the file */
    struct buf buf;
    struct stamp stamp, wal;
    int lives;      /* how often the file began anew */
    struct read_stop stop;
    int64_t read;
};

static bool take_stamp(const char *path, const char *suffix, struct stamp *out)
{
    struct buf b = {0};
    struct stat sb;
    buf_printf(&b, "%s%s", path, suffix);
    bool there = stat(buf_cstr(&b), &sb) == 0;
    buf_release(&b);
    *out = (struct stamp){0};
    if (there)
        *out = (struct stamp){sb.st_mtim.tv_sec * CLOCK_S + sb.st_mtim.tv_nsec, sb.st_size, sb.st_ino};
    return there;
}

static void open_parser(struct read_follow *fl)
{
    struct buf key = {0};
    buf_puts(&key, fl->file.claim.key);
    if (fl->lives > 1)
        buf_printf(&key, "#%d", fl->lives);
    struct read_open o = {fl->sink, fl->file.path, buf_cstr(&key), fl->file.claim.role, fl->stamp.mtime};
    fl->parser = fl->file.format->open(&o);
    buf_release(&key);
}

struct read_follow *read_follow_open(const struct read_file *f, const struct read_sink *sink, char **cause)
{
    struct stamp now;
    int fd = -1;
    if (f->claim.kind == READ_STREAM)
        fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (!take_stamp(f->path, "", &now) || (f->claim.kind == READ_STREAM && fd < 0))
        return cause_null(cause, "%s: %s", f->path, strerror(errno));
    struct read_follow *fl = MEM_NEW(struct read_follow);
    fl->file = *f;
    fl->file.path = mem_str(f->path);
    fl->sink = sink;
    fl->fd = fd;
    fl->lives = 1;
    fl->stamp = now;
    open_parser(fl);
    fl->stamp.size = -1; /* nothing was read of it yet */
    return fl;
}

/* ---- streams ---- */

static int begin_anew(struct read_follow *fl, const struct stamp *now, char **cause)
{
    close(fl->fd);
    fl->fd = open(fl->file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fl->fd < 0)
        return cause_set(cause, "%s: %s", fl->file.path, strerror(errno));
    fl->file.format->close(fl->parser);
    fl->lives++;
    fl->stamp = *now;
    fl->offset = 0;
    buf_clear(&fl->buf);
    fl->stop = (struct read_stop){0};
    open_parser(fl);
    return 0;
}

static void feed_stream(struct read_follow *fl, bool last)
{
    size_t used = fl->file.format->feed(fl->parser, fl->buf.data ? fl->buf.data : (const uint8_t *)"", fl->buf.len,
                                        fl->offset, last, &fl->stop);
    buf_consume(&fl->buf, used);
    fl->offset += (int64_t)used;
    fl->read += (int64_t)used;
    if (!fl->stop.stopped && fl->buf.len > READ_RECORD_MAX)
        read_stop_at(&fl->stop, false, fl->offset, "a record of more than %d MB", READ_RECORD_MAX >> 20);
}

static int turn_stream(struct read_follow *fl, bool last, char **cause)
{
    struct stamp now;
    int64_t have = fl->offset + (int64_t)fl->buf.len;
    bool there = take_stamp(fl->file.path, "", &now);
    bool first = fl->stamp.size < 0;
    if (there && !first && (now.size < have || now.inode != fl->stamp.inode)) {
        if (begin_anew(fl, &now, cause) != 0)
            return -1;
    } else if (there) {
        fl->stamp = now;
    }
    if (fl->stop.stopped)
        return 0;
    size_t had = fl->buf.len;
    ssize_t n = read(fl->fd, buf_reserve(&fl->buf, FOLLOW_TURN), FOLLOW_TURN);
    if (n < 0)
        return cause_set(cause, "%s: %s", fl->file.path, strerror(errno));
    fl->buf.len = had + (size_t)n;
    if (n > 0 || last)
        feed_stream(fl, last && n == 0);
    return n > 0 && !fl->stop.stopped;
}

/* ---- documents and databases ---- */

static int turn_document(struct read_follow *fl, char **cause)
{
    int fd = open(fl->file.path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    buf_clear(&fl->buf);
    while (fd >= 0 && fl->buf.len <= READ_DOCUMENT_MAX &&
           (n = read(fd, buf_reserve(&fl->buf, 1 << 16), 1 << 16)) > 0)
        fl->buf.len += (size_t)n;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return cause_set(cause, "%s: %s", fl->file.path, strerror(error));
    fl->stop = (struct read_stop){0};
    if (fl->buf.len > READ_DOCUMENT_MAX)
        read_stop_at(&fl->stop, false, 0, "a document of more than %d MB", READ_DOCUMENT_MAX >> 20);
    else
        fl->file.format->feed(fl->parser, fl->buf.data ? fl->buf.data : (const uint8_t *)"", fl->buf.len, 0, true,
                              &fl->stop);
    fl->read = fl->stop.stopped ? fl->stop.offset : (int64_t)fl->buf.len;
    buf_release(&fl->buf);
    return 1;
}

static int turn_changed(struct read_follow *fl, char **cause)
{
    struct stamp now, wal;
    if (!take_stamp(fl->file.path, "", &now))
        return cause_set(cause, "%s: %s", fl->file.path, strerror(errno));
    take_stamp(fl->file.path, "-wal", &wal);
    if (memcmp(&now, &fl->stamp, sizeof now) == 0 && memcmp(&wal, &fl->wal, sizeof wal) == 0)
        return 0;
    if (fl->file.claim.kind == READ_DOCUMENT) {
        fl->stamp = now;
        return turn_document(fl, cause);
    }
    fl->stop = (struct read_stop){0};
    fl->file.format->feed(fl->parser, NULL, 0, 0, true, &fl->stop);
    fl->stamp = now;
    fl->wal = wal;
    fl->read = now.size;
    return 1;
}

int read_follow_turn(struct read_follow *fl, bool last, char **cause)
{
    return fl->file.claim.kind == READ_STREAM ? turn_stream(fl, last, cause) : turn_changed(fl, cause);
}

const struct read_stop *read_follow_stop(const struct read_follow *fl)
{
    return &fl->stop;
}

const char *read_follow_path(const struct read_follow *fl)
{
    return fl->file.path;
}

int64_t read_follow_mtime(const struct read_follow *fl)
{
    return fl->stamp.mtime;
}

int64_t read_follow_read(const struct read_follow *fl)
{
    return fl->read;
}

void read_follow_close(struct read_follow *fl)
{
    if (!fl)
        return;
    fl->file.format->close(fl->parser);
    if (fl->fd >= 0)
        close(fl->fd);
    buf_release(&fl->buf);
    free(fl->file.path);
    free(fl);
}
