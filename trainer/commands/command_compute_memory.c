#include "trainer/commands/command.h"

#include <stdio.h>
#include <string.h>

#include "trainer/commands/json_output.h"
#include "trainer/training/memory_plan.h"
#include "trainer/training/run_lock.h"

struct compute_memory_settings {
    struct train_config train; /* first: its options have their places in it */
    int64_t ranks, ranks_per_node, vocab_size;
    bool json;
};

#define AT(member) offsetof(struct compute_memory_settings, member)

/* clang-format off */
static const struct option_spec own_options[] = {
    { .section = "memory", .key = "ranks", .type = OPTION_INTEGER, .offset = AT(ranks),
      .default_text = "0", .min = 0, .max = 1e6,
      .help = "of the run; 0: as many as this command was started with" },
    { .key = "ranks_per_node", .type = OPTION_INTEGER, .offset = AT(ranks_per_node),
      .default_text = "0", .min = 0, .max = 1e6,
      .help = "which share one copy of the parameters; 0: all ranks are on one node" },
    { .key = "vocab_size", .type = OPTION_INTEGER, .offset = AT(vocab_size), .default_text = "0",
      .min = 0, .max = 1 << 24,
      .help = "entries of the vocabulary; 0: those of the corpus' tokenizer" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "print one JSON object" },
};
/* clang-format on */

enum { OWN_OPTIONS = sizeof own_options / sizeof *own_options, MOST_OPTIONS = 80 };

/* The command's own options, then those of `eon train`, of which none is required here. */
static struct option_spec compute_memory_options[MOST_OPTIONS];

__attribute__((constructor)) static void join_options(void)
{
    int count = OWN_OPTIONS;
    memcpy(compute_memory_options, own_options, sizeof own_options);
    for (const struct option_spec *option = train_options; option->key; option++) {
        CHECK(count + 1 < MOST_OPTIONS, "'eon train' has more than %d options", MOST_OPTIONS);
        compute_memory_options[count] = *option;
        if (!option->default_text)
            compute_memory_options[count].default_text = "";
        count++;
    }
}

static void print_json(const struct memory_plan *plan, int64_t ranks)
{
    struct json *json = json_new_object(), *bytes = json_new_object();
    json_put_integer(json, "parameters", plan->parameters);
    json_put_integer(json, "ranks", ranks);
    json_put_integer(json, "rank", plan->rank);
    for (int i = 0; i < MEMORY_PARTS; i++)
        json_put_integer(bytes, memory_part_names[i], (int64_t)plan->bytes[i]);
    json_put(json, "bytes", bytes);
    json_put_integer(json, "total_bytes", (int64_t)plan->total);
    json_output_print(json, JSON_INDENTED);
    json_free(json);
}

static void print_table(const struct memory_plan *plan, const struct train_config *config,
                        int64_t ranks)
{
    printf("%s of %lld parameters in %s, micro-batch %lld x %lld, recompute %s: at its peak "
           "rank %d of %lld holds\n\n",
           model_family_names[config->family], (long long)plan->parameters,
           precision_names[config->precision], (long long)config->micro_batch,
           (long long)config->seq_len, recompute_names[config->recompute], plan->rank,
           (long long)ranks);
    for (int i = 0; i < MEMORY_PARTS; i++)
        printf("  %-12s %10.1f MB\n", memory_part_names[i], 1e-6 * (double)plan->bytes[i]);
    printf("  %-12s %10.1f MB\n", "total", 1e-6 * (double)plan->total);
}

/* What of a run does not depend on its model, for rank 0 of `ranks`. */
static enum status open_inputs(struct trainer *trainer, const struct world *world,
                               const struct compute_memory_settings *settings,
                               const struct train_config *config)
{
    if (config->corpus[0] != '\0')
        return trainer_open_inputs(trainer, world, config);
    if (settings->vocab_size == 0)
        return bad_input("cannot tell the memory of a run without its vocabulary: give --corpus, "
                         "or --vocab_size");
    trainer->config = config;
    return kernels_open(&trainer->kernels, config->kernels,
                        trainer_threads(world, config->threads));
}

static enum status make_plan(const struct world *world,
                             const struct compute_memory_settings *settings,
                             struct train_config *config, int64_t ranks, struct memory_plan *plan)
{
    TRY(train_config_complete_model(config));
    const struct world imagined = {
        .rank = 0, .size = (int)ranks, .node_rank = 0, .node_size = world->node_size
    };
    struct trainer trainer = { .run_lock = RUN_LOCK_NONE };
    enum status status = open_inputs(&trainer, &imagined, settings, config);
    if (status == STATUS_OK) {
        int64_t vocab_size = settings->vocab_size ? settings->vocab_size
                                                  : corpus_mixture_vocab_size(trainer.mixture);
        int64_t node_size = settings->ranks_per_node;
        if (node_size == 0 || node_size > ranks)
            node_size = ranks;
        status = memory_plan_make(&trainer, vocab_size, (int)ranks, (int)node_size, plan);
    }
    trainer_close(&trainer);
    return status;
}

static enum status run(const struct world *world, const void *given, const char *const *positionals,
                       int count)
{
    (void)positionals;
    (void)count;
    const struct compute_memory_settings *settings = given;
    struct train_config config = settings->train;
    const int64_t ranks = settings->ranks ? settings->ranks : world->size;
    struct memory_plan plan;
    TRY(world_agree(world, make_plan(world, settings, &config, ranks, &plan)));
    if (world->rank == 0 && settings->json)
        print_json(&plan, ranks);
    else if (world->rank == 0)
        print_table(&plan, &config, ranks);
    return STATUS_OK;
}

const struct command command_compute_memory = {
    .name = "compute --memory",
    .arguments = "[CONFIG.ini]",
    .summary = "what memory a run will need, before it starts",
    .description = "Takes the settings of 'eon train', and tells what the rank that holds the most "
                   "will hold at\n"
                   "its peak. What depends on the model is computed; what the process itself "
                   "takes, with MPI,\n"
                   "kernels, tokenizer and held-out text, is measured.\n"
                   "\n"
                   "    eon compute --memory configs/llama-350m.ini --vocab_size=32768\n"
                   "    eon compute --memory RUN/config.ini --ranks=16 --recompute=block",
    .options = compute_memory_options,
    .settings_bytes = sizeof(struct compute_memory_settings),
    .max_positionals = 1,
    .takes_config = true,
    .run_collective = run,
};
