/* product: the matrix product, C (+)= A B, with what comes before it.
 *
 * C[M,N] is cut into tiles whose size is a function of M and N alone; threads
 * take tiles. Each tile is one product over the whole K in one thread, so that
 * an element's sum has one order for every number of threads.
 *
 *                  N
 *          +-----+-----+--+
 *        M | 0   | 1   |2 |   tile 4: A's rows and B's columns of that tile,
 *          +-----+-----+--+   read through lda and ldb, no copies
 *          | 3   | 4   |5 |
 *          +-----+-----+--+
 */
#ifndef TRAINER_KERNELS_PRODUCT_H
#define TRAINER_KERNELS_PRODUCT_H

#include "trainer/kernels/kernels.h"

struct product {
    int64_t M, N, K;
    const real *A; /* [M,K], or [K,M] where A_transposed */
    int64_t lda;
    bool A_transposed;
    const real *B; /* [K,N], or [N,K] where B_transposed */
    int64_t ldb;
    bool B_transposed;
    real *C; /* [M,N] */
    int64_t ldc;
    bool add; /* C += A B */
    /* Each tile starts from these, where they are given; not together with `add`. */
    const real *bias;     /* [N], the same for every row */
    const real *residual; /* [M,N], rows ld_residual apart */
    int64_t ld_residual;
};

/* All threads; adds 2 M N K to kernels->flops. Not to be called from within a block. */
void kernels_product(struct kernels *kernels, const struct product *product);

/* From within a block of the pool: one tile in thread `thread`, without bias and residual.
 * Its operations are counted once kernels_run returns. */
void kernels_thread_product(struct kernels *kernels, int thread, const struct product *product);

/* thread_pool_run, and then the operations of all threads' products are added to `flops`. */
void kernels_run(struct kernels *kernels, int64_t blocks, thread_pool_work *work, void *context);

/* The implementations of kernel_table's product_tile. */
void product_tile_reference(const struct product *tile, real *packing);
void product_tile_blas(const struct product *tile, real *packing);

#endif
