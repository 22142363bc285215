#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/philox.h"
#include "base/strbuf.h"
#include "shards/deflate_reader.h"

static struct deflate_reader reader;

/* Hands over `step` bytes at a time, more only while the reader starves. DEFLATE_GOES_ON: bytes
 * are left over at the end. */
static enum deflate_result inflate_all(const void *input, size_t length, size_t step,
                                       struct strbuf *text)
{
    const unsigned char *bytes = input;
    enum deflate_result result = DEFLATE_STARVES;
    size_t begin = 0, end = 0, used;
    strbuf_reset(text);
    deflate_reader_start(&reader);
    while (result == DEFLATE_GOES_ON || result == DEFLATE_STARVES) {
        if (result == DEFLATE_STARVES) {
            if (end == length)
                return result;
            end = length - end < step ? length : end + step;
        }
        result = deflate_reader_run(&reader, bytes + begin, end - begin, &used);
        assert_true(used <= end - begin);
        assert_true(result != DEFLATE_STARVES || end - begin - used < DEFLATE_MIN_INPUT);
        begin += used;
        strbuf_add(text, reader.out + reader.begin, reader.end - reader.begin);
        reader.begin = reader.end;
    }
    if (result == DEFLATE_ENDS && begin < length)
        return DEFLATE_GOES_ON; /* it ends too early */
    return result;
}

static void deflate_text(const struct strbuf *text, int level, int strategy, struct strbuf *out)
{
    z_stream deflater = { 0 };
    assert_int_equal(deflateInit2(&deflater, level, Z_DEFLATED, -15, 8, strategy), Z_OK);
    strbuf_reset(out);
    strbuf_reserve(out, deflateBound(&deflater, text->length));
    deflater.next_in = (unsigned char *)text->bytes;
    deflater.avail_in = (uInt)text->length;
    deflater.next_out = (unsigned char *)out->bytes;
    deflater.avail_out = (uInt)(out->capacity - 1);
    assert_int_equal(deflate(&deflater, Z_FINISH), Z_STREAM_END);
    out->length = deflater.total_out;
    deflateEnd(&deflater);
}

/* Words of a small language, runs of one byte, and noise, in turn. */
static void add_mixed_text(struct strbuf *text, uint64_t seed, size_t length)
{
    struct philox_key key = philox_key(seed, RANDOM_TEST);
    for (uint64_t i = 0; text->length < length; i++) {
        uint64_t random = philox_u64(key, i, 0), kind = i / 2000 % 3;
        if (kind == 0)
            strbuf_addf(text, "word%llu ", (unsigned long long)(random % 300));
        for (uint64_t run = kind == 1 ? random % 400 : 0; run > 0; run--)
            strbuf_add_char(text, (char)('a' + random / 400 % 3));
        if (kind == 2)
            strbuf_add(text, &random, sizeof random);
    }
    strbuf_cut(text, length);
}

static void what_zlib_deflated_comes_back(void **state)
{
    (void)state;
    static const int strategies[] = { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE,
                                      Z_FIXED };
    static const size_t lengths[] = { 0, 1, 100, 70000, 700000 },
                        steps[] = { 1, 17, 1000, 1 << 20 };
    struct strbuf text = STRBUF_INIT, deflated = STRBUF_INIT, got = STRBUF_INIT;
    for (size_t l = 0; l < 5; l++) {
        strbuf_reset(&text);
        add_mixed_text(&text, l, lengths[l]);
        for (int level = 0; level <= 9; level += 3)
            for (size_t strategy = 0; strategy < 5; strategy++) {
                deflate_text(&text, level, strategies[strategy], &deflated);
                for (size_t step = 0; step < 4; step++) {
                    assert_int_equal(
                        inflate_all(deflated.bytes, deflated.length, steps[step], &got),
                        DEFLATE_ENDS);
                    assert_int_equal(got.length, text.length);
                    assert_memory_equal(got.bytes, text.bytes, text.length);
                }
            }
    }
    strbuf_release(&text);
    strbuf_release(&deflated);
    strbuf_release(&got);
}

