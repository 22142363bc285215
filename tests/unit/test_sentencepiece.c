/* SentencePiece's BPE, against what the package tokenizers made of tests/golden/sentencepiece.json.
 */
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

/* ---- the reference's ids: sentencepiece_ids.json is written by compare_sentencepiece.py ---- */

static const struct {
    const char *name;
    struct blank_marking marking;
} layouts[] = {
    { "normalizer", { BLANK_NORMALIZER, BLANK_ALWAYS, false, BLANK_STRIP_ONE } },
    { "first", { BLANK_METASPACE, BLANK_FIRST, false, BLANK_STRIP_ONE } },
    { "never, split", { BLANK_METASPACE, BLANK_NEVER, true, BLANK_STRIP_NOTHING } },
};

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static void add_hex(const char *hex, struct strbuf *out)
{
    for (; *hex; hex += 2)
        strbuf_add_char(out, (char)strtol((char[]){ hex[0], hex[1], '\0' }, NULL, 16));
}

/* A case is {"layout": NAME, "hex": BYTES, "ids": [...], "back": BYTES}; without `back` the text
 * comes back as it is. */
static void assert_case(struct tokenizer *const *tokenizers, const struct json *item)
{
    const char *layout = json_text(json_member(item, "layout"));
    const struct json *expected = json_member(item, "ids"), *back = json_member(item, "back");
    struct token_buffer ids = { 0 };
    struct strbuf text = STRBUF_INIT, decoded = STRBUF_INIT, expected_text = STRBUF_INIT;
    int at = 0;
    while (strcmp(layouts[at].name, layout) != 0)
        at++;
    add_hex(json_text(json_member(item, "hex")), &text);
    add_hex(json_text(back ? back : json_member(item, "hex")), &expected_text);
    tokenizer_sample_encode(tokenizers[at], text.bytes, text.length, &ids);
    assert_int_equal(ids.count, json_length(expected));
    for (int64_t i = 0; i < ids.count; i++)
        assert_int_equal(ids.ids[i], json_integer_of(json_item(expected, i)));
    tokenizer_decode(tokenizers[at], ids.ids, ids.count, &decoded);
    assert_int_equal(decoded.length, expected_text.length);
    assert_memory_equal(decoded.bytes, expected_text.bytes, decoded.length);
    token_buffer_release(&ids);
    strbuf_release(&text);
    strbuf_release(&decoded);
    strbuf_release(&expected_text);
}

static void ids_and_decoded_texts_are_those_of_tokenizers_by_every_layout(void **state)
{
    (void)state;
    struct tokenizer *tokenizers[LAYOUTS];
    struct json *cases;
    char *file = tokenizer_sample_golden("sentencepiece_ids.json");
    for (int i = 0; i < LAYOUTS; i++)
        tokenizers[i] = tokenizer_sample_in_layout(desk.tokenizer, desk.path, &layouts[i].marking);
    assert_int_equal(json_read(file, 1 << 20, &cases), STATUS_OK);
    assert_true(json_length(cases) > 100);
    for (int64_t i = 0; i < json_length(cases); i++)
        assert_case(tokenizers, json_item(cases, i));
    for (int i = 0; i < LAYOUTS; i++)
        tokenizer_free(tokenizers[i]);
    json_free(cases);
    memory_free(file);
}

/* ---- merging ---- */

/* The definition: of all pairs of the whole text the lowest rank, the leftmost, until none is left.
 */
static void merge_plainly(const struct tokenizer *tokenizer, struct token_buffer *ids)
{
    for (;;) {
        int64_t best = -1;
        int32_t best_rank = INT32_MAX;
        for (int64_t i = 0; i + 1 < ids->count; i++) {
            int32_t rank = pair_map_find(&tokenizer->merge_rank, ids->ids[i], ids->ids[i + 1]);
            if (rank >= 0 && rank < best_rank) {
                best = i;
                best_rank = rank;
            }
        }
        if (best < 0)
            return;
        ids->ids[best] = tokenizer->merges[best_rank].result;
        ids->count--;
        memmove(&ids->ids[best + 1], &ids->ids[best + 2],
                (size_t)(ids->count - best - 1) * sizeof *ids->ids);
    }
}

