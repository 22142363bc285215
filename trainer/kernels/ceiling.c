#include "trainer/kernels/ceiling.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

/* Blocks are shorter than a thread's time slice, and more than threads: none waits long. */
enum { BLOCKS_A_THREAD = 16, ROUNDS = 1 << 15 };
#define COPY_BYTES  ((size_t)128 << 20)
#define COPY_PIECE  ((size_t)1 << 20)
#define COPY_PIECES ((int64_t)(COPY_BYTES / COPY_PIECE))

struct flops_job {
    int64_t (*ceiling)(int64_t rounds);
    int64_t flops_of_block;
};

static void spin_block(void *context, int64_t block, int thread)
{
    (void)thread;
    struct flops_job *job = context;
    int64_t flops = job->ceiling(ROUNDS);
    if (block == 0)
        job->flops_of_block = flops;
}

double ceiling_flops_per_second(struct kernels *kernels, enum element element)
{
    struct flops_job job = { .ceiling = kernels->tiles[element].ceiling };
    const int64_t blocks = (int64_t)BLOCKS_A_THREAD * thread_pool_size(kernels->pool);
    double begun = clock_seconds();
    thread_pool_run(kernels->pool, blocks, spin_block, &job);
    return (double)(blocks * job.flops_of_block) / (clock_seconds() - begun);
}

void ceiling_copy_init(struct ceiling_copy *copy)
{
    copy->from = memory_alloc(COPY_BYTES);
    copy->to = memory_alloc(COPY_BYTES);
    memset(copy->from, 1, COPY_BYTES); /* pages of its own: untouched ones are all the same zeros */
    memset(copy->to, 2, COPY_BYTES);
}

void ceiling_copy_release(struct ceiling_copy *copy)
{
    memory_free(copy->from);
    memory_free(copy->to);
}

static void copy_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct ceiling_copy *copy = context;
    size_t at = (size_t)block * COPY_PIECE;
    memcpy(copy->to + at, copy->from + at, COPY_PIECE);
}

double ceiling_bytes_per_second(struct kernels *kernels, const struct ceiling_copy *copy)
{
    struct ceiling_copy arrays = *copy;
    double begun = clock_seconds();
    thread_pool_run(kernels->pool, COPY_PIECES, copy_block, &arrays);
    return 2.0 * (double)COPY_BYTES / (clock_seconds() - begun);
}
