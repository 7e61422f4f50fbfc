/* listing: see listing.h. A view's rows already carry the JSON keys; here only the times change form (the wire has
 * nanoseconds, JSON has RFC 3339) and people get fewer columns. */
#include "tui/listing.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tui/client.h"
#include "tui/nearest.h"
#include "tui/say.h"

#define PAGE         1000 /* rows in one answer: stays far below the message bound */
#define ASK_TIMEOUT  (30 * CLOCK_S)

static const char *const sweeps[] = {"sweep", "state", ">trials", ">running", ">best", ">best_trial", "goal", "tuner",
                                     "started", NULL};
static const char *const trials[] = {"trial", "state", ">value", ">step", "params", "origin", ">runs", ">seconds", "tags",
                                     NULL};
static const char *const runs[] = {">run", "trial", ">seed", "state", "worker", ">pid", ">exit", ">epoch", NULL};
static const char *const arms[] = {"bandit", ">arm", "label", ">pulls", ">mean", ">low", ">high", ">p_next", ">p_best",
                                   "banned", "pinned", ">boost", NULL};
static const char *const workers[] = {"worker", "host", ">pid", ">slots", ">busy", "state", "last_seen", NULL};
static const char *const interventions[] = {">id", "time", "who", "verb", "target", "args", "state", "message",
                                            ">applied_step", ">undo_of", "reason", NULL};
static const char *const metrics[] = {"trial", ">run", "metric", ">count", ">first_step", ">last_step", ">first", ">last",
                                      ">min", ">max", NULL};

const struct listing listings[] = {
    {"sweeps", "one search each, newest last", sweeps, false},
    {"trials", "configurations with their state and value", trials, true},
    {"runs", "executions of trials, one for each seed", runs, false},
    {"arms", "what the bandits can pull", arms, false},
    {"workers", "processes that execute runs", workers, false},
    {"interventions", "what people told the hub to do", interventions, false},
    {"metrics", "metrics of each run with their range", metrics, false},
    {NULL, NULL, NULL, false},
};

const struct listing *listing_find(const char *view)
{
    for (const struct listing *l = listings; l->view; l++)
        if (strcmp(l->view, view) == 0)
            return l;
    return NULL;
}

static const char *ith_view(const void *arg, int i)
{
    return listings[i].view;
}

const char *listing_nearest(const char *word)
{
    return nearest_word(word, ith_view, NULL);
}

/* ---- asking ---- */

static void put_request(struct buf *b, const struct listing *l, const struct listing_query *q, int64_t from)
{
    struct codec_writer w;
    buf_clear(b);
    cw_init(&w, b);
    cw_map(&w, 7);
    cw_kstr(&w, "view", l->view);
    cw_kstr(&w, "sweep", q->sweep ? q->sweep : "");
    cw_kint(&w, "cursor", q->cursor);
    cw_kstr(&w, "filter", q->filter ? q->filter : "");
    cw_kstr(&w, "sort", q->sort ? q->sort : "");
    cw_kint(&w, "from", from);
    cw_kint(&w, "rows", l->pages ? PAGE : 0);
}

/* Calls row for each part in order; returns how many there were. */
static int each_part(struct span body, void (*row)(void *arg, struct span value), void *arg)
{
    struct span parts = cmap_value(body, "parts");
    struct codec_reader r;
    int n = 0;

    if (!parts.n)
        return 0;
    cr_init(&r, parts.p, parts.n);
    for (size_t left = cr_array(&r); left > 0 && cr_array(&r) == 2; left--, n++) {
        cr_skip(&r);
        struct span value = cr_value(&r);
        if (!cr_ok(&r))
            break;
        row(arg, value);
    }
    return n;
}

