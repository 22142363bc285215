#include "trainer/training/outer_step.h"

#include "comm/flight_recorder.h"
#include "comm/groups.h"
#include "trainer/optimizer/nesterov.h"
#include "trainer/training/trainer.h"

static bool has_no_second(const struct tensor *tensor)
{
    (void)tensor;
    return false;
}

void outer_step_open(struct outer_step *outer, struct trainer *trainer)
{
    const struct world *world = trainer->world;
    const struct tensor_table *table = &trainer->model.table;
    outer->changes = gradient_tree_create(world, trainer->kernels.pool, trainer->config->groups,
                                          table->element_count);
    const struct slicing slicing = slicing_of(table->element_count, world->size);
    moments_init(&outer->momentum, table, &slicing, world->rank, has_no_second);
}

void outer_step_close(struct outer_step *outer)
{
    moments_release(&outer->momentum);
    gradient_tree_free(outer->changes);
}

size_t outer_step_change_bytes(const struct train_config *config, int64_t count, int rank, int size)
{
    return gradient_tree_bytes(config->groups, count, rank, size);
}

size_t outer_step_momentum_bytes(const struct tensor_table *table, int rank, int size)
{
    const struct slicing slicing = slicing_of(table->element_count, size);
    return moments_bytes(table, &slicing, rank, has_no_second);
}

bool outer_step_tensor_momentum(const struct outer_step *outer, int64_t index,
                                struct tensor_moment *momentum)
{
    const struct tensor_share *share = &outer->momentum.shares[index];
    *momentum = (struct tensor_moment){ "momentum_buffer", share->ranges, share->range_count,
                                        share->first };
    return share->range_count > 0;
}

bool outer_step_is_due(const struct train_config *config, int64_t step)
{
    return config->groups > 1 &&
           ((step + 1) % config->local_steps == 0 || step + 1 == config->steps);
}

/* How far each group that this rank speaks for has come from theta. */
static void contribute_changes(struct trainer *trainer)
{
    const struct world *world = trainer->world;
    struct gradient_tree *changes = trainer->outer->changes;
    const struct leaf_range own =
        leaf_range_of_rank(trainer->config->groups, world->rank, world->size);
    gradient_tree_begin(changes);
    for (int64_t number = own.first; number < own.end; number++) {
        const struct train_group *group = &trainer->groups[number - trainer->groups[0].number];
        nesterov_change(&trainer->kernels, gradient_tree_leaf(changes, number),
                        trainer->model.parameters, group->model->parameters,
                        trainer->model.table.element_count);
    }
}

static void update_own_slice(struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    const struct moments *momentum = &trainer->outer->momentum;
    const float *changes = gradient_tree_sum(trainer->outer->changes);
    const struct nesterov nesterov = { (float)config->groups, (float)config->outer_lr,
                                       (float)config->outer_momentum };
    for (int64_t i = 0; i < momentum->table->tensor_count; i++) {
        const struct tensor_share *share = &momentum->shares[i];
        float *values = share->first;
        for (int64_t r = 0; r < share->range_count; r++) {
            const int64_t length = share->ranges[r].end - share->ranges[r].begin;
            const int64_t at = momentum->table->tensors[i].offset + share->ranges[r].begin;
            nesterov_update(&nesterov, &trainer->kernels, trainer->model.parameters + at, values,
                            changes + at, length);
            values += length;
        }
    }
}

void outer_step_run(struct trainer *trainer, int64_t step)
{
    double begun_s = clock_seconds();
    flight_recorder_doing("averaging groups after step %lld", (long long)step);
    trainer_gather(trainer);
    contribute_changes(trainer);
    gradient_tree_reduce(trainer->outer->changes);
    update_own_slice(trainer);
    replica_check_keep_slice(trainer, &trainer->checks[trainer->group_count], step);
    node_vector_gather(trainer->parameters, WIRE_FP32);
    for (int i = 0; i < trainer->group_count; i++) {
        train_group_start_from(&trainer->groups[i], trainer->model.parameters);
        replica_check_keep_slice(trainer, &trainer->checks[i], step);
    }
    train_profile_add(trainer, STAGE_AVERAGING, begun_s);
}
