/* The same mathematics compiled for double: what is left against PyTorch in
 * float64 is rounding, so that a wrong formula of any size shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/golden/golden_run.h"

/* Observed: logits 1.3e-15, gradients 3.2e-15. */
static const double tolerance = 1e-13;

static void require_agreement(const char *name)
{
    struct golden_case golden;
    struct golden_run run;
    const char *worst = "";
    golden_case_open(&golden, name);
    golden_run_init(&run, &golden, "reference", 2);
    double logits = golden_run_logits_distance(&run, "double");
    double gradient = golden_run_gradient_distance(&run, "double", &worst);
    golden_run_release(&run);
    golden_case_close(&golden);
    if (!(logits <= tolerance))
        fail_msg("logits differ by %.3g", logits);
    if (!(gradient <= tolerance))
        fail_msg("the gradient of %s differs by %.3g", worst, gradient);
}

static void gpt2_agrees_with_pytorch_to_rounding(void **state)
{
    (void)state;
    require_agreement("gpt2");
}

static void llama_with_tied_head_agrees_with_pytorch_to_rounding(void **state)
{
    (void)state;
    require_agreement("llama_tied");
}

static void llama_with_its_own_head_agrees_with_pytorch_to_rounding(void **state)
{
    (void)state;
    require_agreement("llama_untied");
}

static void gpt2_with_its_own_head_agrees_with_pytorch_to_rounding(void **state)
{
    (void)state;
    require_agreement("gpt2_untied");
}

static void llama_with_biases_and_long_context_agrees_with_pytorch_to_rounding(void **state)
{
    (void)state;
    require_agreement("llama_biased");
}

static void llama_with_slower_positions_agrees_with_pytorch_to_rounding(void **state)
{
    (void)state;
    require_agreement("llama_linear");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_agrees_with_pytorch_to_rounding),
        cmocka_unit_test(llama_with_tied_head_agrees_with_pytorch_to_rounding),
        cmocka_unit_test(llama_with_its_own_head_agrees_with_pytorch_to_rounding),
        cmocka_unit_test(gpt2_with_its_own_head_agrees_with_pytorch_to_rounding),
        cmocka_unit_test(llama_with_biases_and_long_context_agrees_with_pytorch_to_rounding),
        cmocka_unit_test(llama_with_slower_positions_agrees_with_pytorch_to_rounding),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    return failures || memory_live_blocks() != 0;
}
