#include "common/near.h"

#include <string.h>

enum { LETTERS_MAX = 64 };

/* Letters to insert, drop, exchange or swap with their neighbour (optimal string alignment). */
static size_t
distance(const char *a, const char *b)
{
    size_t n = strnlen(a, LETTERS_MAX), m = strnlen(b, LETTERS_MAX);
    size_t rows[3][LETTERS_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n % 3][m];
}

void
near_init(struct near *n, const char *wanted)
{
    *n = (struct near){.wanted = wanted, .distance = 2 + strnlen(wanted, LETTERS_MAX) / 6};
    if (n->distance > strnlen(wanted, LETTERS_MAX))
        n->distance = strnlen(wanted, LETTERS_MAX);
}

void
near_try(struct near *n, const char *known)
{
    size_t d = distance(n->wanted, known);
    if (d < n->distance) {
        n->distance = d;
        n->best = known;
    }
}
