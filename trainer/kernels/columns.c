/* The operations of rows.h that sum over rows: blocks of columns, rows in their order. */
#include "trainer/kernels/rows.h"

#include <stddef.h>

#include "trainer/kernels/product.h"

enum { COLUMNS_IN_BLOCK = 64 };

static int64_t column_blocks(int64_t columns)
{
    return (columns + COLUMNS_IN_BLOCK - 1) / COLUMNS_IN_BLOCK;
}

static int64_t columns_of_block(int64_t block, int64_t columns, int64_t *first)
{
    *first = block * COLUMNS_IN_BLOCK;
    return columns - *first < COLUMNS_IN_BLOCK ? columns - *first : COLUMNS_IN_BLOCK;
}

struct sums_job {
    const struct vector_loops *loops;
    struct rows x;
    real *sums;
    int64_t rows, columns, stride;
};

static void sums_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct sums_job *job = context;
    int64_t c, count = columns_of_block(block, job->columns, &c);
    job->loops->column_sums(job->x.element, rows_from(job->x, c).values, job->sums + c, job->rows,
                            count, job->stride);
}

static void run_sums(struct kernels *kernels, enum kernel_id id, struct sums_job *job)
{
    job->loops = kernels->table->vector;
    kernels_run(kernels, id, column_blocks(job->columns), sums_block, job);
    kernels_count_elements(kernels, id, job->x.element, job->rows * job->columns);
}

void column_sums(struct kernels *kernels, struct rows x, real *sums, int64_t rows, int64_t columns)
{
    struct sums_job job = {
        .x = x, .sums = sums, .rows = rows, .columns = columns, .stride = columns
    };
    run_sums(kernels, KERNEL_COLUMN_SUMS, &job);
}

void add_block_sums(struct kernels *kernels, enum kernel_id id, real *of_blocks, int64_t blocks,
                    int64_t stride, real *sums, int64_t columns)
{
    struct sums_job job = { .x = rows_of_reals(of_blocks),
                            .sums = sums,
                            .rows = blocks,
                            .columns = columns,
                            .stride = stride };
    run_sums(kernels, id, &job);
}

struct embedding_gradients_job {
    const struct vector_loops *loops;
    const struct embedding *embedding;
    const real *dx;
    real *dtable, *dpositions;
    int64_t rows;
};

static void embedding_gradients_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct embedding_gradients_job *job = context;
    const struct embedding *e = job->embedding;
    int64_t c, count = columns_of_block(block, e->C, &c);
    for (int64_t r = 0; r < job->rows; r++) {
        const real *dx = job->dx + r * e->C + c;
        real *row = job->dtable + e->tokens[r] * e->C + c;
        job->loops->add(row, dx, row, count);
        if (job->dpositions) {
            real *position = job->dpositions + (r % e->T + e->past) * e->C + c;
            job->loops->add(position, dx, position, count);
        }
    }
}

void embedding_backward(struct kernels *kernels, const struct embedding *embedding, const real *dx,
                        real *dtable, real *dpositions, int64_t rows)
{
    struct embedding_gradients_job job = {
        kernels->table->vector, embedding, dx, dtable, dpositions, rows
    };
    kernels_run(kernels, KERNEL_EMBEDDING_BACKWARD, column_blocks(embedding->C),
                embedding_gradients_block, &job);
    kernels_count_reals(kernels, KERNEL_EMBEDDING_BACKWARD, 3 * rows * embedding->C);
}
