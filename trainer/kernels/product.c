#include "trainer/kernels/product.h"

#include <string.h>

#include "base/clock.h"
#include "trainer/kernels/kernel_scratch.h"

/* Of C: what a thread takes at once. Smaller products are cut finer, until there is work for
 * all threads. */
enum { BLOCK_ROWS = LEFT_ROWS, BLOCK_COLUMNS = 768, BLOCK_SMALLEST = 96, BLOCKS_A_THREAD = 4 };

struct blocking {
    int64_t rows, columns; /* of one block */
    int64_t across, blocks;
};

/* Blocks of C that are stored in another form than they are summed in. */
static bool has_output(const struct product *p)
{
    return p->C_element != ELEMENT_REAL || p->activation != ACTIVATION_NONE;
}

/* C's columns come in so many parts, of which a block takes the same columns each. */
static int64_t column_parts(const struct product *p)
{
    return p->activation == ACTIVATION_SWIGLU ? 2 : 1;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The length of `pieces` nearly equal pieces of `whole`, a multiple of `multiple`. */
static int64_t piece_length(int64_t whole, int64_t pieces, int64_t multiple)
{
    return tiles_across(tiles_across(whole, pieces), multiple) * multiple;
}

static struct blocking blocking_of(const struct product *p, int64_t panel, int threads)
{
    const int64_t M = p->M, N = p->N / column_parts(p);
    int64_t down = tiles_across(M, has_output(p) ? OUTPUT_ROWS : BLOCK_ROWS);
    int64_t across =
        tiles_across(N, has_output(p) ? OUTPUT_COLUMNS / column_parts(p) : BLOCK_COLUMNS);
    while (threads > 1 && down * across < BLOCKS_A_THREAD * threads) {
        int64_t rows = M / down, columns = N / across;
        if (rows >= columns && rows >= 2 * BLOCK_SMALLEST)
            down *= 2;
        else if (columns >= 2 * BLOCK_SMALLEST)
            across *= 2;
        else
            break;
    }
    struct blocking b = { .rows = piece_length(M, down, TILE_SIDE),
                          .columns = piece_length(N, across, panel) };
    b.across = tiles_across(N, b.columns);
    b.blocks = tiles_across(M, b.rows) * b.across;
    return b;
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

/* A block of at most LEFT_ROWS rows, in one thread. */
static void multiply_block(const struct product *p, const struct tile_loops *loops,
                           int64_t tile_length, struct kernel_thread *own)
{
    for (int64_t k = 0; k < p->K; k += PACKED_TILES * tile_length) {
        const int64_t depth = smaller(p->K - k, PACKED_TILES * tile_length);
        struct matrix A = matrix_from(p->A, p->A_element, p->lda, p->A_transposed, 0, k);
        loops->pack_left(&A, p->M, depth, own->left_tiles, PACKED_TILES);
        for (int64_t column = 0; column < p->N; column += loops->panel) {
            const int64_t columns = smaller(p->N - column, loops->panel);
            struct matrix B = matrix_from(p->B, p->B_element, p->ldb, p->B_transposed, k, column);
            loops->pack_right(&B, depth, columns, own->right_tiles, PACKED_TILES);
            struct tile_product tiles = { .A = own->left_tiles,
                                          .B = own->right_tiles,
                                          .A_stride = PACKED_TILES,
                                          .B_stride = PACKED_TILES,
                                          .rows = p->M,
                                          .columns = columns,
                                          .depth = tiles_across(depth, tile_length),
                                          .C = (real *)p->C + column,
                                          .ldc = p->ldc,
                                          .add = p->add || k > 0 };
            loops->multiply(&tiles);
        }
    }
}

static void *element_at(void *values, enum element element, int64_t index)
{
    return (char *)values + index * element_bytes(element);
}

static struct product block_of(const struct product *whole, int64_t row, int64_t rows,
                               int64_t column, int64_t columns)
{
    struct product block = *whole;
    block.M = smaller(whole->M - row, rows);
    block.N = smaller(whole->N - column, columns);
    block.A =
        matrix_from(whole->A, whole->A_element, whole->lda, whole->A_transposed, row, 0).values;
    block.B =
        matrix_from(whole->B, whole->B_element, whole->ldb, whole->B_transposed, 0, column).values;
    block.C = element_at(whole->C, whole->C_element, row * whole->ldc + column);
    if (whole->bias)
        block.bias += column;
    if (whole->residual)
        block.residual += row * whole->ld_residual + column;
    if (whole->activated)
        block.activated =
            element_at(whole->activated, whole->C_element, row * whole->ld_activated + column);
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
                          bool one_row)
{
    struct kernel_thread *own = &kernels->scratch->threads[thread];
    own->flops += 2 * p->M * p->N * p->K;
    if (one_row) {
        kernels->table->vector->vector_product(p->A, p->B, p->ldb, p->B_transposed, p->C, p->N,
                                               p->K, p->add);
        return;
    }
    for (int64_t row = 0; row < p->M; row += LEFT_ROWS) {
        struct product block = block_of(p, row, LEFT_ROWS, 0, p->N);
        multiply_block(&block, &kernels->tiles[kernels->element], tile_depth(kernels->element),
                       own);
    }
}

void kernels_thread_product(struct kernels *kernels, int thread, const struct product *product)
{
    multiply_rows(kernels, thread, product, is_one_row(product));
}

struct blocked_product {
    struct kernels *kernels;
    const struct product *whole;
    struct blocking blocking;
};

static void sum_block(const struct blocked_product *job, int thread, struct product *block)
{
    if (block->bias || block->residual) {
        fill_block(block);
        block->add = true;
    }
    multiply_rows(job->kernels, thread, block, is_one_row(job->whole));
}

/* C and its activation from the sums of a block: rows [parts, columns]. */
static void store_block(const struct kernels *kernels, const struct product *block, int64_t columns,
                        int64_t part_columns, real *sums)
{
    const struct tile_loops *loops = &kernels->tiles[block->C_element];
    const struct activation_loops *activations = kernels->table->activation;
    const int64_t parts = column_parts(block), width = parts * columns;
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

static void output_block(const struct blocked_product *job, int thread, int64_t row, int64_t column)
{
    const struct product *whole = job->whole;
    const int64_t parts = column_parts(whole), part_columns = whole->N / parts;
    const int64_t columns = smaller(part_columns - column, job->blocking.columns);
    real *sums = job->kernels->scratch->threads[thread].outputs;
    for (int64_t i = 0; i < parts; i++) {
        struct product part =
            block_of(whole, row, job->blocking.rows, i * part_columns + column, columns);
        part.C = sums + i * columns;
        part.ldc = parts * columns;
        sum_block(job, thread, &part);
    }
    struct product block = block_of(whole, row, job->blocking.rows, column, columns);
    store_block(job->kernels, &block, columns, part_columns, sums);
}

static void product_block(void *context, int64_t index, int thread)
{
    const struct blocked_product *job = context;
    const struct blocking *b = &job->blocking;
    const int64_t row = index / b->across * b->rows, column = index % b->across * b->columns;
    if (has_output(job->whole)) {
        output_block(job, thread, row, column);
    } else {
        struct product block = block_of(job->whole, row, b->rows, column, b->columns);
        sum_block(job, thread, &block);
    }
}

void kernels_product(struct kernels *kernels, const struct product *product)
{
    CHECK(!product->add || (!has_output(product) && !product->bias && !product->residual),
          "a product is added to a C of sums alone");
    CHECK(kernels->tiles[product->C_element].store, "this build stores no bf16");
    struct blocked_product job = { kernels, product,
                                   blocking_of(product, kernels->tiles[kernels->element].panel,
                                               thread_pool_size(kernels->pool)) };
    kernels_run(kernels, product->id, job.blocking.blocks, product_block, &job);
}

void kernels_run(struct kernels *kernels, enum kernel_id id, int64_t blocks, thread_pool_work *work,
                 void *context)
{
    struct kernel_profile *profile = &kernels->profile[id];
    double begun = clock_seconds();
    int64_t flops = 0;
    thread_pool_run(kernels->pool, blocks, work, context);
    for (int i = 0; i < thread_pool_size(kernels->pool); i++) {
        flops += kernels->scratch->threads[i].flops;
        kernels->scratch->threads[i].flops = 0;
    }
    kernels->flops += flops;
    profile->flops += flops;
    profile->calls++;
    profile->seconds += clock_seconds() - begun;
}

void kernels_count_elements(struct kernels *kernels, enum kernel_id id, enum element element,
                            int64_t count)
{
    kernels->profile[id].bytes += count * element_bytes(element);
}

void kernels_count_reals(struct kernels *kernels, enum kernel_id id, int64_t reals)
{
    kernels_count_elements(kernels, id, ELEMENT_REAL, reals);
}
