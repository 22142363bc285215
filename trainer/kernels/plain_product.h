/* plain_product: cblas_sgemm as anyone would call it, with OpenBLAS's own threads:
 * the peer that `eon bench step` holds a training step against. */
#ifndef TRAINER_KERNELS_PLAIN_PRODUCT_H
#define TRAINER_KERNELS_PLAIN_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

/* C[M,N] = A[M,K] B[K,N], dense; A is stored [K,M] and B [N,K] where transposed. */
struct plain_product {
    int64_t M, N, K;
    bool A_transposed, B_transposed;
    const float *A, *B;
    float *C;
};

/* Seconds of one call. */
double plain_product_seconds(const struct plain_product *product, int threads);

#endif
