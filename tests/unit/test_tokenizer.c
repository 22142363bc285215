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
#include "base/philox.h"
#include "shards/tokenizer.h"
#include "shards/tokenizer_trainer.h"

static char folder[] = "/tmp/eon-test-tokenizer-XXXXXX", *path;
static struct tokenizer *small; /* trained below: merges of "th", "the", " the", ... */
static struct strbuf small_json;

static int make_small_tokenizer(void **state)
{
    (void)state;
    static const char text[] = "the then there this that the the then the this 1234 1234\n"
                               "\"quoted\" caf\xc3\xa9 caf\xc3\xa9\naaaa\naaaa\naaaa\n";
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    tokenizer_trainer_add(trainer, text, strlen(text));
    assert_int_equal(tokenizer_trainer_finish(trainer, 300, &small), STATUS_OK);
    tokenizer_trainer_free(trainer);
    strbuf_init(&small_json);
    tokenizer_print(small, &small_json);
    assert_non_null(mkdtemp(folder));
    path = path_join(folder, "tokenizer.json");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    tokenizer_free(small);
    strbuf_release(&small_json);
    memory_free(path);
    assert_int_equal(memory_live_blocks(), 0);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

static void encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                   struct token_buffer *ids)
{
    struct encoder *encoder = encoder_create(tokenizer);
    ids->count = 0;
    encoder_add(encoder, text, length, ids);
    encoder_free(encoder);
}

static void assert_there_and_back(const struct tokenizer *tokenizer, const char *text,
                                  size_t length)
{
    struct token_buffer ids = { 0 };
    struct strbuf back = STRBUF_INIT;
    encode(tokenizer, text, length, &ids);
    tokenizer_decode(tokenizer, ids.ids, ids.count, &back);
    assert_int_equal(back.length, length);
    assert_memory_equal(back.bytes, text, length);
    token_buffer_release(&ids);
    strbuf_release(&back);
}

/* ---- ids ---- */

static char *data_file(const char *name)
{
    const char *data = getenv("EON_TEST_DATA");
    char *file = path_join(data ? data : "/nowhere", name);
    if (!file_exists(file)) {
        memory_free(file);
        skip();
    }
    return file;
}

static struct tokenizer *open_gpt2(void)
{
    struct tokenizer *gpt2;
    struct strbuf pair = STRBUF_INIT;
    char *encoder_json = data_file("gpt2-encoder.json"), *vocab_bpe = data_file("gpt2-vocab.bpe");
    strbuf_addf(&pair, "%s,%s", encoder_json, vocab_bpe);
    assert_int_equal(tokenizer_open(pair.bytes, &gpt2), STATUS_OK);
    strbuf_release(&pair);
    memory_free(encoder_json);
    memory_free(vocab_bpe);
    return gpt2;
}

/* tokenizer_ids.json is written by tests/golden/compare_tokenizer.py. */
static void gpt2_ids_are_those_of_tiktoken(void **state)
{
    (void)state;
    struct tokenizer *gpt2 = open_gpt2();
    struct token_buffer ids = { 0 };
    struct json *cases;
    const char *source = getenv("EON_SOURCE");
    char *file = path_join(source ? source : ".", "tests/golden/tokenizer_ids.json");
    assert_int_equal(json_read(file, 1 << 20, &cases), STATUS_OK);
    assert_true(json_length(cases) > 20);
    for (int64_t i = 0; i < json_length(cases); i++) {
        const struct json *text = json_member(json_item(cases, i), "text");
        const struct json *expected = json_member(json_item(cases, i), "ids");
        encode(gpt2, json_text(text), json_text_length(text), &ids);
        assert_int_equal(ids.count, json_length(expected));
        for (int64_t at = 0; at < ids.count; at++)
            assert_int_equal(ids.ids[at], json_integer_of(json_item(expected, at)));
    }
    json_free(cases);
    memory_free(file);
    token_buffer_release(&ids);
    tokenizer_free(gpt2);
}

