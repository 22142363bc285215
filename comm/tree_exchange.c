#include "comm/tree_exchange.h"

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/node_memory.h"
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

/* What a unit covers of a rank's part: units count from the vector's end. */
static struct slice block_of_rank(const struct tree_exchange *exchange, int rank, int64_t unit)
{
    const int64_t from_begin = exchange->units - 1 - unit;
    const int64_t round = from_begin / exchange->units_of_round;
    struct slice block = slicing_part(&exchange->slicing, rank, round);
    block.begin += from_begin % exchange->units_of_round * exchange->block;
    if (block.begin > block.end)
        block.begin = block.end;
    if (block.end - block.begin > exchange->block)
        block.end = block.begin + exchange->block;
    return block;
}

static float *incoming_at(const struct tree_exchange *exchange, int64_t unit, int place)
{
    return exchange->incoming +
           (unit % exchange->flights * exchange->incoming_count + place) * exchange->block;
}

static float *outgoing_at(const struct tree_exchange *exchange, int64_t unit, int target, int root)
{
    const int64_t of_unit = unit % exchange->flights * exchange->target_count + target;
    return exchange->outgoing + (of_unit * exchange->node_sum.roots + root) * exchange->block;
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
            MPI_CHECK(MPI_Irecv(incoming_at(exchange, unit, i), (int)(block.end - block.begin),
                                MPI_FLOAT, exchange->sources[i], TRANSFER_TAG_TREE,
                                exchange->world->topology->comm, &receives[i]));
    }
}

/* Adds up what this node has of the block; a piece that is a root by itself goes out as it is. */
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
                                                : outgoing_at(exchange, unit, target, root);
    }
    tree_sum_run(sum, run->view->pool(run->view->context), run->terms, run->roots,
                 block.end - block.begin);
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
            MPI_CHECK(MPI_Isend(run->roots[root], (int)(block.end - block.begin), MPI_FLOAT, owner,
                                TRANSFER_TAG_TREE, exchange->world->topology->comm,
                                &flight->sends[flight->send_count++]));
    }
}

/* Adds the own part's block in the tree's order, once all its sums have come. */
static void add_unit(const struct exchange_run *run, int64_t unit)
{
    struct tree_exchange *exchange = run->exchange;
    const struct slice block = block_of_rank(exchange, exchange->world->rank, unit);
    for (int i = 0; i < exchange->term_count; i++) {
        const struct whole_term *term = &exchange->terms[i];
        run->terms[i] = term->piece >= 0 ? run->pieces[term->piece] + block.begin
                                         : incoming_at(exchange, unit, term->incoming);
    }
    float *sum = run->sum + block.begin;
    tree_sum_run(&exchange->whole_sum, run->view->pool(run->view->context), run->terms, &sum,
                 block.end - block.begin);
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
        const bool is_awaited = run->view->is_awaited(run->view->context);
        if (go_on(run))
            transfer_pause_end(&pause);
        else
            transfer_pause(&pause, is_awaited);
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
