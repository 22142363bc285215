#include "shards/quality/word_scanner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "shards/tokenizer/text_character.h"

/* The words of `text`, with '|' between them. */
static void assert_words(const char *text, const char *expected)
{
    struct strbuf words = STRBUF_INIT;
    struct word_scanner scanner;
    struct text_word word;
    word_scanner_begin(&scanner, text, strlen(text));
    while (word_scanner_next(&scanner, &word)) {
        strbuf_addf(&words, "%s%.*s", words.length ? "|" : "", (int)word.length, word.start);
        assert_in_range(word.characters, text_count_characters(word.start, word.length),
                        word.length);
    }
    assert_string_equal(words.bytes, expected);
    strbuf_release(&words);
}

static void white_space_parts_words(void **state)
{
    (void)state;
    assert_words("", "");
    assert_words(" \n\t", "");
    assert_words("  one two\n\nthree\u00a0four\u3000five ", "one|two|three|four|five");
    assert_words("internationalisation internationalisation1",
                 "internationalisation|internationalisation1");
}

static void punctuation_is_taken_from_both_ends(void **state)
{
    (void)state;
    assert_words("Well, (this) \"is\" it!", "Well|,|(|this|)|\"|is|\"|it|!");
    assert_words("“Größe” – «ja».", "“|Größe|”|–|«|ja|»|.");
    assert_words("wait... what?!", "wait|...|what|?|!");
    assert_words("5% $5 -5 +5 #tag 5kg 12GB.", "5|%|$|5|-5|+5|#|tag|5|kg|12|GB|.");
}

static void full_stops_stay_with_initials_and_abbreviations(void **state)
{
    (void)state;
    assert_words("J. Smith, e.g. here. NASA. 3.14. a@b.org.",
                 "J.|Smith|,|e.g.|here|.|NASA|.|3.14|.|a@b.org|.");
}

static void words_are_parted_at_marks_within(void **state)
{
    (void)state;
    assert_words("well-known and/or end.Next 32-bit 1-2",
                 "well|-|known|and|/|or|end|.|Next|32|-|bit|1|-|2");
    assert_words("http://example.org/a-b 3,000 x,y", "http://example.org/a-b|3,000|x|,|y");
}

static void contractions_are_two_words(void **state)
{
    (void)state;
    assert_words("don't I'll they've John's dogs' I’m",
                 "do|n't|I|'ll|they|'ve|John|'s|dogs|'|I|’m");
}

static void broken_utf8_is_taken_byte_by_byte(void **state)
{
    (void)state;
    assert_words("a\xff", "a|\xff");
    assert_words("\xe2\x82 b", "\xe2|\x82|b");
    assert_words("\xc3", "\xc3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_parts_words),
        cmocka_unit_test(punctuation_is_taken_from_both_ends),
        cmocka_unit_test(full_stops_stay_with_initials_and_abbreviations),
        cmocka_unit_test(words_are_parted_at_marks_within),
        cmocka_unit_test(contractions_are_two_words),
        cmocka_unit_test(broken_utf8_is_taken_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
