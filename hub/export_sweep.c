/* export_sweep: the sweep file. What a sweep was started with is given back as it was; for a recording without one (ad-hoc runs,
 * imports) it is made of what the trials tried, ready to be edited. */
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "base/text.h"
#include "hub/export_parts.h"
#include "hub/export_ranges.h"

/* JSON strings and numbers are YAML. */
static void quoted(struct buf *b, const char *s)
{
    struct json_out j;
    jw_open(&j, b);
    jw_str(&j, s);
}

/* A float keeps a point, so that nobody takes the range for whole numbers. */
static void bound(struct buf *b, const char *key, double v, bool whole)
{
    char text[TEXT_NUM];
    text_fmt_double(text, v);
    buf_printf(b, "    %s: %s%s\n", key, text, whole || strpbrk(text, ".e") ? "" : ".0");
}

static void parameter(struct buf *b, const struct range *r)
{
    buf_puts(b, "  ");
    quoted(b, r->name);
    buf_puts(b, ":\n");
    if (r->type != RANGE_CHOICE && r->low < r->high) {
        bound(b, "min", r->low, r->type == RANGE_INT);
        bound(b, "max", r->high, r->type == RANGE_INT);
        return;
    }
    struct json_out j;
    buf_puts(b, "    values: ");
    jw_open(&j, b);
    jw_array(&j);
    for (int i = 0; i < r->n_choices; i++)
        codec_to_json(r->choices[i], &j);
    jw_array_end(&j);
    buf_putc(b, '\n');
}

void export_wandb_sweep(struct buf *b, const struct state *st)
{
    struct ranges ranges;
    if (st->info.yaml && *st->info.yaml) {
        buf_puts(b, st->info.yaml);
        return;
    }
    ranges_find(&ranges, st);
    buf_puts(b, "# What the trials of a recording tried; name your program, and check the ranges.\nname: ");
    quoted(b, st->info.name);
    buf_puts(b, "\nmethod: random\nmetric:\n  name: ");
    quoted(b, st->info.metric);
    buf_printf(b, "\n  goal: %s\nparameters:\n", st->info.maximize ? "maximize" : "minimize");
    for (int i = 0; i < ranges.n; i++)
        parameter(b, ranges.v[i]);
    if (ranges.n == 0)
        buf_puts(b, "  {}\n");
    ranges_release(&ranges);
}
