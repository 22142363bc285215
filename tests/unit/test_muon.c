#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/optimizer/optimizer.h"

enum { STEPS = 3 };

static const struct model_config gpt2 = { .family = FAMILY_GPT2,
                                          .layers = 2,
                                          .width = 32,
                                          .heads = 4,
                                          .kv_heads = 4,
                                          .ffn_width = 128,
                                          .vocab_size = 97,
                                          .max_positions = 16,
                                          .norm_epsilon = 1e-5,
                                          .tied_head = true };
static const struct model_config llama = { .family = FAMILY_LLAMA,
                                           .layers = 12,
                                           .width = 64,
                                           .heads = 4,
                                           .kv_heads = 2,
                                           .ffn_width = 192,
                                           .vocab_size = 300,
                                           .max_positions = 16,
                                           .norm_epsilon = 1e-5,
                                           .rope_theta = 1e4 };
static const struct optimizer_settings muon_settings = {
    .kind = OPTIMIZER_MUON, .adamw = { 0.9, 0.95, 1e-8 }, .weight_decay = 0.1, .muon_momentum = 0.95
};
static const struct world alone = { .rank = 0, .size = 1 };

static float value_at(uint64_t what, int64_t i)
{
    return (float)philox_normal(philox_key(7, RANDOM_TEST), what, (uint64_t)i);
}

/* STEPS updates with lr 0.01 and a gradient scale of 0.5, on a world of one rank. */
static float *trained_parameters(const struct tensor_table *table,
                                 const struct optimizer_settings *settings)
{
    struct kernels kernels;
    struct optimizer optimizer;
    size_t bytes = (size_t)table->element_count * sizeof(float);
    float *parameters = memory_alloc(bytes), *gradient = memory_alloc(bytes);
    assert_int_equal(kernels_open(&kernels, "auto", 2), STATUS_OK);
    optimizer_init(&optimizer, settings, &alone, table);
    for (int64_t i = 0; i < table->element_count; i++)
        parameters[i] = value_at(0, i);
    for (int step = 1; step <= STEPS; step++) {
        for (int64_t i = 0; i < table->element_count; i++)
            gradient[i] = value_at((uint64_t)step, i);
        optimizer_update(&optimizer, &kernels, parameters, gradient, 0.01, 0.5);
    }
    assert_int_equal(kernels.flops, STEPS * optimizer_flops(&optimizer));
    optimizer_release(&optimizer);
    kernels_close(&kernels);
    memory_free(gradient);
    return parameters;
}

