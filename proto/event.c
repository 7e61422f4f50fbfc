/* event: the names of the event kinds, printed from the one table in event.h. */
#include "proto/event.h"

static const struct {
    const char *name, *text;
} kinds[EV_COUNT] = {
#define EVENT_ROW(e, name, text) [EV_##e] = {name, text},
    EVENT_KINDS(EVENT_ROW)
#undef EVENT_ROW
};

const char *event_name(enum event_kind k)
{
    return k > EV_UNKNOWN && k < EV_COUNT ? kinds[k].name : "unknown";
}

const char *event_text(enum event_kind k)
{
    return k > EV_UNKNOWN && k < EV_COUNT ? kinds[k].text : "";
}

enum event_kind event_parse(struct span name)
{
    for (enum event_kind k = EV_UNKNOWN + 1; k < EV_COUNT; k++)
        if (span_eq(name, kinds[k].name))
            return k;
    return EV_UNKNOWN;
}
