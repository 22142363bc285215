/* The files of SentencePiece's kind: which are read, and which are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/unit/tokenizer_sample.h"

static struct tokenizer_desk desk;

static int read_small(void **state)
{
    (void)state;
    tokenizer_desk_open(&desk, tokenizer_sample_sentencepiece());
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    tokenizer_desk_close(&desk);
    return 0;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct strbuf again = STRBUF_INIT;
    char digests[3 * 2 * 3][SHA256_HEX];
    int distinct = 0;
    for (int form = 0; form < 2 * 3 * 2 * 3; form++) {
        struct blank_marking marking = { form % 2, form / 2 % 3, form / 6 % 2, form / 12 };
        if (marking.stage == BLANK_NORMALIZER && (marking.splits || marking.prefix == BLANK_FIRST))
            continue; /* no file says so */
        struct tokenizer *back = tokenizer_sample_in_layout(desk.tokenizer, desk.path, &marking);
        strbuf_reset(&again);
        tokenizer_print(back, &again);
        assert_int_equal(file_replace(desk.path, again.bytes, again.length), STATUS_OK);
        bool known = false;
        for (int i = 0; i < distinct; i++)
            known = known || strcmp(digests[i], tokenizer_digest(back)) == 0;
        if (!known)
            memcpy(digests[distinct++], tokenizer_digest(back), SHA256_HEX);
        tokenizer_free(back);
    }
    assert_int_equal(distinct, 5); /* prefix of two kinds or none; cut at blanks by Metaspace */
    strbuf_release(&again);
}

static void assert_read(const struct strbuf *json, const char *from, const char *to,
                        struct blank_marking expected)
{
    struct tokenizer *out;
    if (tokenizer_sample_read_changed(json, desk.path, from, to, &out) != STATUS_OK)
        fail_msg("'%s' for '%s': %s", to, from, status_message());
    assert_int_equal(tokenizer_marking(out)->stage, expected.stage);
    assert_int_equal(tokenizer_marking(out)->prefix, expected.prefix);
    assert_int_equal(tokenizer_marking(out)->splits, expected.splits);
    tokenizer_free(out);
}

#define METASPACE "{\"type\": \"Metaspace\", \"replacement\": \"\xe2\x96\x81\""

static void other_spellings_of_metaspace_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        struct blank_marking expected;
    } forms[] = {
        { "}", { BLANK_METASPACE, BLANK_ALWAYS, true, 0 } },
        { ", \"add_prefix_space\": true}", { BLANK_METASPACE, BLANK_ALWAYS, true, 0 } },
        { ", \"prepend_scheme\": \"first\"}", { BLANK_METASPACE, BLANK_FIRST, true, 0 } },
        { ", \"prepend_scheme\": \"never\", \"add_prefix_space\": false, \"split\": false}",
          { BLANK_METASPACE, BLANK_NEVER, false, 0 } },
    };
    const struct blank_marking old = desk.tokenizer->marking;
    struct strbuf json = STRBUF_INIT, to = STRBUF_INIT;
    desk.tokenizer->marking = (struct blank_marking){ BLANK_METASPACE, BLANK_FIRST, false, 0 };
    tokenizer_print(desk.tokenizer, &json);
    desk.tokenizer->marking = old;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        strbuf_reset(&to);
        strbuf_addf(&to, "\"pre_tokenizer\": " METASPACE "%s, \"other\": ", forms[i].members);
        assert_read(&json, "\"pre_tokenizer\": ", to.bytes, forms[i].expected);
    }
    strbuf_release(&json);
    strbuf_release(&to);
}

static void marks_around_a_text_are_left_to_their_user(void **state)
{
    (void)state;
    assert_read(&desk.json, "\"post_processor\": null",
                "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": "
                "[{\"SpecialToken\": {\"id\": \"<s>\"}}, {\"Sequence\": {\"id\": \"A\"}}]}",
                desk.tokenizer->marking);
}

struct change {
    const char *from, *to, *why;
};

static void assert_refused(const struct change *changes)
{
    for (; changes->from; changes++) {
        struct tokenizer *out;
        assert_int_equal(
            tokenizer_sample_read_changed(&desk.json, desk.path, changes->from, changes->to, &out),
            STATUS_BAD_INPUT);
        assert_null(out);
        assert_null(strchr(status_message(), '\n'));
        if (!strstr(status_message(), changes->why))
            fail_msg("'%s' does not say '%s'", status_message(), changes->why);
    }
}

