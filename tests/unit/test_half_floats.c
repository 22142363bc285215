#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "checkpoints/half_floats.h"

enum { ALL = 1 << 16 };

static uint16_t halves[ALL];
static float values[ALL];

static int fill_halves(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++)
        halves[i] = (uint16_t)i;
    return 0;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void every_bf16_is_the_upper_half_of_its_float32(void **state)
{
    (void)state;
    half_floats_from_bf16(values, halves, ALL);
    for (int i = 0; i < ALL; i++)
        assert_int_equal(bits_of(values[i]), (uint32_t)i << 16);
}

/* IEEE 754-2008, section 3.4, with 5 bits of exponent. */
static double value_of_fp16(int half)
{
    const int exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
    double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    if (exponent == 0x1f)
        magnitude = fraction ? NAN : INFINITY;
    return half & 0x8000 ? -magnitude : magnitude;
}

static void every_fp16_has_the_value_of_its_formula(void **state)
{
    (void)state;
    half_floats_from_fp16(values, halves, ALL);
    for (int i = 0; i < ALL; i++) {
        const double wanted = value_of_fp16(i);
        if (isnan(wanted)) {
            assert_true(isnan(values[i]));
        } else {
            assert_true((double)values[i] == wanted);
        }
        assert_int_equal(bits_of(values[i]) >> 31, i >> 15); /* of zeros, too */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bf16_is_the_upper_half_of_its_float32),
        cmocka_unit_test(every_fp16_has_the_value_of_its_formula),
    };
    return cmocka_run_group_tests(tests, fill_halves, NULL);
}
