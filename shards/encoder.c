/* encoder: the half of shards/tokenizer.h that belongs to one thread. */
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "shards/piece_cache.h"
#include "shards/piece_merger.h"
#include "shards/text_splitter.h"

struct encoder {
    const struct tokenizer *tokenizer;
    struct text_splitter *splitter;
    struct piece_merger *merger;
    struct piece_cache cache;
};

void token_buffer_reserve(struct token_buffer *buffer, int64_t extra)
{
    if (buffer->capacity - buffer->count >= extra)
        return;
    buffer->capacity += buffer->capacity / 2 + extra + 1024;
    buffer->ids = memory_realloc(buffer->ids, (size_t)buffer->capacity * sizeof *buffer->ids);
}

void token_buffer_add(struct token_buffer *buffer, int32_t id)
{
    token_buffer_reserve(buffer, 1);
    buffer->ids[buffer->count++] = id;
}

void token_buffer_release(struct token_buffer *buffer)
{
    memory_free(buffer->ids);
    *buffer = (struct token_buffer){ 0 };
}

struct encoder *encoder_create(const struct tokenizer *tokenizer)
{
    struct encoder *encoder = memory_alloc_zeroed(1, sizeof *encoder);
    encoder->tokenizer = tokenizer;
    encoder->splitter = text_splitter_create(tokenizer->splitting);
    encoder->merger = piece_merger_create(tokenizer);
    piece_cache_init(&encoder->cache);
    return encoder;
}

void encoder_free(struct encoder *encoder)
{
    if (!encoder)
        return;
    text_splitter_free(encoder->splitter);
    piece_merger_free(encoder->merger);
    piece_cache_release(&encoder->cache);
    memory_free(encoder);
}

/* ---- pieces ---- */

static void add_merged(struct encoder *encoder, const char *piece, size_t length,
                       struct token_buffer *out)
{
    if (encoder->tokenizer->whole_pieces) {
        int64_t id = byte_map_find(&encoder->tokenizer->tokens, piece, length);
        if (id >= 0) {
            token_buffer_add(out, (int32_t)id);
            return;
        }
    }
    while (length > 0) {
        size_t step = length < PIECE_MERGER_MAX_BYTES ? length : PIECE_MERGER_MAX_BYTES;
        piece_merger_add(encoder->merger, piece, step, out);
        piece += step;
        length -= step;
    }
}

/* Merges a piece that is not in the cache and puts it into `slot`, if it fits. */
static void add_new(struct encoder *encoder, const char *piece, size_t length, struct piece_key key,
                    struct cached_piece *slot, struct token_buffer *out)
{
    int64_t before = out->count;
    add_merged(encoder, piece, length, out);
    int64_t count = out->count - before;
    if (count > PIECE_CACHE_IDS)
        return;
    slot->key = key;
    slot->count = (int32_t)count;
    memcpy(slot->ids, out->ids + before, (size_t)count * sizeof *slot->ids);
}

/* `readable`: bytes from the piece's beginning to the text's end. */
static inline void add_piece(struct encoder *encoder, const char *piece, size_t length,
                             size_t readable, struct token_buffer *out)
{
    if (length > PIECE_CACHE_BYTES) {
        add_merged(encoder, piece, length, out);
        return;
    }
    struct piece_key key = piece_key_of(piece, length, readable);
    struct cached_piece *slot = piece_cache_slot(&encoder->cache, key);
    if (!piece_cache_has(slot, key)) {
        add_new(encoder, piece, length, key, slot, out);
        return;
    }
    token_buffer_reserve(out, PIECE_CACHE_IDS);
    memcpy(out->ids + out->count, slot->ids, sizeof slot->ids); /* all: of known length */
    out->count += slot->count;
}

/* ---- a text ---- */

static bool is_white(const struct tokenizer *tokenizer, int32_t id, size_t *length)
{
    const char *bytes = byte_map_bytes(&tokenizer->tokens, id, length);
    for (size_t i = 0; i < *length; i++)
        if (bytes[i] != ' ' && bytes[i] != '\n' && bytes[i] != '\t')
            return false;
    return true;
}

/* What is no longer UTF-8 is one piece up to the end of the text, and with it the last piece
 * before, whose ids are those from `last` on; where that begins with a token of white space, also
 * all tokens of white space before it, back to `first`. */
static void add_invalid(struct encoder *encoder, const char *text, size_t valid, size_t length,
                        int64_t first, int64_t last, struct token_buffer *out)
{
    size_t bytes, begin = valid;
    for (int64_t i = last; i < out->count; i++) {
        byte_map_bytes(&encoder->tokenizer->tokens, out->ids[i], &bytes);
        begin -= bytes;
    }
    if (last < out->count && is_white(encoder->tokenizer, out->ids[last], &bytes))
        for (; last > first && is_white(encoder->tokenizer, out->ids[last - 1], &bytes); last--)
            begin -= bytes;
    out->count = last;
    add_merged(encoder, text + begin, length - begin, out);
}

void encoder_add(struct encoder *encoder, const char *text, size_t length, struct token_buffer *out)
{
    const char *piece;
    size_t bytes, valid = utf8_valid_length(text, length);
    const int64_t first = out->count;
    int64_t last = first;

    text_splitter_begin_utf8(encoder->splitter, text, valid);
    while (text_splitter_next(encoder->splitter, &piece, &bytes)) {
        last = out->count;
        add_piece(encoder, piece, bytes, (size_t)(text + length - piece), out);
    }
    if (valid < length)
        add_invalid(encoder, text, valid, length, first, last, out);
}
