#include "agent/wandb_front.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/text.h"

#define SOURCE_MAX (1 << 20) /* bytes of a program that are looked at */

/* ---- does it import wandb ---- */

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);
    return n >= k && strcmp(s + n - k, tail) == 0;
}

static FILE *open_in(const char *cwd, const char *path)
{
    struct buf b = {0};
    if (*path != '/' && cwd && *cwd)
        buf_printf(&b, "%s/%s", cwd, path);
    else
        buf_puts(&b, path);
    FILE *f = fopen(buf_cstr(&b), "re");
    buf_release(&b);
    return f;
}

/* python -m PACKAGE.MODULE */
static FILE *open_module(const char *cwd, const char *module)
{
    struct buf b = {0};
    for (const char *p = module; *p; p++)
        buf_putc(&b, *p == '.' ? '/' : *p);
    size_t stem = b.len;
    buf_puts(&b, ".py");
    FILE *f = open_in(cwd, buf_cstr(&b));
    if (!f) {
        b.len = stem;
        buf_puts(&b, "/__main__.py");
        f = open_in(cwd, buf_cstr(&b));
    }
    buf_release(&b);
    return f;
}

static FILE *open_source(char *const *argv, const char *cwd)
{
    for (int i = 0; argv && argv[i]; i++) {
        FILE *f = NULL;
        if (ends_with(argv[i], ".py"))
            f = open_in(cwd, argv[i]);
        else if (strcmp(argv[i], "-m") == 0 && argv[i + 1])
            f = open_module(cwd, argv[i + 1]);
        if (f)
            return f;
    }
    return NULL;
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "import a, NAME.b as c" and "from NAME.b import c" do; "import NAMEs" does not. */
static bool imports(const char *line, const char *name)
{
    size_t n = strlen(name);
    line += strspn(line, " \t");
    if (text_has_prefix(line, "from ")) {
        line += 5;
        line += strspn(line, " \t");
        return strncmp(line, name, n) == 0 && !is_word(line[n]);
    }
    if (!text_has_prefix(line, "import "))
        return false;
    for (line += 7;; line++) {
        line += strspn(line, " \t");
        if (strncmp(line, name, n) == 0 && !is_word(line[n]))
            return true;
        line += strcspn(line, ",#\n");
        if (*line != ',')
            return false;
    }
}

bool wandb_front_wanted(char *const *argv, const char *cwd)
{
    FILE *f = open_source(argv, cwd);
    char *line = NULL;
    size_t cap = 0, seen = 0;
    bool wandb = false, ours = false;
    if (!f)
        return false;
    for (ssize_t n; seen < SOURCE_MAX && (n = getline(&line, &cap, f)) > 0; seen += (size_t)n) {
        wandb = wandb || imports(line, "wandb");
        ours = ours || imports(line, "hypertop");
    }
    free(line);
    fclose(f);
    return wandb && !ours;
}

/* ---- the module ---- */

/* Beside the program in a build, under share where it is installed. */
static char *front_folder(const char *self)
{
    static const char *const places[] = {"python/hypertop/front", "../share/hypertop/python/hypertop/front"};
    const char *slash = strrchr(self, '/');
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct buf b = {0}, probe = {0};
        buf_printf(&b, "%.*s/%s", slash ? (int)(slash - self) : 0, self, places[i]);
        buf_printf(&probe, "%s/wandb/__init__.py", buf_cstr(&b));
        bool there = access(buf_cstr(&probe), R_OK) == 0;
        buf_release(&probe);
        if (there)
            return buf_take(&b);
        buf_release(&b);
    }
    return NULL;
}

static const char *value_of(const struct environment *e, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < e->n; i++)
        if (strncmp(e->list[i], name, n) == 0 && e->list[i][n] == '=')
            return e->list[i] + n + 1;
    return NULL;
}

