/* Builds the tree from libyaml's events with a stack of open containers. All nodes hang in one list and are
 * freed from there, so aliases need no counting. */
#include "hub/yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cause.h"
#include "base/mem.h"

struct builder {
    struct yaml_tree *tree;
    const char *path;
    char **cause;
    yaml_parser_t parser;
    yaml_event_t event;
    struct {
        struct yaml_node *node, *key; /* key: of a map, waiting for its value */
    } open[YAML_DEPTH];
    int depth;
    struct {
        char *name;
        struct yaml_node *node;
    } *anchors;
    int n_anchors;
    bool done;
};

static int complain(struct builder *b, const char *what)
{
    yaml_mark_t at = b->event.start_mark;
    return cause_set(b->cause, "%s:%zu:%zu: %s", b->path, at.line + 1, at.column + 1, what);
}

static int complain_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    yaml_mark_t at = p->problem_mark;
    if (p->error == YAML_READER_ERROR)
        return cause_set(b->cause, "%s:1:1: byte %zu: %s", b->path, p->problem_offset, p->problem);
    return cause_set(b->cause, "%s:%zu:%zu: %s%s%s", b->path, at.line + 1, at.column + 1,
                     p->context ? p->context : "", p->context ? ", " : "",
                     p->problem ? p->problem : "not YAML");
}

static struct yaml_node *node_new(struct builder *b, enum yaml_kind kind)
{
    struct yaml_tree *t = b->tree;
    if (t->n_all >= YAML_NODES) {
        complain(b, "the document has too many nodes");
        return NULL;
    }
    if ((t->n_all & (t->n_all - 1)) == 0)
        t->all = mem_resize(t->all, t->n_all ? 2 * (size_t)t->n_all : 1, sizeof *t->all);
    struct yaml_node *node = MEM_NEW(struct yaml_node);
    t->all[t->n_all++] = node;
    node->kind = kind;
    node->line = (int)b->event.start_mark.line + 1;
    node->column = (int)b->event.start_mark.column + 1;
    return node;
}

static void anchor(struct builder *b, const yaml_char_t *name, struct yaml_node *node)
{
    if (!name)
        return;
    b->anchors = mem_resize(b->anchors, (size_t)b->n_anchors + 1, sizeof *b->anchors);
    b->anchors[b->n_anchors].name = mem_str((const char *)name);
    b->anchors[b->n_anchors++].node = node;
}

static void append(struct yaml_node *node, struct yaml_node *key, struct yaml_node *value)
{
    for (int i = 0; key && i < node->n; i++) {
        if (strcmp(node->keys[i]->text, key->text))
            continue;
        node->keys[i] = key; /* the later one wins, as in PyYAML */
        node->items[i] = value;
        return;
    }
    if ((node->n & (node->n - 1)) == 0) {
        size_t cap = node->n ? 2 * (size_t)node->n : 1;
        node->items = mem_resize(node->items, cap, sizeof *node->items);
        if (node->kind == YAML_MAP)
            node->keys = mem_resize(node->keys, cap, sizeof *node->keys);
    }
    if (key)
        node->keys[node->n] = key;
    node->items[node->n++] = value;
}

/* What a map under << brings along: keys that are not there yet. */
static int merge(struct builder *b, struct yaml_node *into, const struct yaml_node *from)
{
    if (from->kind == YAML_LIST) {
        for (int i = 0; i < from->n; i++)
            if (merge(b, into, from->items[i]) < 0)
                return -1;
        return 0;
    }
    if (from->kind != YAML_MAP)
        return complain(b, "<< needs a map, or a list of maps");
    for (int i = 0; i < from->n; i++)
        if (!yaml_get(into, from->keys[i]->text))
            append(into, from->keys[i], from->items[i]);
    return 0;
}

/* << are applied when the map is complete: its own keys go before merged ones, wherever << stands. */
static int close_map(struct builder *b, struct yaml_node *map)
{
    for (int i = 0; i < map->n; i++) {
        if (!map->keys[i]->plain || strcmp(map->keys[i]->text, "<<"))
            continue;
        struct yaml_node *from = map->items[i];
        memmove(&map->keys[i], &map->keys[i + 1], (size_t)(map->n - i - 1) * sizeof *map->keys);
        memmove(&map->items[i], &map->items[i + 1], (size_t)(map->n - i - 1) * sizeof *map->items);
        map->n--;
        /* append() grows at powers of two: make room for what may have been given back */
        map->keys = mem_resize(map->keys, 2 * ((size_t)map->n + 1), sizeof *map->keys);
        map->items = mem_resize(map->items, 2 * ((size_t)map->n + 1), sizeof *map->items);
        return merge(b, map, from);
    }
    return 0;
}

