#include "agent/environment.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "base/text.h"

static size_t find(const struct environment *e, const char *name, size_t n)
{
    size_t i = 0;
    while (i < e->n && (strncmp(e->list[i], name, n) != 0 || e->list[i][n] != '='))
        i++;
    return i;
}

static void put(struct environment *e, char *pair, size_t name_n)
{
    size_t i = find(e, pair, name_n);
    if (i < e->n) {
        free(e->list[i]);
        e->list[i] = pair;
        return;
    }
    e->list = mem_resize(e->list, e->n + 2, sizeof *e->list);
    e->list[e->n++] = pair;
    e->list[e->n] = NULL;
}

void environment_init(struct environment *e)
{
    *e = (struct environment){.list = mem_zero(1, sizeof(char *))};
    for (char **p = environ; *p; p++) {
        const char *eq = strchr(*p, '=');
        if (eq && !text_has_prefix(*p, "HYPERTOP_WORKER_TOKEN=") && !text_has_prefix(*p, "HYPERTOP_RING=") &&
            !text_has_prefix(*p, "HYPERTOP_RESTORE="))
            put(e, mem_str(*p), (size_t)(eq - *p));
    }
}

void environment_set(struct environment *e, const char *name, const char *value)
{
    struct buf b = {0};
    buf_printf(&b, "%s=%s", name, value);
    put(e, buf_take(&b), strlen(name));
}

void environment_set_int(struct environment *e, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    environment_set(e, name, text);
}

void environment_add(struct environment *e, struct span map)
{
    struct codec_reader r;
    cr_init(&r, map.p, map.n);
    for (size_t n = map.n ? cr_map(&r) : 0; n > 0 && cr_ok(&r); n--) {
        struct span key = cr_str(&r);
        if (cr_peek(&r) != CT_STR) {
            cr_skip(&r);
            continue;
        }
        char *name = span_dup(key), *value = span_dup(cr_str(&r));
        if (name && value && *name && !strchr(name, '='))
            environment_set(e, name, value);
        free(name);
        free(value);
    }
}

void environment_release(struct environment *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->list[i]);
    free(e->list);
    *e = (struct environment){0};
}

/* ---- parameters ---- */

static void value_as_text(struct codec_reader *r, struct buf *out)
{
    char number[TEXT_NUM];
    struct json_out j;
    switch (cr_peek(r)) {
    case CT_STR: {
        struct span s = cr_str(r);
        for (size_t i = 0; i < s.n; i++)
            if (s.p[i]) /* a NUL would end the value for everybody who reads it */
                buf_putc(out, s.p[i]);
        break;
    }
    case CT_DOUBLE:
        buf_put(out, number, text_fmt_double(number, cr_double(r)));
        break;
    default:
        jw_open(&j, out);
        codec_to_json(cr_value(r), &j);
    }
}

static uint32_t flatten(struct codec_reader *r, struct buf *prefix, struct buf *out)
{
    uint32_t count = 0;
    for (size_t n = cr_map(r); n > 0 && cr_ok(r); n--) {
        struct span key = cr_str(r);
        size_t keep = prefix->len;
        if (keep)
            buf_putc(prefix, '.');
        buf_put(prefix, key.p, key.n);
        if (cr_peek(r) == CT_MAP) {
            count += flatten(r, prefix, out);
        } else {
            buf_put(out, prefix->data, prefix->len);
            buf_putc(out, '\0');
            value_as_text(r, out);
            buf_putc(out, '\0');
            count++;
        }
        prefix->len = keep;
    }
    return count;
}

uint32_t params_flatten(struct span params, struct buf *out)
{
    struct codec_reader r;
    struct buf prefix = {0};
    cr_init(&r, params.p, params.n);
    uint32_t n = params.n && cr_peek(&r) == CT_MAP ? flatten(&r, &prefix, out) : 0;
    buf_release(&prefix);
    return n;
}

void environment_params(struct environment *e, struct span params)
{
    struct buf flat = {0}, name = {0}, all = {0};
    struct json_out j;
    uint32_t n = params_flatten(params, &flat);
    const char *p = (const char *)flat.data;
    for (; n > 0; n--) {
        const char *value = p + strlen(p) + 1;
        buf_clear(&name);
        buf_puts(&name, "HYPERTOP_PARAM_");
        for (; *p; p++)
            buf_putc(&name, isalnum((unsigned char)*p) ? toupper((unsigned char)*p) : '_');
        environment_set(e, buf_cstr(&name), value);
        p = value + strlen(value) + 1;
    }
    jw_open(&j, &all);
    if (params.n)
        codec_to_json(params, &j);
    else {
        jw_object(&j);
        jw_object_end(&j);
    }
    environment_set(e, "HYPERTOP_PARAMS", buf_cstr(&all));
    buf_release(&flat);
    buf_release(&name);
    buf_release(&all);
}
