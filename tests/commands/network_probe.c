/* network_probe: what MPI makes of an emulated cluster, and what its links carry.
 *
 *   network_probe hosts     a line for each rank: RANK HOST RANKS_OF_ITS_NODE
 *   network_probe ring      each rank sends to the next and receives from the one before, all at
 *                           once; with ranks in turn over the nodes every link is full both ways
 *
 * `ring` prints bytes a second that each rank sent, the seconds of a message there and back between
 * ranks 0 and 1, and the processor seconds that the machine spent for each GB sent. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/world.h"

struct seat {
    char host[WORLD_HOST_BYTES];
    int node_size;
};

static void print_hosts(const struct world *world)
{
    struct seat mine = { .node_size = world->node_size };
    snprintf(mine.host, sizeof mine.host, "%s", world->host);
    struct seat *all = memory_alloc_zeroed((size_t)world->size, sizeof *all);
    world_gather_all(world, &mine, sizeof mine, all);
    for (int rank = 0; world->rank == 0 && rank < world->size; rank++)
        printf("%d %s %d\n", rank, all[rank].host, all[rank].node_size);
    memory_free(all);
}

enum { MESSAGE_BYTES = 4 << 20, MESSAGES = 24, ROUND_TRIPS = 200 };

/* Of all processors since the machine started, in ticks of 1/100 s: user, system, interrupts. */
static double busy_seconds(void)
{
    unsigned long long user, nice, system, idle, iowait, irq, softirq;
    FILE *file = fopen("/proc/stat", "r");
    if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
                        &idle, &iowait, &irq, &softirq) != 7)
        fatal("cannot read /proc/stat");
    fclose(file);
    return (double)(user + nice + system + irq + softirq) / 100;
}

static void pass_around(const struct world *world, void *out, void *in, int bytes)
{
    int next = (world->rank + 1) % world->size;
    int before = (world->rank + world->size - 1) % world->size;
    MPI_CHECK(MPI_Sendrecv(out, bytes, MPI_BYTE, next, 0, in, bytes, MPI_BYTE, before, 0,
                           MPI_COMM_WORLD, MPI_STATUS_IGNORE));
}

static double round_trip_seconds(const struct world *world)
{
    char byte = 0;
    world_barrier(world);
    double start = clock_seconds();
    for (int i = 0; i < ROUND_TRIPS && world->rank < 2; i++)
        for (int sender = 0; sender < 2; sender++)
            if (world->rank == sender)
                MPI_CHECK(MPI_Send(&byte, 1, MPI_BYTE, 1 - sender, 0, MPI_COMM_WORLD));
            else
                MPI_CHECK(
                    MPI_Recv(&byte, 1, MPI_BYTE, sender, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
    return (clock_seconds() - start) / ROUND_TRIPS;
}

static void print_ring(const struct world *world)
{
    char *out = memory_alloc_zeroed(MESSAGE_BYTES, 1), *in = memory_alloc_zeroed(MESSAGE_BYTES, 1);
    double round_trip = world->size > 1 ? round_trip_seconds(world) : 0;
    for (int i = 0; i < 2; i++)
        pass_around(world, out, in, MESSAGE_BYTES);

    world_barrier(world);
    double start = clock_seconds(), busy = busy_seconds();
    for (int i = 0; i < MESSAGES; i++)
        pass_around(world, out, in, MESSAGE_BYTES);
    world_barrier(world);
    double seconds = clock_seconds() - start, sent = (double)MESSAGE_BYTES * MESSAGES;
    busy = busy_seconds() - busy;
    if (world->rank == 0)
        printf("bytes_per_second %.0f\nround_trip_seconds %.6f\nprocessor_seconds_per_gb %.2f\n",
               sent / seconds, round_trip, busy / (sent * world->size * 1e-9));
    memory_free(out);
    memory_free(in);
}

int main(int argc, char **argv)
{
    struct world world;
    if (world_init(&world) != STATUS_OK)
        fatal("%s", status_message());
    if (argc == 2 && strcmp(argv[1], "ring") == 0)
        print_ring(&world);
    else
        print_hosts(&world);
    world_finalize(&world);
    return 0;
}
