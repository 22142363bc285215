#include "comm/tree_exchange.h"

#include <string.h>

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/slice.h"
#include "comm/transfer.h"
#include "comm/vector_add.h"

/* 1 MiB a message saturates shared memory and the usual fabrics; 64 KiB still does nearly. */
#define MAX_BLOCK     ((int64_t)262144)
#define MIN_BLOCK     ((int64_t)16384)
#define STAGING_BYTES ((int64_t)64 << 20)

static int64_t count_pieces(int64_t leaves, int rank, int size)
{
    return leaf_tree_pieces(leaves, leaf_range_of_rank(leaves, rank, size)).depth;
}

static int64_t longest_slice(int64_t count, int size)
{
    struct slice first = slice_of_rank(count, 0, size);
    return first.end - first.begin;
}

/* The same on every rank, since it cuts the messages: so from the pieces of all. */
static int64_t choose_block(int64_t all_pieces, int64_t count, int size)
{
    int64_t block = STAGING_BYTES / (2 * (int64_t)sizeof(float)) / all_pieces;
    if (block > MAX_BLOCK)
        block = MAX_BLOCK;
    block -= block % MIN_BLOCK;
    if (block < MIN_BLOCK)
        block = MIN_BLOCK;
    int64_t longest = longest_slice(count, size);
    return block < longest ? block : longest;
}

static int64_t count_all_pieces(int64_t leaves, int size)
{
    int64_t pieces = count_pieces(leaves, 0, size);
    for (int rank = 1; rank < size; rank++)
        pieces += count_pieces(leaves, rank, size);
    return pieces;
}

size_t tree_exchange_staging_bytes(int64_t leaves, int64_t count, int rank, int size)
{
    int64_t all = count_all_pieces(leaves, size);
    int64_t foreign = all - count_pieces(leaves, rank, size);
    return (size_t)(2 * foreign * choose_block(all, count, size)) * sizeof(float);
}

static void list_pieces(struct tree_exchange *exchange)
{
    int size = exchange->world->size;
    exchange->piece_count = count_all_pieces(exchange->leaves, size);
    exchange->pieces = memory_alloc_zeroed((size_t)exchange->piece_count, sizeof *exchange->pieces);

    struct tree_piece *next = exchange->pieces;
    int64_t foreign = 0;
    for (int rank = 0; rank < size; rank++) {
        struct leaf_stack stack =
            leaf_tree_pieces(exchange->leaves, leaf_range_of_rank(exchange->leaves, rank, size));
        bool is_own = rank == exchange->world->rank;
        if (is_own) {
            exchange->own_first = next - exchange->pieces;
            exchange->own_count = stack.depth;
        }
        for (int i = 0; i < stack.depth; i++)
            *next++ = (struct tree_piece){ stack.nodes[i], rank, is_own ? i : foreign++ };
    }
}

void tree_exchange_init(struct tree_exchange *exchange, const struct world *world,
                        struct thread_pool *pool, int64_t leaves, int64_t count)
{
    *exchange =
        (struct tree_exchange){ .world = world, .pool = pool, .leaves = leaves, .count = count };
    list_pieces(exchange);
    exchange->block = choose_block(exchange->piece_count, count, world->size);
    if (exchange->block > 0)
        exchange->rounds =
            (longest_slice(count, world->size) + exchange->block - 1) / exchange->block;
    int64_t foreign = exchange->piece_count - exchange->own_count;
    exchange->staging =
        memory_alloc_zeroed((size_t)(2 * foreign), (size_t)exchange->block * sizeof(float));
    for (int i = 0; i < 2; i++) {
        struct tree_round *round = &exchange->in_flight[i];
        round->receives =
            memory_alloc_zeroed((size_t)exchange->piece_count, sizeof *round->receives);
        round->sends =
            memory_alloc_zeroed((size_t)(world->size * exchange->own_count), sizeof *round->sends);
    }
}

