#include "trainer/kernels/plain_product.h"

#include <cblas.h>

#include "base/clock.h"

double plain_product_seconds(const struct plain_product *product, int threads)
{
    const struct plain_product *p = product;
    openblas_set_num_threads(threads);
    double begun = clock_seconds();
    cblas_sgemm(CblasRowMajor, p->A_transposed ? CblasTrans : CblasNoTrans,
                p->B_transposed ? CblasTrans : CblasNoTrans, (blasint)p->M, (blasint)p->N,
                (blasint)p->K, 1.0f, p->A, (blasint)(p->A_transposed ? p->M : p->K), p->B,
                (blasint)(p->B_transposed ? p->K : p->N), 0.0f, p->C, (blasint)p->N);
    double seconds = clock_seconds() - begun;
    return seconds;
}
