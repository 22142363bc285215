#include "trainer/training/train_group.h"

#include <stdio.h>
#include <string.h>

#include "comm/groups.h"
#include "comm/subworld.h"
#include "trainer/training/trainer.h"

struct leaf_range train_group_leaves(const struct train_config *config, int64_t group, int rank,
                                     int size)
{
    const int64_t each = config->leaves / config->groups, before = group * each;
    if (size < config->groups)
        return (struct leaf_range){ before, before + each };
    const int first = groups_first_rank(config->groups, group, size);
    const int end = groups_first_rank(config->groups, group + 1, size);
    const struct leaf_range own = leaf_range_of_rank(each, rank - first, end - first);
    return (struct leaf_range){ before + own.first, before + own.end };
}

struct leaf_range train_group_all_leaves(const struct train_config *config, int rank, int size)
{
    const struct leaf_range own = groups_of_rank(config->groups, rank, size);
    return (struct leaf_range){ train_group_leaves(config, own.first, rank, size).first,
                                train_group_leaves(config, own.end - 1, rank, size).end };
}

static bool is_apart(const struct train_group *group)
{
    return group->prefix[0] != '\0';
}

void train_group_join(struct train_group *group, struct trainer *trainer, int64_t number)
{
    const struct train_config *config = trainer->config;
    const struct world *world = trainer->world;
    *group = (struct train_group){
        .number = number,
        .world = world,
        .first_leaf = number * (config->leaves / config->groups),
        .leaves = train_group_leaves(config, number, world->rank, world->size),
        .model = &trainer->model,
    };
    if (config->groups == 1)
        return;
    snprintf(group->prefix, sizeof group->prefix, "group.%lld.", (long long)number);
    groups_join(world, config->groups, number, &group->own_world);
    group->world = &group->own_world;
    group->model = &group->own_model;
}

/* Who updates the parameters: all ranks of the group, or on each of its nodes the ranks there. */
static void join_updaters(struct train_group *group, const struct train_config *config)
{
    group->updaters = group->world;
    const bool is_one_of_many = group->world->size == 1 && !group->world->counts_alone;
    if (config->shard_optimizer || is_one_of_many)
        return;
    subworld_node(group->world, &group->own_node);
    group->updaters = &group->own_node;
}

bool train_group_saves_moments(const struct train_group *group)
{
    return group->updaters->first_rank == group->world->first_rank;
}

static int64_t leaves_of_group(const struct trainer *trainer)
{
    return trainer->config->leaves / trainer->config->groups;
}

size_t train_group_shared_bytes(const struct train_group *group, const struct trainer *trainer)
{
    const struct world *world = group->world;
    const int64_t count = trainer->model.table.element_count;
    size_t bytes = gradient_tree_bytes(leaves_of_group(trainer), count, world->rank, world->size);
    if (!trainer->config->shard_optimizer)
        bytes += node_vector_bytes(count, world->node_rank, world->node_size);
    if (is_apart(group))
        bytes += node_vector_bytes(count, world->node_rank, world->node_size);
    return bytes;
}

/* All groups do alike, so that their operations count alike, even one of a single rank. One that a
 * rank carries beside others has nothing to communicate. */
static void open_overlap(struct train_group *group, const struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    const struct world *world = group->world;
    const bool has_network = trainer->world->node_size < trainer->world->size;
    overlap_open(
        &group->overlap, world,
        (world->size > 1 || world->counts_alone) && config->shard_optimizer &&
            (config->overlap == OVERLAP_ON || (config->overlap == OVERLAP_AUTO && has_network)));
    group->overlap.model = group->model;
    group->overlap.parameters = group->parameters;
    group->overlap.gradients = group->gradients;
    group->overlap.sums = group->sums;
    if (config->precision == PRECISION_BF16)
        overlap_round_matrices(&group->overlap);
}

void train_group_open(struct train_group *group, struct trainer *trainer)
{
    const struct optimizer_settings settings = train_config_optimizer(trainer->config);
    const struct tensor_table *table = &trainer->model.table;
    join_updaters(group, trainer->config);
    group->parameters = trainer->parameters;
    if (is_apart(group)) {
        model_init_shape(&group->own_model, &trainer->model.config);
        group->parameters = node_vector_create(group->world, table->element_count);
        group->own_model.parameters = node_vector_values(group->parameters);
        train_group_start_from(group, trainer->model.parameters);
    }
    group->gradients = gradient_tree_create(group->world, trainer->kernels.pool,
                                            leaves_of_group(trainer), table->element_count);
    gradient_tree_set_wire(group->gradients, (enum wire)trainer->config->wire,
                           trainer->tuning.block);
    if (!trainer->config->shard_optimizer)
        group->sums = node_vector_create(group->world, table->element_count);
    open_overlap(group, trainer);
    optimizer_init(&group->optimizer, &settings, group->updaters, &group->model->table);
}

void train_group_close(struct train_group *group)
{
    if (group->gradients) {
        overlap_close(&group->overlap);
        optimizer_release(&group->optimizer);
        node_vector_free(group->sums);
        gradient_tree_free(group->gradients);
    }
    if (is_apart(group) && group->gradients) {
        model_release(&group->own_model);
        node_vector_free(group->parameters);
    }
    subworld_leave(&group->own_node);
    subworld_leave(&group->own_world);
}

/* The ranks of a node copy a share each. */
void train_group_start_from(struct train_group *group, const float *parameters)
{
    const struct world *world = group->world;
    const struct leaf_range share =
        leaf_range_of_rank(group->model->table.element_count, world->node_rank, world->node_size);
    memcpy(group->model->parameters + share.first, parameters + share.first,
           (size_t)(share.end - share.first) * sizeof *parameters);
    node_vector_publish(group->parameters);
    group->overlap.state = PARAMETERS_EXACT;
}

double train_group_mean_norm(const struct trainer *trainer)
{
    const struct world *world = trainer->world;
    const int64_t groups = trainer->config->groups;
    const struct leaf_range own = leaf_range_of_rank(groups, world->rank, world->size);
    if (groups == 1)
        return trainer->groups[0].gradient_norm;
    double *mine = memory_alloc_zeroed((size_t)(own.end - own.first), sizeof *mine), total;
    for (int64_t number = own.first; number < own.end; number++)
        mine[number - own.first] =
            trainer->groups[number - trainer->groups[0].number].gradient_norm;
    leaf_values_reduce(world, groups, mine, 1, &total);
    memory_free(mine);
    return total / (double)groups;
}
