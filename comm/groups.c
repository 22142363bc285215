#include "comm/groups.h"

#include "comm/mpi_check.h"
#include "comm/operation.h"
#include "comm/topology.h"

struct leaf_range groups_of_rank(int64_t groups, int rank, int size)
{
    struct leaf_range range = leaf_range_of_rank(groups, rank, size);
    if (range.end == range.first)
        range.end++;
    return range;
}

int groups_first_rank(int64_t groups, int64_t group, int size)
{
    if (size < groups) /* the one that owns its leaf */
        return (int)(((group + 1) * size + groups - 1) / groups) - 1;
    return (int)((group * size + groups - 1) / groups);
}

static MPI_Comm part_of(MPI_Comm whole, const struct world *world, int64_t group)
{
    MPI_Comm part;
    MPI_CHECK(MPI_Comm_split(whole, (int)group, world->rank, &part));
    MPI_CHECK(MPI_Comm_set_errhandler(part, MPI_ERRORS_RETURN));
    return part;
}

/* The group's ranks, and those of them that share this node. */
static struct topology *group_topology(const struct world *world, int64_t group, bool is_alone)
{
    const struct topology *t = world->topology;
    MPI_Comm comm = part_of(is_alone ? MPI_COMM_SELF : t->comm, world, group);
    MPI_Comm node = part_of(is_alone ? MPI_COMM_SELF : t->node_comm, world, group);
    return topology_create(comm, node);
}

void groups_join(const struct world *world, int64_t groups, int64_t group, struct world *joined)
{
    const bool is_alone = world->size < groups;
    const int first_rank = is_alone ? world->rank : groups_first_rank(groups, group, world->size);
    if (!is_alone)
        operation_begin(world, "joining of groups", 0);
    *joined = *world;
    joined->topology = group_topology(world, group, is_alone);
    joined->first_rank = world->first_rank + first_rank;
    joined->rank = world->rank - first_rank;
    joined->size = joined->topology->size;
    joined->node_rank = joined->topology->place_of[joined->rank];
    joined->node_size = joined->topology->node_sizes[joined->topology->node];
    joined->counts_alone = !is_alone && world->size > 1;
    if (!is_alone)
        operation_end(world);
}

void groups_leave(struct world *joined)
{
    if (!joined->topology)
        return;
    MPI_Comm comm = joined->topology->comm;
    topology_free(joined->topology);
    MPI_CHECK(MPI_Comm_free(&comm));
    *joined = (struct world){ 0 };
}
