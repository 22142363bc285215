/* Generation token by token says what the whole model says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tests/unit/tiny_models.h"

/* Positions past one block of the decoder and one block of attention's keys. */
enum { T = 300, MODELS = 3, V = 61 };

static const struct model_config models[MODELS] = {
    { FAMILY_GPT2, 2, 24, 3, 3, 40, V, T, 1e-5, 0, .tied_head = true },
    { FAMILY_LLAMA, 2, 32, 4, 2, 40, V, T, 1e-5, 10000, .tied_head = false },
    { FAMILY_LLAMA, 2, 32, 4, 2, 40, V, T, 1e-5, 10000, .attention_bias = true, .mlp_bias = true,
      .head_dim = 6, .rope_scaling = { ROPE_LLAMA3, 8, 1, 4, 64 } },
};

static struct kernels kernels;

static void fill_tokens(int32_t *tokens)
{
    for (int i = 0; i < T; i++)
        tokens[i] = (i * i + 3 * i) % V;
}

/* The logits of every position [T,V] by one forward pass. */
static float *logits_of_forward(struct model *model, const int32_t *tokens)
{
    float *logits = memory_alloc_zeroed((size_t)T * V, sizeof(float));
    struct activations *activations =
        activations_create(&model->config, &(struct activations_plan){ .B = 1, .T = T });
    struct batch batch = { .sequences = 1, .positions = T, .tokens = tokens, .targets = tokens };
    model_forward(model, &kernels, &batch, activations);
    for (int t = 0; t < T; t++)
        model_logits(model, &kernels, activations, 0, t, logits + (int64_t)t * V);
    activations_free(activations);
    return logits;
}

static double largest_difference(const float *a, const float *b)
{
    double worst = 0;
    for (int i = 0; i < V; i++)
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst;
}

/* Observed: 4.1e-6 of the largest logit. */
static void expect_forward_logits(const struct model_config *config, int64_t prompt, int64_t step)
{
    struct model model;
    int32_t tokens[T];
    float logits[V];
    make_tiny_model(&model, config);
    fill_tokens(tokens);
    float *expected = logits_of_forward(&model, tokens);
    struct decoder *decoder = decoder_create(&model, T);
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < T * V; i++)
        largest = fmax(largest, fabs((double)expected[i]));
    for (int64_t done = 0; done < T;) {
        int64_t count = done == 0 ? prompt : done + step <= T ? step : T - done;
        assert_int_equal(decoder_append(decoder, &kernels, tokens + done, count, logits),
                         STATUS_OK);
        done += count;
        assert_int_equal(decoder_position(decoder), done);
        worst = fmax(worst, largest_difference(logits, expected + (done - 1) * V));
    }
    print_message("%s, prompt %lld: %.1e\n", model_family_names[config->family], (long long)prompt,
                  worst / largest);
    assert_true(worst < 1e-5 * largest);
    decoder_free(decoder);
    memory_free(expected);
    model_release(&model);
}

static void single_tokens_have_the_logits_of_forward(void **state)
{
    (void)state;
    for (int m = 0; m < MODELS; m++)
        expect_forward_logits(&models[m], 1, 1);
}

static void prompt_of_several_blocks_has_the_logits_of_forward(void **state)
{
    (void)state;
    for (int m = 0; m < MODELS; m++) {
        expect_forward_logits(&models[m], 270, 1);
        expect_forward_logits(&models[m], 100, 37);
    }
}

static void position_beyond_the_model_is_bad_input(void **state)
{
    (void)state;
    struct model model;
    int32_t tokens[T];
    float logits[V];
    make_tiny_model(&model, &models[0]);
    fill_tokens(tokens);
    struct decoder *decoder = decoder_create(&model, 10 * T); /* gpt2's table ends at T */
    assert_int_equal(decoder_append(decoder, &kernels, tokens, T, logits), STATUS_OK);
    assert_int_equal(decoder_append(decoder, &kernels, tokens, 1, logits), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "300 positions"));
    assert_int_equal(decoder_position(decoder), T);
    decoder_free(decoder);
    model_release(&model);
}

static void token_beyond_the_vocabulary_is_bad_input(void **state)
{
    (void)state;
    struct model model;
    float logits[V];
    make_tiny_model(&model, &models[1]);
    struct decoder *decoder = decoder_create(&model, 8);
    static const int32_t bad[] = { V, -1, INT32_MAX };
    for (int i = 0; i < 3; i++)
        assert_int_equal(decoder_append(decoder, &kernels, &bad[i], 1, logits), STATUS_BAD_INPUT);
    assert_int_equal(decoder_append(decoder, &kernels, bad, 0, logits), STATUS_BAD_INPUT);
    assert_int_equal(decoder_position(decoder), 0);
    decoder_free(decoder);
    model_release(&model);
}

static int open_kernels(void **state)
{
    (void)state;
    return kernels_open(&kernels, "auto", 2) == STATUS_OK ? 0 : -1;
}

static int close_kernels(void **state)
{
    (void)state;
    kernels_close(&kernels);
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_tokens_have_the_logits_of_forward),
        cmocka_unit_test(prompt_of_several_blocks_has_the_logits_of_forward),
        cmocka_unit_test(position_beyond_the_model_is_bad_input),
        cmocka_unit_test(token_beyond_the_vocabulary_is_bad_input),
    };
    return cmocka_run_group_tests(tests, open_kernels, close_kernels);
}
