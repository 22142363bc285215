/* What backward is through with lies under the gradient: the same bits, in less memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "trainer/model/gradient_loans.h"
#include "trainer/model/model.h"

/* Layers of several huge pages, whose ends lie within pages. */
static const struct model_config models[] = {
    { FAMILY_GPT2, 3, 392, 4, 4, 1500, 331, 100, 1e-5, 0, .tied_head = true },
    { FAMILY_LLAMA, 4, 384, 6, 2, 1000, 1331, 100, 1e-5, 10000, .tied_head = false },
    { FAMILY_LLAMA, 3, 384, 6, 2, 1000, 331, 100, 1e-5, 10000, .attention_bias = true,
      .mlp_bias = true, .head_dim = 80 },
};
enum { MODELS = 3, B = 8, T = 90, STEPS = 3 };

struct run {
    struct kernels kernels;
    struct model model;
    struct batch batch;
    int32_t tokens[B * T], targets[B * T];
};

static void run_open(struct run *run, const struct model_config *config)
{
    assert_int_equal(kernels_open(&run->kernels, "auto", 2), STATUS_OK);
    model_init(&run->model, config);
    model_set_initial_weights(&run->model, &run->kernels, 42);
    for (int i = 0; i < B * T; i++) {
        run->tokens[i] = (int32_t)((i * 7 + 3) % config->vocab_size);
        run->targets[i] = (int32_t)((i * 5 + 1) % config->vocab_size);
    }
    run->batch = (struct batch){
        .sequences = B, .positions = T, .tokens = run->tokens, .targets = run->targets
    };
}

static void run_close(struct run *run)
{
    model_release(&run->model);
    kernels_close(&run->kernels);
}

static void compute_gradient(struct run *run, struct activations *activations, float *gradient)
{
    model_forward(&run->model, &run->kernels, &run->batch, activations);
    model_loss(&run->model, &run->kernels, &run->batch, activations, 0, gradient, true);
    model_backward(&run->model, &run->kernels, &run->batch, activations, gradient, true);
}

static void a_lent_gradient_has_the_same_bits_step_after_step(void **state)
{
    (void)state;
    for (int m = 0; m < MODELS; m++)
        for (int recompute = RECOMPUTE_NONE; recompute <= RECOMPUTE_BLOCK; recompute++) {
            struct run run;
            run_open(&run, &models[m]);
            struct activations_plan plan = {
                .B = B, .T = T, .for_training = true, .recompute = (enum recompute)recompute
            };
            const size_t bytes = (size_t)run.model.table.element_count * sizeof(float);
            struct arena own, lent;
            arena_init(&own, bytes);
            arena_init(&lent, bytes);
            float *expected = arena_take(&own, bytes), *gradient = arena_take(&lent, bytes);
            struct activations *keeps = activations_create(&models[m], &plan);
            plan.lends = true;
            struct activations *lends = activations_create(&models[m], &plan);
            assert_true(activations_bytes_lent(&models[m], &plan) >= ARENA_PAGE);
            compute_gradient(&run, keeps, expected);
            for (int step = 0; step < STEPS; step++) {
                compute_gradient(&run, lends, gradient);
                assert_memory_equal(gradient, expected, bytes);
                memset(gradient, 0xff, bytes); /* as good as any later sum */
                activations_take_back(lends, gradient);
            }
            activations_free(keeps);
            activations_free(lends);
            arena_release(&own);
            arena_release(&lent);
            run_close(&run);
        }
    assert_int_equal(memory_live_blocks(), 0);
}

static void what_is_lent_is_not_read_any_more_and_lent_once(void **state)
{
    enum { MIB = 1 << 20 };
    static const struct loan_sources rows[] = {
        { 200 * MIB + 5, 260 * MIB + 9, 190 * MIB + 1, MIB / 2, 7 * MIB },   /* less than needed */
        { 900 * MIB + 5, 901 * MIB, 800 * MIB + 77, 3 * MIB, 60 * MIB + 7 }, /* more */
        { 200 * MIB, 200 * MIB, 190 * MIB + 1, 100, 100 },                   /* nothing */
    };
    (void)state;
    const struct model_config *config = &models[0];
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct gradient_loans loans;
        gradient_loans_plan(&loans, config, &rows[r]);
        assert_true(r == 2 ? loans.count == 0 : loans.count > 0);
        size_t sum = 0;
        for (int64_t i = 0; i < loans.count; i++) {
            const struct gradient_loan *loan = &loans.list[i];
            const size_t unread = rows[r].output_bytes + (size_t)loan->layers * rows[r].layer_bytes;
            const bool scratch = loan->from >= rows[r].scratch_begin;
            assert_true(loan->from >=
                        (scratch ? rows[r].scratch_begin : rows[r].kept_end - unread));
            assert_true(loan->from + loan->bytes <=
                        (scratch ? rows[r].scratch_end : rows[r].kept_end));
            assert_true(loan->bytes > 0 && loan->bytes % ARENA_PAGE == 0);
            assert_true(loan->from % ARENA_PAGE == 0 && loan->to % ARENA_PAGE == 0);
            for (int64_t j = 0; j < i; j++) {
                const struct gradient_loan *other = &loans.list[j];
                assert_true(loan->to + loan->bytes <= other->to);
                assert_true(loan->from + loan->bytes <= other->from ||
                            other->from + other->bytes <= loan->from);
            }
            sum += loan->bytes;
        }
        assert_int_equal(sum, loans.bytes);
        gradient_loans_release(&loans);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lent_gradient_has_the_same_bits_step_after_step),
        cmocka_unit_test(what_is_lent_is_not_read_any_more_and_lent_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
