#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <libdeflate.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "shards/format/huffman_deflate.h"

enum { LENGTH = 32768 };

static unsigned char bytes[LENGTH], back[LENGTH];
static unsigned char out[LENGTH + 256];

/* Both decoders, of which one is strict about codes that are not complete, give the bytes back. */
static size_t expect_round_trip(size_t length, size_t planes)
{
    memset(out, 0xee, sizeof out);
    const size_t stored = huffman_deflate(bytes, length, planes, out);
    assert_true(stored <= huffman_deflate_bound(length, planes));

    uLongf inflated = sizeof back;
    assert_int_equal(uncompress(back, &inflated, out, stored), Z_OK);
    assert_int_equal(inflated, length);
    assert_memory_equal(back, bytes, length);

    struct libdeflate_decompressor *decoder = libdeflate_alloc_decompressor();
    memset(back, 0, sizeof back);
    assert_int_equal(libdeflate_zlib_decompress(decoder, out, stored, back, length, NULL),
                     LIBDEFLATE_SUCCESS);
    assert_memory_equal(back, bytes, length);
    libdeflate_free_decompressor(decoder);
    return stored;
}

static void equal_bytes_take_a_bit_each(void **state)
{
    (void)state;
    memset(bytes, 7, sizeof bytes);
    assert_in_range(expect_round_trip(LENGTH, 1), LENGTH / 8, LENGTH / 8 + 64);
    assert_in_range(expect_round_trip(LENGTH, 2), LENGTH / 8, LENGTH / 8 + 128);
}

static void noise_is_stored(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LENGTH; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13 ^ i * 40503u >> 3);
    for (size_t planes = 1; planes <= 8; planes *= 2)
        expect_round_trip(LENGTH, planes);
}

/* Counts like Fibonacci's numbers make the longest codes, which have to be cut to 15 bits. */
static void codes_are_cut_to_15_bits(void **state)
{
    size_t at = 0, a = 1, b = 1;
    (void)state;
    memset(bytes, 0, sizeof bytes);
    for (int symbol = 1; at + a < LENGTH; symbol++) {
        memset(bytes + at, symbol, a);
        at += a;
        size_t next = a + b;
        a = b;
        b = next;
    }
    expect_round_trip(LENGTH, 1);
    expect_round_trip(at, 1);
}

static void every_length_and_spread_comes_back(void **state)
{
    (void)state;
    for (int spread = 1; spread <= 256; spread += 17)
        for (size_t length = 1; length < 400; length += 13) {
            for (size_t i = 0; i < length; i++)
                bytes[i] = (unsigned char)((i * i * 31 + i) % (size_t)spread);
            expect_round_trip(length, 1);
        }
}

/* Zipf's law, as token ids have it. */
static void skewed_bytes_take_about_their_entropy(void **state)
{
    size_t length = 0, counts[64];
    double bits = 0;
    (void)state;
    for (size_t symbol = 0; symbol < 64; symbol++) {
        counts[symbol] = 5300 / (symbol + 1);
        memset(bytes + length, (int)symbol, counts[symbol]);
        length += counts[symbol];
    }
    for (int symbol = 0; symbol < 64; symbol++)
        bits += (double)counts[symbol] * log2((double)length / (double)counts[symbol]);
    size_t stored = expect_round_trip(length, 1);
    /* observed: 1.012 times, with the code's head */
    assert_in_range(stored, (size_t)(bits / 8), (size_t)(bits / 8 * 1.02));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bytes_take_a_bit_each),
        cmocka_unit_test(noise_is_stored),
        cmocka_unit_test(codes_are_cut_to_15_bits),
        cmocka_unit_test(every_length_and_spread_comes_back),
        cmocka_unit_test(skewed_bytes_take_about_their_entropy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
