/* The loops of every kernel set: the same bits as the reference's at ragged sizes and
 * unaligned addresses, and near the mathematics in double. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/kernels.h"

enum { MOST = 2600, SETS = 8, OUTPUTS = 4 };

/* Inputs that every loop finds, and what it writes: all compared. `shift` unaligns them. */
struct arena_of_reals {
    float in[3][MOST + 8];
    float out[OUTPUTS][MOST + 8];
    double scalar;
};

static struct kernels opened[SETS];
static int opened_count;

typedef void loop_under_test(const struct kernel_table *table, struct arena_of_reals *data,
                             int64_t count, int shift);

static void fill(struct arena_of_reals *data)
{
    struct philox_key key = philox_key(3, RANDOM_TEST);
    memset(data, 0, sizeof *data);
    for (uint64_t a = 0; a < 3; a++)
        for (uint64_t i = 0; i < MOST + 8; i++)
            data->in[a][i] = (float)(3 * philox_normal(key, a, i));
    for (uint64_t a = 0; a < OUTPUTS; a++)
        for (uint64_t i = 0; i < MOST + 8; i++)
            data->out[a][i] = (float)philox_normal(key, 10 + a, i);
}

/* Runs the loop in all sets that this CPU has and expects every byte to be the reference's. */
static void expect_equal_bits(loop_under_test *loop)
{
    static const int64_t counts[] = {
        1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 100, 255, 1031, 2500
    };
    static struct arena_of_reals expected, got;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int shift = 0; shift < 4; shift++) {
            fill(&expected);
            loop(opened[0].table, &expected, counts[c], shift);
            for (int s = 1; s < opened_count; s++) {
                fill(&got);
                loop(opened[s].table, &got, counts[c], shift);
                if (memcmp(&got, &expected, sizeof got) != 0)
                    fail_msg("set '%s' differs at count %lld, shift %d", opened[s].name,
                             (long long)counts[c], shift);
            }
        }
}

static void norm_loop(const struct kernel_table *table, struct arena_of_reals *d, int64_t count,
                      int shift)
{
    for (int centred = 0; centred < 2; centred++) {
        struct norm norm = { d->in[1] + shift, centred ? d->in[2] + shift : NULL, count, 1e-5f,
                             centred };
        float *n = d->out[0] + shift, *mean = d->out[1], *rstd = d->out[1] + 1;
        table->norm->forward(&norm, d->in[0] + shift, ELEMENT_REAL, n, mean, rstd, 1);
        table->norm->apply(&norm, d->in[0] + shift, ELEMENT_BF16, d->out[0] + shift, mean, rstd, 1);
        const struct norm_sums one = { d->out[3], NULL, NULL, true };
        table->norm->backward(&norm, d->in[2] + shift, d->in[0] + shift, mean, rstd,
                              d->out[2] + shift, 1, &one);

        float *dn = d->in[2] + shift; /* three rows, which become their sums */
        norm.C = count / 3;
        rstd = mean + 3;
        const struct norm_sums three = { dn, centred ? dn + norm.C : NULL, dn + 2 * norm.C, false };
        table->norm->forward(&norm, d->in[0] + shift, ELEMENT_REAL, n, mean, rstd, 3);
        table->norm->backward(&norm, dn, d->in[0] + shift, mean, rstd, d->out[2] + shift, 3,
                              &three);
    }
}

static void norms_have_equal_bits_in_all_sets(void **state)
{
    (void)state;
    expect_equal_bits(norm_loop);
}

/* Floats as bf16, in their place. */
static bf16 *narrowed(float *values)
{
    bf16 *out = (bf16 *)values;
    for (int i = 0; i < MOST + 8; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        memcpy(out + i, (char *)&bits + 2, sizeof *out);
    }
    return out;
}

