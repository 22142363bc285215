#include "trainer/training/train_step.h"

#include <math.h>

#include "base/memory.h"
#include "comm/flight_recorder.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/training/train_leaf.h"

/* The leaf's gradient, and its loss, targets and executed FLOPs. */
static enum status compute_leaf(struct trainer *trainer, const struct train_group *group,
                                int64_t step, int64_t leaf, double *values)
{
    const struct leaf_tokens *read;
    flight_recorder_doing("reading leaf %lld of step %lld", (long long)leaf, (long long)step);
    TRY(batch_stream_take(trainer->batches, step, leaf, &read));
    flight_recorder_doing("computing leaf %lld of step %lld", (long long)leaf, (long long)step);
    float *gradient = gradient_tree_leaf(group->gradients, leaf - group->first_leaf);
    train_leaf(trainer, group->model, read, gradient, values);
    if (leaf == trainer->leaves.first && replica_check_is_due(trainer->config, step))
        leaf_check_keep_own(trainer, gradient, values[LEAF_LOSS]);
    return STATUS_OK;
}

static enum status compute_leaves(struct trainer *trainer, const struct train_group *group,
                                  int64_t step, double *values)
{
    gradient_tree_begin(group->gradients);
    for (int64_t leaf = group->leaves.first; leaf < group->leaves.end; leaf++)
        TRY(compute_leaf(trainer, group, step, leaf,
                         values + (leaf - trainer->leaves.first) * LEAF_VALUES));
    return STATUS_OK;
}

/* This rank's leaves; an error of one rank ends the step on all. */
static enum status compute_own_leaves(struct trainer *trainer, int64_t step, double *values)
{
    enum status status = STATUS_OK;
    if (replica_check_is_due(trainer->config, step))
        status = leaf_check_compute_again(trainer, step);
    for (int i = 0; i < trainer->group_count && status == STATUS_OK; i++)
        status = compute_leaves(trainer, &trainer->groups[i], step, values);
    return world_agree(trainer->world, status);
}

/* The totals of the step, and of each group of this rank. */
static void reduce_values(struct trainer *trainer, const double *values, double *total)
{
    const int64_t leaves = trainer->config->leaves, of_group = leaves / trainer->config->groups;
    double *records = memory_alloc_zeroed((size_t)leaves, LEAF_VALUES * sizeof *records);
    leaf_values_gather(trainer->world, trainer->leaf_ends, values, LEAF_VALUES, records);
    for (int i = 0; i < trainer->group_count; i++) {
        struct train_group *group = &trainer->groups[i];
        leaf_values_add(of_group, records + group->first_leaf * LEAF_VALUES, LEAF_VALUES, total);
        group->per_target = 1.0 / total[LEAF_TARGETS];
    }
    leaf_values_add(leaves, records, LEAF_VALUES, total);
    memory_free(records);
}

/* Sums the leaves of all ranks: the totals of the step, and this rank's slice of the gradient. */
static void reduce_leaves(struct trainer *trainer, const double *values, struct step_report *report)
{
    double total[LEAF_VALUES], begun_s = clock_seconds();
    for (int i = 0; i < trainer->group_count; i++)
        gradient_tree_reduce(trainer->groups[i].gradients);
    reduce_values(trainer, values, total);
    train_profile_add(trainer, STAGE_REDUCTION, begun_s);

    report->loss = total[LEAF_LOSS] / total[LEAF_TARGETS];
    report->targets = (int64_t)total[LEAF_TARGETS];
    report->executed_flops = total[LEAF_FLOPS];
}

/* While nothing that a rank has spoilt is in the parameters of the others. */
static enum status check_replicas(struct trainer *trainer, int64_t step, struct step_report *report)
{
    TRY(replica_check_slice(trainer));
    if (!replica_check_is_due(trainer->config, step))
        return STATUS_OK;
    TRY(replica_check_replicas(trainer));
    return leaf_check_compare(trainer, step, &report->check_flops);
}

/* A step is skipped by all groups or none, so that they stay in step. */
static void measure_gradients(struct trainer *trainer, struct step_report *report)
{
    for (int i = 0; i < trainer->group_count; i++) {
        struct train_group *group = &trainer->groups[i];
        const float *gradient = gradient_tree_sum(group->gradients);
        group->gradient_norm =
            group->per_target * gradient_norm(group->world, &trainer->kernels, gradient,
                                              trainer->model.table.element_count);
    }
    report->gradient_norm = train_group_mean_norm(trainer);
    report->skipped = !isfinite(report->loss) || !isfinite(report->gradient_norm);
}

/* Clips by the global norm, updates this rank's slice, and gathers the slices of all. */
static void update_group(struct trainer *trainer, int index, int64_t step,
                         const struct step_report *report)
{
    struct train_group *group = &trainer->groups[index];
    const double clip = gradient_clip_factor(group->gradient_norm, trainer->config->clip_norm);
    optimizer_update(&group->optimizer, &trainer->kernels, group->model->parameters,
                     gradient_tree_sum(group->gradients), report->learning_rate,
                     clip * group->per_target);
    replica_check_keep_slice(trainer, &trainer->checks[index], step);
    double begun_s = clock_seconds();
    node_vector_gather(group->parameters);
    train_profile_add(trainer, STAGE_GATHERING, begun_s);
}

static void update_parameters(struct trainer *trainer, int64_t step, struct step_report *report)
{
    flight_recorder_doing("updating parameters in step %lld", (long long)step);
    report->learning_rate = learning_rate_at(&trainer->schedule, step);
    measure_gradients(trainer, report);
    if (report->skipped)
        return;
    for (int i = 0; i < trainer->group_count; i++)
        update_group(trainer, i, step, report);
    report->executed_flops +=
        (double)(trainer->config->groups * optimizer_flops(&trainer->groups[0].optimizer));
}

static void advance(struct train_progress *progress, int64_t step, const struct step_report *report)
{
    progress->step = step + 1;
    progress->tokens += report->targets;
    progress->loss = report->loss;
    progress->skipped += report->skipped;
    progress->skipped_in_a_row = report->skipped ? progress->skipped_in_a_row + 1 : 0;
}

enum status train_step(struct trainer *trainer, int64_t step, struct step_report *report)
{
    int64_t own_leaves = trainer->leaves.end - trainer->leaves.first;
    double *values = memory_alloc_zeroed((size_t)(own_leaves * LEAF_VALUES), sizeof *values);
    *report = (struct step_report){ 0 };

    const double *checking_s = &trainer->profile.stage_seconds[STAGE_CHECKING];
    const double checked_s = *checking_s;

    enum status status = compute_own_leaves(trainer, step, values);
    if (status == STATUS_OK) {
        reduce_leaves(trainer, values, report);
        status = check_replicas(trainer, step, report);
    }
    if (status == STATUS_OK) {
        if (replica_check_is_due(trainer->config, step))
            report->check_seconds = *checking_s - checked_s;
        update_parameters(trainer, step, report);
        activations_take_back(trainer->activations,
                              gradient_tree_sum(trainer->groups[0].gradients));
        if (outer_step_is_due(trainer->config, step))
            outer_step_run(trainer, step);
        advance(&trainer->progress, step, report);
    }
    memory_free(values);
    return status;
}
