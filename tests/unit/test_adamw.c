#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/optimizer/optimizer.h"

enum { STEPS = 10 };

static const struct model_config config = { .family = FAMILY_GPT2,
                                            .layers = 2,
                                            .width = 96,
                                            .heads = 4,
                                            .kv_heads = 4,
                                            .ffn_width = 384,
                                            .vocab_size = 97,
                                            .max_positions = 16,
                                            .norm_epsilon = 1e-5,
                                            .tied_head = true };
static const struct optimizer_settings settings = { .adamw = { 0.9, 0.95, 1e-8 },
                                                    .weight_decay = 0.1 };
static const struct world alone = { .rank = 0, .size = 1 };

static float value_at(uint64_t what, int64_t i)
{
    struct philox_key key = philox_key(7, RANDOM_TEST);
    return (float)philox_normal(key, what, (uint64_t)i);
}

/* STEPS updates of the rank's slice, with fresh gradients; parameters[count] starts from fixed
 * values. */
static void update_slice(const struct tensor_table *table, const struct world *world, int threads,
                         float *parameters)
{
    struct kernels kernels;
    struct optimizer optimizer;
    assert_int_equal(kernels_open(&kernels, "auto", threads), STATUS_OK);
    optimizer_init(&optimizer, &settings, world, table);
    float *gradient = memory_alloc((size_t)table->element_count * sizeof *gradient);
    for (int64_t i = 0; i < table->element_count; i++)
        parameters[i] = value_at(0, i);
    for (int step = 1; step <= STEPS; step++) {
        for (int64_t i = 0; i < table->element_count; i++)
            gradient[i] = value_at((uint64_t)step, i);
        optimizer_update(&optimizer, &kernels, parameters, gradient, 1e-2, 0.5);
    }
    memory_free(gradient);
    optimizer_release(&optimizer);
    kernels_close(&kernels);
}

/* The formula of the header, for one element, in double. */
static double expected_value(int64_t i, bool decays)
{
    double p = value_at(0, i), m = 0.0, v = 0.0;
    for (int step = 1; step <= STEPS; step++) {
        double g = 0.5 * (double)value_at((uint64_t)step, i);
        m = 0.9 * m + 0.1 * g;
        v = 0.95 * v + 0.05 * g * g;
        double update = m / (1.0 - pow(0.9, step)) / (sqrt(v / (1.0 - pow(0.95, step))) + 1e-8);
        p -= 1e-2 * (update + (decays ? 0.1 * p : 0.0));
    }
    return p;
}

static void the_update_is_the_formula_and_only_matrices_decay(void **state)
{
    (void)state;
    struct tensor_table table;
    tensor_table_init(&table, &config);
    float *parameters = memory_alloc((size_t)table.element_count * sizeof *parameters);
    update_slice(&table, &alone, 1, parameters);

    double worst = 0.0;
    for (int64_t t = 0; t < table.tensor_count; t++) {
        const struct tensor *tensor = &table.tensors[t];
        assert_int_equal(tensor->decays, tensor->cols > 0);
        for (int64_t i = tensor->offset; i < tensor->offset + tensor->count; i++) {
            double error = fabs((double)parameters[i] - expected_value(i, tensor->decays));
            worst = error > worst ? error : worst;
        }
    }
    assert_true(worst < 2e-6); /* observed 6e-7: ten roundings of values up to 4 */
    memory_free(parameters);
    tensor_table_release(&table);
}

static void slices_and_threads_change_no_bit(void **state)
{
    (void)state;
    struct tensor_table table;
    tensor_table_init(&table, &config);
    int64_t count = table.element_count;
    size_t bytes = (size_t)count * sizeof(float);
    float *whole = memory_alloc(bytes), *part = memory_alloc(bytes);
    update_slice(&table, &alone, 1, whole);

    const struct slicing slicing = slicing_of(count, 3);
    assert_true(slicing.rounds > 1);
    for (int rank = 0; rank < 3; rank++) {
        const struct world one_of_three = { .rank = rank, .size = 3 };
        update_slice(&table, &one_of_three, 1 + rank, part);
        for (int64_t i = 0; i < count; i++) /* beyond the slice nothing is touched */
            assert_true(part[i] ==
                        (slicing_owner(&slicing, i) == rank ? whole[i] : value_at(0, i)));
    }
    memory_free(whole);
    memory_free(part);
    tensor_table_release(&table);
}

static void clipping_brings_the_norm_to_the_bound_and_no_lower(void **state)
{
    (void)state;
    assert_true(gradient_clip_factor(4.0, 1.0) == 0.25);
    assert_true(gradient_clip_factor(0.5, 1.0) == 1.0);
    assert_true(gradient_clip_factor(4.0, 0.0) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_update_is_the_formula_and_only_matrices_decay),
        cmocka_unit_test(slices_and_threads_change_no_bit),
        cmocka_unit_test(clipping_brings_the_norm_to_the_bound_and_no_lower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
