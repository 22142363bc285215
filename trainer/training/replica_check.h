/* replica_check: finds the rank whose memory or processor errs, before it spoils a run.
 *
 * Each rank holds all parameters and owns a slice of them, which it alone updates and then sends
 * to the others. A bit that flips in the own slice would reach every rank with the next gather,
 * and all would agree; elsewhere it is written over at the end of the step, but has spoilt the
 * rank's gradients until then, and where the memory is broken it flips again.
 *
 *   rank 0    |=own=|     |     |=own=|     |     |=own=|    its slice goes round the ranks, and
 *   rank 1    |     |=own=|     |     |=own=|     |     |    the rest is a replica
 *   rank 2    |     |     |=own=|     |     |=own=|
 *
 * With `check_every` > 0:
 *   slice      before every update a rank compares its own slice with what its last update left;
 *   replicas   before the update of a step that is due, and before a checkpoint, the ranks
 *              compare all parameters;
 *   leaf       in a step that is due each rank computes a leaf of another one too: leaf_check.h.
 * What is compared are hashes of pieces: tensors, cut where the parts of slices end. No bit of a
 * run depends on it.
 *
 * Memory: some hashes for each piece.
 */
#ifndef TRAINER_TRAINING_REPLICA_CHECK_H
#define TRAINER_TRAINING_REPLICA_CHECK_H

#include "base/float_hash.h"
#include "comm/world.h"
#include "trainer/model/model.h"
#include "trainer/training/train_config.h"

struct replica_piece {
    const struct tensor *tensor;
    int owner; /* rank */
};

struct replica_check {
    const struct world *world; /* the ranks that hold replicas */
    const struct model *model; /* whose parameters they are */
    int64_t count;             /* of pieces, in the order of the flat vector */
    struct float_part *parts;  /* [count] where they lie */
    struct replica_piece *pieces;
    uint64_t *hashes;  /* [count] of what is compared now */
    int64_t own_count; /* of the pieces in this rank's slice, in the same order */
    struct float_part *own_parts;
    const struct tensor **own_tensors;
    uint64_t *own_hashes; /* as the last update left them */
    int64_t own_step;     /* steps done by then; 0: none since the start of the program */
};

struct trainer;

/* Local. `world` and `model` must outlive the check. */
void replica_check_init(struct replica_check *check, const struct world *world,
                        const struct model *model);
void replica_check_release(struct replica_check *check); /* what is all zero too */

/* Whether replicas and leaves are compared in step number `step`. */
bool replica_check_is_due(const struct train_config *config, int64_t step);

/* Local. Right after this rank has updated its slice in step number `step`. */
void replica_check_keep_slice(struct trainer *trainer, struct replica_check *check, int64_t step);
/* Collective. Fails on all ranks where one's own slice is not what keep_slice saw. */
enum status replica_check_slice(struct trainer *trainer);
/* Collective, after replica_check_slice. Fails on all ranks alike where their parameters differ.
 * Wrong is, piece by piece, who holds something else than the owner; before the first update, when
 * each rank has made or read them by itself, than most ranks. The message names them and the
 * first tensor of each. */
enum status replica_check_replicas(struct trainer *trainer);

#endif
