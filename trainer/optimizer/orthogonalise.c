#include "trainer/optimizer/orthogonalise.h"

#include <math.h>

#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/product.h"

enum { STEPS = 5, GRAM_PANEL = 256, ROWS_AT_ONCE = 16 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_tall(const struct strided *X)
{
    return X->rows > X->cols;
}

/* Of each piece of the scratch. */
struct scratch_bytes {
    size_t row_sums, other, square;
};

static struct scratch_bytes scratch_for(const struct strided *shapes, int64_t count)
{
    int64_t rows = 0, elements = 0, side = 0;
    for (int64_t i = 0; i < count; i++) {
        rows = larger(rows, shapes[i].rows);
        elements = larger(elements, shapes[i].rows * shapes[i].cols);
        side = larger(side, smaller(shapes[i].rows, shapes[i].cols));
    }
    return (struct scratch_bytes){ (size_t)rows * sizeof(double), (size_t)elements * sizeof(float),
                                   (size_t)(side * side) * sizeof(float) };
}

size_t orthogonaliser_bytes(const struct strided *shapes, int64_t count)
{
    const struct scratch_bytes bytes = scratch_for(shapes, count);
    return arena_rounded(bytes.row_sums) + arena_rounded(bytes.other) +
           2 * arena_rounded(bytes.square);
}

void orthogonaliser_init(struct orthogonaliser *orthogonaliser, const struct strided *shapes,
                         int64_t count)
{
    const struct scratch_bytes bytes = scratch_for(shapes, count);
    arena_init(&orthogonaliser->arena, orthogonaliser_bytes(shapes, count));
    orthogonaliser->row_sums = arena_take(&orthogonaliser->arena, bytes.row_sums);
    orthogonaliser->other = arena_take(&orthogonaliser->arena, bytes.other);
    orthogonaliser->gram = arena_take(&orthogonaliser->arena, bytes.square);
    orthogonaliser->polynomial = arena_take(&orthogonaliser->arena, bytes.square);
}

void orthogonaliser_release(struct orthogonaliser *orthogonaliser)
{
    arena_release(&orthogonaliser->arena);
}

/* A pass over the rows of two matrices, a few rows a block. */
struct row_pass {
    struct strided to, from;
    float factor;
    double *row_sums;
    const struct kernel_table *table;
};

static void run_rows(struct kernels *kernels, struct row_pass *pass, thread_pool_work *work)
{
    pass->table = kernels->table;
    kernels_run(kernels, KERNEL_OPTIMIZER, (pass->to.rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, work,
                pass);
}

static void sum_rows(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct row_pass *pass = context;
    const struct strided *X = &pass->to;
    int64_t end = smaller((block + 1) * ROWS_AT_ONCE, X->rows);
    for (int64_t r = block * ROWS_AT_ONCE; r < end; r++)
        pass->row_sums[r] = pass->table->optimizer->sum_of_squares(X->values + r * X->ld, X->cols);
}

static void scale_rows(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct row_pass *pass = context;
    int64_t end = smaller((block + 1) * ROWS_AT_ONCE, pass->to.rows);
    for (int64_t r = block * ROWS_AT_ONCE; r < end; r++) {
        float *to = pass->to.values + r * pass->to.ld;
        const float *from = pass->from.values + r * pass->from.ld;
        for (int64_t c = 0; c < pass->to.cols; c++)
            to[c] = pass->factor * from[c];
    }
}

/* to = factor from; they may be the same */
static void copy_scaled(struct kernels *kernels, const struct strided *to,
                        const struct strided *from, float factor)
{
    struct row_pass pass = { .to = *to, .from = *from, .factor = factor };
    run_rows(kernels, &pass, scale_rows);
}

static double frobenius_norm(struct orthogonaliser *orthogonaliser, struct kernels *kernels,
                             const struct strided *X)
{
    struct row_pass pass = { .to = *X, .row_sums = orthogonaliser->row_sums };
    run_rows(kernels, &pass, sum_rows);
    double sum = 0.0;
    for (int64_t r = 0; r < X->rows; r++)
        sum += orthogonaliser->row_sums[r];
    return sqrt(sum);
}

static void mirror_rows(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct row_pass *pass = context;
    const struct strided *A = &pass->to;
    int64_t end = smaller((block + 1) * ROWS_AT_ONCE, A->rows);
    for (int64_t r = block * ROWS_AT_ONCE; r < end; r++)
        for (int64_t c = 0; c < r / GRAM_PANEL * GRAM_PANEL; c++)
            A->values[r * A->ld + c] = A->values[c * A->ld + r];
}

/* gram[n,n] = X X^T, or X^T X where X is tall. A panel of rows at a time, from the diagonal on:
 *
 *   +---+-------+
 *   | 0 . . . . |     What is left of the diagonal is copied: elements (i, j) and (j, i) are the
 *   +---+---+---+     same chain of products (tiles.h), so they have the same bits.
 *       | 1 . . |
 *       +---+---+
 */
static void make_gram(struct kernels *kernels, const struct strided *X, float *gram)
{
    const bool tall = is_tall(X);
    const int64_t n = smaller(X->rows, X->cols), depth = larger(X->rows, X->cols);
    for (int64_t first = 0; first < n; first += GRAM_PANEL) {
        const float *from = X->values + (tall ? first : first * X->ld);
        struct product product = { .id = KERNEL_PRODUCT_OPTIMIZER,
                                   .M = smaller(n - first, GRAM_PANEL),
                                   .N = n - first,
                                   .K = depth,
                                   .A = from,
                                   .lda = X->ld,
                                   .A_transposed = tall,
                                   .B = from,
                                   .ldb = X->ld,
                                   .B_transposed = !tall,
                                   .C = gram + first * n + first,
                                   .ldc = n };
        kernels_product(kernels, &product);
    }
    struct row_pass pass = { .to = { gram, n, n, n } };
    run_rows(kernels, &pass, mirror_rows);
}

static void polynomial_rows(void *context, int64_t block, int thread)
{
    (void)thread;
    const float a = 3.4445f, b = -4.7750f, c = 2.0315f;
    const struct row_pass *pass = context;
    const int64_t n = pass->to.rows, end = smaller((block + 1) * ROWS_AT_ONCE, n);
    for (int64_t r = block * ROWS_AT_ONCE; r < end; r++) {
        float *P = pass->to.values + r * n;
        const float *A = pass->from.values + r * n;
        for (int64_t i = 0; i < n; i++)
            P[i] = b * A[i] + c * P[i];
        P[r] += a;
    }
}

/* to = (a I + b A + c A^2) from, or from (...) where it is tall */
static void iterate(struct orthogonaliser *orthogonaliser, struct kernels *kernels,
                    const struct strided *from, const struct strided *to)
{
    const bool tall = is_tall(from);
    const int64_t n = smaller(from->rows, from->cols);
    struct strided A = { orthogonaliser->gram, n, n, n };
    struct strided P = { orthogonaliser->polynomial, n, n, n };
    make_gram(kernels, from, A.values);
    make_gram(kernels, &A, P.values);
    struct row_pass pass = { .to = P, .from = A };
    run_rows(kernels, &pass, polynomial_rows);

    const struct strided *left = tall ? from : &P, *right = tall ? &P : from;
    struct product product = { .id = KERNEL_PRODUCT_OPTIMIZER,
                               .M = from->rows,
                               .N = from->cols,
                               .K = n,
                               .A = left->values,
                               .lda = left->ld,
                               .B = right->values,
                               .ldb = right->ld,
                               .C = to->values,
                               .ldc = to->ld };
    kernels_product(kernels, &product);
}

void orthogonalise(struct orthogonaliser *orthogonaliser, struct kernels *kernels,
                   const struct strided *X, float factor)
{
    double norm = frobenius_norm(orthogonaliser, kernels, X);
    struct strided other = { orthogonaliser->other, X->rows, X->cols, X->cols };
    const struct strided *from = X, *to = &other;
    copy_scaled(kernels, X, X, norm > 0.0 ? (float)(1.0 / norm) : 0.0f);
    for (int step = 0; step < STEPS; step++) {
        iterate(orthogonaliser, kernels, from, to);
        const struct strided *result = to;
        to = from;
        from = result;
    }
    copy_scaled(kernels, X, from, factor);
}

static int64_t gram_flops(int64_t n, int64_t depth)
{
    int64_t flops = 0;
    for (int64_t first = 0; first < n; first += GRAM_PANEL)
        flops += 2 * smaller(n - first, GRAM_PANEL) * (n - first) * depth;
    return flops;
}

int64_t orthogonalise_flops(int64_t rows, int64_t cols)
{
    int64_t n = smaller(rows, cols), depth = larger(rows, cols);
    return STEPS * (gram_flops(n, depth) + gram_flops(n, n) + 2 * n * n * depth);
}
