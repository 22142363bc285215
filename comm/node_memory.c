#include "comm/node_memory.h"

#include <mpi.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/operation.h"
#include "comm/topology.h"
#include "comm/transfer.h"

struct node_memory {
    struct arena arena; /* of a rank that is alone */
    MPI_Win window;     /* MPI_WIN_NULL: there is an arena */
    void **segments;    /* [node_size] */
};

/* Where Open MPI and MPICH keep shared windows. */
static const char shared_folder[] = "/dev/shm";

/* The window's bookkeeping, and the pages at its segments' ends. */
enum { WINDOW_SLACK = 1 << 20 };

static enum status check_room(const struct world *world, uint64_t needed)
{
    struct statvfs disk;
    if (statvfs(shared_folder, &disk) != 0 || access(shared_folder, W_OK) != 0)
        return STATUS_OK; /* then MPI keeps windows elsewhere */
    const uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (needed + WINDOW_SLACK <= room)
        return STATUS_OK;
    return failed("%s on %s has %llu MiB free, and the %d ranks there need %llu MiB to share: "
                  "make it larger (mount -o remount,size=..., or a container's --shm-size), or "
                  "start one rank a node with more threads",
                  shared_folder, world->host, (unsigned long long)(room >> 20), world->node_size,
                  (unsigned long long)(needed >> 20) + 1);
}

enum status node_memory_check(const struct world *world, size_t bytes)
{
    uint64_t mine = bytes, needed = 0;
    operation_begin(world, "room for shared memory", 0);
    MPI_CHECK(MPI_Allreduce(&mine, &needed, 1, MPI_UINT64_T, MPI_SUM, world->topology->node_comm));
    enum status status = world->node_size > 1 ? check_room(world, needed) : STATUS_OK;
    status = world_agree(world, status);
    operation_end(world);
    return status;
}

/* MPI promises no alignment; all ranks see a segment at the same place of a page. */
static void *aligned(void *address)
{
    enum { LINE = 64 };
    return (unsigned char *)address + (LINE - (uintptr_t)address % LINE) % LINE;
}

static void open_window(struct node_memory *memory, const struct world *world, size_t bytes,
                        bool is_joined)
{
    MPI_Info info;
    void *own;
    const bool is_last = world->node_rank == world->node_size - 1;
    const size_t slack = !is_joined || is_last ? NODE_MEMORY_PAGE : 0;
    MPI_CHECK(MPI_Info_create(&info));
    MPI_CHECK(MPI_Info_set(info, "alloc_shared_noncontig", is_joined ? "false" : "true"));
    MPI_CHECK(MPI_Win_allocate_shared((MPI_Aint)(bytes + slack), 1, info,
                                      world->topology->node_comm, &own, &memory->window));
    MPI_CHECK(MPI_Info_free(&info));
    MPI_CHECK(MPI_Win_lock_all(MPI_MODE_NOCHECK, memory->window));
    for (int place = 0; place < world->node_size; place++) {
        MPI_Aint size;
        int unit;
        void *segment;
        MPI_CHECK(MPI_Win_shared_query(memory->window, place, &size, &unit, &segment));
        memory->segments[place] = aligned(segment);
    }
    if (bytes)
        memset(memory->segments[world->node_rank], 0, bytes);
}

static struct node_memory *create(const struct world *world, size_t bytes, bool is_joined)
{
    operation_begin(world, "sharing of memory", 0);
    if (node_memory_check(world, bytes) != STATUS_OK)
        fatal("%s", status_message());
    struct node_memory *memory = memory_alloc_zeroed(1, sizeof *memory);
    memory->window = MPI_WIN_NULL;
    memory->segments = memory_alloc_zeroed((size_t)world->node_size, sizeof *memory->segments);
    if (world->node_size > 1) {
        open_window(memory, world, bytes, is_joined);
    } else {
        arena_init(&memory->arena, bytes);
        memory->segments[0] = arena_take(&memory->arena, bytes);
    }
    node_memory_barrier(world);
    operation_end(world);
    return memory;
}

struct node_memory *node_memory_create(const struct world *world, size_t bytes)
{
    return create(world, bytes, false);
}

struct node_memory *node_memory_create_joined(const struct world *world, size_t bytes)
{
    return create(world, bytes, true);
}

void node_memory_free(struct node_memory *memory)
{
    if (!memory)
        return;
    if (memory->window != MPI_WIN_NULL) {
        MPI_CHECK(MPI_Win_unlock_all(memory->window));
        MPI_CHECK(MPI_Win_free(&memory->window));
    }
    arena_release(&memory->arena);
    memory_free(memory->segments);
    memory_free(memory);
}

void *node_memory_of(const struct node_memory *memory, int place)
{
    return memory->segments[place];
}

/* Fences on both sides: what was stored before is there for whoever comes out. It does not spin for
 * long, as MPI_Barrier does: the other ranks of the node may wait for the network, whose work needs
 * the processor. */
void node_memory_barrier(const struct world *world)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (world->node_size > 1) {
        MPI_Request request;
        MPI_CHECK(MPI_Ibarrier(world->topology->node_comm, &request));
        transfer_wait(&request, 1);
    }
    atomic_thread_fence(memory_order_seq_cst);
}
