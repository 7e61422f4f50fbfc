#include "tui/panel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/safe_text.h"
#include "tui/plot_bars.h"
#include "tui/row.h"

void panel_rule(struct canvas *out, struct rect r, const char *title, const char *right, bool focus)
{
    if (r.h <= 0)
        return;
    canvas_hline(out, r.x, r.y, r.w, ST_BORDER);
    if (title && r.w > 6) {
        canvas_put(out, r.x + 1, r.y, ST_BORDER, ' ');
        style st = (style)(ST_TITLE | (focus ? ST_REVERSE : 0));
        int n = canvas_textn(out, r.x + 2, r.y, r.w - 4, st, title, strlen(title));
        canvas_put(out, r.x + 2 + n, r.y, ST_BORDER, ' ');
    }
    if (right && *right) {
        int n = canvas_columns(right, strlen(right)), t = title ? canvas_columns(title, strlen(title)) : 0;
        if (t + n + 8 <= r.w) {
            canvas_put(out, r.x + r.w - n - 2, r.y, ST_BORDER, ' ');
            canvas_text(out, r.x + r.w - n - 1, r.y, ST_DIM, right);
            canvas_put(out, r.x + r.w - 1, r.y, ST_BORDER, ' ');
        }
    }
}

struct rect panel_box(struct canvas *out, struct rect r, const char *title, const char *right, bool focus)
{
    struct rect in = canvas_box(out, r, title, right);
    if (focus && title && r.w > 6)
        canvas_flag(out, (struct rect){r.x + 3, r.y, canvas_columns(title, strlen(title)), 1}, ST_REVERSE);
    return in;
}

void panel_note(struct canvas *out, struct rect r, style st, const char *text)
{
    if (r.h <= 0 || r.w <= 0)
        return;
    int n = canvas_columns(text, strlen(text)), x = n < r.w ? (r.w - n) / 2 : 0;
    canvas_textn(out, r.x + x, r.y + r.h / 2, r.w - x, st, text, strlen(text));
}

/* While time plays every frame asks for another moment: there the last answer counts. */
const char *panel_empty(const struct console *c, enum sub_id id, const char *none)
{
    bool there = c->time.playing ? sub_any(&c->subs, id) : sub_loaded(&c->subs, id);
    return there ? none : "loading";
}

uint32_t panel_mark_glyph(int64_t id)
{
    return id >= 1 && id <= 20 ? 0x2460 + (uint32_t)(id - 1) : 0x25c6;
}

bool panel_concerns(struct span iv, int64_t trial)
{
    char want[24], verb[32] = "";
    struct span target = cmap_str(iv, "target");
    cmap_strcpy(iv, "verb", verb, sizeof verb);
    const struct verb_info *v = verb_find(verb);
    if (v && v->target != VT_TRIAL) /* arm 3 is not trial 3 */
        return false;
    int n = row_format(want, sizeof want, "%lld", (long long)trial);
    if (span_eq(target, "all"))
        return true;
    for (size_t i = 0; i < target.n;) {
        size_t from = i;
        while (i < target.n && target.p[i] != ',')
            i++;
        size_t len = i - from;
        if (len && target.p[from] == 't') {
            from++;
            len--;
        }
        if (len == (size_t)n && memcmp(target.p + from, want, len) == 0)
            return true;
        i++;
    }
    return false;
}

void panel_target(struct span row, char *out, size_t cap)
{
    char verb[32] = "", text[ROW_TEXT];
    cmap_strcpy(row, "verb", verb, sizeof verb);
    row_text(text, cmap_str(row, "target"), 60);
    const struct verb_info *v = verb_find(verb);
    size_t at = 0;
    out[0] = '\0';
    for (const char *p = text; *p && at + 3 < cap; p++) {
        bool first = p == text || p[-1] == ',';
        if (first && v && v->target == VT_TRIAL && *p >= '0' && *p <= '9')
            out[at++] = 't';
        out[at++] = *p;
        out[at] = '\0';
    }
}

static void change_params(struct span params, char *out, size_t cap)
{
    struct codec_reader r;
    cr_init(&r, params.p, params.n);
    size_t n = cr_peek(&r) == CT_MAP ? cr_map(&r) : 0, at = 0;
    for (size_t i = 0; i < n && cr_ok(&r) && at + 2 < cap; i++) {
        char name[ROW_TEXT], value[ROW_TEXT];
        row_text(name, cr_str(&r), 20);
        row_value(value, cr_value(&r), 16);
        int k = row_format(out + at, cap - at, "%s%s \u2192 %s", at ? ", " : "", name, value);
        at += k > 0 ? (size_t)k : 0;
    }
}

