/* attention_blocks: the walk over blocks that attention's two directions share. Private. */
#ifndef TRAINER_KERNELS_ATTENTION_BLOCKS_H
#define TRAINER_KERNELS_ATTENTION_BLOCKS_H

#include "trainer/kernels/attention.h"
#include "trainer/kernels/kernel_scratch.h"

/* A block of queries [M] of one head against a block of keys [N]. */
struct score_block {
    int64_t query, M; /* first query, count */
    int64_t key, N;
    int64_t reach; /* keys of the block that its first query sees; each next query one more */
};

/* Keys that the last of the queries [query, query + M) sees: the walk's end. */
static inline int64_t visible_keys(const struct attention *a, int64_t query, int64_t M)
{
    return a->past + query + M;
}

static inline struct score_block score_block_at(const struct attention *a, int64_t query,
                                                int64_t key)
{
    struct score_block block = { .query = query, .key = key };
    block.M = a->T - query < ATTENTION_QUERIES ? a->T - query : ATTENTION_QUERIES;
    int64_t left = visible_keys(a, query, block.M) - key;
    block.N = left < ATTENTION_KEYS ? left : ATTENTION_KEYS;
    block.reach = a->past + query + 1 - key;
    return block;
}

#endif
