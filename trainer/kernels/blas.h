/* blas: OpenBLAS, the peer that `eon bench` holds the kernels against. No training calls it.
 *
 * It is loaded when it is asked for and no sooner: on loading it starts a thread for each core.
 */
#ifndef TRAINER_KERNELS_BLAS_H
#define TRAINER_KERNELS_BLAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Before MPI starts, and before anything else here: loads OpenBLAS, and has it run what suits the
 * kernel set unless OPENBLAS_CORETYPE says otherwise. STATUS_FAILED where it is not there. */
enum status blas_load(const char *set_name);

/* What OpenBLAS runs: core name such as "Haswell", and its build. */
const char *blas_core(void);
const char *blas_configuration(void);

/* C[M,N] = A[M,K] B[K,N], dense; A is stored [K,M] and B [N,K] where transposed. */
struct plain_product {
    int64_t M, N, K;
    bool A_transposed, B_transposed;
    const float *A, *B;
    float *C;
};

/* Seconds of one cblas_sgemm as anyone would call it, with OpenBLAS's own threads. */
double plain_product_seconds(const struct plain_product *product, int threads);

/* GFLOP/s of one thread in a plain product of n x n x n: best of `tries`. */
double blas_measure_gflops(int64_t n, int tries);

/* The core that OpenBLAS should take a CPU for that runs this set ("Haswell"); NULL: any. */
const char *kernel_set_blas_core(const char *set_name);

#endif
