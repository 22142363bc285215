/* pair_queue: pairs of tokens by how often they occur, the most frequent first;
 * among equals the one with the lower left id, then the lower right id. A heap. */
#ifndef SHARDS_PAIR_QUEUE_H
#define SHARDS_PAIR_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct pair_count {
    int64_t count;
    int32_t left, right;
};

struct pair_queue {
    struct pair_count *entries;
    int64_t count, capacity;
}; /* { 0 } is empty */

void pair_queue_push(struct pair_queue *queue, struct pair_count entry);
bool pair_queue_pop(struct pair_queue *queue, struct pair_count *first); /* false: it is empty */
void pair_queue_release(struct pair_queue *queue);

#endif
