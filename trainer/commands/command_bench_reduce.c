#include "trainer/commands/command.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "comm/rank_pairs.h"
#include "trainer/commands/json_output.h"
#include "trainer/reports/machine_memory.h"
#include "trainer/training/reduce_bench.h"
#include "trainer/training/trainer.h"

#define DEFAULT_LARGEST (INT64_C(1) << 30)
#define SHARE_OF_MEMORY 0.9 /* of what is free now */
#define ELEMENT_BYTES   ((int64_t)sizeof(float))

enum { SIZE_TEXT_BYTES = 32 };

struct bench_reduce_options {
    int64_t min_bytes, max_bytes, factor, repeats, threads;
    bool json;
};

#define AT(member) offsetof(struct bench_reduce_options, member)

/* clang-format off */
static const struct option_spec bench_reduce_table[] = {
    { .section = "measurement", .key = "min_bytes", .type = OPTION_INTEGER, .offset = AT(min_bytes),
      .default_text = "1k", .min = 4, .max = 1e12, .unit = "bytes", .help = "the shortest vector" },
    { .key = "max_bytes", .type = OPTION_INTEGER, .offset = AT(max_bytes), .default_text = "0",
      .min = 0, .max = 1e12, .unit = "bytes",
      .help = "the longest vector; 0: 1G, or less where memory is short" },
    { .key = "factor", .type = OPTION_INTEGER, .offset = AT(factor), .default_text = "4",
      .min = 2, .max = 1024, .help = "from one length to the next" },
    { .key = "repeats", .type = OPTION_INTEGER, .offset = AT(repeats), .default_text = "5",
      .min = 1, .max = 10000,
      .help = "rounds, of which the medians are told; a short vector runs 16 times in each" },
    { .key = "threads", .type = OPTION_INTEGER, .offset = AT(threads), .default_text = "0",
      .min = 0, .max = 1024, .help = "of each rank; 0: its share of the node's cores" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "one JSON object instead of the table" },
    { 0 }
};
/* clang-format on */

/* Where the ranks are, and which links the pairs measure. */
struct layout {
    int ranks, threads, nodes, pairs, pairs_between_nodes;
};

static struct layout find_layout(const struct world *world, int threads)
{
    struct layout layout = { .ranks = world->size, .threads = threads };
    int *nodes = memory_alloc_zeroed((size_t)world->size, sizeof *nodes);
    int *partners = memory_alloc_zeroed((size_t)world->size, sizeof *partners);
    rank_nodes(world, nodes);
    rank_partners(nodes, world->size, partners);
    for (int rank = 0; rank < world->size; rank++) {
        bool is_first_of_pair = rank < partners[rank];
        layout.nodes += nodes[rank] == rank;
        layout.pairs += is_first_of_pair;
        layout.pairs_between_nodes += is_first_of_pair && nodes[rank] != nodes[partners[rank]];
    }
    memory_free(partners);
    memory_free(nodes);
    return layout;
}

static const char *size_text(int64_t bytes, char text[SIZE_TEXT_BYTES])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    int unit = 0;
    while (unit < 4 && bytes % 1024 == 0 && bytes > 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, SIZE_TEXT_BYTES, "%lld %s", (long long)bytes, units[unit]);
    return text;
}

static enum status check_memory(const struct world *world, int64_t bytes)
{
    int64_t available = machine_memory_bytes("MemAvailable"), limit = machine_memory_limit_bytes();
    if (limit >= 0 && limit < available)
        available = limit;
    const double share = SHARE_OF_MEMORY * (double)available / world->node_size;
    const double needed = (double)reduce_trial_bytes(world, bytes / ELEMENT_BYTES);
    char text[SIZE_TEXT_BYTES];
    if (available < 0 || needed <= share)
        return STATUS_OK;
    return failed("cannot add vectors of %s: a rank needs %.2f GiB, and its share of the free "
                  "memory is %.2f GiB: give a smaller --max_bytes",
                  size_text(bytes, text), needed / (double)(1 << 30), share / (double)(1 << 30));
}

