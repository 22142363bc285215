#include "shards/tokenizer/merge_learner.h"

#include "base/memory.h"
#include "shards/tokenizer/pair_census.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum { AHEAD = 12 }; /* words that are fetched while one is merged */

struct neighbour {
    int64_t count;
    uint32_t places; /* 0: not met */
    int32_t pair;    /* in the index, or -1 */
};

struct meeting {
    int32_t token;
    uint32_t word;
};

/* What stands on one side of the merged pair. */
struct neighbours {
    struct neighbour *tokens; /* [vocab_size] */
    int32_t *met;             /* [vocab_size]: tokens with places */
    int64_t met_count;
    struct meeting *meetings; /* in the order of words */
    size_t meeting_count, meeting_capacity;
};

struct merge_learner {
    struct word_store words;
    int64_t single_tokens; /* in words of one token, which are left out of `words` */
    struct pair_index index;
    int64_t merges_left; /* at most */
    int64_t least;       /* pairs that occur less often may be missing from the index */
    struct pair_map taken;
    int32_t left, right; /* the pair that was taken last */
    struct neighbours before, after;
};

static void neighbours_init(struct neighbours *side, int64_t vocab_size)
{
    *side = (struct neighbours){ 0 };
    side->tokens = memory_alloc_zeroed((size_t)vocab_size, sizeof *side->tokens);
    side->met = memory_alloc_zeroed((size_t)vocab_size, sizeof *side->met);
}

static void neighbours_release(struct neighbours *side)
{
    memory_free(side->tokens);
    memory_free(side->met);
    memory_free(side->meetings);
}

static void take_census(struct merge_learner *learner)
{
    pair_index_release(&learner->index);
    pair_index_init(&learner->index);
    learner->single_tokens += word_store_compact(&learner->words);
    learner->least = pair_census_take(&learner->words, &learner->taken, learner->least,
                                      learner->merges_left, &learner->index);
}

struct merge_learner *merge_learner_create(struct word_store *words, int64_t vocab_size)
{
    struct merge_learner *learner = memory_alloc_zeroed(1, sizeof *learner);
    learner->words = *words;
    *words = (struct word_store){ 0 };
    pair_index_init(&learner->index);
    pair_map_init(&learner->taken);
    neighbours_init(&learner->before, vocab_size);
    neighbours_init(&learner->after, vocab_size);
    learner->least = INT64_MAX;
    learner->merges_left = vocab_size;
    take_census(learner);
    return learner;
}

void merge_learner_free(struct merge_learner *learner)
{
    word_store_release(&learner->words);
    pair_index_release(&learner->index);
    pair_map_release(&learner->taken);
    neighbours_release(&learner->before);
    neighbours_release(&learner->after);
    memory_free(learner);
}

bool merge_learner_take(struct merge_learner *learner, int32_t *left, int32_t *right)
{
    const struct indexed_pair *pair;
    while (!(pair = pair_index_take(&learner->index, learner->least))) {
        if (learner->least <= 2)
            return false;
        take_census(learner);
    }
    *left = learner->left = pair->left;
    *right = learner->right = pair->right;
    pair_map_add(&learner->taken, pair->left, pair->right, 0);
    return true;
}

/* ---- words ---- */

/* A word of so many tokens meets fewer neighbours on a side than that. */
static void reserve(struct neighbours *side, size_t meetings)
{
    if (side->meeting_capacity - side->meeting_count >= meetings)
        return;
    side->meeting_capacity += side->meeting_capacity / 2 + meetings + 1024;
    side->meetings =
        memory_realloc(side->meetings, side->meeting_capacity * sizeof *side->meetings);
}

static ALWAYS_INLINE void meet(struct neighbours *side, uint32_t token, int64_t count, size_t word)
{
    struct neighbour *neighbour = &side->tokens[token];
    if (neighbour->places++ == 0)
        side->met[side->met_count++] = (int32_t)token;
    neighbour->count += count;
    side->meetings[side->meeting_count++] = (struct meeting){ (int32_t)token, (uint32_t)word };
}

