/* gradient_tree: the sum of all leaves' gradients, in one fixed order.
 *
 * Leaves are added along a binary tree over their index; a node covers the
 * leaves [i 2^k, (i+1) 2^k) that exist, so any number of leaves works. A rank
 * owns a contiguous range of leaves and adds the maximal subtrees that it owns
 * whole. The owner of each slice of the vector adds those sums in the tree's
 * order: it reads the ones of its own node where they are, and of other nodes only
 * sums of what such a node has whole cross the network.
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
 * Memory, which the ranks of a node can read of each other (node_memory.h): the
 * buffers of the sums that wait for their sibling, [buffers, count], the first of
 * which receives the result:
 *
 *   buffer 0   0+1+2+3   | leaves 0 to 6 of 8: on one rank, while leaf 6 is
 *   buffer 1   4+5       | computed. 2^k leaves need k + 1 buffers, a range
 *   buffer 2   6         | that starts elsewhere at most 2 log2(leaves) + 1.
 *   buffer 3   (free)    |
 *
 * and a staging area for what other nodes send (see tree_exchange.h).
 */
#ifndef COMM_GRADIENT_TREE_H
#define COMM_GRADIENT_TREE_H

#include "base/thread_pool.h"
#include "comm/leaf_tree.h"
#include "comm/leaf_values.h"
#include "comm/slice.h"
#include "comm/wire.h"
#include "comm/world.h"

struct gradient_tree;

/* Collective. For `leaves` >= 1 gradients of `count` >= 0 floats. `world` and `pool` must outlive
 * the tree; with a NULL pool the calling thread adds alone, to the same bits. */
struct gradient_tree *gradient_tree_create(const struct world *world, struct thread_pool *pool,
                                           int64_t leaves, int64_t count);
void gradient_tree_free(struct gradient_tree *tree); /* Collective; NULL is allowed */
/* What create takes on a node alone; on several nodes staging comes on top, of 64 MiB or less. */
size_t gradient_tree_bytes(int64_t leaves, int64_t count, int rank, int size);

/* The same on every rank, between reductions. As what sums cross nodes, and in messages of how many
 * elements at most; 0: as long as is good for most networks. At first WIRE_FP32 and 0. With
 * WIRE_BF16 every leaf and every sum of the tree is rounded to bf16, whether it crosses or not: so
 * the bits are still those of any number of ranks. */
void gradient_tree_set_wire(struct gradient_tree *tree, enum wire wire, int64_t block);

/* Local. Starts a step: forgets all sums. */
void gradient_tree_begin(struct gradient_tree *tree);
/* Local. A buffer of `count` floats, of any content, for the next leaf of this rank, each to be
 * asked for in ascending order; the leaf before it is final from then on and is added up. On a rank
 * that is alone on its node the first leaf's buffer begins an arena (base/memory.h). */
float *gradient_tree_leaf(struct gradient_tree *tree, int64_t leaf);
/* Collective, after all leaves of this rank. Afterwards gradient_tree_sum()[i] holds the sum over
 * all leaves for i in this rank's slice (slice.h); elements outside it are undefined. The
 * whole buffer is the caller's to write to, until the next begin, and so it is before the first. A
 * rank that dies on the way ends the job. */
void gradient_tree_reduce(struct gradient_tree *tree);
float *gradient_tree_sum(struct gradient_tree *tree);
/* Collective. The same, but this rank's slice of the sum goes to its place of `vector` [count]. */
void gradient_tree_reduce_to(struct gradient_tree *tree, float *vector);

/* The same beside the computation of the last leaf: from start on the background's thread owns MPI,
 * until finish returns. */
struct background;
/* Collective, when this rank asked for the buffer of its last leaf, or has none. Not OK: some leaf
 * will not come, and no rank reduces. */
void gradient_tree_start(struct gradient_tree *tree, struct background *background,
                         enum status status);
/* Local. The last leaf's gradient is final from element `from` on; finish says so of all of it. */
void gradient_tree_final(struct gradient_tree *tree, int64_t from);
/* Collective. What the ranks agree on (world_agree) of start's statuses. */
enum status gradient_tree_finish(struct gradient_tree *tree);

#endif
