/* cmd_rules: `hypertop rules --dry-run FILE`: which alerts a recording gives, by its own rules (sweep file, `:rule`) and by those of
 * the command line. Nothing is told to anybody and nothing is paused. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "hub/alerts.h"
#include "hub/cmd.h"
#include "hub/views.h"
#include "proto/safe_text.h"

#define RULES_MAX 32

struct rules_options {
    const char *file;
    char *rules[RULES_MAX];
    int n_rules;
    bool json;
};

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "hypertop rules: %s%s; usage: hypertop rules --dry-run FILE [--rule RULE]... [--json]\n", what, arg);
    return 2;
}

/* The value of an option, in the same word behind = or in the next one; NULL: another option. "" when it is missing. */
static const char *value_of(int argc, char **argv, int *i, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(argv[*i], name, n) != 0 || (argv[*i][n] && argv[*i][n] != '='))
        return NULL;
    if (argv[*i][n] == '=')
        return argv[*i] + n + 1;
    return *i + 1 < argc ? argv[++*i] : "";
}

static int parse(int argc, char **argv, struct rules_options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *v;
        if (strcmp(argv[i], "--json") == 0) {
            o->json = true;
        } else if ((v = value_of(argc, argv, &i, "--dry-run"))) {
            if (o->file)
                return usage("one recording at a time, not also ", v);
            if (!*v)
                return usage("--dry-run needs the path of a recording", "");
            o->file = v;
        } else if ((v = value_of(argc, argv, &i, "--rule"))) {
            if (o->n_rules == RULES_MAX)
                return usage("too many rules", "");
            o->rules[o->n_rules++] = (char *)v;
        } else {
            return usage(argv[i][0] == '-' ? "unknown option " : "unexpected word ", argv[i]);
        }
    }
    return o->file ? 0 : usage("which recording? --dry-run names it", "");
}

static void put_json(const struct alert *a, struct buf *b)
{
    struct json_out j;
    char time[CLOCK_TEXT];
    clock_rfc3339(time, a->time);
    jw_open(&j, b);
    jw_object(&j);
    jw_key(&j, "time");
    jw_str(&j, time);
    jw_key(&j, "rule");
    jw_str(&j, a->rule->text);
    jw_key(&j, "trial");
    if (a->trial >= 0)
        jw_int(&j, a->trial);
    else
        jw_null(&j);
    jw_key(&j, "text");
    jw_str(&j, a->text);
    jw_key(&j, "then");
    if (a->rule->pause)
        jw_str(&j, "pause");
    else
        jw_null(&j);
    jw_object_end(&j);
}

static void put_text(const struct alert *a, struct buf *b)
{
    char time[CLOCK_TEXT];
    clock_rfc3339(time, a->time);
    buf_printf(b, "%s  ", time);
    if (a->trial >= 0)
        buf_printf(b, "t%-5" PRId64 " ", a->trial);
    else
        buf_puts(b, "       ");
    safe_text_buf(b, a->text, strlen(a->text), -1);
    if (a->rule->pause)
        buf_puts(b, "; would pause it");
    buf_puts(b, "  (");
    safe_text_buf(b, a->rule->text, strlen(a->rule->text), -1);
    buf_puts(b, ")");
}

static int print(const struct rules_options *o, const struct alert *list, int n, int rules)
{
    struct buf b = {0};
    for (int i = 0; i < n; i++) {
        buf_clear(&b);
        if (o->json)
            put_json(&list[i], &b);
        else
            put_text(&list[i], &b);
        printf("%s\n", buf_cstr(&b));
    }
    buf_release(&b);
    if (!o->json)
        printf("%d alert%s of %d rule%s\n", n, n == 1 ? "" : "s", rules, rules == 1 ? "" : "s");
    return fflush(stdout) == 0 ? 0 : 1;
}

static int fail(char *cause)
{
    struct buf b = {0};
    safe_text_buf(&b, cause, strlen(cause), -1);
    fprintf(stderr, "hypertop rules: %s\n", buf_cstr(&b));
    buf_release(&b);
    free(cause);
    return 1;
}

/* A rule that does not parse is wrong usage, found before the recording is read. */
static int check_rules(const struct rules_options *o)
{
    for (int i = 0; i < o->n_rules; i++) {
        struct alert_rule rule;
        char *cause = NULL;
        if (alert_rule_parse(&rule, o->rules[i], &cause) < 0) {
            fail(cause);
            return 2;
        }
        alert_rule_release(&rule);
    }
    return 0;
}

int cmd_rules(int argc, char **argv)
{
    struct rules_options o = {0};
    char *cause = NULL;
    int rc = parse(argc, argv, &o);
    rc = rc ? rc : check_rules(&o);
    if (rc)
        return rc;
    struct sweep_ref *ref = sweep_ref_load(o.file, &cause);
    if (!ref)
        return fail(cause);
    if (ref->warning)
        fprintf(stderr, "hypertop rules: %s: %s\n", o.file, ref->warning);
    struct alert *list;
    struct alert_count counts[ALERT_RULES];
    int64_t end = ref->state->last_time;
    int n = alert_list(ref->alerts, ref, STATE_NOW, end, o.rules, o.n_rules, &list, NULL);
    int rules = alert_rules(ref->alerts, ref, STATE_NOW, counts) + o.n_rules;
    rc = print(&o, list, n, rules);
    free(list);
    sweep_ref_free(ref);
    return rc;
}
