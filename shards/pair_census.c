#include "shards/pair_census.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/status.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum {
    MIN_COUNTER_BITS = 10,
    MAX_COUNTER_BITS = 22,
    STEP = 1024, /* the bound is the highest count divided by it, or more */
    SPARE = 2,   /* so many times the pairs that are still wanted are indexed */
    MIN_PLACES = 1 << 20,
};

struct candidate {
    int32_t left, right;
    int64_t count;
    uint32_t places; /* in how many words, or more where a word has it twice */
};

struct pair_census {
    const struct word_store *words;
    const struct pair_map *taken;
    int64_t *counters; /* [1 << bits] */
    int bits;
    int64_t least, wanted;

    struct pair_map numbers; /* of candidates */
    struct candidate *candidates;
    int64_t count, capacity;

    struct pair_index *index;
};

typedef void pair_work(struct pair_census *census, int32_t left, int32_t right, int64_t count,
                       size_t word);

static ALWAYS_INLINE void walk_cells(struct pair_census *census, pair_work *work, bool wide)
{
    const void *cells = census->words->cells;
    for (size_t word = 0; word_find(cells, census->words->used, &word, wide);) {
        size_t first = word + WORD_STORE_HEAD(wide), end = first + word_cell(cells, word, wide);
        int64_t count = word_count(cells, word, wide);
        uint32_t left = word_cell(cells, first, wide);
        for (size_t at = first + 1; at < end; at++) {
            uint32_t right = word_cell(cells, at, wide);
            work(census, (int32_t)left, (int32_t)right, count, word);
            left = right;
        }
        word = end;
    }
}

static ALWAYS_INLINE void walk(struct pair_census *census, pair_work *work)
{
    if (census->words->wide)
        walk_cells(census, work, true);
    else
        walk_cells(census, work, false);
}

static ALWAYS_INLINE int64_t *counter_of(struct pair_census *census, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    key = (key ^ key >> 29) * 0x9e3779b97f4a7c15u;
    return &census->counters[key >> (64 - census->bits)];
}

static ALWAYS_INLINE void add_to_counter(struct pair_census *census, int32_t left, int32_t right,
                                         int64_t count, size_t word)
{
    (void)word;
    *counter_of(census, left, right) += count;
}

static struct candidate *new_candidate(struct pair_census *census, int32_t left, int32_t right)
{
    CHECK(census->count < INT32_MAX, "more than %d pairs of tokens", INT32_MAX);
    if (census->count == census->capacity) {
        census->capacity = census->capacity ? 2 * census->capacity : 1024;
        census->candidates = memory_realloc(census->candidates,
                                            (size_t)census->capacity * sizeof *census->candidates);
    }
    pair_map_add(&census->numbers, left, right, (int32_t)census->count);
    struct candidate *candidate = &census->candidates[census->count++];
    *candidate = (struct candidate){ .left = left, .right = right };
    return candidate;
}

static ALWAYS_INLINE void count_candidate(struct pair_census *census, int32_t left, int32_t right,
                                          int64_t count, size_t word)
{
    (void)word;
    if (*counter_of(census, left, right) < census->least)
        return;
    int32_t number = pair_map_find(&census->numbers, left, right);
    struct candidate *candidate =
        number >= 0 ? &census->candidates[number] : new_candidate(census, left, right);
    candidate->count += count;
    candidate->places++;
}

static ALWAYS_INLINE void add_place(struct pair_census *census, int32_t left, int32_t right,
                                    int64_t count, size_t word)
{
    (void)count;
    if (*counter_of(census, left, right) < census->least)
        return;
    struct indexed_pair *pair = pair_index_find(census->index, left, right);
    if (pair)
        indexed_pair_add_place(pair, (uint32_t)word);
}

static void count_all(struct pair_census *census)
{
    size_t cells = census->words->used;
    census->bits = MIN_COUNTER_BITS;
    while (census->bits < MAX_COUNTER_BITS && (size_t)1 << census->bits < cells)
        census->bits++;
    census->counters = memory_alloc_zeroed((size_t)1 << census->bits, sizeof *census->counters);
    walk(census, add_to_counter);
}

static void choose_bound(struct pair_census *census, int64_t below)
{
    int64_t highest = 0;
    for (size_t i = 0; i < (size_t)1 << census->bits; i++)
        if (census->counters[i] > highest)
            highest = census->counters[i];
    if (highest >= below)
        highest = below - 1;
    census->least = highest / STEP > 2 ? highest / STEP : 2;
}

static int by_falling_count(const void *a, const void *b)
{
    const struct candidate *first = a, *second = b;
    return (first->count < second->count) - (first->count > second->count);
}

/* Raises the bound where the lists of words would be as long as the words themselves, or where
 * there are more pairs than can be merged. */
static void index_candidates(struct pair_census *census)
{
    size_t most = census->words->used / 2 + MIN_PLACES, places = 0;
    int64_t last = 0;
    if (census->count)
        qsort(census->candidates, (size_t)census->count, sizeof *census->candidates,
              by_falling_count);
    for (int64_t i = 0; i < census->count; i++) {
        const struct candidate *candidate = &census->candidates[i];
        if (candidate->count < census->least)
            break;
        if (pair_map_find(census->taken, candidate->left, candidate->right) >= 0)
            continue;
        places += candidate->places;
        if ((places > most || census->index->count >= SPARE * census->wanted) &&
            last > candidate->count) {
            census->least = last;
            break;
        }
        last = candidate->count;
        pair_index_add(census->index, candidate->left, candidate->right, candidate->count,
                       candidate->places);
    }
}

int64_t pair_census_take(const struct word_store *words, const struct pair_map *taken,
                         int64_t below, int64_t wanted, struct pair_index *index)
{
    struct pair_census census = {
        .words = words, .taken = taken, .wanted = wanted, .index = index
    };
    pair_map_init(&census.numbers);
    count_all(&census);
    choose_bound(&census, below);
    walk(&census, count_candidate);
    index_candidates(&census);
    walk(&census, add_place);
    pair_map_release(&census.numbers);
    memory_free(census.candidates);
    memory_free(census.counters);
    return census.least;
}
