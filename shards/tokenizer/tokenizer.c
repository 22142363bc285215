#include "shards/tokenizer/tokenizer_parts.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

struct tokenizer *tokenizer_new(void)
{
    struct tokenizer *tokenizer = memory_alloc_zeroed(1, sizeof *tokenizer);
    byte_map_init(&tokenizer->tokens);
    pair_map_init(&tokenizer->merge_rank);
    return tokenizer;
}

void tokenizer_free(struct tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    byte_map_release(&tokenizer->tokens);
    pair_map_release(&tokenizer->merge_rank);
    memory_free(tokenizer->merges);
    memory_free(tokenizer->specials);
    memory_free(tokenizer);
}

enum status tokenizer_add_token(struct tokenizer *tokenizer, const char *bytes, size_t length,
                                const char *source)
{
    int64_t id = tokenizer->tokens.count;
    if (length == 0)
        return bad_input("cannot use tokenizer '%s': token %lld is empty", source, (long long)id);
    int64_t known = byte_map_add(&tokenizer->tokens, bytes, length);
    if (known != id)
        return bad_input("cannot use tokenizer '%s': tokens %lld and %lld are the same bytes",
                         source, (long long)known, (long long)id);
    return STATUS_OK;
}

void tokenizer_add_special(struct tokenizer *tokenizer, const char *bytes, size_t length)
{
    int64_t id = byte_map_add_hidden(&tokenizer->tokens, bytes, length);
    size_t count = (size_t)tokenizer->special_count++;
    tokenizer->specials =
        memory_realloc(tokenizer->specials, (count + 1) * sizeof *tokenizer->specials);
    tokenizer->specials[count] = (int32_t)id;
}

static int64_t find_joined(const struct tokenizer *tokenizer, int32_t left, int32_t right)
{
    struct strbuf joined = STRBUF_INIT;
    size_t length;
    const char *bytes = byte_map_bytes(&tokenizer->tokens, left, &length);
    strbuf_add(&joined, bytes, length);
    bytes = byte_map_bytes(&tokenizer->tokens, right, &length);
    strbuf_add(&joined, bytes, length);
    int64_t id = byte_map_find(&tokenizer->tokens, joined.bytes, joined.length);
    strbuf_release(&joined);
    return id;
}

enum status tokenizer_add_merge(struct tokenizer *tokenizer, int32_t left, int32_t right,
                                const char *source)
{
    int64_t rank = tokenizer->merge_count;
    int64_t result = find_joined(tokenizer, left, right);
    if (result < 0)
        return bad_input("cannot use tokenizer '%s': merge %lld makes a token that is not in the "
                         "vocabulary",
                         source, (long long)rank);
    if (pair_map_add(&tokenizer->merge_rank, left, right, (int32_t)rank) != rank)
        return bad_input("cannot use tokenizer '%s': merge %lld repeats merge %d", source,
                         (long long)rank, pair_map_find(&tokenizer->merge_rank, left, right));
    if (rank == tokenizer->merge_capacity) {
        tokenizer->merge_capacity = rank ? 2 * rank : 256;
        tokenizer->merges = memory_realloc(tokenizer->merges, (size_t)tokenizer->merge_capacity *
                                                                  sizeof *tokenizer->merges);
    }
    tokenizer->merges[tokenizer->merge_count++] = (struct merge){ left, right, (int32_t)result };
    return STATUS_OK;
}

static enum status find_bytes(struct tokenizer *tokenizer, const char *source)
{
    for (int byte = 0; byte < 256; byte++) {
        char text = (char)byte;
        int64_t id = byte_map_find(&tokenizer->tokens, &text, 1);
        if (id < 0)
            return bad_input("cannot use tokenizer '%s': the byte 0x%02x has no token", source,
                             (unsigned)byte);
        tokenizer->byte_token[byte] = (int32_t)id;
    }
    return STATUS_OK;
}

/* The id of the special token of these bytes, or -1. */
static int32_t find_special(const struct tokenizer *tokenizer, const char *name)
{
    for (int64_t i = 0; i < tokenizer->special_count; i++) {
        size_t length;
        const char *bytes = byte_map_bytes(&tokenizer->tokens, tokenizer->specials[i], &length);
        if (length == strlen(name) && memcmp(bytes, name, length) == 0)
            return tokenizer->specials[i];
    }
    return -1;
}

static enum status find_end_of_text(struct tokenizer *tokenizer, const char *source)
{
    static const char *const names[] = { TOKENIZER_END_OF_TEXT, "<|end_of_text|>", "</s>" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tokenizer->end_of_text = find_special(tokenizer, names[i]);
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
}

static void hash_integer(struct sha256 *hash, uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    sha256_add(hash, bytes, sizeof bytes);
}

/* docs/tokenizer.md, "Digest" */
static void compute_digest(struct tokenizer *tokenizer)
{
    struct strbuf rule = STRBUF_INIT;
    struct sha256 hash;
    strbuf_addf(&rule, "eon tokenizer 1: byte-level BPE, %s splitting%s\n",
                splitting_rule_names[tokenizer->splitting],
                tokenizer->whole_pieces ? ", whole pieces" : "");
    sha256_init(&hash);
    sha256_add(&hash, rule.bytes, rule.length);
    strbuf_release(&rule);
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
    hash_integer(&hash, (uint64_t)tokenizer->special_count);
    for (int64_t i = 0; i < tokenizer->special_count; i++)
        hash_integer(&hash, (uint64_t)tokenizer->specials[i]);
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

/* A comma separates two files only where no file has the whole as its name. */
enum status tokenizer_open(const char *name, struct tokenizer **out)
{
    const char *comma = strchr(name, ',');
    if (!comma || file_exists(name))
        return tokenizer_read(name, out);
    char *encoder_json = memory_copy_string(name);
    encoder_json[comma - name] = '\0';
    enum status status = tokenizer_read_gpt2(encoder_json, comma + 1, out);
    memory_free(encoder_json);
    return status;
}

int64_t tokenizer_vocab_size(const struct tokenizer *tokenizer)
{
    return tokenizer->tokens.count;
}

int32_t tokenizer_end_of_text(const struct tokenizer *tokenizer)
{
    return tokenizer->end_of_text;
}

enum splitting_rule tokenizer_splitting(const struct tokenizer *tokenizer)
{
    return tokenizer->splitting;
}

const char *tokenizer_digest(const struct tokenizer *tokenizer)
{
    return tokenizer->digest;
}

const char *tokenizer_token_bytes(const struct tokenizer *tokenizer, int32_t id, size_t *length)
{
    *length = 0;
    if (id < 0 || id >= tokenizer->tokens.count)
        return NULL;
    return byte_map_bytes(&tokenizer->tokens, id, length);
}

void tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, int64_t count,
                      struct strbuf *out)
{
    for (int64_t i = 0; i < count; i++) {
        size_t length;
        const char *bytes = tokenizer_token_bytes(tokenizer, ids[i], &length);
        CHECK(bytes, "token %d is beyond the vocabulary of %lld", ids[i],
              (long long)tokenizer_vocab_size(tokenizer));
        strbuf_add(out, bytes, length);
    }
}
