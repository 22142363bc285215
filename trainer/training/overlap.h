/* overlap: communication beside the passes, and what must not begin before it has ended.
 *
 *   main         forward       | loss | backward of the last leaf      | update |  forward ...
 *   background   <- parameters |      |    gradients, as they are final ->  |   |  <- parameters
 *
 * The main thread computes and does not talk MPI meanwhile. Forward waits before each part of a
 * layer until the parameters up to there have come; backward says from where on the gradient is
 * final. The parameters of an update travel when the next step begins: between steps MPI is the
 * main thread's, and overlap_whole brings them at once for whoever reads them there. The same bits
 * with and without.
 */
#ifndef TRAINER_TRAINING_OVERLAP_H
#define TRAINER_TRAINING_OVERLAP_H

#include "comm/gradient_tree.h"
#include "comm/node_vector.h"
#include "trainer/model/model.h"

/* Of the parameters in this rank's memory. */
enum parameters_state {
    PARAMETERS_STALE,   /* only the own slice is up to date */
    PARAMETERS_ROUNDED, /* whole, as far as the passes read them */
    PARAMETERS_EXACT
};

struct overlap {
    const struct world *world;
    struct model *model;
    struct node_vector *parameters;
    struct gradient_tree *gradients;
    struct node_vector *sums;      /* NULL; or every rank needs all of the gradients' sum: there */
    struct background *background; /* NULL: nothing goes on beside the passes */

    enum wire wire; /* of parameters between steps; WIRE_BF16: what the passes round anyway */
    enum parameters_state state;
    bool reduces_beside, is_reducing;
    double gathering_s, reduction_s; /* that the main thread has spent on either */
};

/* Collective, all but overlap_follow_backward. With `is_beside` in the background's thread; else
 * all is done by the caller, when it asks. */
void overlap_open(struct overlap *overlap, const struct world *world, bool is_beside);
void overlap_close(struct overlap *overlap);
/* Local, on every rank: matrices that are read by products of bf16 alone cross nodes as bf16. */
void overlap_round_matrices(struct overlap *overlap);

/* Local. What the ranks' gradients are reduced to: this rank's slice of it, or with `sums` all. */
float *overlap_sum(struct overlap *overlap);

/* The updated slices of all ranks become whole parameters: now, or beside the next step. */
void overlap_gather(struct overlap *overlap);
/* The parameters are whole now, and exact. */
void overlap_whole(struct overlap *overlap);

/* A step begins: parameters that are not whole yet travel beside it, and gradients can. */
void overlap_begin_step(struct overlap *overlap, bool can_reduce_beside);
/* The last leaf of this rank is about to be computed, or will not be because of `status`. */
void overlap_start_reduction(struct overlap *overlap, enum status status);
/* Before each pass of a leaf: does the gradient become final in it? */
void overlap_follow_backward(struct overlap *overlap, bool is_last_pass);
/* What all ranks agree on; where it is OK their gradients are reduced. */
enum status overlap_finish_reduction(struct overlap *overlap, enum status status);

#endif
