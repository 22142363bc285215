#include "comm/vector_exchange.h"

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/operation.h"
#include "comm/topology.h"
#include "comm/transfer.h"

/* A message is short, since it waits for its receiver's word before it begins, so that many must be
 * under way: see docs/reduction.md. */
#define MESSAGE ((int64_t)262144)
enum { IN_FLIGHT = 32 };

void vector_exchange_init(struct vector_exchange *exchange, const struct world *world,
                          float *values, int64_t count)
{
    const struct topology *t = world->topology;
    *exchange = (struct vector_exchange){ .world = world, .values = values };
    exchange->slicing = slicing_of(count, world->size);
    const int64_t part = exchange->slicing.part;
    exchange->block = part < MESSAGE ? part : MESSAGE;
    exchange->units_of_round = (part + exchange->block - 1) / exchange->block;
    exchange->units = exchange->slicing.rounds * exchange->units_of_round;
    exchange->served = memory_alloc_zeroed((size_t)t->size, sizeof *exchange->served);
    exchange->served_count = topology_served(t, world->rank, exchange->served);
    exchange->flights = memory_alloc_zeroed(IN_FLIGHT, sizeof *exchange->flights);
    for (int i = 0; i < IN_FLIGHT; i++)
        exchange->flights[i].requests =
            memory_alloc_zeroed((size_t)(exchange->served_count + t->nodes), sizeof(MPI_Request));
}

void vector_exchange_release(struct vector_exchange *exchange)
{
    memory_free(exchange->served);
    for (int i = 0; i < IN_FLIGHT; i++)
        memory_free(exchange->flights[i].requests);
    memory_free(exchange->flights);
}

/* What a unit covers of a rank's part; empty beyond its end. */
static struct slice block_of_rank(const struct vector_exchange *exchange, int rank, int64_t unit)
{
    struct slice block = slicing_part(&exchange->slicing, rank, unit / exchange->units_of_round);
    block.begin += unit % exchange->units_of_round * exchange->block;
    if (block.begin > block.end)
        block.begin = block.end;
    if (block.end - block.begin > exchange->block)
        block.end = block.begin + exchange->block;
    return block;
}

/* Block `unit` of every part of its round, to and from all whom it concerns. */
static void post_unit(struct vector_exchange *exchange, int64_t unit)
{
    const struct world *world = exchange->world;
    const struct topology *t = world->topology;
    struct vector_flight *flight = &exchange->flights[unit % IN_FLIGHT];
    flight->posted = 0;
    for (int i = 0; i < exchange->served_count; i++) {
        const struct slice block = block_of_rank(exchange, exchange->served[i], unit);
        if (block.begin < block.end)
            MPI_CHECK(MPI_Irecv(exchange->values + block.begin, (int)(block.end - block.begin),
                                MPI_FLOAT, exchange->served[i], TRANSFER_TAG_VECTOR, t->comm,
                                &flight->requests[flight->posted++]));
    }
    const struct slice own = block_of_rank(exchange, world->rank, unit);
    for (int distance = 1; distance < t->nodes && own.begin < own.end; distance++) {
        const int node = (t->node + distance) % t->nodes;
        MPI_CHECK(MPI_Isend(exchange->values + own.begin, (int)(own.end - own.begin), MPI_FLOAT,
                            topology_partner(t, node, world->rank), TRANSFER_TAG_VECTOR, t->comm,
                            &flight->requests[flight->posted++]));
    }
}

/* The begin of the round that is not yet done. */
static int64_t end_of_done(const struct vector_exchange *exchange, int64_t done)
{
    if (done == exchange->units)
        return exchange->slicing.count;
    return slicing_part(&exchange->slicing, 0, done / exchange->units_of_round).begin;
}

void vector_exchange_run(struct vector_exchange *exchange, vector_arrival *on_arrival,
                         void *context)
{
    const bool is_beside = operation_is_beside();
    struct transfer_pause pause = { 0 };
    int64_t posted = 0, done = 0;
    const int64_t units = exchange->world->topology->nodes > 1 ? exchange->units : 0;
    while (done < units) {
        const struct vector_flight *flight = &exchange->flights[done % IN_FLIGHT];
        if (posted < units && posted < done + IN_FLIGHT) {
            post_unit(exchange, posted++);
        } else if (transfer_test(flight->requests, flight->posted)) {
            on_arrival(context, end_of_done(exchange, ++done));
            transfer_pause_end(&pause);
        } else {
            transfer_pause(&pause, !is_beside || operation_is_awaited());
        }
    }
    on_arrival(context, exchange->slicing.count);
}
