/* blas: OpenBLAS, the peer that `eon bench` holds the kernels against. No training calls it.
 *
 * This and plain_product.h are the only places that know it.
 */
#ifndef TRAINER_KERNELS_BLAS_H
#define TRAINER_KERNELS_BLAS_H

#include <stdint.h>

#include "base/status.h"

/* Before MPI starts: sets OPENBLAS_CORETYPE to what suits a kernel set and starts the program
 * again (execv) where it was not set, because the library reads it when it is loaded. Returns
 * when there is nothing to do. `arguments` is main's argv. */
enum status blas_prepare(const char *set_name, char **arguments);

/* What OpenBLAS runs: core name such as "Haswell", and its build. */
const char *blas_core(void);
const char *blas_configuration(void);

/* GFLOP/s of one thread in a plain cblas_sgemm of n x n x n: best of `tries`. */
double blas_measure_gflops(int64_t n, int tries);

/* The core that OpenBLAS should take a CPU for that runs this set ("Haswell"); NULL: any. */
const char *kernel_set_blas_core(const char *set_name);

#endif
