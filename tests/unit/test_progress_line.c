/* The progress line says what is known, and no more. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/reports/progress_line.h"

static struct progress_line line_begun_at(double begun, int64_t steps_done, int64_t steps)
{
    struct progress_line line;
    progress_line_begin(&line, steps_done, steps, 10);
    line.begun = begun;
    return line;
}

static void line_tells_step_loss_speed_and_remaining_time(void **state)
{
    (void)state;
    char text[256];
    struct progress_line line = line_begun_at(100, 0, 5000);
    struct progress_report report = { 1200, 3.4123, 21400, 0.612, 2.9e-4 };
    progress_line_format(&line, &report, 340, text, sizeof text); /* 0.2 s a step, 3800 left */
    assert_string_equal(text, "step 1200/5000  loss 3.412  21.4k tokens/s  MFU 61%  lr 2.9e-04  "
                              "12 min 40 s left");
}

static void unknown_utilisation_is_left_out(void **state)
{
    (void)state;
    char text[256];
    struct progress_line line = line_begun_at(0, 0, 10);
    struct progress_report report = { 5, 1, 812, NAN, 1e-3 };
    progress_line_format(&line, &report, 5, text, sizeof text);
    assert_null(strstr(text, "MFU"));
    assert_non_null(strstr(text, "  812 tokens/s  "));
}

static void resumed_run_takes_its_pace_from_its_own_steps(void **state)
{
    (void)state;
    char text[256];
    struct progress_line line = line_begun_at(0, 900, 1000);
    struct progress_report report = { 910, 1, 2e6, NAN, 1e-3 };
    progress_line_format(&line, &report, 20, text, sizeof text); /* 2 s a step, 90 left */
    assert_non_null(strstr(text, "3 min 0 s left"));
    assert_non_null(strstr(text, "2.0M tokens/s"));
}

static void last_step_is_done(void **state)
{
    (void)state;
    char text[256];
    struct progress_line line = line_begun_at(0, 0, 10);
    struct progress_report report = { 10, 1, 812, NAN, 1e-3 };
    progress_line_format(&line, &report, 5, text, sizeof text);
    assert_non_null(strstr(text, "  done"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_tells_step_loss_speed_and_remaining_time),
        cmocka_unit_test(unknown_utilisation_is_left_out),
        cmocka_unit_test(resumed_run_takes_its_pace_from_its_own_steps),
        cmocka_unit_test(last_step_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
