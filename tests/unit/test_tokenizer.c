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

static struct tokenizer_desk desk;

static int make_small_tokenizer(void **state)
{
    (void)state;
    tokenizer_desk_open(&desk, tokenizer_sample_train());
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    tokenizer_desk_close(&desk);
    return 0;
}

static void gpt2_has_its_known_size_and_special_token(void **state)
{
    (void)state;
    struct tokenizer *gpt2 = tokenizer_sample_gpt2();
    size_t length;
    assert_int_equal(tokenizer_vocab_size(gpt2), 50257);
    assert_int_equal(tokenizer_end_of_text(gpt2), 50256);
    assert_memory_equal(tokenizer_token_bytes(gpt2, 262, &length), " the", 4);
    assert_int_equal(length, 4);
    assert_null(tokenizer_token_bytes(gpt2, 50257, &length));
    assert_null(tokenizer_token_bytes(gpt2, -1, &length));
    assert_string_equal(tokenizer_digest(gpt2), /* corpora and runs that exist carry it */
                        "d1b3114315b625ed28dacb2a610d587370038df35af36bd7876879504c20398c");
    tokenizer_free(gpt2);
}

static void gpt2_read_back_from_tokenizer_json_is_the_same(void **state)
{
    (void)state;
    struct tokenizer *gpt2 = tokenizer_sample_gpt2(), *back;
    assert_int_equal(tokenizer_write(gpt2, desk.path), STATUS_OK);
    assert_int_equal(tokenizer_open(desk.path, &back), STATUS_OK);
    assert_string_equal(tokenizer_digest(back), tokenizer_digest(gpt2));
    tokenizer_free(gpt2);
    tokenizer_free(back);
}

static enum status read_changed(const char *from, const char *to, struct tokenizer **out)
{
    return tokenizer_sample_read_changed(&desk.json, desk.path, from, to, out);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct tokenizer *back;
    struct strbuf again = STRBUF_INIT;
    assert_int_equal(read_changed("BPE", "BPE", &back), STATUS_OK);
    assert_string_equal(tokenizer_digest(back), tokenizer_digest(desk.tokenizer));
    tokenizer_print(back, &again);
    assert_string_equal(again.bytes, desk.json.bytes);
    strbuf_release(&again);
    tokenizer_free(back);
}

static void merges_of_older_files_are_strings(void **state)
{
    (void)state;
    struct tokenizer *back;
    struct json *root;
    struct strbuf text = STRBUF_INIT, merge = STRBUF_INIT;
    assert_int_equal(json_parse(desk.json.bytes, desk.json.length, "small", &root), STATUS_OK);
    struct json *model = (struct json *)(uintptr_t)json_member(root, "model");
    const struct json *pairs = json_member(model, "merges");
    struct json *strings = json_new_array();
    for (int64_t i = 0; i < json_length(pairs); i++) {
        strbuf_reset(&merge);
        strbuf_addf(&merge, "%s %s", json_text(json_item(json_item(pairs, i), 0)),
                    json_text(json_item(json_item(pairs, i), 1)));
        json_append_text(strings, merge.bytes);
    }
    json_put(model, "merges", strings);
    json_print(root, JSON_COMPACT, &text);
    assert_int_equal(file_replace(desk.path, text.bytes, text.length), STATUS_OK);
    assert_int_equal(tokenizer_read(desk.path, &back), STATUS_OK);
    assert_string_equal(tokenizer_digest(back), tokenizer_digest(desk.tokenizer));
    tokenizer_free(back);
    json_free(root);
    strbuf_release(&text);
    strbuf_release(&merge);
}

static void hostile_vocabularies_are_refused_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *why;
    } changes[] = {
        { "\"th\": ", "\"th\": 1", "leave room for" },
        { "\"th\": ", "\"th\": -", "leave room for" },
        { "\"th\": ", "\"tx\": ", "not in the vocabulary" },
        { "\"th\": ", "\"\": ", "is empty" },
        { "\"th\": ", "\"\xe4\xb8\x80\": ", "letters of byte-level BPE" },
        { "\"th\": ", "\"th\": 3.5, \"ti\": ", "is no integer" },
        { "\"th\": ", "\"th\": 9223372036854775807, \"ti\": ", "leave room for" },
        { "\"th\": ", "\"th\": 5, \"ti\": ", "belongs to both" },
        { "\"A\": ", "\"\xc5\x84\": ", "letters of byte-level BPE" },
        { "\"A\": ", "\"AA\": ", "the byte 0x41 has no token" },
        { "\"content\": \"<|endoftext|>\"", "\"content\": \"<|other|>\"", "belongs to both" },
        { "\"content\": \"<|endoftext|>\"", "\"content\": \"th\"", "'th' has two ids" },
        { "\"added_tokens\": [",
          "\"added_tokens\": [{\"content\": \"<|endoftext|>\", \"id\": 7, \"special\": true}, ",
          "'<|endoftext|>' has two ids" },
        { "<|endoftext|>", "<|other|>", "no special token that ends a text" },
        { "\"content\": \"<|endoftext|>\"", "\"content\": \"\"", "empty" },
        { "\"merges\": [", "\"merges\": [\"t\", ", "not two tokens" },
        { "\"merges\": [", "\"merges\": [[\"t\", 1], ", "not two tokens" },
        { "\"merges\": [", "\"merges\": [[\"t\", \"zz\"], ", "is of 'zz', which is no token" },
        { "\"merges\": [", "\"merges\": [[\"t\", \"h\"], ", "repeats merge 0" },
        { "\"merges\": [", "\"merges\": [\"z z\", ", "not in the vocabulary" },
        { "\"merges\": ", "\"other\": ", "merges" },
        { "\"vocab\": ", "\"other\": ", "vocab" },
        { "\"model\": ", "\"other\": ", "model" },
        { "{", "[", "JSON" },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct tokenizer *out;
        assert_int_equal(read_changed(changes[i].from, changes[i].to, &out), STATUS_BAD_INPUT);
        assert_null(out);
        assert_null(strchr(status_message(), '\n'));
        if (!strstr(status_message(), changes[i].why))
            fail_msg("'%s' does not say '%s'", status_message(), changes[i].why);
    }
}

static void ids_with_a_hole_are_refused(void **state)
{
    (void)state;
    struct strbuf last = STRBUF_INIT, beyond = STRBUF_INIT;
    struct tokenizer *out;
    strbuf_addf(&last, "%d",
                tokenizer_end_of_text(desk.tokenizer)); /* counted twice: leaves room for one */
    strbuf_addf(&beyond, "%d", tokenizer_end_of_text(desk.tokenizer) + 1);
    assert_int_equal(read_changed(last.bytes, beyond.bytes, &out), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "no token has id"));
    strbuf_release(&last);
    strbuf_release(&beyond);
}

/* Every prefix of a file is refused, none crashes. */
static void a_cut_file_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length + 2 < desk.json.length; length += 97) {
        struct tokenizer *out;
        assert_int_equal(file_replace(desk.path, desk.json.bytes, length), STATUS_OK);
        assert_int_equal(tokenizer_read(desk.path, &out), STATUS_BAD_INPUT);
        assert_null(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_has_its_known_size_and_special_token),
        cmocka_unit_test(gpt2_read_back_from_tokenizer_json_is_the_same),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(merges_of_older_files_are_strings),
        cmocka_unit_test(hostile_vocabularies_are_refused_in_one_line),
        cmocka_unit_test(ids_with_a_hole_are_refused),
        cmocka_unit_test(a_cut_file_is_refused),
    };
    return cmocka_run_group_tests(tests, make_small_tokenizer, remove_folder);
}