int listing_rows(struct client *c, const struct listing *l, const struct listing_query *q,
                 void (*row)(void *arg, struct span value), void *arg, char **cause)
{
    struct buf request = {0}, frame = {0};
    struct message m;
    int64_t from = 0, count = 0;
    int rc;

    do {
        put_request(&request, l, q, from);
        rc = client_ask(c, MSG_VIEW, (struct span){(char *)request.data, request.len}, ASK_TIMEOUT, &frame, &m, cause);
        if (rc != 0)
            break;
        int got = each_part(m.body, row, arg);
        count = cmap_int(m.body, "count", got);
        from += got;
        if (got == 0 || !l->pages)
            break;
    } while (from < count);
    buf_release(&request);
    buf_release(&frame);
    return rc;
}

/* ---- writing ---- */

static bool is_time(struct span key)
{
    static const char *const keys[] = {"time", "started", "last_seen", "changed"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (span_eq(key, keys[i]))
            return true;
    return false;
}

static bool time_of(struct span key, struct span value, int64_t *ns)
{
    struct codec_reader r;
    if (!is_time(key))
        return false;
    cr_init(&r, value.p, value.n);
    enum codec_type type = cr_peek(&r);
    *ns = type == CT_INT || type == CT_UINT ? cr_int(&r) : -1;
    return *ns > 0 && cr_ok(&r);
}

void listing_json(struct buf *out, struct span row)
{
    struct json_out j;
    struct codec_reader r;
    char text[CLOCK_TEXT];
    int64_t ns;

    json_open(&j, out);
    json_object(&j);
    cr_init(&r, row.p, row.n);
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        struct span key = cr_str(&r), value = cr_value(&r);
        if (!cr_ok(&r))
            break;
        json_keyn(&j, key.p, key.n);
        if (time_of(key, value, &ns)) {
            clock_rfc3339(text, ns);
            json_str(&j, text);
        } else {
            codec_to_json(value, &j);
        }
    }
    json_object_end(&j);
    buf_putc(out, '\n');
}

/* Times of today as HH:MM:SS, others with their day. */
static void put_time(struct buf *b, int64_t ns)
{
    char text[CLOCK_TEXT];
    int64_t day = 24 * 3600 * CLOCK_S, age = clock_wall_ns() - ns;
    if (age > -CLOCK_S && age < day) {
        clock_hms(text, ns);
        buf_puts(b, text);
    } else {
        clock_rfc3339(text, ns);
        buf_printf(b, "%.10s %.8s", text, text + 11);
    }
}

static void put_cell(struct buf *b, const char *key, struct span value)
{
    struct span name = {key, strlen(key)};
    int64_t ns;
    struct codec_reader r;

    cr_init(&r, value.p, value.n);
    enum codec_type type = value.n ? cr_peek(&r) : CT_NIL;
    bool number = type == CT_INT || type == CT_UINT;
    if (number && (span_eq(name, "trial") || span_eq(name, "best_trial")))
        buf_putc(b, 't');
    if (value.n && time_of(name, value, &ns))
        put_time(b, ns);
    else
        say_value(b, value);
    if (b->len == 0)
        buf_putc(b, '-');
}

void listing_cells(struct grid *t, const struct listing *l, struct span row)
{
    struct buf b = {0};
    for (int i = 0; l->columns[i]; i++) {
        const char *key = l->columns[i] + (l->columns[i][0] == '>');
        buf_clear(&b);
        put_cell(&b, key, cmap_value(row, key));
        grid_cell(t, (const char *)b.data, b.len);
    }
    buf_release(&b);
}

struct printing {
    const struct listing *l;
    struct buf *out;
    struct grid grid;
    bool as_json;
};

static void print_row(void *arg, struct span row)
{
    struct printing *p = arg;
    if (p->as_json)
        listing_json(p->out, row);
    else
        listing_cells(&p->grid, p->l, row);
}

int listing_print(struct client *c, const struct listing *l, const struct listing_query *q, bool as_json, struct buf *out,
                  char **cause)
{
    struct printing p = {.l = l, .out = out, .as_json = as_json};
    grid_open(&p.grid, l->columns);
    int rc = listing_rows(c, l, q, print_row, &p, cause);
    if (as_json || rc != 0)
        buf_release(&p.grid.text);
    else
        grid_close(&p.grid, out);
    return rc;
}
