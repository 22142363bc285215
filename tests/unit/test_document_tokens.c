#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "trainer/model/document_tokens.h"

enum { VOCAB = 100 };

static enum status parse(const char *text, struct document_tokens *tokens)
{
    struct json *json;
    assert_int_equal(json_parse(text, strlen(text), "config.json", &json), STATUS_OK);
    enum status status = document_tokens_parse(json, "config.json", VOCAB, tokens);
    json_free(json);
    return status;
}

/* What is put into a config is what was read from one. */
static void assert_printed(const struct document_tokens *tokens, const char *expected)
{
    struct json *json = json_new_object();
    struct strbuf text = STRBUF_INIT;
    document_tokens_put(tokens, json);
    json_print(json, JSON_COMPACT, &text);
    assert_string_equal(text.bytes, expected);
    strbuf_release(&text);
    json_free(json);
}

static void one_id_and_several_survive(void **state)
{
    (void)state;
    struct document_tokens tokens;
    assert_int_equal(parse("{\"bos_token_id\":1,\"eos_token_id\":2}", &tokens), STATUS_OK);
    assert_printed(&tokens, "{\"bos_token_id\":1,\"eos_token_id\":2}");
    assert_true(document_tokens_end_with(&tokens, 2));
    assert_false(document_tokens_end_with(&tokens, 1));

    assert_int_equal(parse("{\"eos_token_id\":[7,0,99]}", &tokens), STATUS_OK);
    assert_printed(&tokens, "{\"bos_token_id\":null,\"eos_token_id\":[7,0,99]}");
    assert_true(document_tokens_end_with(&tokens, 0));
    assert_true(document_tokens_end_with(&tokens, 99));
    assert_null(tokens.left_out);

    assert_int_equal(parse("{\"bos_token_id\":null,\"eos_token_id\":[4]}", &tokens), STATUS_OK);
    assert_printed(&tokens, "{\"bos_token_id\":null,\"eos_token_id\":4}");
}

static void ids_beyond_the_vocabulary_are_left_out_by_name(void **state)
{
    (void)state;
    struct document_tokens tokens;
    assert_int_equal(parse("{\"bos_token_id\":100}", &tokens), STATUS_OK);
    assert_false(tokens.has_begin);
    assert_string_equal(tokens.left_out, "bos_token_id");
    assert_int_equal(parse("{\"bos_token_id\":5,\"eos_token_id\":[-1,6]}", &tokens), STATUS_OK);
    assert_string_equal(tokens.left_out, "eos_token_id");
    assert_printed(&tokens, "{\"bos_token_id\":5,\"eos_token_id\":6}");
}

static void what_is_no_id_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"bos_token_id\":\"1\"}",
        "{\"bos_token_id\":[1]}",
        "{\"eos_token_id\":1.5}",
        "{\"eos_token_id\":[true]}",
        "{\"eos_token_id\":[[1]]}",
        "{\"eos_token_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
    };
    struct document_tokens tokens;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i], &tokens), STATUS_BAD_INPUT);
        assert_non_null(strstr(status_message(), i < 2 ? "bos_token_id" : "eos_token_id"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_id_and_several_survive),
        cmocka_unit_test(ids_beyond_the_vocabulary_are_left_out_by_name),
        cmocka_unit_test(what_is_no_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
