#include "comm/tree_exchange.h"

#include <stdlib.h>

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/node_memory.h"
#include "comm/slice.h"
#include "comm/transfer.h"

/* 256 KiB a message saturates the usual fabrics; 64 KiB still does nearly. */
#define MAX_BLOCK     ((int64_t)65536)
#define MIN_BLOCK     ((int64_t)16384)
#define STAGING_BYTES ((int64_t)64 << 20)
enum { MIN_FLIGHTS = 16, MAX_FLIGHTS = 64 };

/* A root that is no term and so long is written past the caches, which it would only fill. */
#define STREAMED_LENGTH ((int64_t)1 << 20)

/* Of units of `block` elements, what fits into STAGING_BYTES. */
static int64_t flights_of(int64_t block, int64_t most_staged)
{
    const int64_t unit_bytes = most_staged * block * (int64_t)sizeof(float); /* or half of it */
    const int64_t flights = unit_bytes == 0 ? MIN_FLIGHTS : STAGING_BYTES / unit_bytes;
    return flights < MAX_FLIGHTS ? flights : MAX_FLIGHTS;
}

/* Cuts the parts into units: the same on every rank, for the one that stages most. */
static void cut_units(struct tree_exchange *exchange, int64_t most_staged, int64_t asked_block)
{
    const int64_t part = exchange->slicing.part;
    int64_t block = asked_block > 0 ? asked_block : MAX_BLOCK;
    if (most_staged == 0 || block > part)
        block = part;
    while (block / 2 >= MIN_BLOCK && flights_of(block, most_staged) < MIN_FLIGHTS)
        block /= 2;
    exchange->block = block;
    exchange->flights = flights_of(block, most_staged);
    if (exchange->flights < MIN_FLIGHTS)
        exchange->flights = MIN_FLIGHTS;
    exchange->units = slicing_units(&exchange->slicing, block);
}

/* The pieces of a node's ranks, in the order of the leaves; its ranks ascend, and so do they. */
static struct node_piece *list_node(const struct topology *t, int64_t leaves, int node, int *count)
{
    struct node_piece *pieces = NULL;
    *count = 0;
    for (int place = 0; place < t->node_sizes[node]; place++) {
        struct leaf_stack own = leaf_tree_pieces(
            leaves, leaf_range_of_rank(leaves, topology_rank(t, node, place), t->size));
        pieces = memory_realloc(pieces, (size_t)(*count + own.depth) * sizeof *pieces);
        for (int i = 0; i < own.depth; i++)
            pieces[(*count)++] = (struct node_piece){ own.nodes[i], place, i };
    }
    return pieces;
}

static struct tree_sum sum_of_node(const struct node_piece *pieces, int count, int64_t leaves)
{
    struct leaf_range *ranges = memory_alloc((size_t)count * sizeof *ranges);
    for (int i = 0; i < count; i++)
        ranges[i] = pieces[i].leaves;
    struct tree_sum sum;
    tree_sum_init(&sum, leaves, ranges, count);
    memory_free(ranges);
    return sum;
}

static void add_term(struct tree_exchange *exchange, struct whole_term term)
{
    const size_t count = (size_t)exchange->term_count++;
    exchange->terms = memory_realloc(exchange->terms, (count + 1) * sizeof term);
    exchange->terms[count] = term;
}

/* What other nodes send for the own slice. Returns the most that any rank sends of a block. */
static int64_t list_incoming(struct tree_exchange *exchange, int64_t leaves)
{
    const struct topology *t = exchange->world->topology;
    int most_roots = exchange->node_sum.roots;
    for (int node = 0; node < t->nodes; node++) {
        if (node == t->node)
            continue;
        int count;
        struct node_piece *pieces = list_node(t, leaves, node, &count);
        struct tree_sum sum = sum_of_node(pieces, count, leaves);
        for (int i = 0; i < sum.roots; i++) {
            const int place = exchange->incoming_count++;
            exchange->sources =
                memory_realloc(exchange->sources, (size_t)(place + 1) * sizeof *exchange->sources);
            exchange->sources[place] = topology_partner(t, node, exchange->world->rank);
            add_term(exchange, (struct whole_term){ sum.root_leaves[i], -1, place });
        }
        most_roots = sum.roots > most_roots ? sum.roots : most_roots;
        tree_sum_release(&sum);
        memory_free(pieces);
    }
    return most_roots;
}

static int by_first_leaf(const void *a, const void *b)
{
    const struct whole_term *left = a, *right = b;
    return (left->leaves.first > right->leaves.first) - (left->leaves.first < right->leaves.first);
}

