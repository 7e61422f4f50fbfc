#include "hub/checkpoint_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/half.h"
#include "base/mem.h"

#define HEADER_MAX (100u << 20) /* bytes of a safetensors header, as its own library bounds it */

static const size_t widths[] = {[NUMBER_F64] = 8, [NUMBER_F32] = 4, [NUMBER_F16] = 2, [NUMBER_BF16] = 2, [NUMBER_OTHER] = 1};

size_t checkpoint_count(const struct checkpoint_tensor *t)
{
    return t->bytes / widths[t->type];
}

double checkpoint_get(const struct checkpoint_file *c, const struct checkpoint_tensor *t, size_t i)
{
    const char *p = c->data + t->at + i * widths[t->type];
    double d;
    float f;
    uint16_t h;
    switch (t->type) {
    case NUMBER_F64: memcpy(&d, p, sizeof d); return d;
    case NUMBER_F32: memcpy(&f, p, sizeof f); return f;
    default: memcpy(&h, p, sizeof h); return t->type == NUMBER_F16 ? half_to_double(h) : bfloat_to_double(h);
    }
}

void checkpoint_put(struct checkpoint_file *c, const struct checkpoint_tensor *t, size_t i, double v)
{
    char *p = c->data + t->at + i * widths[t->type];
    float f = (float)v;
    uint16_t h = t->type == NUMBER_F16 ? half_from_double(v) : bfloat_from_double(v);
    if (t->type == NUMBER_F64)
        memcpy(p, &v, sizeof v);
    else if (t->type == NUMBER_F32)
        memcpy(p, &f, sizeof f);
    else
        memcpy(p, &h, sizeof h);
}

void checkpoint_release(struct checkpoint_file *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->tensors[i].name);
        free(c->tensors[i].what);
    }
    free(c->tensors);
    free(c->data);
    free(c->path);
    *c = (struct checkpoint_file){0};
}

static int damaged(const struct checkpoint_file *c, const char *why, char **cause)
{
    return cause_set(cause, "%s: %s", c->path, why);
}

/* ---- .npy ---- */

/* The text behind 'KEY': in the header's dictionary, up to the comma or brace that ends it. */
static bool npy_field(const char *header, const char *key, char *out, size_t cap)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *p = strstr(header, quoted);
    if (!p)
        return false;
    p += strlen(quoted) + strspn(p + strlen(quoted), " ");
    size_t n = *p == '(' ? strcspn(p, ")") + 1 : *p == '\'' ? strcspn(p + 1, "'") + 2 : strcspn(p, ",}");
    return snprintf(out, cap, "%.*s", (int)n, p) < (int)cap;
}

static bool npy_count(const char *shape, size_t *n)
{
    *n = 1;
    for (const char *p = shape; *p && *p != ')';) {
        char *end;
        p += strspn(p, "(, ");
        if (*p == ')' || !*p)
            break;
        errno = 0;
        unsigned long long d = strtoull(p, &end, 10);
        if (end == p || errno || __builtin_mul_overflow(*n, (size_t)d, n))
            return false;
        p = end;
    }
    return true;
}

static int read_npy(struct checkpoint_file *c, char **cause)
{
    static const struct {
        const char *descr;
        enum number_type type;
    } types[] = {{"'<f8'", NUMBER_F64}, {"'<f4'", NUMBER_F32}, {"'<f2'", NUMBER_F16}};
    char header[8192], descr[256], shape[512], order[32];
    size_t wide = c->size > 6 && c->data[6] > 1 ? 4 : 2, count, n = 0, at = 8 + wide;
    if (c->size < at || c->data[6] < 1 || c->data[6] > 3)
        return damaged(c, "this version of .npy is not known", cause);
    for (size_t i = 0; i < wide; i++)
        n |= (size_t)(uint8_t)c->data[8 + i] << (8 * i);
    if (n >= sizeof header || n > c->size - at)
        return damaged(c, "the header of the .npy file is cut off", cause);
    memcpy(header, c->data + at, n);
    header[n] = '\0';
    if (!npy_field(header, "descr", descr, sizeof descr) || !npy_field(header, "shape", shape, sizeof shape) ||
        !npy_field(header, "fortran_order", order, sizeof order) || !npy_count(shape, &count))
        return damaged(c, "the header of the .npy file makes no sense", cause);
    struct checkpoint_tensor t = {.type = NUMBER_OTHER, .at = at + n, .bytes = c->size - at - n};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(descr, types[i].descr) == 0)
            t.type = types[i].type;
    if (t.type != NUMBER_OTHER && (count > t.bytes / widths[t.type] || count * widths[t.type] != t.bytes))
        return damaged(c, "the .npy file has more or fewer numbers than its header says", cause);
    struct buf what = {0};
    buf_printf(&what, "%s %s%s", descr, shape, strcmp(order, "True") == 0 ? " by columns" : "");
    t.what = buf_take(&what);
    t.name = mem_str("");
    c->tensors = MEM_NEW(struct checkpoint_tensor);
    *c->tensors = t;
    c->n = 1;
    return 0;
}

