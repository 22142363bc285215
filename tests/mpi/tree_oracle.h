/* tree_oracle: the sum along the tree, written as the recursion that defines
 * it: a node of 2^k leaves is its left half plus its right half, where that
 * has leaves. Against this the reduction's push and merge are checked. */
#ifndef TESTS_MPI_TREE_ORACLE_H
#define TESTS_MPI_TREE_ORACLE_H

#include <stdint.h>

/* Fills values [width] of one leaf; `context` is the test's. */
typedef void leaf_fill(const void *context, int64_t leaf, float *values, int64_t width);

/* sum [width] over leaves [0, leaves). */
void tree_oracle_sum(leaf_fill *fill, const void *context, int64_t leaves, int64_t width,
                     float *sum);

#endif
