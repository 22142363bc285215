#include "trainer/kernels/product_block.h"

#include <string.h>

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool product_has_output(const struct product *p)
{
    return p->C_element != ELEMENT_REAL || p->activation != ACTIVATION_NONE;
}

int64_t product_parts(const struct product *p)
{
    return p->activation == ACTIVATION_SWIGLU ? 2 : 1;
}

static void fill_block(const struct product *block)
{
    for (int64_t r = 0; r < block->M; r++) {
        real *restrict out = (real *)block->C + r * block->ldc;
        const real *restrict bias = block->bias;
        if (!block->residual) {
            memcpy(out, bias, (size_t)block->N * sizeof(real));
            continue;
        }
        const real *restrict residual = block->residual + r * block->ld_residual;
        if (!bias)
            memcpy(out, residual, (size_t)block->N * sizeof(real));
        for (int64_t c = 0; bias && c < block->N; c++)
            out[c] = residual[c] + bias[c];
    }
}

/* The matrix without its first rows and columns, as they are meant. */
static struct matrix matrix_from(const void *values, enum element element, int64_t ld,
                                 bool transposed, int64_t row, int64_t column)
{
    int64_t at = transposed ? column * ld + row : row * ld + column;
    return (struct matrix){ (const char *)values + at * element_bytes(element), element, ld,
                            transposed };
}

struct matrix product_right(const struct product *p, int64_t k, int64_t column)
{
    return matrix_from(p->B, p->B_element, p->ldb, p->B_transposed, k, column);
}

/* The panel of B at (k, column): where it was packed for all threads, or packed now. */
static const void *right_panel(const struct product *p, const struct tile_loops *loops,
                               const struct packed_right *packed, struct kernel_thread *own,
                               int64_t k, int64_t depth, int64_t column, int64_t columns,
                               int64_t tile_length)
{
    if (packed->tiles)
        return packed->tiles + (column / TILE_SIDE * packed->stride + k / tile_length) * TILE_UNITS;
    struct matrix B = product_right(p, k, column);
    loops->pack_right(&B, depth, columns, own->right_tiles, PACKED_TILES);
    return own->right_tiles;
}

/* A block of at most LEFT_ROWS rows, in one thread. */
static void multiply_block(const struct product *p, const struct tile_loops *loops,
                           int64_t tile_length, const struct packed_right *packed,
                           struct kernel_thread *own)
{
    const int64_t tiles = tiles_across(p->K, tile_length);
    const int64_t stretch = tiles_across(tiles, tiles_across(tiles, PACKED_TILES)) * tile_length;
    for (int64_t k = 0; k < p->K; k += stretch) {
        const int64_t depth = smaller(p->K - k, stretch);
        struct matrix A = matrix_from(p->A, p->A_element, p->lda, p->A_transposed, 0, k);
        loops->pack_left(&A, p->M, depth, own->left_tiles, PACKED_TILES);
        for (int64_t column = 0; column < p->N; column += loops->panel) {
            const int64_t columns = smaller(p->N - column, loops->panel);
            struct tile_product product = {
                .A = own->left_tiles,
                .B = right_panel(p, loops, packed, own, k, depth, column, columns, tile_length),
                .A_stride = PACKED_TILES,
                .B_stride = packed->tiles ? packed->stride : PACKED_TILES,
                .rows = p->M,
                .columns = columns,
                .depth = tiles_across(depth, tile_length),
                .C = (real *)p->C + column,
                .ldc = p->ldc,
                .add = p->add || k > 0,
            };
            loops->multiply(&product);
        }
    }
}

static void *element_at(void *values, enum element element, int64_t index)
{
    return (char *)values + index * element_bytes(element);
}

struct product product_cut(const struct product *whole, const struct product_range *range)
{
    const int64_t row = range->row, column = range->column;
    struct product block = *whole;
    block.M = range->rows;
    block.N = range->columns;
    block.K = range->depth;
    block.A =
        matrix_from(whole->A, whole->A_element, whole->lda, whole->A_transposed, row, range->k)
            .values;
    block.B = product_right(whole, range->k, column).values;
    block.C = element_at(whole->C, whole->C_element, row * whole->ldc + column);
    if (whole->bias)
        block.bias += column;
    if (whole->residual)
        block.residual += row * whole->ld_residual + column;
    if (whole->activated)
        block.activated =
            element_at(whole->activated, whole->C_element, row * whole->ld_activated + column);
    if (range->k > 0) { /* the chains go on */
        block.add = true;
        block.bias = block.residual = NULL;
    }
    return block;
}

