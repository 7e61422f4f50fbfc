/* arm_list: the order is kept in the console as arm numbers, so that a frame draws what the last key saw. */
#include "tui/arm_list.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/verb.h"
#include "tui/row.h"

const char *arm_sort_name(enum arm_sort s)
{
    static const char *const names[] = {"best first", "mean", "pulls", "number"};
    return names[s];
}

int arm_bandits(const struct console *c, struct codec_reader *list)
{
    struct span head = sub_head(&c->subs, SUB_ARMS),
                raw = head.p ? cmap_value(head, "bandits") : (struct span){NULL, 0};
    if (!raw.p)
        return 0;
    cr_init(list, raw.p, raw.n);
    return cr_peek(list) == CT_ARRAY ? (int)cr_array(list) : 0;
}

struct span arm_bandit(const struct console *c)
{
    struct codec_reader r;
    int n = arm_bandits(c, &r);
    struct span first = {NULL, 0};
    for (int i = 0; i < n; i++) {
        struct span b = cr_value(&r);
        if (!b.p)
            break;
        if (!first.p)
            first = b;
        if (c->bandit[0] && span_eq(cmap_str(b, "bandit"), c->bandit))
            return b;
    }
    return first;
}

int arm_rows(const struct console *c, struct span *rows)
{
    struct span b = arm_bandit(c), want = b.p ? cmap_str(b, "bandit") : (struct span){NULL, 0};
    int n = 0;
    for (int i = 0; i < sub_rows(&c->subs, SUB_ARMS) && n < CONSOLE_ARMS; i++) {
        struct span row = sub_row(&c->subs, SUB_ARMS, i), have;
        if (!row.p)
            continue;
        have = cmap_str(row, "bandit");
        if (!want.p || (have.n == want.n && memcmp(have.p, want.p, want.n) == 0))
            rows[n++] = row;
    }
    return n;
}

/* ---- order ---- */

/* Larger is better; what is not known is worst. */
static double merit(const struct console *c, struct span row, enum arm_sort by)
{
    double mean = cmap_double(row, "mean", NAN), p = NAN;
    double good = isfinite(mean) ? (c->sum.maximize ? mean : -mean) : -INFINITY;
    if (by == ARM_SORT_BEST) {
        p = cmap_double(row, "p_next", NAN);
        p = isfinite(p) ? p : cmap_double(row, "p_best", NAN);
        p = round(p * 100); /* as shown: noise below a percent does not shuffle the rows, the mean decides */
    }
    if (by == ARM_SORT_PULLS)
        return (double)cmap_int(row, "pulls", 0);
    if (by == ARM_SORT_NUMBER)
        return -(double)cmap_int(row, "arm", 0);
    return isfinite(p) ? p : good;
}

/* A chance beats a mean: a row without one comes after all that have one. */
static bool has_chance(struct span row)
{
    return isfinite(cmap_double(row, "p_next", NAN)) || isfinite(cmap_double(row, "p_best", NAN));
}

static bool before(const struct console *c, struct span a, struct span b, enum arm_sort by)
{
    if (by == ARM_SORT_BEST && has_chance(a) != has_chance(b))
        return has_chance(a);
    double x = merit(c, a, by), y = merit(c, b, by);
    if (x == y && by != ARM_SORT_NUMBER) {
        x = merit(c, a, ARM_SORT_MEAN);
        y = merit(c, b, ARM_SORT_MEAN);
    }
    return x > y;
}

/* Whether the kept order still names exactly the arms that are there. */
static bool covers(const struct console *c, const struct span *rows, int n)
{
    bool all = n == c->n_arm_order;
    for (int i = 0; i < n && all; i++) {
        bool found = false;
        for (int k = 0; k < n && !found; k++)
            found = c->arm_order[k] == cmap_int(rows[i], "arm", -1);
        all = found;
    }
    return all;
}

/* By insertion: equal arms keep their order. */
static void sort_rows(const struct console *c, struct span *rows, int n, enum arm_sort by)
{
    for (int i = 1; i < n; i++) {
        struct span row = rows[i];
        int k = i;
        for (; k > 0 && before(c, row, rows[k - 1], by); k--)
            rows[k] = rows[k - 1];
        rows[k] = row;
    }
}

