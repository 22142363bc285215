#include "comm/slice.h"

#include <string.h>

#include "base/memory.h"
#include "comm/operation.h"
#include "comm/transfer.h"

int64_t slice_block_count(int64_t count)
{
    return count / SLICE_BLOCK + (count % SLICE_BLOCK != 0);
}

struct slicing slicing_of(int64_t count, int size)
{
    const int64_t blocks = slice_block_count(count), in_round = SLICE_ROUNDS * size;
    struct slicing slicing = { .count = count, .size = size, .part = SLICE_BLOCK };
    if (blocks > in_round)
        slicing.part *= blocks / in_round;
    const int64_t round = slicing.part * size;
    slicing.rounds = count / round + (count % round != 0);
    return slicing;
}

struct slice slicing_part(const struct slicing *slicing, int rank, int64_t round)
{
    struct slice part = { .begin = (round * slicing->size + rank) * slicing->part };
    if (part.begin > slicing->count)
        part.begin = slicing->count;
    part.end =
        slicing->count - part.begin < slicing->part ? slicing->count : part.begin + slicing->part;
    return part;
}

static int64_t blocks_of_part(const struct slicing *slicing, int64_t block)
{
    return (slicing->part + block - 1) / block;
}

int64_t slicing_units(const struct slicing *slicing, int64_t block)
{
    return slicing->rounds * blocks_of_part(slicing, block);
}

struct slice slicing_block(const struct slicing *slicing, int64_t block, int rank, int64_t unit)
{
    const int64_t in_part = blocks_of_part(slicing, block);
    struct slice slice = slicing_part(slicing, rank, unit / in_part);
    slice.begin += unit % in_part * block;
    if (slice.begin > slice.end)
        slice.begin = slice.end;
    if (slice.end - slice.begin > block)
        slice.end = slice.begin + block;
    return slice;
}

int slicing_owner(const struct slicing *slicing, int64_t element)
{
    return (int)(element / slicing->part % slicing->size);
}

int64_t slicing_length(const struct slicing *slicing, int rank)
{
    if (slicing->rounds == 0)
        return 0;
    const struct slice last = slicing_part(slicing, rank, slicing->rounds - 1);
    return (slicing->rounds - 1) * slicing->part + last.end - last.begin;
}

int64_t slicing_place(const struct slicing *slicing, int64_t element)
{
    const int64_t round = element / slicing->part / slicing->size;
    return round * slicing->part + element % slicing->part;
}

int64_t slicing_element(const struct slicing *slicing, int rank, int64_t place)
{
    return slicing_part(slicing, rank, place / slicing->part).begin + place % slicing->part;
}

int64_t slicing_below(const struct slicing *slicing, int rank, int64_t element)
{
    const int64_t round = element / slicing->part / slicing->size;
    const int owner = slicing_owner(slicing, element);
    const int64_t in_round = owner > rank    ? slicing->part
                             : owner == rank ? element % slicing->part
                                             : 0;
    return round * slicing->part + in_round;
}

struct slice slicing_stretch(const struct slicing *slicing, int64_t begin, int64_t end)
{
    const int64_t part_end = (begin / slicing->part + 1) * slicing->part;
    const bool goes_on = slicing->size == 1 || end < part_end; /* a rank alone: its parts touch */
    return (struct slice){ begin, goes_on ? end : part_end };
}

/* The values of a rank's blocks lie together while they travel. */
static void gather_in_order_of_owners(const struct world *world, const struct slicing *slicing,
                                      double *block_values, int64_t blocks)
{
    double *values = memory_alloc_zeroed((size_t)blocks, sizeof *values);
    int64_t *offsets = memory_alloc_zeroed((size_t)world->size + 1, sizeof *offsets);
    for (int rank = 0; rank < world->size; rank++)
        offsets[rank + 1] = offsets[rank] + slice_block_count(slicing_length(slicing, rank)) *
                                                (int64_t)sizeof *values;
    for (int64_t i = 0; i < blocks; i++) {
        const int owner = slicing_owner(slicing, i * SLICE_BLOCK);
        if (owner == world->rank)
            values[offsets[owner] / (int64_t)sizeof *values +
                   slicing_place(slicing, i * SLICE_BLOCK) / SLICE_BLOCK] = block_values[i];
    }
    transfer_gather_parts(world, values, offsets);
    for (int64_t i = 0; i < blocks; i++) {
        const int owner = slicing_owner(slicing, i * SLICE_BLOCK);
        block_values[i] = values[offsets[owner] / (int64_t)sizeof *values +
                                 slicing_place(slicing, i * SLICE_BLOCK) / SLICE_BLOCK];
    }
    memory_free(offsets);
    memory_free(values);
}

void slice_gather_block_values(const struct world *world, double *block_values, int64_t count)
{
    const struct slicing slicing = slicing_of(count, world->size);
    const int64_t blocks = slice_block_count(count);
    operation_begin(world, "gathering of block values", blocks * (int64_t)sizeof *block_values);
    if (world->size > 1)
        gather_in_order_of_owners(world, &slicing, block_values, blocks);
    operation_end(world);
}
