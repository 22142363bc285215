#include "trainer/training/memory_plan.h"

#include <stdio.h>
#include <unistd.h>

#include "checkpoints/write_queue.h"
#include "comm/groups.h"

const char *const memory_part_names[MEMORY_PARTS] = { "parameters",  "gradient", "optimizer",
                                                      "activations", "kernels",  "batches",
                                                      "saving",      "process" };

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

/* Of the first group that a rank carries: the others are like it. */
static struct world world_of_group(const struct train_config *config, const struct world *world)
{
    if (world->size < config->groups)
        return (struct world){ .size = 1, .node_size = 1 };
    const int64_t group = groups_of_rank(config->groups, world->rank, world->size).first;
    const int first = groups_first_rank(config->groups, group, world->size);
    const int end = groups_first_rank(config->groups, group + 1, world->size);
    const int node = world->rank - world->node_rank, node_end = node + world->node_size;
    const int first_here = first > node ? first : node, end_here = end < node_end ? end : node_end;
    return (struct world){ .rank = world->rank - first,
                           .size = end - first,
                           .node_rank = world->rank - first_here,
                           .node_size = end_here - first_here };
}

/* Parameters, gradients and optimizers. */
static void plan_state(const struct train_config *config, const struct tensor_table *table,
                       const struct world *world, const struct world *group,
                       struct memory_plan *plan)
{
    const int64_t count = table->element_count;
    const struct leaf_range carried = groups_of_rank(config->groups, world->rank, world->size);
    const size_t groups = (size_t)(carried.end - carried.first);
    const struct optimizer_settings optimizer = train_config_optimizer(config);
    plan->bytes[MEMORY_PARAMETERS] = node_vector_bytes(count, world->node_rank, world->node_size);
    plan->bytes[MEMORY_GRADIENT] = groups * gradient_tree_bytes(config->leaves / config->groups,
                                                                count, group->rank, group->size);
    plan->bytes[MEMORY_OPTIMIZER] =
        groups * (config->shard_optimizer
                      ? optimizer_bytes(&optimizer, table, group->rank, group->size)
                      : optimizer_bytes(&optimizer, table, group->node_rank, group->node_size));
    if (!config->shard_optimizer)
        plan->bytes[MEMORY_GRADIENT] +=
            groups * node_vector_bytes(count, group->node_rank, group->node_size);
    if (config->groups == 1)
        return;
    plan->bytes[MEMORY_PARAMETERS] +=
        groups * node_vector_bytes(count, group->node_rank, group->node_size);
    plan->bytes[MEMORY_GRADIENT] +=
        outer_step_change_bytes(config, count, world->rank, world->size);
    plan->bytes[MEMORY_OPTIMIZER] += outer_step_momentum_bytes(table, world->rank, world->size);
}

/* Its part of each file of parameters, and all of its optimizer's; of a local save, which is the
 * larger, the node's ranks alone share the parameters, and as much comes from the node before. */
static size_t saving_bytes(const struct train_config *config, int64_t count,
                           const struct world *world, const struct world *group, size_t groups,
                           size_t optimizer)
{
    const bool is_local = config->local_save_every > 0;
    const int sharers = is_local ? world->node_size : world->size;
    const int group_sharers = is_local ? group->node_size : group->size;
    size_t bytes = (size_t)(count / sharers) * sizeof(float) + optimizer;
    if (config->groups > 1)
        bytes += groups * (size_t)(count / group_sharers) * sizeof(float);
    if (is_local && world->node_size < world->size)
        bytes += optimizer;
    bytes = (bytes + WRITE_BLOCK - 1) / WRITE_BLOCK * WRITE_BLOCK;
    const size_t asked = (size_t)config->save_memory_bytes / WRITE_BLOCK * WRITE_BLOCK;
    const size_t bound = asked < 2 * WRITE_BLOCK ? 2 * WRITE_BLOCK : asked;
    return config->save_memory_bytes > 0 && bound < bytes ? bound : bytes;
}

static void plan_rank(const struct train_config *config, const struct model_config *model,
                      const struct tensor_table *table, int rank, int ranks, int node_size,
                      struct memory_plan *plan)
{
    const int sharing = config->share_memory ? node_size : 1;
    const struct world world = {
        .rank = rank, .size = ranks, .node_rank = rank % sharing, .node_size = sharing
    };
    const struct world group = world_of_group(config, &world);
    const struct leaf_range own = train_group_all_leaves(config, rank, ranks);
    const struct activations_plan activations =
        train_config_activations(config, own.end - own.first, group.node_size);
    const struct batch_stream_plan reading = trainer_reading(config, own);
    plan->rank = rank;
    plan_state(config, table, &world, &group, plan);
    plan->bytes[MEMORY_ACTIVATIONS] =
        activations_bytes(model, &activations) - activations_bytes_lent(model, &activations);
    plan->bytes[MEMORY_BATCHES] = batch_stream_bytes(&reading);
    const struct leaf_range carried = groups_of_rank(config->groups, rank, ranks);
    plan->bytes[MEMORY_SAVING] =
        saving_bytes(config, table->element_count, &world, &group,
                     (size_t)(carried.end - carried.first), plan->bytes[MEMORY_OPTIMIZER]);
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