void panel_change(struct span row, char *out, size_t cap)
{
    char text[ROW_TEXT];
    struct span args = cmap_value(row, "args"), params = args.p ? cmap_value(args, "params") : args;
    out[0] = '\0';
    if (!args.p)
        return;
    if (params.p) {
        change_params(params, out, cap);
        return;
    }
    static const char *const keys[] = {"text", "factor", "value", "weight", "for", "id"};
    size_t at = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && at + 2 < cap; i++) {
        struct span v = cmap_value(args, keys[i]);
        row_value(text, v, 40);
        if (!text[0])
            continue;
        bool relative = strcmp(keys[i], "value") == 0 && cmap_bool(args, "relative", false) && text[0] != '-';
        const char *label = strcmp(keys[i], "for") == 0      ? "for "
                            : strcmp(keys[i], "weight") == 0 ? "\u00d7"
                            : relative                       ? "+"
                                                             : "";
        int k = row_format(out + at, cap - at, "%s%s%s", at ? " " : "", label, text);
        at += k > 0 ? (size_t)k : 0;
    }
}

/* ---- facts ---- */

void panel_facts_want(struct console *c)
{
    struct codec_writer w = sub_want(&c->subs, SUB_TRIAL, "trial", 1);
    cw_kint(&w, "trial", c->table.sel);
    sub_commit(&c->subs, SUB_TRIAL, 0, 2);
}

static struct span array_at(struct span list, int64_t i, size_t *count)
{
    struct codec_reader r;
    *count = 0;
    if (!list.p)
        return (struct span){NULL, 0};
    cr_init(&r, list.p, list.n);
    if (cr_peek(&r) != CT_ARRAY)
        return (struct span){NULL, 0};
    *count = cr_array(&r);
    int64_t at = i < 0 ? (int64_t)*count + i : i;
    struct span v = {NULL, 0};
    for (int64_t k = 0; k <= at && at < (int64_t)*count; k++)
        v = cr_value(&r);
    return v;
}

static int fact(struct canvas *out, struct rect r, int y, const char *name, const char *text)
{
    if (y >= r.h || !text[0])
        return y;
    int n = canvas_textn(out, r.x, r.y + y, r.w, ST_DIM, name, strlen(name));
    canvas_textn(out, r.x + n + 1, r.y + y, r.w - n - 1, ST_PLAIN, text, strlen(text));
    return y + 1;
}

static int facts_run(struct canvas *out, struct rect r, int y, struct span row)
{
    size_t n;
    struct span run = array_at(cmap_value(row, "runs"), -1, &n);
    char host[ROW_TEXT], worker[ROW_TEXT], text[600];
    if (!run.p)
        return y;
    row_text(host, cmap_str(run, "host"), 20);
    row_text(worker, cmap_str(run, "worker"), 20);
    int64_t pid = cmap_int(run, "pid", 0), dropped = cmap_int(run, "dropped", 0);
    row_format(text, sizeof text, "%s%s%s", host, host[0] && worker[0] ? " " : "", worker);
    if (pid > 0)
        row_format(text + strlen(text), sizeof text - strlen(text), " pid %lld", (long long)pid);
    if (n > 1)
        row_format(text + strlen(text), sizeof text - strlen(text), " \u00b7 %zu runs", n);
    if (dropped > 0)
        row_format(text + strlen(text), sizeof text - strlen(text), " \u00b7 %lld dropped",
                   (long long)dropped);
    return fact(out, r, y, "on", text);
}

static int facts_marks(const struct console *c, struct canvas *out, struct rect r, int y)
{
    for (int i = sub_rows(&c->subs, SUB_IVS); i-- > 0 && y < r.h;) {
        struct span iv = sub_row(&c->subs, SUB_IVS, i);
        if (!iv.p || !panel_concerns(iv, c->table.sel))
            continue;
        char who[ROW_TEXT], verb[ROW_TEXT], state[ROW_TEXT], change[160], clock[CLOCK_TEXT] = "";
        row_text(who, cmap_str(iv, "who"), 10);
        row_text(verb, cmap_str(iv, "verb"), 10);
        row_text(state, cmap_str(iv, "state"), 10);
        panel_change(iv, change, sizeof change);
        int64_t at = cmap_int(iv, "time", -1), step = cmap_int(iv, "applied_step", -1);
        if (at > 0)
            clock_hms(clock, at);
        clock[5] = '\0'; /* HH:MM */
        canvas_put(out, r.x, r.y + y, ST_MARK, panel_mark_glyph(cmap_int(iv, "id", 0)));
        char line[400];
        if (step >= 0)
            row_format(line, sizeof line, "%s %s %s %s @%lld", clock, who, change[0] ? change : verb, state,
                       (long long)step);
        else
            row_format(line, sizeof line, "%s %s %s %s", clock, who, change[0] ? change : verb, state);
        canvas_textn(out, r.x + 2, r.y + y, r.w - 2, ST_PLAIN, line, strlen(line));
        y++;
    }
    return y;
}

