#include "shards/merge_learner.h"

#include "base/memory.h"
#include "shards/pair_map.h"
#include "shards/pair_queue.h"

#define NONE UINT32_MAX

struct learner_word {
    size_t first; /* its first token in `tokens` */
    uint32_t length;
    int64_t count;
};

struct learner_pair {
    int32_t left, right;
    int64_t count;
    uint32_t occurrences; /* the list's first */
    bool grown;           /* since it was last put into the queue */
};

struct occurrence {
    uint32_t word, next;
};

struct merge_learner {
    struct learner_word *words;
    int64_t word_count;
    int32_t *tokens;

    struct pair_map pair_number;
    struct learner_pair *pairs;
    int64_t pair_count, pair_capacity;

    struct occurrence *occurrences;
    size_t occurrence_count, occurrence_capacity;
    uint32_t unused; /* a list of occurrences that are free again */

    int32_t *grown; /* pairs to put into the queue */
    int64_t grown_count, grown_capacity;
    struct pair_queue queue;
};

/* ---- pairs ---- */

static struct learner_pair *pair_of(struct merge_learner *learner, int32_t left, int32_t right)
{
    int32_t number = pair_map_find(&learner->pair_number, left, right);
    if (number >= 0)
        return &learner->pairs[number];
    CHECK(learner->pair_count < INT32_MAX, "more than %d distinct pairs of tokens", INT32_MAX);
    if (learner->pair_count == learner->pair_capacity) {
        learner->pair_capacity = learner->pair_capacity ? 2 * learner->pair_capacity : 1024;
        learner->pairs =
            memory_realloc(learner->pairs, (size_t)learner->pair_capacity * sizeof *learner->pairs);
    }
    pair_map_add(&learner->pair_number, left, right, (int32_t)learner->pair_count);
    struct learner_pair *pair = &learner->pairs[learner->pair_count++];
    *pair = (struct learner_pair){ .left = left, .right = right, .occurrences = NONE };
    return pair;
}

static uint32_t new_occurrence(struct merge_learner *learner)
{
    uint32_t taken = learner->unused;
    if (taken != NONE) {
        learner->unused = learner->occurrences[taken].next;
        return taken;
    }
    CHECK(learner->occurrence_count < NONE, "more than %u places of pairs", NONE);
    if (learner->occurrence_count == learner->occurrence_capacity) {
        learner->occurrence_capacity += learner->occurrence_capacity / 2 + 1024;
        learner->occurrences = memory_realloc(
            learner->occurrences, learner->occurrence_capacity * sizeof *learner->occurrences);
    }
    return (uint32_t)learner->occurrence_count++;
}

static void note_grown(struct merge_learner *learner, struct learner_pair *pair)
{
    if (pair->grown)
        return;
    pair->grown = true;
    if (learner->grown_count == learner->grown_capacity) {
        learner->grown_capacity = learner->grown_capacity ? 2 * learner->grown_capacity : 1024;
        learner->grown = memory_realloc(learner->grown,
                                        (size_t)learner->grown_capacity * sizeof *learner->grown);
    }
    learner->grown[learner->grown_count++] = (int32_t)(pair - learner->pairs);
}

static void add_pair(struct merge_learner *learner, int32_t left, int32_t right, uint32_t word)
{
    struct learner_pair *pair = pair_of(learner, left, right);
    pair->count += learner->words[word].count;
    note_grown(learner, pair);
    if (pair->occurrences != NONE && learner->occurrences[pair->occurrences].word == word)
        return;
    uint32_t occurrence = new_occurrence(learner);
    learner->occurrences[occurrence] = (struct occurrence){ word, pair->occurrences };
    pair->occurrences = occurrence;
}

static void remove_pair(struct merge_learner *learner, int32_t left, int32_t right, uint32_t word)
{
    pair_of(learner, left, right)->count -= learner->words[word].count;
}

