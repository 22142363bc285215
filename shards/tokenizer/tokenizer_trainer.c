#include "shards/tokenizer/tokenizer_trainer.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "shards/tokenizer/byte_letters.h"
#include "shards/tokenizer/merge_learner.h"
#include "shards/tokenizer/tokenizer_parts.h"

enum { PROGRESS_MERGES = 128 }; /* between two calls of `progress` */

struct tokenizer_trainer {
    struct tokenizer_trainer_settings settings;
    struct piece_counter *counter;
    struct tokenizer_training training;
    char **specials; /* besides <|endoftext|> */
    int64_t special_count;
};

struct tokenizer_trainer *tokenizer_trainer_create(
    const struct tokenizer_trainer_settings *settings)
{
    struct tokenizer_trainer *trainer = memory_alloc_zeroed(1, sizeof *trainer);
    trainer->settings = settings ? *settings : (struct tokenizer_trainer_settings){ .threads = 1 };
    trainer->counter = piece_counter_create(trainer->settings.threads, trainer->settings.splitting);
    return trainer;
}

void tokenizer_trainer_free(struct tokenizer_trainer *trainer)
{
    if (!trainer)
        return;
    piece_counter_free(trainer->counter);
    for (int64_t i = 0; i < trainer->special_count; i++)
        memory_free(trainer->specials[i]);
    memory_free(trainer->specials);
    memory_free(trainer);
}

const struct tokenizer_training *tokenizer_trainer_summary(const struct tokenizer_trainer *trainer)
{
    return &trainer->training;
}

static void tell_progress(const struct tokenizer_trainer *trainer)
{
    if (trainer->settings.progress)
        trainer->settings.progress(trainer->settings.progress_context, &trainer->training);
}

/* ---- texts ---- */

void tokenizer_trainer_add(struct tokenizer_trainer *trainer, const char *text, size_t length)
{
    piece_counter_add(trainer->counter, 0, text, length, TOKENIZER_TRAINER_PIECE);
    trainer->training.documents++;
    trainer->training.bytes += (int64_t)length;
}

static enum status check_memory(const struct tokenizer_trainer *trainer, int64_t bytes,
                                const char *doing)
{
    const struct tokenizer_training *training = &trainer->training;
    int64_t limit = trainer->settings.memory_bytes;
    if (limit == 0 || bytes <= limit)
        return STATUS_OK;
    return bad_input("cannot train on so many distinct pieces: %s those of %.1f MB of text takes "
                     "%.0f MiB of memory, and %.0f MiB are there; give less text",
                     doing, (double)training->bytes * 1e-6, (double)bytes / 1048576,
                     (double)limit / 1048576);
}

enum status tokenizer_trainer_read(struct tokenizer_trainer *trainer, text_supply *supply,
                                   void *context)
{
    struct tokenizer_training *training = &trainer->training;
    const int64_t documents = training->documents, bytes = training->bytes;
    struct piece_feed *feed = piece_feed_create(trainer->counter, trainer->settings.threads,
                                                TOKENIZER_TRAINER_PIECE, supply, context);
    enum status status = STATUS_OK;
    bool more = true;
    while (status == STATUS_OK && more) {
        status = piece_feed_step(feed, &more);
        training->documents = documents + piece_feed_texts(feed);
        training->bytes = bytes + piece_feed_bytes(feed);
        if (status == STATUS_OK)
            status = check_memory(trainer, piece_counter_bytes(trainer->counter), "counting");
        tell_progress(trainer);
    }
    piece_feed_free(feed);
    return status;
}

/* ---- words ---- */

struct word_sizes {
    int64_t words, single_tokens;
    size_t tokens;
};

/* A word of one token has no pairs: it is only counted. */
static void measure_words(struct tokenizer_trainer *trainer, struct word_sizes *sizes)
{
    *sizes = (struct word_sizes){ 0 };
    for (int part = 0; part < PIECE_COUNTER_PARTS; part++) {
        const struct piece_table *table = piece_counter_part(trainer->counter, part);
        struct piece piece;
        trainer->training.pieces += table->count;
        for (size_t place = 0; place < table->used;) {
            place = piece_table_piece(table, place, &piece);
            sizes->words += piece.length > 1;
            sizes->tokens += piece.length > 1 ? piece.length : 0;
            sizes->single_tokens += piece.length > 1 ? 0 : piece.count;
        }
    }
}

/* What was counted is given back part by part, so memory holds little of both. */
static void make_words(struct tokenizer_trainer *trainer, const int32_t byte_token[256],
                       struct word_store *words)
{
    for (int part = 0; part < PIECE_COUNTER_PARTS; part++) {
        struct piece_table *table = piece_counter_part(trainer->counter, part);
        struct piece piece;
        for (size_t place = 0; place < table->used;) {
            place = piece_table_piece(table, place, &piece);
            if (piece.length > 1)
                word_store_add(words, piece.bytes, piece.length, piece.count, byte_token);
        }
        piece_table_release(table);
    }
}

