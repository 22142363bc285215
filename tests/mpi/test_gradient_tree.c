/* ranks: 1 2 3 5 8 */
#include "comm/gradient_tree.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "comm/background.h"
#include "tests/mpi/node_layouts.h"
#include "tests/mpi/tree_oracle.h"

struct gradient {
    uint64_t seed;
    float (*value)(uint64_t bits);
    enum wire wire;
};

static void fill_leaf(const void *context, int64_t leaf, float *values, int64_t width)
{
    const struct gradient *gradient = context;
    for (int64_t i = 0; i < width; i++)
        values[i] = gradient->value(test_bits(gradient->seed + (uint64_t)leaf, (uint64_t)i));
}

static void compute_own_leaves(struct gradient_tree *tree, const struct gradient *gradient,
                               int64_t leaves, int64_t count)
{
    struct leaf_range own = leaf_range_of_rank(leaves, test_world.rank, test_world.size);
    gradient_tree_begin(tree);
    for (int64_t leaf = own.first; leaf < own.end; leaf++) {
        float *buffer = gradient_tree_leaf(tree, leaf);
        fill_leaf(gradient, leaf, buffer, count);
    }
}

static void check_whole_sum(struct gradient_tree *tree, const struct gradient *gradient,
                            int64_t leaves, int64_t count)
{
    float *expected = memory_alloc((size_t)count * sizeof *expected);
    tree_oracle_sum(fill_leaf, gradient, leaves, count, gradient->wire == WIRE_BF16, expected);
    float *sum = gradient_tree_sum(tree);
    test_gather_slices(&test_world, sum, count);
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&sum[i], &expected[i], sizeof *sum) != 0)
            fail_msg("rank %d of %d, %ld leaves: element %ld of %ld is %a, not %a", test_world.rank,
                     test_world.size, (long)leaves, (long)i, (long)count, (double)sum[i],
                     (double)expected[i]);
    memory_free(expected);
}

static void check_reduction_on(enum node_layout layout, const struct gradient *gradient,
                               int64_t leaves, int64_t count)
{
    struct world world = node_layout_open(layout);
    struct gradient_tree *tree = gradient_tree_create(&world, NULL, leaves, count);
    gradient_tree_set_wire(tree, gradient->wire, 0);
    compute_own_leaves(tree, gradient, leaves, count);
    gradient_tree_reduce(tree);
    check_whole_sum(tree, gradient, leaves, count);
    gradient_tree_free(tree);
    node_layout_close(&world);
}

/* On every layout, where the vector is long enough to have more than one slice. */
static void check_reduction(const struct gradient *gradient, int64_t leaves, int64_t count)
{
    for (int layout = 0; layout < (count > 65536 ? LAYOUTS : 1); layout++)
        check_reduction_on((enum node_layout)layout, gradient, leaves, count);
}

static void sum_has_the_same_bits_at_every_world_size(void **state)
{
    (void)state;
    static const int64_t counts[] = { 0, 1, 2, 127, 65536, 65537, 199999 };
    static const int64_t leaf_counts[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19 };
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t l = 0; l < sizeof leaf_counts / sizeof *leaf_counts; l++) {
            struct gradient gradient = { 1000 * c + 100000 * l, awkward_float, WIRE_FP32 };
            check_reduction(&gradient, leaf_counts[l], counts[c]);
        }
}

/* 2.5 rounds of 1 MiB for each of 8 owners, and a ragged end: where nodes send. */
static void sum_has_the_same_bits_over_many_rounds(void **state)
{
    (void)state;
    struct gradient gradient = { 7, awkward_float, WIRE_FP32 };
    check_reduction(&gradient, 3, 8 * 655360 + 12345);
}

static float special_float(uint64_t bits)
{
    static const uint32_t patterns[] = {
        0x7fc00000, 0xffc00000, 0x7fc12345, 0xffdeadbe, /* quiet NaNs with payloads */
        0x7f800001, 0x7fa00000,                         /* signalling NaNs */
        0x7f800000, 0xff800000,                         /* infinities */
        0x80000000, 0x00000000, 0x80000000, 0x00000001, /* zeros, denormals */
        0x807fffff, 0x3f800000, 0xbf800000, 0x7f7fffff,
    };
    float value;
    memcpy(&value, &patterns[bits & 15], sizeof value);
    return value;
}

