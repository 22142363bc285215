/* ranks: 1 2 3 5 8 */
#include "comm/groups.h"
#include "comm/subworld.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "comm/flight_recorder.h"
#include "comm/gradient_tree.h"
#include "comm/node_vector.h"
#include "tests/mpi/mpi_test.h"
#include "tests/mpi/node_layouts.h"

enum { MOST_GROUPS = 6 };

static struct leaf_range own_groups(int64_t groups)
{
    return groups_of_rank(groups, test_world.rank, test_world.size);
}

/* Collective. */
static int join_own(const struct world *world, int64_t groups, struct world joined[MOST_GROUPS])
{
    const struct leaf_range own = own_groups(groups);
    for (int64_t group = own.first; group < own.end; group++)
        groups_join(world, groups, group, &joined[group - own.first]);
    return (int)(own.end - own.first);
}

static void leave(struct world *joined, int count)
{
    for (int i = 0; i < count; i++)
        subworld_leave(&joined[i]);
}

static void the_ranks_of_a_group_follow_each_other_and_every_group_has_some(void **state)
{
    (void)state;
    for (int size = 1; size <= 40; size++)
        for (int64_t groups = 1; groups <= 40; groups++)
            for (int64_t group = 0; group < groups; group++) {
                int first = -1, carriers = 0;
                for (int rank = 0; rank < size; rank++) {
                    const struct leaf_range own = groups_of_rank(groups, rank, size);
                    if (group < own.first || group >= own.end)
                        continue;
                    first = first < 0 ? rank : first;
                    carriers++;
                }
                assert_int_equal(first, groups_first_rank(groups, group, size));
                assert_true(size < groups ? carriers == 1
                                          : carriers == size / groups ||
                                                carriers == (size + groups - 1) / groups);
            }
}

static void a_leaf_of_the_tree_over_groups_is_owned_by_the_last_rank_of_its_group(void **state)
{
    (void)state;
    for (int size = 1; size <= 40; size++)
        for (int64_t groups = 1; groups <= size; groups++)
            for (int64_t group = 0; group < groups; group++) {
                const int last = groups_first_rank(groups, group + 1, size) - 1;
                const struct leaf_range leaves = leaf_range_of_rank(groups, last, size);
                assert_int_equal(leaves.first, group);
                assert_int_equal(leaves.end, group + 1);
            }
}

static void ranks_talk_within_their_group(void **state)
{
    (void)state;
    struct world joined[MOST_GROUPS];
    for (int64_t groups = 1; groups <= MOST_GROUPS; groups++) {
        const int count = join_own(&test_world, groups, joined);
        for (int i = 0; i < count; i++) {
            const int64_t group = own_groups(groups).first + i;
            int ranks[16] = { 0 };
            world_gather_all(&joined[i], &test_world.rank, sizeof test_world.rank, ranks);
            for (int rank = 0; rank < joined[i].size; rank++)
                assert_int_equal(ranks[rank], joined[i].first_rank + rank);
            assert_int_equal(joined[i].first_rank + joined[i].rank, test_world.rank);
            if (test_world.size >= groups)
                assert_int_equal(ranks[0], groups_first_rank(groups, group, test_world.size));
            else
                assert_int_equal(joined[i].size, 1);
        }
        leave(joined, count);
    }
}

static void each_group_adds_and_gathers_for_itself_on_any_nodes(void **state)
{
    (void)state;
    const int64_t count = 3 * SLICE_BLOCK + 5, leaves = 3;
    for (enum node_layout layout = 0; layout < LAYOUTS; layout++)
        for (int64_t groups = 2; groups <= 4; groups += 2) {
            struct world world = node_layout_open(layout), joined[MOST_GROUPS];
            const int carried = join_own(&world, groups, joined);
            for (int i = 0; i < carried; i++) {
                const int64_t group = own_groups(groups).first + i;
                struct gradient_tree *tree = gradient_tree_create(&joined[i], NULL, leaves, count);
                struct node_vector *vector = node_vector_create(&joined[i], count);
                const struct leaf_range own =
                    leaf_range_of_rank(leaves, joined[i].rank, joined[i].size);
                for (int64_t leaf = own.first; leaf < own.end; leaf++) {
                    float *values = gradient_tree_leaf(tree, leaf);
                    for (int64_t at = 0; at < count; at++)
                        values[at] = (float)(100 * group + leaf);
                }
                gradient_tree_reduce_to(tree, node_vector_values(vector));
                node_vector_gather(vector, WIRE_FP32);
                for (int64_t at = 0; at < count; at++)
                    if (node_vector_values(vector)[at] != (float)(300 * group + 3))
                        fail_msg("%s: element %ld of group %ld is wrong", node_layout_names[layout],
                                 (long)at, (long)group);
                world_barrier(&joined[i]);
                node_vector_free(vector);
                gradient_tree_free(tree);
            }
            leave(joined, carried);
            node_layout_close(&world);
        }
}

/* With 3 ranks and 2 groups one group has one rank, the other two. */
static void operations_of_groups_count_alike_on_all_ranks(void **state)
{
    (void)state;
    struct world joined[MOST_GROUPS];
    for (int64_t groups = 2; groups <= MOST_GROUPS; groups++) {
        const int count = join_own(&test_world, groups, joined);
        const int64_t before = flight_recorder_state().sequence;
        for (int i = 0; i < count; i++)
            world_barrier(&joined[i]);
        const int64_t after = flight_recorder_state().sequence;
        assert_int_equal(after - before, test_world.size > 1 && test_world.size >= groups);
        assert_int_equal(flight_recorder_state().phase, FLIGHT_WORKING);
        world_barrier(&test_world); /* which would end the job where numbers differ */
        leave(joined, count);
    }
}

static void who_failed_is_called_by_its_number_among_all(void **state)
{
    (void)state;
    struct world joined[MOST_GROUPS];
    if (test_world.size < 5)
        return;
    join_own(&test_world, 2, joined);
    const bool is_culprit = test_world.rank == test_world.size - 1;
    const enum status status =
        world_agree(&joined[0], is_culprit ? failed("disk full") : STATUS_OK);
    if (own_groups(2).first == 1) {
        char expected[256];
        snprintf(expected, sizeof expected, "rank %d on %s: disk full", test_world.size - 1,
                 test_world.host);
        assert_int_equal(status, STATUS_FAILED);
        assert_string_equal(status_message(), expected);
    } else {
        assert_int_equal(status, STATUS_OK);
    }
    leave(joined, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ranks_of_a_group_follow_each_other_and_every_group_has_some),
        cmocka_unit_test(a_leaf_of_the_tree_over_groups_is_owned_by_the_last_rank_of_its_group),
        cmocka_unit_test(ranks_talk_within_their_group),
        cmocka_unit_test(each_group_adds_and_gathers_for_itself_on_any_nodes),
        cmocka_unit_test(operations_of_groups_count_alike_on_all_ranks),
        cmocka_unit_test(who_failed_is_called_by_its_number_among_all),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
