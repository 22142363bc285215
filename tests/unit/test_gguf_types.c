#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "checkpoints/gguf_types.h"

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float half_of(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float size = exponent == 0    ? ldexpf((float)fraction, -24)
                       : exponent == 31 ? (fraction ? NAN : INFINITY)
                                        : ldexpf((float)(1024 + fraction), exponent - 25);
    return bits & 0x8000 ? -size : size;
}

static void every_half_comes_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const float value = half_of((uint16_t)bits);
        if (!isnan(value))
            assert_int_equal(gguf_float_to_f16(value), bits);
    }
}

static void between_two_halves_the_nearer_is_taken_and_the_even_one_of_a_tie(void **state)
{
    (void)state;
    for (uint16_t bits = 0; bits < 0x7bff; bits++) {
        const float low = half_of(bits), high = half_of((uint16_t)(bits + 1));
        const float middle = (low + high) / 2; /* exact */
        const uint16_t even = (uint16_t)(bits + (bits & 1));
        assert_int_equal(gguf_float_to_f16(middle), even);
        assert_int_equal(gguf_float_to_f16(-middle), 0x8000 | even);
        assert_int_equal(gguf_float_to_f16(nextafterf(middle, 0)), bits);
        assert_int_equal(gguf_float_to_f16(nextafterf(middle, INFINITY)), bits + 1);
    }
}

static void halves_end_where_the_standard_says(void **state)
{
    (void)state;
    assert_int_equal(gguf_float_to_f16(65504), 0x7bff);
    assert_int_equal(gguf_float_to_f16(nextafterf(65520, 0)), 0x7bff);
    assert_int_equal(gguf_float_to_f16(65520), 0x7c00); /* a tie with what would come next */
    assert_int_equal(gguf_float_to_f16(-3e38f), 0xfc00);
    assert_int_equal(gguf_float_to_f16(ldexpf(1, -25)), 0x0000); /* a tie with zero */
    assert_int_equal(gguf_float_to_f16(nextafterf(ldexpf(1, -25), 1)), 0x0001);
    assert_int_equal(gguf_float_to_f16(float_of(0x80000001)), 0x8000); /* a denormal single */
    assert_int_equal(gguf_float_to_f16(-0.0f), 0x8000);
    assert_int_equal(gguf_float_to_f16(INFINITY), 0x7c00);
    assert_int_equal(gguf_float_to_f16(float_of(0x7f800001)), 0x7e00); /* a signalling NaN */
    assert_int_equal(gguf_float_to_f16(float_of(0xffc02000)), 0xfe01);
}

static void bfloats_are_rounded_to_the_even_one(void **state)
{
    (void)state;
    assert_int_equal(gguf_float_to_bf16(1), 0x3f80);
    assert_int_equal(gguf_float_to_bf16(float_of(0x3f808000)), 0x3f80); /* ties */
    assert_int_equal(gguf_float_to_bf16(float_of(0x3f818000)), 0x3f82);
    assert_int_equal(gguf_float_to_bf16(float_of(0xbf818000)), 0xbf82);
    assert_int_equal(gguf_float_to_bf16(float_of(0x3f807fff)), 0x3f80);
    assert_int_equal(gguf_float_to_bf16(float_of(0x3f808001)), 0x3f81);
    assert_int_equal(gguf_float_to_bf16(float_of(0x3fffffff)), 0x4000); /* into the exponent */
    assert_int_equal(gguf_float_to_bf16(float_of(0x00008001)), 0x0001); /* denormal */
    assert_int_equal(gguf_float_to_bf16(-0.0f), 0x8000);
    assert_int_equal(gguf_float_to_bf16(float_of(0x7f7fffff)), 0x7f80); /* beyond the largest */
    assert_int_equal(gguf_float_to_bf16(-INFINITY), 0xff80);
    assert_int_equal(gguf_float_to_bf16(float_of(0x7f800001)), 0x7fc0);
    assert_int_equal(gguf_float_to_bf16(float_of(0xffc10000)), 0xffc1);
}

/* Of one block. */
struct q8_0 {
    uint16_t scale;
    signed char q[32];
};

static bool to_q8_0(const float *values, struct q8_0 *block)
{
    unsigned char bytes[34];
    const bool finite = gguf_type_convert(GGUF_Q8_0, values, 32, bytes);
    memcpy(&block->scale, bytes, 2);
    memcpy(block->q, bytes + 2, 32);
    return finite;
}

