/* step_bench: how long a training step takes, beside what this machine and a plain cblas_sgemm
 * make of its operations in the same run.
 *
 * Each round runs one step (every rank one leaf: forward, loss, backward, the reduction, norm,
 * AdamW, gather), then the step's matrix products by cblas_sgemm with OpenBLAS's own threads, each
 * shape once, then the ceilings: so noise of the machine hits all alike, and shares are taken
 * within a round. Tokens and weights are random; the arithmetic is the real one.
 */
#ifndef TRAINER_TRAINING_STEP_BENCH_H
#define TRAINER_TRAINING_STEP_BENCH_H

#include "trainer/training/overlap_bench.h"

struct step_bench_result {
    struct measured step_seconds;
    double phase_seconds[PHASES];
    double tokens_per_second; /* of all ranks */
    double executed_flops;    /* of one step on one rank, in products: recomputation too */
    double model_flops;       /* what the mathematics needs: model_flops_per_token */
    double peak_bytes;        /* resident at most, of the step alone */

    /* FLOP/s of a rank: the matrices' products within the step, with what is fused to them and
     * with packing; the same shapes in fp32 by cblas_sgemm; the ceiling. And bytes/s of a copy. */
    struct measured products, sgemm, ceiling, copy;
    /* Shares of those; the step's rate is its executed operations over its whole time. */
    struct measured products_of_sgemm, step_of_sgemm, products_of_ceiling, step_of_ceiling;

    /* Of all counted rounds' steps together, on this rank. */
    struct kernel_profile profile[KERNELS];
    double profiled_seconds, reduce_seconds;

    struct overlap_bench_result overlap; /* on several ranks */
};

/* Collective. `repeats` rounds, after a step that is not counted. Times are the slowest rank's. */
void step_bench_run(const struct world *world, struct kernels *kernels,
                    const struct sample_plan *plan, int64_t repeats,
                    struct step_bench_result *result);

#endif
