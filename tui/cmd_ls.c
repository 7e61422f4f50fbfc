/* cmd_ls: prints one of the hub's views: a table for people, JSON lines for programs. A recording is served by a private
 * hub of ours, so that a file and a live sweep are listed by the same code. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "tui/cmd_list.h"
#include "tui/listing.h"
#include "tui/say.h"

/* The path of a recording rather than a sweep's name. */
static bool is_file(const char *sweep)
{
    size_t n = sweep ? strlen(sweep) : 0;
    bool looks = n > 5 && strcmp(sweep + n - 5, ".mcap") == 0;
    return sweep && (looks || strchr(sweep, '/')) && (looks || access(sweep, F_OK) == 0);
}

static int parse_view(const struct cmd_call *call, const struct listing **l)
{
    const char *word = call->set.n_words ? call->set.words[0] : "sweeps";
    *l = listing_find(word);
    if (*l)
        return EXIT_DONE;
    const char *near = listing_nearest(word);
    if (near)
        return cmd_error(call, EXIT_USAGE, "'%s' cannot be listed: did you mean %s?", word, near);
    return cmd_error(call, EXIT_USAGE, "'%s' cannot be listed: one of %s is needed", word, call->cmd->list);
}

int cmd_ls(struct cmd_call *call)
{
    const struct listing *l;
    struct listing_query q = {
        .sweep = opt_text(&call->set, "sweep"),
        .filter = opt_text(&call->set, "filter"),
        .sort = opt_text(&call->set, "sort"),
        .cursor = -1,
    };
    const char *as_of = opt_text(&call->set, "as-of"), *file = is_file(q.sweep) ? q.sweep : NULL;
    struct buf out = {0};
    char *cause = NULL;

    int rc = parse_view(call, &l);
    if (rc != EXIT_DONE)
        return rc;
    if (as_of && !clock_parse(as_of, &q.cursor))
        return cmd_error(call, EXIT_USAGE, "--as-of '%s': a time like 2026-01-31T14:21:07Z or seconds since 1970 is needed", as_of);
    if (file)
        q.sweep = NULL;
    rc = cmd_connect(call, file, false);
    if (rc != EXIT_DONE)
        return rc;
    if (listing_print(call->client, l, &q, opt_flag(&call->set, "json"), &out, &cause) != 0)
        rc = cmd_cause(call, EXIT_FAILED, cause);
    else if (!say_flush(&out, STDOUT_FILENO))
        rc = EXIT_FAILED;
    buf_release(&out);
    return rc;
}
