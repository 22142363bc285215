#include "tests/mpi/node_layouts.h"

#include <mpi.h>

#include "comm/mpi_check.h"
#include "comm/topology.h"

const char *const node_layout_names[LAYOUTS] = { "as it is", "pairs", "threes", "round robin",
                                                 "apart" };

static int node_of(enum node_layout layout, int rank)
{
    switch (layout) {
    case LAYOUT_PAIRS:
        return rank / 2;
    case LAYOUT_THREES:
        return rank / 3;
    case LAYOUT_ROUND_ROBIN:
        return rank % 2;
    case LAYOUT_APART:
        return rank;
    default:
        return 0;
    }
}

struct world node_layout_open(enum node_layout layout)
{
    struct world world = test_world;
    MPI_Comm node;
    MPI_CHECK(MPI_Comm_split(MPI_COMM_WORLD, node_of(layout, world.rank), world.rank, &node));
    MPI_CHECK(MPI_Comm_rank(node, &world.node_rank));
    MPI_CHECK(MPI_Comm_size(node, &world.node_size));
    world.topology = topology_create(MPI_COMM_WORLD, node);
    return world;
}

void node_layout_close(struct world *world)
{
    topology_free(world->topology);
}
