/* tree_sum: adds vectors along the gradient tree, in one pass over memory.
 *
 * Terms are sums of whole nodes of the tree, in the order of their leaves; there
 * may be gaps between them. What siblings give is added up; what is left without
 * a sibling is a root, of which there is one where the terms are all leaves.
 *
 *   terms    [0,2)  [4,6)  [6,8)  gap  [9,10)        of 11 leaves
 *   adds            [4,6) + [6,8)
 *   roots    [0,2)  [4,8)              [9,10)
 *
 * A vector is added in pieces that stay in the first-level cache, so that each
 * term is read once and each root written once, however many terms there are.
 * Private to comm/.
 */
#ifndef COMM_TREE_SUM_H
#define COMM_TREE_SUM_H

#include "base/thread_pool.h"
#include "comm/leaf_tree.h"

struct tree_sum {
    int64_t leaves; /* of the whole tree */
    int terms, adds, roots;
    /* Roots that are no terms are written past the caches: for what is long and used much later. */
    bool streams;
    /* Leaves and sums are rounded to bf16: any of them may cross as bf16, so all count as if they
     * had. A term is rounded when it is added, or is the only leaf of the tree. */
    bool rounds;
    /* Operands: first the terms, then the results of the additions. */
    struct tree_add {
        int left, right;
    } * list;                       /* [adds] */
    int *root_operands;             /* [roots] */
    struct leaf_range *root_leaves; /* [roots] */
};

/* Local. For terms of these leaves, of a tree over `leaves`. */
void tree_sum_init(struct tree_sum *sum, int64_t leaves, const struct leaf_range *terms, int count);
void tree_sum_release(struct tree_sum *sum);

/* Local. roots[i][0..length) = the sum of root i, from `terms` [terms], each of `length` floats. A
 * root may be one of its own terms. With a NULL pool in the calling thread. */
void tree_sum_run(const struct tree_sum *sum, struct thread_pool *pool, const float *const *terms,
                  float *const *roots, int64_t length);

#endif
