/* A tokenizer under llama.cpp's keys: gguf_put_tokenizer of trainer/training/gguf_metadata.h. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "shards/tokenizer/tokenizer_parts.h"
#include "trainer/training/gguf_metadata.h"
#include "trainer/training/gguf_scores.h"

/* tokenizer.ggml.token_type, from llama.cpp's include/llama.h */
enum gguf_token_type {
    GGUF_NORMAL = 1,
    GGUF_UNKNOWN,
    GGUF_CONTROL,
    GGUF_UNUSED = 5,
    GGUF_BYTE,
};

static const enum gguf_token_type type_of_kind[] = {
    [TOKEN_TEXT] = GGUF_NORMAL,
    [TOKEN_BYTE] = GGUF_BYTE,
    [TOKEN_SPECIAL] = GGUF_CONTROL,
    [TOKEN_UNKNOWN] = GGUF_UNKNOWN,
};

/* llama.cpp knows rules of splitting by the names of models that have them. llama-bpe takes whole
 * pieces without merging, smaug-bpe and dbrx cut text as it does and merge them. cl100k has no rule
 * of its own: theirs differs where a text ends in white space with a line end in it. */
static const char *const rule_names[SPLITTING_COUNT][2] = {
    /*                     merging       whole pieces */
    [SPLITTING_GPT2] = { "gpt-2", NULL },
    [SPLITTING_CL100K] = { "dbrx", "llama-bpe" },
    [SPLITTING_LLAMA3] = { "smaug-bpe", "llama-bpe" },
};

/* Entries of the model's vocabulary beyond the tokenizer's get names that no token has: byte
 * letters have no space. */
static void put_tokens(struct gguf_writer *writer, const struct tokenizer *tokenizer,
                       int64_t vocab_size)
{
    struct strbuf name = STRBUF_INIT;
    gguf_put_texts(writer, "tokenizer.ggml.tokens", vocab_size);
    for (int64_t id = 0; id < tokenizer->tokens.count; id++) {
        strbuf_reset(&name);
        tokenizer_token_name(tokenizer, (int32_t)id, &name);
        gguf_add_text(writer, name.bytes, name.length);
    }
    for (int64_t id = tokenizer->tokens.count; id < vocab_size; id++) {
        strbuf_reset(&name);
        strbuf_addf(&name, "[no token %lld]", (long long)id);
        gguf_add_text(writer, name.bytes, name.length);
    }
    strbuf_release(&name);
}

static void put_token_types(struct gguf_writer *writer, const struct tokenizer *tokenizer,
                            int64_t vocab_size)
{
    int32_t *types = memory_alloc((size_t)vocab_size * sizeof *types);
    for (int64_t id = 0; id < vocab_size; id++)
        types[id] = id < tokenizer->tokens.count
                        ? type_of_kind[tokenizer_token_kind(tokenizer, (int32_t)id)]
                        : GGUF_UNUSED;
    gguf_put_i32s(writer, "tokenizer.ggml.token_type", types, vocab_size);
    memory_free(types);
}

static void put_merges(struct gguf_writer *writer, const struct tokenizer *tokenizer)
{
    const int64_t count = tokenizer_merge_count(tokenizer);
    struct strbuf text = STRBUF_INIT;
    gguf_put_texts(writer, "tokenizer.ggml.merges", count);
    for (int64_t rank = 0; rank < count; rank++) {
        int32_t pair[2];
        tokenizer_merge_pair(tokenizer, rank, pair);
        strbuf_reset(&text);
        tokenizer_token_name(tokenizer, pair[0], &text);
        strbuf_add_char(&text, ' ');
        tokenizer_token_name(tokenizer, pair[1], &text);
        gguf_add_text(writer, text.bytes, text.length);
    }
    strbuf_release(&text);
}