static void activation_loop(const struct kernel_table *table, struct arena_of_reals *d,
                            int64_t count, int shift)
{
    const struct activation_loops *loops = table->activation;
    loops->gelu(ELEMENT_REAL, d->in[0] + shift, d->out[0] + shift, count);
    loops->gelu_backward(ELEMENT_REAL, d->out[1] + shift, d->out[2] + shift, count);
    loops->swiglu(ELEMENT_REAL, d->in[1] + shift, d->out[3] + shift, 1, count / 2);
    loops->swiglu_backward(ELEMENT_REAL, d->in[2] + shift, d->out[0] + shift, 1, count / 2);
}

static void narrow_activation_loop(const struct kernel_table *table, struct arena_of_reals *d,
                                   int64_t count, int shift)
{
    const struct activation_loops *loops = table->activation;
    bf16 *x = narrowed(d->in[0]), *pairs = narrowed(d->in[1]), *y = narrowed(d->out[0]);
    loops->gelu(ELEMENT_BF16, x + shift, y + shift, count);
    loops->swiglu(ELEMENT_BF16, x + shift, y + MOST, 1, count / 2);
    loops->gelu_backward(ELEMENT_BF16, x + shift, narrowed(d->out[1]) + shift, count);
    loops->swiglu_backward(ELEMENT_BF16, pairs + shift, narrowed(d->out[2]) + shift, 1, count / 2);
}

static void activations_have_equal_bits_in_all_sets(void **state)
{
    (void)state;
    expect_equal_bits(activation_loop);
    expect_equal_bits(narrow_activation_loop);
}

enum { STRIPE_KEYS = 64 };

/* A stripe in which all see the keys [4, 20), and query j besides these [j / 9, 20 + j). */
static struct score_stripe ragged_stripe(const float *scores, int64_t keys)
{
    struct score_stripe stripe = { .scores = scores, .keys = keys, .scale = 0.3f };
    stripe.all_first = keys < 20 ? 0 : 4;
    stripe.all_end = keys < 20 ? 0 : 20;
    for (int j = 0; j < STRIPE; j++) {
        const int end = (int)(keys < 20 ? keys * j / STRIPE : 20 + j);
        stripe.first[j] = (float)(j / 9);
        stripe.end[j] = (float)(end < keys ? end : keys);
    }
    return stripe;
}

static void softmax_loop(const struct kernel_table *table, struct arena_of_reals *d, int64_t count,
                         int shift)
{
    const struct softmax_loops *softmax = table->softmax;
    float *max = d->out[3], *sum = d->out[3] + 1;
    *max = -FLT_MAX;
    *sum = 0;
    softmax->online_row(d->out[0] + shift, (struct key_range){ 0, count }, count, 0.3f, max, sum);
    d->out[3][2] = softmax->online_row(d->in[0] + shift, (struct key_range){ 1, count - 3 }, count,
                                       0.3f, max, sum);
}

/* Into tiles of both elements, which hold what is compared in `out`. */
static void stripe_loop(const struct kernel_table *table, struct arena_of_reals *d, int64_t count,
                        int shift)
{
    const struct softmax_loops *softmax = table->softmax;
    const int64_t keys = count < STRIPE_KEYS ? count : STRIPE_KEYS;
    const struct score_stripe stripe = ragged_stripe(d->in[0] + shift, keys);
    float *max = d->out[3] + shift, *sum = max + STRIPE, *decay = sum + STRIPE;
    for (int element = 0; element < ELEMENTS; element++) {
        const int64_t depth = tile_depth((enum element)element), across = STRIPE / depth;
        for (int j = 0; j < STRIPE; j++) {
            max[j] = j % 3 ? -FLT_MAX : -9;
            sum[j] = j % 3 ? 0 : 1;
        }
        softmax->online_stripe((enum element)element, &stripe, max, sum, decay, d->out[element],
                               tiles_across(keys, depth));
        softmax->logsumexp(max, sum, sum, STRIPE);
        const struct stripe_tiles tiles = { .left_weights = d->out[0],
                                            .left_gradients = d->out[1],
                                            .left_stride = across,
                                            .left_keys = STRIPE_KEYS,
                                            .right_gradients = d->out[2],
                                            .right_stride = tiles_across(keys, depth) };
        if (element == ELEMENT_BF16)
            softmax->stripe_gradients(ELEMENT_BF16, &stripe, d->in[1] + shift, sum, decay, &tiles);
    }
    const int64_t rows = count < 70 ? count : 70;
    softmax->scale_stripe(d->in[2] + shift, rows, max);
    softmax->store_stripe(d->in[2] + shift, rows, sum, ELEMENT_BF16, d->out[3] + 200, 80, 21);
}

