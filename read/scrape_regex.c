/* scrape_regex: the user's own expressions. The one file that knows PCRE2. A match that would take too long is given up: a line
 * may cost some milliseconds at the very most, whatever the expression. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

#include "read/scrape_parts.h"
#include "base/cause.h"
#include "base/mem.h"

#define MATCH_LIMIT 100000 /* steps of the matcher */
#define DEPTH_LIMIT 2000

struct scrape_regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
    const unsigned char *names; /* of the groups: number (2 bytes), name, NUL; n_names entries of width bytes */
    uint32_t n_names, width;
};

struct scrape_regex *scrape_regex_new(const char *pattern, char **cause)
{
    int error;
    PCRE2_SIZE at;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_DUPNAMES | PCRE2_NO_AUTO_POSSESS, &error, &at, NULL);
    if (!code) {
        unsigned char why[160] = "";
        pcre2_get_error_message(error, why, sizeof why);
        cause_set(cause, "parse: '%.200s' is no regular expression: %s at character %zu", pattern, (char *)why, (size_t)at);
        return NULL;
    }
    struct scrape_regex *x = MEM_NEW(struct scrape_regex);
    x->code = code;
    pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &x->n_names);
    pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &x->width);
    pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &x->names);
    x->data = pcre2_match_data_create_from_pattern(code, NULL);
    x->limits = pcre2_match_context_create(NULL);
    if (!x->data || !x->limits)
        mem_fail(0);
    pcre2_set_match_limit(x->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(x->limits, DEPTH_LIMIT);
    if (x->n_names)
        return x;
    cause_set(cause, "parse: '%.200s' has no named group; write (?<loss>...) around the number", pattern);
    scrape_regex_free(x);
    return NULL;
}

void scrape_regex_free(struct scrape_regex *x)
{
    if (!x)
        return;
    pcre2_match_data_free(x->data);
    pcre2_match_context_free(x->limits);
    pcre2_code_free(x->code);
    free(x);
}

static void take_groups(struct scrape_regex *x, const char *line, int groups, struct scrape_found *f)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(x->data);
    for (uint32_t i = 0; i < x->n_names; i++) {
        const unsigned char *entry = x->names + i * x->width;
        int group = entry[0] << 8 | entry[1];
        double value;
        if (group >= groups || at[2 * group] == PCRE2_UNSET || at[2 * group + 1] <= at[2 * group])
            continue;
        const char *p = line + at[2 * group], *end = line + at[2 * group + 1];
        if (scrape_number(p, end, &value) == (size_t)(end - p))
            scrape_put(f, (const char *)entry + 2, value);
    }
}

bool scrape_regex_line(struct scrape_regex *x, const char *line, size_t n, struct scrape_found *f)
{
    bool any = false;
    size_t from = 0;
    for (int k = 0; k < SCRAPE_PAIRS && from <= n; k++) {
        int groups = pcre2_match(x->code, (PCRE2_SPTR)line, n, from, 0, x->data, x->limits);
        if (groups <= 0)
            break;
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(x->data);
        take_groups(x, line, groups, f);
        any = true;
        from = at[1] > from ? at[1] : from + 1;
    }
    return any && f->n > 0;
}
