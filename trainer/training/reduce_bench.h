/* reduce_bench: what the sum over ranks costs, size by size: medians over runs, and ratios taken
 * within a run. comm/reduce_trial.h says what is timed.
 *
 * The bandwidths are those of NVIDIA's NCCL tests (doc/PERFORMANCE.md there). The algorithm
 * bandwidth is the vector's bytes over the time. The bus bandwidth multiplies it by what each rank
 * must send in terms of those bytes, so that it can be held against a link's at any number n of
 * ranks:
 *
 *   all-reduce                       2 (n - 1) / n
 *   reduce-scatter, gather           (n - 1) / n
 *   exchange, copy                   1
 */
#ifndef TRAINER_TRAINING_REDUCE_BENCH_H
#define TRAINER_TRAINING_REDUCE_BENCH_H

#include "comm/reduce_trial.h"
#include "trainer/reports/median.h"

extern const char *const reduce_time_names[REDUCE_TIMES];

struct reduce_bench_result {
    int64_t bytes; /* of the vector */
    struct measured seconds[REDUCE_TIMES];
    /* How many times as fast eon is: MPI_Allreduce's time over eon's, the copy's over eon's. */
    struct measured to_mpi, to_copy;
};

/* Collective. `repeats` rounds after a run that is not counted; a round is one run, of vectors
 * below 1 MiB up to 16. The same result on all ranks. */
void reduce_bench_run(const struct world *world, struct thread_pool *pool, int64_t bytes,
                      int64_t repeats, struct reduce_bench_result *result);

double reduce_bench_bus_factor(enum reduce_time time, int ranks);

#endif
