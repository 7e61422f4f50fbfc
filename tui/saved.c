#include "tui/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "proto/endpoint.h"

/* Letters and digits of the name, and a hash that keeps apart what they do not. */
static int path_of(const char *name, char *out, size_t cap, char **cause)
{
    char *folder = endpoint_data_dir(cause), plain[48];
    uint32_t h = 2166136261u;
    size_t n = 0;
    if (!folder)
        return -1;
    for (const char *p = name; *p; p++) {
        h = (h ^ (uint8_t)*p) * 16777619u;
        bool keep = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-';
        if (n + 1 < sizeof plain)
            plain[n++] = keep ? *p : '_';
    }
    plain[n] = '\0';
    int k = snprintf(out, cap, "%s/console", folder);
    free(folder);
    if (k < 0 || (size_t)k + 80 > cap)
        return cause_set(cause, "the data directory's path is too long");
    if (mkdir(out, 0700) != 0 && errno != EEXIST)
        return cause_set(cause, "%s: %s", out, strerror(errno));
    snprintf(out + k, cap - (size_t)k, "/%s-%08x", plain, h);
    return 0;
}

bool saved_read(const char *name, struct buf *out)
{
    char path[PATH_MAX], bytes[4096];
    buf_clear(out);
    if (path_of(name, path, sizeof path, NULL) < 0)
        return false;
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    for (size_t n; out->len < SAVED_MAX && (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        buf_put(out, bytes, n);
    fclose(f);
    return true;
}

int saved_write(const char *name, const char *text, char **cause)
{
    char path[PATH_MAX], fresh[PATH_MAX + 24];
    if (path_of(name, path, sizeof path, cause) < 0)
        return -1;
    snprintf(fresh, sizeof fresh, "%s.%d", path, (int)getpid());
    FILE *f = fopen(fresh, "we");
    if (!f)
        return cause_set(cause, "%s: %s", fresh, strerror(errno));
    bool good = fputs(text, f) >= 0 && fflush(f) == 0 && fsync(fileno(f)) == 0;
    int why = errno;
    good = fclose(f) == 0 && good;
    if (good && rename(fresh, path) == 0)
        return 0;
    why = good ? errno : why;
    unlink(fresh);
    return cause_set(cause, "%s: %s", path, strerror(why));
}
