/* What ranks spent, summed up: of ranks that differ in everything. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "trainer/reports/peak_memory.h"
#include "trainer/reports/rank_speed.h"

/* Three ranks on two nodes, of which the second has one; each measured 16 seconds. */
static const struct rank_speed ranks[] = {
    { .computing_s = 8,
      .waiting_s = 4,
      .exposed_s = 4,
      .saving_s = 1,
      .threads = 2,
      .node = 0,
      .peak_bytes = 100,
      .share_bytes = 60 },
    { .reading_s = 2,
      .computing_s = 6,
      .waiting_s = 5,
      .exposed_s = 3,
      .saving_s = 2,
      .threads = 2,
      .node = 1,
      .peak_bytes = 90,
      .share_bytes = 90 },
    { .computing_s = 10,
      .waiting_s = 0,
      .exposed_s = 6,
      .threads = 1,
      .node = 0,
      .peak_bytes = 80,
      .share_bytes = 50 },
};
enum { RANKS = sizeof ranks / sizeof ranks[0] };

static struct speed_record summed_up(const struct rank_speed *of)
{
    struct speed_record record = { .elapsed_seconds = 20 };
    rank_speeds_sum_up(of, RANKS, &record);
    return record;
}

static void shares_are_of_the_steps_of_all_ranks(void **state)
{
    (void)state;
    struct speed_record record = summed_up(ranks);
    assert_true(rank_speed_seconds(&ranks[1]) == 16);
    assert_true(record.exposed_communication == 13.0 / 48);
    assert_true(record.rank_wait == 9.0 / 48);
}

static void imbalance_is_the_slowest_ranks_computing_over_the_mean(void **state)
{
    (void)state;
    assert_true(summed_up(ranks).imbalance == 10.0 * 3 / 24 - 1);
}

static void waiting_for_data_and_saves_is_that_of_the_rank_that_waited_longest(void **state)
{
    (void)state;
    struct speed_record record = summed_up(ranks);
    assert_true(record.data_wait == 2.0 / 16);
    assert_true(record.save_wait == 2.0 / 20);
}

static void nodes_are_counted_by_their_lowest_ranks(void **state)
{
    (void)state;
    struct speed_record record = summed_up(ranks);
    assert_int_equal(record.nodes, 2);
    assert_int_equal(record.ranks, 3);
    assert_int_equal(record.ranks_per_node, 2);
    assert_int_equal(record.threads, 2);
    assert_int_equal(record.cores, 5);
}

static void memory_is_that_of_the_largest_rank_and_node(void **state)
{
    (void)state;
    struct speed_record record = summed_up(ranks);
    assert_int_equal(record.peak_memory_rank_bytes, 100);
    assert_true(record.peak_memory_node_bytes == 60 + 50);
}

static void a_node_that_does_not_tell_makes_memory_unknown(void **state)
{
    (void)state;
    struct rank_speed silent[RANKS] = { ranks[0], ranks[1], ranks[2] };
    for (int rank = 0; rank < RANKS; rank++) {
        silent[rank].share_bytes = 0;
        assert_true(isnan(summed_up(silent).peak_memory_node_bytes));
        silent[rank] = ranks[rank];
    }
}

static void one_rank_that_measured_nothing_divides_nothing_by_nothing(void **state)
{
    (void)state;
    const struct rank_speed idle = { .threads = 1, .share_bytes = 1 };
    struct speed_record record = { 0 };
    rank_speeds_sum_up(&idle, 1, &record);
    assert_true(record.imbalance == 0 && record.rank_wait == 0 && record.save_wait == 0);
}

static void a_process_shares_some_of_what_it_holds(void **state)
{
    (void)state;
    int64_t share = peak_memory_share_bytes(), peak = peak_memory_bytes();
    if (share == 0)
        skip();                /* this system does not tell */
    assert_true(share < peak); /* the C library is others' too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_of_the_steps_of_all_ranks),
        cmocka_unit_test(imbalance_is_the_slowest_ranks_computing_over_the_mean),
        cmocka_unit_test(waiting_for_data_and_saves_is_that_of_the_rank_that_waited_longest),
        cmocka_unit_test(nodes_are_counted_by_their_lowest_ranks),
        cmocka_unit_test(memory_is_that_of_the_largest_rank_and_node),
        cmocka_unit_test(a_node_that_does_not_tell_makes_memory_unknown),
        cmocka_unit_test(one_rank_that_measured_nothing_divides_nothing_by_nothing),
        cmocka_unit_test(a_process_shares_some_of_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
