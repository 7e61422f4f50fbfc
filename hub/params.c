/* params: see params.h. Pure conversions; the only file of the hub that knows both spaces and MessagePack. */
#include "hub/params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/json_tree.h"

#define NAME_BYTES 256

/* ---- towards the trainer ---- */

static void on_map(void *w, size_t pairs)
{
    cw_map(w, pairs);
}
static void on_array(void *w, size_t n)
{
    cw_array(w, n);
}
static void on_string(void *w, const char *s, size_t n)
{
    cw_strn(w, s, n);
}
static void on_integer(void *w, int64_t v)
{
    cw_int(w, v);
}
static void on_real(void *w, double v)
{
    cw_double(w, v);
}
static void on_boolean(void *w, bool v)
{
    cw_bool(w, v);
}
static void on_null(void *w)
{
    cw_nil(w);
}

static bool walk_json(struct codec_writer *w, const char *text)
{
    const struct json_visitor v = {w, on_map, on_array, on_string, on_integer, on_real, on_boolean, on_null};
    return json_walk(text, &v);
}

static void put_json(struct codec_writer *w, const char *text)
{
    if (!walk_json(w, text))
        cw_str(w, text);
}

bool params_json(const char *text, struct buf *out)
{
    struct codec_writer w;
    cw_init(&w, out);
    return walk_json(&w, text);
}

void params_put_value(struct codec_writer *w, const struct tune_value *v)
{
    switch (v->kind) {
    case TUNE_BOOL:
        cw_bool(w, v->b);
        break;
    case TUNE_INT:
        cw_int(w, v->i);
        break;
    case TUNE_FLOAT:
        cw_double(w, v->f);
        break;
    case TUNE_STRING:
        cw_str(w, v->s);
        break;
    case TUNE_JSON:
        put_json(w, v->s);
        break;
    default:
        cw_nil(w);
    }
}

void params_encode(const struct space *s, const double *dna, struct buf *out)
{
    struct codec_writer w;
    size_t n = 0;
    cw_init(&w, out);
    for (int i = 0; i < s->n; i++)
        n += space_active(s, dna, i);
    cw_map(&w, n);
    for (int i = 0; i < s->n; i++) {
        struct tune_value v;
        if (!space_active(s, dna, i))
            continue;
        param_decode(&s->params[i], dna[i], &v);
        cw_str(&w, s->params[i].name);
        params_put_value(&w, &v);
    }
}

/* ---- from people ---- */

struct tune_value params_value(struct span value)
{
    struct codec_reader r;
    struct tune_value v;
    cr_init(&r, value.p, value.n);
    switch (cr_peek(&r)) {
    case CT_BOOL:
        return tune_bool(cr_bool(&r));
    case CT_INT:
    case CT_UINT:
        return tune_int(cr_int(&r));
    case CT_DOUBLE:
        return tune_float(cr_double(&r));
    case CT_STR: {
        char *s = span_dup(cr_str(&r));
        v = tune_string(s);
        free(s);
        return v;
    }
    case CT_ARRAY:
    case CT_MAP: {
        struct buf b = {0};
        struct json_out j;
        jw_open(&j, &b);
        codec_to_json(value, &j);
        v = tune_json(buf_cstr(&b));
        buf_release(&b);
        return v;
    }
    default:
        return (struct tune_value){.kind = TUNE_NULL};
    }
}

void params_text(struct span value, char *out, size_t cap)
{
    struct tune_value v = params_value(value);
    tune_text(&v, out, cap);
    tune_value_free(&v);
}

void params_each(struct span map, params_each_fn *fn, void *arg)
{
    struct codec_reader r;
    char name[NAME_BYTES];
    if (!map.n)
        return;
    cr_init(&r, map.p, map.n);
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        span_copy(name, sizeof name, cr_str(&r));
        struct span v = cr_value(&r);
        if (!cr_ok(&r) || !fn(arg, name, v))
            return;
    }
}

struct decoding {
    const struct space *s;
    double *dna;
    char **cause;
    int rc;
};

static int unknown(const struct space *s, const char *name, char **cause)
{
    int near = space_find_near(s, name);
    if (near >= 0)
        return cause_set(cause, "no parameter '%s' in this sweep; did you mean '%s'?", name,
                         s->params[near].name);
    struct buf b = {0};
    for (int i = 0; i < s->n; i++)
        if (s->params[i].type != PARAM_CONSTANT)
            buf_printf(&b, "%s%s", b.len ? ", " : "", s->params[i].name);
    cause_set(cause, "no parameter '%s' in this sweep; there are %s", name, b.len ? buf_cstr(&b) : "none");
    buf_release(&b);
    return -1;
}

static bool decode_one(void *arg, const char *name, struct span value)
{
    struct decoding *d = arg;
    int i = space_find(d->s, name);
    if (i < 0) {
        d->rc = unknown(d->s, name, d->cause);
        return false;
    }
    struct tune_value v = params_value(value);
    d->rc = param_encode(&d->s->params[i], &v, &d->dna[i], d->cause);
    tune_value_free(&v);
    return d->rc == 0;
}

int params_decode(const struct space *s, struct span map, double *dna, char **cause)
{
    struct decoding d = {.s = s, .dna = dna, .cause = cause};
    params_each(map, decode_one, &d);
    if (d.rc == 0)
        space_canon(s, dna);
    return d.rc;
}
