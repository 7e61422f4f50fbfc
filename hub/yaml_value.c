/* Scalars by the rules of YAML 1.1 as PyYAML applies them: base 8 with a leading 0, base 60 with colons,
 * underscores in numbers, and a float only with a dot, whose exponent must carry a sign. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/yaml_tree.h"

static bool one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(s, *words))
            return true;
    return false;
}

static bool is_null(const char *s)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return one_of(s, words);
}

static bool is_bool(const char *s, bool *out)
{
    static const char *const yes[] = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL};
    static const char *const no[] = {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", NULL};
    *out = one_of(s, yes);
    return *out || one_of(s, no);
}

/* Length of a run of digits of a base, underscores included; *digits counts the digits. */
static size_t run(const char *s, int base, int *digits)
{
    size_t n = 0;
    *digits = 0;
    for (;; n++) {
        int c = tolower((unsigned char)s[n]), d = isdigit(c)             ? c - '0'
                                                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                                         : 99;
        if (s[n] == '_')
            continue;
        if (d >= base)
            return n;
        ++*digits;
    }
}

static bool whole(const char *s, int base, int64_t *out)
{
    uint64_t v = 0;
    for (; *s; s++) {
        if (*s == '_')
            continue;
        int c = tolower((unsigned char)*s), d = isdigit(c) ? c - '0' : c - 'a' + 10;
        if (v > (UINT64_C(1) << 63) / (uint64_t)base)
            return false;
        v = v * (uint64_t)base + (uint64_t)d;
        if (v > INT64_MAX)
            return false;
    }
    *out = (int64_t)v;
    return true;
}

static bool sexagesimal(const char *s, double *out)
{
    double v = 0;
    int parts = 0;
    while (*s) {
        char *end;
        double part = strtod(s, &end);
        if (end == s || (parts && part >= 60))
            return false;
        v = v * 60 + part;
        parts++;
        if (*end && *end != ':')
            return false;
        s = *end ? end + 1 : end;
    }
    *out = v;
    return parts > 1;
}

static bool is_int(const char *s, int64_t *out)
{
    bool negative = *s == '-';
    int digits, base = 10;
    double sixty;
    s += *s == '-' || *s == '+';
    if (s[0] == '0' && (s[1] == 'b' || s[1] == 'x')) {
        base = s[1] == 'b' ? 2 : 16;
        s += 2;
    } else if (s[0] == '0' && s[1]) {
        base = 8;
    } else if (!isdigit((unsigned char)*s)) {
        return false;
    }
    size_t n = run(s, base, &digits);
    if (base == 10 && s[n] == ':' && strspn(s, "0123456789:_") == strlen(s) && sexagesimal(s, &sixty)) {
        *out = (int64_t)(negative ? -sixty : sixty);
        return true;
    }
    if (s[n] || !digits || !whole(s, base, out))
        return false;
    if (negative)
        *out = -*out;
    return true;
}

static bool is_float(const char *s, double *out)
{
    static const char *const infinite[] = {".inf", ".Inf", ".INF", NULL}, *const nan[] = {".nan", ".NaN",
                                                                                          ".NAN", NULL};
    bool negative = *s == '-';
    const char *body = s + (*s == '-' || *s == '+');
    int before, after = 0;
    if (one_of(body, infinite)) {
        *out = negative ? -INFINITY : INFINITY;
        return true;
    }
    if (one_of(s, nan)) {
        *out = NAN;
        return true;
    }
    if (*body == '_')
        return false;
    const char *p = body + run(body, 10, &before);
    if (*p == ':' && strspn(body, "0123456789:._") == strlen(body) && strchr(body, '.') &&
        sexagesimal(body, out)) {
        *out = negative ? -*out : *out;
        return true;
    }
    if (*p != '.')
        return false;
    p++;
    p += run(p, 10, &after);
    if (!before && !after)
        return false;
    if (*p == 'e' || *p == 'E') {
        int digits;
        if (p[1] != '-' && p[1] != '+')
            return false;
        p += 2;
        p += run(p, 10, &digits);
        if (!digits)
            return false;
    }
    if (*p)
        return false;
    char *plain = mem_str(s);
    size_t n = 0;
    for (size_t i = 0; s[i]; i++)
        if (s[i] != '_')
            plain[n++] = s[i];
    plain[n] = '\0';
    *out = strtod(plain, NULL);
    free(plain);
    return true;
}

#define JSON_BYTES (1 << 20) /* aliases of aliases can grow without end */

/* 2.0 must not come back as 2: programs tell integers from floats. */
static void put_float(struct json_out *j, double v)
{
    if (v != floor(v) || fabs(v) >= 1e15) {
        jw_double(j, v);
        return;
    }
    if (j->comma)
        buf_putc(j->b, ',');
    buf_printf(j->b, "%.1f", v);
    j->comma = true;
}

static void put_json(const struct yaml_node *node, struct json_out *j)
{
    if (j->b->len > JSON_BYTES) {
        jw_null(j);
        return;
    }
    if (node->kind == YAML_LIST) {
        jw_array(j);
        for (int i = 0; i < node->n; i++)
            put_json(node->items[i], j);
        jw_array_end(j);
        return;
    }
    if (node->kind == YAML_MAP) {
        jw_object(j);
        for (int i = 0; i < node->n; i++) {
            jw_key(j, node->keys[i]->text);
            put_json(node->items[i], j);
        }
        jw_object_end(j);
        return;
    }
    struct tune_value v = yaml_value(node);
    if (v.kind == TUNE_BOOL)
        jw_bool(j, v.b);
    else if (v.kind == TUNE_INT)
        jw_int(j, v.i);
    else if (v.kind == TUNE_FLOAT)
        put_float(j, v.f);
    else if (v.kind == TUNE_STRING)
        jw_str(j, v.s);
    else
        jw_null(j);
    tune_value_free(&v);
}

struct tune_value yaml_value(const struct yaml_node *node)
{
    bool b;
    int64_t i;
    double f;
    if (node->kind != YAML_SCALAR) {
        struct buf text = {0};
        struct json_out j;
        jw_open(&j, &text);
        put_json(node, &j);
        struct tune_value v = tune_json(buf_cstr(&text));
        buf_release(&text);
        return v;
    }
    if (!node->plain)
        return tune_string(node->text);
    if (is_null(node->text))
        return (struct tune_value){.kind = TUNE_NULL};
    if (is_bool(node->text, &b))
        return tune_bool(b);
    if (is_int(node->text, &i))
        return tune_int(i);
    if (is_float(node->text, &f))
        return tune_float(f);
    return tune_string(node->text);
}

struct tune_value yaml_number_value(const struct yaml_node *node, bool *loose)
{
    struct tune_value v = yaml_value(node);
    double f;
    *loose = false;
    if (v.kind != TUNE_STRING || !node->plain || !strpbrk(v.s, "0123456789") || !text_double(v.s, &f) ||
        !isfinite(f))
        return v;
    *loose = true;
    tune_value_free(&v);
    return tune_float(f);
}