static void real_gradient_loop(const struct kernel_table *table, struct arena_of_reals *d,
                               int64_t count, int shift)
{
    const int64_t keys = count < STRIPE_KEYS ? count : STRIPE_KEYS;
    const struct score_stripe stripe = ragged_stripe(d->in[0] + shift, keys);
    const struct stripe_tiles tiles = { .left_weights = d->out[0],
                                        .left_gradients = d->out[1],
                                        .left_stride = 2,
                                        .left_keys = STRIPE_KEYS,
                                        .right_gradients = d->out[2],
                                        .right_stride = tiles_across(keys, TILE_SIDE) };
    table->softmax->stripe_gradients(ELEMENT_REAL, &stripe, d->in[1] + shift, d->in[2],
                                     d->in[2] + shift, &tiles);
    table->softmax->store_stripe(d->in[2] + shift, count < 70 ? count : 70, d->in[1], ELEMENT_REAL,
                                 d->out[3], 80, 32);
}

static void softmaxes_have_equal_bits_in_all_sets(void **state)
{
    (void)state;
    expect_equal_bits(softmax_loop);
    expect_equal_bits(stripe_loop);
    expect_equal_bits(real_gradient_loop);
}

static void loss_loop(const struct kernel_table *table, struct arena_of_reals *d, int64_t count,
                      int shift)
{
    const int32_t target = (int32_t)(count / 3);
    d->out[3][0] = (float)table->loss->cross_entropy_row(d->out[1] + shift, count, target);
    d->scalar = table->loss->cross_entropy_gradient_row(d->out[2] + shift, count, target, 1e-2,
                                                        ELEMENT_REAL);
    d->scalar += table->loss->cross_entropy_gradient_row(d->in[1] + shift, count, target, 1e-2,
                                                         ELEMENT_BF16);
}

static void losses_have_equal_bits_in_all_sets(void **state)
{
    (void)state;
    expect_equal_bits(loss_loop);
}

static void vector_loop(const struct kernel_table *table, struct arena_of_reals *d, int64_t count,
                        int shift)
{
    const struct vector_loops *vector = table->vector;
    d->scalar = vector->dot(d->in[0] + shift, d->in[1], count);
    vector->add(d->in[0] + shift, d->in[1], d->out[0] + shift, count);
    vector->scale(d->out[1] + shift, 0.7f, count);
    vector->rotate(ELEMENT_REAL, d->in[2] + shift, 1, count / 2, d->in[0], d->in[1], -1);
    vector->column_sums(ELEMENT_REAL, d->in[1] + shift, d->out[2] + shift, 2, count / 2, count / 2);
    bf16 *narrow = narrowed(d->in[2]) + shift;
    vector->rotate(ELEMENT_BF16, narrow, 1, count / 2, d->in[0], d->in[1], 1);
    vector->column_sums(ELEMENT_BF16, narrow, d->out[2] + MOST / 2, 2, count / 2, count / 2);
    int64_t K = count / 50 + 1, N = count / K;
    vector->vector_product(d->in[1], d->in[0] + shift, N, false, d->out[3] + shift, N, K, true);
    vector->vector_product(d->in[1], d->in[0] + shift, K, true, d->out[1] + shift, N, K, false);
}

static void vector_loops_have_equal_bits_in_all_sets(void **state)
{
    (void)state;
    expect_equal_bits(vector_loop);
}

