#include "comm/rank_pairs.h"

#include "base/memory.h"
#include "comm/topology.h"

void rank_nodes(const struct world *world, int *nodes)
{
    const struct topology *t = world->topology;
    for (int rank = 0; rank < t->size; rank++)
        nodes[rank] = topology_rank(t, t->node_of[rank], 0);
}

/* In the order of nodes, and of ranks within a node. */
static int place_of_rank(const int *nodes, int rank, int size)
{
    int place = 0;
    for (int other = 0; other < size; other++)
        place += nodes[other] < nodes[rank] || (other < rank && nodes[other] == nodes[rank]);
    return place;
}

void rank_partners(const int *nodes, int size, int *partners)
{
    const int distance = (size + 1) / 2;
    int *rank_at = memory_alloc_zeroed((size_t)size, sizeof *rank_at);
    for (int rank = 0; rank < size; rank++) {
        rank_at[place_of_rank(nodes, rank, size)] = rank;
        partners[rank] = NO_PARTNER;
    }
    for (int place = 0; place + distance < size; place++) {
        int near = rank_at[place], far = rank_at[place + distance];
        partners[near] = far;
        partners[far] = near;
    }
    memory_free(rank_at);
}