/* The header's formula for one matrix of a tensor: its columns from `first` on. */
static double largest_error(const struct tensor *tensor, int64_t first, int64_t cols,
                            const float *parameters)
{
    struct kernels kernels;
    struct orthogonaliser orthogonaliser;
    const int64_t rows = tensor->rows, count = rows * cols;
    struct strided O = { memory_alloc((size_t)count * sizeof(float)), rows, cols, cols };
    double *p = memory_alloc((size_t)count * sizeof *p), worst = 0;
    double *momentum = memory_alloc_zeroed((size_t)count, sizeof *momentum);
    const float scale = 0.2f * sqrtf((float)(rows > cols ? rows : cols));
    assert_int_equal(kernels_open(&kernels, "auto", 1), STATUS_OK);
    orthogonaliser_init(&orthogonaliser, &O, 1);
    for (int step = 0; step <= STEPS; step++) {
        for (int64_t i = 0; i < count; i++) {
            float x = value_at((uint64_t)step,
                               tensor->offset + i / cols * tensor->cols + first + i % cols);
            if (step == 0) {
                p[i] = (double)x;
                continue;
            }
            momentum[i] = 0.95 * momentum[i] + 0.5 * (double)x;
            O.values[i] = (float)(0.5 * (double)x + 0.95 * momentum[i]);
        }
        if (step > 0)
            orthogonalise(&orthogonaliser, &kernels, &O, scale);
        for (int64_t i = 0; step > 0 && i < count; i++)
            p[i] -= 0.01 * ((double)O.values[i] + 0.1 * p[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        float own = parameters[tensor->offset + i / cols * tensor->cols + first + i % cols];
        worst = fmax(worst, fabs((double)own - p[i]));
    }
    orthogonaliser_release(&orthogonaliser);
    kernels_close(&kernels);
    memory_free(O.values);
    memory_free(p);
    memory_free(momentum);
    return worst;
}

static void matrices_of_the_layers_follow_the_formula_and_q_k_v_are_three(void **state)
{
    (void)state;
    struct tensor_table table;
    tensor_table_init(&table, &gpt2);
    float *parameters = trained_parameters(&table, &muon_settings);
    double worst = 0;
    int64_t fused = 0;
    for (int64_t t = 0; t < table.tensor_count; t++) {
        const struct tensor *tensor = &table.tensors[t];
        fused += tensor->hidden_matrices == 3;
        for (int64_t i = 0; i < tensor->hidden_matrices; i++) {
            int64_t cols = tensor->cols / tensor->hidden_matrices;
            worst = fmax(worst, largest_error(tensor, i * cols, cols, parameters));
        }
    }
    print_message("largest error: %.1e\n", worst);
    assert_int_equal(fused, 2);
    assert_true(worst < 2e-6); /* observed 7.1e-7: a few roundings of values up to 4 */
    memory_free(parameters);
    tensor_table_release(&table);
}

static void all_else_is_adamws_bit_for_bit(void **state)
{
    (void)state;
    struct tensor_table table;
    tensor_table_init(&table, &llama);
    struct optimizer_settings adamw_settings = muon_settings;
    adamw_settings.kind = OPTIMIZER_ADAMW;
    float *muon = trained_parameters(&table, &muon_settings);
    float *adamw = trained_parameters(&table, &adamw_settings);
    for (int64_t t = 0; t < table.tensor_count; t++) {
        const struct tensor *tensor = &table.tensors[t];
        size_t bytes = (size_t)tensor->count * sizeof(float);
        bool same = memcmp(muon + tensor->offset, adamw + tensor->offset, bytes) == 0;
        bool is_hidden = tensor->cols > 0 && strstr(tensor->name, ".layers.");
        if (same == is_hidden)
            fail_msg("'%s' is %s", tensor->name, same ? "AdamW's" : "Muon's");
    }
    memory_free(muon);
    memory_free(adamw);
    tensor_table_release(&table);
}

static int64_t length_of(const struct tensor_moment *moment)
{
    int64_t length = 0;
    for (int64_t i = 0; i < moment->range_count; i++)
        length += moment->ranges[i].end - moment->ranges[i].begin;
    return length;
}

/* By each of three ranks: together they hold every element once, and few second moments. */
static void only_what_adamw_updates_has_a_second_moment(void **state)
{
    (void)state;
    struct tensor_table table;
    tensor_table_init(&table, &llama);
    int64_t momentum = 0, first = 0, second = 0, adamws = 0;
    for (int64_t t = 0; t < table.tensor_count; t++)
        adamws += muon_updates(&table.tensors[t]) ? 0 : table.tensors[t].count;
    for (int rank = 0; rank < 3; rank++) {
        const struct world world = { .rank = rank, .size = 3 };
        struct optimizer optimizer;
        optimizer_init(&optimizer, &muon_settings, &world, &table);
        float *next = optimizer.moments.shares[0].second; /* of the embedding, which comes first */
        for (int64_t t = 0; t < table.tensor_count; t++) {
            struct tensor_moment moments[MOMENTS_MOST];
            int found = optimizer_tensor_moments(&optimizer, t, moments);
            for (int i = 0; i < found; i++) {
                int64_t length = length_of(&moments[i]);
                momentum += strcmp(moments[i].name, "momentum_buffer") == 0 ? length : 0;
                first += strcmp(moments[i].name, "exp_avg") == 0 ? length : 0;
                if (strcmp(moments[i].name, "exp_avg_sq") != 0)
                    continue;
                second += length;
                assert_ptr_equal(moments[i].values, next); /* adjacent: nothing is wasted */
                next += length;
            }
        }
        optimizer_release(&optimizer);
    }
    assert_int_equal(first, adamws);
    assert_int_equal(second, adamws);
    assert_int_equal(momentum, table.element_count - adamws);
    tensor_table_release(&table);
}

static void matrices_are_shared_out_evenly(void **state)
{
    (void)state;
    struct tensor_table table;
    tensor_table_init(&table, &llama);
    int *workers = memory_alloc((size_t)table.tensor_count * sizeof *workers);
    const double all = (double)muon_flops(&table);
    for (int size = 1; size <= 16; size++) {
        double most = 0, sum = 0;
        muon_assign(&table, size, workers);
        for (int rank = 0; rank < size; rank++) {
            double own = 0;
            for (int64_t t = 0; t < table.tensor_count; t++) {
                assert_true((workers[t] >= 0) == muon_updates(&table.tensors[t]));
                assert_true(workers[t] < size);
                if (workers[t] == rank)
                    own +=
                        (double)orthogonalise_flops(table.tensors[t].rows, table.tensors[t].cols);
            }
            most = fmax(most, own);
            sum += own;
        }
        assert_true(sum == all);
        assert_true(most <= 1.34 * all / size);
    }
    memory_free(workers);
    tensor_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrices_of_the_layers_follow_the_formula_and_q_k_v_are_three),
        cmocka_unit_test(all_else_is_adamws_bit_for_bit),
        cmocka_unit_test(only_what_adamw_updates_has_a_second_moment),
        cmocka_unit_test(matrices_are_shared_out_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
