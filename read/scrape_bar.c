/* scrape_bar: progress bars. tqdm draws "DESC:  7%|###   | 7/100 [00:01<00:13, 6.9it/s, loss=0.53]", Lightning the same with
 * "Epoch 3:" in front, Keras "60/60 [====] - 1s 2ms/step - loss: 0.3" below a line "Epoch 3/10". A bar that is drawn again at the
 * same place says nothing new; of a Keras bar only the finished one is the epoch's. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "read/scrape_parts.h"

static const char *find(const char *p, const char *end, const char *what)
{
    return memmem(p, (size_t)(end - p), what, strlen(what));
}

static bool whole(const char **p, const char *end, int64_t *out)
{
    const char *q = *p;
    int64_t v = 0;
    int digits = 0;
    while (q < end && *q == ' ')
        q++;
    for (; q < end && isdigit((unsigned char)*q) && digits < 16; q++, digits++)
        v = v * 10 + (*q - '0');
    if (!digits)
        return false;
    *p = q;
    *out = v;
    return true;
}

/* "7/100" */
static bool fraction(const char **p, const char *end, int64_t *at, int64_t *of)
{
    const char *q = *p;
    if (!whole(&q, end, at) || q >= end || *q != '/')
        return false;
    q++;
    if (!whole(&q, end, of) || *of == 0 || *at > *of)
        return false;
    *p = q;
    return true;
}

/* The epoch in the words in front of a bar: "Epoch 3", "Epoch 3/10", "Training epoch 3". */
static bool epoch_before(const char *line, const char *bar, int64_t *epoch)
{
    for (const char *p = line; p + 5 < bar; p++)
        if ((p == line || !isalnum((unsigned char)p[-1])) && strncasecmp(p, "epoch", 5) == 0) {
            p += 5;
            while (p < bar && strchr(" #:=[", *p))
                p++;
            return whole(&p, bar, epoch);
        }
    return false;
}

bool scrape_bar(struct scrape_state *s, const char *line, const char *end, bool lightning, struct scrape_found *f)
{
    const char *percent = find(line, end, "%|"), *bar = percent ? memrchr(percent + 2, '|', (size_t)(end - percent - 2)) : NULL;
    int64_t at, of, epoch = 0;
    /* the last bar of the line that is followed by a fraction: names in the postfix may hold bars themselves */
    const char *p = bar ? bar + 1 : NULL, *box;
    if (!p || !fraction(&p, end, &at, &of) || !(box = find(p, end, "[")) || box - p > 2 || !find(box, end, "]"))
        return false;
    bool has_epoch = epoch_before(line, percent, &epoch);
    if (lightning && !has_epoch)
        return false;
    bool again = s->bar_of == of && s->bar_at == at && s->epoch == epoch;
    s->bar_at = at;
    s->bar_of = of;
    s->epoch = epoch;
    const char *numbers = find(box, end, ", ");
    if (again || !numbers)
        return true;
    const char *last = memrchr(box, ']', (size_t)(end - box));
    struct scrape_found all = {0};
    scrape_pairs(numbers + 2, last, &all);
    for (int i = 0; i < all.n; i++)
        if (strcmp(all.pairs[i].name, "v_num") != 0)
            f->pairs[f->n++] = all.pairs[i];
    f->has_step = true;
    f->step = all.has_step ? all.step : has_epoch ? epoch * of + at : at;
    return true;
}

/* Keras may erase with backspaces and not with a carriage return: what is behind the last ones is the bar. */
static const char *after_backspaces(const char *line, const char *end)
{
    const char *last = memrchr(line, '\b', (size_t)(end - line));
    return last ? last + 1 : line;
}

bool scrape_keras(struct scrape_state *s, const char *line, const char *end, struct scrape_found *f)
{
    int64_t at, of;
    const char *p = after_backspaces(line, end), *dash;
    if (!fraction(&p, end, &at, &of))
        return false;
    while (p < end && *p == ' ')
        p++;
    /* "[=====>....]" of version 2, a drawn line of version 3, or nothing (verbose=2) in front of "- 1s 2ms/step -" */
    bool drawn = p < end && (*p == '[' || (unsigned char)*p == 0xe2 || *p == '-');
    if (!drawn)
        return false;
    dash = *p == '-' ? p : find(p, end, " - ");
    for (p = dash ? dash : end; !dash && p < end; p++)
        ;
    if (!dash && !(dash = find(line, end, "/step")))
        return false;
    if (at < of)
        return true;
    for (p = dash; p && p < end;) { /* " - loss: 0.3 - val_loss: 0.4" */
        const char *next = find(p + 1, end, " - "), *stop = next ? next : end;
        scrape_pairs(p, stop, f);
        p = next;
    }
    f->has_step = s->has_heading;
    f->step = s->heading;
    return true;
}

/* "│        test_acc           │    0.9812      │": cells between lines of any drawing. */
bool scrape_table(const char *line, const char *end, struct scrape_found *f)
{
    static const char *const rulers[] = {"\xe2\x94\x82", "\xe2\x94\x83", "|", NULL}; /* thin, thick, plain */
    const char *cell[4];
    size_t len[4];
    int n = 0, kind = 0;
    while (kind < 3 && strncmp(line, rulers[kind], strlen(rulers[kind])) != 0)
        kind++;
    if (kind == 3)
        return false;
    size_t w = strlen(rulers[kind]);
    for (const char *p = line + w; p < end && n < 4;) {
        const char *q = find(p, end, rulers[kind]);
        if (!q)
            break;
        const char *a = p, *b = q;
        while (a < b && *a == ' ')
            a++;
        while (b > a && b[-1] == ' ')
            b--;
        cell[n] = a;
        len[n++] = (size_t)(b - a);
        p = q + w;
    }
    char name[SCRAPE_NAME];
    double value;
    if (n != 2 || memchr(cell[0], ' ', len[0]) || !scrape_name(name, cell[0], len[0]) ||
        scrape_number(cell[1], cell[1] + len[1], &value) != len[1])
        return false;
    scrape_put(f, name, value);
    return true;
}
