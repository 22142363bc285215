#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/philox.h"
#include "shards/tokenizer/piece_merger.h"
#include "shards/tokenizer/tokenizer_trainer.h"
#include "tests/unit/tokenizer_sample.h"

static struct tokenizer *small;

static int train_small(void **state)
{
    (void)state;
    small = tokenizer_sample_train();
    return 0;
}

static int nothing_is_left(void **state)
{
    (void)state;
    tokenizer_free(small);
    return memory_live_blocks() == 0 ? 0 : -1;
}

static void assert_there_and_back(const struct tokenizer *tokenizer, const char *text,
                                  size_t length)
{
    struct token_buffer ids = { 0 };
    struct strbuf back = STRBUF_INIT;
    tokenizer_sample_encode(tokenizer, text, length, &ids);
    tokenizer_decode(tokenizer, ids.ids, ids.count, &back);
    assert_int_equal(back.length, length);
    assert_memory_equal(back.bytes, text, length);
    token_buffer_release(&ids);
    strbuf_release(&back);
}

static void assert_same_ids(const struct token_buffer *a, const struct token_buffer *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->ids, b->ids, (size_t)a->count * sizeof *a->ids);
}

/* ---- the references' ids: tokenizer_ids.json is written by compare_tokenizer.py ---- */

/* A case is {"rule": NAME, "hex": BYTES, "ids": [...]}. */
static void assert_case(struct tokenizer *gpt2, const struct json *item)
{
    const char *rule = json_text(json_member(item, "rule"));
    const char *hex = json_text(json_member(item, "hex"));
    const struct json *expected = json_member(item, "ids");
    struct token_buffer ids = { 0 };
    struct strbuf text = STRBUF_INIT;
    for (; *hex; hex += 2)
        strbuf_add_char(&text, (char)strtol((char[]){ hex[0], hex[1], '\0' }, NULL, 16));
    for (gpt2->splitting = 0; strcmp(splitting_rule_names[gpt2->splitting], rule) != 0;)
        gpt2->splitting++;
    tokenizer_sample_encode(gpt2, text.bytes, text.length, &ids);
    assert_int_equal(ids.count, json_length(expected));
    for (int64_t at = 0; at < ids.count; at++)
        assert_int_equal(ids.ids[at], json_integer_of(json_item(expected, at)));
    token_buffer_release(&ids);
    strbuf_release(&text);
}

static void ids_are_those_of_tiktoken_by_every_rule(void **state)
{
    (void)state;
    struct tokenizer *gpt2 = tokenizer_sample_gpt2();
    struct json *cases;
    char *file = tokenizer_sample_golden("tokenizer_ids.json");
    assert_int_equal(json_read(file, 1 << 20, &cases), STATUS_OK);
    assert_true(json_length(cases) > 100);
    for (int64_t i = 0; i < json_length(cases); i++)
        assert_case(gpt2, json_item(cases, i));
    json_free(cases);
    memory_free(file);
    tokenizer_free(gpt2);
}

/* tiktoken looks a piece up before it merges it, and merges by the joined token's id, not by pairs.
 * That this gives the same ids for every piece follows from three properties of the vocabulary
 * (docs/tokenizer.md, "Two ways to merge"). */
static void gpt2_merges_give_what_tiktoken_looks_up(void **state)
{
    (void)state;
    struct tokenizer *gpt2 = tokenizer_sample_gpt2();
    struct token_buffer ids = { 0 };
    struct piece_merger *merger = piece_merger_create(gpt2);
    for (int32_t id = 0; id < tokenizer_end_of_text(gpt2); id++) {
        size_t length;
        const char *bytes = tokenizer_token_bytes(gpt2, id, &length);
        ids.count = 0;
        piece_merger_add(merger, bytes, length, &ids);
        assert_int_equal(ids.count, 1);
        assert_int_equal(ids.ids[0], id);
    }
    for (int64_t rank = 0; rank < gpt2->merge_count; rank++) {
        assert_int_equal(gpt2->merges[rank].result, 256 + rank);
        assert_true(gpt2->merges[rank].left < 256 + rank && gpt2->merges[rank].right < 256 + rank);
    }
    piece_merger_free(merger);
    token_buffer_release(&ids);
    tokenizer_free(gpt2);
}

/* ---- long pieces ---- */

