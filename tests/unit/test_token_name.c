#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "shards/tokenizer/token_name.h"
#include "tests/unit/tokenizer_sample.h"

static void tokens_are_told_by_kind_and_by_their_files_names(void **state)
{
    (void)state;
    struct tokenizer *small = tokenizer_sample_sentencepiece();
    static const struct {
        int32_t id;
        enum token_kind kind;
        const char *name, *bytes;
    } tokens[] = {
        { 0, TOKEN_UNKNOWN, "<unk>", "<unk>" },     { 1, TOKEN_SPECIAL, "<s>", "<s>" },
        { 2, TOKEN_SPECIAL, "</s>", "</s>" },       { 3 + 0x0a, TOKEN_BYTE, "<0x0A>", "\n" },
        { 3 + 0xe2, TOKEN_BYTE, "<0xE2>", "\xe2" }, { 259, TOKEN_TEXT, "\xe2\x96\x81t", " t" },
    };
    struct strbuf name = STRBUF_INIT;
    assert_int_equal(tokenizer_kind_of(small), TOKENIZER_SENTENCEPIECE);
    assert_int_equal(tokenizer_end_of_text(small), 2);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        size_t length;
        strbuf_reset(&name);
        tokenizer_token_name(small, tokens[i].id, &name);
        assert_string_equal(name.bytes, tokens[i].name);
        assert_int_equal(tokenizer_token_kind(small, tokens[i].id), tokens[i].kind);
        const char *bytes = tokenizer_token_bytes(small, tokens[i].id, &length);
        assert_int_equal(length, strlen(tokens[i].bytes));
        assert_memory_equal(bytes, tokens[i].bytes, length);
    }
    int32_t pair[2];
    tokenizer_merge_pair(small, 0, pair); /* makes token 259 */
    strbuf_reset(&name);
    tokenizer_token_name(small, pair[0], &name);
    tokenizer_token_name(small, pair[1], &name);
    assert_string_equal(name.bytes, "\xe2\x96\x81t");
    strbuf_release(&name);
    tokenizer_free(small);
}

static void only_two_upper_case_digits_name_a_byte(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int byte;
        bool looks_so;
    } names[] = {
        { "<0x00>", 0, true },    { "<0x7E>", 0x7e, true }, { "<0xFF>", 255, true },
        { "<0x0a>", -1, true },   { "<0x+5>", -1, true },   { "<0xGG>", -1, true },
        { "<0x123>", -1, false }, { "<0x1>", -1, false },   { "<1x00>", -1, false },
        { "<0x000", -1, false },  { "", -1, false },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t length = strlen(names[i].name);
        assert_int_equal(token_name_byte(names[i].name, length), names[i].byte);
        assert_int_equal(token_name_looks_like_byte(names[i].name, length), names[i].looks_so);
    }
    assert_int_equal(token_name_byte("<0x\0A>", 6), -1);
}

static void a_byte_level_name_is_of_letters_for_bytes(void **state)
{
    (void)state;
    struct tokenizer *trained = tokenizer_sample_train();
    struct strbuf name = STRBUF_INIT, bytes = STRBUF_INIT;
    for (int32_t id = 0; id < tokenizer_vocab_size(trained) - 1; id++) {
        size_t length;
        const char *expected = tokenizer_token_bytes(trained, id, &length);
        strbuf_reset(&name);
        strbuf_reset(&bytes);
        tokenizer_token_name(trained, id, &name);
        assert_true(token_name_parse(TOKENIZER_BYTE_LEVEL, name.bytes, name.length, &bytes));
        assert_int_equal(bytes.length, length);
        assert_memory_equal(bytes.bytes, expected, length);
        assert_int_equal(tokenizer_token_kind(trained, id), TOKEN_TEXT);
    }
    assert_int_equal(tokenizer_token_kind(trained, tokenizer_end_of_text(trained)), TOKEN_SPECIAL);
    strbuf_release(&name);
    strbuf_release(&bytes);
    tokenizer_free(trained);
}

static int nothing_is_left(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_told_by_kind_and_by_their_files_names),
        cmocka_unit_test(only_two_upper_case_digits_name_a_byte),
        cmocka_unit_test(a_byte_level_name_is_of_letters_for_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_is_left);
}
