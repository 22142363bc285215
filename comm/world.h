/* world: the ranks of a run. The only room that knows MPI is comm/.
 *
 * One process is one rank. The main thread talks MPI; the level asked for is
 * MPI_THREAD_SERIALIZED, so that a communication thread can take over later,
 * and a lower level is refused at start-up.
 *
 * Agreement: a rank that hits trouble does not leave alone. Every step that can
 * fail ends in world_agree, after which all ranks hold the same status and the
 * message of the lowest rank that failed worst.
 */
#ifndef COMM_WORLD_H
#define COMM_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define WORLD_HOST_BYTES 64

struct world {
    int rank, size;
    int node_rank, node_size; /* among the ranks that share this node's memory */
    char host[WORLD_HOST_BYTES];
};

/* Collective. Starts MPI, sets the fatal hook to MPI_Abort and the log's rank.
 * Works without mpirun too (a world of one). Refuses a thread level that is too
 * low, and a world size unlike SLURM_NTASKS. */
enum status world_init(struct world *world);
void world_finalize(struct world *world); /* Collective */

/* Collective. Returns the worst status of all ranks; where it is not OK every
 * rank holds the message of the lowest rank that has it, prefixed "rank R on HOST: "
 * unless all ranks failed alike. */
enum status world_agree(const struct world *world, enum status mine);

/* Collective. `all` has room for size * bytes_each; in the order of the ranks. */
void world_gather_all(const struct world *world, const void *mine, size_t bytes_each, void *all);
void world_broadcast(const struct world *world, void *bytes, size_t length,
                     int root);                /* Collective */
void world_barrier(const struct world *world); /* Collective */
/* Collective. Ends all ranks where `bytes` are not the same on every rank: `what`
 * says what they disagree about. */
enum status world_require_same(const struct world *world, const void *bytes, size_t length,
                               const char *what);

/* Thread level, MPI version, library name: for `eon doctor`. Local, after world_init. */
void world_describe(char *out, size_t size);

#endif
