/* nearest_word of base/options.h: what a mistyped key or command was meant to be. */
#include "base/options.h"

#include <string.h>

enum { LONGEST = 64 };

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of neighbours that turn `a`
 * into `b`: Damerau, Communications of the ACM 7 (1964), as the optimal string
 * alignment. Three rows of the table of all prefixes are kept. */
static int edit_distance(const char *a, int a_length, const char *b, int b_length)
{
    int rows[3][LONGEST + 1];
    int *before = rows[0], *above = rows[1], *row = rows[2];
    for (int j = 0; j <= b_length; j++)
        above[j] = j;
    for (int i = 1; i <= a_length; i++) {
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            int substituted = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = smaller(substituted, 1 + smaller(above[j], row[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
        int *oldest = before;
        before = above, above = row, row = oldest;
    }
    return above[b_length];
}

const char *nearest_word(const char *word, const char *const *candidates)
{
    size_t length = strlen(word);
    const char *nearest = NULL;
    if (length > LONGEST)
        return NULL;

    int limit = length < 3 ? 1 : (int)length / 3 + 1; /* beyond it, a guess would mislead */
    for (; *candidates; candidates++) {
        size_t candidate_length = strlen(*candidates);
        if (candidate_length > LONGEST)
            continue;
        int distance = edit_distance(word, (int)length, *candidates, (int)candidate_length);
        if (length >= 3 && strncmp(word, *candidates, length) == 0)
            distance = 1; /* a word left unfinished */
        if (distance <= limit && distance < (int)length) {
            nearest = *candidates;
            limit = distance - 1;
        }
    }
    return nearest;
}
