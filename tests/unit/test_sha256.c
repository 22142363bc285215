#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/sha256.h"
#include "base/sha256_blocks.h"

static void assert_digest(const char *text, size_t repeat, size_t piece, const char *expected)
{
    struct sha256 hash;
    char hex[SHA256_HEX];
    size_t length = strlen(text);
    sha256_init(&hash);
    for (size_t i = 0; i < repeat; i++)
        for (size_t at = 0; at < length; at += piece)
            sha256_add(&hash, text + at, length - at < piece ? length - at : piece);
    sha256_finish_hex(&hash, hex);
    assert_string_equal(hex, expected);
}

/* The examples of FIPS 180 (csrc.nist.gov, "Examples with intermediate values"). */
static void the_examples_of_nist_come_out(void **state)
{
    (void)state;
    assert_digest("", 1, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest("abc", 1, 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, 56,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_digest("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                  1, 112, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    assert_digest("aaaaaaaaaa", 100000, 10,
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void the_cut_of_the_input_does_not_matter(void **state)
{
    unsigned char bytes[300], whole[SHA256_BYTES], pieces[SHA256_BYTES];
    struct sha256 hash;
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        sha256_init(&hash);
        sha256_add(&hash, bytes, length);
        sha256_finish(&hash, whole);
        for (size_t piece = 1; piece < 130; piece += 9) {
            sha256_init(&hash);
            for (size_t at = 0; at < length; at += piece)
                sha256_add(&hash, bytes + at, length - at < piece ? length - at : piece);
            sha256_finish(&hash, pieces);
            assert_memory_equal(pieces, whole, sizeof whole);
        }
    }
}

static void two_texts_at_once_have_the_digests_of_each(void **state)
{
    static const size_t lengths[] = { 0, 1, 55, 56, 63, 64, 65, 128, 300, 1000 };
    const size_t count = sizeof lengths / sizeof *lengths;
    unsigned char bytes[2000];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * i + i / 7);
    for (size_t i = 0; i < count * count; i++) {
        const void *const texts[2] = { bytes, bytes + 1000 };
        const size_t of_texts[2] = { lengths[i / count], lengths[i % count] };
        unsigned char found[2][SHA256_BYTES], expected[SHA256_BYTES];
        sha256_of_two(texts, of_texts, found);
        for (int k = 0; k < 2; k++) {
            struct sha256 hash;
            sha256_init(&hash);
            sha256_add(&hash, texts[k], of_texts[k]);
            sha256_finish(&hash, expected);
            assert_memory_equal(found[k], expected, SHA256_BYTES);
        }
    }
}

static void machines_without_the_instructions_have_the_same_states(void **state)
{
    unsigned char bytes[5 * SHA256_BLOCK_BYTES];
    uint32_t by_machine[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, plain[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 11 + i / 64);
    sha256_add_blocks(by_machine, bytes, 5);
    sha256_add_blocks_plainly(plain, bytes, 5);
    assert_memory_equal(by_machine, plain, sizeof plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_nist_come_out),
        cmocka_unit_test(the_cut_of_the_input_does_not_matter),
        cmocka_unit_test(two_texts_at_once_have_the_digests_of_each),
        cmocka_unit_test(machines_without_the_instructions_have_the_same_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
