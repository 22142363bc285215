/* Every parameter's gradient, of both families, against central differences. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tests/unit/tiny_models.h"

/* Observed: 4.6e-11 of the largest element of a gradient. */
#define TOLERANCE 1e-9
#define STEP      1e-4

struct sample {
    struct kernels kernels;
    struct model model;
    struct batch batch;
    struct activations *activations;
    int32_t tokens[TINY_SEQUENCES * TINY_POSITIONS], targets[TINY_SEQUENCES * TINY_POSITIONS];
};

static void sample_init(struct sample *sample, const struct model_config *config, const char *set)
{
    assert_int_equal(model_config_check(config), STATUS_OK);
    assert_int_equal(kernels_open(&sample->kernels, set, 1), STATUS_OK);
    make_tiny_model(&sample->model, config);
    sample->batch = tiny_batch(sample->tokens, sample->targets);
    sample->activations = activations_create(
        config, &(struct activations_plan){
                    .B = TINY_SEQUENCES, .T = TINY_POSITIONS, .for_training = true });
}

static void sample_release(struct sample *sample)
{
    activations_free(sample->activations);
    model_release(&sample->model);
    kernels_close(&sample->kernels);
}

static double sample_loss(struct sample *sample, real *gradient)
{
    model_forward(&sample->model, &sample->kernels, &sample->batch, sample->activations);
    return model_loss(&sample->model, &sample->kernels, &sample->batch, sample->activations, 0,
                      gradient, false)
        .sum;
}

static double loss_with(struct sample *sample, int64_t element, real value)
{
    const real kept = sample->model.parameters[element];
    sample->model.parameters[element] = value;
    double loss = sample_loss(sample, NULL);
    sample->model.parameters[element] = kept;
    return loss;
}

/* Central differences of fourth order: their own error falls with STEP^4. */
static double numeric_gradient(struct sample *sample, int64_t element)
{
    const real value = sample->model.parameters[element];
    double near =
        loss_with(sample, element, value + STEP) - loss_with(sample, element, value - STEP);
    double far =
        loss_with(sample, element, value + 2 * STEP) - loss_with(sample, element, value - 2 * STEP);
    return (8 * near - far) / (12 * STEP);
}

static void check_gradient(const struct model_config *config, const char *set,
                           const int32_t *document_starts)
{
    struct sample sample;
    sample_init(&sample, config, set);
    sample.batch.document_starts = document_starts;
    const struct tensor_table *table = &sample.model.table;
    real *gradient = memory_alloc_zeroed((size_t)table->element_count, sizeof(real));
    sample_loss(&sample, gradient);
    model_backward(&sample.model, &sample.kernels, &sample.batch, sample.activations, gradient,
                   false);

    double largest = 0, worst = 0;
    for (int64_t i = 0; i < table->element_count; i++)
        largest = fmax(largest, fabs(gradient[i]));
    for (int64_t t = 0; t < table->tensor_count; t++)
        for (int64_t i = 0; i < table->tensors[t].count; i++) {
            int64_t element = table->tensors[t].offset + i;
            double error = fabs(numeric_gradient(&sample, element) - gradient[element]) / largest;
            worst = fmax(worst, error);
            if (error > TOLERANCE)
                fail_msg("%s[%lld]: relative error %g", table->tensors[t].name, (long long)i,
                         error);
        }
    print_message("%s, %s: largest error %.1e of the largest element\n",
                  model_family_names[config->family], set, worst);
    memory_free(gradient);
    sample_release(&sample);
}

static void gradient_of_every_parameter_is_that_of_central_differences(void **state)
{
    (void)state;
    for (int i = 0; i < TINY_MODELS; i++)
        check_gradient(&tiny_models[i], "reference", NULL);
}

static void vectorised_loops_have_the_same_gradients(void **state)
{
    (void)state;
    check_gradient(&tiny_models[0], "auto", NULL);
    check_gradient(&tiny_models[2], "auto", NULL);
}

static void within_documents_gradients_are_those_of_central_differences(void **state)
{
    (void)state;
    static const int32_t document_starts[TINY_SEQUENCES * TINY_POSITIONS] = {
        0, 0, 0, 3, 3, 3, 3, /* two documents */
        0, 1, 1, 1, 1, 5, 5, /* three */
    };
    for (int i = 0; i < TINY_MODELS; i += 2)
        check_gradient(&tiny_models[i], "auto", document_starts);
}

static void check_second_pass(const struct model_config *config)
{
    struct sample sample;
    sample_init(&sample, config, "reference");
    const int64_t count = sample.model.table.element_count;
    real *once = memory_alloc_zeroed((size_t)count, sizeof(real));
    real *twice = memory_alloc_zeroed((size_t)count, sizeof(real));
    for (int pass = 0; pass < 3; pass++) {
        real *gradient = pass == 0 ? once : twice;
        sample_loss(&sample, gradient);
        model_backward(&sample.model, &sample.kernels, &sample.batch, sample.activations, gradient,
                       false);
    }
    for (int64_t i = 0; i < count; i++)
        assert_true(fabs(twice[i] - 2 * once[i]) <= 1e-12);
    memory_free(once);
    memory_free(twice);
    sample_release(&sample);
}

static void second_backward_pass_adds_to_the_first(void **state)
{
    (void)state;
    for (int i = 0; i < TINY_MODELS; i++)
        check_second_pass(&tiny_models[i]);
}

static void masked_targets_bear_no_loss_and_no_gradient(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample, &tiny_models[1], "reference");
    const int64_t count = sample.model.table.element_count;
    real *gradient = memory_alloc_zeroed((size_t)count, sizeof(real));
    for (int i = 0; i < TINY_SEQUENCES * TINY_POSITIONS; i++)
        sample.targets[i] = -1;
    assert_true(sample_loss(&sample, gradient) == 0);
    model_backward(&sample.model, &sample.kernels, &sample.batch, sample.activations, gradient,
                   false);
    for (int64_t i = 0; i < count; i++)
        assert_true(gradient[i] == 0);
    memory_free(gradient);
    sample_release(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_of_every_parameter_is_that_of_central_differences),
        cmocka_unit_test(vectorised_loops_have_the_same_gradients),
        cmocka_unit_test(within_documents_gradients_are_those_of_central_differences),
        cmocka_unit_test(second_backward_pass_adds_to_the_first),
        cmocka_unit_test(masked_targets_bear_no_loss_and_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
