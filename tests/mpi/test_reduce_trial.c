/* ranks: 1 2 3 5 8 */
#include "comm/reduce_trial.h"

#include "comm/rank_pairs.h"
#include "tests/mpi/mpi_test.h"

/* The sums themselves are looked at by the trial: a wrong one would end it. */
static void run_trial(struct thread_pool *pool, int64_t count)
{
    struct reduce_trial *trial = reduce_trial_create(&test_world, pool, count);
    double seconds[REDUCE_TIMES], all[REDUCE_TIMES * 8];
    for (int round = 0; round < 3; round++)
        reduce_trial_run(trial, seconds);
    reduce_trial_free(trial);

    const bool has_pairs = test_world.size > 1;
    for (int time = 0; time < REDUCE_TIMES; time++)
        assert_true(time == REDUCE_EXCHANGE && !has_pairs ? seconds[time] == 0 : seconds[time] > 0);
    assert_true(seconds[REDUCE_EON_SCATTER] <= seconds[REDUCE_EON]);
    assert_true(seconds[REDUCE_EON_GATHER] <= seconds[REDUCE_EON]);

    world_gather_all(&test_world, seconds, sizeof seconds, all);
    for (int rank = 0; rank < test_world.size; rank++)
        assert_memory_equal(all + REDUCE_TIMES * rank, seconds, sizeof seconds);
}

static void every_part_of_a_trial_is_timed_alike_on_all_ranks(void **state)
{
    (void)state;
    static const int64_t counts[] = { 1, 127, 65537, 1000003, (4 << 20) + 1 };
    struct thread_pool *pool = thread_pool_create(2);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        run_trial(pool, counts[i]);
    thread_pool_free(pool);
}

static void ranks_of_one_node_know_its_lowest(void **state)
{
    (void)state;
    int nodes[8];
    rank_nodes(&test_world, nodes);
    for (int rank = 0; rank < test_world.size; rank++)
        assert_int_equal(nodes[rank], 0); /* these tests run on one machine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_trial_is_timed_alike_on_all_ranks),
        cmocka_unit_test(ranks_of_one_node_know_its_lowest),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
