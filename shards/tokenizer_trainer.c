#include "shards/tokenizer_trainer.h"

#include <string.h>

#include "base/memory.h"
#include "shards/byte_letters.h"
#include "shards/merge_learner.h"
#include "shards/text_splitter.h"
#include "shards/tokenizer_parts.h"

struct tokenizer_trainer {
    struct text_splitter *splitter;
    struct byte_map pieces;
    int64_t *counts; /* [count_capacity] of each piece */
    int64_t count_capacity;
};

struct tokenizer_trainer *tokenizer_trainer_create(void)
{
    struct tokenizer_trainer *trainer = memory_alloc_zeroed(1, sizeof *trainer);
    trainer->splitter = text_splitter_create(SPLITTING_GPT2);
    byte_map_init(&trainer->pieces);
    return trainer;
}

void tokenizer_trainer_free(struct tokenizer_trainer *trainer)
{
    if (!trainer)
        return;
    text_splitter_free(trainer->splitter);
    byte_map_release(&trainer->pieces);
    memory_free(trainer->counts);
    memory_free(trainer);
}

static void count_piece(struct tokenizer_trainer *trainer, const char *piece, size_t length)
{
    int64_t number = byte_map_add(&trainer->pieces, piece, length);
    if (number == trainer->count_capacity) {
        int64_t capacity = number ? 2 * number : 1024;
        trainer->counts =
            memory_realloc(trainer->counts, (size_t)capacity * sizeof *trainer->counts);
        memset(trainer->counts + number, 0, (size_t)(capacity - number) * sizeof *trainer->counts);
        trainer->count_capacity = capacity;
    }
    trainer->counts[number]++;
}

void tokenizer_trainer_add(struct tokenizer_trainer *trainer, const char *text, size_t length)
{
    const char *piece;
    size_t left;
    text_splitter_begin(trainer->splitter, text, length);
    while (text_splitter_next(trainer->splitter, &piece, &left)) {
        while (left > 0) {
            size_t step = left < TOKENIZER_TRAINER_PIECE ? left : TOKENIZER_TRAINER_PIECE;
            count_piece(trainer, piece, step);
            piece += step;
            left -= step;
        }
    }
}

/* ---- the vocabulary ---- */

static const char source[] = "in training";

static enum status add_bytes(struct tokenizer *tokenizer, int32_t byte_token[256])
{
    char byte_at[256];
    for (int byte = 0; byte < 256; byte++) {
        byte_token[byte] = byte_letter_order((unsigned char)byte);
        byte_at[byte_token[byte]] = (char)byte;
    }
    for (int id = 0; id < 256; id++)
        TRY(tokenizer_add_token(tokenizer, &byte_at[id], 1, source));
    return STATUS_OK;
}

/* *added = false where the joined bytes are a token already. */
static enum status add_joined(struct tokenizer *tokenizer, int32_t left, int32_t right,
                              struct strbuf *joined, bool *added)
{
    const int32_t both[] = { left, right };
    strbuf_reset(joined);
    tokenizer_decode(tokenizer, both, 2, joined);
    *added = byte_map_find(&tokenizer->tokens, joined->bytes, joined->length) < 0;
    if (!*added)
        return STATUS_OK;
    TRY(tokenizer_add_token(tokenizer, joined->bytes, joined->length, source));
    return tokenizer_add_merge(tokenizer, left, right, source);
}

static enum status learn(struct merge_learner *learner, int64_t tokens, struct tokenizer *tokenizer)
{
    struct strbuf joined = STRBUF_INIT;
    enum status status = STATUS_OK;
    int32_t left, right;
    while (status == STATUS_OK && tokenizer->tokens.count < tokens &&
           merge_learner_take(learner, &left, &right)) {
        bool added;
        status = add_joined(tokenizer, left, right, &joined, &added);
        if (status == STATUS_OK && added)
            merge_learner_merge(learner, left, right, (int32_t)tokenizer->tokens.count - 1);
    }
    strbuf_release(&joined);
    return status;
}

static enum status make(const struct tokenizer_trainer *trainer, int64_t vocab_size,
                        struct tokenizer *tokenizer)
{
    int32_t byte_token[256];
    TRY(add_bytes(tokenizer, byte_token));
    struct merge_learner *learner =
        merge_learner_create(&trainer->pieces, trainer->counts, byte_token);
    enum status status = learn(learner, vocab_size - 1, tokenizer);
    merge_learner_free(learner);
    TRY(status);
    tokenizer_add_special(tokenizer, TOKENIZER_END_OF_TEXT, strlen(TOKENIZER_END_OF_TEXT));
    return tokenizer_seal(tokenizer, source);
}

enum status tokenizer_trainer_finish(struct tokenizer_trainer *trainer, int64_t vocab_size,
                                     struct tokenizer **out)
{
    *out = NULL;
    if (vocab_size < TOKENIZER_TRAINER_MIN_VOCAB || vocab_size > TOKENIZER_TRAINER_MAX_VOCAB)
        return bad_input("cannot train a vocabulary of %lld tokens: it must have from %d to %lld",
                         (long long)vocab_size, TOKENIZER_TRAINER_MIN_VOCAB,
                         (long long)TOKENIZER_TRAINER_MAX_VOCAB);
    struct tokenizer *tokenizer = tokenizer_new();
    enum status status = make(trainer, vocab_size, tokenizer);
    if (status == STATUS_OK)
        *out = tokenizer;
    else
        tokenizer_free(tokenizer);
    return status;
}
