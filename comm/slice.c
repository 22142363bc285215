#include "comm/slice.h"

#include "base/memory.h"
#include "comm/operation.h"
#include "comm/transfer.h"

int64_t slice_block_count(int64_t count)
{
    return count / SLICE_BLOCK + (count % SLICE_BLOCK != 0);
}

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

/* The first block of a rank; of rank `size`: the end. Where the blocks do not divide, the first
 * ranks own one more, so the short last block falls to a rank that owns fewer. */
static int64_t first_block(int64_t count, int rank, int size)
{
    int64_t blocks = slice_block_count(count);
    return blocks / size * rank + at_most(rank, blocks % size);
}

struct slice slice_of_rank(int64_t count, int rank, int size)
{
    return (struct slice){
        .begin = at_most(first_block(count, rank, size) * SLICE_BLOCK, count),
        .end = at_most(first_block(count, rank + 1, size) * SLICE_BLOCK, count),
    };
}

void slice_gather_block_values(const struct world *world, double *block_values, int64_t count)
{
    operation_begin(world, "gathering of block values",
                    slice_block_count(count) * (int64_t)sizeof *block_values);
    int64_t *offsets = memory_alloc_zeroed((size_t)world->size + 1, sizeof *offsets);
    for (int rank = 0; rank < world->size; rank++)
        offsets[rank + 1] =
            first_block(count, rank + 1, world->size) * (int64_t)sizeof *block_values;
    transfer_gather_parts(world, block_values, offsets);
    memory_free(offsets);
    operation_end(world);
}
