/* ranks: 2 3 5 */
/* runs alone: it measures */
#include "comm/operation.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "comm/flight_recorder.h"
#include "comm/leaf_values.h"
#include "comm/slice.h"
#include "comm/straggler.h"
#include "tests/mpi/mpi_test.h"

/* A fatal error comes back here instead of ending the job. */
static jmp_buf way_back;
static char fatal_message[STATUS_MESSAGE_BYTES];

static void come_back(const char *message)
{
    snprintf(fatal_message, sizeof fatal_message, "%s", message);
    longjmp(way_back, 1);
}

static void expect_said(const char *text)
{
    if (!strstr(fatal_message, text))
        fail_msg("'%s' does not say '%s'", fatal_message, text);
}

static void sleep_ms(long ms)
{
    struct timespec pause = { .tv_nsec = ms * 1000000 };
    nanosleep(&pause, NULL);
}

static void each_collective_is_one_operation(void **state)
{
    (void)state;
    struct flight_state before = flight_recorder_state();
    assert_int_equal(world_require_same(&test_world, "x", 1, "a letter"), STATUS_OK);
    struct flight_state after = flight_recorder_state();
    assert_int_equal(after.sequence, before.sequence + 1); /* though it gathers within */
    assert_string_equal(after.operation, "comparison");
    assert_int_equal(after.phase, FLIGHT_WORKING);
    world_barrier(&test_world);
    assert_int_equal(flight_recorder_state().sequence, before.sequence + 2);
}

static void a_world_of_one_has_no_operations(void **state)
{
    (void)state;
    const struct world alone = { .rank = 0, .size = 1 };
    struct flight_state before = flight_recorder_state();
    if (test_world.rank == 0) { /* and so it may be on one rank only */
        double mine = 2.0, total;
        leaf_values_reduce(&alone, 1, &mine, 1, &total);
        assert_true(total == 2.0);
    }
    assert_int_equal(flight_recorder_state().sequence, before.sequence);
}

/* All ranks but the last broadcast; that one gathers, into a vector of as many bytes. */
static void ranks_out_of_step_are_named_before_data_is_harmed(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    const int odd = test_world.size - 1;
    float *vector = memory_alloc(COUNT * sizeof *vector);
    for (int i = 0; i < COUNT; i++)
        vector[i] = (float)(test_world.rank + 1);

    fatal_set_hook(come_back);
    if (setjmp(way_back) == 0) {
        if (test_world.rank == odd)
            slice_gather_block_values(&test_world, (double *)(void *)vector,
                                      COUNT / 2 * SLICE_BLOCK);
        else
            world_broadcast(&test_world, vector, COUNT * sizeof *vector, 0);
        fail_msg("nobody noticed");
    }
    operation_end(&test_world);
    fatal_set_hook(NULL);

    char named[160];
    expect_said("ranks are out of step at operation ");
    expect_said(": rank 0 on ");
    expect_said(" in 'broadcast' of 400000 bytes; ");
    snprintf(named, sizeof named, "rank %d on %s is in 'gathering of block values' of 400000 bytes",
             odd, test_world.host);
    expect_said(named);
    for (int i = 0; i < COUNT; i++)
        assert_true(vector[i] == (float)(test_world.rank + 1));
    memory_free(vector);
}

static void the_late_one_waits_least(void **state)
{
    (void)state;
    world_barrier(&test_world);
    struct flight_totals before = flight_recorder_totals();
    for (int i = 0; i < 5; i++) {
        if (test_world.rank == 1)
            sleep_ms(40);
        world_barrier(&test_world);
    }
    struct flight_totals after = flight_recorder_totals();
    double waited_s = after.seconds[FLIGHT_WAITING] - before.seconds[FLIGHT_WAITING];
    if (test_world.rank == 1 ? waited_s > 0.1 : waited_s < 0.15)
        fail_msg("rank %d waited %f s", test_world.rank, waited_s);
}

/* Steps of 20 ms, of 40 on the slow rank: sleeping, so that two cores are enough for all. Returns
 * the step after which a rank is named, and that rank; 0: none within `steps`. */
static int first_named(int slow, int steps, int *named)
{
    struct straggler straggler;
    straggler_init(&straggler, 2);
    for (int step = 1; step <= steps; step++) {
        straggler_step_begin(&straggler);
        sleep_ms(test_world.rank == slow ? 80 : 40);
        world_barrier(&test_world);
        *named = straggler_step_end(&straggler, &test_world);
        if (*named >= 0)
            return step;
    }
    return 0;
}

static void a_rank_twice_as_slow_is_named_within_20_steps(void **state)
{
    (void)state;
    for (int slow = 0; slow < test_world.size; slow++) {
        int named, step = first_named(slow, 20, &named);
        assert_in_range(step, 1, 20);
        assert_int_equal(named, slow);
    }
}

static void equal_ranks_are_not_named(void **state)
{
    (void)state;
    int named;
    assert_int_equal(first_named(-1, 60, &named), 0);
}

/* One rank hesitates once: for longer than all steps together take. */
static void one_hiccup_is_no_slowness(void **state)
{
    (void)state;
    struct straggler straggler;
    straggler_init(&straggler, 1);
    for (int step = 0; step < 2 * STRAGGLER_STEPS; step++) {
        straggler_step_begin(&straggler);
        sleep_ms(test_world.rank == 1 && step == 5 ? 2000 : 50);
        world_barrier(&test_world);
        assert_int_equal(straggler_step_end(&straggler, &test_world), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_collective_is_one_operation),
        cmocka_unit_test(a_world_of_one_has_no_operations),
        cmocka_unit_test(ranks_out_of_step_are_named_before_data_is_harmed),
        cmocka_unit_test(the_late_one_waits_least),
        cmocka_unit_test(a_rank_twice_as_slow_is_named_within_20_steps),
        cmocka_unit_test(equal_ranks_are_not_named),
        cmocka_unit_test(one_hiccup_is_no_slowness),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
