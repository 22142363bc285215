/* self_test: does this world add up what everybody knows?
 *
 * Before a run trusts its machines for a month: sums of values that every rank
 * can make by itself, through the same functions as a training step, between
 * the ranks of a node and between nodes.
 *
 *   gradient tree       one float to some slices, fewer and more leaves than ranks; in values
 *                       whose sum depends on the order, held against the tree's order, and in
 *                       small integers, whose sum is exact
 *   node_vector_gather  the whole of those sums on every rank
 *   leaf values         a record of doubles a leaf, held against the tree's order
 *   loans               there, changed, and back
 */
#ifndef COMM_SELF_TEST_H
#define COMM_SELF_TEST_H

#include "base/thread_pool.h"
#include "comm/world.h"

/* Collective; well under a second. `pool` may be NULL. Where a value is wrong, STATUS_FAILED on all
 * ranks, and the message names rank, place and both values. */
enum status world_self_test(const struct world *world, struct thread_pool *pool);

#endif
