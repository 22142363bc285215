#include "comm/leaf_values.h"

#include <string.h>

#include "base/memory.h"
#include "comm/operation.h"
#include "comm/transfer.h"
#include "comm/vector_add.h"

static void gather_records(const struct world *world, int64_t leaves, const double *mine, int width,
                           double *records)
{
    int64_t *offsets = memory_alloc_zeroed((size_t)world->size + 1, sizeof *offsets);
    int64_t record_bytes = width * (int64_t)sizeof *records;
    for (int rank = 0; rank < world->size; rank++)
        offsets[rank + 1] = leaf_range_of_rank(leaves, rank, world->size).end * record_bytes;

    struct leaf_range own = leaf_range_of_rank(leaves, world->rank, world->size);
    if (own.first < own.end)
        memcpy(records + own.first * width, mine, (size_t)((own.end - own.first) * record_bytes));
    transfer_gather_parts(world, records, offsets);
    memory_free(offsets);
}

/* The stack of sums grows over the records that were already read: its depth never exceeds the
 * leaves so far. */
static void add_along_the_tree(int64_t leaves, double *records, int width)
{
    struct leaf_stack stack = { .leaves = leaves };
    for (int64_t leaf = 0; leaf < leaves; leaf++) {
        memmove(records + (int64_t)stack.depth * width, records + leaf * width,
                (size_t)width * sizeof *records);
        leaf_stack_push(&stack, (struct leaf_range){ leaf, leaf + 1 });
        while (leaf_stack_merge(&stack)) {
            double *left = records + (int64_t)(stack.depth - 1) * width, *right = left + width;
            for (int i = 0; i < width; i++)
                left[i] = value_add(left[i], right[i]);
        }
    }
    CHECK(stack.depth == 1, "%d sums of %ld leaves have no sibling", stack.depth, (long)leaves);
}

void leaf_values_reduce(const struct world *world, int64_t leaves, const double *mine, int width,
                        double *total)
{
    CHECK(leaves >= 1 && width >= 1, "nothing to add: %ld leaves of %d values", (long)leaves,
          width);
    double *records = memory_alloc_zeroed((size_t)leaves, (size_t)width * sizeof *records);
    operation_begin(world, "sum of leaf values", leaves * width * (int64_t)sizeof *records);
    gather_records(world, leaves, mine, width, records);
    operation_end(world);
    add_along_the_tree(leaves, records, width);
    memcpy(total, records, (size_t)width * sizeof *total);
    memory_free(records);
}
