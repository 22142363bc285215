#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/sha256.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_nist_come_out),
        cmocka_unit_test(the_cut_of_the_input_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
