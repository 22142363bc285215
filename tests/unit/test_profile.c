/* What the kernels count about themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/kernels/product.h"
#include "trainer/kernels/rows.h"

enum { SIDE = 40 };
static float A[SIDE * SIDE], B[SIDE * SIDE], C[SIDE * SIDE];

static void multiply(struct kernels *kernels, enum kernel_id id)
{
    struct product product = { .id = id,
                               .M = SIDE,
                               .N = SIDE,
                               .K = SIDE,
                               .A = A,
                               .lda = SIDE,
                               .B = B,
                               .ldb = SIDE,
                               .C = C,
                               .ldc = SIDE };
    kernels_product(kernels, &product);
}

static void a_product_is_counted_under_its_role(void **state)
{
    (void)state;
    struct kernels kernels;
    assert_int_equal(kernels_open(&kernels, "reference", 2), STATUS_OK);
    multiply(&kernels, KERNEL_PRODUCT_FORWARD);
    multiply(&kernels, KERNEL_PRODUCT_HEAD);
    multiply(&kernels, KERNEL_PRODUCT_HEAD);

    const int64_t flops = 2 * SIDE * SIDE * SIDE;
    assert_int_equal(kernels.profile[KERNEL_PRODUCT_FORWARD].calls, 1);
    assert_int_equal(kernels.profile[KERNEL_PRODUCT_FORWARD].flops, flops);
    assert_int_equal(kernels.profile[KERNEL_PRODUCT_HEAD].calls, 2);
    assert_int_equal(kernels.profile[KERNEL_PRODUCT_HEAD].flops, 2 * flops);
    assert_true(kernels.profile[KERNEL_PRODUCT_HEAD].seconds > 0);
    assert_int_equal(kernels.flops, 3 * flops);
    kernels_close(&kernels);
}

static void what_was_counted_before_is_taken_off(void **state)
{
    (void)state;
    struct kernels kernels;
    struct kernel_profile before[KERNELS], since[KERNELS];
    assert_int_equal(kernels_open(&kernels, "reference", 1), STATUS_OK);
    column_sums(&kernels, rows_of_reals(A), B, SIDE, SIDE);
    memcpy(before, kernels.profile, sizeof before);
    column_sums(&kernels, rows_of_reals(A), B, SIDE, SIDE);
    memcpy(since, kernels.profile, sizeof since);
    profile_since(since, before);

    assert_int_equal(since[KERNEL_COLUMN_SUMS].calls, 1);
    assert_int_equal(since[KERNEL_COLUMN_SUMS].bytes, SIDE * SIDE * sizeof(float));
    assert_int_equal(since[KERNEL_PRODUCT_FORWARD].calls, 0);
    kernels_close(&kernels);
}

static void every_kernel_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < KERNELS; i++)
        assert_non_null(kernel_names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_is_counted_under_its_role),
        cmocka_unit_test(what_was_counted_before_is_taken_off),
        cmocka_unit_test(every_kernel_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
