#include "comm/leaf_values.h"

#include <string.h>

#include "base/memory.h"
#include "comm/operation.h"
#include "comm/transfer.h"
#include "comm/vector_add.h"

void leaf_values_gather(const struct world *world, const int64_t *ends, const double *mine,
                        int width, double *records)
{
    const int64_t record_bytes = width * (int64_t)sizeof *records;
    int64_t *offsets = memory_alloc_zeroed((size_t)world->size + 1, sizeof *offsets);
    for (int rank = 0; rank < world->size; rank++)
        offsets[rank + 1] = ends[rank] * record_bytes;

    operation_begin(world, "sum of leaf values", offsets[world->size]);
    const int64_t begin = offsets[world->rank], end = offsets[world->rank + 1];
    if (begin < end)
        memcpy((unsigned char *)records + begin, mine, (size_t)(end - begin));
    transfer_gather_parts(world, records, offsets);
    operation_end(world);
    memory_free(offsets);
}

void leaf_values_add(int64_t leaves, const double *records, int width, double *total)
{
    const int depth = leaf_tree_depth(leaves, (struct leaf_range){ 0, leaves });
    double *sums = memory_alloc_zeroed((size_t)depth, (size_t)width * sizeof *sums);
    struct leaf_stack stack = { .leaves = leaves };
    for (int64_t leaf = 0; leaf < leaves; leaf++) {
        memcpy(sums + (int64_t)stack.depth * width, records + leaf * width,
               (size_t)width * sizeof *sums);
        leaf_stack_push(&stack, (struct leaf_range){ leaf, leaf + 1 });
        while (leaf_stack_merge(&stack)) {
            double *left = sums + (int64_t)(stack.depth - 1) * width, *right = left + width;
            for (int i = 0; i < width; i++)
                left[i] = value_add(left[i], right[i]);
        }
    }
    CHECK(stack.depth == 1, "%d sums of %ld leaves have no sibling", stack.depth, (long)leaves);
    memcpy(total, sums, (size_t)width * sizeof *total);
    memory_free(sums);
}

void leaf_values_reduce(const struct world *world, int64_t leaves, const double *mine, int width,
                        double *total)
{
    CHECK(leaves >= 1 && width >= 1, "nothing to add: %ld leaves of %d values", (long)leaves,
          width);
    double *records = memory_alloc_zeroed((size_t)leaves, (size_t)width * sizeof *records);
    int64_t *ends = memory_alloc_zeroed((size_t)world->size, sizeof *ends);
    for (int rank = 0; rank < world->size; rank++)
        ends[rank] = leaf_range_of_rank(leaves, rank, world->size).end;
    leaf_values_gather(world, ends, mine, width, records);
    leaf_values_add(leaves, records, width, total);
    memory_free(ends);
    memory_free(records);
}
