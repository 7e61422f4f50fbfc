/* scan: see scan.h. Each file is opened once and its head shown to the formats in the order of their table. */
#include "read/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/mem.h"
#include "read/formats.h"

struct scan {
    struct read_files *list;
    const char *from;
    bool (*known)(void *ctx, const char *path);
    void *ctx;
    struct buf path, rel;
};

static void add(struct scan *s, const struct read_format *f, const struct read_claim *c)
{
    struct read_files *l = s->list;
    if ((l->n & (l->n - 1)) == 0)
        l->v = mem_resize(l->v, l->n ? (size_t)l->n * 2 : 1, sizeof *l->v);
    l->v[l->n++] = (struct read_file){mem_str(buf_cstr(&s->path)), f, *c};
}

static void ask(struct scan *s, bool named)
{
    uint8_t head[READ_HEAD];
    const char *path = buf_cstr(&s->path);
    if (s->known && s->known(s->ctx, path))
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    ssize_t n = read(fd, head, sizeof head);
    close(fd);
    s->list->looked++;
    struct read_probe p = {path, buf_cstr(&s->rel), read_base(path), head, n > 0 ? (size_t)n : 0, named};
    for (const struct read_format *const *f = read_formats; *f; f++) {
        struct read_claim c = {0};
        if (s->from && strcmp((*f)->name, s->from) != 0)
            continue;
        if ((*f)->claim(&p, &c)) {
            add(s, *f, &c);
            return;
        }
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool uninteresting(const char *name)
{
    static const char *const names[] = {".", "..", ".git", "node_modules", "__pycache__", ".cache"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static char **entries(const char *path, size_t *n)
{
    char **names = NULL;
    DIR *d = opendir(path);
    *n = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (uninteresting(e->d_name))
            continue;
        if ((*n & (*n - 1)) == 0)
            names = mem_resize(names, *n ? *n * 2 : 1, sizeof *names);
        names[(*n)++] = mem_str(e->d_name);
    }
    if (d)
        closedir(d);
    if (*n)
        qsort(names, *n, sizeof *names, by_name);
    return names;
}

static void walk(struct scan *s, int depth)
{
    size_t n, path = s->path.len, rel = s->rel.len;
    char **names = entries(buf_cstr(&s->path), &n);
    for (size_t i = 0; i < n; i++) {
        struct stat sb;
        s->path.len = path;
        s->rel.len = rel;
        buf_printf(&s->path, "/%s", names[i]);
        buf_printf(&s->rel, "/%s", names[i]);
        free(names[i]);
        if (lstat(buf_cstr(&s->path), &sb) != 0)
            continue;
        if (S_ISDIR(sb.st_mode) && depth < SCAN_DEPTH)
            walk(s, depth + 1);
        else if (S_ISREG(sb.st_mode))
            ask(s, false);
    }
    free(names);
    s->path.len = path;
    s->rel.len = rel;
}

/* rel begins with the name of the folder that was named, or of the one around the file that was. */
static void begin_rel(struct scan *s, const char *path, bool folder)
{
    char *real = realpath(path, NULL);
    const char *base = real ? read_base(real) : read_base(path);
    if (folder || !real) {
        buf_puts(&s->rel, *base ? base : "root");
    } else {
        const char *outer = base > real ? base - 1 : real;
        while (outer > real && outer[-1] != '/')
            outer--;
        buf_put(&s->rel, outer, (size_t)(base - outer));
        buf_puts(&s->rel, base);
    }
    free(real);
}

int read_scan(struct read_files *list, const char *path, const char *from, bool (*known)(void *ctx, const char *path),
              void *ctx, char **cause)
{
    struct scan s = {.list = list, .from = from, .known = known, .ctx = ctx};
    struct stat sb;
    if (stat(path, &sb) != 0)
        return cause_set(cause, "%s: %s", path, strerror(errno));
    bool folder = S_ISDIR(sb.st_mode);
    if (access(path, folder ? R_OK | X_OK : R_OK) != 0)
        return cause_set(cause, "%s: %s", path, strerror(errno));
    buf_puts(&s.path, path);
    while (s.path.len > 1 && s.path.data[s.path.len - 1] == '/')
        s.path.len--;
    begin_rel(&s, path, folder);
    if (folder)
        walk(&s, 0);
    else
        ask(&s, true);
    buf_release(&s.path);
    buf_release(&s.rel);
    return 0;
}

static int rank(const struct read_file *f)
{
    int i = 0;
    while (strcmp(read_formats[i]->name, f->format->name) != 0)
        i++;
    return i;
}

/* Two files with many trials each may use the same names for them: then the file's name stands in front. */
static void tell_apart(struct read_files *list)
{
    int many = 0;
    for (int i = 0; i < list->n; i++)
        many += !*list->v[i].claim.key;
    for (int i = 0; i < list->n && many > 1; i++)
        if (!*list->v[i].claim.key)
            snprintf(list->v[i].claim.key, sizeof list->v[i].claim.key, "%.900s#%d:", read_base(list->v[i].path), i + 1);
}

void read_scan_choose(struct read_files *list, struct buf *others)
{
    int best = INT_MAX, n = 0;
    for (int i = 0; i < list->n; i++)
        best = rank(&list->v[i]) < best ? rank(&list->v[i]) : best;
    /* grown by doubling from here on again: room for a power of two */
    size_t room = 1;
    while (room < (size_t)list->n)
        room *= 2;
    struct read_file *kept = mem_zero(room, sizeof *kept);
    for (int order = 0; order < READ_ORDERS; order++)
        for (int i = 0; i < list->n; i++)
            if (rank(&list->v[i]) == best && list->v[i].claim.order == order)
                kept[n++] = list->v[i];
    for (int i = 0; i < list->n; i++) {
        const char *name = list->v[i].format->name;
        if (rank(&list->v[i]) == best)
            continue;
        if (!others->len || !strstr(buf_cstr(others), name))
            buf_printf(others, "%s%s", others->len ? ", " : "", name);
        free(list->v[i].path);
    }
    free(list->v);
    list->v = kept;
    list->n = n;
    tell_apart(list);
}

void read_files_release(struct read_files *list)
{
    for (int i = 0; i < list->n; i++)
        free(list->v[i].path);
    free(list->v);
    *list = (struct read_files){0};
}
