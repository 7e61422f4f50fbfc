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
    json_key(j, key);
    json_str(j, text);
}

static void json_block(struct json_out *j, const struct point_block *p)
{
    json_object(j);
    json_key(j, "metric");
    json_str(j, p->name);
    json_key(j, "steps");
    json_array(j);
    for (uint32_t i = 0; i < p->n; i++)
        json_int(j, p->steps[i]);
    json_array_end(j);
    json_key(j, "times"); /* ns since 1970, as recorded */
    json_array(j);
    for (uint32_t i = 0; i < p->n; i++)
        json_int(j, p->times[i]);
    json_array_end(j);
    json_key(j, "values");
    json_array(j);
    for (uint32_t i = 0; i < p->n; i++)
        json_double(j, p->values[i]);
    json_array_end(j);
    json_object_end(j);
}

static void json_points(struct json_out *j, struct span c)
{
    struct points_reader r;
    points_open(&r, c);
    json_key(j, "points");
    json_array(j);
    while (points_next(&r))
        json_block(j, &r.block);
    json_array_end(j);
    const char *why;
    if (!points_ok(&r, &why)) {
        json_key(j, "damaged");
        json_str(j, why);
    }
    points_close(&r);
}

static void json_pulls(struct json_out *j, struct span c)
{
    struct pull *p = NULL;
    const char *why = NULL;
    int n = pulls_unpack(c, &p, &why);
    json_key(j, "pulls");
    json_array(j);
    for (int i = 0; i < n; i++) {
        json_object(j);
        json_key(j, "t");
        json_int(j, p[i].t);
        json_key(j, "time");
        json_int(j, p[i].time);
        json_key(j, "arm");
        json_int(j, p[i].arm);
        json_key(j, "cost");
        json_double(j, p[i].cost);
        json_key(j, "context");
        json_double(j, p[i].context);
        json_key(j, "propensity");
        json_double(j, (double)p[i].propensity);
        json_key(j, "forced");
        json_bool(j, p[i].forced);
        json_object_end(j);
    }
    json_array_end(j);
    if (n < 0) {
        json_key(j, "damaged");
        json_str(j, why);
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
        json_keyn(j, key.p, key.n);
        codec_to_json(value, j);
    }
}

void dump_event_json(struct buf *b, const struct event *ev)
{
    struct json_out j;
    struct span c = ev->kind == EV_POINTS || ev->kind == EV_PULLS ? columns_of(ev) : (struct span){NULL, 0};
    json_open(&j, b);
    json_object(&j);
    json_time(&j, "time", ev->log_time);
    json_key(&j, "kind");
    json_str(&j, event_name(ev->kind));
    json_time(&j, "sent", ev->time);
    json_payload(&j, ev, c.p != NULL);
    if (c.p && ev->kind == EV_POINTS)
        json_points(&j, c);
    else if (c.p)
        json_pulls(&j, c);
    json_object_end(&j);
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
    json_open(&j, &text);
    json_object(&j);
    json_payload(&j, ev, c.p != NULL);
    json_object_end(&j);
    safe_text_buf(b, (char *)text.data, text.len, -1);
    buf_release(&text);
    if (c.p && ev->kind == EV_POINTS)
        text_points(b, c);
    else if (c.p)
        text_pulls(b, c);
    buf_putc(b, '\n');
}
