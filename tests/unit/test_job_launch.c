#include "trainer/jobs/job_launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct job_layout layout = {
    .nodes = 3, .ranks_per_node = 2, .threads = 8, .cpus_per_rank = 16
};
static const char *const words[] = { "train", "it's.ini" };

static void expect_command(enum job_launcher launcher, const struct job_work *work,
                           const char *wanted)
{
    struct word_list command = WORD_LIST_INIT;
    struct strbuf line = STRBUF_INIT;
    job_launch_command(launcher, &layout, work, "/opt/eon", words, 2, &command);
    word_list_print(&command, &line);
    assert_string_equal(line.bytes, wanted);
    word_list_release(&command);
    strbuf_release(&line);
}

static int clear_environment(void **state)
{
    (void)state;
    unsetenv("OMPI_MCA_hwloc_base_binding_policy");
    unsetenv("PRTE_MCA_hwloc_default_binding_policy");
    unsetenv("OMPI_MCA_orte_launch_agent");
    unsetenv("EON_LAUNCHER");
    unsetenv("SLURM_PMIX_FENCE");
    unsetenv("SLURM_JOB_END_TIME");
    return 0;
}

static void srun_binds_each_rank_to_its_cores(void **state)
{
    (void)state;
    const struct job_work work = { .kind = JOB_WORK_TRAIN };
    expect_command(LAUNCHER_SRUN, &work,
                   "srun --mpi=pmix --kill-on-bad-exit=1 --export=ALL --nodes=3 --ntasks=6 "
                   "--ntasks-per-node=2 --cpus-per-task=16 --distribution=block:block "
                   "--cpu-bind=cores /opt/eon train 'it'\\''s.ini' --threads=8");
}

static void srun_starts_ranks_by_one_kind_of_fence_unless_the_site_says_which(void **state)
{
    (void)state;
    const struct job_work work = { .kind = JOB_WORK_TRAIN };
    struct word_list command = WORD_LIST_INIT;
    job_launch_command(LAUNCHER_SRUN, &layout, &work, "eon", words, 2, &command);
    assert_string_equal(getenv("SLURM_PMIX_FENCE"), "tree");
    setenv("SLURM_PMIX_FENCE", "ring", 1);
    job_launch_command(LAUNCHER_SRUN, &layout, &work, "eon", words, 2, &command);
    assert_string_equal(getenv("SLURM_PMIX_FENCE"), "ring");
    word_list_release(&command);
}

static void mpirun_is_deaf_to_sigterm_and_knows_its_slots(void **state)
{
    (void)state;
    const struct job_work work = { .kind = JOB_WORK_TRAIN };
    expect_command(LAUNCHER_MPIRUN, &work,
                   "/opt/eon slurm shield -- mpirun -n 6 --map-by ppr:2:node:PE=8 /opt/eon train "
                   "'it'\\''s.ini' --threads=8");
    assert_string_equal(getenv("SLURM_TASKS_PER_NODE"), "2(x3)");
    assert_string_equal(getenv("OMPI_MCA_orte_launch_agent"), "/opt/eon slurm shield -- orted");
}

static void a_site_that_binds_otherwise_is_left_alone(void **state)
{
    (void)state;
    const struct job_work work = { .kind = JOB_WORK_TRAIN, .threads = 4 };
    setenv("OMPI_MCA_hwloc_base_binding_policy", "none", 1);
    expect_command(LAUNCHER_MPIRUN, &work,
                   "/opt/eon slurm shield -- mpirun -n 6 --map-by ppr:2:node /opt/eon train "
                   "'it'\\''s.ini'");
}

static void the_launcher_may_be_chosen(void **state)
{
    (void)state;
    enum job_launcher launcher;
    setenv("EON_LAUNCHER", "mpirun", 1);
    assert_int_equal(job_launcher_choose(&launcher), STATUS_OK);
    assert_int_equal(launcher, LAUNCHER_MPIRUN);
    setenv("EON_LAUNCHER", "prun", 1);
    assert_int_equal(job_launcher_choose(&launcher), STATUS_BAD_INPUT);
}

static void ranks_learn_when_the_job_ends(void **state)
{
    (void)state;
    job_launch_environment(0);
    assert_null(getenv("SLURM_JOB_END_TIME"));
    job_launch_environment(1700000000);
    assert_string_equal(getenv("SLURM_JOB_END_TIME"), "1700000000");
    assert_string_equal(getenv("OMP_NUM_THREADS"), "1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, clear_environment)
    const struct CMUnitTest tests[] = {
        TEST(srun_binds_each_rank_to_its_cores),
        TEST(srun_starts_ranks_by_one_kind_of_fence_unless_the_site_says_which),
        TEST(mpirun_is_deaf_to_sigterm_and_knows_its_slots),
        TEST(a_site_that_binds_otherwise_is_left_alone),
        TEST(the_launcher_may_be_chosen),
        TEST(ranks_learn_when_the_job_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
