/* sweep_wrap: the keys of `hypertop:` that say how a program which knows nothing of us is treated: parse (what its output means),
 * signals, params_file, jsonl, energy. They are checked here, where their line is known, and travel to the worker as one map in every
 * lease (agent/wrap.h). */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/sweep_own.h"
#include "proto/codec.h"
#include "read/scrape.h"

static int bad(struct sweep_reader *r, const struct yaml_node *node, char *why)
{
    sweepfile_error(r, node, "%s", why);
    free(why);
    return -1;
}

static int read_rule(struct sweep_reader *r, const struct yaml_node *node, struct codec_writer *w)
{
    char *why = NULL;
    if (node->kind != YAML_SCALAR)
        return sweepfile_error(r, node, "parse: a regular expression or the name of a reading is expected");
    if (scrape_check(node->text, &why) != 0)
        return bad(r, node, why);
    cw_str(w, node->text);
    return 0;
}

static int read_parse(struct sweep_reader *r, const struct yaml_node *node, struct codec_writer *w)
{
    int n = node->kind == YAML_LIST ? node->n : 1, rc = 0;
    if (n < 1 || n > SCRAPE_RULES)
        return sweepfile_error(r, node, "parse: between 1 and %d rules", SCRAPE_RULES);
    cw_str(w, "parse");
    cw_array(w, (size_t)n);
    for (int i = 0; i < n && rc == 0; i++)
        rc = read_rule(r, node->kind == YAML_LIST ? node->items[i] : node, w);
    return rc;
}

static bool is_signal(const char *name)
{
    name += strncmp(name, "SIG", 3) ? 0 : 3;
    for (int s = 1; s < NSIG; s++)
        if (sigabbrev_np(s) && strcmp(sigabbrev_np(s), name) == 0)
            return true;
    return false;
}

static int word(struct sweep_reader *r, const struct yaml_node *node, const char *key, const char *const *allowed,
                struct codec_writer *w)
{
    bool known = node->kind == YAML_SCALAR && !allowed && is_signal(node->text);
    for (int i = 0; node->kind == YAML_SCALAR && allowed && allowed[i]; i++)
        known |= strcmp(node->text, allowed[i]) == 0;
    if (!known)
        return sweepfile_error(r, node, "signals.%s: %s is expected", key,
                               allowed ? "auto, stop or none" : "the name of a signal, USR1 say,");
    cw_kstr(w, key, node->text);
    return 0;
}

static int number(struct sweep_reader *r, const struct yaml_node *node, const char *key, double low, double high, double *x)
{
    if (sweepfile_number(r, node, key, x) < 0)
        return -1;
    return *x >= low && *x <= high ? 0 : sweepfile_error(r, node, "%s: a number from %g to %g", key, low, high);
}

static int read_signals(struct sweep_reader *r, const struct yaml_node *node, struct codec_writer *w, int *pairs)
{
    static const char *const pauses[] = {"auto", "stop", "none", NULL};
    double grace;
    if (node->kind != YAML_MAP)
        return sweepfile_error(r, node, "signals: a map of pause, checkpoint and grace is expected");
    for (int i = 0; i < node->n; i++) {
        const char *key = node->keys[i]->text;
        const struct yaml_node *value = node->items[i];
        int rc = 0;
        if (!strcmp(key, "pause"))
            rc = word(r, value, key, pauses, w);
        else if (!strcmp(key, "checkpoint"))
            rc = word(r, value, key, NULL, w);
        else if (!strcmp(key, "grace") && (rc = number(r, value, "signals.grace", 1, 86400, &grace)) == 0)
            cw_kint(w, "grace", (int64_t)grace);
        else if (strcmp(key, "grace")) {
            sweepfile_warn(r, node->keys[i], "unknown key \"hypertop.signals.%s\"", key);
            continue;
        }
        if (rc < 0)
            return -1;
        ++*pairs;
    }
    return 0;
}

