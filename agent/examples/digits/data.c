#include "data.h"

#include <stdlib.h>

#include "base/rng.h"

__asm__(".section .rodata\n"
        ".global digits_csv\n"
        "digits_csv:\n"
        ".incbin \"agent/examples/digits/digits.csv\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char digits_csv[];

enum { ROWS = 1797, SPLIT_SEED = 1998 };

static int reserve(struct digits *d, int n)
{
    d->n = 0;
    d->x = calloc((size_t)n, sizeof *d->x);
    d->label = calloc((size_t)n, sizeof *d->label);
    return d->x && d->label ? 0 : -1;
}

/* Reads one comma- or newline-terminated integer. */
static const char *field(const char *p, int *out)
{
    char *end;
    *out = (int)strtol(p, &end, 10);
    if (end == p)
        return NULL;
    return *end ? end + 1 : end;
}

static int parse(struct digits *all)
{
    const char *p = digits_csv;
    for (; all->n < ROWS; all->n++) {
        for (int j = 0; j < DIGITS_PIXELS; j++) {
            int v;
            if (!(p = field(p, &v)))
                return -1;
            all->x[all->n][j] = v / 16.0;
        }
        if (!(p = field(p, &all->label[all->n])) || all->label[all->n] >= DIGITS_CLASSES)
            return -1;
    }
    return 0;
}

static void push(struct digits *d, const struct digits *all, int i)
{
    for (int j = 0; j < DIGITS_PIXELS; j++)
        d->x[d->n][j] = all->x[i][j];
    d->label[d->n++] = all->label[i];
}

int digits_load(struct digits *train, struct digits *valid, struct digits *test)
{
    struct digits all = {0};
    int order[ROWS], status = -1;
    if (reserve(&all, ROWS) || parse(&all) || reserve(train, ROWS) || reserve(valid, ROWS) || reserve(test, ROWS))
        goto out;
    for (int i = 0; i < ROWS; i++)
        order[i] = i;
    struct rng rng;
    rng_seed(&rng, SPLIT_SEED);
    rng_shuffle(&rng, order, ROWS);
    for (int i = 0; i < ROWS; i++)
        push(i < 1197 ? train : i < 1497 ? valid : test, &all, order[i]);
    status = 0;
out:
    digits_release(&all);
    return status;
}

void digits_release(struct digits *d)
{
    free(d->x);
    free(d->label);
    *d = (struct digits){0};
}
