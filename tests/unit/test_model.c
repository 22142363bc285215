/* The model in float: what does not change its bits, what it is made of, what it costs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tests/unit/tiny_models.h"

static const struct model_config gpt2_124m = {
    FAMILY_GPT2, 12, 768, 12, 12, 3072, 50257, 1024, 1e-5, 0, .tied_head = true
};

/* Long enough for two blocks of queries, wide enough for several tiles. */
static const struct model_config small_models[] = {
    { FAMILY_GPT2, 2, 96, 4, 4, 200, 331, 150, 1e-5, 0, .tied_head = true },
    { FAMILY_LLAMA, 2, 96, 6, 2, 200, 331, 150, 1e-5, 10000, .tied_head = false },
    { FAMILY_LLAMA, 2, 96, 6, 2, 200, 331, 150, 1e-5, 10000, .tied_head = true,
      .attention_bias = true, .mlp_bias = true, .head_dim = 20,
      .rope_scaling = { ROPE_LLAMA3, 8, 1, 4, 64 } },
};
enum { SMALL_MODELS = 3, B = 2, T = 140 };

struct setup {
    const char *set;
    int threads;
    enum element element;
    enum recompute recompute;
};

static struct setup setup_of(const char *set, int threads, enum element element)
{
    return (struct setup){ set, threads, element, RECOMPUTE_NONE };
}

/* One forward and backward pass; the gradient is the caller's to free. */
static float *gradient_of(const struct model_config *config, struct setup setup, struct loss *loss,
                          int64_t *flops)
{
    struct kernels kernels;
    struct model model;
    assert_int_equal(kernels_open(&kernels, setup.set, setup.threads), STATUS_OK);
    kernels_set_element(&kernels, setup.element);
    model_init(&model, config);
    model_set_initial_weights(&model, &kernels, 42);
    int32_t tokens[B * T], targets[B * T];
    for (int i = 0; i < B * T; i++) {
        tokens[i] = (int32_t)((i * 7 + 3) % config->vocab_size);
        targets[i] = i % 9 == 4 ? -1 : (int32_t)((i * 5 + 1) % config->vocab_size);
    }
    struct batch batch = { .sequences = B, .positions = T, .tokens = tokens, .targets = targets };
    const struct activations_plan plan = {
        .B = B, .T = T, .for_training = true, .element = setup.element, .recompute = setup.recompute
    };
    struct activations *activations = activations_create(config, &plan);
    float *gradient = memory_alloc_zeroed((size_t)model.table.element_count, sizeof(float));
    model_forward(&model, &kernels, &batch, activations);
    *loss = model_loss(&model, &kernels, &batch, activations, 0, gradient, false);
    model_backward(&model, &kernels, &batch, activations, gradient, false);
    *flops = kernels.flops;
    activations_free(activations);
    model_release(&model);
    kernels_close(&kernels);
    return gradient;
}

static int64_t element_count(const struct model_config *config)
{
    struct tensor_table table;
    tensor_table_init(&table, config);
    int64_t count = table.element_count;
    tensor_table_release(&table);
    return count;
}

static void assert_same_bits(const struct model_config *config, struct setup one,
                             struct setup other)
{
    struct loss loss, same_loss;
    int64_t flops, same_flops;
    float *expected = gradient_of(config, one, &loss, &flops);
    float *got = gradient_of(config, other, &same_loss, &same_flops);
    assert_memory_equal(expected, got, (size_t)element_count(config) * sizeof(float));
    assert_true(loss.sum == same_loss.sum && loss.targets == same_loss.targets);
    assert_true(same_flops >= flops); /* attention's backward computes scores twice for many */
    memory_free(expected);
    memory_free(got);
}

static void bits_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    for (int m = 0; m < SMALL_MODELS; m++)
        for (int s = 0; kernel_set_names[s]; s++)
            for (int element = 0; element < ELEMENTS; element++) {
                const char *set = kernel_set_names[s];
                if (!kernel_set_runs_here(set))
                    continue;
                struct setup one = setup_of(set, 1, element);
                assert_same_bits(&small_models[m], one, setup_of(set, 2, element));
                assert_same_bits(&small_models[m], one, setup_of(set, 3, element));
            }
}

