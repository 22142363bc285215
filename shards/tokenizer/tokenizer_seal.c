/* tokenizer_seal: what is derived of a tokenizer's tokens and merges once it has them all. */
#include "shards/tokenizer/tokenizer_parts.h"

/* A byte of its own is a token of text, or falls back. */
static enum status find_bytes(struct tokenizer *tokenizer, const char *source)
{
    const bool falls_back = tokenizer->kind == TOKENIZER_SENTENCEPIECE;
    for (int byte = 0; byte < 256; byte++) {
        char text = (char)byte;
        int64_t id = byte_map_find(&tokenizer->tokens, &text, 1);
        if (falls_back && (id < 0 || tokenizer->fallback[byte] < 0))
            id = tokenizer->fallback[byte];
        if (id < 0)
            return bad_input("cannot use tokenizer '%s': the byte 0x%02x has no token", source,
                             (unsigned)byte);
        tokenizer->byte_token[byte] = (int32_t)id;
    }
    if (falls_back && tokenizer->byte_token[' '] == tokenizer->fallback[' '])
        return bad_input("cannot use tokenizer '%s': '" BLANK_MARK "', its mark for a blank, has "
                         "no token",
                         source);
    return STATUS_OK;
}

static enum status find_end_of_text(struct tokenizer *tokenizer, const char *source)
{
    static const char *const names[] = { TOKENIZER_END_OF_TEXT, "<|end_of_text|>", "</s>" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tokenizer->end_of_text = tokenizer_find_special(tokenizer, names[i]);
        if (tokenizer->end_of_text >= 0)
            return STATUS_OK;
    }
    return bad_input("cannot use tokenizer '%s': it has no special token that ends a text: %s, %s "
                     "or %s",
                     source, names[0], names[1], names[2]);
}

static void find_byte_pairs(struct tokenizer *tokenizer)
{
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++)
            tokenizer->byte_pair_rank[a][b] = pair_map_find(
                &tokenizer->merge_rank, tokenizer->byte_token[a], tokenizer->byte_token[b]);
}

static void find_joins(struct tokenizer *tokenizer)
{
    for (int64_t id = 0; id < tokenizer->tokens.count; id++) {
        size_t length;
        const char *text = byte_map_bytes(&tokenizer->tokens, id, &length);
        const unsigned char *bytes = (const unsigned char *)text;
        for (size_t i = 1; i < length; i++)
            tokenizer->joins[bytes[i - 1]][bytes[i] / 64] |= (uint64_t)1 << bytes[i] % 64;
    }
    for (int byte = 0; byte < 256 && tokenizer->marking.splits; byte++)
        tokenizer->joins[byte][' ' / 64] &= ~((uint64_t)1 << ' ' % 64);
}

static void hash_integer(struct sha256 *hash, uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    sha256_add(hash, bytes, sizeof bytes);
}

static void hash_rule(struct sha256 *hash, const struct tokenizer *tokenizer)
{
    struct strbuf rule = STRBUF_INIT;
    if (tokenizer->kind == TOKENIZER_BYTE_LEVEL) {
        strbuf_addf(&rule, "eon tokenizer 1: byte-level BPE, %s splitting",
                    splitting_rule_names[tokenizer->splitting]);
    } else {
        strbuf_add_string(&rule, "eon tokenizer 1: SentencePiece's BPE, ");
        blank_marking_describe(&tokenizer->marking, &rule);
    }
    strbuf_addf(&rule, "%s\n", tokenizer->whole_pieces ? ", whole pieces" : "");
    sha256_add(hash, rule.bytes, rule.length);
    strbuf_release(&rule);
}

static void hash_ids(struct sha256 *hash, const int32_t *ids, int64_t count)
{
    hash_integer(hash, (uint64_t)count);
    for (int64_t i = 0; i < count; i++)
        hash_integer(hash, (uint64_t)ids[i]);
}

/* docs/tokenizer.md, "Digest" */
static void compute_digest(struct tokenizer *tokenizer)
{
    struct sha256 hash;
    sha256_init(&hash);
    hash_rule(&hash, tokenizer);
    hash_integer(&hash, (uint64_t)tokenizer->tokens.count);
    for (int64_t id = 0; id < tokenizer->tokens.count; id++) {
        size_t length;
        const char *bytes = byte_map_bytes(&tokenizer->tokens, id, &length);
        hash_integer(&hash, length);
        sha256_add(&hash, bytes, length);
    }
    hash_integer(&hash, (uint64_t)tokenizer->merge_count);
    for (int64_t i = 0; i < tokenizer->merge_count; i++) {
        hash_integer(&hash, (uint64_t)tokenizer->merges[i].left);
        hash_integer(&hash, (uint64_t)tokenizer->merges[i].right);
    }
    hash_ids(&hash, tokenizer->specials, tokenizer->special_count);
    if (tokenizer->kind == TOKENIZER_SENTENCEPIECE)
        hash_ids(&hash, tokenizer->fallback, 256);
    sha256_finish_hex(&hash, tokenizer->digest);
}

enum status tokenizer_seal(struct tokenizer *tokenizer, const char *source)
{
    TRY(find_bytes(tokenizer, source));
    TRY(find_end_of_text(tokenizer, source));
    find_byte_pairs(tokenizer);
    find_joins(tokenizer);
    compute_digest(tokenizer);
    return STATUS_OK;
}
