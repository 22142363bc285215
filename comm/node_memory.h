/* node_memory: memory that the ranks of a node share, a segment each.
 *
 *   node   | segment of place 0 | segment of place 1 | segment of place 2 |
 *            its own to write     every rank of the node can read all
 *
 * Each rank touches its own segment first, so that the pages lie in its part of
 * the machine, and so that memory that is short shows here and not later. What a
 * rank wrote is seen by the others after a node_memory_barrier of both. A rank
 * that is alone on its node gets an arena of its own: huge pages, and no limit
 * of /dev/shm.
 */
#ifndef COMM_NODE_MEMORY_H
#define COMM_NODE_MEMORY_H

#include "comm/world.h"

struct node_memory;

/* Collective. Fails on all ranks alike, with one line, where a node's file system for shared
 * memory has no room for so many bytes of each of its ranks. */
enum status node_memory_check(const struct world *world, size_t bytes);

/* Collective. `bytes`, zeroed, of this rank; they can differ between ranks. No room is fatal. */
struct node_memory *node_memory_create(const struct world *world, size_t bytes);
/* The same, but segments lie one behind the other: together they are one vector, which begins with
 * the segment of place 0. `bytes` is a multiple of NODE_MEMORY_PAGE, but for the last place's. */
struct node_memory *node_memory_create_joined(const struct world *world, size_t bytes);
#define NODE_MEMORY_PAGE ((size_t)4096)

void node_memory_free(struct node_memory *memory); /* Collective over the node; NULL is allowed */

/* Local. The segment of the rank at `place` of this node; begins at a cache line. */
void *node_memory_of(const struct node_memory *memory, int place);

/* Collective over the node. */
void node_memory_barrier(const struct world *world);

#endif
