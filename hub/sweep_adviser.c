/* sweep_adviser: the key `hypertop.adviser` of a sweep file: a command, or a map of command, share, candidates, timeout
 * and alpha. A command is a list of words, or one text for the shell. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "hub/adviser_text.h"
#include "hub/sweep_own.h"

#define TIMEOUT_MAX 86400

static int read_words(struct sweep_reader *r, const struct yaml_node *node, char ***out)
{
    bool list = node->kind == YAML_LIST;
    if ((!list && node->kind != YAML_SCALAR) || (list && !node->n) || (!list && !*node->text))
        return sweepfile_error(r, node, "adviser: a command is expected: a list of words or a text for the shell");
    *out = mem_zero((size_t)(list ? node->n : 3) + 1, sizeof **out);
    if (!list) {
        (*out)[0] = mem_str("/bin/sh");
        (*out)[1] = mem_str("-c");
        return sweepfile_string(r, node, "adviser.command", &(*out)[2]);
    }
    for (int i = 0; i < node->n; i++)
        if (sweepfile_string(r, node->items[i], "adviser.command", &(*out)[i]) < 0)
            return -1;
    return 0;
}

static int read_number(struct sweep_reader *r, const struct yaml_node *map, const char *key, double low, double high,
                       double *out)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node)
        return 0;
    if (sweepfile_number(r, node, key, out) < 0)
        return -1;
    return *out >= low && *out <= high
               ? 0
               : sweepfile_error(r, node, "adviser.%s: a number from %g to %g is expected", key, low, high);
}

int sweep_adviser_read(struct sweep_reader *r, const struct yaml_node *node, struct sweepfile *f)
{
    static const char *const known[] = {"command", "share", "candidates", "timeout", "alpha"};
    struct sweepfile_adviser *a = &f->adviser;
    double candidates = 4;
    a->share = 0.25;
    a->alpha = -0.2;
    a->timeout = 60;
    if (node->kind != YAML_MAP) {
        a->candidates = (int)candidates;
        return read_words(r, node, &a->command);
    }
    for (int i = 0; i < node->n; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found |= !strcmp(node->keys[i]->text, known[k]);
        if (!found)
            sweepfile_warn(r, node->keys[i], "unknown key \"hypertop.adviser.%s\"", node->keys[i]->text);
    }
    const struct yaml_node *command = yaml_get(node, "command");
    if (!command)
        return sweepfile_error(r, node, "adviser: command is missing");
    if (read_words(r, command, &a->command) < 0 || read_number(r, node, "share", 0, 1, &a->share) < 0 ||
        read_number(r, node, "timeout", 0.1, TIMEOUT_MAX, &a->timeout) < 0 ||
        read_number(r, node, "alpha", -1, 1, &a->alpha) < 0 ||
        read_number(r, node, "candidates", 1, ADVICE_MAX, &candidates) < 0)
        return -1;
    if (candidates != floor(candidates))
        return sweepfile_error(r, yaml_get(node, "candidates"), "adviser.candidates: a whole number is expected");
    a->candidates = (int)candidates;
    return 0;
}
