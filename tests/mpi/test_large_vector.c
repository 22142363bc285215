/* ranks: 2 3 */
#include <stdlib.h>

#include "comm/gradient_tree.h"
#include "tests/mpi/mpi_test.h"

static float element(int64_t leaf, int64_t i)
{
    return awkward_float(test_bits((uint64_t)leaf, (uint64_t)i));
}

/* Beyond what an int counts, in bytes; some 7 GB over all ranks, and a minute. */
static void a_vector_beyond_2_to_31_bytes_is_added_and_gathered(void **state)
{
    (void)state;
    const int64_t count = ((int64_t)1 << 29) + SLICE_BLOCK + 7;
    if (!getenv("EON_SOAK"))
        skip();
    struct gradient_tree *tree = gradient_tree_create(&test_world, NULL, 2, count);
    struct leaf_range own = leaf_range_of_rank(2, test_world.rank, test_world.size);
    for (int64_t leaf = own.first; leaf < own.end; leaf++) {
        float *gradient = gradient_tree_leaf(tree, leaf);
        for (int64_t i = 0; i < count; i++)
            gradient[i] = element(leaf, i);
    }
    gradient_tree_reduce(tree);
    const float *sum = gradient_tree_sum(tree);
    test_gather_slices(&test_world, gradient_tree_sum(tree), count);
    for (int64_t i = 0; i < count; i++)
        if (sum[i] != element(0, i) + element(1, i))
            fail_msg("element %ld of %ld is %a", (long)i, (long)count, (double)sum[i]);
    gradient_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vector_beyond_2_to_31_bytes_is_added_and_gathered),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
