/* overlap_bench: how much of a step's communication its computation hides.
 *
 * Each round runs one step in which all ranks first compute and then communicate, and one in which
 * they do so side by side. What could be hidden is what the first one took to reduce, as far as
 * backward is long enough for it, and what it took to gather, as far as forward is; of both
 * without the embeddings, which forward needs first and backward ends with. What is exposed is the
 * time that the main thread waits for data, all ranks being there.
 */
#ifndef TRAINER_TRAINING_OVERLAP_BENCH_H
#define TRAINER_TRAINING_OVERLAP_BENCH_H

#include "trainer/reports/median.h"
#include "trainer/training/sample_step.h"

/* Seconds of a step, on the rank where each is longest. */
struct overlap_bench_result {
    struct measured apart, beside;                        /* the whole step, in either way */
    struct measured reduction, gathering;                 /* apart */
    struct measured exposed_reduction, exposed_gathering; /* beside */
    struct measured hideable;                             /* of reduction and gathering */
    struct measured hidden_share;                         /* of what is hideable */
};

/* Collective, on several ranks. */
void overlap_bench_run(const struct world *world, struct sample_step *sample, int64_t rounds,
                       struct overlap_bench_result *result);

#endif
