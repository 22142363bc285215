#include "trainer/training/reduce_bench.h"

#include "base/memory.h"

const char *const reduce_time_names[REDUCE_TIMES] = {
    [REDUCE_EON] = "eon",
    [REDUCE_EON_SCATTER] = "eon, reduce-scatter",
    [REDUCE_EON_GATHER] = "eon, gather",
    [REDUCE_MPI] = "MPI_Allreduce",
    [REDUCE_EXCHANGE] = "exchange of pairs",
    [REDUCE_COPY] = "copy",
};

/* A short vector is added so often that a round takes no less than a longer one. */
#define ROUND_BYTES ((int64_t)1 << 20)
enum { MOST_RUNS = 16 };

/* The figures of a run, in columns of as many values as there are runs. */
enum { COLUMN_TO_MPI = REDUCE_TIMES, COLUMN_TO_COPY, COLUMNS };

static int64_t runs_of_round(int64_t bytes)
{
    int64_t runs = ROUND_BYTES / bytes;
    return runs < 1 ? 1 : runs > MOST_RUNS ? MOST_RUNS : runs;
}

void reduce_bench_run(const struct world *world, struct thread_pool *pool, int64_t bytes,
                      int64_t repeats, struct reduce_bench_result *result)
{
    const int64_t runs = repeats * runs_of_round(bytes);
    double *columns = memory_alloc_zeroed((size_t)(COLUMNS * runs), sizeof *columns);
    double figures[COLUMNS];
    struct reduce_trial *trial = reduce_trial_create(world, pool, bytes / (int64_t)sizeof(float));

    reduce_trial_run(trial, figures); /* connections are made, memory is touched */
    for (int64_t run = 0; run < runs; run++) {
        reduce_trial_run(trial, figures);
        figures[COLUMN_TO_MPI] = figures[REDUCE_MPI] / figures[REDUCE_EON];
        figures[COLUMN_TO_COPY] = figures[REDUCE_COPY] / figures[REDUCE_EON];
        for (int i = 0; i < COLUMNS; i++)
            columns[i * runs + run] = figures[i];
    }
    reduce_trial_free(trial);

    *result = (struct reduce_bench_result){ .bytes = bytes };
    for (int i = 0; i < REDUCE_TIMES; i++)
        result->seconds[i] = measured_of(columns + i * runs, runs);
    result->to_mpi = measured_of(columns + COLUMN_TO_MPI * runs, runs);
    result->to_copy = measured_of(columns + COLUMN_TO_COPY * runs, runs);
    memory_free(columns);
}

double reduce_bench_bus_factor(enum reduce_time time, int ranks)
{
    const double share = (double)(ranks - 1) / ranks;
    switch (time) {
    case REDUCE_EON:
    case REDUCE_MPI:
        return 2 * share;
    case REDUCE_EON_SCATTER:
    case REDUCE_EON_GATHER:
        return share;
    default:
        return 1;
    }
}
