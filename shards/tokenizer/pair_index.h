/* pair_index: the frequent pairs of adjacent tokens: how often each occurs and
 * in which words, the most frequent first.
 *
 *   numbers   (t, h) -> 5               pairs    5: t, h, count, places -> | word | word | ...
 *   queue     counts that may have shrunk since: such an entry is put back with the true one
 *             when it comes first, so the first true one is the most frequent
 *
 * `places` may name words from which the pair has gone; it names every word that has it.
 */
#ifndef SHARDS_PAIR_INDEX_H
#define SHARDS_PAIR_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "shards/tokenizer/pair_map.h"
#include "shards/tokenizer/pair_queue.h"

struct indexed_pair {
    int32_t left, right;
    int64_t count;
    uint32_t *places; /* [place_count of place_capacity], ascending */
    uint32_t place_count, place_capacity;
};

struct pair_index {
    struct pair_map numbers;
    struct indexed_pair *pairs;
    int64_t count, capacity;
    struct pair_queue queue;
};

void pair_index_init(struct pair_index *index);
void pair_index_release(struct pair_index *index);

/* A pair that was not there yet, with room for so many places. */
struct indexed_pair *pair_index_add(struct pair_index *index, int32_t left, int32_t right,
                                    int64_t count, uint32_t place_capacity);
/* Lowers a pair's count; nothing where it is not in the index. */
void pair_index_lose(struct pair_index *index, int32_t left, int32_t right, int64_t count);

/* Takes the most frequent pair with at least `least`; NULL: there is none. Valid until the next
 * pair is added. Its count is 0 from then on, and the caller frees its places. */
struct indexed_pair *pair_index_take(struct pair_index *index, int64_t least);

static inline struct indexed_pair *pair_index_find(const struct pair_index *index, int32_t left,
                                                   int32_t right)
{
    int32_t number = pair_map_find(&index->numbers, left, right);
    return number < 0 ? NULL : &index->pairs[number];
}

/* Words are added in ascending order. */
static inline void indexed_pair_add_place(struct indexed_pair *pair, uint32_t word)
{
    if (pair->place_count > 0 && pair->places[pair->place_count - 1] == word)
        return;
    pair->places[pair->place_count++] = word;
}

#endif
