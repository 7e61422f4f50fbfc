/* nearest: optimal string alignment distance (insert, delete, replace, swap of neighbours), on words short
 * enough for two fixed rows. */
#include "tui/nearest.h"

#include <limits.h>
#include <string.h>

#define WORD_MAX 48

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

static int distance(const char *a, const char *b)
{
    int rows[3][WORD_MAX + 1];
    int na = (int)strlen(a), nb = (int)strlen(b);

    if (na > WORD_MAX || nb > WORD_MAX)
        return INT_MAX;
    for (int j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= na; i++) {
        int *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < row[j])
                row[j] = up2[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

const char *nearest_word(const char *word, const char *(*next)(const void *arg, int i), const void *arg)
{
    int limit = 1 + (int)strlen(word) / 3, best = limit + 1;
    const char *found = NULL, *candidate;

    for (int i = 0; (candidate = next(arg, i)); i++) {
        int d = distance(word, candidate);
        if (d < best) {
            best = d;
            found = candidate;
        }
    }
    return found;
}
