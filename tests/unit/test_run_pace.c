#include "trainer/reports/run_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static void write_file(const char *path, const char *text)
{
    assert_int_equal(file_replace(path, text, strlen(text)), STATUS_OK);
}

static struct run_pace pace_of(const char *metrics)
{
    struct run_pace pace;
    write_file("config.ini", "[run]\nrun = r\nsteps = 100\n");
    write_file("metrics.jsonl", metrics);
    run_pace_read(".", &pace);
    return pace;
}

static void the_last_step_tells_how_far_a_run_is_and_how_long_it_takes(void **state)
{
    (void)state;
    struct run_pace pace =
        pace_of("{\"step\": 10, \"loss\": 5, \"tokens\": 1000, \"tokens_per_second\": 1}\n"
                "{\"step\": 20, \"loss\": 4, \"tokens\": 2000, \"tokens_per_second\": 50}\n"
                "{\"step\": 20, \"validation_loss\": 6}\n");
    assert_int_equal(pace.step, 20);
    assert_int_equal(pace.steps, 100);
    assert_true(pace.loss == 4.0);
    assert_true(pace.seconds_left == 80 * 2.0); /* 100 tokens a step at 50 a second */
}

static void half_a_line_and_nonsense_are_passed_over(void **state)
{
    (void)state;
    struct run_pace pace = pace_of(
        "cut\": 3}\n{\"step\": 7, \"loss\": null, \"tokens\": 7, \"tokens_per_second\": 1}\n[1]\n"
        "{\"step\": 8, \"lo");
    assert_int_equal(pace.step, 7);
    assert_true(isnan(pace.loss));
}

static void a_run_that_has_not_logged_yet_has_no_step(void **state)
{
    (void)state;
    struct run_pace pace;
    unlink("metrics.jsonl");
    unlink("config.ini");
    run_pace_read(".", &pace);
    assert_int_equal(pace.step, -1);
    assert_int_equal(pace.steps, 0);
    assert_true(isnan(pace.loss) && isnan(pace.seconds_left));
}

static int all_memory_is_returned(void **state)
{
    (void)state;
    return memory_live_blocks() != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_step_tells_how_far_a_run_is_and_how_long_it_takes),
        cmocka_unit_test(half_a_line_and_nonsense_are_passed_over),
        cmocka_unit_test(a_run_that_has_not_logged_yet_has_no_step),
    };
    return cmocka_run_group_tests(tests, NULL, all_memory_is_returned);
}
