/* train_group: ranks that train parameters together, and what they hold for it.
 *
 * In synchronous training one group has all ranks, and its parameters are the run's.
 */
#ifndef TRAINER_TRAINING_TRAIN_GROUP_H
#define TRAINER_TRAINING_TRAIN_GROUP_H

#include "comm/gradient_tree.h"
#include "comm/node_vector.h"
#include "comm/world.h"
#include "trainer/model/model.h"
#include "trainer/optimizer/optimizer.h"

struct train_group {
    const struct world *world; /* its ranks */
    struct leaf_range leaves;  /* of this rank, among those of the step */

    struct node_vector *parameters; /* the model's: a copy for each node */
    struct model *model;
    struct gradient_tree *gradients;
    struct optimizer optimizer;
    double per_target;    /* 1 / the targets of all its leaves in this step */
    double gradient_norm; /* of its mean gradient in this step, before clipping */
};

struct trainer;

/* Collective. The group of all ranks, which trains the run's own parameters. */
void train_group_open(struct train_group *group, struct trainer *trainer);
void train_group_close(struct train_group *group); /* Collective */

#endif
