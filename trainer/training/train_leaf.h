/* train_leaf: the gradient of one leaf, the unit of a step's work. */
#ifndef TRAINER_TRAINING_TRAIN_LEAF_H
#define TRAINER_TRAINING_TRAIN_LEAF_H

#include "trainer/training/trainer.h"

/* What a leaf adds to the step's totals, along the same tree as its gradient. */
enum { LEAF_LOSS, LEAF_TARGETS, LEAF_FLOPS, LEAF_VALUES };

/* Local. Forward and backward, a micro-batch at a time: `gradient` receives the sum over the
 * leaf's tokens, of the group's model, `values` [LEAF_VALUES] its loss, targets and executed FLOPs.
 */
void train_leaf(struct trainer *trainer, struct train_group *group, const struct leaf_tokens *read,
                float *gradient, double *values);

#endif
