#include "comm/node_vector.h"

#include <stdatomic.h>

#include "base/memory.h"
#include "comm/background.h"
#include "comm/node_memory.h"
#include "comm/operation.h"
#include "comm/transfer.h"
#include "comm/vector_exchange.h"

/* How far a rank's part in a gather is done, for the ranks of its node: in gather `gather` all that
 * it writes to the copy in elements [0, end). */
struct arrival {
    atomic_int_fast64_t gather, end;
};

struct node_vector {
    const struct world *world;
    int64_t count;
    struct node_memory *memory; /* joined */
    struct vector_exchange exchange;

    struct slice *spans; /* that may travel as bf16 */
    struct wire_spans packed;

    int64_t gather;
    struct node_memory *arrivals;
    struct background *background; /* NULL: nothing goes on there */
    enum wire wire;                /* of what goes on there */
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
    struct node_vector *vector = memory_alloc_zeroed(1, sizeof *vector);
    *vector = (struct node_vector){ .world = world, .count = count };
    vector->memory = node_memory_create_joined(
        world, node_vector_bytes(count, world->node_rank, world->node_size));
    vector->arrivals = node_memory_create(world, sizeof(struct arrival));
    vector_exchange_init(&vector->exchange, world, node_vector_values(vector), count);
    return vector;
}

void node_vector_free(struct node_vector *vector)
{
    if (!vector)
        return;
    vector_exchange_release(&vector->exchange);
    memory_free(vector->spans);
    node_memory_free(vector->arrivals);
    node_memory_free(vector->memory);
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

static struct arrival *arrival_of(const struct node_vector *vector, int place)
{
    return node_memory_of(vector->arrivals, place);
}

static void nobody_listens(void *context, int64_t end)
{
    (void)context;
    (void)end;
}

void node_vector_pack(struct node_vector *vector, const struct slice *spans, int64_t count)
{
    vector->spans = memory_realloc(vector->spans, (size_t)count * sizeof *spans);
    for (int64_t i = 0; i < count; i++)
        vector->spans[i] = spans[i];
    vector->packed = (struct wire_spans){ vector->spans, count };
}

void node_vector_gather(struct node_vector *vector, enum wire wire)
{
    operation_begin(vector->world, "gathering of parameters",
                    vector->count * (int64_t)sizeof(float));
    vector_exchange_run(&vector->exchange, wire == WIRE_BF16 ? &vector->packed : NULL,
                        nobody_listens, NULL);
    node_memory_barrier(vector->world);
    operation_end(vector->world);
}

static void tell_arrival(void *context, int64_t end)
{
    struct node_vector *vector = context;
    atomic_store_explicit(&arrival_of(vector, vector->world->node_rank)->end, end,
                          memory_order_release);
}

static void gather_beside(void *context)
{
    struct node_vector *vector = context;
    operation_begin_beside(vector->world, "gathering of parameters",
                           vector->count * (int64_t)sizeof(float));
    vector_exchange_run(&vector->exchange, vector->wire == WIRE_BF16 ? &vector->packed : NULL,
                        tell_arrival, vector);
    operation_end_beside(vector->world);
}

void node_vector_start(struct node_vector *vector, struct background *background, enum wire wire)
{
    struct arrival *own = arrival_of(vector, vector->world->node_rank);
    atomic_store(&own->end, 0);
    atomic_store(&own->gather, ++vector->gather);
    vector->background = background;
    vector->wire = wire;
    background_give(background, gather_beside, vector);
}

static bool is_whole(const struct node_vector *vector, int64_t end)
{
    for (int place = 0; place < vector->world->node_size; place++) {
        struct arrival *arrival = arrival_of(vector, place);
        if (atomic_load_explicit(&arrival->gather, memory_order_acquire) < vector->gather ||
            atomic_load_explicit(&arrival->end, memory_order_acquire) < end)
            return false;
    }
    return true;
}

void node_vector_until(struct node_vector *vector, int64_t end)
{
    struct transfer_pause pause = { 0 };
    if (!vector->background || is_whole(vector, end))
        return;
    operation_expect(vector->world, true);
    while (!is_whole(vector, end))
        transfer_pause(&pause, true);
    operation_expect(vector->world, false);
}

void node_vector_finish(struct node_vector *vector)
{
    if (!vector->background)
        return;
    node_vector_until(vector, vector->count);
    background_wait(vector->background);
    vector->background = NULL;
}