static void optimizer_loop(const struct kernel_table *table, struct arena_of_reals *d,
                           int64_t count, int shift)
{
    const struct adamw_scalars scalars = { 1e-3, 0.9, 0.95, 1e-8, 0.1, 0.5, 0.1, 0.05 };
    for (int64_t i = 0; i < count; i++)
        d->out[2][i + shift] *= d->out[2][i + shift];
    table->optimizer->adamw_update(d->out[0] + shift, d->in[0] + shift, d->out[1] + shift,
                                   d->out[2] + shift, count, &scalars);
    table->optimizer->nesterov_momentum(d->out[3] + shift, d->out[1] + shift, count, 0.5, 0.95);
    table->optimizer->descend(d->out[0] + shift, d->out[3] + shift, count, 1e-3, 0.1);
    d->scalar = table->optimizer->sum_of_squares(d->in[1] + shift, count);
}

static void optimizer_loops_have_equal_bits_in_all_sets(void **state)
{
    (void)state;
    expect_equal_bits(optimizer_loop);
}

static void bf16_is_written_as_the_nearest_of_what_is_computed(void **state)
{
    (void)state;
    float x[MOST], y[MOST];
    bf16 x_narrow[MOST], y_narrow[MOST];
    for (int i = 0; i < MOST; i++) {
        uint32_t bits = (uint32_t)(0x4000 + (i % 2 << 15 | i % 300)) << 16; /* 2, -2, 2.016, ... */
        memcpy(&x[i], &bits, sizeof bits);
        x_narrow[i] = (bf16)(bits >> 16);
    }
    for (int s = 0; s < opened_count; s++) {
        opened[s].table->activation->gelu(ELEMENT_REAL, x, y, MOST);
        opened[s].table->activation->gelu(ELEMENT_BF16, x_narrow, y_narrow, MOST);
        for (int i = 0; i < MOST; i++) {
            uint32_t bits = (uint32_t)y_narrow[i] << 16;
            float rounded;
            memcpy(&rounded, &bits, sizeof bits);
            assert_true(fabsf(rounded - y[i]) <= fabsf(y[i]) / 256);
        }
    }
}

/* Observed: 8.6e-8 relative for exp, 5.1e-7 for GELU, whose values go up to 8.6. */
static void exponential_and_gelu_are_near_those_of_the_library(void **state)
{
    (void)state;
    double worst_exp = 0, worst_gelu = 0;
    for (int i = -8600; i <= 0; i++) {
        float x = (float)i * 0.01f, p[16] = { x, 0 }, y, max = 0, sum = 0;
        opened[0].table->softmax->online_row(p, (struct key_range){ 0, 1 }, 1, 1, &max, &sum);
        worst_exp = fmax(worst_exp, fabs(p[0] / exp((double)x) - 1));
        x = (float)(i + 4300) * 0.002f;
        opened[0].table->activation->gelu(ELEMENT_REAL, &x, &y, 1);
        double u = sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * pow((double)x, 3));
        worst_gelu = fmax(worst_gelu, fabs(y - 0.5 * x * (1 + tanh(u))));
    }
    print_message("exp: %.1e relative, gelu: %.1e\n", worst_exp, worst_gelu);
    assert_true(worst_exp < 2e-7);
    assert_true(worst_gelu < 2e-6);
}

static void cross_entropy_of_equal_logits_is_the_logarithm_of_their_number(void **state)
{
    (void)state;
    static float logits[50257];
    for (int i = 0; i < 50257; i++)
        logits[i] = 3.25f;
    double loss =
        opened[0].table->loss->cross_entropy_gradient_row(logits, 50257, 7, 0, ELEMENT_REAL);
    assert_true(fabs(loss - log(50257)) < 1e-12);
    assert_true(fabs(logits[8] * 50257.0 - 1) < 1e-6);
    assert_true(fabs((logits[7] + 1) * 50257.0 - 1) < 2e-3); /* 1 - 2e-5 in float */
}

