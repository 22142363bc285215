/* OpenBLAS chooses its kernels from the CPU while it is loaded, unless OPENBLAS_CORETYPE says
 * otherwise: so the variable is set first. OpenBLAS 0.3.21 takes CPUs that it does not know for a
 * Prescott of 2004, and is then eight times slower than it could be.
 */
#include "trainer/kernels/blas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define CORE_VARIABLE "OPENBLAS_CORETYPE"

/* Of the library, once it is loaded. */
static __typeof__(cblas_sgemm) *multiply;
static __typeof__(openblas_set_num_threads) *set_threads;
static __typeof__(openblas_get_corename) *get_core;
static __typeof__(openblas_get_config) *get_configuration;

static enum status load_library(void)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        library = dlopen("libopenblas.so", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return failed("cannot load OpenBLAS, the peer of benches: %s", dlerror());
    *(void **)&multiply = dlsym(library, "cblas_sgemm");
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    *(void **)&get_core = dlsym(library, "openblas_get_corename");
    *(void **)&get_configuration = dlsym(library, "openblas_get_config");
    if (!multiply || !set_threads || !get_core || !get_configuration)
        return failed("cannot use OpenBLAS: %s", dlerror());
    return STATUS_OK;
}

enum status blas_load(const char *set_name)
{
    const char *core = kernel_set_blas_core(set_name);
    if (multiply)
        return STATUS_OK;
    if (core && setenv(CORE_VARIABLE, core, 0) != 0)
        return failed("cannot set '" CORE_VARIABLE "': %s", strerror(errno));
    return load_library();
}

const char *blas_core(void)
{
    return get_core();
}

const char *blas_configuration(void)
{
    return get_configuration();
}

double plain_product_seconds(const struct plain_product *product, int threads)
{
    const struct plain_product *p = product;
    set_threads(threads);
    double begun = clock_seconds();
    multiply(CblasRowMajor, p->A_transposed ? CblasTrans : CblasNoTrans,
             p->B_transposed ? CblasTrans : CblasNoTrans, (blasint)p->M, (blasint)p->N,
             (blasint)p->K, 1.0f, p->A, (blasint)(p->A_transposed ? p->M : p->K), p->B,
             (blasint)(p->B_transposed ? p->K : p->N), 0.0f, p->C, (blasint)p->N);
    return clock_seconds() - begun;
}

double blas_measure_gflops(int64_t n, int tries)
{
    size_t elements = (size_t)(n * n);
    float *matrices = memory_alloc_zeroed(3 * elements, sizeof(float));
    for (size_t i = 0; i < 2 * elements; i++)
        matrices[i] = (float)(i % 17) - 8;
    const struct plain_product product = {
        .M = n,
        .N = n,
        .K = n,
        .A = matrices,
        .B = matrices + elements,
        .C = matrices + 2 * elements,
    };
    double best_s = 0;
    for (int i = 0; i < tries; i++) {
        double took_s = plain_product_seconds(&product, 1);
        if (i == 0 || took_s < best_s)
            best_s = took_s;
    }
    memory_free(matrices);
    return 2e-9 * (double)n * (double)n * (double)n / best_s;
}
