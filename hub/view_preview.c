/* view_preview: what a command would do, in words, with nothing done. Of steering: which trials lie inside, which share of
 * the tuner's next proposals went and would go there (both sampled from copies of the tuner), what is to be expected
 * there. Of an edit: whether it can be done, and which trials it leaves outside. Only of a live sweep: a recording has no
 * tuner. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/view_parts.h"
#include "proto/verb.h"
#include "tune/tuner.h"

#define ASKS    24                 /* of each copy */
#define PATIENCE (150 * CLOCK_MS)  /* for the asks of one copy: a slow tuner is asked less often */

struct preview {
    struct buf text;
    int64_t *trials;
    int n_trials;
    double share, value; /* NaN unknown */
    bool ok;
    char *message;
};

static void preview_release(struct preview *p)
{
    buf_release(&p->text);
    free(p->trials);
    free(p->message);
}

/* How many of the next asks of a tuner (which is used up) lie in the region; how many asks there were in *asked. */
static int next_inside(struct tuner *t, const struct region *r, int *asked)
{
    const struct space *s = tuner_space(t);
    struct proposal p = {.dna = mem_zero((size_t)s->n + 1, sizeof(double))};
    int64_t until = clock_mono_ns() + PATIENCE;
    int inside = 0;
    *asked = 0;
    tuner_set_budget(t, -1);
    while (*asked < ASKS && tuner_ask(t, INT64_MAX - *asked, &p, NULL) == 0) {
        if (p.resume >= 0)
            break;
        inside += region_holds(r, s, p.dna);
        if (++*asked >= 4 && clock_mono_ns() > until)
            break;
    }
    free(p.dna);
    return inside;
}

static double share_of(struct tuner *t, const struct region *r)
{
    int asked, inside = t ? next_inside(t, r, &asked) : 0;
    return t && asked ? (double)inside / asked : NAN;
}

/* Median loss of the finished trials inside, in the user's sign. */
static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void look_inside(const struct tuner *t, const struct region *r, bool maximize, struct preview *p)
{
    const struct history *h = tuner_history(t);
    double *v = mem_zero((size_t)h->n + 1, sizeof *v);
    int n = 0;
    p->trials = mem_zero((size_t)h->n + 1, sizeof *p->trials);
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *tr = &h->trials[i];
        if (tr->end == END_FORGOTTEN || !region_holds(r, tuner_space(t), tr->dna))
            continue;
        p->trials[p->n_trials++] = tr->id;
        if (tr->end == END_DONE || tr->end == END_PRUNED)
            v[n++] = maximize ? -tr->loss : tr->loss;
    }
    qsort(v, (size_t)n, sizeof *v, by_value);
    p->value = n ? (n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2) : NAN;
    free(v);
}

static void say_share(struct preview *p, const char *before, double share)
{
    if (!isnan(share))
        buf_printf(&p->text, "%s%.0f %%", before, 100 * share);
}

static int words_inside(const struct tuner *t, const char *target, struct region *r, char **cause)
{
    const char *comma = strchr(target, ',');
    char *first = comma ? mem_strn(target, (size_t)(comma - target)) : mem_str(target);
    int rc = region_parse(r, tuner_space(t), first, cause);
    free(first);
    return rc;
}

/* ban, pin, boost, focus, quota and the like, on a region. */
static void preview_region(const struct view_request *rq, struct tuner *after, const char *target, struct preview *p)
{
    const struct tuner *t = rq->ref->tuner;
    struct region r;
    char *why = NULL;
    if (words_inside(t, target, &r, &why) < 0) {
        buf_puts(&p->text, "the tuner would heed it from the next trial on");
        free(why);
        return;
    }
    look_inside(t, &r, rq->s->info.maximize, p);
    struct tuner *now = tuner_copy(t, NULL);
    double before = share_of(now, &r);
    p->share = share_of(after, &r);
    tuner_free(now);
    buf_printf(&p->text, "%d trial%s inside", p->n_trials, p->n_trials == 1 ? "" : "s");
    if (!isnan(p->value))
        buf_printf(&p->text, ", median value %.4g", p->value);
    say_share(p, "; of the next proposals inside: now ", before);
    say_share(p, ", then ", p->share);
    region_release(&r);
}

/* space, freeze, thaw: trials that would lie outside. */
static void preview_space(struct tuner *after, struct preview *p)
{
    const struct history *h = tuner_history(after);
    double size = space_count(tuner_space(after));
    p->trials = mem_zero((size_t)h->n + 1, sizeof *p->trials);
    for (int i = 0; i < h->n; i++)
        if (h->trials[i].outside)
            p->trials[p->n_trials++] = h->trials[i].id;
    buf_printf(&p->text, "space version %d: %d of %d trials outside", tuner_space(after)->version, p->n_trials, h->n);
    if (isfinite(size))
        buf_printf(&p->text, ", %.6g configurations", size);
}

