/* pair_census: counts the pairs of adjacent tokens in all words, and puts those
 * that may soon be merged into an index.
 *
 * Merges take the frequent pairs, and a pair of old tokens never becomes more
 * frequent: so all that occur less than some bound can be left out until no
 * pair above it is left. The index then stays small, however many pairs there
 * are, and most of what a merge changes need not be noted.
 *
 *   1. each pair's count is added to a counter of its hash: at least its count
 *   2. pairs whose counter reaches the bound are counted exactly
 *   3. those that reach it themselves get a list of the words that have them
 */
#ifndef SHARDS_PAIR_CENSUS_H
#define SHARDS_PAIR_CENSUS_H

#include "shards/tokenizer/pair_index.h"
#include "shards/tokenizer/word_store.h"

/* How many places the lists of a census have at most, unless one pair alone has more. */
static inline size_t pair_census_most_places(size_t cells)
{
    return cells / 2 + ((size_t)1 << 20);
}

/* Fills an empty index with every pair that occurs as often as the result says, at least twice,
 * but those that `taken` has. `below`: more than any of them occurs. `wanted`: about
 * how many will be merged. */
int64_t pair_census_take(const struct word_store *words, const struct pair_map *taken,
                         int64_t below, int64_t wanted, struct pair_index *index);

#endif
