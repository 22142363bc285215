#include "shards/tokenizer/pair_index.h"

#include "base/memory.h"
#include "base/status.h"

void pair_index_init(struct pair_index *index)
{
    *index = (struct pair_index){ 0 };
    pair_map_init(&index->numbers);
}

void pair_index_release(struct pair_index *index)
{
    for (int64_t i = 0; i < index->count; i++)
        memory_free(index->pairs[i].places);
    pair_map_release(&index->numbers);
    pair_queue_release(&index->queue);
    memory_free(index->pairs);
    *index = (struct pair_index){ 0 };
}

struct indexed_pair *pair_index_add(struct pair_index *index, int32_t left, int32_t right,
                                    int64_t count, uint32_t place_capacity)
{
    CHECK(index->count < INT32_MAX, "more than %d frequent pairs of tokens", INT32_MAX);
    if (index->count == index->capacity) {
        index->capacity = index->capacity ? 2 * index->capacity : 1024;
        index->pairs = memory_realloc(index->pairs, (size_t)index->capacity * sizeof *index->pairs);
    }
    pair_map_add(&index->numbers, left, right, (int32_t)index->count);
    struct indexed_pair *pair = &index->pairs[index->count++];
    *pair = (struct indexed_pair){ .left = left, .right = right, .count = count };
    pair->places = memory_alloc(place_capacity * sizeof *pair->places);
    pair->place_capacity = place_capacity;
    pair_queue_push(&index->queue, (struct pair_count){ count, left, right });
    return pair;
}

void pair_index_lose(struct pair_index *index, int32_t left, int32_t right, int64_t count)
{
    struct indexed_pair *pair = pair_index_find(index, left, right);
    if (pair)
        pair->count -= count;
}

struct indexed_pair *pair_index_take(struct pair_index *index, int64_t least)
{
    struct pair_count first;
    while (pair_queue_pop(&index->queue, &first)) {
        struct indexed_pair *pair = pair_index_find(index, first.left, first.right);
        if (pair->count < least)
            continue;
        if (pair->count == first.count) {
            pair->count = 0;
            return pair;
        }
        first.count = pair->count;
        pair_queue_push(&index->queue, first);
    }
    return NULL;
}
