#include "comm/reduce_trial.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "comm/gradient_tree.h"
#include "comm/mpi_check.h"
#include "comm/node_vector.h"
#include "comm/rank_pairs.h"
#include "comm/topology.h"
#include "comm/transfer.h"

/* Elements that a thread takes at once, that a message of the exchange has, and that one call of
 * MPI_Allreduce adds at most, since MPI counts in int. */
#define PIECE     ((int64_t)1 << 18)
#define MESSAGE   ((int64_t)1 << 20)
#define MPI_PIECE ((int64_t)1 << 30)

struct reduce_trial {
    const struct world *world;
    struct thread_pool *pool;
    int64_t count;
    int partner;
    struct gradient_tree *tree;
    struct node_vector *whole; /* where the sum goes */
    float *mine, *other;       /* [count]; `other` is what is written to, by all but the tree */
    MPI_Request *requests;
};

static float value_of(int64_t i, int64_t weight)
{
    return (float)(weight * (int64_t)((uint64_t)i * UINT64_C(0x9e3779b97f4a7c15) >> 60));
}

static int64_t weight_of(int rank)
{
    return 1 + rank % 4;
}

static int64_t weight_of_all(const struct world *world)
{
    int64_t sum = 0;
    for (int rank = 0; rank < world->size; rank++)
        sum += weight_of(rank);
    return sum;
}

/* What all threads do to a vector, piece by piece. */
struct vector_work {
    int64_t count, weight;
    const float *from;
    float *to;
    atomic_int_fast64_t wrong; /* the place of a wrong value, -1: none was found */
};

static int64_t end_of_piece(const struct vector_work *work, int64_t piece)
{
    int64_t end = (piece + 1) * PIECE;
    return end < work->count ? end : work->count;
}

static void fill_piece(void *context, int64_t piece, int thread)
{
    (void)thread;
    const struct vector_work *work = context;
    for (int64_t i = piece * PIECE; i < end_of_piece(work, piece); i++)
        work->to[i] = value_of(i, work->weight);
}

static void copy_piece(void *context, int64_t piece, int thread)
{
    (void)thread;
    const struct vector_work *work = context;
    int64_t begin = piece * PIECE;
    memcpy(work->to + begin, work->from + begin,
           (size_t)(end_of_piece(work, piece) - begin) * sizeof(float));
}

static void check_piece(void *context, int64_t piece, int thread)
{
    (void)thread;
    struct vector_work *work = context;
    for (int64_t i = piece * PIECE; i < end_of_piece(work, piece); i++)
        if (work->from[i] != value_of(i, work->weight))
            atomic_store(&work->wrong, i);
}

static void run_pieces(struct thread_pool *pool, thread_pool_work *work_on_piece,
                       struct vector_work *work)
{
    int64_t pieces = work->count / PIECE + (work->count % PIECE != 0);
    if (pieces > 1)
        thread_pool_run(pool, pieces, work_on_piece, work);
    else
        work_on_piece(work, 0, 0);
}

static void copy_mine(const struct reduce_trial *trial, float *to)
{
    struct vector_work work = { .count = trial->count, .from = trial->mine, .to = to };
    run_pieces(trial->pool, copy_piece, &work);
}

static void check_values(const struct reduce_trial *trial, const float *values, int64_t weight,
                         const char *whose)
{
    struct vector_work work = {
        .count = trial->count, .weight = weight, .from = values, .wrong = -1
    };
    run_pieces(trial->pool, check_piece, &work);
    int64_t i = atomic_load(&work.wrong);
    CHECK(i < 0, "%s is wrong on rank %d: element %lld of %lld is %.9g instead of %.9g", whose,
          trial->world->rank, (long long)i, (long long)trial->count, (double)values[i],
          (double)value_of(i, weight));
}

size_t reduce_trial_bytes(const struct world *world, int64_t count)
{
    return gradient_tree_bytes(world->size, count, world->rank, world->size) +
           node_vector_bytes(count, world->node_rank, world->node_size) +
           2 * (size_t)count * sizeof(float);
}

static int find_partner(const struct world *world)
{
    int *nodes = memory_alloc_zeroed((size_t)world->size, sizeof *nodes);
    int *partners = memory_alloc_zeroed((size_t)world->size, sizeof *partners);
    rank_nodes(world, nodes);
    rank_partners(nodes, world->size, partners);
    int partner = partners[world->rank];
    memory_free(partners);
    memory_free(nodes);
    return partner;
}

