#include "comm/world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "comm/flight_recorder.h"
#include "comm/launcher.h"
#include "comm/mpi_check.h"
#include "comm/operation.h"
#include "comm/program.h"
#include "comm/speaker.h"
#include "comm/topology.h"
#include "comm/transfer.h"

static void end_this_rank(int number)
{
    (void)number;
    _exit(STATUS_FAILED);
}

/* The watchdog's thread comes here too, while the main thread is within MPI, which this level of
 * threads does not promise to bear. Should the abort not come back, the end of one process is what
 * the launcher ends the others for. */
static void end_all_ranks(const char *message)
{
    enum { ABORT_S = 5 };
    if (flight_recorder_has_folder())
        flight_recorder_write(message);
    signal(SIGTERM, SIG_DFL); /* another rank's abort ends this one before its turn */
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    speaker_wait_for_turn(rank, ABORT_S);
    dprintf(STDERR_FILENO, "%s\n", message);
    signal(SIGALRM, end_this_rank);
    alarm(ABORT_S);
    MPI_Abort(MPI_COMM_WORLD, STATUS_FAILED);
    _exit(STATUS_FAILED);
}

static const char *thread_level_name(int level)
{
    switch (level) {
    case MPI_THREAD_SINGLE:
        return "MPI_THREAD_SINGLE";
    case MPI_THREAD_FUNNELED:
        return "MPI_THREAD_FUNNELED";
    case MPI_THREAD_SERIALIZED:
        return "MPI_THREAD_SERIALIZED";
    default:
        return "MPI_THREAD_MULTIPLE";
    }
}

static void find_node(struct world *world)
{
    MPI_Comm node;
    MPI_CHECK(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, world->rank, MPI_INFO_NULL,
                                  &node));
    MPI_CHECK(MPI_Comm_rank(node, &world->node_rank));
    MPI_CHECK(MPI_Comm_size(node, &world->node_size));
    world->topology = topology_create(MPI_COMM_WORLD, node);

    char host[MPI_MAX_PROCESSOR_NAME];
    int length;
    MPI_CHECK(MPI_Get_processor_name(host, &length));
    snprintf(world->host, sizeof world->host, "%.*s", WORLD_HOST_BYTES - 1, host);
}

static enum status check_thread_level(int provided)
{
    if (provided >= MPI_THREAD_SERIALIZED)
        return STATUS_OK;
    return failed("MPI grants only %s, and eon needs MPI_THREAD_SERIALIZED: use an MPI library "
                  "that is built with thread support",
                  thread_level_name(provided));
}

enum status world_init(struct world *world)
{
    *world = (struct world){ .size = 1 };
    struct launcher launcher = launcher_read();
    int provided;
    MPI_CHECK(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided));
    MPI_CHECK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    MPI_CHECK(MPI_Comm_rank(MPI_COMM_WORLD, &world->rank));
    MPI_CHECK(MPI_Comm_size(MPI_COMM_WORLD, &world->size));
    log_set_rank(world->rank, world->size);
    fatal_set_hook(end_all_ranks);
    thread_flush_denormals();
    find_node(world);

    enum status status = check_thread_level(provided);
    if (status == STATUS_OK)
        status = launcher_check(&launcher, world->size);
    status = world_agree(world, status);
    if (status == STATUS_OK)
        status = program_require_same(world);
    if (status != STATUS_OK && world->size == 1)
        world->rank = (int)launcher.slurm_rank;
    return status;
}

void world_alone(struct world *world)
{
    *world = (struct world){ .size = 1, .node_size = 1 };
}

void world_finalize(struct world *world)
{
    operation_begin(world, "end of the program", 0);
    operation_end(world);
    topology_free(world->topology);
    world->topology = NULL;
    fatal_set_hook(NULL);
    MPI_CHECK(MPI_Finalize());
}

#ifdef __SANITIZE_ADDRESS__
/* The leak sanitizer asks at the end. MPI keeps memory till then, in modules that are unloaded by
 * now and so cannot be named in a list of suppressions; ours is counted by memory_live_blocks. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    int started = 0;
    MPI_Initialized(&started);
    return started;
}
#endif

static int64_t severity_of(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return 0;
    case STATUS_STOPPED:
        return 1;
    case STATUS_BAD_INPUT:
        return 2;
    case STATUS_FAILED:
        return 3;
    }
    fatal("status %d does not exist", (int)status);
}

/* What the speaker of a failed agreement tells the others. */
struct verdict {
    int32_t status;
    char host[WORLD_HOST_BYTES];
    char message[STATUS_MESSAGE_BYTES];
};

static enum status adopt_verdict(const struct world *world, enum status mine, int speaker)
{
    struct verdict verdict = { .status = mine };
    memcpy(verdict.host, world->host, sizeof verdict.host);
    snprintf(verdict.message, sizeof verdict.message, "%s", status_message());
    transfer_broadcast(world, &verdict, sizeof verdict, speaker);

