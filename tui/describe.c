/* describe: asks for one view and says it in words. */
#include "tui/describe.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/text.h"
#include "tui/say.h"

#define ASK_TIMEOUT (10 * CLOCK_S)

static int ask(struct client *c, const char *view, const char *sweep, int64_t trial, struct buf *frame,
               struct message *m, char **cause)
{
    struct buf b = {0};
    struct codec_writer w;
    cw_init(&w, &b);
    cw_map(&w, trial >= 0 ? 3 : 2);
    cw_kstr(&w, "view", view);
    cw_kstr(&w, "sweep", sweep ? sweep : "");
    if (trial >= 0)
        cw_kint(&w, "trial", trial);
    int rc = client_ask(c, MSG_VIEW, (struct span){(char *)b.data, b.len}, ASK_TIMEOUT, frame, m, cause);
    buf_release(&b);
    return rc;
}

static struct span first_part(struct span body)
{
    struct span parts = cmap_value(body, "parts");
    struct codec_reader r;
    cr_init(&r, parts.p, parts.n);
    if (!parts.n || cr_array(&r) == 0 || cr_array(&r) != 2)
        return (struct span){0};
    cr_skip(&r);
    struct span value = cr_value(&r);
    return cr_ok(&r) ? value : (struct span){0};
}

static bool filled(struct span value)
{
    return value.n && (uint8_t)value.p[0] != 0xc0; /* nil */
}

/* " LABEL VALUE" when there is a value. */
static void put(struct buf *b, const char *label, struct span value)
{
    if (!filled(value))
        return;
    buf_puts(b, label);
    say_value(b, value);
}

static void put_counts(struct buf *b, struct span head)
{
    struct span counts = cmap_value(head, "counts");
    struct codec_reader r;
    bool any = false;
    cr_init(&r, counts.p, counts.n);
    for (size_t n = counts.n ? cr_map(&r) : 0; n > 0 && cr_ok(&r); n--) {
        struct span state = cr_str(&r);
        int64_t count = cr_int(&r);
        if (count <= 0)
            continue;
        buf_printf(b, "%s%" PRId64 " ", any ? ", " : " ", count);
        say_put(b, state);
        any = true;
    }
    buf_puts(b, any ? ".\n" : " none yet.\n");
}

static void put_sweep(struct buf *b, struct span head)
{
    put(b, "Sweep ", cmap_value(head, "sweep"));
    put(b, " is ", cmap_value(head, "state"));
    put(b, ", tuned by ", cmap_value(head, "tuner"));
    put(b, ", goal ", cmap_value(head, "goal"));
    put(b, " ", cmap_value(head, "metric"));
    buf_puts(b, ".\nTrials:");
    put_counts(b, head);
    if (filled(cmap_value(head, "best_trial"))) {
        put(b, "Best: trial ", cmap_value(head, "best_trial"));
        put(b, " with ", cmap_value(head, "best"));
        put(b, ", at ", cmap_value(head, "best_params"));
        buf_puts(b, ".\n");
    }
    put(b, "Recording: ", cmap_value(head, "recording"));
    buf_puts(b, ".\n");
    struct span warning = cmap_value(head, "warning");
    put(b, "Warning: ", warning);
    buf_puts(b, filled(warning) ? ".\n" : "");
}

static void put_trial(struct buf *b, struct span row, int64_t trial)
{
    buf_printf(b, "Trial %" PRId64, trial);
    put(b, " is ", cmap_value(row, "state"));
    put(b, " at step ", cmap_value(row, "step"));
    put(b, ", value ", cmap_value(row, "value"));
    put(b, ".\nParameters: ", cmap_value(row, "params"));
    put(b, ".\nIt came from: ", cmap_value(row, "origin"));
    struct span why = cmap_value(row, "why");
    if (why.n > 1)
        put(b, "; ", why);
    buf_puts(b, ".\n");
    struct span note = cmap_value(row, "note");
    if (note.n > 1) {
        put(b, "Note: ", note);
        buf_puts(b, ".\n");
    }
}

int describe(struct client *c, const char *sweep, const char *trial, struct buf *out, char **cause)
{
    struct buf frame = {0};
    struct message m;
    int64_t id = -1;
    int rc = 0;

    if (trial && (!text_int(trial + (trial[0] == 't'), &id) || id < 0))
        return cause_set(cause, "describe: '%s' is not a trial; write 17 or t17", trial);
    rc = ask(c, id >= 0 ? "trial" : "summary", sweep, id, &frame, &m, cause);
    if (rc == 0 && id < 0)
        put_sweep(out, cmap_value(m.body, "head"));
    if (rc == 0 && id >= 0) {
        struct span row = first_part(m.body);
        if (row.n)
            put_trial(out, row, id);
        else
            rc = cause_set(cause, "describe: there is no trial %" PRId64, id);
    }
    buf_release(&frame);
    return rc;
}
