/* endpoint: where a hub lives on this machine. Owns the rules for the runtime and the data directory and the lock file;
 * never opens a socket. Invariant: a directory handed out is a real directory of this user that nobody else can enter,
 * because a socket in a directory that somebody else can write to can be replaced under our feet. */
#include "proto/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"

/* A path that fits sockaddr_un with its NUL. */
#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static char *join(const char *dir, const char *name, const char *suffix)
{
    struct buf b = {0};
    buf_printf(&b, "%s/%s%s", dir, name, suffix);
    return buf_take(&b);
}

/* Makes every missing directory above path and path itself (mode 0700). */
static int make_dirs(const char *path, char **cause)
{
    char *p = mem_str(path);
    int rc = 0;
    for (char *s = p + 1; rc == 0; s++) {
        if (*s != '/' && *s != '\0')
            continue;
        char c = *s;
        *s = '\0';
        if (mkdir(p, 0700) != 0 && errno != EEXIST)
            rc = cause_set(cause, "%s: cannot make the directory: %s", p, strerror(errno));
        *s = c;
        if (c == '\0')
            break;
    }
    free(p);
    return rc;
}

/* The runtime directory is checked the way tmux checks its own: lstat, so that a symlink planted in /tmp is refused. */
static int check_private(const char *path, char **cause)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return cause_set(cause, "%s: %s", path, strerror(errno));
    if (S_ISLNK(st.st_mode))
        return cause_set(cause, "%s: is a symbolic link; set HYPERTOP_RUNTIME_DIR to a directory of your own", path);
    if (!S_ISDIR(st.st_mode))
        return cause_set(cause, "%s: is not a directory; set HYPERTOP_RUNTIME_DIR to a directory of your own", path);
    if (st.st_uid != geteuid())
        return cause_set(cause, "%s: belongs to uid %ld, not to you (uid %ld); set HYPERTOP_RUNTIME_DIR", path,
                         (long)st.st_uid, (long)geteuid());
    if ((st.st_mode & 0777) != 0700)
        return cause_set(cause, "%s: has mode %04o, others may enter it; run: chmod 0700 %s", path,
                         (unsigned)(st.st_mode & 0777), path);
    return 0;
}

/* An absolute path, without slashes at its end, from the value of an environment variable. */
static char *absolute(const char *value)
{
    char *s;
    if (value[0] == '/') {
        s = mem_str(value);
    } else {
        char *cwd = getcwd(NULL, 0);
        s = join(cwd ? cwd : ".", value, "");
        free(cwd);
    }
    for (size_t n = strlen(s); n > 1 && s[n - 1] == '/'; n--)
        s[n - 1] = '\0';
    return s;
}

