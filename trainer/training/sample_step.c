#include "trainer/training/sample_step.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/philox.h"
#include "comm/flight_recorder.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/training/overlap.h"

const char *const step_phase_names[PHASES] = { "forward", "loss", "backward", "reduce", "update" };

struct sample_step {
    const struct world *world;
    const struct sample_plan *plan;
    struct kernels *kernels;
    struct node_vector *parameters;
    struct model model;
    struct activations *activations;
    struct gradient_tree *gradients;
    struct overlap overlap;
    struct optimizer optimizer;
    int32_t *tokens, *targets;
    int64_t targets_count;
};

static void prepare_tokens(struct sample_step *sample)
{
    const struct sample_plan *plan = sample->plan;
    int64_t count = plan->sequences * plan->positions;
    struct philox_key key = philox_key((uint64_t)sample->world->rank, RANDOM_TEST);
    sample->tokens = memory_alloc((size_t)count * sizeof(int32_t));
    sample->targets = memory_alloc((size_t)count * sizeof(int32_t));
    for (int64_t i = 0; i < count; i++) {
        uint64_t vocab_size = (uint64_t)plan->model.vocab_size;
        sample->tokens[i] = (int32_t)(philox_u64(key, 0, (uint64_t)i) % vocab_size);
        sample->targets[i] = (int32_t)(philox_u64(key, 1, (uint64_t)i) % vocab_size);
    }
}

struct sample_step *sample_step_create(const struct world *world, struct kernels *kernels,
                                       const struct sample_plan *plan)
{
    static const struct optimizer_settings settings = { .adamw = { 0.9, 0.95, 1e-8 },
                                                        .weight_decay = 0.1 };
    struct sample_step *sample = memory_alloc_zeroed(1, sizeof *sample);
    *sample = (struct sample_step){ .world = world, .plan = plan, .kernels = kernels };
    model_init_shape(&sample->model, &plan->model);
    int64_t count = sample->model.table.element_count;
    sample->parameters = node_vector_create(world, count);
    sample->model.parameters = node_vector_values(sample->parameters);
    if (world->node_rank == 0)
        model_set_initial_weights(&sample->model, kernels, 1);
    node_vector_publish(sample->parameters);
    struct activations_plan activations = { .B = plan->sequences,
                                            .T = plan->positions,
                                            .for_training = true,
                                            .element = kernels->element,
                                            .recompute = plan->recompute,
                                            .lends = world->node_size == 1 };
    sample->activations = activations_create(&plan->model, &activations);
    sample->gradients = gradient_tree_create(world, kernels->pool, world->size, count);
    overlap_open(&sample->overlap, world, world->size > 1);
    sample->overlap.model = &sample->model;
    sample->overlap.parameters = sample->parameters;
    sample->overlap.gradients = sample->gradients;
    if (kernels->element == ELEMENT_BF16)
        overlap_round_matrices(&sample->overlap);
    optimizer_init(&sample->optimizer, &settings, world, &sample->model.table);
    prepare_tokens(sample);
    return sample;
}

void sample_step_free(struct sample_step *sample)
{
    memory_free(sample->tokens);
    memory_free(sample->targets);
    overlap_close(&sample->overlap);
    optimizer_release(&sample->optimizer);
    gradient_tree_free(sample->gradients);
    activations_free(sample->activations);
    model_release(&sample->model);
    node_vector_free(sample->parameters);
    memory_free(sample);
}

/* Seconds since *since, which becomes now. */
static double lap(double *since)
{
    double now = clock_seconds(), seconds = now - *since;
    *since = now;
    return seconds;
}

static void compute(struct sample_step *sample, struct sample_times *times, double *since)
{
    const struct sample_plan *plan = sample->plan;
    struct batch batch = { .sequences = plan->sequences,
                           .positions = plan->positions,
                           .tokens = sample->tokens,
                           .targets = sample->targets };
    gradient_tree_begin(sample->gradients);
    float *gradient = gradient_tree_leaf(sample->gradients, sample->world->rank);
    overlap_start_reduction(&sample->overlap, STATUS_OK);
    overlap_follow_backward(&sample->overlap, true);
    model_forward(&sample->model, sample->kernels, &batch, sample->activations);
    times->phases[PHASE_FORWARD] = lap(since);
    sample->targets_count =
        model_loss(&sample->model, sample->kernels, &batch, sample->activations, 0, gradient, true)
            .targets;
    times->phases[PHASE_LOSS] = lap(since);
    model_backward(&sample->model, sample->kernels, &batch, sample->activations, gradient, true);
    times->phases[PHASE_BACKWARD] = lap(since);
}

static void update(struct sample_step *sample)
{
    const int64_t count = sample->model.table.element_count;
    double scale = 1.0 / (double)(sample->targets_count * sample->world->size);
    float *sum = gradient_tree_sum(sample->gradients);
    double norm = scale * gradient_norm(sample->world, sample->kernels, sum, count);
    optimizer_update(&sample->optimizer, sample->kernels, sample->model.parameters, sum, 1e-4,
                     scale * gradient_clip_factor(norm, 1.0));
}

static double moving_seconds(void)
{
    return flight_recorder_totals().seconds[FLIGHT_MOVING];
}

void sample_step_run(struct sample_step *sample, bool is_beside, struct sample_times *times)
{
    if (!is_beside)
        overlap_whole(&sample->overlap); /* what a step of the other kind left */
    double since = clock_seconds(), moving_s = moving_seconds();
    overlap_begin_step(&sample->overlap, is_beside);
    compute(sample, times, &since);
    times->gathering_s = moving_seconds() - moving_s; /* beside forward */
    moving_s = moving_seconds();
    if (overlap_finish_reduction(&sample->overlap, STATUS_OK) != STATUS_OK)
        fatal("%s", status_message());
    times->reduction_s = moving_seconds() - moving_s;
    times->phases[PHASE_REDUCE] = lap(&since);

    update(sample);
    moving_s = moving_seconds();
    overlap_gather(&sample->overlap);
    if (!is_beside)
        overlap_whole(&sample->overlap);
    times->gathering_s += moving_seconds() - moving_s;
    activations_take_back(sample->activations, gradient_tree_sum(sample->gradients));
    times->phases[PHASE_UPDATE] = lap(&since);
}

double sample_step_embedded(const struct sample_step *sample)
{
    const struct tensor_table *table = &sample->model.table;
    int64_t first = 0;
    while (table->tensors[first].is_embedding)
        first++;
    return (double)table->tensors[first].offset / (double)table->element_count;
}
