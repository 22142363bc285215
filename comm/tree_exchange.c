#include "comm/tree_exchange.h"

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/node_memory.h"
#include "comm/slice.h"
#include "comm/transfer.h"

/* One run: where the pieces are, and room for the operands of a sum. */
struct exchange_run {
    struct tree_exchange *exchange;
    float **pieces;      /* [node_sum.terms] */
    const float **terms; /* [whole_sum.terms] */
    float **roots;       /* [node_sum.roots] */
    float *sum;
};

/* What round `round` covers of a rank's slice; empty once the slice is done. */
static struct slice block_of_rank(const struct tree_exchange *exchange, int rank, int64_t round)
{
    struct slice slice = slice_of_rank(exchange->count, rank, exchange->world->size);
    slice.begin += round * exchange->block;
    if (slice.begin > slice.end)
        slice.begin = slice.end;
    if (slice.end - slice.begin > exchange->block)
        slice.end = slice.begin + exchange->block;
    return slice;
}

static float *incoming_at(const struct tree_exchange *exchange, int64_t round, int place)
{
    return exchange->incoming +
           (round % FLIGHTS * exchange->incoming_count + place) * exchange->block;
}

static float *outgoing_at(const struct tree_exchange *exchange, int64_t round, int target, int root)
{
    const int64_t of_round = round % FLIGHTS * exchange->target_count + target;
    return exchange->outgoing + (of_round * exchange->node_sum.roots + root) * exchange->block;
}

static void post_receives(const struct exchange_run *run, int64_t round)
{
    struct tree_exchange *exchange = run->exchange;
    struct slice block = block_of_rank(exchange, exchange->world->rank, round);
    MPI_Request *receives = exchange->flights[round % FLIGHTS].receives;
    for (int i = 0; i < exchange->incoming_count; i++) {
        receives[i] = MPI_REQUEST_NULL;
        if (block.begin < block.end)
            MPI_CHECK(MPI_Irecv(incoming_at(exchange, round, i), (int)(block.end - block.begin),
                                MPI_FLOAT, exchange->sources[i], TRANSFER_TAG_TREE,
                                exchange->world->topology->comm, &receives[i]));
    }
}

/* Adds up what this node has of the block; a piece that is a root by itself goes out as it is. */
static void add_for_target(const struct exchange_run *run, int target, int64_t round,
                           struct slice block)
{
    const struct tree_exchange *exchange = run->exchange;
    const struct tree_sum *sum = &exchange->node_sum;
    for (int i = 0; i < sum->terms; i++)
        run->terms[i] = run->pieces[i] + block.begin;
    for (int root = 0; root < sum->roots; root++) {
        const int operand = sum->root_operands[root];
        run->roots[root] = operand < sum->terms ? run->pieces[operand] + block.begin
                                                : outgoing_at(exchange, round, target, root);
    }
    tree_sum_run(sum, exchange->pool, run->terms, run->roots, block.end - block.begin);
}

/* Between two ranks messages keep their order: round by round, root by root, as the receives are
 * posted. */
static void send_round(const struct exchange_run *run, int64_t round)
{
    struct tree_exchange *exchange = run->exchange;
    struct tree_flight *flight = &exchange->flights[round % FLIGHTS];
    transfer_wait(flight->sends, flight->send_count);
    flight->send_count = 0;
    for (int target = 0; target < exchange->target_count; target++) {
        const int owner = exchange->targets[target];
        struct slice block = block_of_rank(exchange, owner, round);
        if (block.begin == block.end)
            continue;
        add_for_target(run, target, round, block);
        for (int root = 0; root < exchange->node_sum.roots; root++)
            MPI_CHECK(MPI_Isend(run->roots[root], (int)(block.end - block.begin), MPI_FLOAT, owner,
                                TRANSFER_TAG_TREE, exchange->world->topology->comm,
                                &flight->sends[flight->send_count++]));
    }
}

/* Adds the own slice's block in the tree's order, once all its sums have come. */
static void finish_round(const struct exchange_run *run, int64_t round)
{
    struct tree_exchange *exchange = run->exchange;
    struct slice block = block_of_rank(exchange, exchange->world->rank, round);
    transfer_wait(exchange->flights[round % FLIGHTS].receives, exchange->incoming_count);
    for (int i = 0; i < exchange->term_count; i++) {
        const struct whole_term *term = &exchange->terms[i];
        run->terms[i] = term->piece >= 0 ? run->pieces[term->piece] + block.begin
                                         : incoming_at(exchange, round, term->incoming);
    }
    float *sum = run->sum + block.begin;
    tree_sum_run(&exchange->whole_sum, exchange->pool, run->terms, &sum, block.end - block.begin);
}

static void run_rounds(const struct exchange_run *run)
{
    struct tree_exchange *exchange = run->exchange;
    enum { BEHIND = FLIGHTS - 1 };
    for (int64_t round = 0; round < exchange->rounds + BEHIND; round++) {
        if (round < exchange->rounds) {
            post_receives(run, round);
            send_round(run, round);
        }
        if (round >= BEHIND)
            finish_round(run, round - BEHIND);
    }
    for (int i = 0; i < FLIGHTS; i++) {
        struct tree_flight *flight = &exchange->flights[i];
        transfer_wait(flight->sends, flight->send_count);
        flight->send_count = 0;
    }
}

void tree_exchange_run(struct tree_exchange *exchange, pieces_of *pieces, const void *context,
                       float *sum)
{
    const struct tree_sum *node_sum = &exchange->node_sum;
    struct exchange_run run = {
        .exchange = exchange,
        .pieces = memory_alloc_zeroed((size_t)node_sum->terms, sizeof *run.pieces),
        .terms = memory_alloc_zeroed((size_t)exchange->term_count, sizeof *run.terms),
        .roots = memory_alloc_zeroed((size_t)node_sum->roots, sizeof *run.roots),
        .sum = sum,
    };
    for (int i = 0; i < node_sum->terms; i++)
        run.pieces[i] = pieces(context, exchange->pieces[i].place, exchange->pieces[i].buffer);

    node_memory_barrier(exchange->world); /* all pieces are there */
    run_rounds(&run);
    node_memory_barrier(exchange->world); /* nobody reads them any more */

    memory_free(run.pieces);
    memory_free((void *)run.terms);
    memory_free(run.roots);
}
