/* yaml_flat: see yaml_flat.h. Over libyaml's events, so that a damaged file gives what stands before the damage. Aliases
 * are given as their name (a bomb of aliases stays what it is: a few words). */
#include "read/yaml_flat.h"

#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "read/parser.h"

#define DEPTH 64

struct flat {
    yaml_parser_t parser;
    void (*leaf)(void *ctx, const char *name, const struct read_value *v);
    void *ctx;
    struct buf name, list;
    size_t length[DEPTH]; /* of the name at each open mapping */
    int depth;            /* open mappings */
    int lists;            /* open lists; inside of one everything is its text */
    bool have_key;
};

static void say(struct flat *f, const struct read_value *v)
{
    f->leaf(f->ctx, buf_cstr(&f->name), v);
    f->name.len = f->depth ? f->length[f->depth - 1] : 0;
    f->have_key = false;
}

static void list_item(struct flat *f, const char *s)
{
    char last = f->list.len ? (char)f->list.data[f->list.len - 1] : '[';
    if (last != '[' && last != '{' && strcmp(s, "]") != 0 && strcmp(s, "}") != 0)
        buf_puts(&f->list, ", ");
    buf_puts(&f->list, s);
}

static void scalar(struct flat *f, const yaml_event_t *e)
{
    const char *s = (const char *)e->data.scalar.value;
    if (f->lists) {
        list_item(f, s);
    } else if (f->depth && !f->have_key) {
        if (f->name.len)
            buf_putc(&f->name, '.');
        buf_put(&f->name, s, strnlen(s, READ_NAME_MAX));
        f->have_key = true;
    } else {
        struct read_value v =
            e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? read_word(s) : read_text(s);
        say(f, &v);
    }
}

static bool open_mapping(struct flat *f)
{
    if (f->lists) {
        list_item(f, "{");
        f->lists++;
        return f->lists < DEPTH;
    }
    if (f->depth == DEPTH)
        return false;
    f->length[f->depth++] = f->name.len;
    f->have_key = false;
    return true;
}

static void close_list(struct flat *f, const char *end)
{
    list_item(f, end);
    if (--f->lists)
        return;
    struct read_value v = read_text(buf_cstr(&f->list));
    say(f, &v);
    buf_clear(&f->list);
}

static void close_mapping(struct flat *f)
{
    if (f->lists) {
        close_list(f, "}");
        return;
    }
    f->depth--;
    f->name.len = f->depth ? f->length[f->depth - 1] : 0;
    f->have_key = false;
}

/* False: no further. */
static bool take(struct flat *f, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        scalar(f, e);
        return true;
    case YAML_ALIAS_EVENT:
        if (f->lists) {
            list_item(f, (const char *)e->data.alias.anchor);
        } else if (f->have_key) {
            struct read_value v = read_text((const char *)e->data.alias.anchor);
            say(f, &v);
        }
        return true;
    case YAML_MAPPING_START_EVENT:
        return open_mapping(f);
    case YAML_MAPPING_END_EVENT:
        close_mapping(f);
        return true;
    case YAML_SEQUENCE_START_EVENT:
        list_item(f, "[");
        return ++f->lists < DEPTH;
    case YAML_SEQUENCE_END_EVENT:
        close_list(f, "]");
        return true;
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        return true;
    }
}

long yaml_flat(const void *p, size_t n, void (*leaf)(void *ctx, const char *name, const struct read_value *v),
               void *ctx)
{
    struct flat f = {.leaf = leaf, .ctx = ctx};
    long stopped = -1;
    yaml_event_t e;
    if (!yaml_parser_initialize(&f.parser))
        return 0;
    yaml_parser_set_input_string(&f.parser, p, n);
    for (bool more = true; more;) {
        if (!yaml_parser_parse(&f.parser, &e)) {
            stopped = (long)f.parser.problem_offset ? (long)f.parser.problem_offset : (long)f.parser.mark.index;
            break;
        }
        more = take(&f, &e);
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&f.parser);
    buf_release(&f.name);
    buf_release(&f.list);
    return stopped;
}

struct to_params {
    const struct read_sink *sink;
    int trial;
};

static void as_param(void *ctx, const char *name, const struct read_value *v)
{
    const struct to_params *to = ctx;
    if (*name)
        sink_param(to->sink, to->trial, name, v);
}

long yaml_params(const void *p, size_t n, const struct read_sink *k, int trial)
{
    struct to_params to = {k, trial};
    return yaml_flat(p, n, as_param, &to);
}