void tree_exchange_release(struct tree_exchange *exchange)
{
    for (int i = 0; i < 2; i++) {
        memory_free(exchange->in_flight[i].receives);
        memory_free(exchange->in_flight[i].sends);
    }
    memory_free(exchange->staging);
    memory_free(exchange->pieces);
    *exchange = (struct tree_exchange){ 0 };
}

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

static float *staging_of(const struct tree_exchange *exchange, const struct tree_piece *piece,
                         int64_t round)
{
    int64_t foreign = exchange->piece_count - exchange->own_count;
    return exchange->staging + (round % 2 * foreign + piece->place) * exchange->block;
}

static void post_receives(struct tree_exchange *exchange, int64_t round)
{
    struct slice block = block_of_rank(exchange, exchange->world->rank, round);
    MPI_Request *receives = exchange->in_flight[round % 2].receives;
    for (int64_t i = 0; i < exchange->piece_count; i++) {
        const struct tree_piece *piece = &exchange->pieces[i];
        receives[i] = MPI_REQUEST_NULL;
        if (piece->rank != exchange->world->rank && block.begin < block.end)
            MPI_CHECK(MPI_Irecv(staging_of(exchange, piece, round), (int)(block.end - block.begin),
                                MPI_FLOAT, piece->rank, TRANSFER_TAG_TREE, MPI_COMM_WORLD,
                                &receives[i]));
    }
}

/* Each rank begins with its right neighbour, so that not all send to rank 0 first. Between two
 * ranks messages keep their order: round by round, piece by piece, as the receives are posted. */
static void post_sends(struct tree_exchange *exchange, float *const *own_pieces, int64_t round)
{
    struct tree_round *flight = &exchange->in_flight[round % 2];
    int size = exchange->world->size;
    flight->send_count = 0;
    for (int distance = 1; distance < size; distance++) {
        int owner = (exchange->world->rank + distance) % size;
        struct slice block = block_of_rank(exchange, owner, round);
        for (int64_t i = 0; i < exchange->own_count && block.begin < block.end; i++)
            MPI_CHECK(MPI_Isend(own_pieces[i] + block.begin, (int)(block.end - block.begin),
                                MPI_FLOAT, owner, TRANSFER_TAG_TREE, MPI_COMM_WORLD,
                                &flight->sends[flight->send_count++]));
    }
}

/* Adds in the tree's order, as far as the pieces have come. */
static void add_block(struct tree_exchange *exchange, float *const *own_pieces, float *sum,
                      int64_t round)
{
    struct slice block = block_of_rank(exchange, exchange->world->rank, round);
    int64_t length = block.end - block.begin;
    struct tree_round *flight = &exchange->in_flight[round % 2];
    struct leaf_stack stack = { .leaves = exchange->leaves };
    float *terms[LEAF_STACK_DEPTH];

    for (int64_t i = 0; i < exchange->piece_count; i++) {
        const struct tree_piece *piece = &exchange->pieces[i];
        bool is_own = piece->rank == exchange->world->rank;
        MPI_CHECK(MPI_Wait(&flight->receives[i], MPI_STATUS_IGNORE));
        terms[stack.depth] =
            is_own ? own_pieces[piece->place] + block.begin : staging_of(exchange, piece, round);
        leaf_stack_push(&stack, piece->leaves);
        while (leaf_stack_merge(&stack))
            vector_add(exchange->pool, terms[stack.depth - 1], terms[stack.depth], length);
    }
    CHECK(stack.depth == 1, "%d sums of %ld leaves have no sibling", stack.depth,
          (long)exchange->leaves);
    if (terms[0] != sum + block.begin && length > 0)
        memcpy(sum + block.begin, terms[0], (size_t)length * sizeof *sum);
    MPI_CHECK(MPI_Waitall(flight->send_count, flight->sends, MPI_STATUSES_IGNORE));
}

void tree_exchange_run(struct tree_exchange *exchange, float *const *own_pieces, float *sum)
{
    for (int64_t round = 0; round <= exchange->rounds; round++) {
        if (round < exchange->rounds) {
            post_receives(exchange, round);
            post_sends(exchange, own_pieces, round);
        }
        if (round > 0)
            add_block(exchange, own_pieces, sum, round - 1);
    }
}
