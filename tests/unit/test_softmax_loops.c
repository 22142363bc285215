/* Attention's softmax, of every kernel set: a stripe of queries against the definition, in double.
 * That sets have the same bits is test_kernel_loops'. */
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

enum { KEYS = 64, SCORES = KEYS * STRIPE, SETS = 8 };

static struct kernels opened[SETS];
static int opened_count;

/* About 3 in size. */
static void fill(uint64_t index, float *values, int64_t count)
{
    struct philox_key key = philox_key(4, RANDOM_TEST);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(3 * philox_normal(key, index, (uint64_t)i));
}

static bool sees(const struct score_stripe *stripe, int j, int key)
{
    return key >= (int)stripe->first[j] && key < (int)stripe->end[j];
}

/* Query j sees the keys [j / 9, 20 + j) of 50: all see [4, 20). Or its last query is not there. */
static struct score_stripe ragged_stripe(const float *scores, int queries)
{
    struct score_stripe stripe = { .scores = scores, .keys = 50, .scale = 0.3f };
    stripe.all_first = 4;
    stripe.all_end = queries == STRIPE ? 20 : 0;
    for (int j = 0; j < queries; j++) {
        stripe.first[j] = (float)(j / 9);
        stripe.end[j] = (float)(20 + j < 50 ? 20 + j : 50);
    }
    return stripe;
}

/* Element `index` of tiles, whose rows are 16 units long. */
static float unpacked(const float *tiles, enum element element, int64_t index)
{
    if (element == ELEMENT_REAL)
        return tiles[index];
    union {
        uint32_t bits;
        float value;
    } f = { .bits = (uint32_t)((const bf16 *)(const void *)tiles)[index] << 16 };
    return f.value;
}

/* Of key `key` and query `j` in left tiles [KEYS,STRIPE]: tiles.h. */
static float in_left_tiles(const float *tiles, enum element element, int key, int j)
{
    const int64_t depth = tile_depth(element), across = STRIPE / depth;
    const int64_t tile = key / TILE_SIDE * across + j / depth;
    return unpacked(tiles, element, (tile * TILE_SIDE + key % TILE_SIDE) * depth + j % depth);
}

/* In right tiles [keys,STRIPE], `stride` of them along the keys. */
static float in_right_tiles(const float *tiles, enum element element, int64_t stride, int key,
                            int j)
{
    const int64_t depth = tile_depth(element), pair = depth / TILE_SIDE;
    const int64_t row = j / TILE_SIDE * stride * TILE_SIDE + key / pair;
    return unpacked(tiles, element, (row * TILE_SIDE + j % TILE_SIDE) * pair + key % pair);
}

struct stripe_results {
    float max[STRIPE], sum[STRIPE], decay[STRIPE], logsumexp[STRIPE], dots[STRIPE];
    float right_weights[SCORES], left_weights[SCORES];
    float left_gradients[SCORES], right_gradients[SCORES];
    int64_t stride;
};

static void run(const struct kernels *kernels, enum element element,
                const struct score_stripe *stripe, const float *dscores, struct stripe_results *r)
{
    const struct softmax_loops *softmax = kernels->table->softmax;
    memset(r, 0xff, sizeof *r); /* NaN, where nothing is written */
    r->stride = tiles_across(stripe->keys, tile_depth(element));
    for (int j = 0; j < STRIPE; j++) {
        r->max[j] = -FLT_MAX;
        r->sum[j] = 0;
        r->dots[j] = 0.1f * (float)j;
    }
    softmax->online_stripe(element, stripe, r->max, r->sum, r->decay, r->right_weights, r->stride);
    softmax->logsumexp(r->max, r->sum, r->logsumexp, STRIPE);
    const struct stripe_tiles tiles = { .left_weights = r->left_weights,
                                        .left_gradients = r->left_gradients,
                                        .left_stride = STRIPE / tile_depth(element),
                                        .left_keys = KEYS,
                                        .right_gradients = r->right_gradients,
                                        .right_stride = r->stride };
    softmax->stripe_gradients(element, stripe, dscores, r->logsumexp, r->dots, &tiles);
}

static void expect_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fmax(fabs(want), 1e-3)))
        fail_msg("%g instead of %g", got, want);
}

