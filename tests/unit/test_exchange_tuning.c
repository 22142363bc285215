#include "comm/exchange_tuning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_fastest_length_is_chosen(void **state)
{
    (void)state;
    assert_int_equal(exchange_choose((double[]){ 1.0, 2.0, 3.0 }), 0);
    assert_int_equal(exchange_choose((double[]){ 3.0, 1.0, 2.0 }), 1);
    assert_int_equal(exchange_choose((double[]){ 3.0, 2.0, 1.0 }), 2);
}

static void of_lengths_that_are_alike_the_longest_is_chosen(void **state)
{
    (void)state;
    assert_int_equal(exchange_choose((double[]){ 1.0, 1.04, 2.0 }), 1);
    assert_int_equal(exchange_choose((double[]){ 1.0, 1.2, 1.04 }), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fastest_length_is_chosen),
        cmocka_unit_test(of_lengths_that_are_alike_the_longest_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
