#include "comm/flight_recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"

static void sleep_ms(long ms)
{
    struct timespec pause = { .tv_nsec = ms * 1000000 };
    nanosleep(&pause, NULL);
}

static void an_operation_goes_through_its_phases(void **state)
{
    (void)state;
    flight_recorder_doing("computing leaf %d of step %d", 3, 17);
    int64_t before = flight_recorder_state().sequence;
    assert_int_equal(flight_recorder_begin("barrier", 5, FLIGHT_WAITING), before + 1);
    struct flight_state now = flight_recorder_state();
    assert_int_equal(now.sequence, before + 1);
    assert_int_equal(now.bytes, 5);
    assert_int_equal(now.phase, FLIGHT_WAITING);
    assert_string_equal(now.operation, "barrier");
    assert_string_equal(now.doing, "computing leaf 3 of step 17");
    flight_recorder_turn(FLIGHT_MOVING);
    assert_int_equal(flight_recorder_state().phase, FLIGHT_MOVING);
    flight_recorder_end();
    assert_int_equal(flight_recorder_state().phase, FLIGHT_WORKING);
    assert_string_equal(flight_recorder_state().operation, "barrier");
}

static void an_operation_beside_the_computation_is_waited_for_late_or_never(void **state)
{
    (void)state;
    flight_recorder_begin("gathering", 5, FLIGHT_BESIDE);
    flight_recorder_turn(FLIGHT_MOVING); /* some of its data is needed now */
    flight_recorder_turn(FLIGHT_BESIDE);
    assert_int_equal(flight_recorder_state().phase, FLIGHT_BESIDE);
    flight_recorder_end();
    assert_int_equal(flight_recorder_state().phase, FLIGHT_WORKING);
    flight_recorder_turn(FLIGHT_BESIDE); /* it has ended meanwhile */
    assert_int_equal(flight_recorder_state().phase, FLIGHT_WORKING);
}

static void time_counts_for_the_phase_it_is_spent_in(void **state)
{
    (void)state;
    struct flight_totals before = flight_recorder_totals();
    sleep_ms(5);
    flight_recorder_begin("barrier", 0, FLIGHT_WAITING);
    sleep_ms(10);
    flight_recorder_turn(FLIGHT_MOVING);
    sleep_ms(20);
    struct flight_totals after = flight_recorder_totals(); /* in the midst of it */
    flight_recorder_end();
    assert_true(after.seconds[FLIGHT_WORKING] - before.seconds[FLIGHT_WORKING] >= 0.005);
    assert_true(after.seconds[FLIGHT_WAITING] - before.seconds[FLIGHT_WAITING] >= 0.010);
    assert_true(after.seconds[FLIGHT_MOVING] - before.seconds[FLIGHT_MOVING] >= 0.020);
}

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void the_last_operations_are_written_and_no_others(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    char last[32], forgotten[32];
    for (int i = 0; i < 3 * FLIGHT_ENTRIES; i++) {
        flight_recorder_begin(i < 2 * FLIGHT_ENTRIES ? "early" : "late", 1000 + i, FLIGHT_WAITING);
        flight_recorder_turn(FLIGHT_MOVING);
        flight_recorder_end();
    }
    flight_recorder_begin("pending", 77, FLIGHT_WAITING);
    flight_recorder_set_folder("flight", 3);
    flight_recorder_write("rank 2 is late");
    flight_recorder_set_folder(NULL, 0);
    flight_recorder_end();

    assert_int_equal(file_read("flight/rank-3.txt", 1 << 20, &text), STATUS_OK);
    int64_t sequence = flight_recorder_state().sequence;
    snprintf(last, sizeof last, "\n%12lld ", (long long)sequence);
    snprintf(forgotten, sizeof forgotten, "\n%12lld ", (long long)(sequence - FLIGHT_ENTRIES));
    assert_int_equal(count_lines(text.bytes), 3 + FLIGHT_ENTRIES);
    assert_non_null(strstr(text.bytes, "rank 3 at "));
    assert_non_null(strstr(text.bytes, ": rank 2 is late\n"));
    assert_non_null(strstr(text.bytes, "waiting for the others"));
    assert_non_null(strstr(text.bytes, "  pending\n"));
    assert_non_null(strstr(text.bytes, last));
    assert_null(strstr(text.bytes, forgotten));
    assert_null(strstr(text.bytes, "early"));
    strbuf_release(&text);
}

static void a_second_writing_replaces_the_first(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    flight_recorder_set_folder("again", 0);
    flight_recorder_write("the first reason");
    flight_recorder_write("the second");
    flight_recorder_set_folder(NULL, 0);
    assert_int_equal(file_read("again/rank-0.txt", 1 << 20, &text), STATUS_OK);
    assert_null(strstr(text.bytes, "the first reason"));
    assert_non_null(strstr(text.bytes, "the second"));
    strbuf_release(&text);
}

static void no_folder_is_made_where_the_run_has_none(void **state)
{
    (void)state;
    flight_recorder_set_folder("no/such/run", 0);
    flight_recorder_write("nothing to see"); /* on standard error */
    flight_recorder_set_folder(NULL, 0);
    assert_false(file_exists("no"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_goes_through_its_phases),
        cmocka_unit_test(an_operation_beside_the_computation_is_waited_for_late_or_never),
        cmocka_unit_test(time_counts_for_the_phase_it_is_spent_in),
        cmocka_unit_test(the_last_operations_are_written_and_no_others),
        cmocka_unit_test(a_second_writing_replaces_the_first),
        cmocka_unit_test(no_folder_is_made_where_the_run_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
