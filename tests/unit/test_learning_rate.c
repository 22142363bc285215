#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trainer/optimizer/learning_rate.h"

static struct learning_rate schedule_of(enum schedule_kind kind)
{
    return (struct learning_rate){ .kind = kind,
                                   .peak = 1.0,
                                   .minimum = 0.1,
                                   .warmup_steps = 10,
                                   .total_steps = 111,
                                   .decay_fraction = 0.5 };
}

static void assert_near(double value, double expected)
{
    assert_true(value - expected < 1e-14 && expected - value < 1e-14);
}

static void warmup_rises_linearly_from_the_first_step(void **state)
{
    (void)state;
    struct learning_rate schedule = schedule_of(SCHEDULE_COSINE);
    assert_near(learning_rate_at(&schedule, 0), 0.1);
    assert_near(learning_rate_at(&schedule, 4), 0.5);
    assert_near(learning_rate_at(&schedule, 9), 1.0);
}

static void cosine_ends_at_the_minimum_and_is_halfway_in_the_middle(void **state)
{
    (void)state;
    struct learning_rate schedule = schedule_of(SCHEDULE_COSINE);
    assert_near(learning_rate_at(&schedule, 10), 1.0);
    assert_near(learning_rate_at(&schedule, 60), 0.55);
    assert_near(learning_rate_at(&schedule, 110), 0.1);
    assert_near(learning_rate_at(&schedule, 500), 0.1);
}

static void linear_falls_by_the_same_amount_each_step(void **state)
{
    (void)state;
    struct learning_rate schedule = schedule_of(SCHEDULE_LINEAR);
    for (int64_t step = 10; step <= 110; step++)
        assert_near(learning_rate_at(&schedule, step), 1.0 - 0.009 * (double)(step - 10));
}

static void constant_stays_at_the_peak(void **state)
{
    (void)state;
    struct learning_rate schedule = schedule_of(SCHEDULE_CONSTANT);
    assert_near(learning_rate_at(&schedule, 10), 1.0);
    assert_near(learning_rate_at(&schedule, 110), 1.0);
}

static void wsd_is_stable_until_its_last_part_decays(void **state)
{
    (void)state;
    struct learning_rate schedule = schedule_of(SCHEDULE_WSD); /* decays over the last 55 steps */
    assert_near(learning_rate_at(&schedule, 55), 1.0);
    assert_near(learning_rate_at(&schedule, 56), 1.0);
    assert_near(learning_rate_at(&schedule, 83), 0.55);
    assert_near(learning_rate_at(&schedule, 110), 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warmup_rises_linearly_from_the_first_step),
        cmocka_unit_test(cosine_ends_at_the_minimum_and_is_halfway_in_the_middle),
        cmocka_unit_test(linear_falls_by_the_same_amount_each_step),
        cmocka_unit_test(constant_stays_at_the_peak),
        cmocka_unit_test(wsd_is_stable_until_its_last_part_decays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
