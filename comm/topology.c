#include "comm/topology.h"

#include "base/memory.h"
#include "comm/mpi_check.h"

/* Nodes are numbered by their lowest rank. `lowest` [size]: of each rank's node. */
static void number_nodes(struct topology *t, const int *lowest)
{
    for (int rank = 0; rank < t->size; rank++)
        t->node_of[rank] = lowest[rank] == rank ? t->nodes++ : t->node_of[lowest[rank]];
    t->node_sizes = memory_alloc_zeroed((size_t)t->nodes, sizeof *t->node_sizes);
    t->first_places = memory_alloc_zeroed((size_t)t->nodes, sizeof *t->first_places);
    for (int rank = 0; rank < t->size; rank++)
        t->place_of[rank] = t->node_sizes[t->node_of[rank]]++;
    for (int node = 1; node < t->nodes; node++)
        t->first_places[node] = t->first_places[node - 1] + t->node_sizes[node - 1];
    for (int rank = 0; rank < t->size; rank++)
        t->ranks[t->first_places[t->node_of[rank]] + t->place_of[rank]] = rank;
}

struct topology *topology_create(MPI_Comm comm, MPI_Comm node_comm)
{
    struct topology *t = memory_alloc_zeroed(1, sizeof *t);
    int lowest;
    t->comm = comm;
    t->node_comm = node_comm;
    MPI_CHECK(MPI_Comm_rank(comm, &t->rank));
    MPI_CHECK(MPI_Comm_size(comm, &t->size));
    MPI_CHECK(MPI_Allreduce(&t->rank, &lowest, 1, MPI_INT, MPI_MIN, node_comm));

    const size_t size = (size_t)t->size;
    int *all_lowest = memory_alloc_zeroed(size, sizeof *all_lowest);
    t->node_of = memory_alloc_zeroed(size, sizeof *t->node_of);
    t->place_of = memory_alloc_zeroed(size, sizeof *t->place_of);
    t->ranks = memory_alloc_zeroed(size, sizeof *t->ranks);
    MPI_CHECK(MPI_Allgather(&lowest, 1, MPI_INT, all_lowest, 1, MPI_INT, comm));
    number_nodes(t, all_lowest);
    memory_free(all_lowest);
    t->node = t->node_of[t->rank];
    return t;
}

void topology_free(struct topology *topology)
{
    MPI_CHECK(MPI_Comm_free(&topology->node_comm));
    memory_free(topology->node_of);
    memory_free(topology->place_of);
    memory_free(topology->node_sizes);
    memory_free(topology->first_places);
    memory_free(topology->ranks);
    memory_free(topology);
}

int topology_rank(const struct topology *topology, int node, int place)
{
    return topology->ranks[topology->first_places[node] + place];
}

int topology_partner(const struct topology *topology, int node, int rank)
{
    return topology_rank(topology, node, topology->place_of[rank] % topology->node_sizes[node]);
}

int topology_served(const struct topology *topology, int rank, int *owners)
{
    const struct topology *t = topology;
    const int own_node = t->node_of[rank];
    int count = 0;
    for (int distance = 1; distance < t->nodes; distance++) {
        const int node = (own_node + distance) % t->nodes;
        for (int place = 0; place < t->node_sizes[node]; place++) {
            const int owner = topology_rank(t, node, place);
            if (topology_partner(t, own_node, owner) == rank)
                owners[count++] = owner;
        }
    }
    return count;
}