static void nan_inf_negative_zero_and_denormals_have_the_same_bits(void **state)
{
    (void)state;
    for (int64_t leaves = 1; leaves <= 9; leaves++) {
        struct gradient gradient = { (uint64_t)leaves << 32, special_float, WIRE_FP32 };
        check_reduction(&gradient, leaves, 70001);
    }
}

static void a_sum_that_crosses_as_bf16_has_the_same_bits(void **state)
{
    (void)state;
    static const int64_t counts[] = { 65537 };
    static const int64_t leaf_counts[] = { 1, 2, 3, 8, 19 };
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t l = 0; l < sizeof leaf_counts / sizeof *leaf_counts; l++) {
            struct gradient awkward = { 1000 * c + 100000 * l, awkward_float, WIRE_BF16 };
            struct gradient special = { 1000 * c + 100000 * l, special_float, WIRE_BF16 };
            check_reduction(&awkward, leaf_counts[l], counts[c]);
            check_reduction(&special, leaf_counts[l], counts[c]);
        }
}

static float negative_zero(uint64_t bits)
{
    (void)bits;
    return -0.0f;
}

static void negative_zeros_add_up_to_negative_zero(void **state)
{
    (void)state;
    struct gradient gradient = { 0, negative_zero, WIRE_FP32 };
    struct gradient_tree *tree = gradient_tree_create(&test_world, NULL, 5, 100);
    compute_own_leaves(tree, &gradient, 5, 100);
    gradient_tree_reduce(tree);
    test_gather_slices(&test_world, gradient_tree_sum(tree), 100);
    for (int i = 0; i < 100; i++)
        assert_true(signbit(gradient_tree_sum(tree)[i]));
    gradient_tree_free(tree);
}

static void a_tree_is_used_again_for_every_step(void **state)
{
    (void)state;
    enum { LEAVES = 7, COUNT = 66000, STEPS = 20 };
    struct gradient_tree *tree = gradient_tree_create(&test_world, NULL, LEAVES, COUNT);
    for (uint64_t step = 0; step < STEPS; step++) {
        struct gradient gradient = { step << 32, awkward_float, WIRE_FP32 };
        compute_own_leaves(tree, &gradient, LEAVES, COUNT);
        gradient_tree_reduce(tree);
        check_whole_sum(tree, &gradient, LEAVES, COUNT);
    }
    gradient_tree_free(tree);
}

static void threads_do_not_change_the_bits(void **state)
{
    (void)state;
    enum { LEAVES = 6, COUNT = 300001 };
    struct gradient gradient = { 99, awkward_float, WIRE_FP32 };
    struct thread_pool *pool = thread_pool_create(3);
    struct gradient_tree *tree = gradient_tree_create(&test_world, pool, LEAVES, COUNT);
    compute_own_leaves(tree, &gradient, LEAVES, COUNT);
    gradient_tree_reduce(tree);
    check_whole_sum(tree, &gradient, LEAVES, COUNT);
    gradient_tree_free(tree);
    thread_pool_free(pool);
}

/* With 2^k leaves, k + 1 buffers on one rank and nothing staged. With one leaf on two ranks, rank 1
 * owns it: each has one buffer, and rank 0 stages two blocks of its half. */
static void bytes_are_the_buffers(void **state)
{
    (void)state;
    const int64_t count = 1 << 20;
    const size_t vector_bytes = (size_t)count * sizeof(float);
    assert_int_equal(gradient_tree_bytes(1, count, 0, 1), vector_bytes);
    assert_int_equal(gradient_tree_bytes(8, count, 0, 1), 4 * vector_bytes);
    assert_int_equal(gradient_tree_bytes(1, count, 1, 2), vector_bytes);
    assert_int_equal(gradient_tree_bytes(8, count, 0, 2), 3 * vector_bytes);
}

