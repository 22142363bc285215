#include "shards/tokenizer/pair_census.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/status.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum {
    MIN_COUNTER_BITS = 10,
    MAX_COUNTER_BITS = 21,
    STEP = 1024,             /* the bound is the highest count divided by it, or more */
    SPARE = 2,               /* so many times the pairs that are still wanted are indexed */
    COUNTERS_FOR_A_PAIR = 4, /* of these, as counters are shared */
    AT_ONCE = 64,
};

struct candidate {
    int32_t left, right;
    int64_t count;
    uint32_t places; /* in how many words, or more where a word has it twice */
};

struct pair_census {
    const struct word_store *words;
    const struct pair_map *taken;
    uint32_t *counters; /* [1 << bits], each up to UINT32_MAX */
    int bits;
    int64_t least, wanted;

    struct pair_map numbers; /* of candidates */
    struct candidate *candidates;
    int64_t count, capacity;

    struct pair_index *index;
};

/* One place of a pair. Places are worked on some at a time, so that what they need of tables that
 * no cache holds is on its way for all of them. */
struct seen_pair {
    int64_t count;
    uint32_t *counter;
    int32_t left, right;
    uint32_t word;
};

struct seen_pairs {
    struct seen_pair pairs[AT_ONCE];
    int count;
};

typedef void seen_work(struct pair_census *census, struct seen_pairs *seen);

static ALWAYS_INLINE void see_pair(struct pair_census *census, struct seen_pairs *seen,
                                   uint32_t left, uint32_t right, int64_t count, size_t word)
{
    uint64_t key = (uint64_t)left << 32 | right;
    key = (key ^ key >> 29) * 0x9e3779b97f4a7c15u;
    uint32_t *counter = &census->counters[key >> (64 - census->bits)];
    __builtin_prefetch(counter, 1);
    seen->pairs[seen->count++] =
        (struct seen_pair){ count, counter, (int32_t)left, (int32_t)right, (uint32_t)word };
}

static ALWAYS_INLINE void walk_cells(struct pair_census *census, seen_work *work, bool wide)
{
    const void *cells = census->words->cells;
    struct seen_pairs seen = { .count = 0 };
    for (size_t word = 0; word_find(cells, census->words->used, &word, wide);) {
        size_t first = word + WORD_STORE_HEAD(wide), end = first + word_cell(cells, word, wide);
        int64_t count = word_count(cells, word, wide);
        for (size_t at = first; at + 1 < end; at++) {
            see_pair(census, &seen, word_cell(cells, at, wide), word_cell(cells, at + 1, wide),
                     count, word);
            if (seen.count == AT_ONCE)
                work(census, &seen);
        }
        word = end;
    }
    work(census, &seen);
}

static ALWAYS_INLINE void walk(struct pair_census *census, seen_work *work)
{
    if (census->words->wide)
        walk_cells(census, work, true);
    else
        walk_cells(census, work, false);
}

/* ---- 1. counters ---- */

static void add_to_counters(struct pair_census *census, struct seen_pairs *seen)
{
    (void)census;
    for (int i = 0; i < seen->count; i++) {
        int64_t sum = *seen->pairs[i].counter + seen->pairs[i].count;
        *seen->pairs[i].counter = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
    }
    seen->count = 0;
}

static void count_all(struct pair_census *census)
{
    size_t cells = census->words->used;
    census->bits = MIN_COUNTER_BITS;
    while (census->bits < MAX_COUNTER_BITS && (size_t)1 << census->bits < cells)
        census->bits++;
    census->counters = memory_alloc_zeroed((size_t)1 << census->bits, sizeof *census->counters);
    walk(census, add_to_counters);
}

/* The least power of two that no more than `most` counters reach. */
static int64_t bound_for(const struct pair_census *census, int64_t most)
{
    int64_t of_length[33] = { 0 }; /* counters with so many bits */
    for (size_t i = 0; i < (size_t)1 << census->bits; i++)
        if (census->counters[i] > 0)
            of_length[32 - __builtin_clz(census->counters[i])]++;
    int length = 32;
    for (int64_t reached = of_length[32]; reached <= most && length > 1; length--)
        reached += of_length[length - 1];
    return (int64_t)1 << length;
}

/* At most half of the highest count, so that each census goes on from the one before. */
static void choose_bound(struct pair_census *census, int64_t below)
{
    int64_t highest = 0;
    for (size_t i = 0; i < (size_t)1 << census->bits; i++)
        if (census->counters[i] > highest)
            highest = census->counters[i];
    if (highest >= below)
        highest = below - 1;
    int64_t bound = bound_for(census, COUNTERS_FOR_A_PAIR * SPARE * census->wanted);
    if (bound > highest / 2)
        bound = highest / 2;
    if (bound < highest / STEP)
        bound = highest / STEP;
    census->least = bound > 2 ? bound : 2;
}

/* ---- 2. candidates ---- */

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

/* Leaves those whose counter reaches the bound, and fetches where `map` will look for them. */
static ALWAYS_INLINE void keep_frequent(const struct pair_census *census,
                                        const struct pair_map *map, struct seen_pairs *seen)
{
    const int64_t least = census->least < UINT32_MAX ? census->least : UINT32_MAX;
    int kept = 0;
    for (int i = 0; i < seen->count; i++) {
        struct seen_pair pair = seen->pairs[i];
        seen->pairs[kept] = pair;
        kept += *pair.counter >= least;
    }
    seen->count = kept;
    for (int i = 0; i < kept; i++)
        __builtin_prefetch(pair_map_home(map, seen->pairs[i].left, seen->pairs[i].right));
}

static void count_candidates(struct pair_census *census, struct seen_pairs *seen)
{
    keep_frequent(census, &census->numbers, seen);
    for (int i = 0; i < seen->count; i++) {
        const struct seen_pair *pair = &seen->pairs[i];
        int32_t number = pair_map_find(&census->numbers, pair->left, pair->right);
        struct candidate *candidate = number >= 0 ? &census->candidates[number]
                                                  : new_candidate(census, pair->left, pair->right);
        candidate->count += pair->count;
        candidate->places++;
    }
    seen->count = 0;
}

/* ---- 3. lists of words ---- */

static void add_places(struct pair_census *census, struct seen_pairs *seen)
{
    keep_frequent(census, &census->index->numbers, seen);
    for (int i = 0; i < seen->count; i++) {
        const struct seen_pair *seen_pair = &seen->pairs[i];
        struct indexed_pair *pair =
            pair_index_find(census->index, seen_pair->left, seen_pair->right);
        if (pair)
            indexed_pair_add_place(pair, seen_pair->word);
    }
    seen->count = 0;
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
    size_t most = pair_census_most_places(census->words->used), places = 0;
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
    walk(&census, count_candidates);
    index_candidates(&census);
    walk(&census, add_places);
    pair_map_release(&census.numbers);
    memory_free(census.candidates);
    memory_free(census.counters);
    return census.least;
}
