#include "trainer/optimizer/gradient_norm.h"

#include <math.h>

#include "base/memory.h"
#include "trainer/kernels/kernel_table.h"

struct norm_work {
    const struct kernel_table *table;
    const float *gradient;
    double *block_sums; /* of all blocks; this rank fills its own */
    struct slicing slicing;
    int rank;
};

static void sum_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct norm_work *work = context;
    int64_t begin = slicing_element(&work->slicing, work->rank, block * SLICE_BLOCK);
    int64_t left = work->slicing.count - begin;
    work->block_sums[begin / SLICE_BLOCK] = work->table->optimizer->sum_of_squares(
        work->gradient + begin, left < SLICE_BLOCK ? left : SLICE_BLOCK);
}

double gradient_norm(const struct world *world, struct kernels *kernels, const float *gradient,
                     int64_t count)
{
    int64_t blocks = slice_block_count(count);
    struct norm_work work = {
        .table = kernels->table,
        .gradient = gradient,
        .block_sums = memory_alloc_zeroed((size_t)blocks, sizeof(double)),
        .slicing = slicing_of(count, world->size),
        .rank = world->rank,
    };
    const int64_t own = slicing_length(&work.slicing, world->rank);
    kernels_run(kernels, KERNEL_GRADIENT_NORM, slice_block_count(own), sum_block, &work);
    kernels_count_reals(kernels, KERNEL_GRADIENT_NORM, own);
    slice_gather_block_values(world, work.block_sums, count);

    double sum = 0.0;
    for (int64_t block = 0; block < blocks; block++)
        sum += work.block_sums[block];
    memory_free(work.block_sums);
    return sqrt(sum);
}

double gradient_clip_factor(double norm, double clip_norm)
{
    return clip_norm > 0.0 && norm > clip_norm ? clip_norm / norm : 1.0;
}
