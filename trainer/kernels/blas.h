/* blas: the only place that knows OpenBLAS; its other half is in kernels.h and product.h. */
#ifndef TRAINER_KERNELS_BLAS_H
#define TRAINER_KERNELS_BLAS_H

/* One thread in each call: threads above it take tiles. */
void blas_use_one_thread(void);

/* The kernels that OpenBLAS would have to run for a set's bits ("Haswell"); NULL: any. */
const char *kernel_set_blas_core(const char *set_name);

#endif
