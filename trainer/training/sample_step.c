#include "trainer/training/sample_step.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/philox.h"
#include "comm/gradient_tree.h"
#include "comm/node_vector.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/optimizer/optimizer.h"

const char *const step_phase_names[PHASES] = { "forward", "loss", "backward", "reduce", "update" };

struct sample_step {
    const struct world *world;
    const struct sample_plan *plan;
    struct kernels *kernels;
    struct node_vector *parameters;
    struct model model;
    struct activations *activations;
    struct gradient_tree *gradients;
    struct optimizer optimizer;
    int32_t *tokens, *targets;
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
    optimizer_init(&sample->optimizer, &settings, world, &sample->model.table);
    prepare_tokens(sample);
    return sample;
}

void sample_step_free(struct sample_step *sample)
{
    memory_free(sample->tokens);
    memory_free(sample->targets);
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

void sample_step_run(struct sample_step *sample, double phases[PHASES])
{
    const struct sample_plan *plan = sample->plan;
    int64_t count = sample->model.table.element_count;
    struct batch batch = { .sequences = plan->sequences,
                           .positions = plan->positions,
                           .tokens = sample->tokens,
                           .targets = sample->targets };
    double since = clock_seconds();

    gradient_tree_begin(sample->gradients);
    float *gradient = gradient_tree_leaf(sample->gradients, sample->world->rank);
    model_forward(&sample->model, sample->kernels, &batch, sample->activations);
    phases[PHASE_FORWARD] = lap(&since);
    struct loss loss =
        model_loss(&sample->model, sample->kernels, &batch, sample->activations, 0, gradient, true);
    phases[PHASE_LOSS] = lap(&since);
    model_backward(&sample->model, sample->kernels, &batch, sample->activations, gradient, true);
    phases[PHASE_BACKWARD] = lap(&since);
    gradient_tree_reduce(sample->gradients);
    phases[PHASE_REDUCE] = lap(&since);

    double scale = 1.0 / (double)(loss.targets * sample->world->size);
    float *sum = gradient_tree_sum(sample->gradients);
    double norm = scale * gradient_norm(sample->world, sample->kernels, sum, count);
    optimizer_update(&sample->optimizer, sample->kernels, sample->model.parameters, sum, 1e-4,
                     scale * gradient_clip_factor(norm, 1.0));
    node_vector_gather(sample->parameters);
    activations_take_back(sample->activations, sum);
    phases[PHASE_UPDATE] = lap(&since);
}
