#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "shards/tokenizer/text_splitter.h"
#include "shards/tokenizer/tokenizer_parts.h"
#include "shards/tokenizer/tokenizer_trainer.h"

static int check_memory(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

static struct tokenizer *train(const char *text, size_t length, int64_t vocab_size)
{
    struct tokenizer *tokenizer;
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    tokenizer_trainer_add(trainer, text, length);
    assert_int_equal(tokenizer_trainer_finish(trainer, vocab_size, &tokenizer), STATUS_OK);
    tokenizer_trainer_free(trainer);
    return tokenizer;
}

static void assert_token(const struct tokenizer *tokenizer, int32_t id, const char *expected)
{
    size_t length;
    const char *bytes = tokenizer_token_bytes(tokenizer, id, &length);
    assert_non_null(bytes);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(bytes, expected, length);
}

static void without_text_there_are_the_bytes_and_the_special_token(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = train("", 0, 1000);
    assert_int_equal(tokenizer_vocab_size(tokenizer), 257);
    assert_int_equal(tokenizer_end_of_text(tokenizer), 256);
    assert_token(tokenizer, 0, "!"); /* as in GPT-2's vocabulary */
    assert_token(tokenizer, 220, " ");
    assert_token(tokenizer, 256, "<|endoftext|>");
    tokenizer_free(tokenizer);
}

static void the_most_frequent_pair_is_merged_first(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = train("xy\nxy\nxy\nab\nab\n", 15, 1000);
    assert_token(tokenizer, 256, "xy");
    assert_token(tokenizer, 257, "ab");
    assert_int_equal(tokenizer_vocab_size(tokenizer), 259); /* no other pair occurs twice */
    tokenizer_free(tokenizer);
}

static void ties_go_to_the_pair_with_the_lower_ids(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = train("yx\nyx\nab\nab\nac\nac\n", 18, 1000);
    assert_token(tokenizer, 256, "ab");
    assert_token(tokenizer, 257, "ac");
    assert_token(tokenizer, 258, "yx");
    tokenizer_free(tokenizer);
}

static void overlapping_pairs_merge_from_the_left(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = train("aaaaa\naaaaa\n", 12, 1000);
    assert_token(tokenizer, 256, "aa");    /* a a a a a -> aa aa a */
    assert_token(tokenizer, 257, "aaa");   /* (aa, a) before (aa, aa) */
    assert_token(tokenizer, 258, "aaaaa"); /* aa aaa */
    assert_int_equal(tokenizer_vocab_size(tokenizer), 260);
    tokenizer_free(tokenizer);
}

static void the_vocabulary_has_the_size_asked_for(void **state)
{
    (void)state;
    static const char text[] = "the then there this that the the then the this 1234 1234 123";
    for (int64_t vocab_size = 257; vocab_size < 265; vocab_size++) {
        struct tokenizer *tokenizer = train(text, strlen(text), vocab_size);
        assert_int_equal(tokenizer_vocab_size(tokenizer), vocab_size);
        assert_int_equal(tokenizer_end_of_text(tokenizer), vocab_size - 1);
        tokenizer_free(tokenizer);
    }
}

static void sizes_out_of_bounds_are_refused(void **state)
{
    (void)state;
    static const int64_t sizes[] = { INT64_MIN, -1, 0, 256, ((int64_t)1 << 20) + 1, INT64_MAX };
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct tokenizer *tokenizer;
        assert_int_equal(tokenizer_trainer_finish(trainer, sizes[i], &tokenizer), STATUS_BAD_INPUT);
        assert_null(tokenizer);
    }
    tokenizer_trainer_free(trainer);
}

/* ---- against the definition ---- */

/* Words of few letters, so that pairs overlap and tie; a few bytes that are not UTF-8. */
static void add_random_text(struct strbuf *text, uint64_t seed, size_t length)
{
    static const char alphabet[] = "aaaabbbccd  \n\xc3\xa9\xff";
    struct philox_key key = philox_key(seed, RANDOM_TEST);
    for (size_t i = 0; i < length; i++)
        strbuf_add_char(text, alphabet[philox_u64(key, i, 0) % (sizeof alphabet - 1)]);
}

/* The whole text as tokens, with -1 between pieces. */
static int64_t lay_out(const struct tokenizer *tokenizer, const struct strbuf *text, int32_t *ids)
{
    struct text_splitter *splitter = text_splitter_create(tokenizer->splitting);
    const char *piece;
    size_t length;
    int64_t count = 0;
    text_splitter_begin(splitter, text->bytes, text->length);
    while (text_splitter_next(splitter, &piece, &length)) {
        for (size_t i = 0; i < length; i++)
            ids[count++] = tokenizer->byte_token[(unsigned char)piece[i]];
        ids[count++] = -1;
    }
    text_splitter_free(splitter);
    return count;
}

