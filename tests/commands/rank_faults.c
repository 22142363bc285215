/* rank_faults: ranks that fail in the ways that rank_faults.sh looks at.
 *
 * The functions below that have the name of a library's stand before that
 * library's own: MPI's profiling interface allows it. */
#include <errno.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "comm/flight_recorder.h"
#include "comm/gradient_tree.h"
#include "comm/groups.h"
#include "comm/subworld.h"
#include "comm/watchdog.h"

static const char *fault = "";

static bool fault_is(const char *name)
{
    return strcmp(fault, name) == 0;
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided)
{
    int code = PMPI_Init_thread(argc, argv, required, provided);
    if (fault_is("low-thread-level"))
        *provided = MPI_THREAD_FUNNELED;
    return code;
}

static int rank_of_all(void)
{
    int rank;
    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

int MPI_Barrier(MPI_Comm comm)
{
    if (fault_is("mpi-error") && rank_of_all() == 1)
        return MPI_ERR_OTHER;
    return PMPI_Barrier(comm);
}

/* The ranks of a node meet where memory is shared, which a reduction does twice, and at its end. */
int MPI_Ibarrier(MPI_Comm comm, MPI_Request *request)
{
    static int calls;
    if (fault_is("die-in-reduction") && rank_of_all() == 1 && ++calls == 3)
        kill(getpid(), SIGKILL);
    return PMPI_Ibarrier(comm, request);
}

static void reduce_once(const struct world *world)
{
    const int64_t leaves = 6, count = 3 << 20;
    struct gradient_tree *tree = gradient_tree_create(world, NULL, leaves, count);
    struct leaf_range own = leaf_range_of_rank(leaves, world->rank, world->size);
    for (int64_t leaf = own.first; leaf < own.end; leaf++)
        gradient_tree_leaf(tree, leaf)[0] = 1.0f;
    gradient_tree_reduce(tree);
    gradient_tree_free(tree);
}

static bool nobody_listens;

int listen(int descriptor, int backlog)
{
    if (nobody_listens) {
        errno = EADDRINUSE;
        return -1;
    }
    return (int)syscall(SYS_listen, descriptor, backlog);
}

/* Rank 1 computes for longer than the others wait for it. */
static void come_late(const struct world *world)
{
    nobody_listens = fault_is("late-unseen");
    struct watchdog *watchdog = watchdog_start(world, 6, NULL);
    sleep(1); /* for the watchdogs to meet */
    if (world->rank == 1) {
        flight_recorder_doing("computing leaf %d of step %d", 3, 17);
        sleep(60);
    }
    world_barrier(world);
    watchdog_stop(watchdog);
}

/* Ranks 0 and 1 are a group; rank 2, which is one alone, waits for both at its end. */
static void come_late_in_a_group(const struct world *world)
{
    const int64_t groups = 2, own = groups_of_rank(groups, world->rank, world->size).first;
    struct watchdog *watchdog = watchdog_start(world, 6, NULL);
    struct world joined;
    groups_join(world, groups, own, &joined);
    sleep(1);
    if (world->rank == 1) {
        flight_recorder_doing("computing leaf %d of step %d", 3, 17);
        sleep(60);
    }
    world_barrier(&joined);
    world_barrier(world);
    subworld_leave(&joined);
    watchdog_stop(watchdog);
}

static enum status run(const struct world *world)
{
    enum status mine = STATUS_OK;
    if (fault_is("fatal-on-all"))
        fatal("no space left");
    if (fault_is("fatal-on-rank-2") && world->rank == 2)
        fatal("no space left");
    if (fault_is("bad-input-on-rank-1") && world->rank == 1)
        mine = bad_input("cannot open shard 'x.h5': truncated at byte 4096");
    if (fault_is("bad-input-on-all"))
        mine = bad_input("unknown key 'stesp'");
    TRY(world_agree(world, mine));
    if (fault_is("late") || fault_is("late-unseen"))
        come_late(world);
    if (fault_is("late-in-group"))
        come_late_in_a_group(world);
    if (fault_is("leaves-early") && world->rank == 2)
        return STATUS_OK;
    if (fault_is("out-of-step") && world->rank == 1)
        world_barrier(world);
    if (fault_is("another-size"))
        world_broadcast(world, &mine, world->rank == 1 ? 3 : 4, 0);
    reduce_once(world);
    world_barrier(world);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    struct world world;
    if (argc == 2)
        fault = argv[1];
    enum status status = world_init(&world);
    if (status == STATUS_OK)
        status = run(&world);
    if (status != STATUS_OK && world.rank == 0)
        log_error(status_message());
    world_finalize(&world);
    return (int)status;
}
