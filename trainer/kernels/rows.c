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

struct norm_job {
    const struct norm_loops *loops;
    const struct norm *norm;
    const real *x, *dn;
    struct rows n;
    real *dx, *mean, *rstd;
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

static void norm_backward_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct norm_job *job = context;
    int64_t r, count = rows_of_block(block, job->rows, &r), at = r * job->norm->C;
    job->loops->backward(job->norm, job->dn + at, job->x + at, job->kept_mean + r,
                         job->kept_rstd + r, job->dx + at, count);
}

void norm_backward(struct kernels *kernels, const struct norm *norm, const real *dn, const real *x,
                   const real *mean, const real *rstd, real *dx, real *dgain, real *dbias,
                   int64_t rows)
{
    struct norm_job job = { .loops = kernels->table->norm,
                            .norm = norm,
                            .x = x,
                            .dn = dn,
                            .dx = dx,
                            .kept_mean = mean,
                            .kept_rstd = rstd,
                            .rows = rows };
    norm_parameter_gradients(kernels, norm, dn, x, mean, rstd, dgain, dbias, rows);
    kernels_run(kernels, KERNEL_NORM_BACKWARD, row_blocks(rows), norm_backward_block, &job);
    kernels_count_reals(kernels, KERNEL_NORM_BACKWARD, 4 * rows * norm->C);
}

struct activation_job {
    const struct activation_loops *loops;
    enum activation kind;
    struct rows x, y_or_d;
    int64_t rows, F;
};

static void activation_forward_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct activation_job *job = context;
    int64_t r, count = rows_of_block(block, job->rows, &r), F = job->F;
    void *y = row_at(job->y_or_d, r, F);
    if (job->kind == ACTIVATION_GELU)
        job->loops->gelu(job->x.element, row_at(job->x, r, F), y, count * F);
    else
        job->loops->swiglu(job->x.element, row_at(job->x, r, 2 * F), y, count, F);
}

static void activation_backward_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct activation_job *job = context;
    const int64_t F = job->F, width = job->kind == ACTIVATION_SWIGLU ? 2 * F : F;
    int64_t r, count = rows_of_block(block, job->rows, &r);
    void *x = row_at(job->x, r, width), *d = row_at(job->y_or_d, r, width);
    if (job->kind == ACTIVATION_GELU)
        job->loops->gelu_backward(job->x.element, x, d, count * F);
    else
        job->loops->swiglu_backward(job->x.element, x, d, count, F);
}

void activation_forward(struct kernels *kernels, enum activation kind, struct rows x, struct rows y,
                        int64_t rows, int64_t F)
{
    struct activation_job job = { kernels->table->activation, kind, x, y, rows, F };
    CHECK(x.element == y.element, "an activation's rows are of one element type");
    kernels_run(kernels, KERNEL_ACTIVATION_FORWARD, row_blocks(rows), activation_forward_block,
                &job);
    kernels_count_elements(kernels, KERNEL_ACTIVATION_FORWARD, x.element,
                           rows * F * (kind == ACTIVATION_GELU ? 2 : 3));
}

void activation_backward(struct kernels *kernels, enum activation kind, struct rows x,
                         struct rows d, int64_t rows, int64_t F)
{
    struct activation_job job = { kernels->table->activation, kind, x, d, rows, F };
    CHECK(x.element == d.element, "an activation's rows are of one element type");
    kernels_run(kernels, KERNEL_ACTIVATION_BACKWARD, row_blocks(rows), activation_backward_block,
                &job);
    kernels_count_elements(kernels, KERNEL_ACTIVATION_BACKWARD, x.element,
                           rows * F * (kind == ACTIVATION_GELU ? 4 : 6));
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
