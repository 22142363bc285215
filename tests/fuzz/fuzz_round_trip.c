/* decode(encode(x)) = x for any bytes, by a tokenizer that was learned from a little text; and what
 * a tokenizer learns from any bytes loses nothing of them. One of SentencePiece's kind, with merges
 * that the bytes choose, cuts a text as if it were one piece. */
#include "shards/tokenizer/piece_merger.h"
#include "shards/tokenizer/tokenizer_trainer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/tokenizer_walk.h"

static struct tokenizer *english;

static struct tokenizer *learn(const void *text, size_t length, int64_t vocab_size)
{
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    struct tokenizer *learned;
    tokenizer_trainer_add(trainer, text, length);
    CHECK(tokenizer_trainer_finish(trainer, vocab_size, &learned) == STATUS_OK, "%s",
          status_message());
    tokenizer_trainer_free(trainer);
    return learned;
}

/* Characters of one, two and three bytes; others fall back. */
static const char *const letters[] = { "a", "b", " ", "\n", "\xc3\xa9", "\xe4\xb8\xad" };

enum { LETTERS = sizeof letters / sizeof *letters, LONGEST_TOKEN = 64 };

static void add_merge(struct tokenizer *tokenizer, int32_t left, int32_t right)
{
    struct strbuf joined = STRBUF_INIT;
    size_t length;
    const char *bytes = tokenizer_token_bytes(tokenizer, left, &length);
    strbuf_add(&joined, bytes, length);
    bytes = tokenizer_token_bytes(tokenizer, right, &length);
    strbuf_add(&joined, bytes, length);
    if (joined.length <= LONGEST_TOKEN) {
        byte_map_add(&tokenizer->tokens, joined.bytes, joined.length);
        CHECK(tokenizer_add_merge(tokenizer, left, right, "fuzz") == STATUS_OK, "%s",
              status_message());
    }
    strbuf_release(&joined);
}

/* `rules` choose how blanks are marked, and pairs of tokens, in the order of their ranks. */
static struct tokenizer *choose(const uint8_t *rules, size_t count)
{
    struct tokenizer *tokenizer = tokenizer_new();
    tokenizer->kind = TOKENIZER_SENTENCEPIECE;
    tokenizer->marking = (struct blank_marking){ rules[0] & 1, (rules[0] >> 1) % 3,
                                                 rules[0] >> 3 & 1, (rules[0] >> 4) % 3 };
    tokenizer_add_special(tokenizer, "</s>", 4);
    for (int byte = 0; byte < 256; byte++)
        tokenizer_add_byte(tokenizer, (unsigned char)byte);
    const int32_t first = (int32_t)tokenizer_vocab_size(tokenizer);
    for (int i = 0; i < LETTERS; i++)
        byte_map_add(&tokenizer->tokens, letters[i], strlen(letters[i]));
    for (size_t i = 1; i + 1 < count; i += 2) {
        const int32_t known = (int32_t)tokenizer_vocab_size(tokenizer) - first;
        const int32_t left = first + rules[i] % known, right = first + rules[i + 1] % known;
        if (pair_map_find(&tokenizer->merge_rank, left, right) < 0)
            add_merge(tokenizer, left, right);
    }
    CHECK(tokenizer_seal(tokenizer, "fuzz") == STATUS_OK, "%s", status_message());
    return tokenizer;
}

/* A text that is short enough to be merged whole, by search. */
static void check_whole(const struct tokenizer *tokenizer, const void *text, size_t length)
{
    struct encoder *encoder = encoder_create(tokenizer);
    struct piece_merger *merger = piece_merger_create(tokenizer);
    struct token_buffer ids = { 0 }, whole = { 0 };
    struct strbuf marked = STRBUF_INIT;
    encoder_add(encoder, text, length, &ids);
    blank_marking_mark(&tokenizer->marking, text, length, &marked);
    if (marked.length > 0)
        piece_merger_add(merger, marked.bytes, marked.length, &whole);
    CHECK(ids.count == whole.count, "%lld tokens, %lld by the whole", (long long)ids.count,
          (long long)whole.count);
    for (int64_t i = 0; i < ids.count; i++)
        CHECK(ids.ids[i] == whole.ids[i], "token %lld differs", (long long)i);
    encoder_free(encoder);
    piece_merger_free(merger);
    token_buffer_release(&ids);
    token_buffer_release(&whole);
    strbuf_release(&marked);
}

static void check_sentencepiece(const uint8_t *data, size_t size)
{
    const size_t rules = size < 82 ? size / 2 : 41;
    if (rules == 0)
        return;
    struct tokenizer *chosen = choose(data, rules);
    tokenizer_walk_round_trip(chosen, data + rules, size - rules);
    if (size - rules < 90 && !chosen->marking.splits)
        check_whole(chosen, data + rules, size - rules);
    tokenizer_free(chosen);
}

void fuzz_begin(void)
{
    static const char text[] =
        "the quick brown fox jumps over the lazy dog; the dog's eyes don't see 1234 1234 foxes, "
        "they "
        "see the other 12 12 dogs that'll jump and that'll see them   \n\n\t\t aaaaaaaaaaaaaaaa "
        "\xd0\xb6\xd0\xb6\xd0\xb6 \xe4\xb8\xad\xe4\xb8\xad \xf0\x9f\x98\x80\xf0\x9f\x98\x80";
    english = learn(text, sizeof text - 1, 400);
}

void fuzz_input(const uint8_t *data, size_t size)
{
    tokenizer_walk_round_trip(english, data, size);
    check_sentencepiece(data, size);
    if (size == 0 || size > 200)
        return;
    struct tokenizer *learned = learn(data, size, 300);
    tokenizer_walk_round_trip(learned, data, size);
    tokenizer_free(learned);
}
