#include "trainer/kernels/product.h"

#include <string.h>

#include "trainer/kernels/kernel_scratch.h"

/* Large tiles spend less on packing: on a Zen 3, OpenBLAS makes 75 GFLOP/s of tiles of 128 x
 * 256, 79 of 256 x 256 and 83 of 512 x 512. Smaller products are cut finer until there is work
 * for several threads. */
enum { TILE_LARGEST = 512, TILE_SMALLEST = 64, TILE_MULTIPLE = 16, TILES_WANTED = 16 };

struct tiling {
    int64_t rows, columns; /* of one tile */
    int64_t across, tiles;
};

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* The length of `pieces` nearly equal pieces of `whole`, the last one shorter. */
static int64_t piece_length(int64_t whole, int64_t pieces)
{
    return divide_up(divide_up(whole, pieces), TILE_MULTIPLE) * TILE_MULTIPLE;
}

/* Of M and N alone: the number of threads must not change a tile. */
static struct tiling tiling_of(int64_t M, int64_t N)
{
    int64_t down = divide_up(M, TILE_LARGEST), across = divide_up(N, TILE_LARGEST);
    while (down * across < TILES_WANTED) {
        int64_t rows = piece_length(M, down), columns = piece_length(N, across);
        if (rows >= columns && rows >= 2 * TILE_SMALLEST)
            down *= 2;
        else if (columns >= 2 * TILE_SMALLEST)
            across *= 2;
        else
            break;
    }
    struct tiling t = { .rows = piece_length(M, down), .columns = piece_length(N, across) };
    t.across = divide_up(N, t.columns);
    t.tiles = divide_up(M, t.rows) * t.across;
    return t;
}

static void fill_tile(const struct product *tile)
{
    for (int64_t r = 0; r < tile->M; r++) {
        real *restrict out = tile->C + r * tile->ldc;
        const real *restrict bias = tile->bias;
        if (!tile->residual) {
            memcpy(out, bias, (size_t)tile->N * sizeof(real));
            continue;
        }
        const real *restrict residual = tile->residual + r * tile->ld_residual;
        if (!bias)
            memcpy(out, residual, (size_t)tile->N * sizeof(real));
        for (int64_t c = 0; bias && c < tile->N; c++)
            out[c] = residual[c] + bias[c];
    }
}

void kernels_thread_product(struct kernels *kernels, int thread, const struct product *product)
{
    struct kernel_thread *own = &kernels->scratch->threads[thread];
    const struct product *p = product;
    if (p->M == 1 && !p->A_transposed)
        kernels->table->vector->vector_product(p->A, p->B, p->ldb, p->B_transposed, p->C, p->N,
                                               p->K, p->add);
    else
        kernels->table->product_tile(p, own->packing);
    own->flops += 2 * p->M * p->N * p->K;
}

struct tiled_product {
    struct kernels *kernels;
    const struct product *whole;
    struct tiling tiling;
};

static void product_block(void *context, int64_t block, int thread)
{
    const struct tiled_product *job = context;
    const struct product *whole = job->whole;
    int64_t row = block / job->tiling.across * job->tiling.rows;
    int64_t column = block % job->tiling.across * job->tiling.columns;

    struct product tile = *whole;
    tile.M = whole->M - row < job->tiling.rows ? whole->M - row : job->tiling.rows;
    tile.N = whole->N - column < job->tiling.columns ? whole->N - column : job->tiling.columns;
    tile.A += whole->A_transposed ? row : row * whole->lda;
    tile.B += whole->B_transposed ? column * whole->ldb : column;
    tile.C += row * whole->ldc + column;
    if (whole->bias)
        tile.bias += column;
    if (whole->residual)
        tile.residual += row * whole->ld_residual + column;
    if (tile.bias || tile.residual) {
        fill_tile(&tile);
        tile.add = true;
    }
    kernels_thread_product(job->kernels, thread, &tile);
}

void kernels_product(struct kernels *kernels, const struct product *product)
{
    struct tiled_product job = { kernels, product, tiling_of(product->M, product->N) };
    kernels_run(kernels, job.tiling.tiles, product_block, &job);
}

void kernels_run(struct kernels *kernels, int64_t blocks, thread_pool_work *work, void *context)
{
    thread_pool_run(kernels->pool, blocks, work, context);
    for (int i = 0; i < thread_pool_size(kernels->pool); i++) {
        kernels->flops += kernels->scratch->threads[i].flops;
        kernels->scratch->threads[i].flops = 0;
    }
}
