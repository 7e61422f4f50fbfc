/* The command line of a run from W&B's command macros.
 *
 * An item that is exactly ${name} becomes zero or more words; ${envvar:NAME} is replaced inside any item.
 * Values are written as Python writes them (True, None, 1e-05, {'lr': 0.1}), because that is what scripts
 * made for W&B parse. A nested parameter is one argument whose value is the whole map. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/hydra_words.h"
#include "hub/sweep_params.h"
#include "hub/sweepfile.h"
#include "proto/codec.h"

/* ---- the configuration as the program sees it: nested where the file nests ---- */

struct item {
    char *name;
    struct span value;  /* raw MessagePack; unused when there are inner items */
    struct item *inner;
    int n;
};

static void item_release(struct item *it)
{
    for (int i = 0; i < it->n; i++)
        item_release(&it->inner[i]);
    free(it->inner);
    free(it->name);
}

static struct item *item_in(struct item *it, const char *name, size_t n)
{
    for (int i = 0; i < it->n; i++)
        if (strlen(it->inner[i].name) == n && !memcmp(it->inner[i].name, name, n))
            return &it->inner[i];
    it->inner = mem_resize(it->inner, (size_t)it->n + 1, sizeof *it->inner);
    it->inner[it->n] = (struct item){.name = mem_strn(name, n)};
    return &it->inner[it->n++];
}

/* Whether name is the dotted form of a nested path. */
static bool spells(const char *path, const char *name)
{
    for (; *path && *name; path++, name++)
        if (*path != *name && !(*path == NEST && *name == '.'))
            return false;
    return *path == *name;
}

static const char *nested_path(const struct sweepfile *f, const char *name)
{
    for (int i = 0; f->nested && f->nested[i]; i++)
        if (spells(f->nested[i], name))
            return f->nested[i];
    return name;
}

static int configuration(const struct sweepfile *f, const char *params, size_t n, struct item *out,
                         char **cause)
{
    struct codec_reader r;
    *out = (struct item){0};
    cr_init(&r, params, n);
    size_t pairs = cr_map(&r);
    for (size_t i = 0; i < pairs && cr_ok(&r); i++) {
        char *name = span_dup(cr_str(&r));
        struct span value = cr_value(&r);
        const char *path = nested_path(f, name), *end;
        struct item *in = out;
        while ((end = strchr(path, NEST))) {
            in = item_in(in, path, (size_t)(end - path));
            path = end + 1;
        }
        item_in(in, path, strlen(path))->value = value;
        free(name);
    }
    if (cr_ok(&r))
        return 0;
    item_release(out);
    return cause_set(cause, "%s: the parameters of the run are damaged", f->path);
}

static void item_json(const struct item *it, struct json_out *out)
{
    if (!it->inner && it->name) {
        codec_to_json(it->value, out);
        return;
    }
    jw_object(out);
    for (int i = 0; i < it->n; i++) {
        jw_key(out, it->inner[i].name);
        item_json(&it->inner[i], out);
    }
    jw_object_end(out);
}

static void item_encode(const struct item *it, struct codec_writer *w)
{
    if (!it->inner && it->name) {
        cw_raw(w, it->value.p, it->value.n);
        return;
    }
    cw_map(w, (size_t)it->n);
    for (int i = 0; i < it->n; i++) {
        cw_str(w, it->inner[i].name);
        item_encode(&it->inner[i], w);
    }
}

int sweepfile_config(const struct sweepfile *f, const char *params, size_t n, struct buf *out)
{
    struct item config;
    struct codec_writer w;
    char *cause = NULL;
    if (configuration(f, params, n, &config, &cause) < 0) {
        free(cause);
        return -1;
    }
    cw_init(&w, out);
    item_encode(&config, &w);
    item_release(&config);
    return 0;
}

/* ---- Python's way of writing ---- */

