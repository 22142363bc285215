/* subworld: some ranks of a world, or all of them otherwise joined, as a world of their own.
 *
 *   world            node 0: | 0 1 2 |   node 1: | 3 4 |
 *   subworld_node            a world of 3       of 2          the ranks of this node
 *   subworld_apart           5 nodes of a rank each           as if none shared memory
 *
 * Collectives over it run on a communicator of its own; messages call its ranks by their numbers
 * in the whole world. See groups.h too.
 */
#ifndef COMM_SUBWORLD_H
#define COMM_SUBWORLD_H

#include "comm/world.h"

/* Collective over `world`. */
void subworld_node(const struct world *world, struct world *node);
void subworld_apart(const struct world *world, struct world *apart);
void subworld_leave(struct world *sub); /* Collective over it; what is zeroed is allowed */

/* Who is in it: the ranks of `world` with the same color, or this one alone; those with the same
 * node color too, of one node, share memory. Collective over `world`, unless it is alone. Private
 * to comm/. */
struct subworld_plan {
    bool is_alone;
    int color, node_color;
    int first_rank; /* of `world`: its rank 0 */
};
void subworld_open(const struct world *world, const struct subworld_plan *plan, struct world *sub);

#endif
