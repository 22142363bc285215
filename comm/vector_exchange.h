/* vector_exchange: the part of a node_vector's gather that crosses nodes.
 *
 * The owner of each part sends it to one rank of every other node
 * (topology_partner). A part is cut into blocks of a message; of each round of
 * parts a rank sends its own block to all nodes and receives the ones that it
 * serves, block after block from the vector's begin, many of them at once.
 * Spans may travel as bf16: then other nodes hold them rounded, and messages are
 * packed in staging. Private to comm/.
 */
#ifndef COMM_VECTOR_EXCHANGE_H
#define COMM_VECTOR_EXCHANGE_H

#include <mpi.h>

#include "comm/slice.h"
#include "comm/wire.h"
#include "comm/world.h"

struct vector_exchange {
    const struct world *world;
    float *values; /* [slicing.count] of this node */
    struct slicing slicing;
    int64_t block; /* elements of a message */
    int64_t units;
    int *served; /* [served_count] owners in other nodes, whose parts this rank receives */
    int served_count;
    struct vector_flight {
        MPI_Request *requests; /* [served_count + nodes] */
        int posted;
    } * flights; /* [flight_count] blocks under way; of packed ones packed_count */
    int64_t flight_count, packed_count;
    unsigned char *staging; /* [packed_count, 1 + served_count, block] floats, for packed ones */
};

/* Local. */
void vector_exchange_init(struct vector_exchange *exchange, const struct world *world,
                          float *values, int64_t count);
void vector_exchange_release(struct vector_exchange *exchange);

/* Collective. `packed` travel as bf16, or nothing does: NULL. Calls on_arrival(context, end) when
 * what this rank receives has come in [0, end), ever more of it, to all of the vector. */
typedef void vector_arrival(void *context, int64_t end);
void vector_exchange_run(struct vector_exchange *exchange, const struct wire_spans *packed,
                         vector_arrival *on_arrival, void *context);

#endif
