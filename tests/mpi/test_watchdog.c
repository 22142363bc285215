/* ranks: 1 2 3 8 */
/* runs alone: it measures */
#include "comm/watchdog.h"

#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/mpi/mpi_test.h"

/* How it ends a job is looked at by tests/commands/stalls.sh. */

static void sleep_s(double seconds)
{
    struct timespec pause = { .tv_sec = (time_t)seconds };
    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}

static void a_watchdog_that_is_stopped_leaves_nothing(void **state)
{
    (void)state;
    watchdog_stop(watchdog_start(&test_world, 600, "flight"));
    int64_t blocks = memory_live_blocks();
    int descriptors = test_open_descriptors();
    for (int i = 0; i < 30; i++) {
        struct watchdog *watchdog = watchdog_start(&test_world, 600, "flight");
        assert_true((watchdog != NULL) == (test_world.size > 1));
        if (i % 10 == 0)
            sleep_s(0.7); /* long enough to connect and report */
        world_barrier(&test_world);
        watchdog_stop(watchdog);
    }
    assert_int_equal(memory_live_blocks(), blocks);
    assert_int_equal(test_open_descriptors(), descriptors);
    assert_false(file_exists("flight"));
}

static void none_starts_without_a_timeout(void **state)
{
    (void)state;
    struct watchdog *watchdog = watchdog_start(&test_world, 0, "flight");
    assert_null(watchdog);
    watchdog_stop(watchdog);
}

/* All work for longer than the timeout, and nobody waits; then one is late, but not for so long. */
static void long_work_is_no_stall(void **state)
{
    (void)state;
    struct watchdog *watchdog = watchdog_start(&test_world, 2, NULL);
    sleep_s(3);
    for (int i = 0; i < 3; i++) {
        if (test_world.rank == test_world.size - 1)
            sleep_s(0.8);
        world_barrier(&test_world);
    }
    watchdog_stop(watchdog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watchdog_that_is_stopped_leaves_nothing),
        cmocka_unit_test(none_starts_without_a_timeout),
        cmocka_unit_test(long_work_is_no_stall),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
