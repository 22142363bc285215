#include "comm/transfer.h"

#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/topology.h"

/* Below this latency counts, and MPI knows the better algorithms; above it the
 * ring moves every byte once over every link, in messages of bounded length. */
#define RING_FROM_BYTES ((int64_t)256 << 10)

static int message_length(int64_t bytes_left)
{
    return (int)(bytes_left < TRANSFER_MESSAGE_BYTES ? bytes_left : TRANSFER_MESSAGE_BYTES);
}

void transfer_broadcast(const struct world *world, void *bytes, size_t length, int root)
{
    unsigned char *next = bytes;
    for (int64_t left = (int64_t)length; left > 0;) {
        int part = message_length(left);
        MPI_CHECK(MPI_Bcast(next, part, MPI_BYTE, root, world->topology->comm));
        next += part;
        left -= part;
    }
}

void transfer_send(const struct world *world, const void *bytes, int64_t length, int to)
{
    const unsigned char *next = bytes;
    for (int64_t left = length; left > 0;) {
        int part = message_length(left);
        MPI_CHECK(MPI_Send(next, part, MPI_BYTE, to, TRANSFER_TAG_GATHER, world->topology->comm));
        next += part;
        left -= part;
    }
}

void transfer_receive(const struct world *world, void *bytes, int64_t length, int from)
{
    unsigned char *next = bytes;
    for (int64_t left = length; left > 0;) {
        int part = message_length(left);
        MPI_CHECK(MPI_Recv(next, part, MPI_BYTE, from, TRANSFER_TAG_GATHER, world->topology->comm,
                           MPI_STATUS_IGNORE));
        next += part;
        left -= part;
    }
}

bool transfer_test(MPI_Request *requests, int count)
{
    int is_done = 0;
    MPI_CHECK(MPI_Testall(count, requests, &is_done, MPI_STATUSES_IGNORE));
    return is_done;
}

/* A network that is slower than the looks' moment would be looked at in vain, at every wait: then
 * only every WAITS_WITHOUT_LOOKS-th one tries whether it has become faster. */
enum { WAITS_WITHOUT_LOOKS = 32 };

void transfer_pause(struct transfer_pause *pause, bool is_awaited)
{
    const int64_t shortest_ns = 50 * 1000, longest_ns = is_awaited ? 200 * 1000 : 800 * 1000;
    const double looks_s = 200e-6;
    if (pause->nap_ns == 0) {
        pause->begun_s = clock_seconds();
        pause->nap_ns = shortest_ns;
    }
    if (is_awaited && pause->waits_without_looks == 0) {
        if (clock_seconds() - pause->begun_s < looks_s)
            return;
        pause->waits_without_looks = WAITS_WITHOUT_LOOKS;
    }
    const struct timespec nap = { .tv_nsec =
                                      pause->nap_ns < longest_ns ? pause->nap_ns : longest_ns };
    nanosleep(&nap, NULL);
    pause->nap_ns *= pause->nap_ns < longest_ns ? 2 : 1;
}

void transfer_pause_end(struct transfer_pause *pause)
{
    if (pause->nap_ns > 0 && pause->waits_without_looks > 0)
        pause->waits_without_looks--;
    pause->nap_ns = 0;
}

void transfer_wait(MPI_Request *requests, int count)
{
    struct transfer_pause pause = { 0 };
    while (!transfer_test(requests, count))
        transfer_pause(&pause, true);
}

struct span {
    unsigned char *next;
    int64_t left;
};

static struct span span_of_part(void *buffer, const int64_t *offsets, int rank)
{
    return (struct span){ (unsigned char *)buffer + offsets[rank],
                          offsets[rank + 1] - offsets[rank] };
}

/* Sends one span to the right neighbour while the left one fills another. Both ends know the
 * lengths, so empty messages are not sent. */
static void ring_exchange(const struct world *world, struct span sent, struct span received)
{
    int right = (world->rank + 1) % world->size;
    int left = (world->rank + world->size - 1) % world->size;
    while (sent.left > 0 || received.left > 0) {
        MPI_Request requests[2] = { MPI_REQUEST_NULL, MPI_REQUEST_NULL };
        int in = message_length(received.left), out = message_length(sent.left);
        if (in > 0)
            MPI_CHECK(MPI_Irecv(received.next, in, MPI_BYTE, left, TRANSFER_TAG_RING,
                                world->topology->comm, &requests[0]));
        if (out > 0)
            MPI_CHECK(MPI_Isend(sent.next, out, MPI_BYTE, right, TRANSFER_TAG_RING,
                                world->topology->comm, &requests[1]));
        transfer_wait(requests, 2);
        received.next += in;
        received.left -= in;
        sent.next += out;
        sent.left -= out;
    }
}

/* Step s passes on the part that came in step s - 1:
 *
 *              rank 0      rank 1      rank 2
 *   has        A . .       . B .       . . C
 *   step 1     A . C       A B .       . B C       each sends its own part
 *   step 2     A B C       A B C       A B C       each sends what it got
 */
static void gather_by_ring(const struct world *world, void *buffer, const int64_t *offsets)
{
    int size = world->size;
    for (int step = 0; step < size - 1; step++) {
        int sent = (world->rank - step + size) % size;
        int received = (world->rank - step - 1 + size) % size;
        ring_exchange(world, span_of_part(buffer, offsets, sent),
                      span_of_part(buffer, offsets, received));
    }
}

static void gather_small(const struct world *world, void *buffer, const int64_t *offsets)
{
    int *lengths = memory_alloc_zeroed((size_t)world->size, sizeof *lengths);
    int *places = memory_alloc_zeroed((size_t)world->size, sizeof *places);
    for (int rank = 0; rank < world->size; rank++) {
        lengths[rank] = (int)(offsets[rank + 1] - offsets[rank]);
        places[rank] = (int)offsets[rank];
    }
    MPI_CHECK(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, buffer, lengths, places, MPI_BYTE,
                             world->topology->comm));
    memory_free(places);
    memory_free(lengths);
}

void transfer_gather_parts(const struct world *world, void *buffer, const int64_t *offsets)
{
    if (world->size == 1)
        return;
    if (offsets[world->size] < RING_FROM_BYTES)
        gather_small(world, buffer, offsets);
    else
        gather_by_ring(world, buffer, offsets);
}
