#include "trainer/training/train_step.h"

#include <math.h>

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
static void compute_leaf(struct trainer *trainer, int64_t step, int64_t leaf,
                         const struct leaf_tokens *read, float *gradient, double *values)
{
    flight_recorder_doing("computing leaf %lld of step %lld", (long long)leaf, (long long)step);
    train_leaf(trainer, read, gradient, values);
    if (leaf == trainer->leaves.first && replica_check_is_due(trainer->config, step))
        leaf_check_keep_own(trainer, gradient, values[LEAF_LOSS]);
}

/* This rank's leaves, up to the first error. */
static enum status compute_own_leaves(struct trainer *trainer, int64_t step, double *values)
{
    enum status status = STATUS_OK;
    const struct leaf_range own = trainer->leaves;

    if (replica_check_is_due(trainer->config, step))
        status = leaf_check_compute_again(trainer, step);
    gradient_tree_begin(trainer->gradients);
    for (int64_t leaf = own.first; leaf < own.end && status == STATUS_OK; leaf++) {
        const struct leaf_tokens *read;
        float *gradient = gradient_tree_leaf(trainer->gradients, leaf);
        status = read_leaf(trainer, step, leaf, &read);
        if (leaf + 1 == own.end)
            overlap_start_reduction(&trainer->overlap, status);
        if (status == STATUS_OK)
            compute_leaf(trainer, step, leaf, read, gradient,
                         values + (leaf - own.first) * LEAF_VALUES);
    }
    overlap_start_reduction(&trainer->overlap, status);
    return status;
}

/* Sums the leaves of all ranks: the totals of the step, and this rank's slice of the gradient. An
 * error of one rank ends the step on all. */
static enum status reduce_leaves(struct trainer *trainer, enum status status, const double *values,
                                 struct step_report *report)
{
    double total[LEAF_VALUES];
    TRY(overlap_finish_reduction(&trainer->overlap, status));
    const double begun_s = clock_seconds();
    leaf_values_reduce(trainer->world, trainer->config->leaves, values, LEAF_VALUES, total);
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

/* Clips by the global norm, updates this rank's slice, and gathers the slices of all. */
static void update_parameters(struct trainer *trainer, int64_t step, struct step_report *report)
{
    const struct tensor_table *table = &trainer->model.table;
    float *gradient = gradient_tree_sum(trainer->gradients);
    double per_target = 1.0 / (double)report->targets;

    flight_recorder_doing("updating parameters in step %lld", (long long)step);
    report->learning_rate = learning_rate_at(&trainer->schedule, step);
    report->gradient_norm = per_target * gradient_norm(trainer->world, &trainer->kernels, gradient,
                                                       table->element_count);
    report->skipped = !isfinite(report->loss) || !isfinite(report->gradient_norm);
    if (report->skipped)
        return;

    double clip = gradient_clip_factor(report->gradient_norm, trainer->config->clip_norm);
    optimizer_update(&trainer->optimizer, &trainer->kernels, trainer->model.parameters, gradient,
                     report->learning_rate, clip * per_target);
    replica_check_keep_slice(trainer, step);
    overlap_gather(&trainer->overlap);
    report->executed_flops += (double)optimizer_flops(&trainer->optimizer);
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

    /* a leaf that is compared must lie as it was computed, and its sum would be made in its place
     */
    overlap_begin_step(&trainer->overlap, !replica_check_is_due(trainer->config, step));
    enum status status = compute_own_leaves(trainer, step, values);
    status = reduce_leaves(trainer, status, values, report);
    if (status == STATUS_OK)
        status = check_replicas(trainer, step, report);
    if (status == STATUS_OK) {
        if (replica_check_is_due(trainer->config, step))
            report->check_seconds = *checking_s - checked_s;
        update_parameters(trainer, step, report);
        activations_take_back(trainer->activations, gradient_tree_sum(trainer->gradients));
        advance(&trainer->progress, step, report);
    }
    memory_free(values);
    return status;
}
