/* reduce_trial: the sum of all ranks' vectors on all ranks (an all-reduce), timed beside another
 * way to it and beside what bounds it. A run of the trial has all of them in turn:
 *
 *   eon            gradient_tree_reduce of one leaf a rank (each owner gets its slice of the sum),
 *                  then node_vector_gather (all get the whole): what a training step does; also
 *                  its two parts
 *   MPI_Allreduce  with MPI_SUM, from one array to another
 *   exchange       each rank sends its partner (rank_pairs.h) the vector and gets the partner's,
 *                  both ways at once, in messages of 4 MiB
 *   copy           every rank copies its vector to another array by memcpy in its threads, all
 *                  ranks at once: as many bytes as lie in its share, one of n, of n ranks' vectors,
 *                  each of which a sum has to read at least once
 *
 * A time runs from a barrier to the end of the slowest rank. The values are small integers,
 * whose sum is exact in any order. In every run the whole sum is looked at, and so is what came
 * in the exchange: a wrong value is fatal.
 */
#ifndef COMM_REDUCE_TRIAL_H
#define COMM_REDUCE_TRIAL_H

#include "base/thread_pool.h"
#include "comm/world.h"

enum reduce_time {
    REDUCE_EON,
    REDUCE_EON_SCATTER, /* the slowest rank's, as the gather's is: they may add up to more */
    REDUCE_EON_GATHER,
    REDUCE_MPI,
    REDUCE_EXCHANGE,
    REDUCE_COPY,
    REDUCE_TIMES
};

struct reduce_trial;

/* Collective. Of vectors of `count` >= 1 floats. `world` and `pool` must outlive the trial. */
struct reduce_trial *reduce_trial_create(const struct world *world, struct thread_pool *pool,
                                         int64_t count);
void reduce_trial_free(struct reduce_trial *trial); /* Collective; NULL is allowed */
/* What create takes on this rank. */
size_t reduce_trial_bytes(const struct world *world, int64_t count);

/* Collective. Runs each once: seconds, the same on all ranks. The exchange of a world of one takes
 * 0. */
void reduce_trial_run(struct reduce_trial *trial, double seconds[REDUCE_TIMES]);

#endif
