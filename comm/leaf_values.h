/* leaf_values: the sum of one small record of doubles a leaf (loss, tokens),
 * along the same tree as the gradients.
 *
 * The records are gathered, not their partial sums: every rank adds all leaves
 * by itself, and so holds the same bits. */
#ifndef COMM_LEAF_VALUES_H
#define COMM_LEAF_VALUES_H

#include "comm/leaf_tree.h"
#include "comm/world.h"

/* Collective. `mine` holds [leaves of this rank, width]; the leaves of rank r end at ends[r], and
 * begin where those of the rank before it end. `records` [ends of the last rank, width] receives
 * those of all. */
void leaf_values_gather(const struct world *world, const int64_t *ends, const double *mine,
                        int width, double *records);
/* Local. `total` [width] receives the sum of `records` [leaves, width] along their tree. */
void leaf_values_add(int64_t leaves, const double *records, int width, double *total);

/* Both. `mine` holds [leaves of this rank, width] in the order of leaf_range_of_rank;
 * `total` [width] receives the sum on all ranks. */
void leaf_values_reduce(const struct world *world, int64_t leaves, const double *mine, int width,
                        double *total);

#endif