/* What config.json says, or the first of its list; else the token that eon puts between texts. */
static int64_t marking_token(const struct json *json, const char *key,
                             const struct tokenizer *tokenizer)
{
    const struct json *id = json_member(json, key);
    if (id && json_kind_of(id) == JSON_KIND_ARRAY && json_length(id) > 0)
        id = json_item(id, 0);
    if (id && json_kind_of(id) == JSON_KIND_INTEGER && json_integer_of(id) >= 0 &&
        json_integer_of(id) < tokenizer->tokens.count)
        return json_integer_of(id);
    return tokenizer->end_of_text;
}

static enum status put_byte_level(struct gguf_writer *writer, const struct tokenizer *tokenizer,
                                  int64_t vocab_size)
{
    const char *rule = rule_names[tokenizer->splitting][tokenizer->whole_pieces];
    if (!rule)
        return bad_input("cannot write the tokenizer to GGUF: llama.cpp has no rule that cuts text "
                         "as %s does and takes whole pieces without merging (ignore_merges)",
                         splitting_rule_names[tokenizer->splitting]);
    gguf_put_text(writer, "tokenizer.ggml.model", "gpt2");
    gguf_put_text(writer, "tokenizer.ggml.pre", rule);
    put_tokens(writer, tokenizer, vocab_size);
    put_token_types(writer, tokenizer, vocab_size);
    put_merges(writer, tokenizer);
    return STATUS_OK;
}

/* llama.cpp puts a blank before every text or before none. It drops one from the text that it
 * writes where it would put one, whatever the file's decoder strips. */
static enum status put_sentencepiece(struct gguf_writer *writer, const struct tokenizer *tokenizer,
                                     int64_t vocab_size)
{
    const struct blank_marking *marking = &tokenizer->marking;
    const bool has_prefix = marking->prefix != BLANK_NEVER;
    if (has_prefix && marking->stage == BLANK_METASPACE)
        return bad_input("cannot write the tokenizer to GGUF: llama.cpp puts a blank before every "
                         "text, where Metaspace with prepend_scheme '%s' puts none before one that "
                         "begins with a blank",
                         blank_prefix_names[marking->prefix]);
    float *scores = memory_alloc_zeroed((size_t)vocab_size, sizeof *scores);
    enum status status = gguf_scores_of(tokenizer, scores);
    if (status == STATUS_OK) {
        gguf_put_text(writer, "tokenizer.ggml.model", "llama");
        gguf_put_text(writer, "tokenizer.ggml.pre", "default");
        put_tokens(writer, tokenizer, vocab_size);
        gguf_put_f32s(writer, "tokenizer.ggml.scores", scores, vocab_size);
        put_token_types(writer, tokenizer, vocab_size);
        if (tokenizer->unknown >= 0)
            gguf_put_u32(writer, "tokenizer.ggml.unknown_token_id", tokenizer->unknown);
        gguf_put_bool(writer, "tokenizer.ggml.add_space_prefix", has_prefix);
        gguf_put_bool(writer, "tokenizer.ggml.remove_extra_whitespaces", false);
    }
    memory_free(scores);
    return status;
}

enum status gguf_put_tokenizer(struct gguf_writer *writer, const struct tokenizer *tokenizer,
                               const struct model_config *config, const struct json *json)
{
    if (!tokenizer) {
        gguf_put_text(writer, "tokenizer.ggml.model", "none");
        return STATUS_OK;
    }
    if (tokenizer->kind == TOKENIZER_BYTE_LEVEL)
        TRY(put_byte_level(writer, tokenizer, config->vocab_size));
    else
        TRY(put_sentencepiece(writer, tokenizer, config->vocab_size));
    gguf_put_u32(writer, "tokenizer.ggml.bos_token_id",
                 marking_token(json, "bos_token_id", tokenizer));
    gguf_put_u32(writer, "tokenizer.ggml.eos_token_id",
                 marking_token(json, "eos_token_id", tokenizer));
    /* As in training and `eon generate`, a text's beginning is marked, and its end is not. */
    gguf_put_bool(writer, "tokenizer.ggml.add_bos_token", true);
    gguf_put_bool(writer, "tokenizer.ggml.add_eos_token", false);
    return STATUS_OK;
}
