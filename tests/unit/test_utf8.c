#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/philox.h"
#include "base/utf8.h"

/* Character by character, as the header says. */
static size_t valid_bytes_one_by_one(const char *text, size_t length)
{
    size_t at = 0;
    for (size_t step = 1; step > 0 && at < length; at += step)
        step = utf8_character_length(text + at, length - at);
    return at;
}

static void characters_are_those_of_table_3_7(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        { "a", 1 },
        { "\x7f", 1 },
        { "\x80", 0 },
        { "\xc1\xbf", 0 },
        { "\xc2\x80", 2 },
        { "\xdf\xbf", 2 },
        { "\xc2", 0 },
        { "\xc2\x7f", 0 },
        { "\xe0\x9f\xbf", 0 },
        { "\xe0\xa0\x80", 3 },
        { "\xed\x9f\xbf", 3 },
        { "\xed\xa0\x80", 0 },
        { "\xef\xbf\xbf", 3 },
        { "\xe1\x80", 0 },
        { "\xe1\x80\xc0", 0 },
        { "\xf0\x8f\xbf\xbf", 0 },
        { "\xf0\x90\x80\x80", 4 },
        { "\xf4\x8f\xbf\xbf", 4 },
        { "\xf4\x90\x80\x80", 0 },
        { "\xf5\x80\x80\x80", 0 },
        { "\xff", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen(cases[i].text);
        assert_int_equal(utf8_character_length(cases[i].text, length), cases[i].length);
        assert_int_equal(utf8_valid_bytes(cases[i].text, length), cases[i].length);
    }
    assert_int_equal(utf8_character_length("", 0), 0);
    assert_int_equal(utf8_valid_bytes("", 0), 0);
    assert_int_equal(utf8_valid_bytes("\0\0", 2), 2);
}

/* Runs of one kind with others between, and now and then a byte that is wrong. */
static void long_text_is_judged_as_its_characters_are(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        "a", "\xd0\xb6", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xe0\xa4\x85", "\xed\x95\x9c", "\xff"
    };
    struct philox_key key = philox_key(9, RANDOM_TEST);
    for (uint64_t trial = 0; trial < 20000; trial++) {
        struct strbuf text = STRBUF_INIT;
        for (uint64_t i = 0; text.length < 300; i++) {
            uint64_t random = philox_u64(key, trial, i);
            size_t kind = random % 100 < 2 && trial % 2 ? 6 : random / 100 % 6;
            for (uint64_t repeat = 0; repeat <= (random >> 32) % 40; repeat++)
                strbuf_add_string(&text, kinds[kind]);
        }
        size_t length = text.length - trial % 5; /* a character may be cut */
        assert_int_equal(utf8_valid_bytes(text.bytes, length),
                         valid_bytes_one_by_one(text.bytes, length));
        strbuf_release(&text);
    }
}

static void what_is_no_character_is_repaired(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    utf8_add_repaired(&out, "a\xff\xc3\xa9\xe4\xb8", 6);
    assert_string_equal(out.bytes, "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
    strbuf_reset(&out);
    utf8_add_repaired(&out, "", 0);
    assert_int_equal(out.length, 0);
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_those_of_table_3_7),
        cmocka_unit_test(long_text_is_judged_as_its_characters_are),
        cmocka_unit_test(what_is_no_character_is_repaired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
