#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "tests/unit/tokenizer_sample.h"

static char folder[] = "/tmp/eon-test-stages-XXXXXX", *path;
static struct tokenizer *small;

/* The small tokenizer's file by each rule. */
static struct strbuf files[SPLITTING_COUNT];

static int write_files(void **state)
{
    (void)state;
    small = tokenizer_sample_train();
    for (enum splitting_rule rule = 0; rule < SPLITTING_COUNT; rule++) {
        small->splitting = rule;
        strbuf_init(&files[rule]);
        tokenizer_print(small, &files[rule]);
    }
    small->splitting = SPLITTING_GPT2;
    assert_non_null(mkdtemp(folder));
    path = path_join(folder, "tokenizer.json");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    tokenizer_free(small);
    for (enum splitting_rule rule = 0; rule < SPLITTING_COUNT; rule++)
        strbuf_release(&files[rule]);
    memory_free(path);
    assert_int_equal(memory_live_blocks(), 0);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

struct change {
    const char *from, *to, *why;
};

static void assert_refused(enum splitting_rule rule, const struct change *changes)
{
    for (; changes->from; changes++) {
        struct tokenizer *out;
        assert_int_equal(
            tokenizer_sample_read_changed(&files[rule], path, changes->from, changes->to, &out),
            STATUS_BAD_INPUT);
        assert_null(out);
        assert_null(strchr(status_message(), '\n'));
        if (!strstr(status_message(), changes->why))
            fail_msg("'%s' does not say '%s'", status_message(), changes->why);
    }
}

/* The changed file is read and is the same tokenizer but for its rule. */
static void assert_read(enum splitting_rule rule, const char *from, const char *to,
                        enum splitting_rule expected)
{
    struct tokenizer *out;
    if (tokenizer_sample_read_changed(&files[rule], path, from, to, &out) != STATUS_OK)
        fail_msg("'%s' for '%s': %s", to, from, status_message());
    assert_int_equal(tokenizer_splitting(out), expected);
    tokenizer_free(out);
}

static void a_rule_is_written_and_read_back(void **state)
{
    (void)state;
    char digests[SPLITTING_COUNT][SHA256_HEX];
    for (enum splitting_rule rule = 0; rule < SPLITTING_COUNT; rule++) {
        struct tokenizer *back;
        struct strbuf again = STRBUF_INIT;
        assert_int_equal(tokenizer_sample_read_changed(&files[rule], path, "BPE", "BPE", &back),
                         STATUS_OK);
        assert_int_equal(tokenizer_splitting(back), rule);
        tokenizer_print(back, &again);
        assert_string_equal(again.bytes, files[rule].bytes);
        memcpy(digests[rule], tokenizer_digest(back), SHA256_HEX);
        for (enum splitting_rule other = 0; other < rule; other++)
            assert_string_not_equal(digests[rule], digests[other]);
        strbuf_release(&again);
        tokenizer_free(back);
    }
    assert_string_equal(digests[SPLITTING_GPT2], tokenizer_digest(small));
}

static void ignore_merges_is_part_of_the_tokenizer(void **state)
{
    (void)state;
    struct tokenizer *back;
    struct strbuf again = STRBUF_INIT;
    assert_int_equal(tokenizer_sample_read_changed(&files[SPLITTING_LLAMA3], path,
                                                   "\"ignore_merges\": false",
                                                   "\"ignore_merges\": true", &back),
                     STATUS_OK);
    assert_true(back->whole_pieces);
    tokenizer_print(back, &again);
    assert_non_null(strstr(again.bytes, "\"ignore_merges\": true"));
    strbuf_release(&again);
    tokenizer_free(back);
}

#define BYTE_LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": "
#define SPLIT(pattern, behavior)                                                                   \
    "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" pattern "\"}, \"behavior\": \"" behavior   \
    "\", \"invert\": "
#define GPT2_PATTERN                                                                               \
    "'(?:[sdmt]|ll|ve|re)| ?\\\\p{L}+| ?\\\\p{N}+| "                                               \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+"

/* Puts a pre_tokenizer before the one that is there, which gets another name. */
#define INSTEAD(stage) "\"pre_tokenizer\": " stage ", \"other\": "

static void other_spellings_of_the_rules_are_read(void **state)
{
    (void)state;
    static const char key[] = "\"pre_tokenizer\": ";
    assert_read(SPLITTING_GPT2, "\"use_regex\": true", "\"a\": true", SPLITTING_GPT2);
    assert_read(SPLITTING_GPT2, key,
                INSTEAD("{\"type\": \"Sequence\", \"pretokenizers\": [" BYTE_LEVEL "true}]}"),
                SPLITTING_GPT2);
    assert_read(SPLITTING_LLAMA3, key,
                INSTEAD("{\"type\": \"Sequence\", \"pretokenizers\": [" SPLIT(
                    GPT2_PATTERN, "Isolated") "false}, " BYTE_LEVEL "false}]}"),
                SPLITTING_GPT2);
    assert_read(SPLITTING_LLAMA3, "\"behavior\": \"Isolated\",\n",
                "\"behavior\": \"Removed\", \"invert\": true, \"a\": 0}, " BYTE_LEVEL
                "false}], \"other\": [{\n",
                SPLITTING_LLAMA3);
}

static void marks_around_a_text_are_left_to_their_user(void **state)
{
    (void)state;
    assert_read(SPLITTING_LLAMA3, "\"post_processor\": ",
                "\"post_processor\": {\"type\": \"Sequence\", \"processors\": [{\"type\": "
                "\"ByteLevel\"}, {\"type\": \"TemplateProcessing\", \"single\": "
                "[{\"SpecialToken\": {\"id\": \"<s>\"}}, {\"Sequence\": {\"id\": \"A\"}}]}]}, "
                "\"other\": ",
                SPLITTING_LLAMA3);
}

static void several_special_tokens_may_be_there_and_one_ends_a_text(void **state)
{
    (void)state;
    static const char *const ends[] = { "<|end_of_text|>", "</s>" };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_read(SPLITTING_GPT2, "<|endoftext|>", ends[i], SPLITTING_GPT2);

    struct tokenizer *out;
    struct strbuf more = STRBUF_INIT;
    int last = (int)tokenizer_vocab_size(small);
    strbuf_addf(&more,
                "\"added_tokens\": [{\"id\": %d, \"content\": \"<|pad|>\", \"special\": true}, "
                "{\"id\": %d, \"content\": \"<|end_of_text|>\", \"special\": true},",
                last + 1, last);
    assert_int_equal(tokenizer_sample_read_changed(&files[SPLITTING_GPT2], path,
                                                   "\"added_tokens\": [", more.bytes, &out),
                     STATUS_OK);
    assert_int_equal(tokenizer_vocab_size(out), last + 2);
    assert_int_equal(tokenizer_end_of_text(out), tokenizer_end_of_text(small));
    tokenizer_free(out);
    strbuf_release(&more);
}

static void what_cannot_be_honoured_is_refused_by_name(void **state)
{
    (void)state;
    static const struct change changes[] = {
        { "\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}", "normalizer" },
        { "\"truncation\": null", "\"truncation\": {\"max_length\": 8}", "truncation" },
        { "\"padding\": null", "\"padding\": {}", "padding" },
        { "\"type\": \"BPE\"", "\"type\": \"Unigram\"", "model 'Unigram'" },
        { "\"type\": \"ByteLevel\"", "\"type\": \"Metaspace\"", "pre_tokenizer 'Metaspace'" },
        { "\"add_prefix_space\": false", "\"add_prefix_space\": true", "add_prefix_space" },
        { "\"use_regex\": true", "\"use_regex\": false", "use_regex" },
        { "\"byte_fallback\": false", "\"byte_fallback\": true", "byte_fallback" },
        { "\"dropout\": null", "\"dropout\": 0.1", "dropout" },
        { "\"end_of_word_suffix\": \"\"", "\"end_of_word_suffix\": \"</w>\"", "'</w>'" },
        { "\"special\": true", "\"special\": false", "not special" },
        { "\"pre_tokenizer\": ", "\"other\": ", "no pre_tokenizer" },
        { "\"pre_tokenizer\": ", INSTEAD("{\"type\": \"Sequence\"}"), "pretokenizers" },
        { "\"pre_tokenizer\": ", INSTEAD("{\"type\": \"Sequence\", \"pretokenizers\": [3]}"),
          "a stage is no object" },
        { "\"pre_tokenizer\": ", INSTEAD("{\"type\": \"Sequence\", \"pretokenizers\": []}"),
          "without ByteLevel" },
        { "\"pre_tokenizer\": ",
          INSTEAD("{\"type\": \"Sequence\", \"pretokenizers\": [" BYTE_LEVEL "true}, " BYTE_LEVEL
                  "false}]}"),
          "cuts twice" },
        { "\"post_processor\": ", "\"post_processor\": {\"type\": \"BertProcessing\"}, \"other\": ",
          "post_processor 'BertProcessing'" },
        { "\"post_processor\": ",
          "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": []}, \"other\": ",
          "post_processor's template" },
        { "\"decoder\": ", "\"decoder\": {\"type\": \"Metaspace\"}, \"other\": ",
          "decoder 'Metaspace'" },
        { NULL, NULL, NULL },
    };
    assert_refused(SPLITTING_GPT2, changes);
}

