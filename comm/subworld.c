#include "comm/subworld.h"

#include "comm/mpi_check.h"
#include "comm/operation.h"
#include "comm/topology.h"

static MPI_Comm part_of(MPI_Comm whole, int color, int rank)
{
    MPI_Comm part;
    MPI_CHECK(MPI_Comm_split(whole, color, rank, &part));
    MPI_CHECK(MPI_Comm_set_errhandler(part, MPI_ERRORS_RETURN));
    return part;
}

static struct topology *open_topology(const struct world *world, const struct subworld_plan *plan)
{
    const struct topology *t = world->topology;
    MPI_Comm whole = plan->is_alone ? MPI_COMM_SELF : t->comm;
    MPI_Comm node = plan->is_alone ? MPI_COMM_SELF : t->node_comm;
    MPI_Comm comm = part_of(whole, plan->color, world->rank);
    return topology_create(comm, part_of(node, plan->node_color, world->rank));
}

void subworld_open(const struct world *world, const struct subworld_plan *plan, struct world *sub)
{
    if (!plan->is_alone)
        operation_begin(world, "joining of ranks", 0);
    *sub = *world;
    sub->topology = open_topology(world, plan);
    sub->first_rank = world->first_rank + plan->first_rank;
    sub->rank = sub->topology->rank;
    sub->size = sub->topology->size;
    sub->node_rank = sub->topology->place_of[sub->rank];
    sub->node_size = sub->topology->node_sizes[sub->topology->node];
    sub->counts_alone = !plan->is_alone && (world->size > 1 || world->counts_alone);
    if (!plan->is_alone)
        operation_end(world);
}

void subworld_node(const struct world *world, struct world *node)
{
    const struct topology *t = world->topology;
    const struct subworld_plan plan = { .color = t->node,
                                        .first_rank = topology_rank(t, t->node, 0) };
    subworld_open(world, &plan, node);
}

void subworld_apart(const struct world *world, struct world *apart)
{
    const struct subworld_plan plan = { .node_color = world->rank };
    subworld_open(world, &plan, apart);
}

void subworld_leave(struct world *sub)
{
    if (!sub->topology)
        return;
    MPI_Comm comm = sub->topology->comm;
    topology_free(sub->topology);
    MPI_CHECK(MPI_Comm_free(&comm));
    *sub = (struct world){ 0 };
}
