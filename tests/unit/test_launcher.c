#include "comm/launcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int clear_environment(void **state)
{
    (void)state;
    unsetenv("SLURM_NTASKS");
    unsetenv("SLURM_PROCID");
    unsetenv("SLURM_STEP_ID");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    return 0;
}

static enum status check(int size)
{
    struct launcher launcher = launcher_read();
    return launcher_check(&launcher, size);
}

static void without_slurm_every_size_is_right(void **state)
{
    (void)state;
    assert_int_equal(check(1), STATUS_OK);
    assert_int_equal(check(17), STATUS_OK);
}

static void srun_without_pmix_is_refused(void **state)
{
    (void)state;
    setenv("SLURM_NTASKS", "4", 1);
    setenv("SLURM_PROCID", "2", 1);
    setenv("SLURM_STEP_ID", "0", 1);
    assert_int_equal(check(1), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "the world has 1 rank, but Slurm started 4 tasks"));
    assert_int_equal(check(4), STATUS_OK);
    assert_int_equal(launcher_read().slurm_rank, 2);
}

static void a_lone_process_in_a_job_of_many_tasks_is_refused(void **state)
{
    (void)state;
    setenv("SLURM_NTASKS", "4", 1);
    assert_int_equal(check(1), STATUS_BAD_INPUT);
}

static void mpirun_may_start_fewer_ranks_than_the_job_has_tasks(void **state)
{
    (void)state;
    setenv("SLURM_NTASKS", "8", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
    assert_int_equal(check(3), STATUS_OK);
}

static void what_slurm_says_of_mpiruns_daemon_is_no_world_size(void **state)
{
    (void)state;
    setenv("SLURM_NTASKS", "1", 1);
    setenv("SLURM_STEP_ID", "0", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "8", 1);
    assert_int_equal(check(8), STATUS_OK);
}

static void garbage_in_the_environment_says_nothing(void **state)
{
    (void)state;
    static const char *const garbage[] = { "", "four", "-4", "4x", "0" };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        setenv("SLURM_NTASKS", garbage[i], 1);
        assert_int_equal(check(1), STATUS_OK);
    }
}

#define in_clean_environment(test) cmocka_unit_test_setup(test, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_clean_environment(without_slurm_every_size_is_right),
        in_clean_environment(srun_without_pmix_is_refused),
        in_clean_environment(a_lone_process_in_a_job_of_many_tasks_is_refused),
        in_clean_environment(mpirun_may_start_fewer_ranks_than_the_job_has_tasks),
        in_clean_environment(what_slurm_says_of_mpiruns_daemon_is_no_world_size),
        in_clean_environment(garbage_in_the_environment_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
