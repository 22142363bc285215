/* step_bench: how long a training step takes, beside what a plain cblas_sgemm
 * makes of the same products in the same run.
 *
 * Each round runs one step (every rank one leaf: forward, loss, backward, the
 * reduction, norm, AdamW, gather) and then the step's matrix products by
 * cblas_sgemm with OpenBLAS's own threads, each shape once: so noise of the machine
 * hits both alike. Tokens and weights are random; the arithmetic is the real one.
 */
#ifndef TRAINER_TRAINING_STEP_BENCH_H
#define TRAINER_TRAINING_STEP_BENCH_H

#include "comm/world.h"
#include "trainer/kernels/kernels.h"
#include "trainer/model/model.h"

enum step_phase { PHASE_FORWARD, PHASE_LOSS, PHASE_BACKWARD, PHASE_REDUCE, PHASE_UPDATE, PHASES };
extern const char *const step_phase_names[PHASES];

struct step_bench_plan {
    struct model_config model;
    int64_t sequences, positions; /* of each rank's leaf */
    int64_t repeats;              /* rounds, after one that is not counted */
};

/* Medians over the rounds; `spread` is half the distance between the quartiles over the median. */
struct step_bench_result {
    double step_seconds, step_spread;
    double phase_seconds[PHASES];
    double executed_flops;         /* of one step on one rank, in products */
    double step_flops_per_second;  /* executed_flops over step_seconds */
    double sgemm_flops_per_second; /* over the step's matrix products */
    double sgemm_spread;
    double share;             /* median over the rounds of the ratio within a round */
    double tokens_per_second; /* of all ranks */
};

/* Collective. Times are the slowest rank's. */
void step_bench_run(const struct world *world, struct kernels *kernels,
                    const struct step_bench_plan *plan, struct step_bench_result *result);

#endif