static void queue_grown(struct merge_learner *learner)
{
    for (int64_t i = 0; i < learner->grown_count; i++) {
        struct learner_pair *pair = &learner->pairs[learner->grown[i]];
        pair->grown = false;
        if (pair->count >= 2)
            pair_queue_push(&learner->queue,
                            (struct pair_count){ pair->count, pair->left, pair->right });
    }
    learner->grown_count = 0;
}

/* ---- words ---- */

struct merge_learner *merge_learner_create(const struct byte_map *words, const int64_t *counts,
                                           const int32_t byte_token[256])
{
    struct merge_learner *learner = memory_alloc_zeroed(1, sizeof *learner);
    CHECK((uint64_t)words->count < NONE, "%lld words", (long long)words->count);
    learner->unused = NONE;
    pair_map_init(&learner->pair_number);
    learner->word_count = words->count;
    learner->words = memory_alloc_zeroed((size_t)words->count + 1, sizeof *learner->words);
    learner->tokens = memory_alloc_zeroed(words->bytes.length + 1, sizeof *learner->tokens);
    for (size_t i = 0; i < words->bytes.length; i++)
        learner->tokens[i] = byte_token[(unsigned char)words->bytes.bytes[i]];

    for (int64_t i = 0; i < words->count; i++) {
        size_t length, first = words->offset[i];
        byte_map_bytes(words, i, &length);
        learner->words[i] = (struct learner_word){ first, (uint32_t)length, counts[i] };
        for (size_t at = first; at + 1 < first + length; at++)
            add_pair(learner, learner->tokens[at], learner->tokens[at + 1], (uint32_t)i);
    }
    queue_grown(learner);
    return learner;
}

void merge_learner_free(struct merge_learner *learner)
{
    memory_free(learner->words);
    memory_free(learner->tokens);
    pair_map_release(&learner->pair_number);
    memory_free(learner->pairs);
    memory_free(learner->occurrences);
    memory_free(learner->grown);
    pair_queue_release(&learner->queue);
    memory_free(learner);
}

bool merge_learner_take(struct merge_learner *learner, int32_t *left, int32_t *right)
{
    struct pair_count first;
    while (pair_queue_pop(&learner->queue, &first)) {
        int64_t count = pair_of(learner, first.left, first.right)->count;
        if (count == first.count) {
            *left = first.left;
            *right = first.right;
            return true;
        }
        first.count = count;
        if (count >= 2)
            pair_queue_push(&learner->queue, first);
    }
    return false;
}

/* Left to right, as an encoder will do it; what was merged is written over what was read. */
static void merge_word(struct merge_learner *learner, uint32_t number, int32_t left, int32_t right,
                       int32_t result)
{
    struct learner_word *word = &learner->words[number];
    int32_t *token = learner->tokens + word->first;
    uint32_t length = word->length, written = 0;
    for (uint32_t at = 0; at < length; written++) {
        if (at + 1 == length || token[at] != left || token[at + 1] != right) {
            token[written] = token[at++];
            continue;
        }
        at += 2;
        if (written > 0) {
            remove_pair(learner, token[written - 1], left, number);
            add_pair(learner, token[written - 1], result, number);
        }
        if (at < length) {
            remove_pair(learner, right, token[at], number);
            add_pair(learner, result, token[at], number);
        }
        token[written] = result;
    }
    word->length = written;
}

void merge_learner_merge(struct merge_learner *learner, int32_t left, int32_t right, int32_t result)
{
    struct learner_pair *pair = pair_of(learner, left, right);
    uint32_t occurrence = pair->occurrences;
    pair->occurrences = NONE; /* `pair` may move from here on */

    while (occurrence != NONE) {
        struct occurrence here = learner->occurrences[occurrence];
        learner->occurrences[occurrence].next = learner->unused;
        learner->unused = occurrence;
        merge_word(learner, here.word, left, right, result);
        occurrence = here.next;
    }
    pair_of(learner, left, right)->count = 0; /* overlaps, as in "aaa", were counted twice */
    queue_grown(learner);
}
