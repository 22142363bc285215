/* Middle and quartiles, of values in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "trainer/reports/median.h"

static void quartiles_do_not_depend_on_the_order(void **state)
{
    (void)state;
    double values[] = { 7, 1, 8, 2, 5, 3, 6, 4 };
    struct quartiles quartiles = quartiles_of(values, 8);
    assert_true(quartiles.lower == 3);
    assert_true(quartiles.median == 4.5);
    assert_true(quartiles.upper == 7);
}

static void one_value_is_its_own_quartiles(void **state)
{
    (void)state;
    double value = 2.5;
    struct quartiles quartiles = quartiles_of(&value, 1);
    assert_true(quartiles.lower == 2.5 && quartiles.median == 2.5 && quartiles.upper == 2.5);
}

static void spread_is_half_the_distance_of_the_quartiles_as_a_share(void **state)
{
    (void)state;
    double values[] = { 40, 10, 30, 20, 50 }, spread;
    assert_true(median_of(values, 5, &spread) == 30);
    assert_true(spread == 10.0 / 30.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quartiles_do_not_depend_on_the_order),
        cmocka_unit_test(one_value_is_its_own_quartiles),
        cmocka_unit_test(spread_is_half_the_distance_of_the_quartiles_as_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