/* Why the trial is in the state it is in, in words, broken between words into at most `most` lines. */
static int facts_reason(struct canvas *out, struct rect r, int y, const struct trial_row *t, struct span row, int most)
{
    char text[ROW_TEXT], line[ROW_TEXT];
    bool bad = t->state->st == ST_FAILED || t->state->st == ST_LOST;
    row_text(text, cmap_str(row, "state_why"), 200);
    for (char *word = text; *word && most > 0 && y < r.h; most--, y++) {
        size_t n = 0;
        for (size_t next; word[n]; n = next) {
            next = n + strspn(word + n, " ");
            next += strcspn(word + next, " ");
            if (n > 0 && (int)next > r.w)
                break;
        }
        memcpy(line, word, n);
        line[n] = '\0';
        canvas_textn(out, r.x, r.y + y, r.w, bad ? ST_ERROR : ST_DIM, line, n);
        word += n + strspn(word + n, " ");
    }
    return y;
}

static void fact_progress(char *out, size_t cap, const struct trial_row *t, const char *took, int w)
{
    double end = round((double)t->step / t->progress);
    char a[AXIS_LABEL], b[AXIS_LABEL];
    axis_label(a, (double)t->step);
    axis_label(b, end);
    if (w >= 36)
        row_format(out, cap, "%lld of %.0f  took %s", (long long)t->step, end, took);
    else
        row_format(out, cap, "%s of %s  %s", a, b, took);
}

void panel_facts_draw(const struct console *c, struct canvas *out, struct rect r)
{
    struct rect old = canvas_clip(out, r);
    struct span row = sub_row(&c->subs, SUB_TRIAL, 0);
    struct trial_row t = table_selected(&c->table);
    char text[300], a[ROW_TEXT], b[32];
    if (t.trial < 0) {
        panel_note(out, r, ST_DIM, "no trial selected");
        canvas_clip(out, old);
        return;
    }
    int y = 0;
    if (r.h >= 3) {
        int w = r.w - 12 > 4 ? r.w - 12 : 0;
        canvas_put(out, r.x, r.y, t.state->st, t.state->glyph);
        canvas_text(out, r.x + 2, r.y, t.state->st, t.state->word);
        if (isfinite(t.progress) && w > 0) {
            bar_draw(out, r.x + 7, r.y, w, ST_SPARK, t.progress, true);
            canvas_printf(out, r.x + 8 + w, r.y, ST_PLAIN, "%.0f%%", floor(t.progress * 100 + 1e-9));
        }
        y = 1;
    }
    row_span(b, t.seconds);
    if (t.step >= 0 && t.progress > 0 && t.progress <= 1)
        fact_progress(text, sizeof text, &t, b, r.w);
    else if (t.step >= 0)
        row_format(text, sizeof text, "%lld  took %s", (long long)t.step, b);
    else
        row_format(text, sizeof text, "not started");
    y = fact(out, r, y, "step", text);
    if (row.p) {
        size_t n;
        y = facts_reason(out, r, y, &t, row, 3);
        y = facts_run(out, r, y, row);
        struct span run = array_at(cmap_value(row, "runs"), -1, &n);
        panel_host_text(c, run.p ? cmap_str(run, "host") : run, text, sizeof text);
        y = fact(out, r, y, "host", text);
        struct span ck = array_at(cmap_value(row, "checkpoints"), -1, &n);
        if (ck.p) {
            row_format(text, sizeof text, "@%lld", (long long)cmap_int(ck, "step", -1));
            y = fact(out, r, y, "ckpt", text);
        }
    }
    row_text(a, t.note, 80);
    y = fact(out, r, y, "note", a);
    facts_marks(c, out, r, y);
    canvas_clip(out, old);
}