static void splits_that_are_not_done_are_refused_by_name(void **state)
{
    (void)state;
    static const struct change changes[] = {
        { "{1,3}", "{1,2}", "pre_tokenizer's pattern '(?i:" },
        { "\"Regex\"", "\"String\"", "pre_tokenizer's pattern" },
        { "\"Isolated\"", "\"Removed\"", "pre_tokenizer's behavior 'Removed'" },
        { "\"invert\": false", "\"invert\": true", "pre_tokenizer's behavior 'Isolated'" },
        { "\"use_regex\": false", "\"use_regex\": true", "cuts twice" },
        { "\"pretokenizers\": [", "\"pretokenizers\": [" SPLIT(GPT2_PATTERN, "Isolated") "false}, ",
          "cuts twice" },
        { "\"pretokenizers\": [", "\"pretokenizers\": [{\"type\": \"Digits\"}, ", "'Digits'" },
        { "\"type\": \"Split\"", "\"type\": \"Whitespace\"", "'Whitespace'" },
        { NULL, NULL, NULL },
    };
    assert_refused(SPLITTING_CL100K, changes);
    assert_refused(SPLITTING_LLAMA3, changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_written_and_read_back),
        cmocka_unit_test(ignore_merges_is_part_of_the_tokenizer),
        cmocka_unit_test(other_spellings_of_the_rules_are_read),
        cmocka_unit_test(marks_around_a_text_are_left_to_their_user),
        cmocka_unit_test(several_special_tokens_may_be_there_and_one_ends_a_text),
        cmocka_unit_test(what_cannot_be_honoured_is_refused_by_name),
        cmocka_unit_test(splits_that_are_not_done_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, write_files, remove_files);
}
