#include "trainer/jobs/job_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

/* A made-up /sys: processors in order over the domains, those beyond the cores are second threads.
 */
static void make_sysfs(const char *root, int domains, int cores, int threads_per_core)
{
    char path[256], text[64];
    for (int domain = 0; domain < domains; domain++) {
        int each = cores / domains;
        snprintf(path, sizeof path, "%s/devices/system/node/node%d", root, domain);
        assert_int_equal(folder_create(path), STATUS_OK);
        snprintf(path + strlen(path), sizeof path - strlen(path), "/cpulist");
        int length = snprintf(text, sizeof text, "%d-%d", domain * each, (domain + 1) * each - 1);
        if (threads_per_core == 2)
            length += snprintf(text + length, sizeof text - (size_t)length, ",%d-%d",
                               cores + domain * each, cores + (domain + 1) * each - 1);
        assert_int_equal(file_replace(path, text, (size_t)length), STATUS_OK);
    }
    for (int cpu = 0; cpu < cores * threads_per_core; cpu++) {
        snprintf(path, sizeof path, "%s/devices/system/cpu/cpu%d/topology", root, cpu);
        assert_int_equal(folder_create(path), STATUS_OK);
        snprintf(path + strlen(path), sizeof path - strlen(path), "/thread_siblings_list");
        int length = threads_per_core == 2
                         ? snprintf(text, sizeof text, "%d,%d", cpu % cores, cpu % cores + cores)
                         : snprintf(text, sizeof text, "%d", cpu);
        assert_int_equal(file_replace(path, text, (size_t)length), STATUS_OK);
    }
}

static int clear_environment(void **state)
{
    (void)state;
    unsetenv("SLURM_NTASKS_PER_NODE");
    unsetenv("SLURM_CPUS_PER_TASK");
    unsetenv("SLURM_CPUS_ON_NODE");
    return 0;
}

static struct job_layout layout_of(const char *root, int cpus)
{
    struct job_layout layout = { .nodes = 1 };
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    for (int cpu = 0; cpu < cpus; cpu++)
        CPU_SET((size_t)cpu, &allowed);
    job_layout_fill(root, &allowed, &layout);
    return layout;
}

static void expect(struct job_layout layout, int ranks, int threads, int cpus)
{
    assert_int_equal(layout.ranks_per_node, ranks);
    assert_int_equal(layout.threads, threads);
    assert_int_equal(layout.cpus_per_rank, cpus);
}

static void each_domain_gets_a_rank_with_a_thread_for_each_core(void **state)
{
    (void)state;
    make_sysfs("two", 2, 16, 1);
    expect(layout_of("two", 16), 2, 8, 8);
    make_sysfs("eight", 8, 64, 2);
    expect(layout_of("eight", 128), 8, 8, 16);
}

static void domains_that_the_job_did_not_get_count_not(void **state)
{
    (void)state;
    make_sysfs("two", 2, 16, 1);
    expect(layout_of("two", 8), 1, 8, 8);
}

static void a_share_of_a_node_is_divided(void **state)
{
    (void)state;
    make_sysfs("two", 2, 16, 1);
    setenv("SLURM_CPUS_ON_NODE", "8", 1); /* where the processors are not bound */
    expect(layout_of("two", 16), 2, 4, 4);
}

static void what_the_job_asks_for_is_kept(void **state)
{
    (void)state;
    make_sysfs("eight", 8, 64, 2);
    setenv("SLURM_NTASKS_PER_NODE", "4", 1);
    expect(layout_of("eight", 128), 4, 16, 32);
    setenv("SLURM_CPUS_PER_TASK", "8", 1);
    expect(layout_of("eight", 128), 4, 4, 8);
    unsetenv("SLURM_NTASKS_PER_NODE");
    expect(layout_of("eight", 128), 16, 4, 8);
}

static void without_sysfs_there_is_one_rank(void **state)
{
    (void)state;
    expect(layout_of("nowhere", 4), 1, 4, 4);
}

static void outside_of_a_job_it_is_refused(void **state)
{
    (void)state;
    struct job_layout layout;
    unsetenv("SLURM_JOB_ID");
    assert_int_equal(job_layout_read("/sys", &layout), STATUS_BAD_INPUT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, clear_environment)
    const struct CMUnitTest tests[] = {
        TEST(each_domain_gets_a_rank_with_a_thread_for_each_core),
        TEST(domains_that_the_job_did_not_get_count_not),
        TEST(a_share_of_a_node_is_divided),
        TEST(what_the_job_asks_for_is_kept),
        TEST(without_sysfs_there_is_one_rank),
        TEST(outside_of_a_job_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
