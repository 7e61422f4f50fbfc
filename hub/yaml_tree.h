/* yaml_tree: one YAML document as a tree in which every node knows its line and column, resolved as YAML 1.1
 * does.
 *
 * Aliases point at the node they name (the tree is a graph, never a cycle), merge keys (<<) are applied, of
 * two equal keys the later one wins. Bounded: YAML_DEPTH levels, YAML_NODES nodes. */
#ifndef HUB_YAML_TREE_H
#define HUB_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "tune/value.h"

#define YAML_DEPTH 64
#define YAML_NODES 200000

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    int line, column;     /* from 1 */
    char *text;           /* scalar */
    bool plain;           /* unquoted */
    struct yaml_node **items; /* list: values; map: values */
    struct yaml_node **keys;  /* map: scalars */
    int n;
};

struct yaml_tree {
    struct yaml_node *root; /* NULL: an empty document */
    struct yaml_node **all;
    int n_all;
};

/* path is for messages: FILE:LINE:COLUMN: what. 0, or -1 and a cause. Release in either case. */
int yaml_read(struct yaml_tree *t, const char *text, size_t n, const char *path, char **cause);
void yaml_release(struct yaml_tree *t);
/* NULL when absent or not a map */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* What a scalar means to YAML 1.1 (1e-5 is a string there, yes is true, 010 is 8); lists and maps become JSON
 * text. To free with tune_value_free. */
struct tune_value yaml_value(const struct yaml_node *node);
/* The same, except that an unquoted scalar which is a number to everybody but YAML 1.1 (1e-5, 3E4) is one;
 * *loose is set then. */
struct tune_value yaml_number_value(const struct yaml_node *node, bool *loose);

#endif