static void stages_that_are_not_done_are_refused_by_name(void **state)
{
    (void)state;
    static const struct change changes[] = {
        { "\"Prepend\"", "\"NFKC\"", "normalizer 'NFKC'" },
        { "\"prepend\": \"\xe2\x96\x81\"", "\"prepend\": \"_\"", "normalizer 'Prepend'" },
        { "\"normalizers\": [", "\"normalizers\": [{\"type\": \"Lowercase\"}, ", "'Lowercase'" },
        { "\"String\": \" \"", "\"String\": \"a\"", "normalizer 'Replace'" },
        { "\"String\": \" \"", "\"Regex\": \" \"", "normalizer 'Replace'" },
        { "\"normalizer\": ", "\"other\": ", "marks blanks" },
        { "\"pre_tokenizer\": null", "\"pre_tokenizer\": " METASPACE "}", "beside Metaspace" },
        { "\"pre_tokenizer\": null", "\"pre_tokenizer\": {\"type\": \"ByteLevel\"}",
          "pre_tokenizer with byte_fallback, 'ByteLevel'" },
        { "\"byte_fallback\": true", "\"byte_fallback\": false", "its normalizer" },
        { "\"type\": \"Fuse\"", "\"type\": \"CTC\"", "decoder 'CTC'" },
        { "\"type\": \"ByteFallback\"", "\"type\": \"Fuse\"", "decoder 'Fuse'" },
        { "\"start\": 1", "\"start\": 2", "decoder 'Strip'" },
        { "\"stop\": 0", "\"stop\": 1.5", "decoder 'Strip'" },
        { "\"decoder\": ", "\"other\": ", "decoder without" },
        { "\"truncation\": null", "\"truncation\": {}", "truncation" },
        { "\"post_processor\": null", "\"post_processor\": {\"type\": \"BertProcessing\"}",
          "'BertProcessing'" },
        { "\"dropout\": null", "\"dropout\": 0.5", "dropout" },
        { NULL, NULL, NULL },
    };
    assert_refused(changes);
}

static void forms_of_metaspace_that_are_not_done_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *members, *why;
    } forms[] = {
        { "\"replacement\": \"_\"", "replacement '_'" },
        { "\"replacement\": \"\xe2\x96\x81\", \"prepend_scheme\": \"last\"", "'last'" },
        { "\"replacement\": \"\xe2\x96\x81\", \"prepend_scheme\": 1", "prepend_scheme" },
        { "\"replacement\": \"\xe2\x96\x81\", \"add_prefix_space\": false", "add_prefix_space" },
    };
    struct strbuf to = STRBUF_INIT;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        strbuf_reset(&to);
        strbuf_addf(
            &to, "\"pre_tokenizer\": {\"type\": \"Metaspace\", %s}, \"other\": ", forms[i].members);
        const struct change change[] = { { "\"pre_tokenizer\": ", to.bytes, forms[i].why },
                                         { NULL, NULL, NULL } };
        assert_refused(change);
    }
    strbuf_release(&to);
}

static void hostile_vocabularies_are_refused(void **state)
{
    (void)state;
    static const struct change changes[] = {
        { "\"<0x41>\": ", "\"<0x41 \": ", "the byte 0x41 has no token" },
        { "\"<0x4A>\": ", "\"<0x4a>\": ", "token for a byte, '<0x4a>'" },
        { "\"content\": \"<s>\"", "\"content\": \"s\"", "'s' has two ids" },
        { "\"<s>\"", "\"#\"", "special token of one character, '#'" },
        { "\"<s>\"", "\"<\xe2\x96\x81>\"", "special token with a blank's mark" },
        { "\"</s>\"", "\"<end>\"", "no special token that ends a text" },
        { "\"unk_token\": \"<unk>\"", "\"unk_token\": \"<s\"", "unk_token '<s' is no special" },
        { "\"unk_token\": \"<unk>\"", "\"unk_token\": 0", "unk_token is no special" },
        { "\"\xe2\x96\x81\": ", "\"\xe2\x96\x82\": ", "which is no token" },
        { "\"merges\": [", "\"merges\": [[\"<0x41>\", \"t\"], ", "'<0x41>', which is no token" },
        { "\"vocab\": {", "\"vocab\": {\" the\": 620, ", "same bytes" },
        { NULL, NULL, NULL },
    };
    assert_refused(changes);
}

static void a_blank_without_a_token_is_refused(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = tokenizer_new();
    tokenizer->kind = TOKENIZER_SENTENCEPIECE;
    for (int byte = 0; byte < 256; byte++)
        tokenizer_add_byte(tokenizer, (unsigned char)byte);
    tokenizer_add_special(tokenizer, "</s>", 4);
    assert_int_equal(tokenizer_seal(tokenizer, "t"), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "mark for a blank"));
    tokenizer_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(other_spellings_of_metaspace_are_read),
        cmocka_unit_test(marks_around_a_text_are_left_to_their_user),
        cmocka_unit_test(stages_that_are_not_done_are_refused_by_name),
        cmocka_unit_test(forms_of_metaspace_that_are_not_done_are_refused_by_name),
        cmocka_unit_test(hostile_vocabularies_are_refused),
        cmocka_unit_test(a_blank_without_a_token_is_refused),
    };
    return cmocka_run_group_tests(tests, read_small, remove_folder);
}