/* The pieces of a run of 'a' are long: merged by the heap; words are short: merged by search. */
static void long_pieces_merge_as_short_ones_do(void **state)
{
    (void)state;
    struct token_buffer ids = { 0 }, expected = { 0 };
    char run[1000];
    memset(run, 'a', sizeof run);
    tokenizer_sample_encode(small, "aaaa", 4, &expected); /* one token, by "aa" and "aaaa" */
    assert_int_equal(expected.count, 1);
    for (size_t length = 4; length <= sizeof run; length += 4) {
        tokenizer_sample_encode(small, run, length, &ids);
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

/* Each merge in turn, from left to right: what a piece merges to if ranks ascend with tokens. */
static void merge_in_turn(const struct tokenizer *tokenizer, const char *piece, size_t length,
                          struct token_buffer *out)
{
    out->count = 0;
    for (size_t i = 0; i < length; i++)
        token_buffer_add(out, tokenizer->byte_token[(unsigned char)piece[i]]);
    for (int64_t rank = 0; rank < tokenizer->merge_count; rank++) {
        const struct merge *merge = &tokenizer->merges[rank];
        int64_t kept = 0;
        for (int64_t i = 0; i < out->count; i++) {
            bool here =
                i + 1 < out->count && out->ids[i] == merge->left && out->ids[i + 1] == merge->right;
            out->ids[kept++] = here ? merge->result : out->ids[i];
            i += here;
        }
        out->count = kept;
    }
}

/* Few letters, so that tokens are long and merge in many ways, and periods that fit no window. */
static void add_letters(struct strbuf *text, uint64_t seed, size_t length)
{
    struct philox_key key = philox_key(seed, RANDOM_TEST);
    const uint64_t letters = 1 + seed % 3, period = seed % 4 ? length : 1 + seed / 4;
    for (uint64_t i = 0; i < length; i++)
        strbuf_add_char(text, (char)('a' + philox_u64(key, i % period, 0) % letters));
}

static void long_pieces_are_merged_in_windows_as_in_one(void **state)
{
    (void)state;
    struct token_buffer expected = { 0 }, ids = { 0 };
    struct strbuf text = STRBUF_INIT;
    struct tokenizer *letters;
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    for (uint64_t seed = 0; seed < 12; seed++) {
        strbuf_reset(&text);
        add_letters(&text, seed, 1000);
        tokenizer_trainer_add(trainer, text.bytes, text.length);
    }
    assert_int_equal(tokenizer_trainer_finish(trainer, 600, &letters), STATUS_OK);
    for (uint64_t seed = 0; seed < 60; seed++) {
        strbuf_reset(&text);
        add_letters(&text, seed, 20000 + 7 * seed);
        merge_in_turn(letters, text.bytes, text.length, &expected);
        tokenizer_sample_encode(letters, text.bytes, text.length, &ids);
        assert_same_ids(&ids, &expected);
    }
    tokenizer_trainer_free(trainer);
    tokenizer_free(letters);
    strbuf_release(&text);
    token_buffer_release(&expected);
    token_buffer_release(&ids);
}

/* ---- any bytes ---- */

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

static void what_is_not_utf8_is_one_piece_with_the_piece_before(void **state)
{
    (void)state;
    struct token_buffer whole = { 0 }, ids = { 0 }, merged = { 0 };
    struct piece_merger *merger = piece_merger_create(small);
    tokenizer_sample_encode(small, "this caf\xc3\xa9", 10, &whole);
    tokenizer_sample_encode(small, "this caf\xc3\xa9 \xe2\x82 the", 17, &ids);
    assert_memory_equal(ids.ids, whole.ids, (size_t)whole.count * sizeof *whole.ids);

    piece_merger_add(merger, " \xe2\x82 the", 7, &merged);
    assert_int_equal(ids.count, whole.count + merged.count);
    assert_memory_equal(ids.ids + whole.count, merged.ids,
                        (size_t)merged.count * sizeof *merged.ids);
    piece_merger_free(merger);
    token_buffer_release(&whole);
    token_buffer_release(&ids);
    token_buffer_release(&merged);
}

static void an_encoder_remembers_nothing_that_changes_ids(void **state)
{
    (void)state;
    static const char text[] = "the then there\n\"quoted\" aaaa this, that \xff 1234 the then";
    struct token_buffer first = { 0 }, again = { 0 };
    struct encoder *encoder = encoder_create(small);
    for (size_t length = 0; length < sizeof text; length++) {
        tokenizer_sample_encode(small, text, length, &first);
        for (int i = 0; i < 3; i++) {
            again.count = 0;
            encoder_add(encoder, text, length, &again);
            assert_int_equal(again.count, first.count);
            if (first.count > 0)
                assert_same_ids(&again, &first);
        }
    }
    encoder_free(encoder);
    token_buffer_release(&first);
    token_buffer_release(&again);
}

static void special_tokens_in_text_are_plain_text(void **state)
{
    (void)state;
    struct token_buffer ids = { 0 };
    tokenizer_sample_encode(small, "<|endoftext|>", 13, &ids);
    assert_true(ids.count > 1);
    for (int64_t i = 0; i < ids.count; i++)
        assert_int_not_equal(ids.ids[i], tokenizer_end_of_text(small));
    token_buffer_release(&ids);
}

/* A vocabulary with a token that no merge makes: files may have such, with ignore_merges. */
static void a_whole_piece_is_a_token_without_merges_if_the_file_says_so(void **state)
{
    (void)state;
    struct token_buffer ids = { 0 };
    struct tokenizer *tokenizer = tokenizer_new();
    for (int byte = 0; byte < 256; byte++)
        assert_int_equal(tokenizer_add_token(tokenizer, &(char){ (char)byte }, 1, "t"), STATUS_OK);
    assert_int_equal(tokenizer_add_token(tokenizer, "word", 4, "t"), STATUS_OK);
    tokenizer_add_special(tokenizer, "</s>", 4);
    for (int whole = 0; whole < 2; whole++) {
        tokenizer->whole_pieces = whole;
        assert_int_equal(tokenizer_seal(tokenizer, "t"), STATUS_OK);
        tokenizer_sample_encode(tokenizer, "word", 4, &ids);
        assert_int_equal(ids.count, whole ? 1 : 4);
        tokenizer_sample_encode(tokenizer, "words", 5, &ids);
        assert_int_equal(ids.count, 5);
    }
    token_buffer_release(&ids);
    tokenizer_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_tiktoken_by_every_rule),
        cmocka_unit_test(gpt2_merges_give_what_tiktoken_looks_up),
        cmocka_unit_test(long_pieces_merge_as_short_ones_do),
        cmocka_unit_test(long_pieces_are_merged_in_windows_as_in_one),
        cmocka_unit_test(a_run_of_ten_million_takes_no_quadratic_time),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(what_is_not_utf8_is_one_piece_with_the_piece_before),
        cmocka_unit_test(an_encoder_remembers_nothing_that_changes_ids),
        cmocka_unit_test(special_tokens_in_text_are_plain_text),
        cmocka_unit_test(a_whole_piece_is_a_token_without_merges_if_the_file_says_so),
    };
    return cmocka_run_group_tests(tests, train_small, nothing_is_left);
}
