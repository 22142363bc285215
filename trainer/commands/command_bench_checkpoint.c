/* eon bench checkpoint: how long saving and loading take, beside the disk and PyTorch. */
#include <stdio.h>

#include "base/memory.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/commands/torch_peer.h"
#include "trainer/training/save_bench.h"

struct bench_checkpoint_settings {
    int64_t layers, width, heads, vocab_size, max_positions, repeats, threads;
    char *folder, *python;
    bool json;
};

#define AT(member) offsetof(struct bench_checkpoint_settings, member)

/* clang-format off */
static const struct option_spec bench_checkpoint_table[] = {
    { .section = "model", .key = "layers", .type = OPTION_INTEGER, .offset = AT(layers),
      .default_text = "12", .min = 1, .max = 1024, .help = "of a gpt2, with AdamW's moments" },
    { .key = "width", .type = OPTION_INTEGER, .offset = AT(width), .default_text = "768",
      .min = 1, .max = 1048576, .help = "of the residual stream" },
    { .key = "heads", .type = OPTION_INTEGER, .offset = AT(heads), .default_text = "12",
      .min = 1, .max = 65536, .help = "of attention" },
    { .key = "vocab_size", .type = OPTION_INTEGER, .offset = AT(vocab_size),
      .default_text = "50257", .min = 2, .max = 16777216, .help = "entries of the embedding" },
    { .key = "max_positions", .type = OPTION_INTEGER, .offset = AT(max_positions),
      .default_text = "1024", .min = 1, .max = 1048576, .help = "rows of the position table" },
    { .section = "measurement", .key = "folder", .type = OPTION_TEXT, .offset = AT(folder),
      .default_text = ".", .help = "on the disk that is measured; what is made there is removed" },
    { .key = "python", .type = OPTION_TEXT, .offset = AT(python), .default_text = "",
      .help = "interpreter that has PyTorch, which is measured too; empty: none" },
    { .key = "repeats", .type = OPTION_INTEGER, .offset = AT(repeats), .default_text = "5",
      .min = 1, .max = 10000, .help = "rounds, of which the medians are told" },
    { .key = "threads", .type = OPTION_INTEGER, .offset = AT(threads), .default_text = "0",
      .min = 0, .max = 1024, .help = "of each rank; 0: its share of the node's cores" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "one JSON object instead of the table" },
    { 0 }
};
/* clang-format on */

/* Of each round; then ratios within it. */
enum figure {
    OF_TORCH = SAVE_TIMES,
    COMMIT_TO_PLAIN = OF_TORCH + TORCH_TIMES, /* the faster of both plain ways */
    READ_TO_LOAD,
    TORCH_TO_COMMIT,
    DCP_TO_COMMIT,
    TORCH_TO_LOAD,
    DCP_TO_LOAD,
    FIGURES
};

static const char *const figure_names[FIGURES] = {
    [SAVE_PLAIN_CACHED] = "plain_write",
    [SAVE_PLAIN_DIRECT] = "plain_direct_write",
    [SAVE_TAKING] = "taking",
    [SAVE_COMMIT] = "commit",
    [SAVE_PLAIN_READ] = "plain_read",
    [SAVE_LOAD] = "load",
    [OF_TORCH + TORCH_SAVE] = "torch_save",
    [OF_TORCH + TORCH_LOAD] = "torch_load",
    [OF_TORCH + TORCH_DCP_SAVE] = "torch_distributed_save",
    [OF_TORCH + TORCH_DCP_LOAD] = "torch_distributed_load",
    [COMMIT_TO_PLAIN] = "commit_to_plain_write",
    [READ_TO_LOAD] = "plain_read_to_load",
    [TORCH_TO_COMMIT] = "torch_save_to_commit",
    [DCP_TO_COMMIT] = "torch_distributed_save_to_commit",
    [TORCH_TO_LOAD] = "torch_load_to_load",
    [DCP_TO_LOAD] = "torch_distributed_load_to_load",
};

static double plain_write(const double *figures)
{
    const double cached = figures[SAVE_PLAIN_CACHED], direct = figures[SAVE_PLAIN_DIRECT];
    return direct > 0 && direct < cached ? direct : cached;
}

static enum status run_round(const struct world *world,
                             const struct bench_checkpoint_settings *settings,
                             struct save_bench *bench, double figures[FIGURES])
{
    const double *torch = figures + OF_TORCH;
    enum status status = STATUS_OK;
    for (int i = 0; i < FIGURES; i++)
        figures[i] = 0;
    TRY(save_bench_round(bench, figures));
    if (world->rank == 0 && settings->python[0] != '\0')
        status = torch_peer_run(settings->python, settings->folder, save_bench_bytes(bench),
                                world->size, figures + OF_TORCH);
    TRY(world_agree(world, status));
    figures[COMMIT_TO_PLAIN] = figures[SAVE_COMMIT] / plain_write(figures);
    figures[READ_TO_LOAD] = figures[SAVE_PLAIN_READ] / figures[SAVE_LOAD];
    figures[TORCH_TO_COMMIT] = torch[TORCH_SAVE] / figures[SAVE_COMMIT];
    figures[DCP_TO_COMMIT] = torch[TORCH_DCP_SAVE] / figures[SAVE_COMMIT];
    figures[TORCH_TO_LOAD] = torch[TORCH_LOAD] / figures[SAVE_LOAD];
    figures[DCP_TO_LOAD] = torch[TORCH_DCP_LOAD] / figures[SAVE_LOAD];
    return STATUS_OK;
}