/* Left to right, as an encoder will do it; what was merged is written over what was read. */
static ALWAYS_INLINE void merge_word(struct merge_learner *learner, size_t word, uint32_t result,
                                     bool wide)
{
    const uint32_t left = (uint32_t)learner->left, right = (uint32_t)learner->right;
    void *cells = learner->words.cells;
    size_t written = word + WORD_STORE_HEAD(wide), at = written;
    const size_t end = at + word_cell(cells, word, wide);
    const int64_t count = word_count(cells, word, wide);
    uint32_t last = WORD_STORE_VOID(wide);
    reserve(&learner->before, end - at);
    reserve(&learner->after, end - at);

    while (at < end) {
        uint32_t token = word_cell(cells, at++, wide);
        if (token == left && at < end && word_cell(cells, at, wide) == right) {
            at++;
            token = result;
            if (last != WORD_STORE_VOID(wide))
                meet(&learner->before, last, count, word);
        } else if (last == result) {
            meet(&learner->after, token, count, word);
        }
        word_cell_set(cells, written++, token, wide);
        last = token;
    }
    word_cell_set(cells, word, (uint32_t)(written - word - WORD_STORE_HEAD(wide)), wide);
    while (written < end)
        word_cell_set(cells, written++, WORD_STORE_VOID(wide), wide);
}

static ALWAYS_INLINE void merge_words(struct merge_learner *learner, const uint32_t *places,
                                      uint32_t place_count, uint32_t result, bool wide)
{
    const char *cells = learner->words.cells;
    const size_t cell = wide ? sizeof(uint32_t) : sizeof(uint16_t);
    for (uint32_t i = 0; i < place_count; i++) {
        if (i + AHEAD < place_count)
            __builtin_prefetch(cells + places[i + AHEAD] * cell, 1);
        merge_word(learner, places[i], result, wide);
    }
}

/* ---- pairs ---- */

static void note_pairs(struct merge_learner *learner, struct neighbours *side, int32_t result)
{
    const bool is_before = side == &learner->before;
    for (int64_t i = 0; i < side->met_count; i++) {
        int32_t token = side->met[i];
        struct neighbour *met = &side->tokens[token];
        if (!is_before)
            pair_index_lose(&learner->index, learner->right, token, met->count);
        else if (token == result) /* L R L R: (R, L) becomes (N, N) */
            pair_index_lose(&learner->index, learner->right, learner->left, met->count);
        else
            pair_index_lose(&learner->index, token, learner->left, met->count);

        met->pair = -1;
        if (met->count < learner->least)
            continue;
        met->pair = (int32_t)learner->index.count;
        pair_index_add(&learner->index, is_before ? token : result, is_before ? result : token,
                       met->count, met->places);
    }
}

static void note_places(struct merge_learner *learner, struct neighbours *side)
{
    for (size_t i = 0; i < side->meeting_count; i++) {
        int32_t pair = side->tokens[side->meetings[i].token].pair;
        if (pair >= 0)
            indexed_pair_add_place(&learner->index.pairs[pair], side->meetings[i].word);
    }
    for (int64_t i = 0; i < side->met_count; i++)
        side->tokens[side->met[i]] = (struct neighbour){ 0 };
    side->met_count = 0;
    side->meeting_count = 0;
}

void merge_learner_merge(struct merge_learner *learner, int32_t result)
{
    struct indexed_pair *pair = pair_index_find(&learner->index, learner->left, learner->right);
    uint32_t *places = pair->places, place_count = pair->place_count;
    pair->places = NULL;
    pair->place_count = 0;

    if (learner->words.wide)
        merge_words(learner, places, place_count, (uint32_t)result, true);
    else
        merge_words(learner, places, place_count, (uint32_t)result, false);
    memory_free(places);
    learner->merges_left--;

    note_pairs(learner, &learner->before, result);
    note_pairs(learner, &learner->after, result);
    note_places(learner, &learner->before);
    note_places(learner, &learner->after);
}

int64_t merge_learner_tokens(struct merge_learner *learner)
{
    const void *cells = learner->words.cells;
    const bool wide = learner->words.wide;
    int64_t tokens = learner->single_tokens;
    for (size_t word = 0; word_find(cells, learner->words.used, &word, wide);) {
        size_t length = word_cell(cells, word, wide);
        tokens += (int64_t)length * word_count(cells, word, wide);
        word += WORD_STORE_HEAD(wide) + length;
    }
    return tokens;
}

size_t merge_learner_bytes(size_t cells, bool wide)
{
    size_t lists =
        2 * sizeof(uint32_t) * pair_census_most_places(cells); /* and those that merges add */
    return cells * (wide ? sizeof(uint32_t) : sizeof(uint16_t)) + lists;
}
