#include "trainer/training/train_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "comm/groups.h"

static void leaves_follow_each_other_over_groups_and_ranks_at_every_world_size(void **state)
{
    (void)state;
    for (int64_t groups = 1; groups <= 8; groups++)
        for (int64_t each = 1; each <= 5; each++)
            for (int size = 1; size <= 50; size++) {
                const struct train_config config = { .leaves = groups * each, .groups = groups };
                int64_t next = 0;
                for (int rank = 0; rank < size; rank++) {
                    const struct leaf_range all = train_group_all_leaves(&config, rank, size);
                    assert_int_equal(all.first, next);
                    assert_true(all.end >= all.first);
                    next = all.end;
                }
                assert_int_equal(next, config.leaves);
            }
}

static void a_rank_computes_only_leaves_of_its_groups(void **state)
{
    (void)state;
    const struct train_config config = { .leaves = 12, .groups = 3 };
    for (int size = 1; size <= 20; size++)
        for (int rank = 0; rank < size; rank++) {
            const struct leaf_range carried = groups_of_rank(config.groups, rank, size);
            for (int64_t group = carried.first; group < carried.end; group++) {
                const struct leaf_range own = train_group_leaves(&config, group, rank, size);
                assert_in_range(own.first, 4 * group, 4 * group + 4);
                assert_in_range(own.end, own.first, 4 * group + 4);
            }
        }
}

static void one_group_shares_its_leaves_as_without_groups(void **state)
{
    (void)state;
    const struct train_config config = { .leaves = 7, .groups = 1 };
    for (int size = 1; size <= 10; size++)
        for (int rank = 0; rank < size; rank++) {
            const struct leaf_range own = train_group_all_leaves(&config, rank, size);
            const struct leaf_range expected = leaf_range_of_rank(7, rank, size);
            assert_int_equal(own.first, expected.first);
            assert_int_equal(own.end, expected.end);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_follow_each_other_over_groups_and_ranks_at_every_world_size),
        cmocka_unit_test(a_rank_computes_only_leaves_of_its_groups),
        cmocka_unit_test(one_group_shares_its_leaves_as_without_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