static void text_is_merged_as_if_it_were_cut_nowhere(void **state)
{
    (void)state;
    struct token_buffer ids = { 0 }, expected = { 0 };
    struct strbuf text = STRBUF_INIT;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct tokenizer *tokenizer = tokenizer_sample_draw(seed);
        struct philox_key key = philox_key(seed + 1000, RANDOM_TEST);
        const uint64_t length = seed % 6 == 0 ? 5000 : 20 * seed; /* beyond a window, too */
        const uint64_t among = 1 + seed % TOKENIZER_SAMPLE_LETTERS;
        strbuf_reset(&text);
        expected.count = 0;
        for (uint64_t i = 0; i < length; i++) {
            const char *letter = tokenizer_sample_letters[philox_u64(key, i, 0) % among];
            int64_t id = byte_map_find(&tokenizer->tokens, letter, strlen(letter));
            strbuf_add_string(&text, letter);
            token_buffer_add(&expected, id < 0 ? tokenizer->fallback['\n'] : (int32_t)id);
        }
        merge_plainly(tokenizer, &expected);
        tokenizer_sample_encode(tokenizer, text.bytes, text.length, &ids);
        assert_int_equal(ids.count, expected.count);
        assert_memory_equal(ids.ids, expected.ids, (size_t)ids.count * sizeof *ids.ids);
        tokenizer_free(tokenizer);
    }
    token_buffer_release(&ids);
    token_buffer_release(&expected);
    strbuf_release(&text);
}

static void runs_of_millions_take_no_quadratic_time(void **state)
{
    (void)state;
    static const char *const runs[] = { "a", " ", "\xe4\xb8\xad", "ab ", "\xff" };
    struct tokenizer *tokenizer = tokenizer_sample_draw(3);
    for (size_t run = 0; run < sizeof runs / sizeof *runs; run++) {
        struct token_buffer ids = { 0 };
        struct strbuf text = STRBUF_INIT, back = STRBUF_INIT;
        while (text.length < 3 * 1000 * 1000)
            strbuf_add_string(&text, runs[run]);
        tokenizer_sample_encode(tokenizer, text.bytes, text.length, &ids);
        tokenizer_decode(tokenizer, ids.ids, ids.count, &back);
        assert_int_equal(back.length, text.length);
        assert_memory_equal(back.bytes, text.bytes, text.length);
        token_buffer_release(&ids);
        strbuf_release(&text);
        strbuf_release(&back);
    }
    tokenizer_free(tokenizer);
}

static void an_encoder_remembers_nothing_that_changes_ids(void **state)
{
    (void)state;
    static const char text[] = "the then there\n\"quoted\"  aaaa \xe4\xb8\xad, that 1234 the then";
    struct token_buffer first = { 0 }, again = { 0 };
    struct encoder *encoder = encoder_create(desk.tokenizer);
    for (int i = 0; i < 3; i++) {
        for (size_t length = 1; length < sizeof text; length++) {
            tokenizer_sample_encode(desk.tokenizer, text, length, &first);
            again.count = 0;
            encoder_add(encoder, text, length, &again);
            assert_int_equal(again.count, first.count);
            assert_memory_equal(again.ids, first.ids, (size_t)first.count * sizeof *first.ids);
        }
    }
    encoder_free(encoder);
    token_buffer_release(&first);
    token_buffer_release(&again);
}

/* ---- bytes ---- */

