/* golden_run: eon's side of a golden case, for `real` float and, compiled once
 * more, double. Static, because both builds have their own `real`.
 */
#ifndef TESTS_GOLDEN_GOLDEN_RUN_H
#define TESTS_GOLDEN_GOLDEN_RUN_H

#include "base/memory.h"
#include "tests/golden/golden_case.h"

struct golden_run {
    const struct golden_case *golden;
    struct kernels kernels;
    struct model model;
    struct activations *activations;
    real *gradient; /* [element_count] */
    int32_t *tokens, *targets;
    struct batch batch;
};

static inline void golden_run_init(struct golden_run *run, const struct golden_case *golden,
                                   const char *kernel_set, int threads)
{
    size_t places = (size_t)(golden->sequences * golden->positions);
    run->golden = golden;
    CHECK(kernels_open(&run->kernels, kernel_set, threads) == STATUS_OK, "%s", status_message());
    model_init(&run->model, &golden->config);
    const struct tensor_table *table = &run->model.table;
    for (int64_t i = 0; i < table->tensor_count; i++)
        for (int64_t j = 0; j < table->tensors[i].count; j++)
            run->model.parameters[table->tensors[i].offset + j] =
                (real)golden_weight(&table->tensors[i], j);
    run->activations =
        activations_create(&golden->config, &(struct activations_plan){ .B = golden->sequences,
                                                                        .T = golden->positions,
                                                                        .for_training = true });
    run->gradient = memory_alloc_zeroed((size_t)table->element_count, sizeof(real));
    run->tokens = memory_alloc_zeroed(places, sizeof *run->tokens);
    run->targets = memory_alloc_zeroed(places, sizeof *run->targets);
    run->batch = (struct batch){ .sequences = golden->sequences,
                                 .positions = golden->positions,
                                 .tokens = run->tokens,
                                 .targets = run->targets };
}

static inline void golden_run_release(struct golden_run *run)
{
    memory_free(run->targets);
    memory_free(run->tokens);
    memory_free(run->gradient);
    activations_free(run->activations);
    model_release(&run->model);
    kernels_close(&run->kernels);
}

/* Forward and backward of one step's batch; `gradient` is of the sum of the losses. */
static inline struct loss golden_run_step(struct golden_run *run, int64_t step)
{
    golden_batch(run->golden, step, run->tokens, run->targets);
    for (int64_t i = 0; i < run->model.table.element_count; i++)
        run->gradient[i] = 0;
    model_forward(&run->model, &run->kernels, &run->batch, run->activations);
    struct loss loss = model_loss(&run->model, &run->kernels, &run->batch, run->activations, 0,
                                  run->gradient, false);
    model_backward(&run->model, &run->kernels, &run->batch, run->activations, run->gradient, false);
    return loss;
}

/* Distance of all logits of step 0 from PyTorch's in `precision`. */
static inline double golden_run_logits_distance(struct golden_run *run, const char *precision)
{
    const struct golden_case *golden = run->golden;
    int64_t V = golden->config.vocab_size, places = golden->sequences * golden->positions;
    double *expected = golden_case_values(golden, "logits", precision, places * V);
    double *values = memory_alloc_zeroed((size_t)(places * V), sizeof *values);
    real *logits = memory_alloc_zeroed((size_t)V, sizeof *logits);

    golden_batch(golden, 0, run->tokens, run->targets);
    model_forward(&run->model, &run->kernels, &run->batch, run->activations);
    for (int64_t place = 0; place < places; place++) {
        model_logits(&run->model, &run->kernels, run->activations, place / golden->positions,
                     place % golden->positions, logits);
        for (int64_t v = 0; v < V; v++)
            values[place * V + v] = (double)logits[v];
    }
    double distance = golden_distance(values, expected, places * V);
    memory_free(logits);
    memory_free(values);
    memory_free(expected);
    return distance;
}

/* The largest distance of any tensor's gradient from PyTorch's; *worst names it. */
static inline double golden_run_gradient_distance(struct golden_run *run, const char *precision,
                                                  const char **worst)
{
    double largest = -1;
    golden_run_step(run, 0);
    for (int64_t i = 0; i < run->model.table.tensor_count; i++) {
        const struct tensor *tensor = &run->model.table.tensors[i];
        struct strbuf name = STRBUF_INIT;
        strbuf_addf(&name, "gradient.%s", tensor->name);
        double *expected = golden_case_values(run->golden, name.bytes, precision, tensor->count);
        double *values = memory_alloc_zeroed((size_t)tensor->count, sizeof *values);
        for (int64_t j = 0; j < tensor->count; j++)
            values[j] = (double)run->gradient[tensor->offset + j];
        double distance = golden_distance(values, expected, tensor->count);
        if (!(distance <= largest)) {
            largest = distance;
            *worst = tensor->name;
        }
        memory_free(values);
        memory_free(expected);
        strbuf_release(&name);
    }
    return largest;
}

#endif
