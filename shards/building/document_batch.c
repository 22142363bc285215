#include "shards/building/document_batch.h"

#include "base/memory.h"

void document_batch_release(struct document_batch *batch)
{
    for (int64_t i = 0; i < batch->capacity; i++)
        document_release(&batch->items[i].document);
    memory_free(batch->items);
    *batch = (struct document_batch){ 0 };
}

struct batch_item *document_batch_room(struct document_batch *batch)
{
    if (batch->count == batch->capacity) {
        int64_t capacity = batch->capacity ? 2 * batch->capacity : 256;
        batch->items = memory_realloc(batch->items, (size_t)capacity * sizeof *batch->items);
        for (int64_t i = batch->capacity; i < capacity; i++)
            document_init(&batch->items[i].document);
        batch->capacity = capacity;
    }
    return &batch->items[batch->count];
}