    enum status worst = (enum status)verdict.status;
    int alike = mine == worst && strcmp(verdict.message, status_message()) == 0, all_alike;
    MPI_CHECK(MPI_Allreduce(&alike, &all_alike, 1, MPI_INT, MPI_MIN, world->topology->comm));
    status_set(worst, verdict.message);
    if (all_alike)
        return worst;
    return status_prefix(worst, "rank %d on %s", world->first_rank + speaker, verdict.host);
}

static enum status agree(const struct world *world, enum status mine)
{
    /* The maximum finds the worst status, and within it the lowest rank. */
    int64_t size = world->size;
    int64_t code = mine == STATUS_OK ? 0 : severity_of(mine) * size + size - 1 - world->rank;
    int64_t worst;
    MPI_CHECK(MPI_Allreduce(&code, &worst, 1, MPI_INT64_T, MPI_MAX, world->topology->comm));
    if (worst == 0)
        return STATUS_OK;
    return adopt_verdict(world, mine, (int)(size - 1 - worst % size));
}

enum status world_agree(const struct world *world, enum status mine)
{
    if (!world->topology)
        return mine;
    operation_begin(world, "agreement", 0);
    enum status status = agree(world, mine);
    operation_end(world);
    return status;
}

void world_gather_all(const struct world *world, const void *mine, size_t bytes_each, void *all)
{
    int64_t *offsets = memory_alloc_zeroed((size_t)world->size + 1, sizeof *offsets);
    for (int rank = 0; rank <= world->size; rank++)
        offsets[rank] = (int64_t)bytes_each * rank;
    if (bytes_each > 0)
        memcpy((unsigned char *)all + offsets[world->rank], mine, bytes_each);
    operation_begin(world, "gathering of records", offsets[world->size]);
    transfer_gather_parts(world, all, offsets);
    operation_end(world);
    memory_free(offsets);
}

void world_broadcast(const struct world *world, void *bytes, size_t length, int root)
{
    CHECK(root >= 0 && root < world->size, "rank %d of %d cannot broadcast", root, world->size);
    operation_begin(world, "broadcast", (int64_t)length);
    transfer_broadcast(world, bytes, length, root);
    operation_end(world);
}

void world_barrier(const struct world *world)
{
    operation_begin(world, "barrier", 0);
    MPI_CHECK(MPI_Barrier(world->topology->comm));
    operation_end(world);
}

bool world_any(const struct world *world, bool mine)
{
    if (!world->topology)
        return mine;
    int own = mine, any;
    operation_begin(world, "question", 0);
    MPI_CHECK(MPI_Allreduce(&own, &any, 1, MPI_INT, MPI_MAX, world->topology->comm));
    operation_end(world);
    return any;
}

void *world_gather(const struct world *world, const void *mine, int64_t length, int64_t *ends)
{
    unsigned char *all = NULL;
    operation_begin(world, "gathering on one rank", 0);
    world_gather_all(world, &length, sizeof length, ends);
    for (int rank = 1; rank < world->size; rank++)
        ends[rank] += ends[rank - 1];
    if (world->rank == 0) {
        all = memory_alloc((size_t)ends[world->size - 1] + 1);
        if (length > 0)
            memcpy(all, mine, (size_t)length);
        for (int rank = 1; rank < world->size; rank++)
            transfer_receive(world, all + ends[rank - 1], ends[rank] - ends[rank - 1], rank);
    } else {
        transfer_send(world, mine, length, 0);
    }
    operation_end(world);
    return all;
}

struct content {
    unsigned char digest[SHA256_BYTES];
    char host[WORLD_HOST_BYTES];
};

enum status world_require_same(const struct world *world, const void *bytes, size_t length,
                               const char *what)
{
    struct content mine = { 0 };
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, bytes, length);
    sha256_finish(&hash, mine.digest);
    memcpy(mine.host, world->host, sizeof mine.host);

    struct content *all = memory_alloc_zeroed((size_t)world->size, sizeof *all);
    operation_begin(world, "comparison", 0);
    world_gather_all(world, &mine, sizeof mine, all);
    operation_end(world);
    int other = 1;
    while (other < world->size && memcmp(all[other].digest, all[0].digest, SHA256_BYTES) == 0)
        other++;
    enum status status = STATUS_OK;
    if (other < world->size)
        status = failed("ranks disagree about %s: rank %d on %s differs from rank %d on %s", what,
                        world->first_rank + other, all[other].host, world->first_rank, all[0].host);
    memory_free(all);
    return status;
}

void world_describe(char *out, size_t size)
{
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    int length, version, subversion, level;
    MPI_CHECK(MPI_Get_library_version(library, &length));
    MPI_CHECK(MPI_Get_version(&version, &subversion));
    MPI_CHECK(MPI_Query_thread(&level));
    library[strcspn(library, ",\n")] = '\0'; /* the rest tells who built it, and when */
    snprintf(out, size, "%s, MPI %d.%d, %s", library, version, subversion,
             thread_level_name(level));
}