static void python_float(struct buf *b, double x)
{
    char digits[40];
    int precision = 0, exponent;
    if (!isfinite(x)) {
        buf_puts(b, isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
        return;
    }
    do
        snprintf(digits, sizeof digits, "%.*e", precision, x);
    while (strtod(digits, NULL) != x && precision++ < 17);
    exponent = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
    if (exponent >= -4 && exponent < 16)
        buf_printf(b, exponent < precision ? "%.*f" : "%.*f.0",
                   exponent < precision ? precision - exponent : 0, x);
    else
        buf_puts(b, digits); /* %e writes two digits of exponent, as Python does */
}

static void python_string(struct buf *b, const char *s)
{
    int quote = strchr(s, '\'') && !strchr(s, '"') ? '"' : '\'';
    buf_putc(b, quote);
    for (; *s; s++) {
        if (*s == quote || *s == '\\')
            buf_printf(b, "\\%c", *s);
        else if (*s == '\n')
            buf_puts(b, "\\n");
        else if (*s == '\t')
            buf_puts(b, "\\t");
        else if (*s == '\r')
            buf_puts(b, "\\r");
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            buf_printf(b, "\\x%02x", (unsigned char)*s);
        else
            buf_putc(b, *s);
    }
    buf_putc(b, quote);
}

/* str() of a value at the top, repr() inside. */
static void python_value(struct buf *b, struct codec_reader *r, bool top)
{
    char *text;
    size_t n;
    switch (cr_peek(r)) {
    case CT_BOOL:
        buf_puts(b, cr_bool(r) ? "True" : "False");
        break;
    case CT_INT:
    case CT_UINT:
        buf_printf(b, "%" PRId64, cr_int(r));
        break;
    case CT_DOUBLE:
        python_float(b, cr_double(r));
        break;
    case CT_STR:
        text = span_dup(cr_str(r));
        if (top)
            buf_puts(b, text);
        else
            python_string(b, text);
        free(text);
        break;
    case CT_ARRAY:
        n = cr_array(r);
        buf_putc(b, '[');
        for (size_t i = 0; i < n && cr_ok(r); i++) {
            buf_puts(b, i ? ", " : "");
            python_value(b, r, false);
        }
        buf_putc(b, ']');
        break;
    case CT_MAP:
        n = cr_map(r);
        buf_putc(b, '{');
        for (size_t i = 0; i < n && cr_ok(r); i++) {
            buf_puts(b, i ? ", " : "");
            python_value(b, r, false);
            buf_puts(b, ": ");
            python_value(b, r, false);
        }
        buf_putc(b, '}');
        break;
    default:
        cr_skip(r);
        buf_puts(b, "None");
    }
}

static void python(struct buf *b, const struct item *it, bool top)
{
    struct codec_reader r;
    if (!it->inner) {
        cr_init(&r, it->value.p, it->value.n);
        python_value(b, &r, top);
        return;
    }
    buf_putc(b, '{');
    for (int i = 0; i < it->n; i++) {
        buf_puts(b, i ? ", " : "");
        python_string(b, it->inner[i].name);
        buf_puts(b, ": ");
        python(b, &it->inner[i], false);
    }
    buf_putc(b, '}');
}

/* ---- words ---- */

struct words {
    char **word;
    size_t n;
};

static void add(struct words *w, char *word)
{
    w->word = mem_resize(w->word, w->n + 2, sizeof *w->word);
    w->word[w->n++] = word;
    w->word[w->n] = NULL;
}

static void add_pair(struct words *w, const char *before, const char *key, const char *between,
                     const struct item *v)
{
    struct buf b = {0};
    buf_printf(&b, "%s%s%s", before, key, between);
    python(&b, v, true);
    add(w, buf_take(&b));
}

static bool is_bool(const struct item *it, bool *on)
{
    struct codec_reader r;
    if (it->inner)
        return false;
    cr_init(&r, it->value.p, it->value.n);
    bool yes = cr_peek(&r) == CT_BOOL;
    *on = yes && cr_bool(&r);
    return yes;
}

/* One override a leaf: outer.inner=value. */
static void add_hydra(struct words *w, const char *prefix, const struct item *v)
{
    struct buf b = {0};
    buf_printf(&b, "%s%s%s", prefix, *prefix ? "." : "", v->name);
    if (!v->inner) {
        buf_putc(&b, '=');
        hydra_value(&b, v->value);
        add(w, buf_take(&b));
        return;
    }
    for (int i = 0; i < v->n; i++)
        add_hydra(w, buf_cstr(&b), &v->inner[i]);
    buf_release(&b);
}

static void add_args(struct words *w, const struct item *config, const char *macro)
{
    for (int i = 0; i < config->n; i++) {
        const struct item *v = &config->inner[i];
        const char *key = v->name;
        bool on;
        if (!strcmp(macro, "args_hydra")) {
            add_hydra(w, "", v);
        } else if (!strcmp(macro, "args_no_hyphens")) {
            add_pair(w, "", key, "=", v);
        } else if (!strcmp(macro, "args_append_hydra")) {
            add_pair(w, "+", key, "=", v);
        } else if (!strcmp(macro, "args_override_hydra")) {
            add_pair(w, "++", key, "=", v);
        } else if (!strcmp(macro, "args_no_boolean_flags") && is_bool(v, &on)) {
            struct buf b = {0};
            buf_printf(&b, "--%s", key);
            if (on)
                add(w, buf_take(&b));
            buf_release(&b);
        } else if (!strcmp(macro, "args_no_equals")) {
            struct buf b = {0};
            buf_printf(&b, "--%s", key);
            add(w, buf_take(&b));
            add_pair(w, "", "", "", v);
        } else {
            add_pair(w, "--", key, "=", v);
        }
    }
}

/* Writes the JSON beside the hub's sockets under a name made of its contents, so that equal ones are one
 * file. */
static char *json_file(const char *text, char **cause)
{
    const char *runtime = getenv("HYPERTOP_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
    struct buf path = {0}, part = {0};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *p = text; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    if (runtime)
        buf_printf(&path, "%s", runtime);
    else if (xdg)
        buf_printf(&path, "%s/hypertop", xdg);
    else
        buf_printf(&path, "/tmp/hypertop-%ld", (long)getuid());
    mkdir(buf_cstr(&path), 0700);
    buf_printf(&path, "/args-%016" PRIx64 ".json", hash);
    buf_printf(&part, "%s.%ld", buf_cstr(&path), (long)getpid());
    FILE *f = fopen(buf_cstr(&part), "we");
    bool good = f && fputs(text, f) >= 0;
    if (f && fclose(f) != 0)
        good = false;
    if (!good || rename(buf_cstr(&part), buf_cstr(&path)) < 0) {
        cause_set(cause, "%s: %s", buf_cstr(&part), strerror(errno));
        buf_release(&path);
    }
    buf_release(&part);
    return path.len ? buf_take(&path) : NULL;
}

static int add_json(struct words *w, const struct item *config, bool file, char **cause)
{
    struct buf b = {0};
    struct json_out out;
    jw_open(&out, &b);
    item_json(config, &out);
    char *text = buf_take(&b), *word = file ? json_file(text, cause) : mem_str(text);
    free(text);
    if (!word)
        return -1;
    add(w, word);
    return 0;
}

/* `python`, as W&B says; python3 where only that exists. */
static const char *interpreter(void)
{
    const char *path = getenv("PATH");
    struct buf b = {0};
    bool found = !path;
    while (path && *path && !found) {
        size_t n = strcspn(path, ":");
        buf_clear(&b);
        buf_printf(&b, "%.*s/python", (int)n, path);
        found = access(buf_cstr(&b), X_OK) == 0;
        path += n + (path[n] == ':');
    }
    buf_release(&b);
    return found ? "python" : "python3";
}

/* ${envvar:NAME} anywhere in an item; an unset variable becomes its own name. */
static char *with_environment(const char *item)
{
    struct buf b = {0};
    const char *at;
    while ((at = strstr(item, "${envvar:"))) {
        size_t n = strspn(at + 9, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        buf_put(&b, item, (size_t)(at - item));
        if (at[9 + n] != '}') {
            buf_put(&b, at, 9);
            item = at + 9;
            continue;
        }
        char *name = mem_strn(at + 9, n);
        const char *value = getenv(name);
        buf_puts(&b, value ? value : name);
        free(name);
        item = at + 9 + n + 1;
    }
    buf_puts(&b, item);
    return buf_take(&b);
}

static int add_item(const struct sweepfile *f, struct words *w, const char *item, const struct item *config,
                    char **cause)
{
    size_t n = strlen(item);
    if (n < 4 || strncmp(item, "${", 2) || strchr(item, '}') != item + n - 1 || strchr(item, ':')) {
        add(w, with_environment(item));
        return 0;
    }
    char *macro = mem_strn(item + 2, n - 3);
    int rc = 0;
    if (!strcmp(macro, "env"))
        add(w, mem_str("/usr/bin/env"));
    else if (!strcmp(macro, "interpreter"))
        add(w, mem_str(interpreter()));
    else if (!strcmp(macro, "program") && !f->program)
        rc = cause_set(cause, "%s: the command names ${program}, but the file has no program", f->path);
    else if (!strcmp(macro, "program"))
        add(w, mem_str(f->program));
    else if (!strcmp(macro, "args_json") || !strcmp(macro, "args_json_file"))
        rc = add_json(w, config, macro[9] == '_', cause);
    else if (!strncmp(macro, "args", 4))
        add_args(w, config, macro);
    free(macro); /* an unknown ${name} is replaced by nothing, as W&B does */
    return rc;
}

char **sweepfile_argv(const struct sweepfile *f, bool test, const char *params, size_t params_n, char **cause)
{
    struct words w = {0};
    struct item config;
    char **command = test && f->test_command ? f->test_command : f->command;
    int rc = configuration(f, params, params_n, &config, cause);
    if (rc < 0)
        return NULL;
    for (int i = 0; rc == 0 && command && command[i]; i++)
        rc = add_item(f, &w, command[i], &config, cause);
    item_release(&config);
    if (rc == 0 && !w.n)
        rc = cause_set(cause, "%s: the command is empty", f->path);
    if (rc == 0)
        return w.word;
    sweepfile_argv_free(w.word);
    return NULL;
}

void sweepfile_argv_free(char **argv)
{
    for (int i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
}