static float bf16_value(bf16 x)
{
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* From block to block the largest logit grows (or not), by little or by so much that nothing of
 * those before is left. */
static void check_growing_logits(int count, double slope)
{
    static float logits[300000], narrow[300000];
    const int target = count / 2;
    double worst = 0, largest = fmax(0, slope * count), sum = DBL_MIN;
    for (int i = 0; i < count; i++) {
        logits[i] = narrow[i] = (float)(slope * i - 50) + 0.5f * (float)(i % 5);
        sum += exp(logits[i] - largest);
    }
    const double log_sum = log(sum) + largest, expected = log_sum - logits[target];
    const struct loss_loops *loops = opened[0].table->loss;
    const double loss = loops->cross_entropy_gradient_row(logits, count, target, 0, ELEMENT_REAL);
    const double same = loops->cross_entropy_gradient_row(narrow, count, target, 0, ELEMENT_BF16);
    assert_true(fabs(loss - expected) < 1e-6 * fabs(expected));
    assert_true(loss == same);
    for (int i = 0; i < count; i++) {
        float x = (float)(slope * i - 50) + 0.5f * (float)(i % 5);
        double softmax = exp(x - log_sum) - (i == target);
        worst = fmax(worst, fabs(logits[i] - softmax));
        assert_true(fabs(bf16_value(((bf16 *)narrow)[i]) - logits[i]) <= fabs(logits[i]) / 256);
    }
    print_message("%d logits, slope %.0e: gradient to %.1e\n", count, slope, worst);
    assert_true(worst < 1e-6);
}

static void cross_entropy_is_that_of_a_row_whose_largest_comes_late(void **state)
{
    (void)state;
    check_growing_logits(5000, 1e-3);
    check_growing_logits(5000, 1);
    check_growing_logits(5000, -1);
    check_growing_logits(300000, 1e-4); /* more than 256 blocks of 1,024 */
}

static void what_is_not_finite_is_not_hidden(void **state)
{
    (void)state;
    static const float bad[] = { NAN, INFINITY };
    for (int i = 0; i < 2; i++)
        for (int s = 0; s < opened_count; s++) {
            const struct kernel_table *table = opened[s].table;
            float logits[40] = { 0 }, x = bad[i], y;
            logits[21] = bad[i];
            assert_false(
                isfinite(table->loss->cross_entropy_gradient_row(logits, 40, 3, 0, ELEMENT_REAL)));
            assert_false(isfinite(table->optimizer->sum_of_squares(&x, 1)));
            table->activation->gelu(ELEMENT_REAL, &x, &y, 1);
            assert_false(isfinite(y));
            const bf16 narrow = isnan(x) ? 0xff81 : 0x7f80; /* a signalling NaN, infinity */
            bf16 narrow_y;
            table->activation->gelu(ELEMENT_BF16, &narrow, &narrow_y, 1);
            assert_int_equal(narrow_y, isnan(x) ? 0x7fc0 : 0x7f80);
        }
}

static int open_all_sets(void **state)
{
    (void)state;
    for (int i = 0; kernel_set_names[i]; i++)
        if (kernel_set_runs_here(kernel_set_names[i]) &&
            kernels_open(&opened[opened_count++], kernel_set_names[i], 1) != STATUS_OK)
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
        cmocka_unit_test(norms_have_equal_bits_in_all_sets),
        cmocka_unit_test(activations_have_equal_bits_in_all_sets),
        cmocka_unit_test(softmaxes_have_equal_bits_in_all_sets),
        cmocka_unit_test(losses_have_equal_bits_in_all_sets),
        cmocka_unit_test(vector_loops_have_equal_bits_in_all_sets),
        cmocka_unit_test(optimizer_loops_have_equal_bits_in_all_sets),
        cmocka_unit_test(bf16_is_written_as_the_nearest_of_what_is_computed),
        cmocka_unit_test(exponential_and_gelu_are_near_those_of_the_library),
        cmocka_unit_test(cross_entropy_of_equal_logits_is_the_logarithm_of_their_number),
        cmocka_unit_test(cross_entropy_is_that_of_a_row_whose_largest_comes_late),
        cmocka_unit_test(what_is_not_finite_is_not_hidden),
    };
    return cmocka_run_group_tests(tests, open_all_sets, close_all_sets);
}
