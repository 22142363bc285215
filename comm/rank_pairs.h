/* rank_pairs: who measures a link with whom. Pairs of ranks, on different nodes where there are
 * several:
 *
 *   rank      0  1  2 | 3  4        nodes of 3 and 2 ranks
 *   partner   3  4  - | 0  1        in the order of nodes, half the ranks away; with an odd number
 *                                   of ranks the middle one has none
 */
#ifndef COMM_RANK_PAIRS_H
#define COMM_RANK_PAIRS_H

#include "comm/world.h"

#define NO_PARTNER (-1)

/* Local. nodes[r], for all ranks r: the lowest rank of the node that r is on. */
void rank_nodes(const struct world *world, int *nodes);
/* Local, pure. partners[r], for all ranks r: a rank, or NO_PARTNER. It is on another node, unless
 * one node has more than half of the ranks. */
void rank_partners(const int *nodes, int size, int *partners);

#endif
