/* Scores for llama.cpp, against its way of merging as it is written down here. Whether that is
 * llama.cpp's: tests/golden/compare_gguf.py. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/philox.h"
#include "shards/tokenizer/name_merging.h"
#include "tests/unit/tokenizer_sample.h"
#include "trainer/training/gguf_scores.h"

static struct tokenizer *small;

static int read_small(void **state)
{
    (void)state;
    small = tokenizer_sample_sentencepiece();
    return 0;
}

static int free_small(void **state)
{
    (void)state;
    tokenizer_free(small);
    assert_int_equal(memory_live_blocks(), 0);
    return 0;
}

static float *scores_of(const struct tokenizer *tokenizer, enum status *status)
{
    float *scores = memory_alloc((size_t)tokenizer->tokens.count * sizeof *scores);
    *status = gguf_scores_of(tokenizer, scores);
    return scores;
}

/* ---- llama.cpp's merging ---- */

enum { MOST_PARTS = 200 };

/* Part i: text[begin[i]] up to text[begin[i + 1]]. */
struct parts {
    const char *text;
    size_t begin[MOST_PARTS + 1];
    int count;
};

static int64_t find_token(const struct tokenizer *tokenizer, const struct parts *parts, int first,
                          int end)
{
    return byte_map_find(&tokenizer->tokens, parts->text + parts->begin[first],
                         parts->begin[end] - parts->begin[first]);
}

static void merge_by_scores(const struct tokenizer *tokenizer, const float *scores,
                            struct parts *parts)
{
    for (;;) {
        int best = -1;
        float best_score = 0;
        for (int i = 0; i + 1 < parts->count; i++) {
            int64_t id = find_token(tokenizer, parts, i, i + 2);
            if (id >= 0 && (best < 0 || scores[id] > best_score)) {
                best = i;
                best_score = scores[id];
            }
        }
        if (best < 0)
            return;
        memmove(&parts->begin[best + 1], &parts->begin[best + 2],
                (size_t)(parts->count - best - 1) * sizeof *parts->begin);
        parts->count--;
    }
}

static void encode_by_scores(const struct tokenizer *tokenizer, const float *scores,
                             const char *text, size_t length, struct token_buffer *ids)
{
    struct parts parts = { .text = text };
    for (size_t at = 0; at < length; at++)
        if (((unsigned char)text[at] & 0xc0) != 0x80) /* a character begins */
            parts.begin[parts.count++] = at;
    parts.begin[parts.count] = length;
    merge_by_scores(tokenizer, scores, &parts);
    ids->count = 0;
    for (int i = 0; i < parts.count; i++) {
        int64_t id = find_token(tokenizer, &parts, i, i + 1);
        for (size_t at = parts.begin[i]; id < 0 && at < parts.begin[i + 1]; at++)
            token_buffer_add(ids, tokenizer->fallback[(unsigned char)text[at]]);
        if (id >= 0)
            token_buffer_add(ids, (int32_t)id);
    }
}

static bool is_encoded_alike(const struct tokenizer *tokenizer, const float *scores,
                             const char *text, size_t length)
{
    struct token_buffer ours = { 0 }, theirs = { 0 };
    tokenizer_sample_encode(tokenizer, text, length, &ours);
    encode_by_scores(tokenizer, scores, text, length, &theirs);
    bool is_alike = ours.count == theirs.count &&
                    memcmp(ours.ids, theirs.ids, (size_t)ours.count * sizeof *ours.ids) == 0;
    token_buffer_release(&ours);
    token_buffer_release(&theirs);
    return is_alike;
}

/* ---- vocabularies whose merges are drawn ---- */

static void draw_text(uint64_t seed, struct strbuf *text)
{
    struct philox_key key = philox_key(seed, RANDOM_TEST);
    const uint64_t among = 1 + seed % TOKENIZER_SAMPLE_LETTERS;
    strbuf_reset(text);
    for (uint64_t i = 0; i < MOST_PARTS; i++)
        strbuf_add_string(text, tokenizer_sample_letters[philox_u64(key, i, 0) % among]);
}

/* The shortest token that llama.cpp would make of two parts, and scores that leave no doubt. */
static int64_t find_shortest_of_two_parts(const struct tokenizer *tokenizer, float *scores)
{
    int64_t shortest = -1;
    size_t least = SIZE_MAX;
    for (int64_t id = 257; id < tokenizer->tokens.count; id++) {
        size_t length;
        const char *bytes = byte_map_bytes(&tokenizer->tokens, id, &length);
        struct name_merging merging = name_merging_of(tokenizer, bytes, length);
        scores[id] = (float)-merging.last_rank;
        if (merging.parts == 2 && length < least) {
            shortest = id;
            least = length;
        }
    }
    return shortest;
}

