/* ranks: 1 2 3 5 8 */
#include "comm/leaf_values.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tests/mpi/mpi_test.h"

enum { WIDTH = 3 };

/* Magnitudes from 1e-150 to 1e150: another order gives other bits. */
static double leaf_value(int64_t leaf, int i)
{
    uint64_t bits = test_bits((uint64_t)leaf, (uint64_t)i);
    static const double scales[8] = { 1e150, -1e150, 1e-150, 1.0, -1.0, 1e16, -1e16, 1e-3 };
    return scales[bits & 7] * (1.0 + (double)(bits >> 40) * 0x1p-24);
}

/* The definition, top down: a node is its left half plus its right half. */
static double sum_of_node(int64_t first, int64_t span, int64_t leaves, int i)
{
    if (span == 1)
        return leaf_value(first, i);
    double left = sum_of_node(first, span / 2, leaves, i);
    if (first + span / 2 >= leaves)
        return left;
    return left + sum_of_node(first + span / 2, span / 2, leaves, i);
}

static void reduce(int64_t leaves, double (*value)(int64_t leaf, int i), double *total)
{
    struct leaf_range own = leaf_range_of_rank(leaves, test_world.rank, test_world.size);
    double *mine = memory_alloc_zeroed((size_t)(own.end - own.first), WIDTH * sizeof *mine);
    for (int64_t leaf = own.first; leaf < own.end; leaf++)
        for (int i = 0; i < WIDTH; i++)
            mine[(leaf - own.first) * WIDTH + i] = value(leaf, i);
    leaf_values_reduce(&test_world, leaves, mine, WIDTH, total);
    memory_free(mine);
}

static void totals_have_the_same_bits_at_every_world_size(void **state)
{
    (void)state;
    for (int64_t leaves = 1; leaves <= 70; leaves++) {
        double total[WIDTH], expected[WIDTH];
        reduce(leaves, leaf_value, total);
        for (int i = 0; i < WIDTH; i++)
            expected[i] = sum_of_node(0, 128, leaves, i);
        assert_memory_equal(total, expected, sizeof total);
    }
}

static double not_a_number_once(int64_t leaf, int i)
{
    return leaf == 2 && i == 1 ? -NAN : 1.0;
}

static void one_nan_reaches_every_rank_with_the_same_bits(void **state)
{
    (void)state;
    double total[WIDTH];
    const double not_a_number = NAN;
    reduce(6, not_a_number_once, total);
    assert_true(total[0] == 6.0 && total[2] == 6.0);
    assert_memory_equal(&total[1], &not_a_number, sizeof not_a_number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_have_the_same_bits_at_every_world_size),
        cmocka_unit_test(one_nan_reaches_every_rank_with_the_same_bits),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
