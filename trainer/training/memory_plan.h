/* memory_plan: what a rank of a run will hold at most, before the run starts.
 *
 * What depends on the model is computed from the same functions that allocate it. What depends on
 * the machine is measured: what this process holds once libraries, MPI, kernels, tokenizer, corpus
 * and held-out text are there, as trainer_open_inputs leaves them.
 *
 *   parameters    the rank's share of its node's replica; with groups, also of its groups' replicas
 *   gradient      the sums that wait for their sibling (comm/gradient_tree.h), of each group that
 *                 the rank carries, and of the groups' changes
 *   optimizer     moments of the rank's slices, and Muon's scratch
 *   activations   of one micro-batch, with the chunk of the loss, less what backward lends the
 *                 gradient (model/gradient_loans.h)
 *   kernels       scratch of the threads
 *   batches       leaves that are read ahead
 *   saving        the rank's part of the state, while it is written; a fast disk needs less
 *   process       measured
 *
 * All of it is written to within the first steps, so the sum is the peak resident set, with pages
 * that ranks share counted as each one's share. Ranks of several nodes stage at most 64 MiB more.
 */
#ifndef TRAINER_TRAINING_MEMORY_PLAN_H
#define TRAINER_TRAINING_MEMORY_PLAN_H

#include "trainer/training/trainer.h"

enum memory_part {
    MEMORY_PARAMETERS,
    MEMORY_GRADIENT,
    MEMORY_OPTIMIZER,
    MEMORY_ACTIVATIONS,
    MEMORY_KERNELS,
    MEMORY_BATCHES,
    MEMORY_SAVING,
    MEMORY_PROCESS,
    MEMORY_PARTS
};
extern const char *const memory_part_names[MEMORY_PARTS];

struct memory_plan {
    int64_t parameters; /* elements */
    int rank;           /* the rank that is told of */
    size_t bytes[MEMORY_PARTS];
    size_t total;
};

/* Of that rank of `ranks`, `node_size` on each node, which holds the most. `trainer` has open
 * inputs; `vocab_size` is the corpus'. Local. A model that is none is bad input. */
enum status memory_plan_make(const struct trainer *trainer, int64_t vocab_size, int ranks,
                             int node_size, struct memory_plan *plan);

#endif
