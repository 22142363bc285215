#include "comm/exchange_tuning.h"

#include "base/clock.h"
#include "base/memory.h"
#include "comm/gradient_tree.h"

const int64_t exchange_lengths[EXCHANGE_LENGTHS] = { 16384, 32768, 65536 };

enum { TRIALS = 2 /* after one that is not counted */ };
#define TRIAL_ELEMENTS ((int64_t)4 << 20)

/* Collective. Seconds of one reduction, on the rank where it takes longest. */
static double reduce_once(const struct world *world, struct gradient_tree *tree, double *all)
{
    gradient_tree_begin(tree);
    gradient_tree_leaf(tree, world->rank);
    world_barrier(world);
    const double begun_s = clock_seconds();
    gradient_tree_reduce(tree);
    double mine = clock_seconds() - begun_s, longest = 0;
    world_gather_all(world, &mine, sizeof mine, all);
    for (int rank = 0; rank < world->size; rank++)
        longest = all[rank] > longest ? all[rank] : longest;
    return longest;
}

int exchange_choose(const double seconds[EXCHANGE_LENGTHS])
{
    double least = seconds[0];
    int chosen = 0;
    for (int i = 1; i < EXCHANGE_LENGTHS; i++)
        least = seconds[i] < least ? seconds[i] : least;
    for (int i = 0; i < EXCHANGE_LENGTHS; i++)
        if (seconds[i] <= EXCHANGE_ALIKE * least)
            chosen = i;
    return chosen;
}

struct exchange_tuning exchange_tune(const struct world *world, struct thread_pool *pool,
                                     int64_t count, enum wire wire)
{
    struct exchange_tuning tuning = { 0 };
    if (world->node_size == world->size)
        return tuning;
    const int64_t one_round = world->size * SLICE_BLOCK;
    const int64_t wanted = TRIAL_ELEMENTS > one_round ? TRIAL_ELEMENTS : one_round;
    struct gradient_tree *tree =
        gradient_tree_create(world, pool, world->size, count < wanted ? count : wanted);
    double *all = memory_alloc((size_t)world->size * sizeof *all);
    for (int i = 0; i < EXCHANGE_LENGTHS; i++) {
        gradient_tree_set_wire(tree, wire, exchange_lengths[i]);
        reduce_once(world, tree, all);
        for (int trial = 0; trial < TRIALS; trial++)
            tuning.seconds[i] += reduce_once(world, tree, all) / TRIALS;
    }
    memory_free(all);
    gradient_tree_free(tree);
    tuning.block = exchange_lengths[exchange_choose(tuning.seconds)];
    return tuning;
}
