#include "trainer/kernels/rows.h"

#include <string.h>

#include "trainer/kernels/product.h"

enum { ROWS_IN_BLOCK = 32 };

static int64_t row_blocks(int64_t rows)
{
    return (rows + ROWS_IN_BLOCK - 1) / ROWS_IN_BLOCK;
}

/* Rows of block `block`: *first, and returns how many. */
static int64_t rows_of_block(int64_t block, int64_t rows, int64_t *first)
{
    *first = block * ROWS_IN_BLOCK;
    return rows - *first < ROWS_IN_BLOCK ? rows - *first : ROWS_IN_BLOCK;
}

/* From row `row` on, where rows are `width` wide. */
static void *row_at(struct rows rows, int64_t row, int64_t width)
{
    return rows_from(rows, row * width).values;
}

/* Blocks that are summed over: whole ones, and the last with the rest, so that none but an only
 * one has less than ROWS_IN_BLOCK rows. */
static int64_t summed_blocks(int64_t rows)
{
    return rows < 2 * ROWS_IN_BLOCK ? 1 : rows / ROWS_IN_BLOCK;
}

static int64_t rows_of_summed_block(int64_t block, int64_t rows, int64_t *first)
{
    *first = block * ROWS_IN_BLOCK;
    return block + 1 < summed_blocks(rows) ? ROWS_IN_BLOCK : rows - *first;
}

struct norm_job {
    const struct norm_loops *loops;
    const struct norm *norm;
    const real *x;
    real *dn;
    struct rows n;
    const struct norm_gradient *gradient;
    real *mean, *rstd;
    const real *kept_mean, *kept_rstd;
    int64_t rows;
};

static void norm_forward_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct norm_job *job = context;
    int64_t r, count = rows_of_block(block, job->rows, &r), C = job->norm->C;
    job->loops->forward(job->norm, job->x + r * C, job->n.element, row_at(job->n, r, C),
                        job->mean + r, job->rstd + r, count);
}

void norm_forward(struct kernels *kernels, const struct norm *norm, const real *x, struct rows n,
                  real *mean, real *rstd, int64_t rows)
{
    struct norm_job job = { .loops = kernels->table->norm,
                            .norm = norm,
                            .x = x,
                            .n = n,
                            .mean = mean,
                            .rstd = rstd,
                            .rows = rows };
    kernels_run(kernels, KERNEL_NORM_FORWARD, row_blocks(rows), norm_forward_block, &job);
    kernels_count_reals(kernels, KERNEL_NORM_FORWARD, rows * norm->C);
    kernels_count_elements(kernels, KERNEL_NORM_FORWARD, n.element, rows * norm->C);
}

static void norm_apply_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct norm_job *job = context;
    int64_t r, count = rows_of_block(block, job->rows, &r), C = job->norm->C;
    job->loops->apply(job->norm, job->x + r * C, job->n.element, row_at(job->n, r, C),
                      job->kept_mean + r, job->kept_rstd + r, count);
}

void norm_apply(struct kernels *kernels, const struct norm *norm, const real *x, struct rows n,
                const real *mean, const real *rstd, int64_t rows)
{
    struct norm_job job = { .loops = kernels->table->norm,
                            .norm = norm,
                            .x = x,
                            .n = n,
                            .kept_mean = mean,
                            .kept_rstd = rstd,
                            .rows = rows };
    kernels_run(kernels, KERNEL_NORM_FORWARD, row_blocks(rows), norm_apply_block, &job);
    kernels_count_reals(kernels, KERNEL_NORM_FORWARD, rows * norm->C);
    kernels_count_elements(kernels, KERNEL_NORM_FORWARD, n.element, rows * norm->C);
}

/* The first rows of a block's dn become its sums; an only block adds to where they belong. */
static struct norm_sums sums_of_block(const struct norm_job *job, real *dn)
{
    const struct norm_gradient *to = job->gradient;
    const int64_t C = job->norm->C;
    if (summed_blocks(job->rows) == 1)
        return (struct norm_sums){ to->dgain, to->dbias, to->dx_sums, true };
    return (struct norm_sums){ dn, to->dbias ? dn + C : NULL, to->dx_sums ? dn + 2 * C : NULL,
                               false };
}

static void norm_backward_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct norm_job *job = context;
    int64_t r, count = rows_of_summed_block(block, job->rows, &r), at = r * job->norm->C;
    const struct norm_sums sums = sums_of_block(job, job->dn + at);
    job->loops->backward(job->norm, job->dn + at, job->x + at, job->kept_mean + r,
                         job->kept_rstd + r, job->gradient->dx + at, count, &sums);
}

void norm_backward(struct kernels *kernels, const struct norm *norm, real *dn, const real *x,
                   const real *mean, const real *rstd, const struct norm_gradient *gradient,
                   int64_t rows)
{
    struct norm_job job = { .loops = kernels->table->norm,
                            .norm = norm,
                            .x = x,
                            .dn = dn,
                            .gradient = gradient,
                            .kept_mean = mean,
                            .kept_rstd = rstd,
                            .rows = rows };
    const int64_t C = norm->C, blocks = summed_blocks(rows);
    if (gradient->dx_sums)
        memset(gradient->dx_sums, 0, (size_t)C * sizeof(real));
    kernels_run(kernels, KERNEL_NORM_BACKWARD, blocks, norm_backward_block, &job);
    kernels_count_reals(kernels, KERNEL_NORM_BACKWARD, 4 * rows * C);
    real *const sums[] = { gradient->dgain, gradient->dbias, gradient->dx_sums };
    for (int i = 0; blocks > 1 && i < 3; i++)
        if (sums[i])
            add_block_sums(kernels, KERNEL_NORM_PARAMETERS, dn + i * C, blocks, ROWS_IN_BLOCK * C,
                           sums[i], C);
}