static void gpt2_has_its_known_size_and_special_token(void **state)
{
    (void)state;
    struct tokenizer *gpt2 = open_gpt2();
    size_t length;
    assert_int_equal(tokenizer_vocab_size(gpt2), 50257);
    assert_int_equal(tokenizer_end_of_text(gpt2), 50256);
    assert_memory_equal(tokenizer_token_bytes(gpt2, 262, &length), " the", 4);
    assert_int_equal(length, 4);
    assert_null(tokenizer_token_bytes(gpt2, 50257, &length));
    assert_null(tokenizer_token_bytes(gpt2, -1, &length));
    tokenizer_free(gpt2);
}

static void gpt2_read_back_from_tokenizer_json_is_the_same(void **state)
{
    (void)state;
    struct tokenizer *gpt2 = open_gpt2(), *back;
    assert_int_equal(tokenizer_write(gpt2, path), STATUS_OK);
    assert_int_equal(tokenizer_open(path, &back), STATUS_OK);
    assert_string_equal(tokenizer_digest(back), tokenizer_digest(gpt2));
    tokenizer_free(gpt2);
    tokenizer_free(back);
}

/* The pieces of a run of 'a' are long: merged by the heap; words are short: merged by search. */
static void long_pieces_merge_as_short_ones_do(void **state)
{
    (void)state;
    struct token_buffer ids = { 0 }, expected = { 0 };
    char run[1000];
    memset(run, 'a', sizeof run);
    encode(small, "aaaa", 4, &expected); /* one token, by the merges "aa" and "aaaa" */
    assert_int_equal(expected.count, 1);
    for (size_t length = 4; length <= sizeof run; length += 4) {
        encode(small, run, length, &ids);
        assert_int_equal(ids.count, length / 4);
        for (int64_t i = 0; i < ids.count; i++)
            assert_int_equal(ids.ids[i], expected.ids[0]);
    }
    token_buffer_release(&ids);
    token_buffer_release(&expected);
}

static void a_run_of_ten_million_takes_no_quadratic_time(void **state)
{
    (void)state;
    const size_t length = 10 * 1000 * 1000;
    char *run = memory_alloc(length);
    for (int i = 0; i < 3; i++) {
        memset(run, "a \xff"[i], length);
        assert_there_and_back(small, run, length);
    }
    memory_free(run);
}

static void any_bytes_come_back(void **state)
{
    (void)state;
    static const char alphabet[] = "ab 1'\n\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xed\xa0\xc0";
    struct philox_key key = philox_key(7, RANDOM_TEST);
    char text[3000];
    for (uint64_t i = 0; i < 300; i++) {
        size_t length = (size_t)(philox_u64(key, i, 0) % sizeof text);
        for (size_t at = 0; at < length; at++)
            text[at] = alphabet[philox_u64(key, i, at + 1) % (sizeof alphabet - 1)];
        assert_there_and_back(small, text, length);
    }
}

static void a_cut_character_takes_no_others_with_it(void **state)
{
    (void)state;
    struct token_buffer whole = { 0 }, cut = { 0 };
    encode(small, "this caf\xc3\xa9", 10, &whole);
    encode(small, "this caf\xc3\xa9 \xe2\x82", 13, &cut);
    assert_true(cut.count > whole.count);
    assert_memory_equal(cut.ids, whole.ids, (size_t)whole.count * sizeof *whole.ids);
    token_buffer_release(&whole);
    token_buffer_release(&cut);
}

static void special_tokens_in_text_are_plain_text(void **state)
{
    (void)state;
    struct token_buffer ids = { 0 };
    encode(small, "<|endoftext|>", 13, &ids);
    assert_true(ids.count > 1);
    for (int64_t i = 0; i < ids.count; i++)
        assert_int_not_equal(ids.ids[i], tokenizer_end_of_text(small));
    token_buffer_release(&ids);
}

/* ---- files ---- */

/* The small tokenizer's file with each `from` replaced, which must be there. */
static enum status read_changed(const char *from, const char *to, struct tokenizer **out)
{
    struct strbuf changed = STRBUF_INIT;
    const char *at = small_json.bytes, *found;
    while ((found = strstr(at, from))) {
        strbuf_add(&changed, at, (size_t)(found - at));
        strbuf_add_string(&changed, to);
        at = found + strlen(from);
    }
    assert_true(at != small_json.bytes);
    strbuf_add_string(&changed, at);
    assert_int_equal(file_replace(path, changed.bytes, changed.length), STATUS_OK);
    strbuf_release(&changed);
    return tokenizer_read(path, out);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct tokenizer *back;
    struct strbuf again = STRBUF_INIT;
    assert_int_equal(read_changed("BPE", "BPE", &back), STATUS_OK);
    assert_string_equal(tokenizer_digest(back), tokenizer_digest(small));
    tokenizer_print(back, &again);
    assert_string_equal(again.bytes, small_json.bytes);
    strbuf_release(&again);
    tokenizer_free(back);
}