int wandb_front_put(struct environment *e, char **cause)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n < 0 ? 0 : n] = '\0';
    char *folder = front_folder(self);
    if (!folder)
        return cause_set(cause, "the module that takes wandb's place is not beside %s (python/) nor in ../share/hypertop: "
                                "build or install hypertop whole", *self ? self : "hypertop-agent");
    const char *old = value_of(e, "PYTHONPATH"), *mode = value_of(e, "WANDB_MODE");
    struct buf path = {0};
    buf_printf(&path, "%s%s%s", folder, old && *old ? ":" : "", old ? old : "");
    environment_set(e, "PYTHONPATH", buf_cstr(&path));
    if (!mode || (strcmp(mode, "disabled") != 0 && strcmp(mode, "offline") != 0))
        environment_set(e, "WANDB_MODE", "offline"); /* also for a real one that somebody imports past ours */
    if (!value_of(e, "HYPERTOP_AGENT"))
        environment_set(e, "HYPERTOP_AGENT", self); /* the module finds the library beside it */
    buf_release(&path);
    free(folder);
    return 0;
}

/* ---- a sweep's configuration ---- */

/* One line of YAML that is JSON as well: YAML 1.1 reads 1e-05 as text, so numbers get their dot. */
static void put_value(struct buf *b, struct codec_reader *r)
{
    char number[TEXT_NUM];
    struct json_out j;
    size_t n;
    switch (cr_peek(r)) {
    case CT_DOUBLE: {
        double x = cr_double(r);
        n = text_fmt_double(number, x);
        size_t mantissa = strcspn(number, "e");
        bool bare = mantissa < n && !memchr(number, '.', mantissa);
        buf_printf(b, "%.*s%s%s", (int)mantissa, number, bare ? ".0" : "", number + mantissa);
        break;
    }
    case CT_ARRAY:
        n = cr_array(r);
        buf_putc(b, '[');
        for (size_t i = 0; i < n && cr_ok(r); i++) {
            buf_puts(b, i ? ", " : "");
            put_value(b, r);
        }
        buf_putc(b, ']');
        break;
    case CT_MAP:
        n = cr_map(r);
        buf_putc(b, '{');
        for (size_t i = 0; i < n && cr_ok(r); i++) {
            buf_puts(b, i ? ", " : "");
            put_value(b, r);
            buf_puts(b, ": ");
            put_value(b, r);
        }
        buf_putc(b, '}');
        break;
    default:
        jw_open(&j, b);
        codec_to_json(cr_value(r), &j);
    }
}

static char *configuration(struct span config)
{
    struct buf b = {0};
    struct codec_reader r;
    cr_init(&r, config.p, config.n);
    buf_puts(&b, "wandb_version: 1\n");
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        struct span key = cr_str(&r);
        bool plain = key.n > 0;
        for (size_t i = 0; i < key.n; i++)
            plain = plain && is_word(key.p[i]);
        buf_printf(&b, plain ? "\n%.*s:\n  value: " : "\n\"%.*s\":\n  value: ", (int)key.n, key.p);
        put_value(&b, &r);
        buf_putc(&b, '\n');
    }
    return buf_take(&b);
}

/* Every folder of the path but the last part. */
static void make_folders(char *path)
{
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(path, 0777);
            *p = '/';
        }
}

static bool write_file(char *path, const char *text)
{
    make_folders(path);
    FILE *f = fopen(path, "we");
    bool good = f && fputs(text, f) >= 0;
    return f && fclose(f) == 0 && good;
}

void wandb_front_lease(struct environment *e, const struct message *m, const char *cwd)
{
    struct span config = cmap_value(m->body, "config");
    const char *base = value_of(e, "WANDB_DIR");
    char sweep[64] = "", run[64];
    struct buf path = {0};
    cmap_strcpy(m->body, "sweep", sweep, sizeof sweep);
    snprintf(run, sizeof run, "%lld-%lld", (long long)cmap_int(m->body, "trial", -1), (long long)cmap_int(m->body, "run", -1));
    environment_set(e, "WANDB_SWEEP_ID", sweep);
    environment_set(e, "WANDB_RUN_ID", run);
    if (!config.n)
        return;
    if (base && *base == '/')
        buf_puts(&path, base);
    else
        buf_printf(&path, "%s%s%s", cwd && *cwd ? cwd : ".", base && *base ? "/" : "", base ? base : "");
    buf_printf(&path, "/wandb/sweep-%s/config-%s.yaml", sweep, run);
    char *where = buf_take(&path), *text = configuration(config);
    if (write_file(where, text))
        environment_set(e, "WANDB_SWEEP_PARAM_PATH", where);
    free(text);
    free(where);
}
