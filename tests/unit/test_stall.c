#include "comm/stall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 4 };

static const struct stall_limits limits = { .timeout_s = 600, .silent_s = 5 };
static struct stall_view views[SIZE];
static char message[1024];

/* All ranks have waited in operation 812 for 601 seconds. */
static int begin_waiting(void **state)
{
    (void)state;
    for (int rank = 0; rank < SIZE; rank++) {
        views[rank] = (struct stall_view){
            .link = STALL_HEARD,
            .age_s = 601,
            .state = { .sequence = 812, .bytes = 4096, .phase = FLIGHT_WAITING },
        };
        snprintf(views[rank].host, sizeof views[rank].host, "node%02d", rank);
        strcpy(views[rank].state.operation, "reduction of gradients");
    }
    return 0;
}

static void put_at_work(int rank, const char *doing)
{
    views[rank].state.sequence = 811;
    views[rank].state.phase = FLIGHT_WORKING;
    strcpy(views[rank].state.operation, "agreement");
    snprintf(views[rank].state.doing, sizeof views[rank].state.doing, "%s", doing);
}

static bool find(void)
{
    message[0] = '\0';
    return stall_find(views, SIZE, &limits, message, sizeof message);
}

static void expect_said(const char *text)
{
    assert_true(find());
    if (!strstr(message, text))
        fail_msg("'%s' does not say '%s'", message, text);
}

static void a_rank_at_work_is_named_with_what_it_does(void **state)
{
    (void)state;
    put_at_work(2, "computing leaf 3 of step 17");
    expect_said("rank 2 on node02 is computing leaf 3 of step 17, after operation 811 "
                "'agreement', since 601 s; ");
    expect_said("and others wait for it in operation 812 'reduction of gradients' of 4096 bytes");
}

static void nobody_is_late_before_the_timeout(void **state)
{
    (void)state;
    put_at_work(2, "computing leaf 3 of step 17");
    for (int rank = 0; rank < SIZE; rank++)
        views[rank].age_s = 599;
    views[2].age_s = 1e6; /* what it does by itself may take as long as it likes */
    views[1].silent_s = 300;
    assert_false(find());
}

static void long_work_that_nobody_waits_for_is_no_stall(void **state)
{
    (void)state;
    for (int rank = 0; rank < SIZE; rank++)
        put_at_work(rank, "saving step 1000");
    assert_false(find());
}

static void a_silent_rank_is_named_before_one_at_work(void **state)
{
    (void)state;
    put_at_work(1, "computing leaf 1 of step 17");
    put_at_work(3, "computing leaf 3 of step 17");
    views[3].silent_s = 603;
    expect_said("rank 3 on node03 gives no sign of life since 603 s, when it was computing leaf 3");
}

static void a_rank_that_falls_silent_within_an_operation_is_named(void **state)
{
    (void)state;
    for (int rank = 0; rank < SIZE; rank++)
        views[rank].state.phase = FLIGHT_MOVING;
    views[0].silent_s = 0;
    views[1].silent_s = 602;
    expect_said("rank 1 on node01 gives no sign of life since 602 s, when it was in operation 812");
}

static void a_rank_that_computes_beside_the_operation_is_late_for_it(void **state)
{
    (void)state;
    views[2].state.phase = FLIGHT_BESIDE;
    strcpy(views[2].state.doing, "computing leaf 3 of step 17");
    expect_said("rank 2 on node02 is computing leaf 3 of step 17, beside operation 812 "
                "'reduction of gradients', since 601 s; ");
}

static void where_all_compute_beside_an_operation_nobody_waits(void **state)
{
    (void)state;
    for (int rank = 0; rank < SIZE; rank++)
        views[rank].state.phase = FLIGHT_BESIDE;
    assert_false(find());
}

static void those_late_alike_are_counted(void **state)
{
    (void)state;
    put_at_work(1, "reading leaf 1 of step 17");
    put_at_work(2, "reading leaf 2 of step 17");
    put_at_work(3, "reading leaf 3 of step 17");
    expect_said("rank 1 on node01 is reading leaf 1 of step 17");
    expect_said("(and 2 more alike); rank 0 waits for it");
}

static void where_none_is_late_none_is_blamed(void **state)
{
    (void)state;
    expect_said("4 ranks are in operation 812 'reduction of gradients' of 4096 bytes since 601 s, "
                "and none is late");
}

static void a_rank_that_is_ahead_is_not_blamed(void **state)
{
    (void)state;
    for (int rank = 0; rank < SIZE; rank++)
        views[rank].state.phase = FLIGHT_MOVING;
    views[0].state.phase = FLIGHT_WORKING; /* has sent its part */
    views[1].state.sequence = 813;
    views[1].age_s = 3;
    expect_said("none is late");
}

static void a_rank_that_left_or_was_never_seen_is_not_blamed_before_others(void **state)
{
    (void)state;
    put_at_work(1, "");
    views[1].link = STALL_LEFT;
    views[2].link = STALL_UNSEEN;
    expect_said("rank 2 on node02 was never heard of");
    put_at_work(3, "computing leaf 3 of step 17");
    expect_said("rank 3 on node03 is computing");
}

static void a_closed_connection_is_not_waited_for_so_long(void **state)
{
    (void)state;
    put_at_work(2, "computing leaf 3 of step 17");
    views[2].link = STALL_CLOSED;
    for (int rank = 0; rank < SIZE; rank++)
        views[rank].age_s = views[rank].link == STALL_CLOSED ? 0 : 14;
    views[2].silent_s = 20;
    assert_false(find());
    views[0].age_s = 16;
    expect_said("rank 2 on node02 ended without a word 20 s ago: it was computing leaf 3");
    views[2].silent_s = 3; /* it may connect again */
    assert_false(find());
}

static void a_short_timeout_takes_less_for_silence(void **state)
{
    (void)state;
    assert_true(stall_limits_of(2).silent_s < 2);
    assert_true(stall_limits_of(600).silent_s <= 5);
}

#define TEST(name) cmocka_unit_test_setup(name, begin_waiting)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rank_at_work_is_named_with_what_it_does),
        TEST(nobody_is_late_before_the_timeout),
        TEST(long_work_that_nobody_waits_for_is_no_stall),
        TEST(a_silent_rank_is_named_before_one_at_work),
        TEST(a_rank_that_falls_silent_within_an_operation_is_named),
        TEST(a_rank_that_computes_beside_the_operation_is_late_for_it),
        TEST(where_all_compute_beside_an_operation_nobody_waits),
        TEST(those_late_alike_are_counted),
        TEST(where_none_is_late_none_is_blamed),
        TEST(a_rank_that_is_ahead_is_not_blamed),
        TEST(a_rank_that_left_or_was_never_seen_is_not_blamed_before_others),
        TEST(a_closed_connection_is_not_waited_for_so_long),
        TEST(a_short_timeout_takes_less_for_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
