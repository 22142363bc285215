/* node_vector: a vector of floats of which each node holds one copy, for all its ranks to read.
 *
 * A model's parameters: every rank of the world owns parts (slice.h), which it
 * alone writes, while nobody reads; then all copies become whole again. Of a round
 * of parts:
 *
 *   node 0     | part 0 | part 1 |  <2>  |  <3>  |     ranks 0 and 1 wrote theirs in place;
 *   node 1     |  <0>   |  <1>   | part 2 | part 3 |     <what crosses>, once for each node
 *
 * Beside a computation that reads the vector from its begin to its end, as a forward
 * pass does, what comes first is asked for first:
 *
 *   start ... until(end of the embedding) ... until(end of layer 0) ... finish
 *
 * A rank that is alone on its node holds the copy in memory of its own.
 */
#ifndef COMM_NODE_VECTOR_H
#define COMM_NODE_VECTOR_H

#include "comm/slice.h"
#include "comm/wire.h"
#include "comm/world.h"

struct node_vector;
struct background;

/* Collective. `count` zeros. No room in a node's shared memory is fatal: see node_memory_check. */
struct node_vector *node_vector_create(const struct world *world, int64_t count);
void node_vector_free(struct node_vector *vector); /* Collective over the node; NULL is allowed */
/* Bytes of the copy that are this rank's share of it. */
size_t node_vector_bytes(int64_t count, int node_rank, int node_size);

/* Local. The node's copy, from a cache line on. */
float *node_vector_values(const struct node_vector *vector);

/* Collective over the node. What its ranks wrote to the copy before, all of them see after. */
void node_vector_publish(const struct node_vector *vector);
/* The same on every rank. Spans that WIRE_BF16 rounds on their way, ascending and disjoint: what is
 * read only rounded by those who do not own it. */
void node_vector_pack(struct node_vector *vector, const struct slice *spans, int64_t count);
/* Collective. Every rank wrote its parts in its node's copy; afterwards all copies are whole; with
 * WIRE_BF16 the spans are rounded in the copies of nodes that do not own them. No rank of a node
 * may still read the copy when another one calls this: a gradient_tree_reduce before it has seen to
 * that. */
void node_vector_gather(struct node_vector *vector, enum wire wire);

/* The same in the background's thread, which owns MPI until finish returns. Collective. */
void node_vector_start(struct node_vector *vector, struct background *background, enum wire wire);
/* Local. Returns when this node's copy is whole in [0, end). */
void node_vector_until(struct node_vector *vector, int64_t end);
void node_vector_finish(struct node_vector *vector); /* Collective */

#endif
