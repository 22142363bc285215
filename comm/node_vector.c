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

/* Elements of a message, and how many of each slice are under way: see tree_exchange.h. */
#define MESSAGE ((int64_t)262144)
enum { IN_FLIGHT = 32 };

struct node_vector {
    const struct world *world;
    int64_t count;
    struct node_memory *memory; /* joined */
    int *served;                /* [size] owners in other nodes, whose slices this rank receives */
    int served_count;
    struct vector_flight {
        MPI_Request *requests; /* [served + nodes] */
        int posted;
    } flights[IN_FLIGHT];
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
    for (int i = 0; i < IN_FLIGHT; i++)
        vector->flights[i].requests =
            memory_alloc_zeroed((size_t)(vector->served_count + t->nodes), sizeof(MPI_Request));
    return vector;
}

void node_vector_free(struct node_vector *vector)
{
    if (!vector)
        return;
    node_memory_free(vector->memory);
    memory_free(vector->served);
    for (int i = 0; i < IN_FLIGHT; i++)
        memory_free(vector->flights[i].requests);
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
    struct slice slice = slice_of_rank(vector->count, rank, vector->world->size);
    slice.begin += message * MESSAGE;
    if (slice.begin > slice.end)
        slice.begin = slice.end;
    if (slice.end - slice.begin > MESSAGE)
        slice.end = slice.begin + MESSAGE;
    return slice;
}

/* One message of every slice, to and from all whom it concerns, once the one that is IN_FLIGHT
 * before it is through. */
static void post_message(struct node_vector *vector, int64_t message)
{
    struct vector_flight *flight = &vector->flights[message % IN_FLIGHT];
    transfer_wait(flight->requests, flight->posted);
    flight->posted = 0;

    const struct world *world = vector->world;
    const struct topology *t = world->topology;
    float *values = node_vector_values(vector);
    for (int i = 0; i < vector->served_count; i++) {
        const struct slice part = message_of(vector, vector->served[i], message);
        if (part.begin < part.end)
            MPI_CHECK(MPI_Irecv(values + part.begin, (int)(part.end - part.begin), MPI_FLOAT,
                                vector->served[i], TRANSFER_TAG_VECTOR, t->comm,
                                &flight->requests[flight->posted++]));
    }
    const struct slice own = message_of(vector, world->rank, message);
    for (int distance = 1; distance < t->nodes && own.begin < own.end; distance++) {
        const int node = (t->node + distance) % t->nodes;
        MPI_CHECK(MPI_Isend(values + own.begin, (int)(own.end - own.begin), MPI_FLOAT,
                            topology_partner(t, node, world->rank), TRANSFER_TAG_VECTOR, t->comm,
                            &flight->requests[flight->posted++]));
    }
}

void node_vector_gather(struct node_vector *vector)
{
    operation_begin(vector->world, "gathering of parameters",
                    vector->count * (int64_t)sizeof(float));
    const struct slice longest = slice_of_rank(vector->count, 0, vector->world->size);
    const int64_t messages = vector->world->topology->nodes == 1
                                 ? 0
                                 : (longest.end - longest.begin + MESSAGE - 1) / MESSAGE;
    for (int64_t message = 0; message < messages; message++)
        post_message(vector, message);
    for (int i = 0; i < IN_FLIGHT; i++) {
        transfer_wait(vector->flights[i].requests, vector->flights[i].posted);
        vector->flights[i].posted = 0;
    }
    node_memory_barrier(vector->world);
    operation_end(vector->world);
}
