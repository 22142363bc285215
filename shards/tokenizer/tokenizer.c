#include "shards/tokenizer/tokenizer_parts.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

struct tokenizer *tokenizer_new(void)
{
    struct tokenizer *tokenizer = memory_alloc_zeroed(1, sizeof *tokenizer);
    byte_map_init(&tokenizer->tokens);
    pair_map_init(&tokenizer->merge_rank);
    tokenizer->unknown = -1;
    for (int byte = 0; byte < 256; byte++)
        tokenizer->fallback[byte] = -1;
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

void tokenizer_add_byte(struct tokenizer *tokenizer, unsigned char byte)
{
    CHECK(tokenizer->fallback[byte] < 0, "the byte 0x%02x has two tokens", byte);
    tokenizer->fallback[byte] = (int32_t)byte_map_add_hidden(&tokenizer->tokens, &byte, 1);
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

int32_t tokenizer_find_special(const struct tokenizer *tokenizer, const char *name)
{
    for (int64_t i = 0; i < tokenizer->special_count; i++) {
        size_t length;
        const char *bytes = byte_map_bytes(&tokenizer->tokens, tokenizer->specials[i], &length);
        if (length == strlen(name) && memcmp(bytes, name, length) == 0)
            return tokenizer->specials[i];
    }
    return -1;
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

enum tokenizer_kind tokenizer_kind_of(const struct tokenizer *tokenizer)
{
    return tokenizer->kind;
}

enum splitting_rule tokenizer_splitting(const struct tokenizer *tokenizer)
{
    return tokenizer->splitting;
}

const struct blank_marking *tokenizer_marking(const struct tokenizer *tokenizer)
{
    return &tokenizer->marking;
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

static bool is_special(const struct tokenizer *tokenizer, int32_t id)
{
    int64_t low = 0, high = tokenizer->special_count; /* specials ascend */
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (tokenizer->specials[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tokenizer->special_count && tokenizer->specials[low] == id;
}

enum token_kind tokenizer_token_kind(const struct tokenizer *tokenizer, int32_t id)
{
    size_t length;
    if (is_special(tokenizer, id))
        return id == tokenizer->unknown ? TOKEN_UNKNOWN : TOKEN_SPECIAL;
    const char *bytes = byte_map_bytes(&tokenizer->tokens, id, &length);
    const bool falls_back = length == 1 && tokenizer->fallback[(unsigned char)*bytes] == id;
    return falls_back ? TOKEN_BYTE : TOKEN_TEXT;
}

int64_t tokenizer_merge_count(const struct tokenizer *tokenizer)
{
    return tokenizer->merge_count;
}

void tokenizer_merge_pair(const struct tokenizer *tokenizer, int64_t rank, int32_t pair[2])
{
    pair[0] = tokenizer->merges[rank].left;
    pair[1] = tokenizer->merges[rank].right;
}

/* ---- text ---- */

/* A text's first token without the blanks that its decoder strips off: Strip takes any, Metaspace
 * those that are marks. */
static void decode_first(const struct tokenizer *tokenizer, int32_t id, struct strbuf *out)
{
    size_t length;
    const char *bytes = byte_map_bytes(&tokenizer->tokens, id, &length);
    const bool strips_one = tokenizer->marking.strip == BLANK_STRIP_ONE;
    const bool strips_marks = tokenizer->marking.strip == BLANK_STRIP_TOKEN &&
                              tokenizer_token_kind(tokenizer, id) == TOKEN_TEXT;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != ' ' || !(strips_marks || (strips_one && i == 0)))
            strbuf_add_char(out, bytes[i]);
}

void tokenizer_decode_token(const struct tokenizer *tokenizer, int32_t id, bool first,
                            struct strbuf *out)
{
    size_t length;
    const char *bytes = tokenizer_token_bytes(tokenizer, id, &length);
    CHECK(bytes, "token %d is beyond the vocabulary of %lld", id,
          (long long)tokenizer_vocab_size(tokenizer));
    if (first)
        decode_first(tokenizer, id, out);
    else
        strbuf_add(out, bytes, length);
}

size_t tokenizer_decoded_bytes(const struct tokenizer *tokenizer, int32_t id, bool first)
{
    size_t length;
    if (!tokenizer_token_bytes(tokenizer, id, &length) || !first)
        return length;
    struct strbuf text = STRBUF_INIT;
    decode_first(tokenizer, id, &text);
    length = text.length;
    strbuf_release(&text);
    return length;
}

void tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, int64_t count,
                      struct strbuf *out)
{
    for (int64_t i = 0; i < count; i++)
        tokenizer_decode_token(tokenizer, ids[i], i == 0, out);
}
