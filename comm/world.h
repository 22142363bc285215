/* world: the ranks of a run. The only room that knows MPI is comm/.
 *
 * One process is one rank. One thread talks MPI at a time: the main one, or the
 * one that communicates beside it (background.h). So the level asked for is
 * MPI_THREAD_SERIALIZED, and a lower one is refused at start-up.
 *
 * Agreement: a rank that hits trouble does not leave alone. Every step that can
 * fail ends in world_agree, after which all ranks hold the same status and the
 * message of the lowest rank that failed worst.
 */
#ifndef COMM_WORLD_H
#define COMM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define WORLD_HOST_BYTES 64

struct topology;

struct world {
    int rank, size;
    int node_rank, node_size; /* among the ranks that share this node's memory */
    char host[WORLD_HOST_BYTES];
    int first_rank;    /* what messages call rank 0: of a group's world, its rank among all */
    bool counts_alone; /* operations count although size is 1: a group's world (groups.h) */
    struct topology *topology; /* comm's; NULL: not started, to plan with or alone */
};

/* Collective. Starts MPI, sets the fatal hook to MPI_Abort, the log's rank, and flush-to-zero in
 * this thread as in all that add. Works without mpirun too (a world of one). Refuses a thread level
 * that is too low, ranks that run different programs (see program.h), and a world size unlike
 * SLURM_NTASKS (see launcher.h); then `world->rank` is this process's place among Slurm's tasks:
 * rank 0 speaks. MPI runs even then, until world_finalize: what rank 0 says after that is lost when
 * mpirun ends all ranks because another had a bad status. */
enum status world_init(struct world *world);
void world_finalize(struct world *world); /* Collective */

/* Local. A world of this process alone, without MPI, for what is written for several ranks and done
 * by one: agreeing, asking and gathering are all that it can. It is not finalized. */
void world_alone(struct world *world);

/* Collective. Returns the worst status of all ranks (stopped < bad input < failed); where it is not
 * OK every rank holds the message of the lowest rank that has it, prefixed "rank R on HOST: "
 * unless all ranks failed alike. Cheap: one reduction of 8 bytes while all are OK. */
enum status world_agree(const struct world *world, enum status mine);

/* Collective. `all` has room for size * bytes_each; in the order of the ranks. */
void world_gather_all(const struct world *world, const void *mine, size_t bytes_each, void *all);
void world_broadcast(const struct world *world, void *bytes, size_t length,
                     int root);                       /* Collective */
void world_barrier(const struct world *world);        /* Collective */
bool world_any(const struct world *world, bool mine); /* Collective. Is it so on any rank? */

/* Collective. The bytes of all ranks, however many each has, in the order of the ranks: on rank 0,
 * freed by the caller with memory_free; NULL elsewhere. ends[r], on all ranks, is where those of
 * rank r end. */
void *world_gather(const struct world *world, const void *mine, int64_t length, int64_t *ends);

/* Collective. Fails on all ranks alike where `bytes` are not the same on every rank: `what` says
 * what they disagree about, and the message names the first rank that differs from rank 0. */
enum status world_require_same(const struct world *world, const void *bytes, size_t length,
                               const char *what);

/* Local, after world_init. MPI's library, standard and thread level: for `eon doctor`. */
void world_describe(char *out, size_t size);

#endif