struct activation_job {
    const struct kernel_table *table;
    enum activation kind;
    struct rows x, y_or_d;
    int64_t rows, F;
    real *sums, *room;
};

static void activation_forward_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct activation_job *job = context;
    const struct activation_loops *loops = job->table->activation;
    int64_t r, count = rows_of_block(block, job->rows, &r), F = job->F;
    void *y = row_at(job->y_or_d, r, F);
    if (job->kind == ACTIVATION_GELU)
        loops->gelu(job->x.element, row_at(job->x, r, F), y, count * F);
    else
        loops->swiglu(job->x.element, row_at(job->x, r, 2 * F), y, count, F);
}

static void activation_backward_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct activation_job *job = context;
    const struct activation_loops *loops = job->table->activation;
    const int64_t F = job->F, width = job->kind == ACTIVATION_SWIGLU ? 2 * F : F;
    int64_t r, count = rows_of_summed_block(block, job->rows, &r);
    void *x = row_at(job->x, r, width), *d = row_at(job->y_or_d, r, width);
    if (job->kind == ACTIVATION_GELU)
        loops->gelu_backward(job->x.element, x, d, count * F);
    else
        loops->swiglu_backward(job->x.element, x, d, count, F);
    if (!job->sums)
        return;
    real *sums = summed_blocks(job->rows) == 1 ? job->sums : job->room + block * width;
    if (sums != job->sums)
        memset(sums, 0, (size_t)width * sizeof(real));
    job->table->vector->column_sums(job->x.element, d, sums, count, width, width);
}

void activation_forward(struct kernels *kernels, enum activation kind, struct rows x, struct rows y,
                        int64_t rows, int64_t F)
{
    struct activation_job job = {
        .table = kernels->table, .kind = kind, .x = x, .y_or_d = y, .rows = rows, .F = F
    };
    CHECK(x.element == y.element, "an activation's rows are of one element type");
    kernels_run(kernels, KERNEL_ACTIVATION_FORWARD, row_blocks(rows), activation_forward_block,
                &job);
    kernels_count_elements(kernels, KERNEL_ACTIVATION_FORWARD, x.element,
                           rows * F * (kind == ACTIVATION_GELU ? 2 : 3));
}

int64_t activation_sums_room(int64_t rows, int64_t width)
{
    return summed_blocks(rows) == 1 ? 0 : summed_blocks(rows) * width;
}

void activation_backward(struct kernels *kernels, enum activation kind, struct rows x,
                         struct rows d, int64_t rows, int64_t F, real *sums, real *room)
{
    struct activation_job job = { kernels->table, kind, x, d, rows, F, sums, room };
    const int64_t blocks = summed_blocks(rows), width = kind == ACTIVATION_GELU ? F : 2 * F;
    CHECK(x.element == d.element, "an activation's rows are of one element type");
    kernels_run(kernels, KERNEL_ACTIVATION_BACKWARD, blocks, activation_backward_block, &job);
    kernels_count_elements(kernels, KERNEL_ACTIVATION_BACKWARD, x.element,
                           rows * F * (kind == ACTIVATION_GELU ? 4 : 6));
    if (sums && blocks > 1)
        add_block_sums(kernels, KERNEL_COLUMN_SUMS, room, blocks, width, sums, width);
}

struct rotation_job {
    const struct vector_loops *loops;
    const struct rotation *rotation;
    struct rows x;
    int64_t rows;
};

static void rotation_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct rotation_job *job = context;
    const struct rotation *rotation = job->rotation;
    const int64_t half = rotation->head_dim / 2;
    int64_t first, count = rows_of_block(block, job->rows, &first);
    for (int64_t r = first; r < first + count; r++) {
        int64_t angle = (r % rotation->T + rotation->past) * half;
        job->loops->rotate(job->x.element, row_at(job->x, r, rotation->stride), rotation->heads,
                           half, rotation->cosine + angle, rotation->sine + angle,
                           rotation->direction);
    }
}

void rotate_rows(struct kernels *kernels, const struct rotation *rotation, struct rows x,
                 int64_t rows)
{
    struct rotation_job job = { kernels->table->vector, rotation, x, rows };
    kernels_run(kernels, KERNEL_ROTATION, row_blocks(rows), rotation_block, &job);
    kernels_count_elements(kernels, KERNEL_ROTATION, x.element,
                           2 * rows * rotation->heads * rotation->head_dim);
}

struct embedding_job {
    const struct vector_loops *loops;
    const struct embedding *embedding;
    real *x;
    int64_t rows;
};

static void embedding_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct embedding_job *job = context;
    const struct embedding *e = job->embedding;
    int64_t first, count = rows_of_block(block, job->rows, &first);
    for (int64_t r = first; r < first + count; r++) {
        CHECK(e->tokens[r] >= 0 && e->tokens[r] < e->vocab_size,
              "token %d is beyond the model's vocabulary of %lld", e->tokens[r],
              (long long)e->vocab_size);
        const real *row = e->table + e->tokens[r] * e->C;
        if (e->positions)
            job->loops->add(row, e->positions + (r % e->T + e->past) * e->C, job->x + r * e->C,
                            e->C);
        else
            memcpy(job->x + r * e->C, row, (size_t)e->C * sizeof(real));
    }
}

void embedding_forward(struct kernels *kernels, const struct embedding *embedding, real *x,
                       int64_t rows)
{
    struct embedding_job job = { kernels->table->vector, embedding, x, rows };
    kernels_run(kernels, KERNEL_EMBEDDING_FORWARD, row_blocks(rows), embedding_block, &job);
    kernels_count_reals(kernels, KERNEL_EMBEDDING_FORWARD, 2 * rows * embedding->C);
}
