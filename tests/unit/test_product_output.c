/* What a product does with its sums: C in bf16, and the feed-forward's activation by the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/kernels/loops/bf16_math.h"
#include "trainer/kernels/product.h"
#include "trainer/kernels/rows.h"

enum { MOST_SETS = 8, PAD = 3, LARGEST = 1300 * 800 };

static struct kernels opened[MOST_SETS];
static int opened_count;
static float A[LARGEST], B[LARGEST], sums[LARGEST], bias[2048], residual[LARGEST],
    activated[LARGEST], C[LARGEST];
static bf16 C_bf16[LARGEST], activated_bf16[LARGEST];

static const int64_t sizes[][3] = { { 1, 2, 1 },      { 3, 34, 70 },   { 17, 96, 5 },
                                    { 70, 30, 33 },   { 257, 386, 9 }, { 600, 1154, 40 },
                                    { 40, 66, 12000 } /* several stretches of K */ };
enum { SIZES = sizeof sizes / sizeof *sizes };

static void fill(uint64_t stream, float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)philox_normal(philox_key(5, RANDOM_TEST), stream, (uint64_t)i);
}

static struct product product_of(const int64_t size[3])
{
    return (struct product){ .M = size[0],
                             .N = size[1],
                             .K = size[2],
                             .A = A,
                             .lda = size[2],
                             .B = B,
                             .ldb = size[1],
                             .C = sums,
                             .ldc = size[1],
                             .bias = bias,
                             .residual = residual,
                             .ld_residual = size[1] };
}

static void bf16_output_is_the_sum_rounded_once(void **state)
{
    (void)state;
    for (int k = 0; k < opened_count; k++)
        for (int i = 0; i < SIZES; i++) {
            struct product p = product_of(sizes[i]);
            kernels_product(&opened[k], &p);
            p.C = C_bf16;
            p.C_element = ELEMENT_BF16;
            p.ldc = p.N + PAD;
            memset(C_bf16, 0x55, sizeof C_bf16);
            kernels_product(&opened[k], &p);
            for (int64_t r = 0; r < p.M; r++) {
                for (int64_t c = 0; c < p.N; c++)
                    assert_int_equal(C_bf16[r * p.ldc + c], bf16_from_real(sums[r * p.N + c]));
                for (int64_t c = p.N; c < p.ldc; c++)
                    assert_int_equal(C_bf16[r * p.ldc + c], 0x5555);
            }
        }
}

/* The same as activation_forward on what was stored, bit for bit. */
static void expect_activation(struct kernels *kernels, struct product p, enum activation activation)
{
    static float by_itself[LARGEST];
    const int64_t F = activation == ACTIVATION_SWIGLU ? p.N / 2 : p.N;
    kernels_product(kernels, &p);
    activation_forward(kernels, activation, rows_of_reals(sums), rows_of_reals(by_itself), p.M, F);
    p.activation = activation;
    p.C = C;
    p.activated = activated;
    p.ld_activated = F + PAD;
    memset(activated, 0x55, sizeof activated);
    kernels_product(kernels, &p);
    assert_memory_equal(C, sums, (size_t)(p.M * p.N) * sizeof(float));
    for (int64_t r = 0; r < p.M; r++) {
        assert_memory_equal(activated + r * p.ld_activated, by_itself + r * F,
                            (size_t)F * sizeof(float));
        for (int64_t c = F; c < p.ld_activated; c++)
            assert_memory_equal(activated + r * p.ld_activated + c, "\x55\x55\x55\x55", 4);
    }
}

static void activation_by_the_way_has_the_bits_of_one_by_itself(void **state)
{
    (void)state;
    for (int k = 0; k < opened_count; k++)
        for (int i = 0; i < SIZES; i++) {
            expect_activation(&opened[k], product_of(sizes[i]), ACTIVATION_GELU);
            expect_activation(&opened[k], product_of(sizes[i]), ACTIVATION_SWIGLU);
        }
}

/* So that the backward pass, which has nothing but the stored C, sees the same argument. */
static void activation_is_of_the_rounded_sum(void **state)
{
    (void)state;
    for (int k = 0; k < opened_count; k++)
        for (int i = 0; i < SIZES; i++) {
            struct product p = product_of(sizes[i]);
            p.C = C_bf16;
            p.C_element = ELEMENT_BF16;
            p.activation = ACTIVATION_SWIGLU;
            p.activated = activated_bf16;
            p.ld_activated = p.N / 2;
            kernels_product(&opened[k], &p);
            for (int64_t j = 0; j < p.M * p.N; j++)
                sums[j] = bf16_to_real(C_bf16[j]);
            activation_forward(&opened[k], ACTIVATION_SWIGLU, rows_of_reals(sums),
                               rows_of_reals(activated), p.M, p.N / 2);
            for (int64_t j = 0; j < p.M * p.N / 2; j++)
                assert_int_equal(activated_bf16[j], bf16_from_real(activated[j]));
        }
}

static int open_all_sets(void **state)
{
    (void)state;
    fill(1, A, LARGEST);
    fill(2, B, LARGEST);
    fill(3, bias, sizeof bias / sizeof *bias);
    fill(4, residual, LARGEST);
    for (int i = 0; kernel_set_names[i]; i++)
        if (kernel_set_runs_here(kernel_set_names[i]) &&
            kernels_open(&opened[opened_count++], kernel_set_names[i], 2) != STATUS_OK)
            return -1;
    return opened_count > 0 ? 0 : -1;
}

static int close_all_sets(void **state)
{
    (void)state;
    while (opened_count > 0)
        kernels_close(&opened[--opened_count]);
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bf16_output_is_the_sum_rounded_once),
        cmocka_unit_test(activation_by_the_way_has_the_bits_of_one_by_itself),
        cmocka_unit_test(activation_is_of_the_rounded_sum),
    };
    return cmocka_run_group_tests(tests, open_all_sets, close_all_sets);
}
