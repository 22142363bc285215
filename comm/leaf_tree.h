/* leaf_tree: the shape of the one tree along which everything is added.
 *
 * A node of the tree covers the leaves [i 2^k, (i+1) 2^k) that exist, so any
 * number of leaves works: a node whose right child has no leaves is its left
 * child. The shape depends on the number of leaves alone.
 *
 *   leaf     0   1   2   3   4   5   6
 *             \ /     \ /     \ /    |
 *            [0,2)   [2,4)   [4,6)   |
 *               \     /         \    |
 *                [0,4)           [4,7)
 *                     \         /
 *                        [0,7)
 *
 * Whoever adds (leaves within a rank, sums of ranks, losses) pushes terms from
 * left to right and adds the top two for as long as they are siblings. That
 * gives the same tree however the leaves were cut into terms:
 *
 *   struct leaf_stack stack = { .leaves = 7 };
 *   for (each term, in the order of the leaves) {
 *       value[stack.depth] = term;
 *       leaf_stack_push(&stack, leaves of the term);
 *       while (leaf_stack_merge(&stack))
 *           value[stack.depth - 1] += value[stack.depth];
 *   }
 */
#ifndef COMM_LEAF_TREE_H
#define COMM_LEAF_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* Leaves [first, end). */
struct leaf_range {
    int64_t first, end;
};

/* Ranks own contiguous ranges that differ in length by at most one; with fewer leaves than
 * ranks some own none. Local, pure. */
struct leaf_range leaf_range_of_rank(int64_t leaves, int rank, int size);

/* A contiguous range of 2^62 leaves decomposes into fewer nodes than this. */
#define LEAF_STACK_DEPTH 128

struct leaf_stack {
    int64_t leaves; /* of the whole tree */
    int depth;
    struct leaf_range nodes[LEAF_STACK_DEPTH]; /* adjacent, ascending; no two are siblings */
};

void leaf_stack_push(struct leaf_stack *stack, struct leaf_range node);
/* Where the top two are siblings, makes them their parent and returns true: then the caller adds
 * the value at `depth` to the value at `depth - 1`, that one being the left operand. */
bool leaf_stack_merge(struct leaf_stack *stack);

/* The maximal nodes that `range` covers whole, from left to right: what is left on the stack after
 * all its leaves. */
struct leaf_stack leaf_tree_pieces(int64_t leaves, struct leaf_range range);
/* How deep the stack grows on the way there: the number of values that must be held at once. */
int leaf_tree_depth(int64_t leaves, struct leaf_range range);

#endif
