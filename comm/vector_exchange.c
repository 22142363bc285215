#include "comm/vector_exchange.h"

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/operation.h"
#include "comm/topology.h"
#include "comm/transfer.h"

/* A message is short, since it waits for its receiver's word before it begins, so that many must be
 * under way: see docs/reduction.md. */
#define MESSAGE       ((int64_t)65536)    /* elements */
#define FLIGHT_BYTES  ((int64_t)32 << 20) /* of this rank's own blocks, to each node */
#define STAGING_BYTES ((int64_t)64 << 20)
enum { MIN_FLIGHTS = 8, MAX_FLIGHTS = 256 };

static int64_t between(int64_t least, int64_t value, int64_t most)
{
    return value < least ? least : value < most ? value : most;
}

void vector_exchange_init(struct vector_exchange *exchange, const struct world *world,
                          float *values, int64_t count)
{
    const struct topology *t = world->topology;
    *exchange = (struct vector_exchange){ .world = world, .values = values };
    exchange->slicing = slicing_of(count, world->size);
    const int64_t part = exchange->slicing.part;
    exchange->block = part < MESSAGE ? part : MESSAGE;
    exchange->units = slicing_units(&exchange->slicing, exchange->block);
    exchange->served = memory_alloc_zeroed((size_t)t->size, sizeof *exchange->served);
    exchange->served_count = topology_served(t, world->rank, exchange->served);
    const int64_t block_bytes = exchange->block * (int64_t)sizeof(float);
    exchange->flight_count = between(MIN_FLIGHTS, FLIGHT_BYTES / block_bytes, MAX_FLIGHTS);
    exchange->packed_count =
        between(MIN_FLIGHTS, STAGING_BYTES / block_bytes / (1 + exchange->served_count),
                exchange->flight_count);
    exchange->flights =
        memory_alloc_zeroed((size_t)exchange->flight_count, sizeof *exchange->flights);
    for (int64_t i = 0; i < exchange->flight_count; i++)
        exchange->flights[i].requests =
            memory_alloc_zeroed((size_t)(exchange->served_count + t->nodes), sizeof(MPI_Request));
}

void vector_exchange_release(struct vector_exchange *exchange)
{
    memory_free(exchange->served);
    for (int64_t i = 0; i < exchange->flight_count; i++)
        memory_free(exchange->flights[i].requests);
    memory_free(exchange->flights);
    memory_free(exchange->staging);
}

static struct slice block_of_rank(const struct vector_exchange *exchange, int rank, int64_t unit)
{
    return slicing_block(&exchange->slicing, exchange->block, rank, unit);
}

/* One gather: what travels as bf16, NULL for nothing. */
struct vector_run {
    struct vector_exchange *exchange;
    const struct wire_spans *packed;
    int64_t flights;
};

/* Message `place` of a unit: 0 is the own one, the others are those of the ranks served. */
static unsigned char *message_at(const struct vector_run *run, int64_t unit, int place,
                                 struct slice block)
{
    const struct vector_exchange *exchange = run->exchange;
    if (!run->packed)
        return (unsigned char *)(exchange->values + block.begin);
    const int64_t index = unit % run->flights * (1 + exchange->served_count) + place;
    return exchange->staging + index * exchange->block * (int64_t)sizeof(float);
}

static int message_bytes(const struct vector_run *run, struct slice block)
{
    static const struct wire_spans none;
    return (int)wire_bytes_of(run->packed ? run->packed : &none, block);
}

/* Block `unit` of every part of its round, to and from all whom it concerns. */
static void post_unit(const struct vector_run *run, int64_t unit)
{
    struct vector_exchange *exchange = run->exchange;
    const struct world *world = exchange->world;
    const struct topology *t = world->topology;
    struct vector_flight *flight = &exchange->flights[unit % run->flights];
    flight->posted = 0;
    for (int i = 0; i < exchange->served_count; i++) {
        const struct slice block = block_of_rank(exchange, exchange->served[i], unit);
        if (block.begin < block.end)
            MPI_CHECK(MPI_Irecv(message_at(run, unit, 1 + i, block), message_bytes(run, block),
                                MPI_BYTE, exchange->served[i], TRANSFER_TAG_VECTOR, t->comm,
                                &flight->requests[flight->posted++]));
    }
    const struct slice own = block_of_rank(exchange, world->rank, unit);
    unsigned char *message = message_at(run, unit, 0, own);
    if (run->packed)
        wire_pack(run->packed, own, exchange->values, message);
    for (int distance = 1; distance < t->nodes && own.begin < own.end; distance++) {
        const int node = (t->node + distance) % t->nodes;
        MPI_CHECK(MPI_Isend(message, message_bytes(run, own), MPI_BYTE,
                            topology_partner(t, node, world->rank), TRANSFER_TAG_VECTOR, t->comm,
                            &flight->requests[flight->posted++]));
    }
}

/* What has come for this node goes where it belongs. */
static void unpack_unit(const struct vector_run *run, int64_t unit)
{
    const struct vector_exchange *exchange = run->exchange;
    for (int i = 0; run->packed && i < exchange->served_count; i++) {
        const struct slice block = block_of_rank(exchange, exchange->served[i], unit);
        wire_unpack(run->packed, block, exchange->values, message_at(run, unit, 1 + i, block));
    }
}

/* The begin of what is not yet done, which is rank 0's. */
static int64_t end_of_done(const struct vector_exchange *exchange, int64_t done)
{
    return done < exchange->units ? block_of_rank(exchange, 0, done).begin
                                  : exchange->slicing.count;
}

static void allocate_staging(struct vector_exchange *exchange)
{
    const size_t messages = (size_t)exchange->packed_count * (size_t)(1 + exchange->served_count);
    if (!exchange->staging)
        exchange->staging = memory_alloc_zeroed(messages * (size_t)exchange->block, sizeof(float));
}

/* Messages that are under way share the link, so many of them arrive together and late: beside a
 * computation, which waits for the first ones first, only so many are. */
static int64_t choose_flights(const struct vector_exchange *exchange,
                              const struct wire_spans *packed)
{
    const int64_t most = packed ? exchange->packed_count : exchange->flight_count;
    return operation_is_beside() && most > MIN_FLIGHTS ? MIN_FLIGHTS : most;
}

void vector_exchange_run(struct vector_exchange *exchange, const struct wire_spans *packed,
                         vector_arrival *on_arrival, void *context)
{
    const struct vector_run run = { exchange, packed, choose_flights(exchange, packed) };
    struct transfer_pause pause = { 0 };
    int64_t posted = 0, done = 0;
    const int64_t units = exchange->world->topology->nodes > 1 ? exchange->units : 0;
    if (packed && units > 0)
        allocate_staging(exchange);
    while (done < units) {
        const struct vector_flight *flight = &exchange->flights[done % run.flights];
        if (posted < units && posted < done + run.flights) {
            post_unit(&run, posted++);
        } else if (transfer_test(flight->requests, flight->posted)) {
            unpack_unit(&run, done);
            on_arrival(context, end_of_done(exchange, ++done));
            transfer_pause_end(&pause);
        } else {
            transfer_pause(&pause, operation_is_awaited());
        }
    }
    on_arrival(context, exchange->slicing.count);
}
