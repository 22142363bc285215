/* OpenBLAS chooses its kernels from the CPU while it is loaded, unless OPENBLAS_CORETYPE says
 * otherwise: so the variable is set and the program is started again, once, before MPI starts.
 * OpenBLAS 0.3.21 takes CPUs that it does not know for a Prescott of 2004, and is
 * then eight times slower than it could be.
 */
#include "trainer/kernels/blas.h"

#include <cblas.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define CORE_VARIABLE  "OPENBLAS_CORETYPE"
#define GUARD_VARIABLE "EON_BLAS_PREPARED" /* set before the program starts itself again */

enum status blas_prepare(const char *set_name, char **arguments)
{
    const char *core = kernel_set_blas_core(set_name);
    bool is_set = getenv(CORE_VARIABLE) != NULL, is_second_start = getenv(GUARD_VARIABLE) != NULL;
    if (!core || is_set || is_second_start || strcasecmp(core, openblas_get_corename()) == 0)
        return STATUS_OK;
    if (setenv(CORE_VARIABLE, core, 1) != 0 || setenv(GUARD_VARIABLE, "1", 1) != 0)
        return failed("cannot set '" CORE_VARIABLE "': %s", strerror(errno));
    char program[PATH_MAX] = ""; /* by its own name, which ps and pkill show */
    if (readlink("/proc/self/exe", program, sizeof program - 1) > 0)
        execv(program, arguments);
    return failed("cannot start the program again for OpenBLAS's kernels '%s': %s", core,
                  strerror(errno));
}

const char *blas_core(void)
{
    return openblas_get_corename();
}

const char *blas_configuration(void)
{
    return openblas_get_config();
}

double blas_measure_gflops(int64_t n, int tries)
{
    size_t elements = (size_t)(n * n);
    float *matrices = memory_alloc_zeroed(3 * elements, sizeof(float));
    for (size_t i = 0; i < 2 * elements; i++)
        matrices[i] = (float)(i % 17) - 8;
    openblas_set_num_threads(1);
    double best_s = 0;
    for (int i = 0; i < tries; i++) {
        double start_s = clock_seconds();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)n, (blasint)n, (blasint)n,
                    1, matrices, (blasint)n, matrices + elements, (blasint)n, 0,
                    matrices + 2 * elements, (blasint)n);
        double took_s = clock_seconds() - start_s;
        if (i == 0 || took_s < best_s)
            best_s = took_s;
    }
    memory_free(matrices);
    return 2e-9 * (double)n * (double)n * (double)n / best_s;
}