static void by_scores_drawn_merges_come_to_the_same_or_are_refused(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    int accepted = 0, refused = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct tokenizer *tokenizer = tokenizer_sample_draw(seed);
        enum status status;
        float *scores = scores_of(tokenizer, &status);
        if (status == STATUS_OK) {
            accepted++;
            for (uint64_t i = 0; i < 12; i++) {
                draw_text(seed * 100 + i, &text);
                assert_true(is_encoded_alike(tokenizer, scores, text.bytes, text.length));
            }
        } else {
            size_t length;
            int64_t id = find_shortest_of_two_parts(tokenizer, scores);
            assert_true(id >= 0);
            const char *name = byte_map_bytes(&tokenizer->tokens, id, &length);
            assert_false(is_encoded_alike(tokenizer, scores, name, length));
            refused++;
        }
        memory_free(scores);
        tokenizer_free(tokenizer);
    }
    strbuf_release(&text);
    print_message("%d vocabularies have scores, %d are refused\n", accepted, refused);
    assert_true(accepted > 20 && refused > 20);
}

/* ---- what decides ---- */

/* Has the tokens of some characters, those that the merges make, and two special ones. */
static struct tokenizer *make_tokenizer(const char *const (*merges)[2], const char *special)
{
    struct tokenizer *tokenizer = tokenizer_new();
    tokenizer->kind = TOKENIZER_SENTENCEPIECE;
    for (int byte = 0; byte < 256; byte++)
        tokenizer_add_byte(tokenizer, (unsigned char)byte);
    for (const char *letter = "ab <s"; *letter; letter++)
        assert_int_equal(tokenizer_add_token(tokenizer, letter, 1, "t"), STATUS_OK);
    for (int i = 0; merges[i][0]; i++) {
        struct strbuf joined = STRBUF_INIT;
        int64_t pair[2];
        for (int side = 0; side < 2; side++) {
            pair[side] =
                byte_map_find(&tokenizer->tokens, merges[i][side], strlen(merges[i][side]));
            strbuf_add_string(&joined, merges[i][side]);
        }
        byte_map_add(&tokenizer->tokens, joined.bytes, joined.length);
        assert_int_equal(tokenizer_add_merge(tokenizer, (int32_t)pair[0], (int32_t)pair[1], "t"),
                         STATUS_OK);
        strbuf_release(&joined);
    }
    tokenizer_add_special(tokenizer, special, strlen(special));
    tokenizer_add_special(tokenizer, "</s>", 4);
    assert_int_equal(tokenizer_seal(tokenizer, "t"), STATUS_OK);
    return tokenizer;
}

/* NULL: the tokenizer has scores. */
static void expect_refusal(struct tokenizer *tokenizer, const char *message)
{
    enum status status;
    memory_free(scores_of(tokenizer, &status));
    assert_int_equal(status, message ? STATUS_BAD_INPUT : STATUS_OK);
    if (message && !strstr(status_message(), message))
        fail_msg("'%s' does not say '%s'", status_message(), message);
}

static float score_of(const struct tokenizer *tokenizer, const float *scores, const char *token)
{
    int64_t id = byte_map_find(&tokenizer->tokens, token, strlen(token));
    assert_true(id >= 0);
    return scores[id];
}

static void scores_are_those_that_sentencepiece_gave(void **state)
{
    (void)state;
    enum status status;
    float *scores = scores_of(small, &status), next = 0;
    assert_int_equal(status, STATUS_OK);
    /* Its trainer numbers tokens as it makes them, after <unk>, <s>, </s> and the bytes. */
    for (int64_t id = 3 + 256; id < small->tokens.count && scores[id] == next; id++)
        next--;
    assert_true(next < -250);
    for (int64_t id = 3 + 256 + (int64_t)-next; id < small->tokens.count; id++)
        assert_true(scores[id] == 0); /* characters */
    memory_free(scores);
}

