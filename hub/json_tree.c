/* json_tree: see json_tree.h. */
#include "hub/json_tree.h"

#include <jansson.h>

static void walk(json_t *j, const struct json_visitor *v)
{
    size_t i;
    const char *key;
    json_t *item;
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        v->map(v->arg, json_object_size(j));
        json_object_foreach(j, key, item)
        {
            size_t n = 0;
            while (key[n])
                n++;
            v->string(v->arg, key, n);
            walk(item, v);
        }
        break;
    case JSON_ARRAY:
        v->array(v->arg, json_array_size(j));
        json_array_foreach(j, i, item) walk(item, v);
        break;
    case JSON_STRING:
        v->string(v->arg, json_string_value(j), json_string_length(j));
        break;
    case JSON_INTEGER:
        v->integer(v->arg, json_integer_value(j));
        break;
    case JSON_REAL:
        v->real(v->arg, json_real_value(j));
        break;
    case JSON_TRUE:
        v->boolean(v->arg, true);
        break;
    case JSON_FALSE:
        v->boolean(v->arg, false);
        break;
    case JSON_NULL:
        v->null(v->arg);
        break;
    }
}

bool json_walk(const char *text, const struct json_visitor *v)
{
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!j)
        return false;
    walk(j, v);
    json_decref(j);
    return true;
}