/* tiles.h: in bf16 the products of `reference` are exact too, and all other loops are the same. */
static void sets_have_the_same_bits(void **state)
{
    (void)state;
    if (!kernel_set_runs_here("avx2"))
        skip();
    for (int m = 0; m < SMALL_MODELS; m++) {
        const struct setup avx2 = setup_of("avx2", 2, ELEMENT_REAL);
        const struct setup avx2_bf16 = setup_of("avx2", 2, ELEMENT_BF16);
        assert_same_bits(&small_models[m], avx2_bf16, setup_of("reference", 2, ELEMENT_BF16));
        if (!kernel_set_runs_here("avx512"))
            continue;
        assert_same_bits(&small_models[m], avx2, setup_of("avx512", 2, ELEMENT_REAL));
        assert_same_bits(&small_models[m], avx2_bf16, setup_of("avx512", 2, ELEMENT_BF16));
    }
}

/* How far `other` is from `one`: the gradient's largest difference over its largest element. */
struct distance {
    double gradient, loss;
};

static struct distance distance_between(const struct model_config *config, struct setup one,
                                        struct setup other)
{
    struct loss loss, other_loss;
    int64_t flops;
    float *expected = gradient_of(config, one, &loss, &flops);
    float *got = gradient_of(config, other, &other_loss, &flops);
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < element_count(config); i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        worst = fmax(worst, fabs((double)expected[i] - (double)got[i]));
    }
    memory_free(expected);
    memory_free(got);
    return (struct distance){ worst / largest, fabs(other_loss.sum / loss.sum - 1) };
}

/* Observed: 6.9e-7 of the largest element; 6e-10 of the loss. */
static void sets_agree_with_the_reference(void **state)
{
    (void)state;
    for (int m = 0; m < SMALL_MODELS; m++) {
        struct distance distance =
            distance_between(&small_models[m], setup_of("reference", 2, ELEMENT_REAL),
                             setup_of("auto", 2, ELEMENT_REAL));
        print_message("gradient %.1e, loss %.1e\n", distance.gradient, distance.loss);
        assert_true(distance.gradient < 1e-5);
        assert_true(distance.loss < 1e-6);
    }
}

/* bf16 rounds by up to 2^-8 = 4e-3. Observed: 6.1e-3 of the largest element; 1.7e-5 of the loss. */
static void bf16_is_near_fp32(void **state)
{
    (void)state;
    for (int m = 0; m < SMALL_MODELS; m++) {
        struct distance distance = distance_between(
            &small_models[m], setup_of("auto", 2, ELEMENT_REAL), setup_of("auto", 2, ELEMENT_BF16));
        print_message("gradient %.1e, loss %.1e\n", distance.gradient, distance.loss);
        assert_true(distance.gradient < 2e-2 && distance.gradient > 1e-5);
        assert_true(distance.loss < 1e-4 && distance.loss > 0);
    }
}

static void recomputation_has_the_same_bits_for_more_operations(void **state)
{
    (void)state;
    for (int m = 0; m < SMALL_MODELS; m++)
        for (int element = 0; element < ELEMENTS; element++) {
            struct loss kept, again;
            int64_t flops[RECOMPUTE_BLOCK + 1];
            struct setup setup = { "auto", 2, element, RECOMPUTE_NONE };
            float *expected = gradient_of(&small_models[m], setup, &kept, &flops[0]);
            for (int r = RECOMPUTE_ATTENTION; r <= RECOMPUTE_BLOCK; r++) {
                setup.recompute = (enum recompute)r;
                float *got = gradient_of(&small_models[m], setup, &again, &flops[r]);
                assert_memory_equal(expected, got,
                                    (size_t)element_count(&small_models[m]) * sizeof(float));
                assert_true(kept.sum == again.sum);
                assert_true(flops[r] > flops[r - 1]);
                memory_free(got);
            }
            memory_free(expected);
        }
}

static void recomputation_saves_memory(void **state)
{
    (void)state;
    size_t bytes[RECOMPUTE_BLOCK + 1];
    for (int r = RECOMPUTE_NONE; r <= RECOMPUTE_BLOCK; r++)
        bytes[r] = activations_bytes(
            &gpt2_124m,
            &(struct activations_plan){ .B = 4, .T = 1024, .for_training = true, .recompute = r });
    assert_true((double)bytes[RECOMPUTE_ATTENTION] < 0.75 * (double)bytes[RECOMPUTE_NONE]);
    assert_true((double)bytes[RECOMPUTE_BLOCK] < 0.4 * (double)bytes[RECOMPUTE_NONE]);
}

