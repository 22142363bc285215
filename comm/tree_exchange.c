#include "comm/tree_exchange.h"

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/node_memory.h"
#include "comm/operation.h"
#include "comm/transfer.h"

/* One run: where the pieces are, room for the operands of a sum, and how far it is. Units
 * [0, posted) expect what comes, of [0, sent) all was handed to MPI, of [0, cleared) it has left,
 * and [0, added) are done. */
struct exchange_run {
    struct tree_exchange *exchange;
    const struct exchange_view *view;
    float **pieces;      /* [node_sum.terms] */
    const float **terms; /* [whole_sum.terms] */
    float **roots;       /* [node_sum.roots] */
    float *sum;
    int64_t posted, sent, cleared, added;
};

/* Units of the exchange count from the vector's end. */
static struct slice block_of_rank(const struct tree_exchange *exchange, int rank, int64_t unit)
{
    return slicing_block(&exchange->slicing, exchange->block, rank, exchange->units - 1 - unit);
}

static unsigned char *incoming_at(const struct tree_exchange *exchange, int64_t unit, int place)
{
    return exchange->incoming +
           (size_t)(unit % exchange->flights * exchange->incoming_count + place) *
               exchange->block_bytes;
}

static unsigned char *outgoing_at(const struct tree_exchange *exchange, int64_t unit, int target,
                                  int root)
{
    const int64_t of_unit = unit % exchange->flights * exchange->target_count + target;
    return exchange->outgoing +
           (size_t)(of_unit * exchange->node_sum.roots + root) * exchange->block_bytes;
}

static int message_bytes(const struct tree_exchange *exchange, struct slice block)
{
    const size_t element = exchange->wire == WIRE_BF16 ? sizeof(uint16_t) : sizeof(float);
    return (int)((size_t)(block.end - block.begin) * element);
}

static struct tree_flight *flight_of(const struct tree_exchange *exchange, int64_t unit)
{
    return &exchange->list[unit % exchange->flights];
}

static void post_receives(const struct exchange_run *run, int64_t unit)
{
    struct tree_exchange *exchange = run->exchange;
    const struct slice block = block_of_rank(exchange, exchange->world->rank, unit);
    MPI_Request *receives = flight_of(exchange, unit)->receives;
    for (int i = 0; i < exchange->incoming_count; i++) {
        receives[i] = MPI_REQUEST_NULL;
        if (block.begin < block.end)
            MPI_CHECK(MPI_Irecv(incoming_at(exchange, unit, i), message_bytes(exchange, block),
                                MPI_BYTE, exchange->sources[i], TRANSFER_TAG_TREE,
                                exchange->world->topology->comm, &receives[i]));
    }
}

/* Beside a computation the pool is that one's, until it waits for the exchange. */
static struct thread_pool *pool_of(const struct exchange_run *run)
{
    return operation_is_alone() ? run->exchange->pool : NULL;
}

/* Where a sum of floats waits for its packing, or is what goes out. */
static float *sum_for_target(const struct tree_exchange *exchange, int target, int64_t unit,
                             int root)
{
    if (exchange->wire == WIRE_BF16)
        return exchange->sums + root * exchange->block;
    return (float *)(void *)outgoing_at(exchange, unit, target, root);
}

/* Adds up what this node has of the block; a piece that is a root by itself stays where it is. */
static void add_for_target(const struct exchange_run *run, int target, int64_t unit,
                           struct slice block)
{
    const struct tree_exchange *exchange = run->exchange;
    const struct tree_sum *sum = &exchange->node_sum;
    for (int i = 0; i < sum->terms; i++)
        run->terms[i] = run->pieces[i] + block.begin;
    for (int root = 0; root < sum->roots; root++) {
        const int operand = sum->root_operands[root];
        run->roots[root] = operand < sum->terms ? run->pieces[operand] + block.begin
                                                : sum_for_target(exchange, target, unit, root);
    }
    tree_sum_run(sum, pool_of(run), run->terms, run->roots, block.end - block.begin);
}

/* What goes out of a root: rounded, or as it is. */
static const void *message_of(const struct exchange_run *run, int target, int64_t unit, int root,
                              struct slice block)
{
    if (run->exchange->wire == WIRE_FP32)
        return run->roots[root];
    unsigned char *message = outgoing_at(run->exchange, unit, target, root);
    wire_pack_bf16((uint16_t *)(void *)message, run->roots[root], block.end - block.begin);
    return message;
}

/* Between two ranks messages keep their order: unit by unit, root by root, as the receives are
 * posted. */