static void what_is_no_utf8_gets_tokens_of_bytes_and_comes_back(void **state)
{
    (void)state;
    static const char *const texts[] = { "\xff",     "the \xe4\xb8 the",
                                         "caf\xc3",  "\xed\xa0\x80",
                                         "\xe2\x96", "a\xf0\x9f\x98\xc3\xa9 the" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct token_buffer ids = { 0 };
        struct strbuf back = STRBUF_INIT;
        tokenizer_sample_encode(desk.tokenizer, texts[i], strlen(texts[i]), &ids);
        tokenizer_decode(desk.tokenizer, ids.ids, ids.count, &back);
        assert_string_equal(back.bytes, texts[i]);
        token_buffer_release(&ids);
        strbuf_release(&back);
    }
    struct token_buffer ids = { 0 };
    tokenizer_sample_encode(desk.tokenizer, "\xff the", 5,
                            &ids); /* and what follows is as it would be */
    assert_int_equal(ids.ids[1], desk.tokenizer->fallback[0xff]);
    assert_int_equal(ids.count, 3);
    token_buffer_release(&ids);
}

static void tokens_decoded_one_by_one_are_the_text(void **state)
{
    (void)state;
    static const char text[] = " the caf\xc3\xa9 \xf0\x9f\x99\x82\n  and";
    for (int layout = 0; layout < LAYOUTS; layout++) {
        struct tokenizer *tokenizer =
            tokenizer_sample_in_layout(desk.tokenizer, desk.path, &layouts[layout].marking);
        struct token_buffer ids = { 0 };
        struct strbuf whole = STRBUF_INIT, parts = STRBUF_INIT;
        tokenizer_sample_encode(tokenizer, text, strlen(text), &ids);
        tokenizer_decode(tokenizer, ids.ids, ids.count, &whole);
        for (int64_t i = 0; i < ids.count; i++) {
            size_t before = parts.length;
            tokenizer_decode_token(tokenizer, ids.ids[i], i == 0, &parts);
            assert_int_equal(tokenizer_decoded_bytes(tokenizer, ids.ids[i], i == 0),
                             parts.length - before);
        }
        assert_string_equal(parts.bytes, whole.bytes);
        assert_string_equal(whole.bytes, text + (layouts[layout].marking.prefix == BLANK_FIRST));
        token_buffer_release(&ids);
        strbuf_release(&whole);
        strbuf_release(&parts);
        tokenizer_free(tokenizer);
    }
}

static void a_whole_text_is_a_token_without_merges_if_the_file_says_so(void **state)
{
    (void)state;
    struct tokenizer *tokenizer;
    struct token_buffer ids = { 0 };
    const char *to = "\"ignore_merges\": true";
    assert_int_equal(tokenizer_sample_read_changed(&desk.json, desk.path,
                                                   "\"ignore_merges\": false", to, &tokenizer),
                     STATUS_OK);
    tokenizer->merge_rank.count = 0; /* no pair is found any more: what is whole is looked up */
    for (int64_t i = 0; i < (int64_t)1 << tokenizer->merge_rank.bits; i++)
        tokenizer->merge_rank.slots[i].value = -1;
    tokenizer_sample_encode(tokenizer, "the", 3, &ids);
    assert_int_equal(ids.count, 1);
    tokenizer_sample_encode(tokenizer, "the the", 7, &ids);
    assert_int_equal(ids.count, 8);
    tokenizer->marking = (struct blank_marking){ BLANK_METASPACE, BLANK_FIRST, true, 0 };
    tokenizer_sample_encode(tokenizer, "the the", 7, &ids);
    assert_int_equal(ids.count, 2);
    tokenizer_free(tokenizer);
    token_buffer_release(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_decoded_texts_are_those_of_tokenizers_by_every_layout),
        cmocka_unit_test(text_is_merged_as_if_it_were_cut_nowhere),
        cmocka_unit_test(runs_of_millions_take_no_quadratic_time),
        cmocka_unit_test(an_encoder_remembers_nothing_that_changes_ids),
        cmocka_unit_test(what_is_no_utf8_gets_tokens_of_bytes_and_comes_back),
        cmocka_unit_test(tokens_decoded_one_by_one_are_the_text),
        cmocka_unit_test(a_whole_text_is_a_token_without_merges_if_the_file_says_so),
    };
    return cmocka_run_group_tests(tests, read_small, remove_folder);
}
