#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/philox.h"
#include "base/printable.h"
#include "base/utf8.h"

static void assert_printed(const char *text, const char *expected)
{
    char out[256];
    printable_copy(out, sizeof out, text);
    assert_string_equal(out, expected);
}

static void text_stays_and_controls_are_escaped(void **state)
{
    (void)state;
    assert_printed("", "");
    assert_printed("plain 'text' \\", "plain 'text' \\");
    assert_printed("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
                   "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_printed("a\nb\tc\rd\x1b\x7f", "a\\nb\\tc\\x0dd\\x1b\\x7f");
    assert_printed("\xc2\x9b", "\\xc2\\x9b"); /* U+009B opens a terminal's command */
    assert_printed("a\xff\xc3", "a\\xff\\xc3");
    assert_printed("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
}

static void what_does_not_fit_ends_in_dots(void **state)
{
    char out[12];
    (void)state;
    printable_copy(out, sizeof out, "hello world");
    assert_string_equal(out, "hello world");
    printable_copy(out, sizeof out, "hello worlds");
    assert_string_equal(out, "hello wo...");
    printable_copy(out, sizeof out, "1234567\n\n\n");
    assert_string_equal(out, "1234567...");
    printable_copy(out, sizeof out, "1234567\xe2\x82\xac\xe2\x82\xac"); /* no half character */
    assert_string_equal(out, "1234567...");
}

static void any_bytes_become_one_line_of_utf8(void **state)
{
    struct philox_key key = philox_key(1, RANDOM_TEST);
    (void)state;
    for (uint64_t i = 0; i < 2000; i++) {
        char text[64], out[96], again[96];
        size_t length = philox_u64(key, i, 0) % (sizeof text - 1);
        size_t size = 8 + philox_u64(key, i, 1) % (sizeof out - 8);
        for (size_t at = 0; at < length; at++)
            text[at] = (char)(1 + philox_u64(key, i, at + 2) % 255);
        text[length] = '\0';
        printable_copy(out, size, text);
        assert_true(strlen(out) < size);
        for (size_t at = 0, character; out[at]; at += character) {
            character = utf8_character_length(out + at, strlen(out + at));
            assert_true(character > 0 && (unsigned char)out[at] >= 0x20);
        }
        printable_copy(again, sizeof again, out);
        assert_string_equal(again, out);
    }
}

static uint32_t encode(uint32_t code, unsigned char out[4])
{
    if (code < 0x80)
        return out[0] = (unsigned char)code, 1;
    uint32_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (uint32_t i = length; i-- > 1; code >>= 6)
        out[i] = (unsigned char)(0x80 | (code & 0x3f));
    out[0] = (unsigned char)(0xf00 >> length | code);
    return length;
}

static void utf8_takes_exactly_the_characters_of_unicode(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x140000; code++) {
        unsigned char bytes[4];
        uint32_t length = encode(code, bytes);
        bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        assert_int_equal(utf8_character_length(bytes, 4), valid ? length : 0);
        assert_int_equal(utf8_character_length(bytes, length - 1), 0);
    }
    assert_int_equal(utf8_character_length("\xc0\x80", 2), 0); /* overlong forms */
    assert_int_equal(utf8_character_length("\xe0\x9f\xbf", 3), 0);
    assert_int_equal(utf8_character_length("\xf0\x8f\xbf\xbf", 4), 0);
    assert_int_equal(utf8_character_length("\x80", 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays_and_controls_are_escaped),
        cmocka_unit_test(what_does_not_fit_ends_in_dots),
        cmocka_unit_test(any_bytes_become_one_line_of_utf8),
        cmocka_unit_test(utf8_takes_exactly_the_characters_of_unicode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