/* The verb on a copy of the tuner. */
static int apply(struct tuner *copy, const char *verb, const char *target, struct span args, char **cause)
{
    static const char *const numbers[] = {"for", "weight", "factor", "share", "count", "value"};
    struct steer_arg a[8] = {0};
    struct steer_request rq;
    struct codec_reader at;
    int n = 0;
    if (*target)
        a[n++] = (struct steer_arg){"target", tune_string(target)};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (args.n && cmap_find(args, numbers[i], &at))
            a[n++] = (struct steer_arg){numbers[i], tune_float(cmap_double(args, numbers[i], NAN))};
    int rc = steer_parse(verb, a, n, &rq, cause);
    for (int i = 0; i < n; i++)
        tune_value_free(&a[i].value);
    if (rc < 0)
        return -1;
    rc = tuner_steer(copy, &rq, NULL, cause);
    steer_request_release(&rq);
    return rc;
}

static int preview_steering(const struct view_request *rq, const struct verb_info *v, struct span body, struct preview *p)
{
    char *target = cmap_strdup(body, "target"), text[300];
    struct tuner *copy = tuner_copy(rq->ref->tuner, &p->message);
    int rc = copy ? apply(copy, v->name, target ? target : "", cmap_value(body, "args"), &p->message) : -1;
    if (rc == 0 && (v->verb == VERB_SPACE || v->verb == VERB_FREEZE || v->verb == VERB_THAW)) {
        preview_space(copy, p);
    } else if (rc == 0 && v->verb == VERB_TUNER) {
        tuner_describe(copy, text, sizeof text);
        buf_printf(&p->text, "from the next trial on: %s", text);
    } else if (rc == 0 && v->target == VT_ARM && target && *target) {
        preview_region(rq, copy, target, p);
    } else if (rc == 0) {
        buf_puts(&p->text, v->text);
    }
    if (copy)
        tuner_free(copy);
    free(target);
    return rc;
}

static bool is_steering(enum verb v)
{
    switch (v) {
    case VERB_BAN: case VERB_UNBAN: case VERB_PIN: case VERB_UNPIN: case VERB_BOOST: case VERB_EXPLORE: case VERB_FOCUS:
    case VERB_AVOID: case VERB_WEIGHT: case VERB_QUOTA: case VERB_SPACE: case VERB_FREEZE: case VERB_THAW: case VERB_TUNER:
    case VERB_HOLD: case VERB_STEP: case VERB_GO:
        return true;
    default:
        return false;
    }
}

static void preview_words(const struct view_request *rq, const char *line, struct preview *p)
{
    char **words = NULL;
    struct buf body = {0};
    struct codec_writer w;
    int n = verb_split(line, &words, &p->message);
    cw_init(&w, &body);
    cw_map(&w, VERB_FIELDS);
    p->ok = n >= 0 && verb_parse(n, words, &w, &p->message) == 0;
    const struct verb_info *v = p->ok ? verb_find(words[0]) : NULL;
    if (v && !is_steering(v->verb)) {
        buf_puts(&p->text, v->text);
    } else if (v && !rq->ref->tuner) {
        p->ok = false;
        p->message = mem_str("this sweep has no tuner now");
    } else if (v) {
        p->ok = preview_steering(rq, v, (struct span){(const char *)body.data, body.len}, p) == 0;
    }
    verb_words_free(words, n);
    buf_release(&body);
}

int view_preview(const struct view_request *rq, struct view_out *out, char **cause)
{
    char *line = cmap_strdup(rq->body, "words");
    struct preview p = {.share = NAN, .value = NAN};
    struct codec_writer w;
    (void)cause;
    preview_words(rq, line ? line : "", &p);
    view_head(out, &w, 6);
    cw_kstr(&w, "text", p.ok ? buf_cstr(&p.text) : "");
    cw_str(&w, "trials");
    cw_array(&w, (size_t)p.n_trials);
    for (int i = 0; i < p.n_trials; i++)
        cw_int(&w, p.trials[i]);
    view_kvalue(&w, "share", p.share);
    view_kvalue(&w, "value", p.value);
    cw_kbool(&w, "ok", p.ok);
    cw_kstr(&w, "message", p.message ? p.message : "");
    preview_release(&p);
    free(line);
    return 0;
}
