#include "trainer/training/train_step.h"

#include <math.h>

#include "base/memory.h"
#include "comm/flight_recorder.h"
#include "trainer/optimizer/gradient_norm.h"

/* What a leaf adds to the step's totals, along the same tree as its gradient. */
enum { LEAF_LOSS, LEAF_TARGETS, LEAF_FLOPS, LEAF_VALUES };

/* Forward and backward of one leaf, a micro-batch at a time: `gradient` receives the sum over
 * the leaf's tokens, `values` its loss, targets and executed FLOPs. */
static enum status compute_leaf(struct trainer *trainer, int64_t step, int64_t leaf,
                                float *gradient, double *values)
{
    const struct train_config *config = trainer->config;
    const struct leaf_tokens *read;
    flight_recorder_doing("reading leaf %lld of step %lld", (long long)leaf, (long long)step);
    TRY(batch_stream_take(trainer->batches, step, leaf, &read));
    const struct batch whole = {
        .sequences = config->leaf_sequences,
        .positions = config->seq_len,
        .tokens = read->tokens,
        .targets = read->targets,
        .document_starts = read->document_starts,
    };

    flight_recorder_doing("computing leaf %lld of step %lld", (long long)leaf, (long long)step);
    int64_t flops_before = trainer->kernels.flops;
    for (int64_t first = 0; first < config->leaf_sequences; first += config->micro_batch) {
        const struct batch batch = batch_part(&whole, first, config->micro_batch);
        model_forward(&trainer->model, &trainer->kernels, &batch, trainer->activations);
        struct loss loss = model_loss(&trainer->model, &trainer->kernels, &batch,
                                      trainer->activations, config->z_loss, gradient, first == 0);
        model_backward(&trainer->model, &trainer->kernels, &batch, trainer->activations, gradient,
                       first == 0);
        values[LEAF_LOSS] += loss.sum;
        values[LEAF_TARGETS] += (double)loss.targets;
    }
    values[LEAF_FLOPS] = (double)(trainer->kernels.flops - flops_before);
    return STATUS_OK;
}

/* This rank's leaves; an error of one rank ends the step on all. */
static enum status compute_own_leaves(struct trainer *trainer, int64_t step, double *values)
{
    enum status status = STATUS_OK;
    struct leaf_range own = trainer->leaves;

    gradient_tree_begin(trainer->gradients);
    for (int64_t leaf = own.first; leaf < own.end && status == STATUS_OK; leaf++)
        status = compute_leaf(trainer, step, leaf, gradient_tree_leaf(trainer->gradients, leaf),
                              values + (leaf - own.first) * LEAF_VALUES);
    return world_agree(trainer->world, status);
}

/* Sums the leaves of all ranks: the totals of the step, and this rank's slice of the gradient. */
static void reduce_leaves(struct trainer *trainer, const double *values, struct step_report *report)
{
    double total[LEAF_VALUES], begun_s = clock_seconds();
    gradient_tree_reduce(trainer->gradients);
    leaf_values_reduce(trainer->world, trainer->config->leaves, values, LEAF_VALUES, total);
    train_profile_add(trainer, STAGE_REDUCTION, begun_s);

    report->loss = total[LEAF_LOSS] / total[LEAF_TARGETS];
    report->targets = (int64_t)total[LEAF_TARGETS];
    report->executed_flops = total[LEAF_FLOPS];
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
    double begun_s = clock_seconds();
    slice_gather_floats(trainer->world, trainer->model.parameters, table->element_count);
    train_profile_add(trainer, STAGE_GATHERING, begun_s);
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

    enum status status = compute_own_leaves(trainer, step, values);
    if (status == STATUS_OK) {
        reduce_leaves(trainer, values, report);
        update_parameters(trainer, step, report);
        activations_take_back(trainer->activations, gradient_tree_sum(trainer->gradients));
        advance(&trainer->progress, step, report);
    }
    memory_free(values);
    return status;
}
