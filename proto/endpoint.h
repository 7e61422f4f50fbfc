/* endpoint: where a hub lives. Resolves -L NAME, HYPERTOP_HUB, ipc:// and the runtime and data directories.
 *
 * Runtime directory: HYPERTOP_RUNTIME_DIR, else $XDG_RUNTIME_DIR/hypertop, else /tmp/hypertop-UID. It must be a real
 * directory (lstat), owned by this uid, mode 0700; it is made when missing and refused when it is anything else.
 * In it: NAME.sock (ipc endpoint), NAME.lock (flock held by the hub; its text is the hub's pid), rings/ (ring files).
 * Data directory: HYPERTOP_DATA_DIR, else $XDG_DATA_HOME/hypertop, else ~/.local/share/hypertop: recordings and spill files. */
#ifndef PROTO_ENDPOINT_H
#define PROTO_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#define ENDPOINT_NAME 64 /* a hub's name: [A-Za-z0-9._-]{1,63}, not starting with a dot */

struct endpoint {
    char name[ENDPOINT_NAME]; /* "default" when nothing was said; "" for a tcp:// address */
    char *address;            /* ipc:///run/.../default.sock or tcp://... as given */
    char *runtime_dir;
    char *lock_path; /* NULL for tcp:// */
};

/* hub: NULL (then HYPERTOP_HUB, then "default"), a name, ipc://PATH or tcp://HOST:PORT. 0, or -1 and a cause.
 * The directory is made and checked when the endpoint is local. */
int endpoint_resolve(struct endpoint *e, const char *hub, char **cause);
void endpoint_release(struct endpoint *e);
/* Whether a hub holds the lock (local endpoints), and its pid in *pid. */
bool endpoint_alive(const struct endpoint *e, int *pid);
/* The hub's side: opens and locks NAME.lock, removes a stale socket. Returns the fd to keep open for life, or -1 and
 * a cause that names the pid of the hub that is already there. */
int endpoint_lock(const struct endpoint *e, char **cause);

char *endpoint_runtime_dir(char **cause); /* malloc'ed, made and checked; NULL and a cause */
char *endpoint_data_dir(char **cause);    /* malloc'ed, made if missing (0700) */

#endif
