/* json_tree: walks a JSON text with jansson, the one reader of JSON here. */
#ifndef HUB_JSON_TREE_H
#define HUB_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_visitor {
    void *arg;
    void (*map)(void *arg, size_t pairs); /* then `pairs` times a string and a value */
    void (*array)(void *arg, size_t n);
    void (*string)(void *arg, const char *s, size_t n);
    void (*integer)(void *arg, int64_t v);
    void (*real)(void *arg, double v);
    void (*boolean)(void *arg, bool v);
    void (*null)(void *arg);
};
/* False when the text is not JSON; then nothing was called. */
bool json_walk(const char *text, const struct json_visitor *v);

#endif
