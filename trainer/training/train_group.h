/* train_group: ranks that train parameters together, and what they hold for it.
 *
 *   groups = 1    one group has all ranks, and its parameters are the run's;
 *   groups = G    each has an equal share of every step's leaves, and parameters, gradient and
 *                 moments of its own; outer_step.h is what joins them. A rank is in one group, or
 *                 carries several alone, where there are fewer ranks than groups (comm/groups.h).
 *
 *   leaves    0  1  2  3 | 4  5  6  7       2 groups
 *   ranks     0  0  1  1 | 2  2  2  2       3 ranks: the first two are a group
 *
 * Nothing that a group computes depends on who carries it.
 */
#ifndef TRAINER_TRAINING_TRAIN_GROUP_H
#define TRAINER_TRAINING_TRAIN_GROUP_H

#include "comm/gradient_tree.h"
#include "comm/node_vector.h"
#include "comm/world.h"
#include "trainer/model/model.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/training/overlap.h"
#include "trainer/training/train_config.h"

struct train_group {
    int64_t number;
    char prefix[32];              /* of its tensors in checkpoints: "group.3."; "": groups = 1 */
    struct world own_world;       /* groups > 1 */
    struct model own_model;       /* groups > 1 */
    const struct world *world;    /* its ranks */
    struct world own_node;        /* shard_optimizer = false: */
    const struct world *updaters; /* the ranks that update all parameters together */
    int64_t first_leaf;           /* of all its ranks; its tree counts from there */
    struct leaf_range leaves;     /* of this rank, among those of the step */

    struct node_vector *parameters; /* the model's: a copy for each node */
    struct model *model;
    struct gradient_tree *gradients;
    struct overlap overlap;     /* of its communication and computation */
    struct node_vector *sums;   /* shard_optimizer = false: the whole gradient; NULL */
    struct optimizer optimizer; /* of this rank's slice among the updaters */
    double per_target;          /* 1 / the targets of all its leaves in this step */
    double gradient_norm;       /* of its mean gradient in this step, before clipping */
};

/* Local, pure. The leaves that a rank computes in each step: of one of its groups, and of all of
 * them. They follow each other over the groups and the ranks. */
struct leaf_range train_group_leaves(const struct train_config *config, int64_t group, int rank,
                                     int size);
struct leaf_range train_group_all_leaves(const struct train_config *config, int rank, int size);

struct trainer;

/* Collective: for the groups that this rank carries, in ascending order. Its world and leaves. */
void train_group_join(struct train_group *group, struct trainer *trainer, int64_t number);
/* What train_group_open takes of the memory that a node's ranks share. Local. */
size_t train_group_shared_bytes(const struct train_group *group, const struct trainer *trainer);
/* Collective over the group, after that. With the run's parameters. */
void train_group_open(struct train_group *group, struct trainer *trainer);
void train_group_close(struct train_group *group); /* Collective over the group */

/* Local. Whether this rank's moments are saved: of those that nodes hold alike, the first's. */
bool train_group_saves_moments(const struct train_group *group);

/* Collective over the group. Its parameters become those: not with groups = 1. */
void train_group_start_from(struct train_group *group, const float *parameters);

/* Collective over all ranks. Of gradient_norm over all groups, added along their tree. */
double train_group_mean_norm(const struct trainer *trainer);

#endif