/* Hands a finished or opening node to whatever is open. */
static int place(struct builder *b, struct yaml_node *node)
{
    if (b->depth == 0) {
        if (b->tree->root || b->done)
            return complain(b, "a second document; one is expected");
        b->tree->root = node;
        return 0;
    }
    struct yaml_node *in = b->open[b->depth - 1].node, **key = &b->open[b->depth - 1].key;
    if (in->kind == YAML_LIST) {
        append(in, NULL, node);
        return 0;
    }
    if (!*key) {
        if (node->kind != YAML_SCALAR)
            return complain(b, "a key must be a plain word");
        *key = node;
        return 0;
    }
    append(in, *key, node);
    *key = NULL;
    return 0;
}

static int open_node(struct builder *b, enum yaml_kind kind, const yaml_char_t *name)
{
    struct yaml_node *node = node_new(b, kind);
    if (!node || place(b, node) < 0)
        return -1;
    if (b->depth == YAML_DEPTH)
        return complain(b, "nested too deeply");
    anchor(b, name, node);
    b->open[b->depth].node = node;
    b->open[b->depth++].key = NULL;
    return 0;
}

static int scalar(struct builder *b)
{
    struct yaml_node *node = node_new(b, YAML_SCALAR);
    if (!node)
        return -1;
    node->text = mem_strn((const char *)b->event.data.scalar.value, b->event.data.scalar.length);
    node->plain = b->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                  !(b->event.data.scalar.tag && strstr((const char *)b->event.data.scalar.tag, ":str"));
    anchor(b, b->event.data.scalar.anchor, node);
    return place(b, node);
}

static int alias(struct builder *b)
{
    const char *name = (const char *)b->event.data.alias.anchor;
    for (int i = b->n_anchors - 1; i >= 0; i--) {
        if (strcmp(b->anchors[i].name, name))
            continue;
        for (int d = 0; d < b->depth; d++)
            if (b->open[d].node == b->anchors[i].node)
                return complain(b, "an alias inside the node that it names");
        return place(b, b->anchors[i].node);
    }
    return complain(b, "an alias of an anchor that is not there");
}

static int handle(struct builder *b)
{
    switch (b->event.type) {
    case YAML_SCALAR_EVENT:
        return scalar(b);
    case YAML_ALIAS_EVENT:
        return alias(b);
    case YAML_SEQUENCE_START_EVENT:
        return open_node(b, YAML_LIST, b->event.data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return open_node(b, YAML_MAP, b->event.data.mapping_start.anchor);
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return close_map(b, b->open[b->depth].node);
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        return 0;
    case YAML_DOCUMENT_START_EVENT:
        return b->done ? complain(b, "a second document; one is expected") : 0;
    case YAML_DOCUMENT_END_EVENT:
        b->done = true;
        return 0;
    default:
        return 0;
    }
}

int yaml_read(struct yaml_tree *t, const char *text, size_t n, const char *path, char **cause)
{
    struct builder b = {.tree = t, .path = path, .cause = cause};
    int rc = 0;
    bool end = false;
    memset(t, 0, sizeof *t);
    if (!yaml_parser_initialize(&b.parser))
        mem_fail(sizeof b.parser);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, n);
    while (rc == 0 && !end) {
        if (!yaml_parser_parse(&b.parser, &b.event)) {
            rc = complain_syntax(&b);
            break;
        }
        end = b.event.type == YAML_STREAM_END_EVENT;
        rc = handle(&b);
        yaml_event_delete(&b.event);
    }
    for (int i = 0; i < b.n_anchors; i++)
        free(b.anchors[i].name);
    free(b.anchors);
    yaml_parser_delete(&b.parser);
    return rc;
}

void yaml_release(struct yaml_tree *t)
{
    for (int i = 0; i < t->n_all; i++) {
        free(t->all[i]->text);
        free(t->all[i]->items);
        free(t->all[i]->keys);
        free(t->all[i]);
    }
    free(t->all);
    memset(t, 0, sizeof *t);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (int i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
        if (!strcmp(map->keys[i]->text, key))
            return map->items[i];
    return NULL;
}