static void merges_of_older_files_are_strings(void **state)
{
    (void)state;
    struct tokenizer *back;
    struct json *root;
    struct strbuf text = STRBUF_INIT, merge = STRBUF_INIT;
    assert_int_equal(json_parse(small_json.bytes, small_json.length, "small", &root), STATUS_OK);
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
    assert_int_equal(file_replace(path, text.bytes, text.length), STATUS_OK);
    assert_int_equal(tokenizer_read(path, &back), STATUS_OK);
    assert_string_equal(tokenizer_digest(back), tokenizer_digest(small));
    tokenizer_free(back);
    json_free(root);
    strbuf_release(&text);
    strbuf_release(&merge);
}

static void what_cannot_be_honoured_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *why;
    } changes[] = {
        { "\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}", "normalizer" },
        { "\"truncation\": null", "\"truncation\": {\"max_length\": 8}", "truncation" },
        { "\"padding\": null", "\"padding\": {}", "padding" },
        { "\"type\": \"BPE\"", "\"type\": \"Unigram\"", "model 'Unigram'" },
        { "\"type\": \"ByteLevel\"", "\"type\": \"Metaspace\"", "pre_tokenizer 'Metaspace'" },
        { "\"add_prefix_space\": false", "\"add_prefix_space\": true", "add_prefix_space" },
        { "\"use_regex\": true", "\"use_regex\": false", "use_regex" },
        { "\"byte_fallback\": false", "\"byte_fallback\": true", "byte_fallback" },
        { "\"ignore_merges\": false", "\"ignore_merges\": true", "ignore_merges" },
        { "\"dropout\": null", "\"dropout\": 0.1", "dropout" },
        { "\"end_of_word_suffix\": \"\"", "\"end_of_word_suffix\": \"</w>\"", "'</w>'" },
        { "\"special\": true", "\"special\": false", "not special" },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct tokenizer *out;
        assert_int_equal(read_changed(changes[i].from, changes[i].to, &out), STATUS_BAD_INPUT);
        assert_null(out);
        if (!strstr(status_message(), changes[i].why))
            fail_msg("'%s' does not say '%s'", status_message(), changes[i].why);
    }
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
        { "<|endoftext|>", "<|other|>", "no special token" },
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
    strbuf_addf(&last, "%d", tokenizer_end_of_text(small)); /* counted twice: leaves room for one */
    strbuf_addf(&beyond, "%d", tokenizer_end_of_text(small) + 1);
    assert_int_equal(read_changed(last.bytes, beyond.bytes, &out), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "no token has id"));
    strbuf_release(&last);
    strbuf_release(&beyond);
}

/* Every prefix of a file is refused, none crashes. */
static void a_cut_file_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length + 2 < small_json.length; length += 97) {
        struct tokenizer *out;
        assert_int_equal(file_replace(path, small_json.bytes, length), STATUS_OK);
        assert_int_equal(tokenizer_read(path, &out), STATUS_BAD_INPUT);
        assert_null(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_ids_are_those_of_tiktoken),
        cmocka_unit_test(gpt2_has_its_known_size_and_special_token),
        cmocka_unit_test(gpt2_read_back_from_tokenizer_json_is_the_same),
        cmocka_unit_test(long_pieces_merge_as_short_ones_do),
        cmocka_unit_test(a_run_of_ten_million_takes_no_quadratic_time),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(a_cut_character_takes_no_others_with_it),
        cmocka_unit_test(special_tokens_in_text_are_plain_text),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(merges_of_older_files_are_strings),
        cmocka_unit_test(what_cannot_be_honoured_is_refused_by_name),
        cmocka_unit_test(hostile_vocabularies_are_refused_in_one_line),
        cmocka_unit_test(ids_with_a_hole_are_refused),
        cmocka_unit_test(a_cut_file_is_refused),
    };
    return cmocka_run_group_tests(tests, make_small_tokenizer, remove_folder);
}