/* Collective. What is asked for must fit; what nobody asked for is made to fit. */
static enum status choose_largest(const struct world *world,
                                  const struct bench_reduce_options *options, int64_t *largest)
{
    *largest = options->max_bytes;
    if (*largest > 0 && *largest < options->min_bytes)
        return bad_input("--max_bytes=%lld is less than --min_bytes=%lld", (long long)*largest,
                         (long long)options->min_bytes);
    if (*largest > 0)
        return world_agree(world, check_memory(world, *largest));

    *largest = DEFAULT_LARGEST > options->min_bytes ? DEFAULT_LARGEST : options->min_bytes;
    enum status status = world_agree(world, check_memory(world, *largest));
    while (status != STATUS_OK && *largest / 2 >= options->min_bytes) {
        *largest /= 2;
        status = world_agree(world, check_memory(world, *largest));
    }
    char text[SIZE_TEXT_BYTES];
    if (status == STATUS_OK && *largest < DEFAULT_LARGEST)
        log_info("note: memory is free for vectors of up to %s", size_text(*largest, text));
    return status;
}

static const char *plural(int count)
{
    return count == 1 ? "" : "s";
}

static void print_head(const struct layout *layout, int64_t repeats)
{
    printf("%d rank%s of %d thread%s on %d node%s, %lld rounds; %d pair%s, of which %d between "
           "nodes\n"
           "exchange: the vector to the partner and the partner's back at once, in messages of "
           "4 MiB\n"
           "copy: every rank its own vector, all at once, by memcpy\n"
           "last column: how many times as fast eon is\n\n",
           layout->ranks, plural(layout->ranks), layout->threads, plural(layout->threads),
           layout->nodes, plural(layout->nodes), (long long)repeats, layout->pairs,
           plural(layout->pairs), layout->pairs_between_nodes);
    printf("  %10s  %-19s %12s %6s %10s %9s %8s\n", "vector", "", "ms", "+- %", "GB/s", "bus GB/s",
           "eon");
}

/* Bytes a second; 0 where nothing was timed. */
static double bandwidth(const struct reduce_bench_result *result, int time)
{
    double seconds = result->seconds[time].median;
    return seconds > 0 ? (double)result->bytes / seconds : 0;
}

static void print_result(const struct layout *layout, const struct reduce_bench_result *result)
{
    char text[SIZE_TEXT_BYTES];
    for (int time = 0; time < REDUCE_TIMES; time++) {
        if (time == REDUCE_EXCHANGE && layout->pairs == 0)
            continue;
        double rate = 1e-9 * bandwidth(result, time);
        printf("  %10s  %-19s %12.4f %6.1f %10.3f %9.3f", size_text(result->bytes, text),
               reduce_time_names[time], 1e3 * result->seconds[time].median,
               100 * result->seconds[time].spread, rate,
               rate * reduce_bench_bus_factor((enum reduce_time)time, layout->ranks));
        if (time == REDUCE_MPI || time == REDUCE_COPY)
            printf(" %6.2f x", (time == REDUCE_MPI ? result->to_mpi : result->to_copy).median);
        printf("\n");
    }
    fflush(stdout);
}

static struct json *ratio_to_json(struct measured ratio)
{
    struct json *json = json_new_object();
    json_put_number(json, "median", ratio.median);
    json_put_number(json, "spread", ratio.spread);
    return json;
}