static int64_t count_pair(const int32_t *ids, int64_t count, int32_t left, int32_t right)
{
    int64_t seen = 0;
    for (int64_t i = 0; i + 1 < count; i++)
        seen += ids[i] == left && ids[i + 1] == right;
    return seen;
}

static int64_t replace_pair(int32_t *ids, int64_t count, const struct merge *merge)
{
    int64_t written = 0;
    for (int64_t i = 0; i < count; i++) {
        bool here = i + 1 < count && ids[i] == merge->left && ids[i + 1] == merge->right;
        ids[written++] = here ? merge->result : ids[i];
        i += here;
    }
    return written;
}

/* No pair is more frequent than the one that is merged, or as frequent with lower ids, unless
 * joined it is a token already. */
static void assert_best(const struct tokenizer *tokenizer, const int32_t *ids, int64_t count,
                        int64_t rank)
{
    const struct merge *merge = &tokenizer->merges[rank];
    int64_t best = count_pair(ids, count, merge->left, merge->right);
    assert_true(best >= 2);
    for (int64_t i = 0; i + 1 < count; i++) {
        if (ids[i] < 0 || ids[i + 1] < 0)
            continue;
        int64_t other = count_pair(ids, count, ids[i], ids[i + 1]);
        bool lower = ids[i] < merge->left || (ids[i] == merge->left && ids[i + 1] < merge->right);
        if (other < best || (other == best && !lower))
            continue;
        struct strbuf joined = STRBUF_INIT;
        tokenizer_decode(tokenizer, &ids[i], 2, &joined);
        int64_t known = byte_map_find(&tokenizer->tokens, joined.bytes, joined.length);
        assert_true(known >= 0 && known < merge->result);
        strbuf_release(&joined);
    }
}

static void every_merge_is_the_best_by_a_plain_count(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct strbuf text = STRBUF_INIT;
        add_random_text(&text, seed, 600);
        struct tokenizer *tokenizer = train(text.bytes, text.length, 1000);
        int32_t *ids = memory_alloc(2 * text.length * sizeof *ids);
        int64_t count = lay_out(tokenizer, &text, ids);
        for (int64_t rank = 0; rank < tokenizer->merge_count; rank++) {
            assert_int_equal(tokenizer->merges[rank].result, 256 + rank);
            assert_best(tokenizer, ids, count, rank);
            count = replace_pair(ids, count, &tokenizer->merges[rank]);
        }
        memory_free(ids);
        tokenizer_free(tokenizer);
        strbuf_release(&text);
    }
}

static void the_order_of_documents_changes_nothing(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    struct tokenizer *tokenizers[2];
    for (uint64_t i = 0; i < 20; i++)
        add_random_text(&text, i, 500);
    for (size_t order = 0; order < 2; order++) {
        struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
        for (size_t i = 0; i < 20; i++)
            tokenizer_trainer_add(trainer, text.bytes + 500 * (order ? 19 - i : i), 500);
        assert_int_equal(tokenizer_trainer_finish(trainer, 400, &tokenizers[order]), STATUS_OK);
        tokenizer_trainer_free(trainer);
    }
    assert_string_equal(tokenizer_digest(tokenizers[0]), tokenizer_digest(tokenizers[1]));
    tokenizer_free(tokenizers[0]);
    tokenizer_free(tokenizers[1]);
    strbuf_release(&text);
}

struct texts {
    const struct strbuf *text;
    size_t next, step;
};

static enum status take_text(void *context, struct strbuf *text, bool *found)
{
    struct texts *texts = context;
    size_t left = texts->text->length - texts->next;
    size_t length = left < texts->step ? left : texts->step;
    strbuf_reset(text);
    strbuf_add(text, texts->text->bytes + texts->next, length);
    texts->next += length;
    *found = length > 0;
    return STATUS_OK;
}

/* Lines are pieces by themselves, so wherever texts are cut between them the pieces are the same.
 */
static void the_number_of_threads_changes_nothing(void **state)
{
    (void)state;
    enum { LINE = 50, LINES = 8000 };
    struct strbuf text = STRBUF_INIT;
    char expected[SHA256_HEX];
    for (uint64_t i = 0; i < LINES; i++) {
        add_random_text(&text, i, LINE - 2);
        strbuf_add(&text, "x\n", 2);
    }
    struct tokenizer *plain = train(text.bytes, text.length, 700);
    snprintf(expected, sizeof expected, "%s", tokenizer_digest(plain));
    tokenizer_free(plain);

    for (int threads = 1; threads <= 4; threads++) {
        struct texts texts = { .text = &text, .step = text.length / (size_t)threads + 1 };
        const struct tokenizer_trainer_settings settings = { .threads = threads };
        struct tokenizer_trainer *trainer = tokenizer_trainer_create(&settings);
        struct tokenizer *tokenizer;
        texts.step += LINE - texts.step % LINE;
        assert_int_equal(tokenizer_trainer_read(trainer, take_text, &texts), STATUS_OK);
        assert_int_equal(tokenizer_trainer_finish(trainer, 700, &tokenizer), STATUS_OK);
        assert_string_equal(tokenizer_digest(tokenizer), expected);
        assert_int_equal(tokenizer_trainer_summary(trainer)->documents, threads);
        assert_int_equal(tokenizer_trainer_summary(trainer)->bytes, LINE * LINES);
        tokenizer_free(tokenizer);
        tokenizer_trainer_free(trainer);
    }
    strbuf_release(&text);
}

