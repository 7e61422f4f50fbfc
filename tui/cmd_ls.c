/* cmd_ls: prints one of the hub's views: a table for people, JSON lines for programs. A recording needs no
 * hub: hypertop-hub reads it and prints it with the same functions (proto/row_print.h). */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/text.h"
#include "tui/cmd_list.h"
#include "tui/listing.h"
#include "tui/say.h"

#define ASK_TIMEOUT (10 * CLOCK_S)

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

static bool parse_percent(const char *text, double *percent)
{
    char number[TEXT_NUM];
    size_t n = strlen(text);
    if (n < 2 || n > sizeof number || text[n - 1] != '%')
        return false;
    memcpy(number, text, n - 1);
    number[n - 1] = '\0';
    return text_double(number, percent) && *percent >= 0 && *percent <= 100;
}

/* The time at this share of the sweep's length so far. */
static int time_at(struct client *c, const char *sweep, double percent, int64_t *t, char **cause)
{
    struct buf b = {0}, frame = {0};
    struct codec_writer w;
    struct message m;

    cw_init(&w, &b);
    cw_map(&w, 2);
    cw_kstr(&w, "view", "summary");
    cw_kstr(&w, "sweep", sweep ? sweep : "");
    int rc = client_ask(c, MSG_VIEW, (struct span){(char *)b.data, b.len}, ASK_TIMEOUT, &frame, &m, cause);
    if (rc == 0) {
        struct span head = cmap_value(m.body, "head");
        int64_t first = cmap_int(head, "first", 0), last = cmap_int(head, "last", 0);
        *t = first + (int64_t)((double)(last - first) * percent / 100);
    }
    buf_release(&b);
    buf_release(&frame);
    return rc;
}

static int of_recording(const struct cmd_call *call)
{
    static const char *const names[] = {"sweep", "filter", "sort", "as-of", "x", "y", "layer", "by"};
    static const char *const spelled[] = {"--sweep", "--filter", "--sort", "--as-of", "--x", "--y", "--layer", "--by"};
    enum { N = sizeof names / sizeof *names };
    char *words[2 * N + 2];
    int n = 0;

    if (call->set.n_words)
        words[n++] = (char *)call->set.words[0];
    for (int i = 0; i < N; i++) {
        const char *value = opt_text(&call->set, names[i]);
        if (!value)
            continue;
        words[n++] = (char *)spelled[i];
        words[n++] = (char *)value;
    }
    if (opt_flag(&call->set, "json"))
        words[n++] = (char *)"--json";
    return cmd_exec_hub(call, "ls", n, words);
}

static int terminal_width(void)
{
    struct winsize ws;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 ? ws.ws_col : 0;
}

static int of_hub(struct cmd_call *call, const struct listing *l, struct listing_query *q, double percent)
{
    struct buf out = {0};
    char *cause = NULL;
    int rc = cmd_connect(call, NULL, false);

    if (rc != EXIT_DONE)
        return rc;
    if ((percent >= 0 && time_at(call->client, q->sweep, percent, &q->cursor, &cause) != 0) ||
        listing_print(call->client, l, q, opt_flag(&call->set, "json"), terminal_width(), &out, &cause) != 0)
        rc = cmd_cause(call, EXIT_FAILED, cause);
    else if (!say_flush(&out, STDOUT_FILENO))
        rc = EXIT_FAILED;
    buf_release(&out);
    return rc;
}

/* Options of one list alone. */
static int check_own(const struct cmd_call *call, const struct listing *l)
{
    static const char *const owned[][2] = {
        {"x", "landscape"}, {"y", "landscape"}, {"layer", "landscape"}, {"by", "edf"}};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        if (opt_text(&call->set, owned[i][0]) && strcmp(l->view, owned[i][1]) != 0)
            return cmd_error(call, EXIT_USAGE, "--%s belongs to ls %s, not to ls %s", owned[i][0], owned[i][1],
                             l->view);
    return EXIT_DONE;
}

int cmd_ls(struct cmd_call *call)
{
    const struct listing *l;
    const char *as_of = opt_text(&call->set, "as-of");
    double percent = -1;
    struct listing_query q = {
        .sweep = opt_text(&call->set, "sweep"),
        .filter = opt_text(&call->set, "filter"),
        .sort = opt_text(&call->set, "sort"),
        .x = opt_text(&call->set, "x"),
        .y = opt_text(&call->set, "y"),
        .layer = opt_text(&call->set, "layer"),
        .by = opt_text(&call->set, "by"),
        .cursor = -1,
    };

    int rc = parse_view(call, &l);
    rc = rc == EXIT_DONE ? check_own(call, l) : rc;
    if (rc != EXIT_DONE)
        return rc;
    if (as_of && !parse_percent(as_of, &percent) && (!clock_parse(as_of, &q.cursor) || q.cursor < 0))
        return cmd_error(
            call, EXIT_USAGE,
            "--as-of '%s': a time like 2026-01-31T14:21:07Z, seconds since 1970 or N%% is needed", as_of);
    if (is_file(q.sweep))
        return of_recording(call);
    return of_hub(call, l, &q, percent);
}