static void a_block_is_scaled_by_its_largest_and_rounded_away_from_zero(void **state)
{
    (void)state;
    const float values[32] = { 127, -127, 0.5f, -0.5f, 1.5f, -1.5f, 0.49f, 64, 0, 126.5f };
    const signed char expected[32] = { 127, -127, 1, -1, 2, -2, 0, 64, 0, 127 };
    struct q8_0 block;
    assert_true(to_q8_0(values, &block));
    assert_int_equal(block.scale, 0x3c00);
    assert_memory_equal(block.q, expected, sizeof expected);
}

static void a_block_of_zeros_is_zero(void **state)
{
    (void)state;
    const float values[32] = { 0 };
    const struct q8_0 zero = { 0 };
    struct q8_0 block;
    assert_true(to_q8_0(values, &block));
    assert_int_equal(block.scale, 0);
    assert_memory_equal(block.q, zero.q, sizeof zero.q);
}

/* Its scale has no inverse, nor half the least half. */
static void a_block_of_denormals_is_zero(void **state)
{
    (void)state;
    const float values[32] = { float_of(1), -float_of(0x7fffff) };
    const struct q8_0 zero = { 0 };
    struct q8_0 block;
    assert_true(to_q8_0(values, &block));
    assert_int_equal(block.scale, 0);
    assert_memory_equal(block.q, zero.q, sizeof zero.q);
}

static void a_blocks_error_is_at_most_half_a_step_and_half_the_scales(void **state)
{
    (void)state;
    for (uint64_t b = 0; b < 1000; b++) {
        float values[32], largest = 0;
        struct q8_0 block;
        for (uint64_t i = 0; i < 32; i++) {
            values[i] = (float)(0.02 * philox_normal(philox_key(3, RANDOM_TEST), b, i));
            largest = fmaxf(largest, fabsf(values[i]));
        }
        assert_true(to_q8_0(values, &block));
        for (int i = 0; i < 32; i++)
            assert_true(fabsf(half_of(block.scale) * (float)block.q[i] - values[i]) <=
                        largest * (1.0f / 254 + 1.0f / 2048));
    }
}

static void what_a_type_cannot_hold_is_told(void **state)
{
    (void)state;
    static const struct {
        enum gguf_type type;
        float value;
        bool finite;
    } cases[] = {
        { GGUF_F32, 3e38f, true },
        { GGUF_F32, INFINITY, false },
        { GGUF_F32, NAN, false },
        { GGUF_F16, 65519, true },
        { GGUF_F16, 65520, false },
        { GGUF_F16, NAN, false },
        { GGUF_BF16, 3.38e38f, true },
        { GGUF_BF16, 3.4e38f, false },
        { GGUF_BF16, -INFINITY, false },
        { GGUF_Q8_0, 65504 * 127.0f, true },
        { GGUF_Q8_0, 65520 * 127.0f, false },
        { GGUF_Q8_0, INFINITY, false },
        { GGUF_Q8_0, NAN, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int place = 0; place < 64; place += 63) { /* in the first block and the last */
            float values[64] = { 0 };
            unsigned char out[4 * 64];
            values[place] = cases[i].value;
            assert_int_equal(gguf_type_convert(cases[i].type, values, 64, out), cases[i].finite);
        }
}

static void sizes_are_those_of_whole_blocks(void **state)
{
    (void)state;
    assert_int_equal(gguf_type_bytes(GGUF_F32, 64), 256);
    assert_int_equal(gguf_type_bytes(GGUF_F16, 64), 128);
    assert_int_equal(gguf_type_bytes(GGUF_BF16, 64), 128);
    assert_int_equal(gguf_type_bytes(GGUF_Q8_0, 64), 68);
    assert_true(gguf_type_fits(GGUF_Q8_0, 96));
    assert_false(gguf_type_fits(GGUF_Q8_0, 48));
    assert_true(gguf_type_fits(GGUF_BF16, 1));
    assert_string_equal(gguf_type_find(8)->name, "q8_0");
    assert_null(gguf_type_find(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_comes_back),
        cmocka_unit_test(between_two_halves_the_nearer_is_taken_and_the_even_one_of_a_tie),
        cmocka_unit_test(halves_end_where_the_standard_says),
        cmocka_unit_test(bfloats_are_rounded_to_the_even_one),
        cmocka_unit_test(a_block_is_scaled_by_its_largest_and_rounded_away_from_zero),
        cmocka_unit_test(a_block_of_zeros_is_zero),
        cmocka_unit_test(a_block_of_denormals_is_zero),
        cmocka_unit_test(a_blocks_error_is_at_most_half_a_step_and_half_the_scales),
        cmocka_unit_test(what_a_type_cannot_hold_is_told),
        cmocka_unit_test(sizes_are_those_of_whole_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
