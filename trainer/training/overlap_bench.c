#include "trainer/training/overlap_bench.h"

#include "base/memory.h"

enum column {
    APART,
    BESIDE,
    REDUCTION,
    GATHERING,
    EXPOSED_REDUCTION,
    EXPOSED_GATHERING,
    HIDEABLE,
    HIDDEN_SHARE,
    COLUMNS
};

struct side {
    double seconds, reduction_s, gathering_s, forward_s, backward_s;
};

/* Collective. Of each figure the longest of all ranks. */
static struct side measure(const struct world *world, struct sample_step *sample, bool is_beside)
{
    enum { FIGURES = sizeof(struct side) / sizeof(double) };
    union {
        struct side side;
        double figures[FIGURES];
    } mine = { .side = { 0 } };
    struct sample_times times;
    world_barrier(world);
    sample_step_run(sample, is_beside, &times);
    for (int i = 0; i < PHASES; i++)
        mine.side.seconds += times.phases[i];
    mine.side.reduction_s = times.reduction_s;
    mine.side.gathering_s = times.gathering_s;
    mine.side.forward_s = times.phases[PHASE_FORWARD];
    mine.side.backward_s = times.phases[PHASE_BACKWARD];

    double *all = memory_alloc_zeroed((size_t)world->size, sizeof mine);
    world_gather_all(world, mine.figures, sizeof mine, all);
    for (int rank = 0; rank < world->size; rank++)
        for (int i = 0; i < FIGURES; i++)
            if (all[rank * FIGURES + i] > mine.figures[i])
                mine.figures[i] = all[rank * FIGURES + i];
    memory_free(all);
    return mine.side;
}

static double shorter(double a, double b)
{
    return a < b ? a : b;
}

/* Two steps beside: the first leaves parameters for the second to gather. */
static void run_round(const struct world *world, struct sample_step *sample, double *figures)
{
    const double layers = 1.0 - sample_step_embedded(sample);
    const struct side apart = measure(world, sample, false);
    measure(world, sample, true);
    const struct side beside = measure(world, sample, true);
    const double hidden_s =
        apart.reduction_s - beside.reduction_s + apart.gathering_s - beside.gathering_s;
    figures[APART] = apart.seconds;
    figures[BESIDE] = beside.seconds;
    figures[REDUCTION] = apart.reduction_s;
    figures[GATHERING] = apart.gathering_s;
    figures[EXPOSED_REDUCTION] = beside.reduction_s;
    figures[EXPOSED_GATHERING] = beside.gathering_s;
    figures[HIDEABLE] = shorter(layers * apart.reduction_s, apart.backward_s) +
                        shorter(layers * apart.gathering_s, apart.forward_s);
    figures[HIDDEN_SHARE] = hidden_s / figures[HIDEABLE];
}

void overlap_bench_run(const struct world *world, struct sample_step *sample, int64_t rounds,
                       struct overlap_bench_result *result)
{
    double *columns = memory_alloc_zeroed((size_t)(COLUMNS * rounds), sizeof *columns);
    double figures[COLUMNS];
    struct measured *const results[COLUMNS] = {
        [APART] = &result->apart,
        [BESIDE] = &result->beside,
        [REDUCTION] = &result->reduction,
        [GATHERING] = &result->gathering,
        [EXPOSED_REDUCTION] = &result->exposed_reduction,
        [EXPOSED_GATHERING] = &result->exposed_gathering,
        [HIDEABLE] = &result->hideable,
        [HIDDEN_SHARE] = &result->hidden_share,
    };
    for (int64_t round = 0; round < rounds; round++) {
        run_round(world, sample, figures);
        for (int i = 0; i < COLUMNS; i++)
            columns[i * rounds + round] = figures[i];
    }
    for (int i = 0; i < COLUMNS; i++)
        *results[i] = measured_of(columns + i * rounds, rounds);
    memory_free(columns);
}
