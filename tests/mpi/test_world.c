/* ranks: 1 2 3 5 8 */
#include "comm/world.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/mpi/mpi_test.h"

static void ranks_of_one_machine_share_a_node(void **state)
{
    (void)state;
    assert_true(test_world.rank >= 0 && test_world.rank < test_world.size);
    assert_int_equal(test_world.node_size, test_world.size); /* these tests run on one machine */
    assert_int_equal(test_world.node_rank, test_world.rank);
    assert_true(test_world.host[0] != '\0');
}

static void agreement_on_success_is_success(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(world_agree(&test_world, STATUS_OK), STATUS_OK);
}

static void the_lowest_failing_rank_speaks_for_all(void **state)
{
    (void)state;
    for (int lowest = 1; lowest < test_world.size; lowest++) {
        enum status mine = STATUS_OK;
        if (test_world.rank >= lowest)
            mine = failed("cannot read shard %d", test_world.rank);
        assert_int_equal(world_agree(&test_world, mine), STATUS_FAILED);

        char expected[256];
        snprintf(expected, sizeof expected, "rank %d on %s: cannot read shard %d", lowest,
                 test_world.host, lowest);
        assert_string_equal(status_message(), expected);
    }
}

static void one_message_of_all_ranks_names_none(void **state)
{
    (void)state;
    assert_int_equal(world_agree(&test_world, bad_input("unknown key 'stesp'")), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "unknown key 'stesp'");
}

static void the_worst_status_wins(void **state)
{
    (void)state;
    enum status mine = STATUS_OK;
    if (test_world.rank == 0)
        mine = status_set(STATUS_STOPPED, "stopped by a signal");
    if (test_world.rank == 1)
        mine = bad_input("bad token");
    if (test_world.rank == 2)
        mine = failed("disk full");
    static const enum status worst[] = { STATUS_STOPPED, STATUS_BAD_INPUT, STATUS_FAILED };
    int last = test_world.size < 3 ? test_world.size - 1 : 2;
    assert_int_equal(world_agree(&test_world, mine), worst[last]);
}

static void a_long_message_arrives_cut_but_whole(void **state)
{
    (void)state;
    char text[2 * STATUS_MESSAGE_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    enum status mine = test_world.rank == test_world.size - 1 ? failed("%s", text) : STATUS_OK;
    assert_int_equal(world_agree(&test_world, mine), STATUS_FAILED);
    assert_true(strlen(status_message()) < STATUS_MESSAGE_BYTES);
    assert_non_null(strstr(status_message(), "xxxxxxxx"));
}

static void records_are_gathered_in_the_order_of_the_ranks(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 7, 1000, 300000 }; /* the last goes round the ring */
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        unsigned char *mine = memory_alloc(sizes[s]);
        unsigned char *all = memory_alloc(sizes[s] * (size_t)test_world.size);
        memset(mine, 'A' + test_world.rank, sizes[s]);
        world_gather_all(&test_world, mine, sizes[s], all);
        for (size_t i = 0; i < sizes[s] * (size_t)test_world.size; i++)
            if (all[i] != 'A' + i / sizes[s])
                fail_msg("byte %zu of %zu each is %d", i, sizes[s], all[i]);
        memory_free(all);
        memory_free(mine);
    }
}

static void every_rank_can_broadcast(void **state)
{
    (void)state;
    for (int root = 0; root < test_world.size; root++) {
        int value[2] = { test_world.rank, 10 * test_world.rank };
        world_broadcast(&test_world, value, sizeof value, root);
        assert_int_equal(value[0], root);
        assert_int_equal(value[1], 10 * root);
    }
}

static void equal_bytes_are_the_same(void **state)
{
    (void)state;
    assert_int_equal(world_require_same(&test_world, "layers = 12", 11, "the configuration"),
                     STATUS_OK);
    assert_int_equal(world_require_same(&test_world, "", 0, "nothing"), STATUS_OK);
}

static void the_first_rank_that_differs_is_named_on_all(void **state)
{
    (void)state;
    if (test_world.size < 2)
        return;
    int odd = test_world.size / 2;
    const char *bytes = test_world.rank >= odd ? "avx2" : "avx512";
    assert_int_equal(world_require_same(&test_world, bytes, strlen(bytes), "the kernel set"),
                     STATUS_FAILED);
    char expected[256];
    snprintf(expected, sizeof expected,
             "ranks disagree about the kernel set: rank %d on %s differs from rank 0 on %s", odd,
             test_world.host, test_world.host);
    assert_string_equal(status_message(), expected);
}

static void the_description_names_standard_and_thread_level(void **state)
{
    (void)state;
    char text[256];
    world_describe(text, sizeof text);
    assert_non_null(strstr(text, "MPI"));
    assert_non_null(strstr(text, "MPI_THREAD_"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_of_one_machine_share_a_node),
        cmocka_unit_test(agreement_on_success_is_success),
        cmocka_unit_test(the_lowest_failing_rank_speaks_for_all),
        cmocka_unit_test(one_message_of_all_ranks_names_none),
        cmocka_unit_test(the_worst_status_wins),
        cmocka_unit_test(a_long_message_arrives_cut_but_whole),
        cmocka_unit_test(records_are_gathered_in_the_order_of_the_ranks),
        cmocka_unit_test(every_rank_can_broadcast),
        cmocka_unit_test(equal_bytes_are_the_same),
        cmocka_unit_test(the_first_rank_that_differs_is_named_on_all),
        cmocka_unit_test(the_description_names_standard_and_thread_level),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
