#include "trainer/training/overlap.h"

#include "base/clock.h"
#include "base/memory.h"
#include "comm/background.h"

static enum parameters_state state_after(enum wire wire)
{
    return wire == WIRE_BF16 ? PARAMETERS_ROUNDED : PARAMETERS_EXACT;
}

void overlap_open(struct overlap *overlap, const struct world *world, bool is_beside)
{
    *overlap = (struct overlap){ .world = world, .state = PARAMETERS_EXACT };
    if (is_beside)
        overlap->background = background_start();
}

void overlap_close(struct overlap *overlap)
{
    background_stop(overlap->background);
    overlap->background = NULL;
}

void overlap_round_matrices(struct overlap *overlap)
{
    const struct tensor_table *table = &overlap->model->table;
    struct slice *spans = memory_alloc_zeroed((size_t)table->tensor_count, sizeof *spans);
    int64_t count = 0;
    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        if (tensor->cols > 0 && !tensor->is_embedding)
            spans[count++] = (struct slice){ tensor->offset, tensor->offset + tensor->count };
    }
    node_vector_pack(overlap->parameters, spans, count);
    overlap->wire = WIRE_BF16;
    memory_free(spans);
}

static void gather(struct overlap *overlap, enum wire wire)
{
    const double begun_s = clock_seconds();
    node_vector_gather(overlap->parameters, wire);
    overlap->gathering_s += clock_seconds() - begun_s;
    overlap->state = state_after(wire);
}

float *overlap_sum(struct overlap *overlap)
{
    return overlap->sums ? node_vector_values(overlap->sums)
                         : gradient_tree_sum(overlap->gradients);
}

void overlap_gather(struct overlap *overlap)
{
    if (overlap->sums) { /* the ranks of each node have updated all */
        node_vector_publish(overlap->parameters);
        return;
    }
    overlap->state = PARAMETERS_STALE;
    if (!overlap->background)
        gather(overlap, overlap->wire);
}

void overlap_whole(struct overlap *overlap)
{
    if (overlap->state != PARAMETERS_EXACT)
        gather(overlap, WIRE_FP32);
}

static void wait_for_parameters(void *context, int64_t end)
{
    struct overlap *overlap = context;
    const double begun_s = clock_seconds();
    node_vector_until(overlap->parameters, end);
    overlap->gathering_s += clock_seconds() - begun_s;
}

void overlap_begin_step(struct overlap *overlap, bool can_reduce_beside)
{
    overlap->reduces_beside = overlap->background && can_reduce_beside;
    if (!overlap->reduces_beside)
        overlap_whole(overlap);
    if (overlap->state != PARAMETERS_STALE)
        return;
    node_vector_start(overlap->parameters, overlap->background, overlap->wire);
    overlap->model->follower.context = overlap;
    overlap->model->follower.needs = wait_for_parameters;
}

void overlap_start_reduction(struct overlap *overlap, enum status status)
{
    if (!overlap->reduces_beside || overlap->is_reducing)
        return;
    gradient_tree_start(overlap->gradients, overlap->background, status);
    overlap->is_reducing = true;
}

static void hand_over_gradient(void *context, int64_t from)
{
    const struct overlap *overlap = context;
    gradient_tree_final(overlap->gradients, from);
}

void overlap_follow_backward(struct overlap *overlap, bool is_last_pass)
{
    overlap->model->follower.context = overlap;
    overlap->model->follower.has_final =
        overlap->is_reducing && is_last_pass ? hand_over_gradient : NULL;
}

/* Parameters have come before the last gradient left. */
static void end_background_work(struct overlap *overlap)
{
    if (overlap->state == PARAMETERS_STALE) {
        node_vector_finish(overlap->parameters);
        overlap->state = state_after(overlap->wire);
    }
    overlap->model->follower = (struct model_follower){ 0 };
    overlap->is_reducing = false;
}

enum status overlap_finish_reduction(struct overlap *overlap, enum status status)
{
    const double begun_s = clock_seconds();
    if (overlap->reduces_beside) {
        status = gradient_tree_finish(overlap->gradients);
        end_background_work(overlap);
    } else {
        status = world_agree(overlap->world, status);
        if (status == STATUS_OK)
            gradient_tree_reduce_to(overlap->gradients, overlap_sum(overlap));
        if (status == STATUS_OK && overlap->sums)
            node_vector_gather(overlap->sums, WIRE_FP32);
    }
    overlap->reduction_s += clock_seconds() - begun_s;
    return status;
}
