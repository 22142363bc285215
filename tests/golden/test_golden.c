/* The trainer's mathematics against transformers and PyTorch, in float32. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tests/golden/golden_run.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/optimizer/learning_rate.h"

static const char *const case_names[] = { "gpt2",         "gpt2_untied",  "llama_tied",
                                          "llama_untied", "llama_biased", "llama_linear" };
enum { CASES = 6 };

/* The largest distances observed, over all cases, kernel sets and both precisions (PyTorch's own
 * float32 is as far from its float64):
 *                      logits   gradients   losses   norms
 *     reference        7.3e-7   1.4e-6      1.6e-7   9.0e-7
 *     the others       8.0e-7   1.6e-6      1.6e-7   4.8e-7
 *     PyTorch          5.6e-7   1.2e-6      1.6e-7   3.0e-7                                     */
static const double tolerance = 1e-5;

typedef void golden_check(struct golden_run *run, const char *precision);

/* Every case, on every kernel set that runs here, against both precisions. */
static void for_every_case_and_kernel_set(golden_check *check)
{
    for (int i = 0; i < CASES; i++) {
        struct golden_case golden;
        golden_case_open(&golden, case_names[i]);
        for (int set = 0; kernel_set_names[set]; set++) {
            if (!kernel_set_runs_here(kernel_set_names[set]))
                continue;
            for (int precision = 0; precision < 2; precision++) {
                struct golden_run run;
                golden_run_init(&run, &golden, kernel_set_names[set], 1 + precision);
                check(&run, precision ? "single" : "double");
                golden_run_release(&run);
            }
        }
        golden_case_close(&golden);
    }
}

static void require(const struct golden_run *run, const char *precision, const char *what,
                    double distance)
{
    if (!(distance <= tolerance))
        fail_msg("%s, %s kernels: %s differs by %.3g from PyTorch in %s precision",
                 run->golden->file.path, run->kernels.name, what, distance, precision);
}

static void check_logits(struct golden_run *run, const char *precision)
{
    require(run, precision, "logits", golden_run_logits_distance(run, precision));
}

static void logits_are_those_of_pytorch(void **state)
{
    (void)state;
    for_every_case_and_kernel_set(check_logits);
}

static void check_gradients(struct golden_run *run, const char *precision)
{
    const char *worst = "";
    double distance = golden_run_gradient_distance(run, precision, &worst);
    require(run, precision, worst, distance);
}

static void every_gradient_is_that_of_pytorch(void **state)
{
    (void)state;
    for_every_case_and_kernel_set(check_gradients);
}

/* The first tokens at once, as a prompt, and then one by one. */
static void check_decoder(struct golden_run *run, const char *precision)
{
    const struct golden_case *golden = run->golden;
    int64_t V = golden->config.vocab_size, T = golden->positions, prompt = 5;
    double *expected = golden_case_values(golden, "logits", precision, golden->sequences * T * V);
    double *own = memory_alloc_zeroed((size_t)V, sizeof *own);
    real *logits = memory_alloc_zeroed((size_t)V, sizeof *logits);
    struct decoder *decoder = decoder_create(&run->model, T);

    golden_batch(golden, 0, run->tokens, run->targets);
    for (int64_t at = 0; at < T; at = decoder_position(decoder)) {
        int64_t count = at == 0 ? prompt : 1;
        assert_int_equal(decoder_append(decoder, &run->kernels, run->tokens + at, count, logits),
                         STATUS_OK);
        for (int64_t v = 0; v < V; v++)
            own[v] = (double)logits[v];
        require(run, precision, "decoder's logits",
                golden_distance(own, expected + (at + count - 1) * V, V));
    }
    decoder_free(decoder);
    memory_free(logits);
    memory_free(own);
    memory_free(expected);
}

static void decoder_with_its_cache_has_the_logits_of_pytorch(void **state)
{
    (void)state;
    for_every_case_and_kernel_set(check_decoder);
}

static const struct world alone = { .rank = 0, .size = 1 };

/* One update as the trainer makes it, on a world of one rank. */
static double train_one_step(struct golden_run *run, struct optimizer *optimizer, int64_t step,
                             double rate, double *norm)
{
    struct loss loss = golden_run_step(run, step);
    double scale = 1.0 / (double)loss.targets;
    *norm =
        scale * gradient_norm(&alone, &run->kernels, run->gradient, run->model.table.element_count);
    optimizer_update(optimizer, &run->kernels, run->model.parameters, run->gradient, rate,
                     scale * gradient_clip_factor(*norm, run->golden->clip_norm));
    return loss.sum * scale;
}

static void check_training(struct golden_run *run, const char *precision)
{
    const struct golden_case *golden = run->golden;
    double *rates = golden_case_values(golden, "learning_rates", NULL, golden->steps);
    double *losses = golden_case_values(golden, "losses", precision, golden->steps);
    double *norms = golden_case_values(golden, "norms", precision, golden->steps);
    double *own = memory_alloc_zeroed(2 * (size_t)golden->steps, sizeof *own);
    double *own_norms = own + golden->steps;
    const struct optimizer_settings settings = {
        .kind = OPTIMIZER_ADAMW,
        .adamw = { golden->beta1, golden->beta2, golden->epsilon },
        .weight_decay = golden->weight_decay,
    };
    struct optimizer optimizer;
    optimizer_init(&optimizer, &settings, &alone, &run->model.table);
    for (int64_t step = 0; step < golden->steps; step++)
        own[step] = train_one_step(run, &optimizer, step, rates[step], &own_norms[step]);
    optimizer_release(&optimizer);

    require(run, precision, "losses of ten steps", golden_distance(own, losses, golden->steps));
    require(run, precision, "norms of ten steps", golden_distance(own_norms, norms, golden->steps));
    memory_free(own);
    memory_free(norms);
    memory_free(losses);
    memory_free(rates);
}

static void ten_updates_have_the_losses_of_pytorch(void **state)
{
    (void)state;
    for_every_case_and_kernel_set(check_training);
}

static void schedule_is_the_one_that_pytorch_was_given(void **state)
{
    (void)state;
    const struct learning_rate schedule = {
        .kind = SCHEDULE_COSINE, .peak = 3e-3, .minimum = 3e-4, .warmup_steps = 3, .total_steps = 10
    };
    double own[10];
    struct golden_case golden;
    golden_case_open(&golden, case_names[0]);
    double *rates = golden_case_values(&golden, "learning_rates", NULL, 10);
    for (int64_t step = 0; step < 10; step++)
        own[step] = learning_rate_at(&schedule, step);
    assert_true(golden_distance(own, rates, 10) < 1e-12); /* observed 2e-16 */
    memory_free(rates);
    golden_case_close(&golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_pytorch),
        cmocka_unit_test(every_gradient_is_that_of_pytorch),
        cmocka_unit_test(decoder_with_its_cache_has_the_logits_of_pytorch),
        cmocka_unit_test(ten_updates_have_the_losses_of_pytorch),
        cmocka_unit_test(schedule_is_the_one_that_pytorch_was_given),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    return failures || memory_live_blocks() != 0;
}