static enum status count_words(struct tokenizer_trainer *trainer, const int32_t byte_token[256],
                               int64_t vocab_size, struct word_store *words)
{
    struct word_sizes sizes;
    piece_counter_gather(trainer->counter);
    measure_words(trainer, &sizes);
    trainer->training.text_tokens = sizes.single_tokens;
    const bool wide = vocab_size > WORD_STORE_NARROW_TOKENS;
    size_t cells = word_store_cells(sizes.words, sizes.tokens, wide);
    if (cells > WORD_STORE_MAX_CELLS)
        return bad_input("cannot train on so many distinct pieces: %lld of %zu bytes in all",
                         (long long)sizes.words, sizes.tokens);
    TRY(check_memory(trainer, (int64_t)merge_learner_bytes(cells, wide), "learning from"));
    word_store_init(words, cells, wide);
    make_words(trainer, byte_token, words);
    return STATUS_OK;
}

/* ---- special tokens ---- */

static enum status refuse_special(const char *name, const char *why)
{
    return bad_input("cannot use special token '%s': %s", name, why);
}

enum status tokenizer_trainer_add_special(struct tokenizer_trainer *trainer, const char *name)
{
    size_t length = strlen(name);
    if (length == 0)
        return refuse_special(name, "it is empty");
    for (size_t at = 0, step; at < length; at += step)
        if ((step = utf8_character_length(name + at, length - at)) == 0)
            return refuse_special(name, "it is no UTF-8");
    bool given = strcmp(name, TOKENIZER_END_OF_TEXT) == 0;
    for (int64_t i = 0; i < trainer->special_count; i++)
        given = given || strcmp(name, trainer->specials[i]) == 0;
    if (given)
        return refuse_special(name, "it is there already");
    trainer->specials = memory_realloc(trainer->specials, (size_t)(trainer->special_count + 1) *
                                                              sizeof *trainer->specials);
    trainer->specials[trainer->special_count++] = memory_copy_string(name);
    return STATUS_OK;
}

/* A file names tokens by their letters, and no two alike. */
static bool names_token(const struct tokenizer *tokenizer, const char *name)
{
    struct strbuf bytes = STRBUF_INIT;
    bool is_token = byte_letters_parse(&bytes, name, strlen(name)) &&
                    byte_map_find(&tokenizer->tokens, bytes.bytes, bytes.length) >= 0;
    strbuf_release(&bytes);
    return is_token;
}

static enum status add_specials(const struct tokenizer_trainer *trainer,
                                struct tokenizer *tokenizer)
{
    tokenizer_add_special(tokenizer, TOKENIZER_END_OF_TEXT, strlen(TOKENIZER_END_OF_TEXT));
    for (int64_t i = 0; i < trainer->special_count; i++) {
        const char *name = trainer->specials[i];
        if (names_token(tokenizer, name))
            return refuse_special(name, "a token of the text has this name; "
                                        "choose one like '<|name|>'");
        tokenizer_add_special(tokenizer, name, strlen(name));
    }
    return STATUS_OK;
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

static enum status learn(struct tokenizer_trainer *trainer, struct merge_learner *learner,
                         int64_t tokens, struct tokenizer *tokenizer)
{
    struct strbuf joined = STRBUF_INIT;
    enum status status = STATUS_OK;
    int32_t left, right;
    while (status == STATUS_OK && tokenizer->tokens.count < tokens &&
           merge_learner_take(learner, &left, &right)) {
        bool added;
        status = add_joined(tokenizer, left, right, &joined, &added);
        if (status != STATUS_OK || !added)
            continue;
        merge_learner_merge(learner, (int32_t)tokenizer->tokens.count - 1);
        trainer->training.vocab_size = tokenizer->tokens.count;
        if (tokenizer->merge_count % PROGRESS_MERGES == 0)
            tell_progress(trainer);
    }
    strbuf_release(&joined);
    return status;
}

static enum status make(struct tokenizer_trainer *trainer, int64_t vocab_size,
                        struct tokenizer *tokenizer)
{
    int32_t byte_token[256];
    struct word_store words;
    TRY(add_bytes(tokenizer, byte_token));
    TRY(count_words(trainer, byte_token, vocab_size, &words));
    struct merge_learner *learner = merge_learner_create(&words, vocab_size);
    enum status status =
        learn(trainer, learner, vocab_size - 1 - trainer->special_count, tokenizer);
    trainer->training.text_tokens += merge_learner_tokens(learner);
    merge_learner_free(learner);
    TRY(status);
    TRY(add_specials(trainer, tokenizer));
    trainer->training.vocab_size = tokenizer->tokens.count;
    return tokenizer_seal(tokenizer, source);
}

enum status tokenizer_trainer_finish(struct tokenizer_trainer *trainer, int64_t vocab_size,
                                     struct tokenizer **out)
{
    int64_t least = TOKENIZER_TRAINER_MIN_VOCAB + trainer->special_count;
    *out = NULL;
    if (vocab_size < least || vocab_size > TOKENIZER_TRAINER_MAX_VOCAB)
        return bad_input("cannot train a vocabulary of %lld tokens: it must have from %lld to %lld",
                         (long long)vocab_size, (long long)least,
                         (long long)TOKENIZER_TRAINER_MAX_VOCAB);
    struct tokenizer *tokenizer = tokenizer_new();
    tokenizer->splitting = trainer->settings.splitting;
    enum status status = make(trainer, vocab_size, tokenizer);
    if (status == STATUS_OK)
        *out = tokenizer;
    else
        tokenizer_free(tokenizer);
    return status;
}
