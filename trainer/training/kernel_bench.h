/* kernel_bench: each kernel at a model's shapes, beside the ceilings and cblas_sgemm.
 *
 * A round measures, in turn,
 *   - each matrix product of a layer and of the head alone, by its role, and the same shape by
 *     cblas_sgemm with OpenBLAS's own threads;
 *   - every kernel of a step with one layer, as the step calls it: what is timed is the
 *     kernel alone, in the state of the caches that it finds in training;
 *   - the ceilings.
 * Shares are taken within a round, and of the shares the median.
 */
#ifndef TRAINER_TRAINING_KERNEL_BENCH_H
#define TRAINER_TRAINING_KERNEL_BENCH_H

#include "trainer/reports/median.h"
#include "trainer/training/sample_step.h"

/* One line of the result: a product alone, or a kernel of the step. */
struct kernel_figures {
    char name[32];            /* "qkv forward", "attention backward" */
    int64_t M, N, K;          /* of a product; 0 for other kernels */
    struct measured seconds;  /* of one call */
    struct measured rate;     /* FLOP/s, or bytes/s where it multiplies nothing */
    struct measured share;    /* of the ceiling of that */
    struct measured of_sgemm; /* of cblas_sgemm's rate for the shape; 0 where there is none */
    bool is_product;          /* rate is in FLOP/s */
};

enum { ALONE_PRODUCTS = 15, KERNEL_FIGURES_MOST = ALONE_PRODUCTS + KERNELS };

struct kernel_bench_result {
    struct measured ceiling, copy; /* FLOP/s, bytes/s */
    int count;
    struct kernel_figures figures[KERNEL_FIGURES_MOST];
};

/* Collective; each rank measures its own. `repeats` rounds, after one that is not counted. */
void kernel_bench_run(const struct world *world, struct kernels *kernels,
                      const struct sample_plan *plan, int64_t repeats,
                      struct kernel_bench_result *result);

#endif
