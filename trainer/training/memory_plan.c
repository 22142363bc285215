#include "trainer/training/memory_plan.h"

#include <stdio.h>
#include <unistd.h>

const char *const memory_part_names[MEMORY_PARTS] = { "parameters",  "gradient", "optimizer",
                                                      "activations", "kernels",  "batches",
                                                      "process" };

/* What this process holds now. */
static size_t resident_bytes(void)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%*d %lld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void plan_rank(const struct train_config *config, const struct model_config *model,
                      const struct tensor_table *table, int rank, int ranks, int node_size,
                      struct memory_plan *plan)
{
    const struct leaf_range own = leaf_range_of_rank(config->leaves, rank, ranks);
    const struct activations_plan activations =
        train_config_activations(config, own.end - own.first, node_size);
    const struct optimizer_settings optimizer = train_config_optimizer(config);
    const struct batch_stream_plan reading = trainer_reading(config, own);
    plan->rank = rank;
    plan->bytes[MEMORY_PARAMETERS] =
        node_vector_bytes(table->element_count, rank % node_size, node_size);
    plan->bytes[MEMORY_GRADIENT] =
        gradient_tree_bytes(config->leaves, table->element_count, rank, ranks);
    plan->bytes[MEMORY_OPTIMIZER] = optimizer_bytes(&optimizer, table, rank, ranks);
    plan->bytes[MEMORY_ACTIVATIONS] =
        activations_bytes(model, &activations) - activations_bytes_lent(model, &activations);
    plan->bytes[MEMORY_BATCHES] = batch_stream_bytes(&reading);
    plan->total = 0;
    for (int i = 0; i < MEMORY_PARTS; i++)
        plan->total += plan->bytes[i];
}

enum status memory_plan_make(const struct trainer *trainer, int64_t vocab_size, int ranks,
                             int node_size, struct memory_plan *plan)
{
    const struct train_config *config = trainer->config;
    const struct model_config model = train_config_model(config, vocab_size);
    TRY(model_config_check(&model));

    struct tensor_table table;
    tensor_table_init(&table, &model);
    *plan = (struct memory_plan){ .parameters = table.element_count };
    plan->bytes[MEMORY_KERNELS] = kernels_scratch_bytes(&trainer->kernels);
    plan->bytes[MEMORY_PROCESS] = resident_bytes();

    struct memory_plan candidate = *plan;
    for (int rank = 0; rank < ranks; rank++) {
        plan_rank(config, &model, &table, rank, ranks, node_size, &candidate);
        if (candidate.total > plan->total)
            *plan = candidate;
    }
    tensor_table_release(&table);
    return STATUS_OK;
}
