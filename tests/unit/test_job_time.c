#include "trainer/training/job_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct job_time with_end(const char *end, double margin_s)
{
    struct job_time job_time;
    if (end)
        setenv("SLURM_JOB_END_TIME", end, 1);
    else
        unsetenv("SLURM_JOB_END_TIME");
    job_time_init(&job_time, margin_s, 0);
    return job_time;
}

static void outside_of_a_job_there_is_no_end(void **state)
{
    (void)state;
    struct job_time job_time = with_end(NULL, 60);
    assert_false(job_time_is_over(&job_time, 4e9));
}

static void what_is_no_time_is_no_end(void **state)
{
    (void)state;
    const char *const wrong[] = { "", "soon", "12x", "nan", "inf", "-5", "0" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct job_time job_time = with_end(wrong[i], 60);
        assert_false(job_time_is_over(&job_time, 4e9));
    }
}

static void the_margin_is_left_over(void **state)
{
    (void)state;
    struct job_time job_time = with_end("1000", 60);
    assert_false(job_time_is_over(&job_time, 940));
    assert_true(job_time_is_over(&job_time, 941));
}

/* Another round, and a save that takes twice as long as the longest so far. */
static void there_is_time_for_a_round_and_a_save(void **state)
{
    (void)state;
    struct job_time job_time = with_end("1000", 60);
    job_time_took_round(&job_time, 100);
    job_time_took_round(&job_time, 5);
    job_time_took_save(&job_time, 20);
    job_time_took_save(&job_time, 1);
    assert_false(job_time_is_over(&job_time, 800));
    assert_true(job_time_is_over(&job_time, 801));
}

static void of_a_short_job_a_tenth_is_left_over(void **state)
{
    (void)state;
    struct job_time job_time = with_end("100", 60);
    assert_false(job_time_is_over(&job_time, 90));
    assert_true(job_time_is_over(&job_time, 91));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_of_a_job_there_is_no_end),
        cmocka_unit_test(what_is_no_time_is_no_end),
        cmocka_unit_test(the_margin_is_left_over),
        cmocka_unit_test(of_a_short_job_a_tenth_is_left_over),
        cmocka_unit_test(there_is_time_for_a_round_and_a_save),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
