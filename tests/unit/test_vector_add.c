/* Gradients are added and cleared element by element, wherever they begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "comm/vector_add.h"

enum { CHUNK = 32768, MOST = 2 * CHUNK + 64 }; /* the chunk is vector_add.c's */

static float values[MOST], others[MOST];

static void fill(void)
{
    for (int i = 0; i < MOST; i++) {
        values[i] = (float)(i % 1000 + 1);
        others[i] = (float)(i % 77);
    }
}

static void check_clear(struct thread_pool *pool, int first, int count)
{
    fill();
    vector_clear(pool, values + first, count);
    for (int i = 0; i < MOST; i++)
        assert_true(values[i] == (i >= first && i < first + count ? 0 : (float)(i % 1000 + 1)));
}

static void a_vector_is_cleared_and_nothing_beside_it(void **state)
{
    (void)state;
    struct thread_pool *pool = thread_pool_create(3);
    for (int first = 0; first < 5; first++) {
        for (int count = 0; count < 12; count++)
            check_clear(NULL, first, count);
        check_clear(NULL, first, CHUNK + 1);
        check_clear(pool, first, 2 * CHUNK + 7);
    }
    thread_pool_free(pool);
}

static void a_sum_that_is_not_a_number_is_the_one_nan(void **state)
{
    (void)state;
    const union {
        uint32_t bits;
        float value;
    } odd_nan = { 0xffc12345 }, the_nan = { .value = NAN };
    fill();
    values[1] = INFINITY;
    others[1] = -INFINITY;
    values[2] = odd_nan.value;
    vector_sum(values, values, others, CHUNK + 5);
    for (int i = 0; i < MOST; i++) {
        const union {
            float value;
            uint32_t bits;
        } sum = { values[i] };
        if (i == 1 || i == 2)
            assert_int_equal(sum.bits, the_nan.bits);
        else
            assert_true(sum.value == (float)(i % 1000 + 1) + (i < CHUNK + 5 ? (float)(i % 77) : 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vector_is_cleared_and_nothing_beside_it),
        cmocka_unit_test(a_sum_that_is_not_a_number_is_the_one_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
