#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "base/sha256.h"

/* kat_vectors of the Random123 distribution, rows "philox4x32 10". */
static void the_known_answers_of_random123_come_out(void **state)
{
    static const struct {
        uint32_t counter[4];
        struct philox_key key;
        uint32_t expected[4];
    } rows[] = {
        { { 0, 0, 0, 0 }, { { 0, 0 } }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { { 0xffffffff, 0xffffffff } },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { { 0xa4093822, 0x299f31d0 } },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];
        philox_block(rows[i].key, rows[i].counter, out);
        assert_memory_equal(out, rows[i].expected, sizeof out);
    }
}

static void seeds_purposes_and_places_all_matter(void **state)
{
    (void)state;
    struct philox_key keys[] = {
        philox_key(1, RANDOM_TEST),
        philox_key(2, RANDOM_TEST),
        philox_key(1, RANDOM_HOLDOUT),
        philox_key((uint64_t)1 << 32, RANDOM_TEST),
    };
    uint64_t seen[16];
    for (int i = 0; i < 16; i++) {
        uint64_t place = (uint64_t)1 << 40;
        seen[i] = philox_u64(keys[i / 4], i & 1 ? place : 0, i & 2 ? place : 0);
        for (int j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]);
    }
}

static void uniform_numbers_fill_the_unit_interval(void **state)
{
    enum { COUNT = 1000000, BINS = 100 };
    struct philox_key key = philox_key(5, RANDOM_TEST);
    static int bins[BINS];
    double chi_squared = 0;
    (void)state;
    for (uint64_t i = 0; i < COUNT; i++) {
        double u = philox_uniform(key, 0, i);
        assert_true(u >= 0 && u < 1);
        bins[(int)(u * BINS)]++;
    }
    for (int i = 0; i < BINS; i++)
        chi_squared += pow(bins[i] - COUNT / BINS, 2) / (COUNT / BINS);
    assert_true(chi_squared > 62 && chi_squared < 149); /* 99 degrees: 0.1 % to 99.9 % */
}

static void normal_numbers_have_the_moments_of_their_law(void **state)
{
    enum { COUNT = 1000000 };
    struct philox_key key = philox_key(5, RANDOM_TEST);
    double sum = 0, squares = 0, fourths = 0, within_one = 0;
    (void)state;
    for (uint64_t i = 0; i < COUNT; i++) {
        double x = philox_normal(key, 0, i);
        assert_true(isfinite(x));
        sum += x, squares += x * x, fourths += x * x * x * x, within_one += fabs(x) < 1;
    }
    assert_true(fabs(sum / COUNT) < 4e-3); /* four standard errors each */
    assert_true(fabs(squares / COUNT - 1) < 6e-3);
    assert_true(fabs(fourths / COUNT - 3) < 4e-2);
    assert_true(fabs(within_one / COUNT - 0.682689) < 2e-3);
}

/* The bits that initial weights are made of: whoever changes them changes every run. */
static void normal_numbers_keep_their_bits(void **state)
{
    struct philox_key key = philox_key(1, RANDOM_INITIAL_WEIGHTS);
    struct sha256 hash;
    char hex[SHA256_HEX];
    (void)state;
    sha256_init(&hash);
    for (uint64_t i = 0; i < 100000; i++) {
        double x = philox_normal(key, 7, i);
        sha256_add(&hash, &x, sizeof x);
    }
    sha256_finish_hex(&hash, hex);
    assert_string_equal(hex, "ae3cbf21f8b53f78edd2f92826ac84c0ab081d121702a7681ecdc343a9970cc0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_answers_of_random123_come_out),
        cmocka_unit_test(seeds_purposes_and_places_all_matter),
        cmocka_unit_test(uniform_numbers_fill_the_unit_interval),
        cmocka_unit_test(normal_numbers_have_the_moments_of_their_law),
        cmocka_unit_test(normal_numbers_keep_their_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
