/* tree_oracle: the sum along the tree, written as the recursion that defines
 * it: a node of 2^k leaves is its left half plus its right half, where that
 * has leaves. Against this the reduction's push and merge are checked. */
#ifndef TESTS_MPI_TREE_ORACLE_H
#define TESTS_MPI_TREE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

/* Fills values [width] of one leaf; `context` is the test's. */
typedef void leaf_fill(const void *context, int64_t leaf, float *values, int64_t width);

/* sum [width] over leaves [0, leaves). `rounds`: every leaf and every sum is rounded to bf16. */
void tree_oracle_sum(leaf_fill *fill, const void *context, int64_t leaves, int64_t width,
                     bool rounds, float *sum);
float tree_oracle_rounded(float value);

#endif