/* As a backward pass: the last leaf's end is final first. */
static void compute_last_leaf(struct gradient_tree *tree, const struct gradient *gradient,
                              int64_t leaf, int64_t count, float *buffer)
{
    float *values = memory_alloc_zeroed((size_t)count, sizeof *values);
    fill_leaf(gradient, leaf, values, count);
    for (int64_t end = count; end > 0;) {
        const int64_t from = end > 100001 ? end - 100001 : 0;
        memcpy(buffer + from, values + from, (size_t)(end - from) * sizeof *buffer);
        gradient_tree_final(tree, from);
        end = from;
    }
    memory_free(values);
}

static void reduce_beside(struct gradient_tree *tree, struct background *background,
                          const struct gradient *gradient, int64_t leaves, int64_t count)
{
    struct leaf_range own = leaf_range_of_rank(leaves, test_world.rank, test_world.size);
    float *buffer = NULL;
    gradient_tree_begin(tree);
    for (int64_t leaf = own.first; leaf < own.end; leaf++) {
        buffer = gradient_tree_leaf(tree, leaf);
        if (leaf + 1 < own.end)
            fill_leaf(gradient, leaf, buffer, count);
    }
    gradient_tree_start(tree, background, STATUS_OK);
    if (buffer)
        compute_last_leaf(tree, gradient, own.end - 1, count, buffer);
    assert_int_equal(gradient_tree_finish(tree), STATUS_OK);
}

static void a_sum_beside_the_last_leaf_has_the_same_bits(void **state)
{
    (void)state;
    static const int64_t counts[] = { 0, 65537, 1000003 };
    struct background *background = background_start();
    for (int layout = 0; layout < LAYOUTS; layout++)
        for (int64_t leaves = 1; leaves <= 9; leaves += 4)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                struct world world = node_layout_open((enum node_layout)layout);
                struct gradient gradient = { (uint64_t)leaves << 20, awkward_float,
                                             c % 2 ? WIRE_BF16 : WIRE_FP32 };
                struct gradient_tree *tree = gradient_tree_create(&world, NULL, leaves, counts[c]);
                gradient_tree_set_wire(tree, gradient.wire, 16384);
                for (int step = 0; step < 2; step++) {
                    reduce_beside(tree, background, &gradient, leaves, counts[c]);
                    check_whole_sum(tree, &gradient, leaves, counts[c]);
                }
                gradient_tree_free(tree);
                node_layout_close(&world);
            }
    background_stop(background);
}

static void a_rank_without_its_last_leaf_is_named_and_no_rank_reduces(void **state)
{
    (void)state;
    const int failing = test_world.size - 1;
    struct background *background = background_start();
    struct gradient_tree *tree = gradient_tree_create(&test_world, NULL, test_world.size, 70001);
    for (int step = 0; step < 3; step++) {
        gradient_tree_begin(tree);
        float *buffer = gradient_tree_leaf(tree, test_world.rank);
        buffer[0] = 1;
        enum status mine = STATUS_OK;
        if (test_world.rank == failing)
            mine = bad_input("no tokens");
        gradient_tree_start(tree, background, mine);
        assert_int_equal(gradient_tree_finish(tree), STATUS_BAD_INPUT);
        assert_non_null(strstr(status_message(), "no tokens"));
    }
    gradient_tree_free(tree);
    background_stop(background);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sum_has_the_same_bits_at_every_world_size),
        cmocka_unit_test(sum_has_the_same_bits_over_many_rounds),
        cmocka_unit_test(nan_inf_negative_zero_and_denormals_have_the_same_bits),
        cmocka_unit_test(a_sum_that_crosses_as_bf16_has_the_same_bits),
        cmocka_unit_test(negative_zeros_add_up_to_negative_zero),
        cmocka_unit_test(a_tree_is_used_again_for_every_step),
        cmocka_unit_test(threads_do_not_change_the_bits),
        cmocka_unit_test(a_sum_beside_the_last_leaf_has_the_same_bits),
        cmocka_unit_test(a_rank_without_its_last_leaf_is_named_and_no_rank_reduces),
        cmocka_unit_test(bytes_are_the_buffers),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
