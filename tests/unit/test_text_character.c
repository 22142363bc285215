#include "shards/tokenizer/text_character.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct text_character first(const char *text)
{
    return text_character_at(text, strlen(text));
}

static void characters_have_the_class_of_their_block(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned classes;
    } cases[] = {
        { "a", TEXT_LETTER },         { "Z", TEXT_LETTER },
        { "7", TEXT_DIGIT },          { "_", TEXT_PUNCTUATION },
        { "~", TEXT_PUNCTUATION },    { "\t", TEXT_SPACE },
        { "\x01", TEXT_PUNCTUATION }, { "\x7f", TEXT_PUNCTUATION },
        { "é", TEXT_LETTER },         { "ª", TEXT_LETTER },
        { "µ", TEXT_LETTER },         { "«", TEXT_PUNCTUATION },
        { "×", TEXT_SYMBOL },         { "\u00a0", TEXT_SPACE },
        { "—", TEXT_PUNCTUATION },    { "…", TEXT_PUNCTUATION },
        { "•", TEXT_PUNCTUATION },    { "→", TEXT_SYMBOL },
        { "ж", TEXT_LETTER },         { "؟", TEXT_PUNCTUATION },
        { "।", TEXT_PUNCTUATION },    { "界", TEXT_LETTER | TEXT_IDEOGRAPH },
        { "。", TEXT_PUNCTUATION },   { "ひ", TEXT_LETTER | TEXT_IDEOGRAPH },
        { "한", TEXT_LETTER },        { "ไ", TEXT_LETTER | TEXT_IDEOGRAPH },
        { "🙂", TEXT_SYMBOL },      { "\u3000", TEXT_SPACE },
        { "（", TEXT_PUNCTUATION },   { "５", TEXT_DIGIT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (first(cases[i].text).classes != cases[i].classes)
            fail_msg("'%s' has the classes %u", cases[i].text, first(cases[i].text).classes);
}

static void a_byte_that_is_no_character_is_a_symbol(void **state)
{
    (void)state;
    const char *broken[] = { "\xff", "\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        const struct text_character character = first(broken[i]);
        assert_int_equal(character.code, 0xfffd);
        assert_int_equal(character.bytes, 1);
        assert_int_equal(character.classes, TEXT_SYMBOL);
    }
}

static void characters_have_their_codes_and_bytes(void **state)
{
    (void)state;
    assert_int_equal(first("ab").bytes, 1);
    assert_int_equal(first("é").code, 0xe9);
    assert_int_equal(first("€").code, 0x20ac);
    assert_int_equal(first("🙂").code, 0x1f642);
    assert_int_equal(first("🙂").bytes, 4);
}

static void capitals_become_small(void **state)
{
    (void)state;
    const char *capitals = "AZÀÞŸĀĶŁŃŊŶŹŽΆΈΊΌΎΏΑΩΫЀЏАЯѠҐՁ09@[×";
    const char *small = "azàþÿāķłńŋŷźžάέίόύώαωϋѐџаяѡґձ09@[×";
    while (*capitals) {
        const struct text_character capital = first(capitals), expected = first(small);
        assert_int_equal(text_lower(capital.code), expected.code);
        assert_int_equal(text_lower(expected.code), expected.code);
        capitals += capital.bytes;
        small += expected.bytes;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_have_the_class_of_their_block),
        cmocka_unit_test(a_byte_that_is_no_character_is_a_symbol),
        cmocka_unit_test(characters_have_their_codes_and_bytes),
        cmocka_unit_test(capitals_become_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