static void loss_without_training_has_the_same_bits(void **state)
{
    (void)state;
    for (int m = 0; m < TINY_MODELS; m++) {
        struct kernels kernels;
        struct model model;
        assert_int_equal(kernels_open(&kernels, "auto", 2), STATUS_OK);
        make_tiny_model(&model, &tiny_models[m]);
        int32_t tokens[TINY_SEQUENCES * TINY_POSITIONS], targets[TINY_SEQUENCES * TINY_POSITIONS];
        struct batch batch = tiny_batch(tokens, targets);
        double sums[2];
        for (int training = 0; training < 2; training++) {
            struct activations *activations = activations_create(
                &tiny_models[m], &(struct activations_plan){ .B = TINY_SEQUENCES,
                                                             .T = TINY_POSITIONS,
                                                             .for_training = training == 1 });
            model_forward(&model, &kernels, &batch, activations);
            sums[training] = model_loss(&model, &kernels, &batch, activations, 0, NULL, false).sum;
            activations_free(activations);
        }
        assert_true(sums[0] == sums[1]);
        model_release(&model);
        kernels_close(&kernels);
    }
}

static void first_loss_is_near_that_of_guessing(void **state)
{
    (void)state;
    for (int m = 0; m < SMALL_MODELS; m++) {
        struct loss loss;
        int64_t flops;
        memory_free(
            gradient_of(&small_models[m], setup_of("auto", 1, ELEMENT_REAL), &loss, &flops));
        assert_true(fabs(loss.sum / (double)loss.targets - log(331)) < 0.1);
    }
}

static void gpt2_124m_has_the_published_tensors(void **state)
{
    (void)state;
    struct tensor_table table;
    tensor_table_init(&table, &gpt2_124m);
    assert_int_equal(table.element_count, 124439808);
    assert_int_equal(table.tensor_count, 148);
    const struct tensor *tensor = tensor_table_find(&table, "transformer.h.11.mlp.c_fc.weight");
    assert_non_null(tensor);
    assert_true(tensor->rows == 768 && tensor->cols == 3072 && tensor->decays);
    tensor = tensor_table_find(&table, "transformer.ln_f.bias");
    assert_true(tensor->rows == 768 && tensor->cols == 0 && !tensor->decays);
    assert_true(tensor->offset + tensor->count == table.element_count);
    assert_null(tensor_table_find(&table, "lm_head.weight"));
    tensor_table_release(&table);
}

static void tensors_follow_each_other_without_gaps(void **state)
{
    (void)state;
    for (int m = 0; m < TINY_MODELS; m++) {
        struct tensor_table table;
        tensor_table_init(&table, &tiny_models[m]);
        int64_t end = 0;
        for (int64_t t = 0; t < table.tensor_count; t++) {
            assert_true(table.tensors[t].offset == end);
            end += table.tensors[t].count;
        }
        assert_true(end == table.element_count);
        assert_true((tensor_table_find(&table, "lm_head.weight") == NULL) ==
                    tiny_models[m].tied_head);
        tensor_table_release(&table);
    }
}

/* Neighbours in the flat vector are one matrix and one vector of a product. */
static void biases_of_llama_begin_at_zero_do_not_decay_and_are_neighbours(void **state)
{
    (void)state;
    static const char *const of_keys[] = { "q_proj", "k_proj", "v_proj", "o_proj" };
    const struct model_config *config = &small_models[2];
    struct tensor_table table;
    tensor_table_init(&table, config);
    assert_int_equal(table.tensor_count, 2 + 2 * 16);
    int64_t end = 0;
    for (int i = 0; i < 4; i++) {
        char name[80];
        snprintf(name, sizeof name, "model.layers.1.self_attn.%s.bias", of_keys[i]);
        const struct tensor *bias = tensor_table_find(&table, name);
        assert_non_null(bias);
        assert_true(bias->init == INIT_ZERO && !bias->decays && bias->hidden_matrices == 0);
        assert_int_equal(bias->rows, i == 0 ? 6 * 20 : i < 3 ? 2 * 20 : 96);
        assert_true(i == 0 || i == 3 || bias->offset == end);
        end = bias->offset + bias->count;
    }
    const struct tensor *gate = tensor_table_find(&table, "model.layers.0.mlp.gate_proj.bias");
    const struct tensor *up = tensor_table_find(&table, "model.layers.0.mlp.up_proj.bias");
    assert_true(gate && up && up->offset == gate->offset + 200);
    assert_non_null(tensor_table_find(&table, "model.layers.0.mlp.down_proj.bias"));
    tensor_table_release(&table);
}

