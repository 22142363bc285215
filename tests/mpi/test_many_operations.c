/* ranks: 2 3 8 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "comm/gradient_tree.h"
#include "comm/watchdog.h"
#include "tests/mpi/mpi_test.h"

/* 10^4 operations in `make test`, 10^5 in a soak. */
static int64_t operations(void)
{
    return getenv("EON_SOAK") ? 100000 : 10000;
}

static int64_t resident_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0; /* it keeps what was freed, to catch late uses */
#endif
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* One of each: reduction, gather, record, agreement, comparison. */
static void run_five_operations(struct gradient_tree *tree, int64_t leaves, int64_t count)
{
    struct leaf_range own = leaf_range_of_rank(leaves, test_world.rank, test_world.size);
    double mine[16] = { 0 }, total;
    gradient_tree_begin(tree);
    for (int64_t leaf = own.first; leaf < own.end; leaf++) {
        gradient_tree_leaf(tree, leaf)[0] = 1.0f;
        mine[leaf - own.first] = 1.0;
    }
    gradient_tree_reduce(tree);
    test_gather_slices(&test_world, gradient_tree_sum(tree), count);
    leaf_values_reduce(&test_world, leaves, mine, 1, &total);
    assert_true(gradient_tree_sum(tree)[0] == (float)leaves && total == (double)leaves);
    assert_int_equal(world_agree(&test_world, STATUS_OK), STATUS_OK);
    assert_int_equal(world_require_same(&test_world, &total, sizeof total, "a sum"), STATUS_OK);
}

static void memory_and_descriptors_stay_flat(void **state)
{
    (void)state;
    enum { LEAVES = 9, COUNT = 5000, EACH = 5, WARM_UP_PARTS = 5 };
    struct watchdog *watchdog = watchdog_start(&test_world, 600, NULL);
    struct gradient_tree *tree = gradient_tree_create(&test_world, NULL, LEAVES, COUNT);
    int64_t rounds = operations() / EACH, warm_up = rounds / WARM_UP_PARTS;
    for (int64_t i = 0; i < warm_up; i++)
        run_five_operations(tree, LEAVES, COUNT);
    int64_t bytes_before = resident_bytes();
    int descriptors_before = test_open_descriptors();

    for (int64_t i = warm_up; i < rounds; i++)
        run_five_operations(tree, LEAVES, COUNT);
    int64_t grown = resident_bytes() - bytes_before;
    if (grown > 1 << 20) /* observed: 0 to 100 KiB, MPI's own pools */
        fail_msg("rank %d grew by %ld bytes", test_world.rank, (long)grown);
    assert_int_equal(test_open_descriptors(), descriptors_before);
    gradient_tree_free(tree);
    watchdog_stop(watchdog);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(memory_and_descriptors_stay_flat) };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
