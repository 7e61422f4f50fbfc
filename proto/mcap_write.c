#include "proto/mcap_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/cause.h"
#include "base/mem.h"

struct mcap_sys mcap_sys = {
    .pwrite = pwrite, .fdatasync = fdatasync, .ftruncate = ftruncate, .rename = rename};

/* ---- opening ---- */

/* An open-file-description lock: it goes with fd, whatever else this process opens, and leaves flock to the
 * owner. */
static int lock_file(int fd, const char *path, char **cause)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &all) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return cause_set(cause, "%s: another process is writing this recording", path);
    if (errno == ENOLCK || errno == EOPNOTSUPP ||
        errno == EINVAL) /* a file system without locks: the hub's own must do */
        return 0;
    return cause_set(cause, "%s: cannot lock: %s", path, strerror(errno));
}

static struct mcap_writer *writer_new(int fd, const char *path)
{
    struct mcap_writer *w = MEM_NEW(struct mcap_writer);
    w->fd = fd;
    w->path = mem_str(path);
    return w;
}

struct mcap_writer *mcap_create(const char *path, const char *profile, const char *library, char **cause)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return cause_null(cause, "%s: cannot create: %s", path, strerror(errno));
    if (lock_file(fd, path, cause) < 0) {
        close(fd);
        return NULL;
    }
    struct mcap_writer *w = writer_new(fd, path);
    struct buf b = {0};
    buf_put(&b, MCAP_MAGIC, MCAP_MAGIC_N);
    mcap_put_header(&b, profile, library);
    enum mcap_status s = mcap_write_raw(w, b.data, b.len, cause);
    buf_release(&b);
    if (s != MCAP_OK) {
        unlink(path);
        mcap_close_writer(&w);
    }
    return w;
}

