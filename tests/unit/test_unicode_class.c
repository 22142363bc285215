#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "shards/tokenizer/unicode_class.h"

static int fill_table(void **state)
{
    (void)state;
    unicode_classes_init();
    return 0;
}

/* Counted in Unicode's DerivedGeneralCategory.txt and PropList.txt, version 16.0.0. */
static void there_are_as_many_of_each_class_as_in_unicode_16(void **state)
{
    (void)state;
    int count[4] = { 0 };
    for (uint32_t c = 0; c < 0x110000; c++)
        count[unicode_class_of(c)]++;
    assert_int_equal(count[UNICODE_LETTER], 141028);
    assert_int_equal(count[UNICODE_NUMBER], 1911);
    assert_int_equal(count[UNICODE_SPACE], 25);
}

static void well_known_characters_have_their_class(void **state)
{
    (void)state;
    static const struct {
        uint32_t character;
        enum unicode_class class;
    } known[] = {
        { 'a', UNICODE_LETTER },     { 'Z', UNICODE_LETTER },     { '0', UNICODE_NUMBER },
        { ' ', UNICODE_SPACE },      { '\r', UNICODE_SPACE },     { 0x1c, UNICODE_SYMBOL },
        { 0, UNICODE_SYMBOL },       { '_', UNICODE_SYMBOL },     { 0x85, UNICODE_SPACE },
        { 0xa0, UNICODE_SPACE },     { 0xbd, UNICODE_NUMBER },    { 0xe9, UNICODE_LETTER },
        { 0x301, UNICODE_SYMBOL },   { 0x180e, UNICODE_SYMBOL },  { 0x200b, UNICODE_SYMBOL },
        { 0x2028, UNICODE_SPACE },   { 0x3000, UNICODE_SPACE },   { 0x4e2d, UNICODE_LETTER },
        { 0x2167, UNICODE_NUMBER },  { 0x1f642, UNICODE_SYMBOL }, { 0x1c89, UNICODE_LETTER },
        { 0x10d40, UNICODE_NUMBER }, { 0x323af, UNICODE_LETTER }, { 0x10ffff, UNICODE_SYMBOL },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(unicode_class_of(known[i].character), known[i].class);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_as_many_of_each_class_as_in_unicode_16),
        cmocka_unit_test(well_known_characters_have_their_class),
    };
    return cmocka_run_group_tests(tests, fill_table, NULL);
}