/* A first round, which finds memory and disk space, is not counted. */
static enum status run_rounds(const struct world *world,
                              const struct bench_checkpoint_settings *settings,
                              struct save_bench *bench, struct measured results[FIGURES])
{
    const int64_t repeats = settings->repeats;
    double figures[FIGURES];
    double *columns = memory_alloc_zeroed((size_t)(FIGURES * repeats), sizeof *columns);
    enum status status = save_bench_round(bench, figures);
    for (int64_t round = 0; round < repeats && status == STATUS_OK; round++) {
        status = run_round(world, settings, bench, figures);
        for (int i = 0; i < FIGURES && status == STATUS_OK; i++)
            columns[i * repeats + round] = figures[i];
    }
    for (int i = 0; i < FIGURES; i++)
        results[i] = measured_of(columns + i * repeats, repeats);
    memory_free(columns);
    return status;
}

static void print_row(const char *name, const struct measured *seconds, double bytes,
                      const struct measured *ratio, const char *of)
{
    if (seconds->median <= 0)
        return;
    printf("  %-38s %8.3f %6.1f %8.2f", name, seconds->median, 100 * seconds->spread,
           1e-9 * bytes / seconds->median);
    if (ratio && ratio->median > 0)
        printf("   %.2f %s", ratio->median, of);
    printf("\n");
}

static void print_table(const struct bench_checkpoint_settings *settings, int ranks, double bytes,
                        const struct measured *results)
{
    const struct measured *torch = results + OF_TORCH;
    printf("%.2f GB of state, %d rank%s, %lld rounds, in '%s'\n\n", 1e-9 * bytes, ranks,
           ranks == 1 ? "" : "s", (long long)settings->repeats, settings->folder);
    printf("  %-38s %8s %6s %8s\n", "", "s", "+- %", "GB/s");
    print_row("plain file, written and synced", &results[SAVE_PLAIN_CACHED], bytes, NULL, "");
    print_row("the same past the page cache", &results[SAVE_PLAIN_DIRECT], bytes, NULL, "");
    print_row("eon: state taken, training goes on", &results[SAVE_TAKING], bytes, NULL, "");
    print_row("eon: committed", &results[SAVE_COMMIT], bytes, &results[COMMIT_TO_PLAIN],
              "of the faster plain file's time");
    print_row("torch.save, synced", &torch[TORCH_SAVE], bytes, &results[TORCH_TO_COMMIT],
              "of eon's");
    print_row("torch.distributed.checkpoint, synced", &torch[TORCH_DCP_SAVE], bytes,
              &results[DCP_TO_COMMIT], "of eon's");
    print_row("plain files, read", &results[SAVE_PLAIN_READ], bytes, NULL, "");
    print_row("eon: loaded and checked", &results[SAVE_LOAD], bytes, &results[READ_TO_LOAD],
              "of plain reading's speed");
    print_row("torch.load", &torch[TORCH_LOAD], bytes, &results[TORCH_TO_LOAD], "of eon's");
    print_row("torch.distributed.checkpoint, loaded", &torch[TORCH_DCP_LOAD], bytes,
              &results[DCP_TO_LOAD], "of eon's");
}

static void print_json(const struct bench_checkpoint_settings *settings, int ranks, int64_t bytes,
                       const struct measured *results)
{
    struct json *json = json_new_object();
    json_put_integer(json, "bytes", bytes);
    json_put_integer(json, "ranks", ranks);
    json_put_integer(json, "repeats", settings->repeats);
    for (int i = 0; i < FIGURES; i++) {
        struct json *figure = json_new_object();
        if (results[i].median > 0) {
            json_put_number(figure, "median", results[i].median);
            json_put_number(figure, "spread", results[i].spread);
            json_put(json, figure_names[i], figure);
        } else {
            json_free(figure);
        }
    }
    json_output_print(json, JSON_COMPACT);
    json_free(json);
}

static enum status run(const struct world *world, const void *given, const char *const *positionals,
                       int count)
{
    const struct bench_checkpoint_settings *settings = given;
    const struct model_config model = {
        .family = FAMILY_GPT2,
        .vocab_size = settings->vocab_size,
        .max_positions = settings->max_positions,
        .layers = settings->layers,
        .width = settings->width,
        .heads = settings->heads,
        .kv_heads = settings->heads,
        .ffn_width = 4 * settings->width,
        .norm_epsilon = 1e-5,
        .tied_head = true,
    };
    struct measured results[FIGURES];
    struct save_bench *bench = NULL;
    (void)positionals;
    (void)count;
    TRY(model_config_check(&model));
    struct thread_pool *pool = thread_pool_create(trainer_threads(world, settings->threads));
    enum status status = save_bench_open(world, pool, &model, settings->folder, &bench);
    if (status == STATUS_OK)
        status = run_rounds(world, settings, bench, results);
    const int64_t bytes = save_bench_bytes(bench);
    save_bench_close(bench);
    thread_pool_free(pool);
    if (status == STATUS_OK && world->rank == 0 && settings->json)
        print_json(settings, world->size, bytes, results);
    else if (status == STATUS_OK && world->rank == 0)
        print_table(settings, world->size, (double)bytes, results);
    return status;
}

const struct command command_bench_checkpoint = {
    .name = "bench checkpoint",
    .arguments = "",
    .summary = "measure saving and loading beside the disk, and PyTorch",
    .description =
        "Saves and loads the state of a model as training does, in turn with plain files of as\n"
        "many bytes on the same disk: written in one go and synced, as dd does, and read. With\n"
        "--python also with torch.save and torch.distributed.checkpoint, in as many processes as\n"
        "there are ranks. What is read was dropped from the page cache before.\n"
        "\n"
        "    mpirun -n 2 eon bench checkpoint --folder=/scratch --python=build/peers/bin/python\n",
    .options = bench_checkpoint_table,
    .settings_bytes = sizeof(struct bench_checkpoint_settings),
    .run_collective = run,
};