static void special_tokens_come_last(void **state)
{
    (void)state;
    static const char text[] = "the the the";
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    struct tokenizer *tokenizer;
    assert_int_equal(tokenizer_trainer_add_special(trainer, "<|b|>"), STATUS_OK);
    assert_int_equal(tokenizer_trainer_add_special(trainer, "<|a|>"), STATUS_OK);
    assert_int_equal(tokenizer_trainer_add_special(trainer, "<|b|>"), STATUS_BAD_INPUT);
    assert_int_equal(tokenizer_trainer_add_special(trainer, "<|endoftext|>"), STATUS_BAD_INPUT);
    assert_int_equal(tokenizer_trainer_add_special(trainer, ""), STATUS_BAD_INPUT);
    assert_int_equal(tokenizer_trainer_add_special(trainer, "\xff"), STATUS_BAD_INPUT);
    tokenizer_trainer_add(trainer, text, strlen(text));
    assert_int_equal(tokenizer_trainer_finish(trainer, 258, &tokenizer), STATUS_BAD_INPUT);
    assert_int_equal(tokenizer_trainer_finish(trainer, 260, &tokenizer), STATUS_OK);
    assert_token(tokenizer, 256, "he");
    assert_token(tokenizer, 257, "<|endoftext|>");
    assert_token(tokenizer, 258, "<|b|>");
    assert_token(tokenizer, 259, "<|a|>");
    assert_int_equal(tokenizer_end_of_text(tokenizer), 257);
    tokenizer_free(tokenizer);
    tokenizer_trainer_free(trainer);
}

static void text_beyond_the_memory_is_refused(void **state)
{
    (void)state;
    const struct tokenizer_trainer_settings settings = { .threads = 2, .memory_bytes = 500000 };
    struct strbuf text = STRBUF_INIT;
    add_random_text(&text, 1, 400000);
    struct texts texts = { .text = &text, .step = text.length };
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(&settings);
    struct tokenizer *tokenizer = NULL;
    enum status status = tokenizer_trainer_read(trainer, take_text, &texts);
    if (status == STATUS_OK)
        status = tokenizer_trainer_finish(trainer, 300, &tokenizer);
    assert_int_equal(status, STATUS_BAD_INPUT);
    assert_null(tokenizer);
    tokenizer_trainer_free(trainer);
    strbuf_release(&text);
}

static void a_run_longer_than_a_piece_is_counted_in_parts(void **state)
{
    (void)state;
    const size_t length = 1000 * TOKENIZER_TRAINER_PIECE + 1;
    char *run = memory_alloc(length);
    memset(run, '-', length);
    struct tokenizer *tokenizer = train(run, length, 1000);
    for (int32_t id = 256; id < tokenizer_end_of_text(tokenizer); id++) {
        size_t token_length;
        tokenizer_token_bytes(tokenizer, id, &token_length);
        assert_true(token_length <= TOKENIZER_TRAINER_PIECE);
    }
    assert_int_equal(tokenizer_vocab_size(tokenizer), 267); /* 2, 4, ... 1024 dashes */
    tokenizer_free(tokenizer);
    memory_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_text_there_are_the_bytes_and_the_special_token),
        cmocka_unit_test(the_most_frequent_pair_is_merged_first),
        cmocka_unit_test(ties_go_to_the_pair_with_the_lower_ids),
        cmocka_unit_test(overlapping_pairs_merge_from_the_left),
        cmocka_unit_test(the_vocabulary_has_the_size_asked_for),
        cmocka_unit_test(sizes_out_of_bounds_are_refused),
        cmocka_unit_test(every_merge_is_the_best_by_a_plain_count),
        cmocka_unit_test(the_order_of_documents_changes_nothing),
        cmocka_unit_test(the_number_of_threads_changes_nothing),
        cmocka_unit_test(special_tokens_come_last),
        cmocka_unit_test(text_beyond_the_memory_is_refused),
        cmocka_unit_test(a_run_longer_than_a_piece_is_counted_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, check_memory);
}