/* zlib's verdict on the same bytes. */
static bool zlib_takes(const struct strbuf *deflated, struct strbuf *text)
{
    z_stream inflater = { 0 };
    assert_int_equal(inflateInit2(&inflater, -15), Z_OK);
    inflater.next_in = (unsigned char *)deflated->bytes;
    inflater.avail_in = (uInt)deflated->length;
    strbuf_reset(text);
    strbuf_reserve(text, 1 << 20);
    inflater.next_out = (unsigned char *)text->bytes;
    inflater.avail_out = 1 << 20;
    int result = inflate(&inflater, Z_FINISH);
    text->length = inflater.total_out;
    bool whole = result == Z_STREAM_END && inflater.avail_in == 0;
    inflateEnd(&inflater);
    return whole;
}

static void damaged_streams_are_taken_where_zlib_takes_them(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, deflated = STRBUF_INIT, got = STRBUF_INIT,
                  expected = STRBUF_INIT;
    struct philox_key key = philox_key(3, RANDOM_TEST);
    add_mixed_text(&text, 9, 2000);
    for (uint64_t trial = 0; trial < 20000; trial++) {
        uint64_t random = philox_u64(key, trial, 0);
        if (trial % 2000 == 0)
            deflate_text(&text, 6, trial % 4000 ? Z_DEFAULT_STRATEGY : Z_FIXED, &deflated);
        size_t bit = random % (8 * (trial % 2 ? deflated.length : 60));
        deflated.bytes[bit / 8] ^= (char)(1 << bit % 8);
        bool good = zlib_takes(&deflated, &expected);
        size_t step = trial % 3 ? deflated.length : 7;
        if (!good) {
            assert_true(inflate_all(deflated.bytes, deflated.length, step, &got) != DEFLATE_ENDS);
        } else {
            assert_int_equal(inflate_all(deflated.bytes, deflated.length, step, &got),
                             DEFLATE_ENDS);
            assert_int_equal(got.length, expected.length);
            assert_memory_equal(got.bytes, expected.bytes, got.length);
        }
        deflated.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    strbuf_release(&text);
    strbuf_release(&deflated);
    strbuf_release(&got);
    strbuf_release(&expected);
}

static void expect_broken(const char *bytes, size_t length, const char *why)
{
    struct strbuf got = STRBUF_INIT;
    assert_int_equal(inflate_all(bytes, length, 1, &got), DEFLATE_BREAKS);
    assert_string_equal(reader.wrong, why);
    assert_int_equal(inflate_all(bytes, length, length, &got), DEFLATE_BREAKS);
    strbuf_release(&got);
}

/* Bytes by hand: the bits of a byte are read from the lowest. */
static void broken_streams_are_refused_in_the_words_of_zlib(void **state)
{
    (void)state;
    expect_broken("\x07", 1, "invalid block type");
    expect_broken("\x01\1\0\0\0", 5, "invalid stored block lengths");
    expect_broken("\x04\xfe\xff", 3, "too many length or distance symbols");
    expect_broken("\x04\0\x92\0", 4, "invalid code lengths set");
    expect_broken("\x03\x02", 2, "invalid distance too far back");
}

static void a_stream_that_stops_starves(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, deflated = STRBUF_INIT, got = STRBUF_INIT;
    add_mixed_text(&text, 11, 3000);
    deflate_text(&text, 6, Z_DEFAULT_STRATEGY, &deflated);
    for (size_t length = 0; length < deflated.length; length++) {
        assert_int_equal(inflate_all(deflated.bytes, length, 100, &got), DEFLATE_STARVES);
        assert_memory_equal(got.bytes, text.bytes, got.length);
    }
    strbuf_release(&text);
    strbuf_release(&deflated);
    strbuf_release(&got);
}

static void distances_do_not_lead_into_the_member_before(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, deflated = STRBUF_INIT, got = STRBUF_INIT;
    add_mixed_text(&text, 12, 200000);
    deflate_text(&text, 6, Z_DEFAULT_STRATEGY, &deflated);
    for (int i = 0; i < 5; i++) { /* the reader's buffer is not where it began */
        assert_int_equal(inflate_all(deflated.bytes, deflated.length, 999, &got), DEFLATE_ENDS);
        assert_memory_equal(got.bytes, text.bytes, text.length);
        expect_broken("\x03\x02", 2, "invalid distance too far back");
    }
    strbuf_release(&text);
    strbuf_release(&deflated);
    strbuf_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_zlib_deflated_comes_back),
        cmocka_unit_test(damaged_streams_are_taken_where_zlib_takes_them),
        cmocka_unit_test(broken_streams_are_refused_in_the_words_of_zlib),
        cmocka_unit_test(a_stream_that_stops_starves),
        cmocka_unit_test(distances_do_not_lead_into_the_member_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
