#include "hub/dump_event.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/text.h"
#include "proto/points.h"
#include "proto/safe_text.h"

static struct span columns_of(const struct event *ev)
{
    struct codec_reader r;
    if (!cmap_find(ev->body, "c", &r) || cr_peek(&r) != CT_BIN)
        return (struct span){NULL, 0};
    return cr_bin(&r);
}

static void json_time(struct json_out *j, const char *key, int64_t ns)
{
    char text[CLOCK_TEXT];
    clock_rfc3339(text, ns);
    jw_key(j, key);
    jw_str(j, text);
}

static void json_block(struct json_out *j, const struct point_block *p)
{
    jw_object(j);
    jw_key(j, "metric");
    jw_str(j, p->name);
    jw_key(j, "steps");
    jw_array(j);
    for (uint32_t i = 0; i < p->n; i++)
        jw_int(j, p->steps[i]);
    jw_array_end(j);
    jw_key(j, "times"); /* ns since 1970, as recorded */
    jw_array(j);
    for (uint32_t i = 0; i < p->n; i++)
        jw_int(j, p->times[i]);
    jw_array_end(j);
    jw_key(j, "values");
    jw_array(j);
    for (uint32_t i = 0; i < p->n; i++)
        jw_double(j, p->values[i]);
    jw_array_end(j);
    jw_object_end(j);
}

static void json_points(struct json_out *j, struct span c)
{
    struct points_reader r;
    points_open(&r, c);
    jw_key(j, "points");
    jw_array(j);
    while (points_next(&r))
        json_block(j, &r.block);
    jw_array_end(j);
    const char *why;
    if (!points_ok(&r, &why)) {
        jw_key(j, "damaged");
        jw_str(j, why);
    }
    points_close(&r);
}

static void json_pulls(struct json_out *j, struct span c)
{
    struct pull *p = NULL;
    const char *why = NULL;
    int n = pulls_unpack(c, &p, &why);
    jw_key(j, "pulls");
    jw_array(j);
    for (int i = 0; i < n; i++) {
        jw_object(j);
        jw_key(j, "t");
        jw_int(j, p[i].t);
        jw_key(j, "time");
        jw_int(j, p[i].time);
        jw_key(j, "arm");
        jw_int(j, p[i].arm);
        jw_key(j, "cost");
        jw_double(j, p[i].cost);
        jw_key(j, "context");
        jw_double(j, p[i].context);
        jw_key(j, "propensity");
        jw_double(j, (double)p[i].propensity);
        jw_key(j, "forced");
        jw_bool(j, p[i].forced);
        jw_object_end(j);
    }
    jw_array_end(j);
    if (n < 0) {
        jw_key(j, "damaged");
        jw_str(j, why);
    }
    free(p);
}

/* The payload's pairs into the open object, all but `c` when that is unpacked instead. */
static void json_payload(struct json_out *j, const struct event *ev, bool columns)
{
    struct codec_reader r;
    cr_init(&r, ev->body.p, ev->body.n);
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        if (cr_peek(&r) != CT_STR) {
            cr_skip(&r);
            cr_skip(&r);
            continue;
        }
        struct span key = cr_str(&r), value = cr_value(&r);
        if (columns && span_eq(key, "c"))
            continue;
        jw_keyn(j, key.p, key.n);
        codec_to_json(value, j);
    }
}

void dump_event_json(struct buf *b, const struct event *ev)
{
    struct json_out j;
    struct span c = ev->kind == EV_POINTS || ev->kind == EV_PULLS ? columns_of(ev) : (struct span){NULL, 0};
    jw_open(&j, b);
    jw_object(&j);
    json_time(&j, "time", ev->log_time);
    jw_key(&j, "kind");
    jw_str(&j, event_name(ev->kind));
    json_time(&j, "sent", ev->time);
    json_payload(&j, ev, c.p != NULL);
    if (c.p && ev->kind == EV_POINTS)
        json_points(&j, c);
    else if (c.p)
        json_pulls(&j, c);
    jw_object_end(&j);
    buf_putc(b, '\n');
}

/* loss: 120 points, steps 1..120, last 0.31 */
static void text_points(struct buf *b, struct span c)
{
    struct points_reader r;
    const char *sep = " ", *why;
    points_open(&r, c);
    while (points_next(&r)) {
        const struct point_block *p = &r.block;
        char last[TEXT_NUM];
        text_fmt_short(last, p->values[p->n - 1], 4);
        buf_puts(b, sep);
        safe_text_buf(b, p->name, strlen(p->name), -1);
        buf_printf(b, ": %u points, steps %lld..%lld, last %s", p->n, (long long)p->steps[0],
                   (long long)p->steps[p->n - 1], last);
        sep = "; ";
    }
    if (!points_ok(&r, &why))
        buf_printf(b, "%sdamaged: %s", sep, why);
    points_close(&r);
}

static void text_pulls(struct buf *b, struct span c)
{
    struct pull *p = NULL;
    const char *why = NULL;
    int n = pulls_unpack(c, &p, &why);
    if (n > 0)
        buf_printf(b, " %d pulls, rounds %lld..%lld", n, (long long)p[0].t, (long long)p[n - 1].t);
    else
        buf_printf(b, " %s", n < 0 ? why : "no pulls");
    free(p);
}

void dump_event_text(struct buf *b, const struct event *ev)
{
    char time[CLOCK_TEXT];
    struct buf text = {0};
    struct json_out j;
    struct span c = ev->kind == EV_POINTS || ev->kind == EV_PULLS ? columns_of(ev) : (struct span){NULL, 0};
    clock_rfc3339(time, ev->log_time);
    buf_printf(b, "%s %-12s ", time, event_name(ev->kind));
    jw_open(&j, &text);
    jw_object(&j);
    json_payload(&j, ev, c.p != NULL);
    jw_object_end(&j);
    safe_text_buf(b, (char *)text.data, text.len, -1);
    buf_release(&text);
    if (c.p && ev->kind == EV_POINTS)
        text_points(b, c);
    else if (c.p)
        text_pulls(b, c);
    buf_putc(b, '\n');
}