static int read_energy(struct sweep_reader *r, const struct yaml_node *node, struct codec_writer *w, int *pairs)
{
    if (node->kind != YAML_MAP)
        return sweepfile_error(r, node, "energy: a map of intensity (g CO2e a kWh) and pue is expected");
    for (int i = 0; i < node->n; i++) {
        const char *key = node->keys[i]->text;
        bool intensity = !strcmp(key, "intensity");
        double x;
        if (!intensity && strcmp(key, "pue")) {
            sweepfile_warn(r, node->keys[i], "unknown key \"hypertop.energy.%s\"", key);
            continue;
        }
        if (number(r, node->items[i], intensity ? "energy.intensity" : "energy.pue", intensity ? 0 : 1, intensity ? 1e5 : 100,
                   &x) < 0)
            return -1;
        cw_kdouble(w, key, x);
        ++*pairs;
    }
    return 0;
}

static int read_file(struct sweep_reader *r, const struct yaml_node *node, struct codec_writer *w)
{
    const char *dot = node->kind == YAML_SCALAR ? strrchr(node->text, '.') : NULL;
    if (!dot || (strcmp(dot, ".json") && strcmp(dot, ".yaml") && strcmp(dot, ".yml")))
        return sweepfile_error(r, node, "params_file: the name of a file that ends in .json, .yaml or .yml is expected");
    cw_kstr(w, "params_file", node->text);
    return 0;
}

static int read_flag(struct sweep_reader *r, const struct yaml_node *node, struct codec_writer *w)
{
    bool on = node->kind == YAML_SCALAR && !strcmp(node->text, "true");
    if (!on && (node->kind != YAML_SCALAR || strcmp(node->text, "false")))
        return sweepfile_error(r, node, "jsonl: true or false");
    cw_kbool(w, "jsonl", on);
    return 0;
}

bool sweep_wrap_key(const char *key)
{
    static const char *const keys[] = {"parse", "signals", "params_file", "jsonl", "energy"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

int sweep_wrap_read(struct sweep_reader *r, const struct yaml_node *own, struct sweepfile *f)
{
    struct buf b = {0};
    struct codec_writer w;
    int pairs = 0, rc = 0;
    const struct yaml_node *node;
    cw_init(&w, &b);
    if ((node = yaml_get(own, "parse")) && ++pairs)
        rc = read_parse(r, node, &w);
    if (rc == 0 && (node = yaml_get(own, "signals")))
        rc = read_signals(r, node, &w, &pairs);
    if (rc == 0 && (node = yaml_get(own, "params_file")) && ++pairs)
        rc = read_file(r, node, &w);
    if (rc == 0 && (node = yaml_get(own, "jsonl")) && ++pairs)
        rc = read_flag(r, node, &w);
    if (rc == 0 && (node = yaml_get(own, "energy")))
        rc = read_energy(r, node, &w, &pairs);
    if (rc == 0 && pairs) {
        cw_init(&w, &f->wrap);
        cw_map(&w, (size_t)pairs);
        cw_raw(&w, b.data, b.len);
    }
    buf_release(&b);
    return rc;
}

/* What the lease says: the keys of the file and the objective's name. */
void sweep_wrap_lease(const struct sweepfile *f, struct codec_writer *w)
{
    struct codec_reader r;
    cr_init(&r, f->wrap.data, f->wrap.len);
    size_t pairs = f->wrap.len ? cr_map(&r) : 0;
    cw_str(w, "wrap");
    cw_map(w, pairs + 1);
    cw_kstr(w, "metric", f->metric);
    if (pairs)
        cw_raw(w, r.p, (size_t)(r.end - r.p));
}

void sweep_wrap_json(const struct sweepfile *f, struct json_out *out)
{
    if (!f->wrap.len)
        return;
    jw_key(out, "wrap");
    codec_to_json((struct span){(const char *)f->wrap.data, f->wrap.len}, out);
}