struct reduce_trial *reduce_trial_create(const struct world *world, struct thread_pool *pool,
                                         int64_t count)
{
    CHECK(count >= 1, "a vector of %lld floats has no sum", (long long)count);
    struct reduce_trial *trial = memory_alloc_zeroed(1, sizeof *trial);
    *trial = (struct reduce_trial){ .world = world, .pool = pool, .count = count };
    trial->partner = find_partner(world);
    trial->tree = gradient_tree_create(world, pool, world->size, count);
    trial->whole = node_vector_create(world, count);
    trial->mine = memory_alloc((size_t)count * sizeof(float));
    trial->other = memory_alloc((size_t)count * sizeof(float));
    trial->requests =
        memory_alloc_zeroed((size_t)(2 * (count / MESSAGE + 1)), sizeof *trial->requests);
    struct vector_work work = { .count = count, .weight = weight_of(world->rank) };
    work.to = trial->mine;
    run_pieces(pool, fill_piece, &work);
    copy_mine(trial, trial->other); /* touched */
    return trial;
}

void reduce_trial_free(struct reduce_trial *trial)
{
    if (!trial)
        return;
    memory_free(trial->requests);
    memory_free(trial->other);
    memory_free(trial->mine);
    node_vector_free(trial->whole);
    gradient_tree_free(trial->tree);
    memory_free(trial);
}

static double begin_together(const struct reduce_trial *trial)
{
    world_barrier(trial->world);
    return clock_seconds();
}

static void add_by_tree(struct reduce_trial *trial, double seconds[REDUCE_TIMES])
{
    gradient_tree_begin(trial->tree);
    copy_mine(trial, gradient_tree_leaf(trial->tree, trial->world->rank));

    double begun = begin_together(trial);
    gradient_tree_reduce_to(trial->tree, node_vector_values(trial->whole));
    double scattered = clock_seconds();
    node_vector_gather(trial->whole, WIRE_FP32);
    double gathered = clock_seconds();

    seconds[REDUCE_EON] = gathered - begun;
    seconds[REDUCE_EON_SCATTER] = scattered - begun;
    seconds[REDUCE_EON_GATHER] = gathered - scattered;
    check_values(trial, node_vector_values(trial->whole), weight_of_all(trial->world), "eon's sum");
}

static void add_by_mpi(struct reduce_trial *trial, double seconds[REDUCE_TIMES])
{
    double begun = begin_together(trial);
    for (int64_t at = 0; at < trial->count; at += MPI_PIECE) {
        int64_t left = trial->count - at;
        MPI_CHECK(MPI_Allreduce(trial->mine + at, trial->other + at,
                                (int)(left < MPI_PIECE ? left : MPI_PIECE), MPI_FLOAT, MPI_SUM,
                                trial->world->topology->comm));
    }
    seconds[REDUCE_MPI] = clock_seconds() - begun;
    check_values(trial, trial->other, weight_of_all(trial->world), "MPI_Allreduce's sum");
}

static int message_length(const struct reduce_trial *trial, int64_t at)
{
    int64_t left = trial->count - at;
    return (int)(left < MESSAGE ? left : MESSAGE);
}

static void exchange_with_partner(struct reduce_trial *trial, double seconds[REDUCE_TIMES])
{
    const int partner = trial->partner;
    double begun = begin_together(trial);
    if (partner != NO_PARTNER) {
        MPI_Request *next = trial->requests;
        for (int64_t at = 0; at < trial->count; at += MESSAGE)
            MPI_CHECK(MPI_Irecv(trial->other + at, message_length(trial, at), MPI_FLOAT, partner,
                                TRANSFER_TAG_TRIAL, trial->world->topology->comm, next++));
        for (int64_t at = 0; at < trial->count; at += MESSAGE)
            MPI_CHECK(MPI_Isend(trial->mine + at, message_length(trial, at), MPI_FLOAT, partner,
                                TRANSFER_TAG_TRIAL, trial->world->topology->comm, next++));
        MPI_CHECK(MPI_Waitall((int)(next - trial->requests), trial->requests, MPI_STATUSES_IGNORE));
        seconds[REDUCE_EXCHANGE] = clock_seconds() - begun;
        check_values(trial, trial->other, weight_of(partner), "what the partner sent");
    }
}

static void copy_vector(struct reduce_trial *trial, double seconds[REDUCE_TIMES])
{
    double begun = begin_together(trial);
    copy_mine(trial, trial->other);
    seconds[REDUCE_COPY] = clock_seconds() - begun;
}

void reduce_trial_run(struct reduce_trial *trial, double seconds[REDUCE_TIMES])
{
    double own[REDUCE_TIMES] = { 0 };
    add_by_tree(trial, own);
    add_by_mpi(trial, own);
    exchange_with_partner(trial, own);
    copy_vector(trial, own);
    MPI_CHECK(MPI_Allreduce(own, seconds, REDUCE_TIMES, MPI_DOUBLE, MPI_MAX,
                            trial->world->topology->comm));
}