/* Query j by the definition, in double. */
static void expect_query(const struct stripe_results *r, enum element element,
                         const struct score_stripe *stripe, const float *dscores, int j)
{
    const double tolerance = element == ELEMENT_REAL ? 2e-6 : 4.1e-3;
    double sum = 0;
    for (int key = 0; key < KEYS; key++)
        if (sees(stripe, j, key))
            sum += exp((double)stripe->scale * stripe->scores[key * STRIPE + j]);
    if (sum > 0)
        expect_near(r->logsumexp[j], log(sum), 2e-6);
    for (int key = 0; key < KEYS; key++) {
        const bool seen = sees(stripe, j, key);
        const double score = (double)stripe->scale * stripe->scores[key * STRIPE + j];
        const double p = seen ? exp(score) / sum : 0, dp = dscores[key * STRIPE + j];
        const double ds = seen ? stripe->scale * p * (dp - r->dots[j]) : 0;
        expect_near(in_left_tiles(r->left_weights, element, key, j), p, tolerance);
        expect_near(in_left_tiles(r->left_gradients, element, key, j), ds, tolerance);
        if (key >= r->stride * tile_depth(element))
            continue;
        expect_near(in_right_tiles(r->right_gradients, element, r->stride, key, j), ds, tolerance);
        const double power = seen ? exp2((double)r->max[j]) : 0;
        expect_near(power * in_right_tiles(r->right_weights, element, r->stride, key, j),
                    seen ? exp(score) : 0, tolerance);
    }
}

static void a_stripe_of_queries_sees_what_it_should(void **state)
{
    (void)state;
    static float scores[SCORES], dscores[SCORES];
    static struct stripe_results results;
    fill(0, scores, SCORES);
    fill(1, dscores, SCORES);
    for (int queries = STRIPE - 1; queries <= STRIPE; queries++)
        for (int s = 0; s < opened_count; s++)
            for (int element = 0; element < ELEMENTS; element++) {
                const struct score_stripe stripe = ragged_stripe(scores, queries);
                run(&opened[s], (enum element)element, &stripe, dscores, &results);
                for (int j = 0; j < STRIPE; j++)
                    expect_query(&results, (enum element)element, &stripe, dscores, j);
            }
}

/* Blocks of keys whose scores grow from one to the next: what was summed before decays, but not
 * for less than a growth that bf16 and float stand easily. */
static void a_sum_goes_on_over_blocks_of_keys(void **state)
{
    (void)state;
    static float scores[SCORES], tiles[SCORES];
    for (int s = 0; s < opened_count; s++) {
        const struct softmax_loops *softmax = opened[s].table->softmax;
        float max[STRIPE], sum[STRIPE] = { 0 }, decay[STRIPE], logs[STRIPE];
        double want[STRIPE] = { 0 }, weight = 0;
        for (int j = 0; j < STRIPE; j++)
            max[j] = -FLT_MAX;
        for (int block = 0; block < 9; block++) {
            fill((uint64_t)block, scores, SCORES);
            for (int i = 0; i < SCORES; i++) {
                scores[i] += (float)(block * (i % STRIPE) % 40);
                want[i % STRIPE] += exp((double)scores[i]);
            }
            const struct score_stripe stripe = {
                .scores = scores, .keys = KEYS, .all_end = KEYS, .scale = 1
            };
            softmax->online_stripe(ELEMENT_REAL, &stripe, max, sum, decay, tiles, 4);
            for (int j = 0; j < STRIPE; j++)
                weight = j == 7 ? weight * decay[j] + tiles[7] : weight; /* of key 0 */
        }
        softmax->logsumexp(max, sum, logs, STRIPE);
        for (int j = 0; j < STRIPE; j++)
            expect_near(logs[j], log(want[j]), 2e-6);
        double expected = 0;
        for (int block = 0; block < 9; block++) {
            fill((uint64_t)block, scores, SCORES);
            expected += exp((double)scores[7] + block * 7 % 40 - max[7] * log(2));
        }
        expect_near(weight, expected, 1e-5);
    }
}

/* Powers of two whose exponents are exact floats. Observed: 8.0e-8 relative; and of logarithms of
 * sums, 9.0e-8 of the larger of them and 1. */
static void powers_and_logarithms_are_near_those_of_the_library(void **state)
{
    (void)state;
    static float scores[SCORES], dscores[SCORES];
    static float weights[SCORES], unused[2][SCORES];
    static const float zeros[STRIPE];
    double worst_power = 0, worst_log = 0;
    for (int i = 0; i < SCORES; i++)
        scores[i] = -(float)i * 125.9f / SCORES;
    const struct score_stripe stripe = {
        .scores = scores, .keys = KEYS, .all_end = KEYS, .scale = 0.69314718f
    };
    const struct stripe_tiles tiles = { weights, unused[0], 2, KEYS, unused[1], 4 };
    assert_true(stripe.scale * 1.44269504f == 1);
    for (int s = 0; s < opened_count; s++) {
        const struct softmax_loops *softmax = opened[s].table->softmax;
        softmax->stripe_gradients(ELEMENT_REAL, &stripe, dscores, zeros, zeros, &tiles);
        for (int i = 0; i < SCORES; i++) {
            const double p = in_left_tiles(weights, ELEMENT_REAL, i / STRIPE, i % STRIPE);
            worst_power = fmax(worst_power, fabs(p / exp2((double)scores[i]) - 1));
        }
        for (int i = 1; i < 20000; i++) {
            const float max = (float)(i % 7), sum = (float)i * 0.13f + 0.2f;
            const double want = log(2) * (double)max + log((double)sum);
            float got;
            softmax->logsumexp(&max, &sum, &got, 1);
            worst_log = fmax(worst_log, fabs((double)got - want) / fmax(fabs(want), 1));
        }
    }
    print_message("2^x: %.1e relative, log: %.1e\n", worst_power, worst_log);
    assert_true(worst_power < 2e-7);
    assert_true(worst_log < 3e-7);
}

