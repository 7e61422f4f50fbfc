/* The window of sliding-window UCB: A. Garivier and E. Moulines, "On Upper-Confidence Bound Policies for
 * Switching Bandit Problems", ALT 2011. The arms' sums cover exactly the pulls in the window. */
#include "tune/bandit_window.h"

#include <stdlib.h>
#include <string.h>

int bandit_set_window(struct bandit *b, int pulls)
{
    if (b->algorithm != BANDIT_UCB_SLIDING || pulls < 1 || pulls > BANDIT_WINDOW_MAX)
        return -1;
    struct bandit_window *w = calloc(1, sizeof *w + (size_t)pulls * sizeof w->past[0]);
    if (!w)
        return -1;
    w->cap = (uint64_t)pulls;
    free(b->window);
    b->window = w;
    return 0;
}

void window_push(struct bandit *b, int arm, double x)
{
    struct bandit_window *w = b->window;
    struct bandit_past *slot = &w->past[w->next];
    if (w->n == w->cap) {
        struct bandit_arm *old = &b->arm[slot->arm];
        old->n -= 1;
        old->sum -= slot->x;
        old->sum2 -= slot->x * slot->x;
        if (old->n == 0) /* no residue of rounding */
            old->sum = old->sum2 = 0;
    } else {
        w->n++;
    }
    *slot = (struct bandit_past){(uint64_t)arm, x};
    w->next = (w->next + 1) % w->cap;
}

void window_clear(struct bandit_window *w)
{
    w->n = w->next = 0;
}

size_t window_size(const struct bandit_window *w)
{
    return sizeof *w + (size_t)w->cap * sizeof w->past[0];
}

int window_load(struct bandit *b, const void *p, size_t n)
{
    struct bandit_window head;
    if (n < sizeof head)
        return -1;
    memcpy(&head, p, sizeof head);
    if (head.cap < 1 || head.cap > BANDIT_WINDOW_MAX || n != window_size(&head) || head.n > head.cap ||
        head.next >= head.cap || bandit_set_window(b, (int)head.cap) < 0)
        return -1;
    memcpy(b->window, p, n);
    for (uint64_t i = 0; i < head.n; i++)
        if (b->window->past[i].arm >= (uint64_t)b->arms)
            return -1;
    return 0;
}
