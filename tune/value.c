#include "tune/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct tune_value tune_int(int64_t i)
{
    return (struct tune_value){.kind = TUNE_INT, .i = i};
}

struct tune_value tune_float(double f)
{
    return (struct tune_value){.kind = TUNE_FLOAT, .f = f};
}

struct tune_value tune_bool(bool b)
{
    return (struct tune_value){.kind = TUNE_BOOL, .b = b};
}

struct tune_value tune_string(const char *s)
{
    return (struct tune_value){.kind = TUNE_STRING, .s = mem_str(s)};
}

struct tune_value tune_json(const char *s)
{
    return (struct tune_value){.kind = TUNE_JSON, .s = mem_str(s)};
}

static bool owns(const struct tune_value *v)
{
    return v->kind == TUNE_STRING || v->kind == TUNE_JSON;
}

struct tune_value tune_copy(const struct tune_value *v)
{
    struct tune_value c = *v;
    if (owns(v))
        c.s = mem_str(v->s);
    return c;
}

void tune_value_free(struct tune_value *v)
{
    if (owns(v))
        free(v->s);
    v->kind = TUNE_ABSENT;
}

bool tune_number(const struct tune_value *v, double *out)
{
    if (v->kind != TUNE_INT && v->kind != TUNE_FLOAT)
        return false;
    *out = v->kind == TUNE_INT ? (double)v->i : v->f;
    return true;
}

bool tune_same(const struct tune_value *a, const struct tune_value *b)
{
    double x, y;
    if (a->kind == TUNE_INT && b->kind == TUNE_INT)
        return a->i == b->i;
    if (tune_number(a, &x) && tune_number(b, &y))
        return x == y;
    if (a->kind != b->kind)
        return false;
    if (a->kind == TUNE_BOOL)
        return a->b == b->b;
    return !owns(a) || !strcmp(a->s, b->s);
}

int tune_text(const struct tune_value *v, char *out, size_t cap)
{
    char number[TEXT_NUM];
    switch (v->kind) {
    case TUNE_BOOL:
        return snprintf(out, cap, "%s", v->b ? "true" : "false");
    case TUNE_INT:
        return snprintf(out, cap, "%lld", (long long)v->i);
    case TUNE_FLOAT:
        text_fmt_double(number, v->f);
        return snprintf(out, cap, "%s", number);
    case TUNE_STRING:
    case TUNE_JSON:
        return snprintf(out, cap, "%s", v->s);
    default:
        return snprintf(out, cap, "null");
    }
}

void tune_value_json(struct json_out *out, const struct tune_value *v)
{
    switch (v->kind) {
    case TUNE_BOOL:
        jw_bool(out, v->b);
        break;
    case TUNE_INT:
        jw_int(out, v->i);
        break;
    case TUNE_FLOAT:
        jw_double(out, v->f);
        break;
    case TUNE_STRING:
        jw_str(out, v->s);
        break;
    case TUNE_JSON:
        if (out->comma)
            buf_putc(out->b, ',');
        buf_puts(out->b, v->s);
        out->comma = true;
        break;
    default:
        jw_null(out);
    }
}