void arm_order_follow(struct console *c)
{
    struct span rows[CONSOLE_ARMS];
    int n = arm_rows(c, rows);
    if (c->mono < c->table.hold_until && covers(c, rows, n))
        return;
    sort_rows(c, rows, n, ARM_SORT_BEST);
    int best = 0;
    for (int i = 0; i < n && best < CONSOLE_BEST_ARMS; i++)
        if (!cmap_bool(rows[i], "banned", false))
            c->arm_best[best++] = cmap_int(rows[i], "arm", -1);
    for (; best < CONSOLE_BEST_ARMS; best++)
        c->arm_best[best] = -1;
    if (c->arm_sort != ARM_SORT_BEST)
        sort_rows(c, rows, n, (enum arm_sort)c->arm_sort);
    c->n_arm_order = n;
    for (int i = 0; i < n; i++)
        c->arm_order[i] = cmap_int(rows[i], "arm", -1);
}

int arm_rows_sorted(const struct console *c, struct span *rows, int *place)
{
    struct span own[CONSOLE_ARMS];
    int64_t ids[CONSOLE_ARMS];
    int n = arm_rows(c, own), k = 0;
    for (int j = 0; j < n; j++)
        ids[j] = cmap_int(own[j], "arm", -1);
    for (int i = 0; i < c->n_arm_order; i++)
        for (int j = 0; j < n; j++)
            if (own[j].p && ids[j] == c->arm_order[i]) {
                if (place)
                    place[k] = j;
                rows[k++] = own[j];
                own[j].p = NULL;
                break;
            }
    return k;
}

void arm_sort_step(struct console *c, int by)
{
    c->arm_sort = (c->arm_sort + by + ARM_SORTS) % ARM_SORTS;
    c->n_arm_order = -1; /* a new order was asked for: show it */
    arm_order_follow(c);
}

/* ---- names ---- */

/* "arm C 1.1" for a number or a label; false when no such arm is known here. */
static bool arm_name(const struct console *c, struct span word, char *out, size_t cap)
{
    struct span rows[CONSOLE_ARMS];
    char number[24], label[ROW_TEXT];
    int n = arm_rows(c, rows);
    for (int pass = 0; pass < 2; pass++) /* a label wins over a number, as with whoever is told */
        for (int i = 0; i < n; i++) {
            struct span l = cmap_str(rows[i], "label");
            row_format(number, sizeof number, "%lld", (long long)cmap_int(rows[i], "arm", -1));
            bool same = pass == 0 ? l.n == word.n && word.n && memcmp(l.p, word.p, word.n) == 0
                                  : span_eq(word, number);
            if (!same)
                continue;
            row_text(label, l, 40);
            if (i < 26)
                row_format(out, cap, "arm %c %s", 'A' + i, label);
            else
                row_format(out, cap, "arm %s", label);
            return true;
        }
    return false;
}

void arm_line(const struct console *c, const char *line, char *out, size_t cap)
{
    char verb[32], name[ROW_TEXT];
    size_t n = strcspn(line, " "), m, at;
    row_format(verb, sizeof verb, "%.*s", (int)(n < 31 ? n : 31), line);
    const struct verb_info *v = verb_find(verb);
    const char *p = line + n;
    row_format(out, cap, "%s", line);
    if (!v || v->target != VT_ARM || !*p)
        return;
    p += strspn(p, " ");
    m = strcspn(p, " ");
    at = (size_t)row_format(out, cap, "%s", verb);
    for (size_t i = 0; i < m && at + 2 < cap;) {
        size_t w = strcspn(p + i, ", ");
        w = w > m - i ? m - i : w;
        if (!arm_name(c, (struct span){p + i, w}, name, sizeof name))
            row_format(name, sizeof name, "%.*s", (int)(w < 200 ? w : 200), p + i);
        at += (size_t)row_format(out + at, cap - at, "%s%s", i ? ", " : " ", name);
        i += w + 1;
    }
    row_format(out + at, cap - at, "%s", p + m);
}
