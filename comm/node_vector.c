#include "comm/node_vector.h"

#include <mpi.h>
#include <stdbool.h>

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/node_memory.h"
#include "comm/operation.h"
#include "comm/slice.h"
#include "comm/topology.h"
#include "comm/transfer.h"

struct node_vector {
    const struct world *world;
    int64_t count;
    struct node_memory *memory; /* joined */
    int *served;                /* [size] owners in other nodes, whose slices this rank receives */
    int served_count;
    MPI_Request *requests; /* [served + nodes] */
};

/* Equal shares in whole pages, so that the copy is spread over the memory near its ranks. */
size_t node_vector_bytes(int64_t count, int node_rank, int node_size)
{
    const size_t bytes = (size_t)count * sizeof(float);
    const size_t pages = (bytes + NODE_MEMORY_PAGE - 1) / NODE_MEMORY_PAGE;
    const size_t first = pages * (size_t)node_rank / (size_t)node_size;
    const size_t end = pages * (size_t)(node_rank + 1) / (size_t)node_size;
    return node_size == 1 ? bytes : (end - first) * NODE_MEMORY_PAGE;
}

struct node_vector *node_vector_create(const struct world *world, int64_t count)
{
    const struct topology *t = world->topology;
    struct node_vector *vector = memory_alloc_zeroed(1, sizeof *vector);
    *vector = (struct node_vector){ .world = world, .count = count };
    vector->memory = node_memory_create_joined(
        world, node_vector_bytes(count, world->node_rank, world->node_size));
    vector->served = memory_alloc_zeroed((size_t)t->size, sizeof *vector->served);
    vector->served_count = topology_served(t, world->rank, vector->served);
    vector->requests =
        memory_alloc_zeroed((size_t)(vector->served_count + t->nodes), sizeof *vector->requests);
    return vector;
}

void node_vector_free(struct node_vector *vector)
{
    if (!vector)
        return;
    node_memory_free(vector->memory);
    memory_free(vector->served);
    memory_free(vector->requests);
    memory_free(vector);
}

float *node_vector_values(const struct node_vector *vector)
{
    return node_memory_of(vector->memory, 0);
}

void node_vector_publish(const struct node_vector *vector)
{
    node_memory_barrier(vector->world);
}

/* Message `message` of a rank's slice; empty beyond its end. */
static struct slice message_of(const struct node_vector *vector, int rank, int64_t message)
{
    const int64_t length = TRANSFER_MESSAGE_BYTES / (int64_t)sizeof(float);
    struct slice slice = slice_of_rank(vector->count, rank, vector->world->size);
    slice.begin += message * length;
    if (slice.begin > slice.end)
        slice.begin = slice.end;
    if (slice.end - slice.begin > length)
        slice.end = slice.begin + length;
    return slice;
}

/* One message of every slice, to and from all whom it concerns. False: there is none left. */
static bool exchange_messages(struct node_vector *vector, int64_t message)
{
    const struct world *world = vector->world;
    const struct topology *t = world->topology;
    float *values = node_vector_values(vector);
    int posted = 0;
    for (int i = 0; i < vector->served_count; i++) {
        const struct slice part = message_of(vector, vector->served[i], message);
        if (part.begin < part.end)
            MPI_CHECK(MPI_Irecv(values + part.begin, (int)(part.end - part.begin), MPI_FLOAT,
                                vector->served[i], TRANSFER_TAG_VECTOR, MPI_COMM_WORLD,
                                &vector->requests[posted++]));
    }
    const struct slice own = message_of(vector, world->rank, message);
    for (int distance = 1; distance < t->nodes && own.begin < own.end; distance++) {
        const int node = (t->node + distance) % t->nodes;
        MPI_CHECK(MPI_Isend(values + own.begin, (int)(own.end - own.begin), MPI_FLOAT,
                            topology_partner(t, node, world->rank), TRANSFER_TAG_VECTOR,
                            MPI_COMM_WORLD, &vector->requests[posted++]));
    }
    MPI_CHECK(MPI_Waitall(posted, vector->requests, MPI_STATUSES_IGNORE));
    return posted > 0;
}

void node_vector_gather(struct node_vector *vector)
{
    operation_begin(vector->world, "gathering of parameters",
                    vector->count * (int64_t)sizeof(float));
    for (int64_t message = 0; exchange_messages(vector, message); message++)
        continue;
    node_memory_barrier(vector->world);
    operation_end(vector->world);
}
