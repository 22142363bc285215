/* tree_exchange: the part of the gradient tree that crosses ranks.
 *
 * Each rank has added its leaves up to pieces: the maximal subtrees that it
 * owns whole. The owner of each slice of the vector adds them along the tree:
 *
 *   node 0                              node 1
 *   rank 0  | slice 0 | slice 1 | 2 : 3 |       rank 2  | 0 : 1 | slice 2 | slice 3 |
 *   rank 1  | slice 0 | slice 1 | 2 : 3 |       rank 3  | 0 : 1 | slice 2 | slice 3 |
 *
 *   within a node    its slice's owner reads the pieces of all ranks in their own memory
 *   between nodes    what a node's ranks hold is first added up to the maximal subtrees
 *                    that the node has whole, by one rank for each slice (topology_partner);
 *                    only those sums cross
 *
 * Slices are worked through in rounds of `block` elements, of which FLIGHTS are
 * under way: while some travel the next ones are added up. All receives of a
 * round are posted before its messages are sent, and every rank takes the rounds
 * in order, so no two ranks wait for each other.
 *
 * Memory: staging for FLIGHTS rounds of what comes and what goes. `block` is
 * chosen so that it stays below STAGING_BYTES, except that no message is shorter
 * than MIN_BLOCK elements. A node alone needs none. Private to comm/.
 */
#ifndef COMM_TREE_EXCHANGE_H
#define COMM_TREE_EXCHANGE_H

#include <mpi.h>

#include "base/thread_pool.h"
#include "comm/topology.h"
#include "comm/tree_sum.h"
#include "comm/world.h"

enum { FLIGHTS = 16 };

/* Where a term of this node is: the `buffer`-th piece of the rank at `place`. */
struct node_piece {
    struct leaf_range leaves;
    int place, buffer;
};

/* A term of the own slice's sum: of this node, or what another node sends. */
struct whole_term {
    struct leaf_range leaves;
    int piece;    /* of this node; -1: */
    int incoming; /* its place in staging */
};

struct tree_exchange {
    const struct world *world;
    struct thread_pool *pool; /* or NULL */
    int64_t count, block, rounds;

    struct node_piece *pieces; /* [node_sum.terms] of this node, in the order of the leaves */
    struct tree_sum node_sum;  /* what this node sends, of any slice */
    struct tree_sum whole_sum; /* of the own slice */
    struct whole_term *terms;  /* [term_count] in the order of the leaves */
    int term_count;

    int *targets; /* [target_count] owners in other nodes, for which this rank adds and sends */
    int target_count;
    int *sources; /* [incoming_count] the rank that sends each sum */
    int incoming_count;

    float *incoming; /* [FLIGHTS, incoming_count, block] */
    float *outgoing; /* [FLIGHTS, target_count, node_sum.roots, block] */
    struct tree_flight {
        MPI_Request *receives; /* [incoming_count] */
        MPI_Request *sends;    /* [target_count * node_sum.roots] */
        int send_count;
    } flights[FLIGHTS];
};

/* Local. */
void tree_exchange_init(struct tree_exchange *exchange, const struct world *world,
                        struct thread_pool *pool, int64_t leaves, int64_t count);
void tree_exchange_release(struct tree_exchange *exchange);

/* Collective. pieces_of(context, place, buffer) is the vector of a piece of the rank at `place` of
 * this node. This rank's slice of `sum`, which may be its own first piece, receives the sum of all
 * pieces. Whoever returns may write to its pieces again. */
typedef float *pieces_of(const void *context, int place, int buffer);
void tree_exchange_run(struct tree_exchange *exchange, pieces_of *pieces, const void *context,
                       float *sum);

#endif