/* One token's product: its sums are not the tiles' chains, so it must be the whole product that
 * has one row, and not a block at its edge. */
static bool is_one_row(const struct product *p)
{
    return p->M == 1 && !p->A_transposed && p->A_element == ELEMENT_REAL &&
           p->B_element == ELEMENT_REAL;
}

static void multiply_rows(struct kernels *kernels, int thread, const struct product *p,
                          const struct packed_right *packed)
{
    struct kernel_thread *own = &kernels->scratch->threads[thread];
    own->flops += 2 * p->M * p->N * p->K;
    for (int64_t row = 0; row < p->M; row += LEFT_ROWS) {
        struct product_range range = { row, smaller(p->M - row, LEFT_ROWS), 0, p->N, 0, p->K };
        struct product block = product_cut(p, &range);
        multiply_block(&block, &kernels->tiles[kernels->element], tile_depth(kernels->element),
                       packed, own);
    }
}

void kernels_thread_product(struct kernels *kernels, int thread, const struct product *product)
{
    const struct product *p = product;
    const struct packed_right none = { NULL, 0 };
    if (!is_one_row(p)) {
        multiply_rows(kernels, thread, p, &none);
        return;
    }
    kernels->scratch->threads[thread].flops += 2 * p->N * p->K;
    kernels->table->vector->vector_product(p->A, p->B, p->ldb, p->B_transposed, p->C, p->N, p->K,
                                           p->add);
}

/* C starts from bias and residual. */
static void sum_block(struct kernels *kernels, int thread, struct product *block,
                      const struct packed_right *packed, bool one_row)
{
    if (block->bias || block->residual) {
        fill_block(block);
        block->add = true;
    }
    if (one_row)
        kernels_thread_product(kernels, thread, block);
    else
        multiply_rows(kernels, thread, block, packed);
}

/* C and its activation from the sums of a block: rows [parts, columns]. */
static void store_block(const struct kernels *kernels, const struct product *block, int64_t columns,
                        int64_t part_columns, real *sums)
{
    const struct tile_loops *loops = &kernels->tiles[block->C_element];
    const struct activation_loops *activations = kernels->table->activation;
    const int64_t parts = product_parts(block), width = parts * columns;
    real *activated = sums + block->M * width;
    for (int64_t r = 0; r < block->M; r++, sums += width) {
        for (int64_t i = 0; i < parts; i++) {
            void *C = element_at(block->C, block->C_element, r * block->ldc + i * part_columns);
            loops->store(sums + i * columns, C, columns);
            loops->load(C, sums + i * columns, columns);
        }
        if (block->activation == ACTIVATION_NONE)
            continue;
        if (block->activation == ACTIVATION_GELU)
            activations->gelu(ELEMENT_REAL, sums, activated, columns);
        else
            activations->swiglu(ELEMENT_REAL, sums, activated, 1, columns);
        loops->store(activated,
                     element_at(block->activated, block->C_element, r * block->ld_activated),
                     columns);
    }
}

void product_block_run(struct kernels *kernels, int thread, const struct product *whole,
                       const struct product_range *range, const struct packed_right packed[])
{
    const bool one_row = is_one_row(whole);
    struct product block = product_cut(whole, range);
    if (!product_has_output(whole)) {
        sum_block(kernels, thread, &block, &packed[0], one_row);
        return;
    }
    const int64_t parts = product_parts(whole), part_columns = whole->N / parts;
    real *sums = kernels->scratch->threads[thread].outputs;
    for (int64_t i = 0; i < parts; i++) {
        struct product_range part_range = *range;
        part_range.column += i * part_columns;
        struct product part = product_cut(whole, &part_range);
        part.C = sums + i * range->columns;
        part.ldc = parts * range->columns;
        sum_block(kernels, thread, &part, &packed[i], one_row);
    }
    store_block(kernels, &block, range->columns, part_columns, sums);
}