static const char *env(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

char *endpoint_runtime_dir(char **cause)
{
    struct buf b = {0};
    const char *own = env("HYPERTOP_RUNTIME_DIR"), *xdg = env("XDG_RUNTIME_DIR");
    char *dir;
    if (own) {
        dir = absolute(own);
    } else if (xdg && xdg[0] == '/') {
        dir = join(xdg, "hypertop", "");
    } else {
        buf_printf(&b, "/tmp/hypertop-%ld", (long)geteuid());
        dir = buf_take(&b);
    }
    if (make_dirs(dir, cause) != 0 || check_private(dir, cause) != 0) {
        free(dir);
        return NULL;
    }
    return dir;
}

char *endpoint_data_dir(char **cause)
{
    const char *own = env("HYPERTOP_DATA_DIR"), *xdg = env("XDG_DATA_HOME"), *home = env("HOME");
    char *dir;
    if (own)
        dir = absolute(own);
    else if (xdg && xdg[0] == '/')
        dir = join(xdg, "hypertop", "");
    else if (home && home[0] == '/')
        dir = join(home, ".local/share/hypertop", "");
    else
        return cause_null(cause, "no place for recordings: set HYPERTOP_DATA_DIR (neither it, XDG_DATA_HOME nor HOME is set)");
    struct stat st;
    if (make_dirs(dir, cause) != 0)
        goto bad;
    if (stat(dir, &st) != 0) {
        cause_set(cause, "%s: %s", dir, strerror(errno));
        goto bad;
    }
    if (!S_ISDIR(st.st_mode)) {
        cause_set(cause, "%s: is not a directory; set HYPERTOP_DATA_DIR", dir);
        goto bad;
    }
    return dir;
bad:
    free(dir);
    return NULL;
}

static bool good_name(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n >= ENDPOINT_NAME || s[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
            return false;
    return true;
}

static int too_long(const char *path, char **cause)
{
    if (strlen(path) <= SOCKET_PATH_MAX)
        return 0;
    return cause_set(cause, "%s: the socket's path has %zu bytes, the system allows %zu; set HYPERTOP_RUNTIME_DIR to a shorter path",
                     path, strlen(path), (size_t)SOCKET_PATH_MAX);
}

static int resolve_name(struct endpoint *e, const char *name, char **cause)
{
    if (!good_name(name))
        return cause_set(cause, "'%s' is not a hub's name (letters, digits, '.', '_', '-', at most %d, no '.' in front), ipc://PATH or tcp://HOST:PORT",
                         name, ENDPOINT_NAME - 1);
    e->runtime_dir = endpoint_runtime_dir(cause);
    if (!e->runtime_dir)
        return -1;
    char *path = join(e->runtime_dir, name, ".sock");
    int rc = too_long(path, cause);
    if (rc == 0) {
        memcpy(e->name, name, strlen(name) + 1);
        e->address = join("ipc:/", path, "");
        e->lock_path = join(e->runtime_dir, name, ".lock");
    }
    free(path);
    return rc;
}

/* ipc://PATH: the socket's own directory is its runtime directory, under the same rules. */
static int resolve_ipc(struct endpoint *e, const char *address, char **cause)
{
    char *path = absolute(address + strlen("ipc://"));
    char *slash = strrchr(path, '/'), *base = slash + 1;
    size_t n = strlen(base);
    bool suffix = n > 5 && strcmp(base + n - 5, ".sock") == 0;
    struct buf name = {0};
    buf_put(&name, base, suffix ? n - 5 : n);
    int rc = -1;
    if (!good_name(buf_cstr(&name))) {
        cause_set(cause, "%s: the last part of the path is not a hub's name (letters, digits, '.', '_', '-')", address);
        goto out;
    }
    if (too_long(path, cause) != 0)
        goto out;
    e->runtime_dir = slash == path ? mem_str("/") : mem_strn(path, (size_t)(slash - path));
    if (make_dirs(e->runtime_dir, cause) != 0 || check_private(e->runtime_dir, cause) != 0)
        goto out;
    memcpy(e->name, buf_cstr(&name), name.len + 1);
    e->address = join("ipc:/", path, "");
    e->lock_path = join(e->runtime_dir, e->name, ".lock");
    rc = 0;
out:
    buf_release(&name);
    free(path);
    return rc;
}

static int resolve_tcp(struct endpoint *e, const char *address, char **cause)
{
    const char *host = address + strlen("tcp://"), *colon = strrchr(host, ':');
    int64_t port = 0;
    if (!colon || colon == host || !text_int(colon + 1, &port) || port < 1 || port > 65535)
        return cause_set(cause, "%s: not an address; write tcp://HOST:PORT", address);
    e->address = mem_str(address);
    e->runtime_dir = endpoint_runtime_dir(cause);
    return e->runtime_dir ? 0 : -1;
}

int endpoint_resolve(struct endpoint *e, const char *hub, char **cause)
{
    *e = (struct endpoint){0};
    if (!hub || !*hub)
        hub = env("HYPERTOP_HUB");
    if (!hub)
        hub = "default";
    int rc;
    if (text_has_prefix(hub, "tcp://"))
        rc = resolve_tcp(e, hub, cause);
    else if (text_has_prefix(hub, "ipc://"))
        rc = resolve_ipc(e, hub, cause);
    else
        rc = resolve_name(e, hub, cause);
    if (rc != 0)
        endpoint_release(e);
    return rc;
}

void endpoint_release(struct endpoint *e)
{
    free(e->address);
    free(e->runtime_dir);
    free(e->lock_path);
    *e = (struct endpoint){0};
}

/* The pid that the holder wrote; 0 while it has not written it yet. */
static int lock_pid(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    int64_t pid = 0;
    if (n <= 0)
        return 0;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return text_int(text, &pid) && pid > 0 && pid < INT32_MAX ? (int)pid : 0;
}

bool endpoint_alive(const struct endpoint *e, int *pid)
{
    if (pid)
        *pid = 0;
    if (!e->lock_path)
        return false;
    int fd = open(e->lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (held && pid)
        *pid = lock_pid(fd);
    close(fd);
    return held;
}

static int remove_stale_socket(const struct endpoint *e, char **cause)
{
    const char *path = e->address + strlen("ipc://");
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : cause_set(cause, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return cause_set(cause, "%s: is in the way of the hub's socket and is not a socket; move it away", path);
    if (unlink(path) != 0)
        return cause_set(cause, "%s: cannot remove the stale socket: %s", path, strerror(errno));
    return 0;
}

/* Another program may look at the lock (endpoint_alive) in the very moment we want it; that lasts microseconds, so
 * the lock is asked for a few times before somebody is said to hold it. */
static int take_lock(int fd)
{
    for (int i = 0;; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || i == 20)
            return -1;
        usleep(1000);
    }
}

int endpoint_lock(const struct endpoint *e, char **cause)
{
    if (!e->lock_path)
        return cause_set(cause, "%s: a hub is started by name, not by a network address", e->address);
    int fd = open(e->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return cause_set(cause, "%s: cannot open the lock file: %s", e->lock_path, strerror(errno));
    if (take_lock(fd) != 0) {
        int err = errno, pid = lock_pid(fd);
        if (err != EWOULDBLOCK)
            cause_set(cause, "%s: cannot lock: %s", e->lock_path, strerror(err));
        else if (pid)
            cause_set(cause, "hub '%s' is already running (pid %d); attach to it or choose another name with -L", e->name, pid);
        else
            cause_set(cause, "hub '%s' is just being started by another program; try again", e->name);
        goto bad;
    }
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        cause_set(cause, "%s: cannot write the pid: %s", e->lock_path, strerror(errno));
        goto bad;
    }
    if (remove_stale_socket(e, cause) != 0)
        goto bad;
    return fd;
bad:
    close(fd);
    return -1;
}
