/* product: the matrix product, C (+)= A B, with what comes before it.
 *
 * After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008). The
 * threads pack the columns' operand into tiles that all of them read, as much of it as a shared
 * cache holds. Then they take blocks of C: the rows' operand is packed for a stretch of K into
 * tiles that stay in the second-level cache, and the kernel set multiplies them with one panel
 * of columns after the other. The sums of some panels are a strip, which goes to C, with all that
 * is fused to it, when they are complete. Where C has few rows, a block packs its panels itself.
 *
 *              K                      panel          N
 *          +---+---+            +---+---+---+      +---+---+---+
 *        M |///|   |          K |///|   |   |    M |///|   |   |   block 0
 *          +---+---+      x     +---+---+---+  =   +---+---+---+
 *          |   |   |            |   |   |   |      |   |   |   |   block 1
 *          +---+---+            +---+---+---+      +---+---+---+
 *
 * Blocks are cut by shape and number of threads, for speed alone: tiles.h says why bits do not
 * depend on them. Operands are real or bf16 in memory; what is multiplied is
 * kernels->element, to which packing converts.
 */
#ifndef TRAINER_KERNELS_PRODUCT_H
#define TRAINER_KERNELS_PRODUCT_H

#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/kernels.h"

struct product {
    enum kernel_id id; /* whose time it is, in kernels->profile */
    int64_t M, N, K;
    const void *A; /* [M,K], or [K,M] where A_transposed */
    int64_t lda;
    bool A_transposed;
    const void *B; /* [K,N], or [N,K] where B_transposed */
    int64_t ldb;
    bool B_transposed;
    enum element A_element, B_element; /* how they lie in memory */
    void *C;                           /* [M,N] */
    int64_t ldc;
    enum element C_element; /* bf16: the whole sum, rounded once; not together with `add` */
    bool add;               /* C += A B */
    /* C starts from these, where they are given; not together with `add`. */
    const real *bias;     /* [N], the same for every row */
    const real *residual; /* [M,N], rows ld_residual apart */
    int64_t ld_residual;
    /* activated [M,N], for SwiGLU [M,N/2]: the activation of C as it was stored, stored in the
     * same element. Not together with `add`. */
    enum activation activation;
    void *activated;
    int64_t ld_activated;
};

/* All threads; adds 2 M N K to kernels->flops and profile. Not to be called from within a block. */
void kernels_product(struct kernels *kernels, const struct product *product);

#endif
