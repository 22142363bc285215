/* tree_exchange: the part of the gradient tree that crosses ranks.
 *
 * Each rank has added its leaves up to pieces: the maximal subtrees that it
 * owns whole. The owner of each slice of the vector receives all pieces' parts
 * of its slice, and adds them along the tree. The slices are worked through in
 * rounds of `block` elements; while a round is added up the next one travels.
 *
 *   vector      | slice of rank 0     | slice of rank 1     |
 *   round         0  :  1  :  2  : 3    0  :  1  :  2  : 3
 *   rank 0      [own :     :     :  ]-->  its pieces' parts go to rank 1
 *   rank 1        its pieces' parts <--[own :     :     :  ]
 *
 * All messages of a round are posted before any is waited for, and every rank
 * takes the rounds in order, so no two ranks wait for each other.
 *
 * Memory: staging for two rounds, [2, pieces of other ranks, block]; `block` is
 * chosen so that it stays below STAGING_BYTES, except that no message is shorter
 * than MIN_BLOCK elements. Private to comm/.
 */
#ifndef COMM_TREE_EXCHANGE_H
#define COMM_TREE_EXCHANGE_H

#include <mpi.h>

#include "base/thread_pool.h"
#include "comm/leaf_tree.h"
#include "comm/world.h"

struct tree_exchange {
    const struct world *world;
    struct thread_pool *pool; /* or NULL */
    int64_t leaves, count;
    int64_t block, rounds;
    struct tree_piece *pieces; /* of all ranks, in the order of the leaves */
    int64_t piece_count, own_first, own_count;
    float *staging;
    struct tree_round {
        MPI_Request *receives; /* [pieces]; MPI_REQUEST_NULL for own ones */
        MPI_Request *sends;    /* [ranks, own pieces] */
        int send_count;
    } in_flight[2];
};

struct tree_piece {
    struct leaf_range leaves;
    int rank;
    int64_t place; /* among the pieces of other ranks, or among the own ones */
};

/* Local. */
void tree_exchange_init(struct tree_exchange *exchange, const struct world *world,
                        struct thread_pool *pool, int64_t leaves, int64_t count);
void tree_exchange_release(struct tree_exchange *exchange);
size_t tree_exchange_staging_bytes(int64_t leaves, int64_t count, int rank, int size);

/* Collective. own_pieces[i] is the vector of this rank's i-th piece. This rank's slice of `sum`,
 * which may be one of them, receives the sum of all pieces; this rank's slice of the own pieces is
 * used up. */
void tree_exchange_run(struct tree_exchange *exchange, float *const *own_pieces, float *sum);

#endif
