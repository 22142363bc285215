/* document_batch: the documents that begin in one lot of an input, as read. */
#ifndef SHARDS_DOCUMENT_BATCH_H
#define SHARDS_DOCUMENT_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "shards/inputs/document_reader.h"

struct batch_item {
    struct document document;
    enum reader_verdict verdict;
};

struct document_batch {
    int64_t input, lot;
    bool is_last; /* of the input */
    struct batch_item *items;
    int64_t count, capacity; /* items beyond `count` keep their memory for the next batch */
};

void document_batch_release(struct document_batch *batch);

/* Room for the next item, which the caller fills and then counts. */
struct batch_item *document_batch_room(struct document_batch *batch);

#endif
