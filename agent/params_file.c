#include "agent/params_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/json_out.h"
#include "base/text.h"

void params_json(struct span params, struct buf *out)
{
    struct json_out j;
    jw_open(&j, out);
    codec_to_json(params, &j);
    buf_putc(out, '\n');
}

/* ---- YAML ---- */

/* A number that every YAML reads as one: 1.1 wants a dot and a sign in 1.0e-05. */
static void yaml_double(struct buf *out, double v)
{
    char text[TEXT_NUM];
    if (!isfinite(v)) {
        buf_puts(out, isnan(v) ? ".nan" : v > 0 ? ".inf" : "-.inf");
        return;
    }
    text_fmt_double(text, v);
    char *e = strchr(text, 'e');
    size_t mantissa = e ? (size_t)(e - text) : strlen(text);
    buf_put(out, text, mantissa);
    if (!memchr(text, '.', mantissa))
        buf_puts(out, ".0");
    if (e)
        buf_puts(out, e);
}

/* Strings go in JSON's quotes: a JSON string is a YAML string, and none is mistaken for a number or a date. */
static void yaml_flow(struct codec_reader *r, struct buf *out)
{
    struct json_out j;
    struct span s;
    size_t n;
    switch (cr_peek(r)) {
    case CT_DOUBLE:
        yaml_double(out, cr_double(r));
        break;
    case CT_ARRAY:
        buf_putc(out, '[');
        n = cr_array(r);
        for (size_t i = 0; i < n && cr_ok(r); i++) {
            buf_puts(out, i ? ", " : "");
            yaml_flow(r, out);
        }
        buf_putc(out, ']');
        break;
    case CT_MAP:
        buf_putc(out, '{');
        n = cr_map(r);
        for (size_t i = 0; i < n && cr_ok(r); i++) {
            buf_puts(out, i ? ", " : "");
            jw_open(&j, out);
            s = cr_str(r);
            jw_strn(&j, s.p, s.n);
            buf_puts(out, ": ");
            yaml_flow(r, out);
        }
        buf_putc(out, '}');
        break;
    default:
        jw_open(&j, out);
        codec_to_json(cr_value(r), &j);
    }
}

static void yaml_block(struct codec_reader *r, int indent, struct buf *out)
{
    struct json_out j;
    for (size_t n = cr_map(r); n > 0 && cr_ok(r); n--) {
        struct span key = cr_str(r);
        buf_printf(out, "%*s", indent, "");
        jw_open(&j, out);
        jw_strn(&j, key.p, key.n);
        struct codec_reader inner = *r;
        if (cr_peek(r) == CT_MAP && cr_map(&inner) > 0) {
            buf_puts(out, ":\n");
            yaml_block(r, indent + 2, out);
            continue;
        }
        buf_puts(out, ": ");
        yaml_flow(r, out);
        buf_putc(out, '\n');
    }
}

void params_yaml(struct span params, struct buf *out)
{
    struct codec_reader r;
    cr_init(&r, params.p, params.n);
    if (cr_peek(&r) != CT_MAP || params.n == 1)
        buf_puts(out, "{}\n");
    else
        yaml_block(&r, 0, out);
}

/* ---- the file ---- */

static bool ends(const char *path, const char *with)
{
    size_t n = strlen(path), k = strlen(with);
    return n > k && strcmp(path + n - k, with) == 0;
}

int params_file_check(const char *path, char **cause)
{
    if (ends(path, ".json") || ends(path, ".yaml") || ends(path, ".yml"))
        return 0;
    return cause_set(cause, "%.200s: a file of parameters ends in .json, .yaml or .yml", path);
}

int params_file_write(const char *path, struct span params, char **cause)
{
    struct buf text = {0}, part = {0};
    if (params_file_check(path, cause) != 0)
        return -1;
    if (ends(path, ".json"))
        params_json(params, &text);
    else
        params_yaml(params, &text);
    buf_printf(&part, "%s.%d.part", path, (int)getpid());
    const char *name = buf_cstr(&part);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), rc = 0;
    bool good = fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len;
    if (fd >= 0 && close(fd) != 0)
        good = false;
    if (!good || rename(name, path) != 0) {
        rc = cause_set(cause, "%s: cannot write the parameters: %s", path, strerror(errno));
        if (fd >= 0)
            unlink(name);
    }
    buf_release(&text);
    buf_release(&part);
    return rc;
}
