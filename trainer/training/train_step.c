#include "trainer/training/train_step.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "comm/flight_recorder.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/training/train_leaf.h"

static enum status read_leaf(struct trainer *trainer, int64_t step, int64_t leaf,
                             const struct leaf_tokens **read)
{
    flight_recorder_doing("reading leaf %lld of step %lld", (long long)leaf, (long long)step);
    return batch_stream_take(trainer->batches, step, leaf, read);
}

/* The leaf's gradient, and its loss, targets and executed FLOPs. */
static void compute_leaf(struct trainer *trainer, struct train_group *group, int64_t step,
                         int64_t leaf, const struct leaf_tokens *read, float *gradient)
{
    double *values = trainer->leaf_values + (leaf - trainer->leaves.first) * LEAF_VALUES;
    memset(values, 0, LEAF_VALUES * sizeof *values);
    flight_recorder_doing("computing leaf %lld of step %lld", (long long)leaf, (long long)step);
    train_leaf(trainer, group, read, gradient, values);
    if (leaf == trainer->leaves.first && replica_check_is_due(trainer->config, step))
        leaf_check_keep_own(trainer, gradient, values[LEAF_LOSS]);
}

/* This rank's, up to the first error. The gradients travel beside the last one. */
static enum status compute_leaves(struct trainer *trainer, struct train_group *group, int64_t step)
{
    enum status status = STATUS_OK;
    gradient_tree_begin(group->gradients);
    for (int64_t leaf = group->leaves.first; leaf < group->leaves.end && status == STATUS_OK;
         leaf++) {
        const struct leaf_tokens *read;
        float *gradient = gradient_tree_leaf(group->gradients, leaf - group->first_leaf);
        status = read_leaf(trainer, step, leaf, &read);
        if (leaf + 1 == group->leaves.end)
            overlap_start_reduction(&group->overlap, status);
        if (status == STATUS_OK)
            compute_leaf(trainer, group, step, leaf, read, gradient);
    }
    overlap_start_reduction(&group->overlap, status);
    return status;
}

static enum status compute_own_leaves(struct trainer *trainer, int64_t step)
{
    const bool is_checked = replica_check_is_due(trainer->config, step);
    enum status status = STATUS_OK;
    /* a leaf that is compared must lie as it was computed: its sum would be made in its place */
    for (int i = 0; i < trainer->group_count; i++)
        overlap_begin_step(&trainer->groups[i].overlap, !is_checked);
    if (is_checked)
        status = leaf_check_compute_again(trainer, step);
    for (int i = 0; i < trainer->group_count && status == STATUS_OK; i++)
        status = compute_leaves(trainer, &trainer->groups[i], step);
    return status;
}

/* The totals of the step, and of each group of this rank. */
static void reduce_values(struct trainer *trainer, double *total)
{
    const int64_t leaves = trainer->config->leaves, of_group = leaves / trainer->config->groups;
    double *records = memory_alloc_zeroed((size_t)leaves, LEAF_VALUES * sizeof *records);
    leaf_values_gather(trainer->world, trainer->leaf_ends, trainer->leaf_values, LEAF_VALUES,
                       records);
    for (int i = 0; i < trainer->group_count; i++) {
        struct train_group *group = &trainer->groups[i];
        leaf_values_add(of_group, records + group->first_leaf * LEAF_VALUES, LEAF_VALUES, total);
        group->per_target = 1.0 / total[LEAF_TARGETS];
    }
    leaf_values_add(leaves, records, LEAF_VALUES, total);
    memory_free(records);
}

/* Sums the leaves of all ranks: the totals of the step, and this rank's slice of the gradient. An
 * error of one rank ends the step on all. */
static enum status reduce_leaves(struct trainer *trainer, enum status status,
                                 struct step_report *report)
{
    double total[LEAF_VALUES];
    for (int i = 0; i < trainer->group_count; i++)
        status = overlap_finish_reduction(&trainer->groups[i].overlap, status);
    if (trainer->outer)
        status = world_agree(trainer->world, status);
    TRY(status);
    const double begun_s = clock_seconds();
    reduce_values(trainer, total);
    train_profile_add(trainer, STAGE_REDUCTION, begun_s);

    report->loss = total[LEAF_LOSS] / total[LEAF_TARGETS];
    report->targets = (int64_t)total[LEAF_TARGETS];
    report->executed_flops = total[LEAF_FLOPS];
    return STATUS_OK;
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
        const float *gradient = overlap_sum(&group->overlap);
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
                     overlap_sum(&group->overlap), report->learning_rate, clip * group->per_target);
    replica_check_keep_slice(trainer, &trainer->checks[index], step);
    overlap_gather(&group->overlap);
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
    const double *checking_s = &trainer->profile.stage_seconds[STAGE_CHECKING];
    const double checked_s = *checking_s;
    *report = (struct step_report){ 0 };

    enum status status = compute_own_leaves(trainer, step);
    TRY(reduce_leaves(trainer, status, report));
    TRY(check_replicas(trainer, step, report));
    if (replica_check_is_due(trainer->config, step))
        report->check_seconds = *checking_s - checked_s;
    update_parameters(trainer, step, report);
    activations_take_back(trainer->activations, gradient_tree_sum(trainer->groups[0].gradients));
    if (outer_step_is_due(trainer->config, step))
        outer_step_run(trainer, step);
    advance(&trainer->progress, step, report);
    return STATUS_OK;
}
