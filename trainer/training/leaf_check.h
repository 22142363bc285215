/* leaf_check: does a leaf have the same gradient on another rank?
 *
 * The first promise makes it comparable: a leaf's loss and gradient are the same bits on every
 * rank. In a step that is due, each rank that has leaves computes the first leaf of another one
 * once more, from its own reading of the corpus, before its own leaves:
 *
 *   check 0    0 -> 1 -> 2 -> 3 -> 0        of n ranks, rank i computes a leaf of rank
 *   check 1    0 -> 2 -> 0,  1 -> 3 -> 1    i + 1 + check mod (n - 1), modulo n
 *   check 2    0 -> 3 -> 2 -> 1 -> 0
 *
 * Of several groups (train_group.h) each does so for itself, and a rank that carries several looks
 * at the first of them. One rank alone computes its own leaf twice. It costs one leaf's time, and
 * no memory: the leaf's gradient takes the buffer of the step's first one.
 *
 * A rank that errs always differs from the rank that it looks at, and from the one that looks at
 * it: where all differences have one rank in common, that one is named.
 */
#ifndef TRAINER_TRAINING_LEAF_CHECK_H
#define TRAINER_TRAINING_LEAF_CHECK_H

#include <stdint.h>

#include "base/float_hash.h"
#include "base/status.h"
#include "comm/world.h"
#include "trainer/model/model.h"
#include "trainer/training/train_config.h"

struct leaf_worker {
    int rank;
    int64_t group, leaf; /* the first of its groups, and its first leaf */
    int first, end;      /* the places of the group's workers, which alone have its parameters */
};

struct leaf_check {
    struct leaf_worker *workers; /* [worker_count] the ranks that have leaves, ascending */
    int worker_count;
    int place; /* of this rank among them; -1: it has none */
    const struct tensor_table *table;
    struct float_part *parts; /* [table->tensor_count] of the gradient */
    int64_t count;            /* of hashes: the gradient's tensors, and last the loss */
    uint64_t *own, *again;
    double flops; /* executed by this rank, of the last check */
};

struct trainer;

/* Local. `table` must outlive the check. */
void leaf_check_init(struct leaf_check *check, const struct world *world,
                     const struct train_config *config, const struct tensor_table *table);
void leaf_check_release(struct leaf_check *check); /* what is all zero too */

/* Local, in a step that is due. The other rank's leaf, before gradient_tree_begin. */
enum status leaf_check_compute_again(struct trainer *trainer, int64_t step);
/* Local, in a step that is due. This rank's first leaf, as soon as it is computed. */
void leaf_check_keep_own(struct trainer *trainer, const float *gradient, double loss);
/* Collective, after both. Fails on all ranks alike where two ranks differ, and names them and the
 * first tensor; *flops: executed by all ranks for it. */
enum status leaf_check_compare(struct trainer *trainer, int64_t step, double *flops);

#endif
