/* groups: a fixed number of groups that train apart from each other, on any number of ranks.
 *
 *   5 ranks, 2 groups    | 0 1 2 | 3 4 |       enough ranks: each group has a world of its own
 *   2 ranks, 5 groups    rank 0: groups 0 1    fewer: a rank carries several, each in a world
 *                        rank 1: groups 2 3 4  of that one rank
 *
 * A group's ranks follow each other. Where the groups are the leaves of a tree over all ranks
 * (leaf_range_of_rank), the rank that owns leaf g is the last one of group g.
 *
 * Ranks count the operations of their groups beside those of all ranks (operation.h), and the
 * watchdog compares these numbers over all ranks. So an operation counts in a group of one rank as
 * in a larger one, and counts nowhere where ranks carry several groups.
 */
#ifndef COMM_GROUPS_H
#define COMM_GROUPS_H

#include "comm/leaf_tree.h"
#include "comm/world.h"

/* Local, pure. The groups that a rank carries: one, or as many as fall to it. */
struct leaf_range groups_of_rank(int64_t groups, int rank, int size);
/* The lowest rank that carries a group; of group number `groups`: the world's size. */
int groups_first_rank(int64_t groups, int64_t group, int size);

/* Collective: each rank calls it for the groups that it carries, in ascending order. *joined is the
 * group's world, to be left by subworld_leave. */
void groups_join(const struct world *world, int64_t groups, int64_t group, struct world *joined);

#endif