static void send_unit(const struct exchange_run *run, int64_t unit)
{
    struct tree_exchange *exchange = run->exchange;
    struct tree_flight *flight = flight_of(exchange, unit);
    flight->send_count = 0;
    for (int target = 0; target < exchange->target_count; target++) {
        const int owner = exchange->targets[target];
        const struct slice block = block_of_rank(exchange, owner, unit);
        if (block.begin == block.end)
            continue;
        add_for_target(run, target, unit, block);
        for (int root = 0; root < exchange->node_sum.roots; root++)
            MPI_CHECK(MPI_Isend(message_of(run, target, unit, root, block),
                                message_bytes(exchange, block), MPI_BYTE, owner, TRANSFER_TAG_TREE,
                                exchange->world->topology->comm,
                                &flight->sends[flight->send_count++]));
    }
}

/* A sum that has come, as floats. */
static const float *term_that_came(const struct exchange_run *run, int64_t unit, int place,
                                   struct slice block)
{
    const struct tree_exchange *exchange = run->exchange;
    const void *message = incoming_at(exchange, unit, place);
    if (exchange->wire == WIRE_FP32)
        return message;
    float *values = exchange->sums + place * exchange->block;
    wire_unpack_bf16(values, message, block.end - block.begin);
    return values;
}

/* Adds the own part's block in the tree's order, once all its sums have come. */
static void add_unit(const struct exchange_run *run, int64_t unit)
{
    struct tree_exchange *exchange = run->exchange;
    const struct slice block = block_of_rank(exchange, exchange->world->rank, unit);
    for (int i = 0; i < exchange->term_count; i++) {
        const struct whole_term *term = &exchange->terms[i];
        run->terms[i] = term->piece >= 0 ? run->pieces[term->piece] + block.begin
                                         : term_that_came(run, unit, term->incoming, block);
    }
    float *sum = run->sum + block.begin;
    tree_sum_run(&exchange->whole_sum, pool_of(run), run->terms, &sum, block.end - block.begin);
}

/* Blocks ascend with the ranks, so the first one's begin is the last to be final. */
static bool is_final(const struct exchange_run *run, int64_t unit)
{
    return run->view->is_final(run->view->context, block_of_rank(run->exchange, 0, unit).begin);
}

static bool has_come(const struct exchange_run *run, int64_t unit)
{
    return transfer_test(flight_of(run->exchange, unit)->receives, run->exchange->incoming_count);
}

static bool has_left(const struct exchange_run *run, int64_t unit)
{
    const struct tree_flight *flight = flight_of(run->exchange, unit);
    return transfer_test(flight->sends, flight->send_count);
}

/* Does what can be done now, of each kind one unit. False: nothing. */
static bool go_on(struct exchange_run *run)
{
    const struct tree_exchange *exchange = run->exchange;
    const int64_t before = run->posted + run->sent + run->cleared + run->added;
    if (run->posted < exchange->units && run->posted < run->added + exchange->flights)
        post_receives(run, run->posted++);
    if (run->sent < run->posted && run->sent < run->cleared + exchange->flights &&
        is_final(run, run->sent))
        send_unit(run, run->sent++);
    if (run->cleared < run->sent && has_left(run, run->cleared))
        run->cleared++;
    if (run->added < run->sent && has_come(run, run->added))
        add_unit(run, run->added++);
    return run->posted + run->sent + run->cleared + run->added > before;
}

static void run_units(struct exchange_run *run)
{
    const int64_t units = run->exchange->units;
    struct transfer_pause pause = { 0 };
    while (run->added < units || run->cleared < units) {
        operation_look(run->exchange->world);
        if (go_on(run))
            transfer_pause_end(&pause);
        else
            transfer_pause(&pause, operation_is_awaited());
    }
}

void tree_exchange_run(struct tree_exchange *exchange, const struct exchange_view *view, float *sum)
{
    const struct tree_sum *node_sum = &exchange->node_sum;
    struct exchange_run run = {
        .exchange = exchange,
        .view = view,
        .pieces = memory_alloc_zeroed((size_t)node_sum->terms, sizeof *run.pieces),
        .terms = memory_alloc_zeroed((size_t)exchange->term_count, sizeof *run.terms),
        .roots = memory_alloc_zeroed((size_t)node_sum->roots, sizeof *run.roots),
        .sum = sum,
    };
    for (int i = 0; i < node_sum->terms; i++)
        run.pieces[i] =
            view->piece(view->context, exchange->pieces[i].place, exchange->pieces[i].buffer);
    run_units(&run);
    node_memory_barrier(exchange->world); /* nobody reads the pieces any more */

    memory_free(run.pieces);
    memory_free((void *)run.terms);
    memory_free(run.roots);
}
