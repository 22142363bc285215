/* transfer: bytes of any length between ranks.
 *
 * MPI counts in int. What is longer is cut here, and nowhere else, into
 * messages of TRANSFER_MESSAGE_BYTES. Private to comm/.
 */
#ifndef COMM_TRANSFER_H
#define COMM_TRANSFER_H

#include <mpi.h>

#include "comm/world.h"

#define TRANSFER_MESSAGE_BYTES ((int64_t)16 << 20)

/* Tags keep the conversations of different files apart. */
enum transfer_tag {
    TRANSFER_TAG_RING = 1,
    TRANSFER_TAG_TREE = 2,
    TRANSFER_TAG_LOAN = 3,
    TRANSFER_TAG_VECTOR = 4,
    TRANSFER_TAG_TRIAL = 5,
    TRANSFER_TAG_GATHER = 6,
    TRANSFER_TAG_PARTNER = 7
};

/* Local. Until all are done, as MPI_Waitall. After a moment it naps between looks, since a look
 * takes processor time from the system's side of the transfer and from other ranks of the node;
 * networks that are fast enough to feel a nap are done before. */
void transfer_wait(MPI_Request *requests, int count);
/* Local. Whether all are done, as MPI_Testall; it drives MPI too. */
bool transfer_test(MPI_Request *requests, int count);

/* How one that looks again and again waits between its looks: see transfer_wait. */
struct transfer_pause {
    double begun_s;
    int64_t nap_ns; /* of the next nap; 0: it does not wait now */
    int waits_without_looks;
};
/* Local. One pause: none for the first moment if somebody waits, and a nap later; where nobody
 * does, naps that grow, since their processor time is that of a computation. */
void transfer_pause(struct transfer_pause *pause, bool is_awaited);
void transfer_pause_end(struct transfer_pause *pause);

/* Collective. */
void transfer_broadcast(const struct world *world, void *bytes, size_t length, int root);

/* Local, on both of the two ranks. */
void transfer_send(const struct world *world, const void *bytes, int64_t length, int to);
void transfer_receive(const struct world *world, void *bytes, int64_t length, int from);

/* Collective. Bytes [offsets[r], offsets[r + 1]) of `buffer` come from rank r; afterwards all ranks
 * hold them all. `offsets` has size + 1 entries, the same on every rank. */
void transfer_gather_parts(const struct world *world, void *buffer, const int64_t *offsets);

#endif
