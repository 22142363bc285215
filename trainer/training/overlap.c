#include "trainer/training/overlap.h"

#include "base/clock.h"
#include "comm/background.h"

void overlap_open(struct overlap *overlap, const struct world *world, bool is_beside)
{
    *overlap = (struct overlap){ .world = world, .is_whole = true };
    if (is_beside)
        overlap->background = background_start();
}

void overlap_close(struct overlap *overlap)
{
    background_stop(overlap->background);
    overlap->background = NULL;
}

void overlap_gather(struct overlap *overlap)
{
    overlap->is_whole = false;
    if (!overlap->background)
        overlap_whole(overlap);
}

void overlap_whole(struct overlap *overlap)
{
    if (overlap->is_whole)
        return;
    const double begun_s = clock_seconds();
    node_vector_gather(overlap->parameters);
    overlap->gathering_s += clock_seconds() - begun_s;
    overlap->is_whole = true;
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
    if (overlap->is_whole)
        return;
    node_vector_start(overlap->parameters, overlap->background);
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
    if (!overlap->is_whole)
        node_vector_finish(overlap->parameters);
    overlap->model->follower = (struct model_follower){ 0 };
    overlap->is_whole = true;
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
            gradient_tree_reduce(overlap->gradients);
    }
    overlap->reduction_s += clock_seconds() - begun_s;
    return status;
}