/* In one score of query 5. */
static void what_is_not_finite_is_not_hidden(void **state)
{
    (void)state;
    static const float bad[] = { NAN, INFINITY };
    static float scores[SCORES], dscores[SCORES];
    static struct stripe_results results;
    const struct score_stripe stripe = {
        .scores = scores, .keys = KEYS, .all_end = KEYS, .scale = 1
    };
    for (int i = 0; i < 2; i++)
        for (int s = 0; s < opened_count; s++)
            for (int element = 0; element < ELEMENTS; element++) {
                scores[7 * STRIPE + 5] = bad[i];
                run(&opened[s], (enum element)element, &stripe, dscores, &results);
                assert_false(isfinite(results.logsumexp[5]));
                assert_true(isfinite(results.logsumexp[4]) && isfinite(results.logsumexp[6]));
                assert_false(
                    isfinite(in_left_tiles(results.left_gradients, (enum element)element, 7, 5)));
            }
}

/* Ragged, into reals and into bf16. */
static void a_stripe_is_stored_as_rows(void **state)
{
    (void)state;
    enum { COUNT = 21, LD = 32, QUERIES = 19 };
    static float columns[2 * TILE_SIDE * STRIPE];
    _Alignas(64) float factors[STRIPE], rows[STRIPE * LD];
    bf16 narrow[STRIPE * LD];
    fill(0, columns, 2 * TILE_SIDE * STRIPE);
    fill(1, factors, STRIPE);
    for (int s = 0; s < opened_count; s++) {
        const struct softmax_loops *softmax = opened[s].table->softmax;
        memset(rows, 0, sizeof rows);
        softmax->store_stripe(columns, COUNT, factors, ELEMENT_REAL, rows, LD, QUERIES);
        softmax->store_stripe(columns, COUNT, factors, ELEMENT_BF16, narrow, LD, QUERIES);
        for (int q = 0; q < STRIPE; q++)
            for (int i = 0; i < LD; i++) {
                const bool is_there = q < QUERIES && i < COUNT;
                const float want = is_there ? columns[i * STRIPE + q] * factors[q] : 0;
                assert_true(rows[q * LD + i] == want);
                if (is_there) {
                    const float half = unpacked((float *)(void *)narrow, ELEMENT_BF16, q * LD + i);
                    assert_true(fabsf(half - want) <= fabsf(want) / 256);
                }
            }
    }
}

/* From the beginning of a line of the cache, where stores may go past it, and from elsewhere. */
static void rows_are_copied_and_nothing_beside_them(void **state)
{
    (void)state;
    enum { ROWS = 5, WIDTH = 53, LD = 64, SHIFTS = 3 };
    static _Alignas(64) float rows[ROWS * LD + SHIFTS];
    static float from[ROWS * WIDTH];
    fill(0, from, ROWS * WIDTH);
    for (int s = 0; s < opened_count; s++)
        for (int shift = 0; shift < SHIFTS; shift++) {
            memset(rows, 0, sizeof rows);
            opened[s].table->softmax->store_rows(from, WIDTH, rows + shift, LD, ROWS, WIDTH);
            for (int i = 0; i < ROWS * LD + SHIFTS; i++) {
                const int row = (i - shift) / LD, column = (i - shift) % LD;
                const bool is_there = i >= shift && row < ROWS && column < WIDTH;
                assert_true(rows[i] == (is_there ? from[row * WIDTH + column] : 0));
            }
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
        cmocka_unit_test(a_stripe_of_queries_sees_what_it_should),
        cmocka_unit_test(a_sum_goes_on_over_blocks_of_keys),
        cmocka_unit_test(powers_and_logarithms_are_near_those_of_the_library),
        cmocka_unit_test(what_is_not_finite_is_not_hidden),
        cmocka_unit_test(a_stripe_is_stored_as_rows),
        cmocka_unit_test(rows_are_copied_and_nothing_beside_them),
    };
    return cmocka_run_group_tests(tests, open_all_sets, close_all_sets);
}