static void the_merge_that_is_done_decides_and_not_the_lowest(void **state)
{
    (void)state;
    /* "aaa" has a merge of rank 1 that no text comes to: "aa" goes first, from the left. */
    static const char *const merges[][2] = {
        { "a", "a" }, { "a", "aa" }, { "a", "b" }, { "aa", "a" }, { NULL, NULL }
    };
    struct tokenizer *tokenizer = make_tokenizer(merges, "<s>");
    enum status status;
    float *scores = scores_of(tokenizer, &status);
    assert_int_equal(status, STATUS_OK);
    assert_true(score_of(tokenizer, scores, "aa") == 0);
    assert_true(score_of(tokenizer, scores, "ab") == -1);
    assert_true(score_of(tokenizer, scores, "aaa") == -2);
    assert_true(is_encoded_alike(tokenizer, scores, "aaaabaaab", 9));
    memory_free(scores);
    tokenizer_free(tokenizer);
}

static void a_token_that_only_llama_cpp_would_make_is_refused(void **state)
{
    (void)state;
    /* "ab" goes first, and "ab" and "b" have no merge. */
    static const char *const merges[][2] = {
        { "a", "b" }, { "b", "b" }, { "a", "bb" }, { NULL, NULL }
    };
    struct tokenizer *tokenizer = make_tokenizer(merges, "<s>");
    expect_refusal(tokenizer, "'abb', is made by llama.cpp of two parts");
    tokenizer_free(tokenizer);
}

static void a_special_token_that_a_text_would_come_to_is_refused(void **state)
{
    (void)state;
    static const char *const merges[][2] = { { "<", "s" }, { NULL, NULL } };
    struct tokenizer *tokenizer = make_tokenizer(merges, "<s>");
    expect_refusal(tokenizer, "'<s>', is made by llama.cpp of two parts");
    tokenizer_free(tokenizer);
    tokenizer = make_tokenizer(merges, "<s b"); /* llama.cpp has marks for a text's blanks */
    expect_refusal(tokenizer, NULL);
    tokenizer_free(tokenizer);
}

static void merges_across_blanks_are_refused_only_where_texts_are_cut_there(void **state)
{
    (void)state;
    static const char *const merges[][2] = { { "a", " " }, { NULL, NULL } };
    struct tokenizer *tokenizer = make_tokenizer(merges, "<s>");
    expect_refusal(tokenizer, NULL);
    tokenizer->marking.splits = true;
    expect_refusal(tokenizer, "is made by llama.cpp of two parts");
    tokenizer_free(tokenizer);
}

static void whole_pieces_are_refused_only_where_they_change_a_text(void **state)
{
    (void)state;
    static const char *const merges[][2] = {
        { "a", "b" }, { "b", "a" }, { "ba", "a" }, { "b", "baa" }, { NULL, NULL }
    };
    struct tokenizer *tokenizer = make_tokenizer(merges, "<s>");
    tokenizer->whole_pieces = true;
    expect_refusal(tokenizer, NULL);
    tokenizer_add_token(tokenizer, "abab", 4, "t"); /* of two parts */
    tokenizer_add_token(tokenizer, "sss", 3, "t");  /* of three */
    tokenizer->whole_pieces = false;
    expect_refusal(tokenizer, "'abab', is made by llama.cpp of two parts");
    tokenizer_free(tokenizer);
    tokenizer = make_tokenizer(merges, "<s>");
    tokenizer_add_token(tokenizer, "sss", 3, "t");
    expect_refusal(tokenizer, NULL);
    tokenizer->whole_pieces = true;
    expect_refusal(tokenizer, "'sss', is not what its characters merge to");
    tokenizer_free(tokenizer);
}

static void names_beyond_a_limit_are_refused(void **state)
{
    (void)state;
    static const char *const merges[][2] = { { NULL, NULL } };
    static char name[NAME_MERGING_MAX_BYTES + 1];
    struct tokenizer *tokenizer = make_tokenizer(merges, "<s>");
    memset(name, 'a', sizeof name);
    tokenizer_add_token(tokenizer, name, sizeof name - 1, "t");
    expect_refusal(tokenizer, NULL);
    tokenizer_add_token(tokenizer, name, sizeof name, "t");
    expect_refusal(tokenizer, "has 4097 bytes, more than 4096");
    tokenizer_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_scores_drawn_merges_come_to_the_same_or_are_refused),
        cmocka_unit_test(scores_are_those_that_sentencepiece_gave),
        cmocka_unit_test(the_merge_that_is_done_decides_and_not_the_lowest),
        cmocka_unit_test(a_token_that_only_llama_cpp_would_make_is_refused),
        cmocka_unit_test(a_special_token_that_a_text_would_come_to_is_refused),
        cmocka_unit_test(merges_across_blanks_are_refused_only_where_texts_are_cut_there),
        cmocka_unit_test(whole_pieces_are_refused_only_where_they_change_a_text),
        cmocka_unit_test(names_beyond_a_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, read_small, free_small);
}
