/* outer_step: what groups that train apart have in common, and how it follows them.
 *
 *   after every local_steps steps, and after the last one:
 *     Delta = 1/G sum over groups g of (theta - theta_g)
 *     theta = theta - outer_lr times Nesterov's look ahead along Delta      (nesterov.h)
 *     theta_g = theta, for all g; the moments of their optimizers stay as they are
 *
 * Douillard et al., "DiLoCo: Distributed Low-Communication Training of Language Models" (2023),
 * algorithm 1. theta is the run's model, which is validated and saved. The sum goes along the tree
 * over the groups (comm/leaf_tree.h), each contributed by the last rank of its group; each rank of
 * the world updates a slice, and the slices are gathered: it moves what one synchronous step moves.
 */
#ifndef TRAINER_TRAINING_OUTER_STEP_H
#define TRAINER_TRAINING_OUTER_STEP_H

#include "comm/gradient_tree.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/training/train_config.h"

struct outer_step {
    struct gradient_tree *changes; /* over all ranks, of a leaf for each group */
    struct moments momentum;       /* of this rank's slice among all ranks */
};

struct trainer;

/* Collective. */
void outer_step_open(struct outer_step *outer, struct trainer *trainer);
void outer_step_close(struct outer_step *outer);
/* What it takes on a rank, without the run's parameters. Local, pure. */
size_t outer_step_change_bytes(const struct train_config *config, int64_t count, int rank,
                               int size);
size_t outer_step_momentum_bytes(const struct tensor_table *table, int rank, int size);

/* Of tensor number `index`, in this rank's slice, for checkpoints. False where there is none. */
#define OUTER_PREFIX "outer."
bool outer_step_tensor_momentum(const struct outer_step *outer, int64_t index,
                                struct tensor_moment *momentum);

/* Whether it follows step number `step`: never where one group has all ranks. */
bool outer_step_is_due(const struct train_config *config, int64_t step);
/* Collective, after the groups' updates of step number `step`. */
void outer_step_run(struct trainer *trainer, int64_t step);

#endif
