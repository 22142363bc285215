/* gradient_tree: the sum of all leaves' gradients, in one fixed order.
 *
 * Leaves are added along a binary tree over their index; a node covers the
 * leaves [i 2^k, (i+1) 2^k) that exist, so any number of leaves works. A rank
 * owns a contiguous range of leaves and adds the maximal subtrees that it owns
 * whole; only those sums cross ranks, and the owner of each slice of the vector
 * adds them in the tree's order.
 *
 *   leaf     0   1   2   3   4   5   6   7
 *             \ /     \ /     \ /     \ /
 *              +       +       +       +      3 ranks: [0..1] [2..4] [5..7]
 *               \     /         \     /       rank 1 holds (2+3) and 4
 *                  +               +
 *                         +
 *
 * Because the order is fixed, any world size gives the same bits. Ranks beyond
 * the number of leaves own none, and take part all the same.
 *
 * Memory: at most 2 log2(leaves) + 1 buffers of `count` floats on a rank (one
 * for one leaf; 2^k leaves need k + 1), and a staging buffer of fixed size.
 */
#ifndef COMM_GRADIENT_TREE_H
#define COMM_GRADIENT_TREE_H

#include "comm/slice.h"
#include "comm/world.h"

struct gradient_tree;

/* The leaves of a rank: [first, end). */
struct leaf_range {
    int64_t first, end;
};
struct leaf_range leaf_range_of_rank(int64_t leaves, int rank, int size);

/* Collective. For `leaves` gradients of `count` floats. */
struct gradient_tree *gradient_tree_create(const struct world *world, int64_t leaves,
                                           int64_t count);
void gradient_tree_free(struct gradient_tree *tree); /* Local; NULL is allowed */
size_t gradient_tree_bytes(int64_t leaves, int64_t count, int rank,
                           int size); /* what create takes */

/* Local. Starts a step: forgets all sums. */
void gradient_tree_begin(struct gradient_tree *tree);
/* Local. A zeroed buffer of `count` floats for the next leaf, to be asked for in
 * ascending order; the leaf before it is final from then on and is added up. */
float *gradient_tree_leaf(struct gradient_tree *tree, int64_t leaf);
/* Collective. Afterwards gradient_tree_sum()[i] holds the sum over all leaves for i in this
 * rank's slice; elements outside it are undefined. */
void gradient_tree_reduce(struct gradient_tree *tree);
float *gradient_tree_sum(struct gradient_tree *tree);

/* Collective. The same tree over one small record of doubles a leaf (loss, tokens):
 * `mine` holds the records of this rank's leaves, `total` receives the sum on all ranks. */
void leaf_values_reduce(const struct world *world, int64_t leaves, const double *mine, int width,
                        double *total);

#endif