int mcap_open_locked(const char *path, char **cause)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return cause_set(cause, "%s: cannot open for writing: %s", path, strerror(errno));
    if (lock_file(fd, path, cause) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

struct mcap_writer *mcap_resume(int fd, const char *path, const struct mcap_place *place,
                                struct mcap_index *index, char **cause)
{
    struct mcap_writer *w = writer_new(fd, path);
    w->offset = place->offset;
    w->crc_from = place->crc_from;
    w->crc = place->crc;
    if (mcap_sys.ftruncate(fd, (off_t)w->offset) < 0) {
        cause_set(cause, "%s: cannot cut off what is behind byte %llu: %s", path,
                  (unsigned long long)w->offset, strerror(errno));
        mcap_close_writer(&w);
        return NULL;
    }
    w->index = *index;
    *index = (struct mcap_index){0};
    mcap_index_forget_chunks(&w->index);
    if (mcap_sync(w, cause) != MCAP_OK)
        mcap_close_writer(&w);
    return w;
}

enum mcap_status mcap_rename(struct mcap_writer *w, const char *path, char **cause)
{
    int rc = renameat2(AT_FDCWD, w->path, AT_FDCWD, path, RENAME_NOREPLACE);
    if (rc < 0 && (errno == EINVAL || errno == ENOSYS)) { /* a file system that cannot promise it */
        errno = EEXIST;
        rc = access(path, F_OK) == 0 ? -1 : mcap_sys.rename(w->path, path);
    }
    if (rc < 0) {
        cause_set(cause, "%s: cannot create: %s", path, strerror(errno));
        return MCAP_FULL;
    }
    free(w->path);
    w->path = mem_str(path);
    return MCAP_OK;
}

void mcap_close_writer(struct mcap_writer **w)
{
    if (!*w)
        return;
    close((*w)->fd);
    mcap_index_release(&(*w)->index);
    free((*w)->path);
    free(*w);
    *w = NULL;
}

int mcap_sync_directory(const char *path, char **cause)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? mem_strn(path, slash == path ? 1 : (size_t)(slash - path)) : mem_str(".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != EROFS))
        rc = cause_set(cause, "%s: cannot sync the directory: %s", dir, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

/* ---- appending ---- */

static bool no_space(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG || error == ENOMEM || error == ENOBUFS;
}

static enum mcap_status die(struct mcap_writer *w, const char *what, int error, char **cause)
{
    w->dead = true;
    cause_set(cause, "%s: %s: %s; nothing written since the last sync is safe in this file", w->path, what,
              strerror(error));
    return MCAP_DEAD;
}

/* All of p or nothing of it. A torn tail that could not be cut off does no harm: the next write goes over it,
 * and readers stop at it. */
static enum mcap_status append(struct mcap_writer *w, const uint8_t *p, size_t n, char **cause)
{
    if (w->dead) {
        cause_set(cause, "%s: no more writing after an error", w->path);
        return MCAP_DEAD;
    }
    size_t done = 0;
    while (done < n) {
        ssize_t k = mcap_sys.pwrite(w->fd, p + done, n - done, (off_t)(w->offset + done));
        if (k > 0) {
            done += (size_t)k;
            continue;
        }
        if (k < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        int error = k < 0 ? errno : ENOSPC;
        int cut = mcap_sys.ftruncate(w->fd, (off_t)w->offset);
        (void)cut;
        if (!no_space(error))
            return die(w, "cannot write", error, cause);
        cause_set(cause, "%s: cannot write %zu bytes: %s; free some space, it will be tried again", w->path,
                  n, strerror(error));
        return MCAP_FULL;
    }
    w->crc = (uint32_t)crc32_z(w->crc, p, n);
    w->offset += n;
    return MCAP_OK;
}

enum mcap_status mcap_write_raw(struct mcap_writer *w, const void *p, size_t n, char **cause)
{
    return append(w, p, n, cause);
}

enum mcap_status mcap_write_metadata(struct mcap_writer *w, const struct mcap_metadata *m, char **cause)
{
    struct buf b = {0};
    mcap_put_metadata(&b, m);
    uint64_t at = w->offset;
    enum mcap_status s = append(w, b.data, b.len, cause);
    if (s == MCAP_OK)
        mcap_index_metadata(&w->index, m, at, b.len);
    buf_release(&b);
    return s;
}

enum mcap_status mcap_write_attachment(struct mcap_writer *w, const struct mcap_attachment *a, char **cause)
{
    struct buf b = {0};
    mcap_put_attachment(&b, a);
    uint64_t at = w->offset;
    enum mcap_status s = append(w, b.data, b.len, cause);
    if (s == MCAP_OK)
        mcap_index_attachment(&w->index, a, at, b.len);
    buf_release(&b);
    return s;
}

enum mcap_status mcap_write_encoded(struct mcap_writer *w, const struct buf *encoded, char **cause)
{
    enum mcap_status s = append(w, encoded->data, encoded->len, cause);
    if (s == MCAP_OK)
        mcap_index_encoded(&w->index, encoded);
    return s;
}

enum mcap_status mcap_sync(struct mcap_writer *w, char **cause)
{
    if (w->dead) {
        cause_set(cause, "%s: no more syncing after an error", w->path);
        return MCAP_DEAD;
    }
    if (mcap_sys.fdatasync(w->fd) < 0 && errno != EINVAL &&
        errno != EROFS) /* these two: not a file that can be synced (a pipe, /dev/full) */
        return die(w, "cannot sync", errno, cause);
    w->synced = w->offset;
    w->synced_crc = w->crc;
    return MCAP_OK;
}

/* ---- rescue ---- */

/* Copies bytes 0..synced into the new file and makes sure that those whose CRC is known are the bytes that
 * were synced. */
static enum mcap_status copy_synced(const struct mcap_writer *w, struct mcap_writer *to, char **cause)
{
    size_t piece = 1 << 20;
    uint8_t *p = mem_alloc(piece);
    enum mcap_status s = MCAP_OK;
    while (s == MCAP_OK && to->offset < w->synced) {
        uint64_t left = (to->offset < w->crc_from ? w->crc_from : w->synced) - to->offset;
        size_t want = left < piece ? (size_t)left : piece;
        ssize_t k = pread(w->fd, p, want, (off_t)to->offset);
        if (k > 0) {
            s = append(to, p, (size_t)k, cause);
            if (to->offset == w->crc_from)
                to->crc = 0;
        } else if (k == 0 || errno != EINTR) {
            cause_set(cause, "%s: cannot read back what was synced: %s", w->path,
                      k ? strerror(errno) : "the file is shorter");
            s = MCAP_DEAD;
        }
    }
    free(p);
    if (s == MCAP_OK && to->crc != w->synced_crc) {
        cause_set(cause, "%s: what was synced reads back with another content", w->path);
        s = MCAP_DEAD;
    }
    return s;
}

static enum mcap_status rescue_into(struct mcap_writer *w, struct mcap_writer *to,
                                    const struct buf *const *tail, size_t n, char **cause)
{
    enum mcap_status s = copy_synced(w, to, cause);
    for (size_t i = 0; i < n && s == MCAP_OK; i++)
        s = append(to, tail[i]->data, tail[i]->len, cause);
    if (s == MCAP_OK && to->offset != w->offset) {
        cause_set(cause, "%s: what was not yet synced is not in memory", w->path);
        s = MCAP_DEAD;
    }
    if (s == MCAP_OK)
        s = mcap_sync(to, cause);
    if (s == MCAP_OK && mcap_sys.rename(to->path, w->path) < 0) {
        cause_set(cause, "%s: cannot rename to %s: %s", to->path, w->path, strerror(errno));
        s = MCAP_FULL;
    }
    return s;
}

enum mcap_status mcap_rescue(struct mcap_writer *w, const struct buf *const *tail, size_t n, char **cause)
{
    struct buf name = {0};
    buf_printf(&name, "%s.rescue", w->path);
    unlink(buf_cstr(&name)); /* of an earlier attempt */
    int fd = open(buf_cstr(&name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || lock_file(fd, buf_cstr(&name), cause) < 0) {
        cause_set(cause, "%s: cannot create: %s", buf_cstr(&name), strerror(errno));
        if (fd >= 0)
            close(fd);
        buf_release(&name);
        return MCAP_FULL;
    }
    struct mcap_writer *to = writer_new(fd, buf_cstr(&name));
    enum mcap_status s = rescue_into(w, to, tail, n, cause);
    if (s == MCAP_OK) {
        int old = w->fd;
        w->fd = to->fd;
        to->fd = old;
        w->dead = false;
        w->synced = w->offset;
        w->synced_crc = w->crc;
        if (mcap_sync_directory(w->path, cause) < 0)
            s = MCAP_FULL; /* the name is not safe yet: the caller tries once more */
    } else {
        unlink(to->path);
    }
    mcap_close_writer(&to);
    buf_release(&name);
    return s;
}
