#include "shards/tokenizer/pair_queue.h"

#include <stddef.h>

#include "base/memory.h"

static bool goes_first(const struct pair_count *a, const struct pair_count *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

void pair_queue_push(struct pair_queue *queue, struct pair_count entry)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? 2 * queue->capacity : 1024;
        queue->entries =
            memory_realloc(queue->entries, (size_t)queue->capacity * sizeof *queue->entries);
    }
    int64_t at = queue->count++;
    for (int64_t parent; at > 0; at = parent) {
        parent = (at - 1) / 2;
        if (!goes_first(&entry, &queue->entries[parent]))
            break;
        queue->entries[at] = queue->entries[parent];
    }
    queue->entries[at] = entry;
}

bool pair_queue_pop(struct pair_queue *queue, struct pair_count *first)
{
    if (queue->count == 0)
        return false;
    *first = queue->entries[0];

    struct pair_count moved = queue->entries[--queue->count];
    int64_t at = 0;
    for (int64_t child; (child = 2 * at + 1) < queue->count; at = child) {
        if (child + 1 < queue->count &&
            goes_first(&queue->entries[child + 1], &queue->entries[child]))
            child++;
        if (!goes_first(&queue->entries[child], &moved))
            break;
        queue->entries[at] = queue->entries[child];
    }
    queue->entries[at] = moved;
    return true;
}

void pair_queue_release(struct pair_queue *queue)
{
    memory_free(queue->entries);
    *queue = (struct pair_queue){ 0 };
}
