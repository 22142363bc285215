#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "base/strbuf.h"
#include "shards/tokenizer/text_splitter.h"

/* The pieces with | between. */
static void assert_pieces(enum splitting_rule rule, const char *text, const char *expected)
{
    struct text_splitter *splitter = text_splitter_create(rule);
    struct strbuf pieces = STRBUF_INIT;
    const char *piece;
    size_t length;
    text_splitter_begin(splitter, text, strlen(text));
    while (text_splitter_next(splitter, &piece, &length)) {
        strbuf_add_string(&pieces, pieces.length ? "|" : "");
        strbuf_add(&pieces, piece, length);
    }
    assert_string_equal(pieces.bytes, expected);
    strbuf_release(&pieces);
    text_splitter_free(splitter);
}

static void gpt2_cuts_as_its_pattern_says(void **state)
{
    (void)state;
    assert_pieces(SPLITTING_GPT2, "", "");
    assert_pieces(SPLITTING_GPT2, "Hello world, it's 1234!", "Hello| world|,| it|'s| 1234|!");
    assert_pieces(SPLITTING_GPT2, "a  b\n\nc \n", "a| | b|\n|\n|c| \n");
    assert_pieces(SPLITTING_GPT2, "IT'S we'll 'tis '", "IT|'|S| we|'ll| '|tis| '");
    assert_pieces(SPLITTING_GPT2, "x'r 'r", "x|'|r| '|r");
    assert_pieces(SPLITTING_GPT2, "a\xc2\xa0 b\xe3\x80\x80", "a|\xc2\xa0| b|\xe3\x80\x80");
}

static void cl100k_and_llama3_cut_as_their_patterns_say(void **state)
{
    (void)state;
    for (enum splitting_rule rule = SPLITTING_CL100K; rule <= SPLITTING_LLAMA3; rule++) {
        assert_pieces(rule, "Hello world, it's 1234!", "Hello| world|,| it|'s| |123|4|!");
        assert_pieces(rule, "IT'S we'Ll 'tis (x) _y", "IT|'S| we|'Ll| '|tis| (|x|)| _|y");
        assert_pieces(rule, "a\tb", "a|\tb");
        assert_pieces(rule, "end.\r\n\r\n  x  \n y", "end|.\r\n\r\n| | x|  \n| y");
        assert_pieces(rule, "x'\xc5\xbfy", "x|'\xc5\xbf|y");
        assert_pieces(rule, "\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6",
                      "\xd9\xa3\xd9\xa4\xd9\xa5|\xd9\xa6");
    }
}

static void cl100k_keeps_white_space_at_the_end_whole(void **state)
{
    (void)state;
    assert_pieces(SPLITTING_CL100K, "a \n  ", "a| \n  ");
    assert_pieces(SPLITTING_LLAMA3, "a \n  ", "a| \n|  ");
}

static void a_byte_that_is_not_utf8_counts_as_a_symbol(void **state)
{
    (void)state;
    assert_pieces(SPLITTING_GPT2, "a\xff\xc3 b\xe2\x82", "a|\xff\xc3| b|\xe2\x82");
    assert_pieces(SPLITTING_LLAMA3, "a\xff\xc3 b\xe2\x82", "a|\xff\xc3| b|\xe2\x82");
}

/* ---- against the regular expressions ---- */

#define SPACE                                                                                      \
    "\\x{09}-\\x{0d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"  \
    "\\x{205f}\\x{3000}"
#define WORDS                                                                                      \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"                       \
    "| ?[^" SPACE "\\p{L}\\p{N}]+[\\r\\n]*"
#define SPACES "|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"

/* In PCRE2's words, whose \s is another one. */
static const char *const patterns[SPLITTING_COUNT] = {
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE "\\p{L}\\p{N}]+" SPACES,
    WORDS "|[" SPACE "]+\\z|[" SPACE "]*[\\r\\n]+" SPACES,
    WORDS "|[" SPACE "]*[\\r\\n]+" SPACES,
};

/* Characters that Unicode has had for long. */
static const char *const alphabet[] = {
    "a",
    "S",
    "t",
    "l",
    "L",
    "v",
    "e",
    "R",
    "'",
    "'",
    " ",
    " ",
    " ",
    "\n",
    "\r",
    "\t",
    "1",
    "2",
    ".",
    "_",
    "\xc2\x85",
    "\xc2\xa0",
    "\xc3\xa9",
    "\xc5\xbf",
    "\xc2\xbd",
    "\xcc\x81",
    "\xe2\x80\xa8",
    "\xe1\xa0\x8e",
    "\xe2\x80\x8b",
    "\xe3\x80\x80",
    "\xe4\xb8\xad",
    "\xf0\x9f\x99\x82",
    "\x1c",
};

static void assert_cut_as_by(pcre2_code *code, struct text_splitter *splitter,
                             const struct strbuf *text)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(match);
    const char *piece;
    size_t length, at = 0;
    text_splitter_begin(splitter, text->bytes, text->length);
    while (text_splitter_next(splitter, &piece, &length)) {
        int result = pcre2_match(code, (PCRE2_SPTR)text->bytes, text->length, at, 0, match, NULL);
        assert_true(result > 0);
        assert_int_equal(piece - text->bytes, span[0]);
        assert_int_equal(length, span[1] - span[0]);
        at = span[1];
    }
    assert_int_equal(at, text->length);
    pcre2_match_data_free(match);
}

static void every_rule_cuts_as_its_regular_expression(void **state)
{
    (void)state;
    struct philox_key key = philox_key(11, RANDOM_TEST);
    struct strbuf text = STRBUF_INIT;
    for (enum splitting_rule rule = 0; rule < SPLITTING_COUNT; rule++) {
        int error;
        PCRE2_SIZE place;
        struct text_splitter *splitter = text_splitter_create(rule);
        pcre2_code *code =
            pcre2_compile((PCRE2_SPTR)patterns[rule], PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &place, NULL);
        assert_non_null(code);
        for (uint64_t i = 0; i < 20000; i++) {
            strbuf_reset(&text);
            for (uint64_t at = 0, length = philox_u64(key, i, 0) % 24; at < length; at++)
                strbuf_add_string(
                    &text,
                    alphabet[philox_u64(key, i, at + 1) % (sizeof alphabet / sizeof *alphabet)]);
            assert_cut_as_by(code, splitter, &text);
        }
        pcre2_code_free(code);
        text_splitter_free(splitter);
    }
    strbuf_release(&text);
}

static void patterns_of_files_are_known(void **state)
{
    (void)state;
    enum splitting_rule rule;
    for (enum splitting_rule i = 0; i < SPLITTING_COUNT; i++) {
        assert_true(splitting_rule_of_pattern(splitting_rule_pattern(i), &rule));
        assert_int_equal(rule, i);
    }
    assert_false(splitting_rule_of_pattern("\\w+|\\W+", &rule));
}

static int nothing_is_left(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_cuts_as_its_pattern_says),
        cmocka_unit_test(cl100k_and_llama3_cut_as_their_patterns_say),
        cmocka_unit_test(cl100k_keeps_white_space_at_the_end_whole),
        cmocka_unit_test(a_byte_that_is_not_utf8_counts_as_a_symbol),
        cmocka_unit_test(every_rule_cuts_as_its_regular_expression),
        cmocka_unit_test(patterns_of_files_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_is_left);
}
