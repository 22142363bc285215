#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "base/philox.h"
#include "base/portable_math.h"
#include "base/sha256.h"
#include "base/thread_pool.h"

enum { PLACES = 300000 };

/* Against the C library's long double, 64 bits of mantissa on x86. */
static double relative_error(double value, long double exact)
{
    return exact == 0 ? fabs(value) : (double)fabsl((value - exact) / exact);
}

static double uniform_at(uint64_t i, double low, double high)
{
    return low + (high - low) * philox_uniform(philox_key(9, RANDOM_TEST), 0, i);
}

static void exp_is_within_an_ulp_or_two(void **state)
{
    double worst = 0;
    (void)state;
    for (uint64_t i = 0; i < PLACES; i++) {
        double x = uniform_at(i, -708, 709.7) * (i % 2 ? 1 : 1e-3);
        worst = fmax(worst, relative_error(portable_exp(x), expl(x)));
    }
    assert_true(worst < 1e-15); /* observed 1.8e-16 */
}

static void log_is_within_an_ulp_or_two(void **state)
{
    double worst = 0;
    (void)state;
    for (uint64_t i = 0; i < PLACES; i++) {
        double wide = ldexp(uniform_at(i, 1, 2), (int)(i % 2045) - 1022);
        double near_one = 1 + ldexp(uniform_at(i, -0.5, 0.5), -(int)(i % 50));
        worst = fmax(worst, relative_error(portable_log(wide), logl(wide)));
        worst = fmax(worst, relative_error(portable_log(near_one), logl(near_one)));
    }
    assert_true(worst < 1e-15); /* observed 4.2e-16 */
}

static void sine_and_cosine_hold_near_their_zeros(void **state)
{
    double worst = 0;
    (void)state;
    for (uint64_t i = 0; i < PLACES; i++) {
        double any = ldexp(uniform_at(i, -1, 1), (int)(i % 30)) * 0.93;
        double near_zero = floor(uniform_at(i, -6e8, 6e8)) * 1.5707963267948966;
        for (int place = 0; place < 2; place++) {
            double x = place ? near_zero : any, sine, cosine;
            portable_sincos(x, &sine, &cosine);
            assert_true(cosine == portable_cos(x));
            worst = fmax(worst, relative_error(sine, sinl(x)));
            worst = fmax(worst, relative_error(cosine, cosl(x)));
        }
    }
    assert_true(worst < 1e-14); /* observed 2.8e-16 */
}

static void pow_holds_for_the_frequencies_of_rotary_positions(void **state)
{
    double worst = 0;
    (void)state;
    for (uint64_t i = 0; i < PLACES; i++) {
        double exponent = uniform_at(i, -1, 1);
        worst = fmax(worst, relative_error(portable_pow(5e5, exponent), powl(5e5, exponent)));
    }
    assert_true(worst < 1e-14); /* observed 1.6e-15 */
    for (int64_t n = 0; n < 10000; n++)
        assert_true(relative_error(portable_pow_integer(0.95, n), powl(0.95, n)) < 2e-12 ||
                    powl(0.95, n) < DBL_MIN); /* observed 3.9e-13 */
}

static void the_edges_are_what_ieee_754_says(void **state)
{
    double sine, cosine;
    (void)state;
    assert_true(portable_exp(0) == 1 && portable_exp(-0.0) == 1);
    assert_true(isinf(portable_exp(709.79)) && isfinite(portable_exp(709.78)));
    assert_true(portable_exp(-709) == 0 && portable_exp(-708.39) >= DBL_MIN);
    assert_true(portable_exp(-INFINITY) == 0 && isinf(portable_exp(INFINITY)));
    assert_true(isnan(portable_exp(NAN)));
    assert_true(portable_log(1) == 0 && isinf(portable_log(INFINITY)));
    assert_true(portable_log(0) == -INFINITY && portable_log(-0.0) == -INFINITY);
    assert_true(isnan(portable_log(-1)) && isnan(portable_log(NAN)));
    portable_sincos(0, &sine, &cosine);
    assert_true(sine == 0 && cosine == 1);
    portable_sincos(1e9, &sine, &cosine);
    assert_true(isnan(sine) && isnan(cosine));
    assert_true(portable_pow_integer(0, 0) == 1 && portable_pow_integer(-2, 3) == -8);
    assert_true(portable_pow_integer(3, 0) == 1 && portable_pow_integer(2, 1023) == 0x1p1023);
}

static void hash_of_all_functions(char hex[SHA256_HEX])
{
    struct sha256 hash;
    sha256_init(&hash);
    for (uint64_t i = 0; i < 50000; i++) {
        double x = uniform_at(i, -750, 750), values[5];
        values[0] = portable_exp(x);
        values[1] = portable_log(fabs(x) + 1e-3);
        portable_sincos(x * 1e6, &values[2], &values[3]);
        values[4] = portable_pow_integer(0.9, (int64_t)i);
        sha256_add(&hash, values, sizeof values);
    }
    sha256_finish_hex(&hash, hex);
}

/* Whoever changes these bits changes every run. */
static void all_functions_keep_their_bits_in_every_denormal_mode(void **state)
{
    static const char expected[] =
        "8937fb08fc9172454aa959615433d0ca69bb726cc0f61122fe9ad2ecd1aa5cfb";
    char hex[SHA256_HEX];
    (void)state;
    hash_of_all_functions(hex);
    assert_string_equal(hex, expected);
    thread_flush_denormals();
    hash_of_all_functions(hex);
    assert_string_equal(hex, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_an_ulp_or_two),
        cmocka_unit_test(log_is_within_an_ulp_or_two),
        cmocka_unit_test(sine_and_cosine_hold_near_their_zeros),
        cmocka_unit_test(pow_holds_for_the_frequencies_of_rotary_positions),
        cmocka_unit_test(the_edges_are_what_ieee_754_says),
        cmocka_unit_test(all_functions_keep_their_bits_in_every_denormal_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