static void list_whole_sum(struct tree_exchange *exchange, int64_t leaves)
{
    const int count = exchange->term_count;
    qsort(exchange->terms, (size_t)count, sizeof *exchange->terms, by_first_leaf);
    struct leaf_range *ranges = memory_alloc((size_t)count * sizeof *ranges);
    for (int i = 0; i < count; i++)
        ranges[i] = exchange->terms[i].leaves;
    tree_sum_init(&exchange->whole_sum, leaves, ranges, count);
    memory_free(ranges);
    CHECK(exchange->whole_sum.roots == 1, "%d sums of %ld leaves have no sibling",
          exchange->whole_sum.roots, (long)leaves);
}

/* For any rank: it receives at most `most_roots` of each other node, and sends as many to each
 * owner that it serves. */
static int64_t most_staged(const struct topology *t, int64_t most_roots)
{
    if (t->nodes == 1)
        return 0;
    int smallest = t->node_sizes[0], largest = 0;
    for (int node = 0; node < t->nodes; node++) {
        smallest = t->node_sizes[node] < smallest ? t->node_sizes[node] : smallest;
        largest = t->node_sizes[node] > largest ? t->node_sizes[node] : largest;
    }
    const int64_t served = (largest + smallest - 1) / smallest;
    return most_roots * (t->nodes - 1) * (1 + served);
}

static void allocate(struct tree_exchange *exchange)
{
    const size_t sends = (size_t)(exchange->target_count * exchange->node_sum.roots);
    const size_t receives = (size_t)exchange->incoming_count;
    const size_t flights = (size_t)exchange->flights, block = (size_t)exchange->block;
    const size_t most =
        (size_t)(exchange->incoming_count > exchange->node_sum.roots ? exchange->incoming_count
                                                                     : exchange->node_sum.roots);
    const bool is_bf16 = exchange->wire == WIRE_BF16;
    exchange->block_bytes = block * (is_bf16 ? sizeof(uint16_t) : sizeof(float));
    exchange->incoming = memory_alloc_zeroed(flights * receives, exchange->block_bytes);
    exchange->outgoing = memory_alloc_zeroed(flights * sends, exchange->block_bytes);
    if (is_bf16 && receives + sends > 0)
        exchange->sums = memory_alloc_zeroed(most * block, sizeof(float));
    exchange->list = memory_alloc_zeroed(flights, sizeof *exchange->list);
    for (size_t i = 0; i < flights; i++) {
        struct tree_flight *flight = &exchange->list[i];
        flight->receives = memory_alloc_zeroed(receives, sizeof *flight->receives);
        flight->sends = memory_alloc_zeroed(sends, sizeof *flight->sends);
    }
}

void tree_exchange_init(struct tree_exchange *exchange, const struct world *world,
                        struct thread_pool *pool, int64_t leaves, int64_t count, enum wire wire,
                        int64_t block)
{
    const struct topology *t = world->topology;
    *exchange = (struct tree_exchange){
        .world = world, .pool = pool, .slicing = slicing_of(count, world->size), .wire = wire
    };
    int pieces;
    exchange->pieces = list_node(t, leaves, t->node, &pieces);
    exchange->node_sum = sum_of_node(exchange->pieces, pieces, leaves);
    for (int i = 0; i < pieces; i++)
        add_term(exchange, (struct whole_term){ exchange->pieces[i].leaves, i, -1 });
    const int64_t most_roots = list_incoming(exchange, leaves);
    list_whole_sum(exchange, leaves);
    exchange->targets = memory_alloc_zeroed((size_t)t->size, sizeof *exchange->targets);
    exchange->target_count = topology_served(t, world->rank, exchange->targets);
    exchange->whole_sum.streams =
        t->nodes == 1 && slicing_length(&exchange->slicing, world->rank) >= STREAMED_LENGTH;
    exchange->node_sum.rounds = exchange->whole_sum.rounds = wire == WIRE_BF16;
    cut_units(exchange, most_staged(t, most_roots), block);
    allocate(exchange);
}

void tree_exchange_release(struct tree_exchange *exchange)
{
    for (int64_t i = 0; i < exchange->flights; i++) {
        memory_free(exchange->list[i].receives);
        memory_free(exchange->list[i].sends);
    }
    memory_free(exchange->list);
    memory_free(exchange->sums);
    memory_free(exchange->incoming);
    memory_free(exchange->outgoing);
    memory_free(exchange->targets);
    memory_free(exchange->sources);
    memory_free(exchange->terms);
    memory_free(exchange->pieces);
    tree_sum_release(&exchange->node_sum);
    tree_sum_release(&exchange->whole_sum);
    *exchange = (struct tree_exchange){ 0 };
}