static struct json *result_to_json(const struct layout *layout,
                                   const struct reduce_bench_result *result)
{
    static const char *const keys[REDUCE_TIMES] = {
        [REDUCE_EON] = "eon",
        [REDUCE_EON_SCATTER] = "eon_reduce_scatter",
        [REDUCE_EON_GATHER] = "eon_gather",
        [REDUCE_MPI] = "mpi_allreduce",
        [REDUCE_EXCHANGE] = "exchange",
        [REDUCE_COPY] = "copy",
    };
    struct json *json = json_new_object();
    json_put_integer(json, "bytes", result->bytes);
    for (int time = 0; time < REDUCE_TIMES; time++) {
        if (time == REDUCE_EXCHANGE && layout->pairs == 0)
            continue;
        struct json *timed = json_new_object();
        double rate = bandwidth(result, time);
        json_put_number(timed, "seconds", result->seconds[time].median);
        json_put_number(timed, "spread", result->seconds[time].spread);
        json_put_number(timed, "algorithm_bytes_per_second", rate);
        json_put_number(timed, "bus_bytes_per_second",
                        rate * reduce_bench_bus_factor((enum reduce_time)time, layout->ranks));
        json_put(json, keys[time], timed);
    }
    json_put(json, "eon_to_mpi_allreduce", ratio_to_json(result->to_mpi));
    json_put(json, "eon_to_copy", ratio_to_json(result->to_copy));
    return json;
}

static void print_json(const struct layout *layout, int64_t repeats, struct json *sizes)
{
    struct json *json = json_new_object();
    json_put_integer(json, "ranks", layout->ranks);
    json_put_integer(json, "threads", layout->threads);
    json_put_integer(json, "nodes", layout->nodes);
    json_put_integer(json, "pairs", layout->pairs);
    json_put_integer(json, "pairs_between_nodes", layout->pairs_between_nodes);
    json_put_integer(json, "repeats", repeats);
    json_put(json, "sizes", sizes);
    json_output_print(json, JSON_COMPACT);
    json_free(json);
}

static void measure(const struct world *world, const struct bench_reduce_options *options,
                    int64_t largest)
{
    const int threads = trainer_threads(world, options->threads);
    const struct layout layout = find_layout(world, threads);
    const bool prints_table = world->rank == 0 && !options->json;
    struct thread_pool *pool = thread_pool_create(threads);
    struct json *sizes = json_new_array();
    if (prints_table)
        print_head(&layout, options->repeats);
    for (int64_t bytes = options->min_bytes; bytes <= largest; bytes *= options->factor) {
        struct reduce_bench_result result;
        reduce_bench_run(world, pool, bytes - bytes % ELEMENT_BYTES, options->repeats, &result);
        if (prints_table)
            print_result(&layout, &result);
        json_append(sizes, result_to_json(&layout, &result));
    }
    thread_pool_free(pool);
    if (world->rank == 0 && options->json)
        print_json(&layout, options->repeats, sizes);
    else
        json_free(sizes);
}

static enum status run(const struct world *world, const void *given, const char *const *positionals,
                       int count)
{
    (void)positionals;
    (void)count;
    const struct bench_reduce_options *options = given;
    int64_t largest;
    TRY(choose_largest(world, options, &largest));
    measure(world, options, largest);
    return STATUS_OK;
}

const struct command command_bench_reduce = {
    .name = "bench reduce",
    .arguments = "",
    .summary = "measure the sum over ranks beside MPI_Allreduce and the machine's limits",
    .description =
        "Adds vectors of growing length over all ranks: as a training step does (along the tree,\n"
        "each rank its slice, then the slices to all), by MPI_Allreduce, and beside them what\n"
        "bounds both: an exchange between pairs of ranks, on different nodes where there are\n"
        "several, and a copy of as many bytes. All in turn, round by round; tells the medians,\n"
        "algorithm and bus bandwidth as NCCL's tests define them, and how many times as fast eon\n"
        "is. Every sum is checked; a wrong one ends the run. docs/benchmarks.md says how.\n"
        "\n"
        "    mpirun -n 4 eon bench reduce --min_bytes=1M --max_bytes=256M --repeats=9",
    .options = bench_reduce_table,
    .settings_bytes = sizeof(struct bench_reduce_options),
    .run_collective = run,
};
