/* tree_exchange: the part of the gradient tree that crosses ranks.
 *
 * Each rank has added its leaves up to pieces: the maximal subtrees that it
 * owns whole. The owner of each part of the vector (slice.h) adds them along the
 * tree; of a round of parts:
 *
 *   node 0                              node 1
 *   rank 0  | part 0 | part 1 | 2 : 3 |       rank 2  | 0 : 1 | part 2 | part 3 |
 *   rank 1  | part 0 | part 1 | 2 : 3 |       rank 3  | 0 : 1 | part 2 | part 3 |
 *
 *   within a node    its part's owner reads the pieces of all ranks in their own memory
 *   between nodes    what a node's ranks hold is first added up to the maximal subtrees
 *                    that the node has whole, by one rank for each owner (topology_partner);
 *                    only those sums cross
 *
 * The work is cut into units: a block of at most `block` elements of each rank's
 * part of a round. Backward finishes the vector's end first, so units go from
 * there to the begin, each as soon as all pieces of the node are final there:
 *
 *   vector   | round 0 | round 1 | round 2 |        pieces    (begin) ....####### final
 *   units      5     4   3     2   1     0                    unit 1: ready
 *
 * Up to `flights` units are under way: some travel, others are added up. A unit's
 * receives are posted before a message of it can be sent, every rank takes the
 * units in order, and none waits within one, so no two ranks wait for each other.
 *
 * Memory: staging of what comes and what goes, of STAGING_BYTES or less, unless so
 * many ranks meet that MIN_FLIGHTS units of MIN_BLOCK need more. A node alone needs
 * none. Private to comm/.
 */
#ifndef COMM_TREE_EXCHANGE_H
#define COMM_TREE_EXCHANGE_H

#include <mpi.h>

#include "base/thread_pool.h"
#include "comm/slice.h"
#include "comm/topology.h"
#include "comm/tree_sum.h"
#include "comm/wire.h"
#include "comm/world.h"

/* Where a term of this node is: the `buffer`-th piece of the rank at `place`. */
struct node_piece {
    struct leaf_range leaves;
    int place, buffer;
};

/* A term of an own part's sum: of this node, or what another node sends. */
struct whole_term {
    struct leaf_range leaves;
    int piece;    /* of this node; -1: */
    int incoming; /* its place in staging */
};

struct tree_exchange {
    const struct world *world;
    struct slicing slicing;
    struct thread_pool *pool; /* or NULL */
    int64_t block;            /* elements of each rank's in a unit */
    int64_t units, flights;

    struct node_piece *pieces; /* [node_sum.terms] of this node, in the order of the leaves */
    struct tree_sum node_sum;  /* what this node sends, of any part */
    struct tree_sum whole_sum; /* of an own part */
    struct whole_term *terms;  /* [term_count] in the order of the leaves */
    int term_count;

    int *targets; /* [target_count] owners in other nodes, for which this rank adds and sends */
    int target_count;
    int *sources; /* [incoming_count] the rank that sends each sum */
    int incoming_count;

    enum wire wire;
    size_t block_bytes;      /* of a block on its way */
    unsigned char *incoming; /* [flights, incoming_count] blocks */
    unsigned char *outgoing; /* [flights, target_count, node_sum.roots] blocks */
    float *sums;             /* WIRE_BF16: [incoming_count or node_sum.roots, block], as floats */
    struct tree_flight {
        MPI_Request *receives; /* [incoming_count] */
        MPI_Request *sends;    /* [target_count * node_sum.roots] */
        int send_count;
    } * list; /* [flights] */
};

/* Local. `block` elements at most a unit; 0: as long as is good for most networks. */
void tree_exchange_init(struct tree_exchange *exchange, const struct world *world,
                        struct thread_pool *pool, int64_t leaves, int64_t count, enum wire wire,
                        int64_t block);
void tree_exchange_release(struct tree_exchange *exchange);

/* The pieces of a node. */
struct exchange_view {
    const void *context;
    /* The vector of a piece of the rank at `place`. */
    float *(*piece)(const void *context, int place, int buffer);
    /* Are all pieces final from element `begin` on? */
    bool (*is_final)(const void *context, int64_t begin);
};

/* Collective, within an operation, which may be beside a computation. This rank's parts of `sum`,
 * which may be its own first piece, receive the sum of all pieces. Whoever returns may write to its
 * pieces again. */
void tree_exchange_run(struct tree_exchange *exchange, const struct exchange_view *view,
                       float *sum);

#endif
