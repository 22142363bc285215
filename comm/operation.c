#include "comm/operation.h"

#include <mpi.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "comm/flight_recorder.h"
#include "comm/mpi_check.h"
#include "comm/topology.h"
#include "comm/transfer.h"

/* What a rank is about to do. Compared as bytes: no padding, zeroed first. */
struct meaning {
    int64_t sequence, bytes;
    char name[FLIGHT_NAME_BYTES];
};

static int depth; /* of operations within operations */

/* Of the one beside the computation. */
static bool is_beside;
static atomic_bool data_is_expected, end_is_expected; /* by the main thread, which waits */
static MPI_Request meeting;                           /* of all ranks that await it */
static enum { NOT_YET, UNDER_WAY, MET } met;

/* FNV-1a with 64 bits, by Fowler, Noll and Vo. Two bits less, so that its negative exists. */
static int64_t hash_of(const struct meaning *meaning)
{
    const unsigned char *bytes = (const unsigned char *)meaning;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof *meaning; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return (int64_t)(hash >> 2);
}

static bool is_same(const struct meaning *left, const struct meaning *right)
{
    return memcmp(left, right, sizeof *left) == 0;
}

/* One clause for each meaning: "rank 0 on node01 and 2 more are in 'barrier' of 0 bytes". */
static void describe(const struct world *world, const struct meaning *all,
                     const char (*hosts)[WORLD_HOST_BYTES], struct strbuf *out)
{
    enum { GROUPS = 4 };
    int first[GROUPS], members[GROUPS] = { 0 }, groups = 0, group;
    for (int rank = 0; rank < world->size; rank++) {
        for (group = 0; group < groups && !is_same(&all[rank], &all[first[group]]); group++)
            ;
        if (group == GROUPS)
            continue; /* the first few tell enough */
        if (group == groups)
            first[groups++] = rank;
        members[group]++;
    }
    for (group = 0; group < groups; group++) {
        const struct meaning *meaning = &all[first[group]];
        strbuf_addf(out, "%srank %d on %s", group ? "; " : "", world->first_rank + first[group],
                    hosts[first[group]]);
        if (members[group] > 1)
            strbuf_addf(out, " and %d more are", members[group] - 1);
        else
            strbuf_add_string(out, " is");
        strbuf_addf(out, " in '%s' of %lld bytes", meaning->name, (long long)meaning->bytes);
        if (meaning->sequence != all[0].sequence)
            strbuf_addf(out, " (operation %lld)", (long long)meaning->sequence);
    }
}

/* All ranks are here, since all took part in the comparison. */
static void end_out_of_step(const struct world *world, const struct meaning *mine)
{
    struct meaning *all = memory_alloc_zeroed((size_t)world->size, sizeof *all);
    char(*hosts)[WORLD_HOST_BYTES] = memory_alloc_zeroed((size_t)world->size, sizeof *hosts);
    struct strbuf text = STRBUF_INIT;
    MPI_CHECK(MPI_Allgather(mine, sizeof *mine, MPI_BYTE, all, sizeof *mine, MPI_BYTE,
                            world->topology->comm));
    MPI_CHECK(MPI_Allgather(world->host, WORLD_HOST_BYTES, MPI_BYTE, hosts, WORLD_HOST_BYTES,
                            MPI_BYTE, world->topology->comm));
    strbuf_addf(&text, "ranks are out of step at operation %lld: ", (long long)all[0].sequence);
    describe(world, all, (const char(*)[WORLD_HOST_BYTES])hosts, &text);
    status_say("%s", text.bytes);
    strbuf_release(&text);
    memory_free(hosts);
    memory_free(all);

    flight_recorder_write(status_message());
    MPI_CHECK(
        MPI_Barrier(world->topology->comm)); /* the first to speak ends the job: all have written */
    fatal("%s", status_message());
}

static bool is_counted(const struct world *world)
{
    return world->size > 1 || world->counts_alone;
}

/* A computation goes on beside it, whose processor time a wait within MPI would take. */
static void find_most_beside(const struct world *world, const int64_t own[2], int64_t most[2])
{
    MPI_Request request;
    struct transfer_pause pause = { 0 };
    MPI_CHECK(MPI_Iallreduce(own, most, 2, MPI_INT64_T, MPI_MAX, world->topology->comm, &request));
    while (!transfer_test(&request, 1))
        transfer_pause(&pause, operation_is_awaited());
}

/* Whether all are about to do the same, or else the end of the job. */
static void compare(const struct world *world, int64_t sequence, const char *name, int64_t bytes)
{
    struct meaning mine;
    memset(&mine, 0, sizeof mine);
    mine.sequence = sequence;
    mine.bytes = bytes;
    snprintf(mine.name, sizeof mine.name, "%s", name);

    /* All hashes are the same when the largest is the smallest. */
    int64_t hash = hash_of(&mine), own[2] = { hash, -hash }, most[2];
    if (is_beside)
        find_most_beside(world, own, most);
    else
        MPI_CHECK(MPI_Allreduce(own, most, 2, MPI_INT64_T, MPI_MAX, world->topology->comm));
    if (most[0] != -most[1])
        end_out_of_step(world, &mine);
}

void operation_begin(const struct world *world, const char *name, int64_t bytes)
{
    if (!is_counted(world) || depth++ > 0)
        return;
    compare(world, flight_recorder_begin(name, bytes, FLIGHT_WAITING), name, bytes);
    flight_recorder_turn(FLIGHT_MOVING);
}

void operation_end(const struct world *world)
{
    if (is_counted(world) && --depth == 0)
        flight_recorder_end();
}

void operation_begin_beside(const struct world *world, const char *name, int64_t bytes)
{
    CHECK(depth == 0, "'%s' begins within another operation", name);
    is_beside = true;
    if (!is_counted(world))
        return;
    depth = 1;
    met = NOT_YET;
    const int64_t sequence = flight_recorder_begin(name, bytes, FLIGHT_BESIDE);
    if (operation_is_alone())
        flight_recorder_turn(FLIGHT_WAITING);
    compare(world, sequence, name, bytes);
}

void operation_end_beside(const struct world *world)
{
    is_beside = false;
    operation_end(world);
}

bool operation_is_beside(void)
{
    return is_beside;
}

void operation_expect(const struct world *world, bool waits)
{
    atomic_store(&data_is_expected, waits);
    if (is_counted(world))
        flight_recorder_turn(waits ? FLIGHT_MOVING : FLIGHT_BESIDE);
}

void operation_await(const struct world *world)
{
    atomic_store(&end_is_expected, true); /* first: the operation may be about to begin */
    if (is_counted(world))
        flight_recorder_turn(FLIGHT_WAITING);
}

bool operation_is_awaited(void)
{
    return !is_beside || atomic_load(&data_is_expected) || atomic_load(&end_is_expected);
}

bool operation_is_alone(void)
{
    return !is_beside || atomic_load(&end_is_expected);
}

void operation_look(const struct world *world)
{
    if (!is_beside || !is_counted(world) || met == MET || !operation_is_alone())
        return;
    if (met == NOT_YET)
        MPI_CHECK(MPI_Ibarrier(world->topology->comm, &meeting));
    met = transfer_test(&meeting, 1) ? MET : UNDER_WAY;
    if (met == MET)
        flight_recorder_turn(FLIGHT_MOVING);
}

void operation_end_met(const struct world *world)
{
    struct transfer_pause pause = { 0 };
    for (operation_look(world); is_counted(world) && met != MET; operation_look(world))
        transfer_pause(&pause, operation_is_awaited());
    atomic_store(&end_is_expected, false);
    operation_end_beside(world);
}