static void initial_weights_are_normal_and_keyed_by_the_seed(void **state)
{
    (void)state;
    struct kernels kernels;
    struct model model;
    assert_int_equal(kernels_open(&kernels, "reference", 2), STATUS_OK);
    model_init(&model, &small_models[0]);
    model_set_initial_weights(&model, &kernels, 1);
    const struct tensor *tensor = tensor_table_find(&model.table, "transformer.wte.weight");
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < tensor->count; i++) {
        double value = (double)model.parameters[tensor->offset + i];
        sum += value;
        squares += value * value;
    }
    assert_true(fabs(sum / (double)tensor->count) < 0.02 * 0.02);
    assert_true(fabs(sqrt(squares / (double)tensor->count) / 0.02 - 1) < 0.02);
    float first = model.parameters[tensor->offset];
    model_set_initial_weights(&model, &kernels, 2);
    assert_true(model.parameters[tensor->offset] != first);
    model_set_initial_weights(&model, &kernels, 1);
    assert_true(model.parameters[tensor->offset] == first);
    model_release(&model);
    kernels_close(&kernels);
}

static void impossible_models_are_bad_input(void **state)
{
    (void)state;
    struct model_config config = gpt2_124m;
    assert_int_equal(model_config_check(&config), STATUS_OK);
    config.heads = config.kv_heads = 7;
    assert_int_equal(model_config_check(&config), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "width 768"));
    config = gpt2_124m;
    config.vocab_size = (int64_t)1 << 62;
    assert_int_equal(model_config_check(&config), STATUS_BAD_INPUT);
    config = tiny_models[2];
    config.kv_heads = 3;
    assert_int_equal(model_config_check(&config), STATUS_BAD_INPUT);
    config = tiny_models[1];
    config.norm_epsilon = NAN;
    assert_int_equal(model_config_check(&config), STATUS_BAD_INPUT);
    config = tiny_models[1];
    config.heads = config.kv_heads = 8; /* one element in a head cannot be rotated */
    assert_int_equal(model_config_check(&config), STATUS_BAD_INPUT);
    config.head_dim = 2;
    assert_int_equal(model_config_check(&config), STATUS_OK);
    config.head_dim = (int64_t)1 << 62;
    assert_int_equal(model_config_check(&config), STATUS_BAD_INPUT);
    config = small_models[2];
    config.rope_scaling.low_freq_factor = NAN;
    assert_int_equal(model_config_check(&config), STATUS_BAD_INPUT);
}

/* Executed: the products that were called. Listed: model_step_products. Analytic: half of the
 * square, where the blocks on the diagonal execute a little more. */
static void executed_operations_are_those_that_are_listed(void **state)
{
    (void)state;
    for (int m = 0; m < SMALL_MODELS; m++) {
        struct product_shape shapes[40];
        int64_t count = model_step_products(&small_models[m], B, T, shapes, 40), listed = 0;
        assert_true(count <= 40);
        for (int64_t i = 0; i < count; i++)
            listed += 2 * shapes[i].M * shapes[i].N * shapes[i].K * shapes[i].times;
        struct loss loss;
        int64_t executed;
        memory_free(
            gradient_of(&small_models[m], setup_of("auto", 1, ELEMENT_REAL), &loss, &executed));
        assert_int_equal(executed, listed);
        double analytic = model_flops_per_token(&small_models[m], T) * B * T;
        assert_true(analytic <= (double)executed);
        assert_true(analytic > 0.85 * (double)executed);
    }
    /* 6 N D, N without the position table's 0.8e6, and 6 L T C for attention */
    assert_true(fabs(model_flops_per_token(&gpt2_124m, 1024) /
                         (6 * (124.44e6 - 0.786e6) + 6.0 * 12 * 1024 * 768) -
                     1) < 2e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(sets_have_the_same_bits),
        cmocka_unit_test(sets_agree_with_the_reference),
        cmocka_unit_test(bf16_is_near_fp32),
        cmocka_unit_test(recomputation_has_the_same_bits_for_more_operations),
        cmocka_unit_test(recomputation_saves_memory),
        cmocka_unit_test(loss_without_training_has_the_same_bits),
        cmocka_unit_test(first_loss_is_near_that_of_guessing),
        cmocka_unit_test(gpt2_124m_has_the_published_tensors),
        cmocka_unit_test(tensors_follow_each_other_without_gaps),
        cmocka_unit_test(biases_of_llama_begin_at_zero_do_not_decay_and_are_neighbours),
        cmocka_unit_test(initial_weights_are_normal_and_keyed_by_the_seed),
        cmocka_unit_test(impossible_models_are_bad_input),
        cmocka_unit_test(executed_operations_are_those_that_are_listed),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    return failures + (memory_live_blocks() != 0);
}