/* ---- safetensors ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct checkpoint_tensor *)a)->name, ((const struct checkpoint_tensor *)b)->name);
}

static bool read_tensor(struct checkpoint_file *c, const char *name, json_t *v, size_t base)
{
    static const char *const types[] = {"F64", "F32", "F16", "BF16"};
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    json_t *shape = json_object_get(v, "shape"), *offsets = json_object_get(v, "data_offsets"), *d;
    json_int_t from = json_integer_value(json_array_get(offsets, 0)), to = json_integer_value(json_array_get(offsets, 1));
    size_t count = 1, i;
    struct buf what = {0};
    if (!dtype || !json_is_array(shape) || json_array_size(offsets) != 2 || from < 0 || to < from || (size_t)to > c->size - base)
        return false;
    struct checkpoint_tensor t = {.type = NUMBER_OTHER, .at = base + (size_t)from, .bytes = (size_t)(to - from)};
    for (int k = 0; k < 4; k++)
        if (strcmp(dtype, types[k]) == 0)
            t.type = (enum number_type)k;
    buf_printf(&what, "%s [", dtype);
    json_array_foreach(shape, i, d) {
        buf_printf(&what, "%s%lld", i ? "," : "", (long long)json_integer_value(d));
        if (json_integer_value(d) < 0 || __builtin_mul_overflow(count, (size_t)json_integer_value(d), &count))
            count = SIZE_MAX;
    }
    buf_puts(&what, "]");
    if (t.type != NUMBER_OTHER && (count > t.bytes || count * widths[t.type] != t.bytes)) {
        buf_release(&what);
        return false;
    }
    t.name = mem_str(name);
    t.what = buf_take(&what);
    c->tensors[c->n++] = t;
    return true;
}

static int read_safetensors(struct checkpoint_file *c, char **cause)
{
    uint64_t n;
    const char *name;
    json_t *v;
    memcpy(&n, c->data, 8);
    if (n > HEADER_MAX || n > c->size - 8)
        return damaged(c, "neither a .npy nor a safetensors file", cause);
    json_t *header = json_loadb(c->data + 8, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(header)) {
        json_decref(header);
        return damaged(c, "neither a .npy nor a safetensors file", cause);
    }
    c->tensors = mem_zero(json_object_size(header) + 1, sizeof *c->tensors);
    bool ok = true;
    json_object_foreach(header, name, v)
        if (strcmp(name, "__metadata__") != 0)
            ok = ok && read_tensor(c, name, v, 8 + (size_t)n);
    json_decref(header);
    if (!ok)
        return damaged(c, "a tensor of the safetensors file is cut off or has another size than its shape", cause);
    qsort(c->tensors, c->n, sizeof *c->tensors, by_name);
    return 0;
}

/* ---- files ---- */

static int slurp(struct checkpoint_file *c, char **cause)
{
    struct stat st;
    FILE *f = fopen(c->path, "rb");
    if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
        cause_set(cause, "%s: %s", c->path, f ? "not a file" : strerror(errno));
        if (f)
            fclose(f);
        return -1;
    }
    c->size = (size_t)st.st_size;
    c->data = mem_alloc(c->size + 1);
    bool ok = fread(c->data, 1, c->size, f) == c->size;
    fclose(f);
    return ok ? 0 : damaged(c, "could not be read whole", cause);
}

int checkpoint_read(struct checkpoint_file *c, const char *path, char **cause)
{
    *c = (struct checkpoint_file){.path = mem_str(path)};
    int rc = slurp(c, cause);
    if (rc == 0 && c->size < 10)
        rc = damaged(c, "neither a .npy nor a safetensors file", cause);
    if (rc == 0)
        rc = memcmp(c->data, "\x93NUMPY", 6) == 0 ? read_npy(c, cause) : read_safetensors(c, cause);
    if (rc != 0)
        checkpoint_release(c);
    return rc;
}

int checkpoint_write(const struct checkpoint_file *c, const char *path, char **cause)
{
    struct buf part = {0};
    buf_printf(&part, "%s.new", path);
    FILE *f = fopen(buf_cstr(&part), "wb");
    bool ok = f && fwrite(c->data, 1, c->size, f) == c->size;
    ok = f && fflush(f) == 0 && fsync(fileno(f)) == 0 && ok;
    ok = f && fclose(f) == 0 && ok;
    if (!ok || rename(buf_cstr(&part), path) != 0) {
        cause_set(cause, "%s: %s", path, strerror(errno));
        unlink(buf_cstr(&part));
        ok = false;
    }
    buf_release(&part);
    return ok ? 0 : -1;
}
