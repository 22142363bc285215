/* encoder: the half of shards/tokenizer/tokenizer.h that belongs to one thread. */
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "shards/tokenizer/piece_cache.h"
#include "shards/tokenizer/piece_merger.h"
#include "shards/tokenizer/text_splitter.h"

/* Pieces are taken by the batch: while one is found, the sets of those before come into the
 * processor's cache. */
#define BATCH_PIECES 32

struct found_piece {
    const char *text;
    size_t length;
    struct piece_key key; /* not of a long piece: that has no set */
    struct piece_set *set;
};

struct encoder {
    const struct tokenizer *tokenizer;
    struct text_splitter *splitter; /* of byte-level BPE */
    struct strbuf marked;           /* of SentencePiece's kind: the text with its blanks marked */
    const char *at, *end;           /* what is left of it */
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
    if (tokenizer->kind == TOKENIZER_BYTE_LEVEL)
        encoder->splitter = text_splitter_create(tokenizer->splitting);
    strbuf_init(&encoder->marked);
    encoder->merger = piece_merger_create(tokenizer);
    piece_cache_init(&encoder->cache);
    return encoder;
}

void encoder_free(struct encoder *encoder)
{
    if (!encoder)
        return;
    text_splitter_free(encoder->splitter);
    strbuf_release(&encoder->marked);
    piece_merger_free(encoder->merger);
    piece_cache_release(&encoder->cache);
    memory_free(encoder);
}

/* ---- pieces ---- */

/* Takes a piece that is a token as it is, if that is the tokenizer's rule. */
static bool add_whole(struct encoder *encoder, const char *piece, size_t length,
                      struct token_buffer *out)
{
    int64_t id = -1;
    if (encoder->tokenizer->whole_pieces)
        id = byte_map_find(&encoder->tokenizer->tokens, piece, length);
    if (id >= 0)
        token_buffer_add(out, (int32_t)id);
    return id >= 0;
}

static void add_merged(struct encoder *encoder, const char *piece, size_t length,
                       struct token_buffer *out)
{
    if (encoder->splitter && add_whole(encoder, piece, length, out))
        return;
    while (length > 0) {
        size_t step = length < PIECE_MERGER_MAX_BYTES ? length : PIECE_MERGER_MAX_BYTES;
        piece_merger_add(encoder->merger, piece, step, out);
        piece += step;
        length -= step;
    }
}

static inline void add_piece(struct encoder *encoder, const struct found_piece *piece,
                             struct token_buffer *out)
{
    if (!piece->set) {
        add_merged(encoder, piece->text, piece->length, out);
        return;
    }
    const struct cached_piece *cached = piece_set_find(piece->set, piece->key);
    if (cached) {
        token_buffer_reserve(out, PIECE_CACHE_IDS);
        memcpy(out->ids + out->count, cached->ids, sizeof cached->ids); /* all: no loop */
        out->count += cached->count;
        return;
    }
    int64_t before = out->count;
    add_merged(encoder, piece->text, piece->length, out);
    if (out->count - before <= PIECE_CACHE_IDS)
        piece_set_add(piece->set, piece->key, out->ids + before, out->count - before);
}

/* The next piece: by the splitting rule, or what no token of SentencePiece's goes beyond. */
static inline bool next_piece(struct encoder *encoder, struct found_piece *piece)
{
    if (encoder->splitter)
        return text_splitter_next(encoder->splitter, &piece->text, &piece->length);
    if (encoder->at == encoder->end)
        return false;
    piece->text = encoder->at;
    piece->length = tokenizer_part_length(encoder->tokenizer, encoder->at,
                                          (size_t)(encoder->end - encoder->at));
    encoder->at += piece->length;
    return true;
}

/* The next pieces, and how many: 0 at the end. `end` is that of what may be read. */
static int find_pieces(struct encoder *encoder, const char *end, struct found_piece *pieces)
{
    int count = 0;
    for (; count < BATCH_PIECES; count++) {
        struct found_piece *piece = &pieces[count];
        if (!next_piece(encoder, piece))
            break;
        piece->set = NULL;
        if (piece->length > PIECE_CACHE_BYTES)
            continue;
        piece->key = piece_key_of(piece->text, piece->length, (size_t)(end - piece->text));
        piece->set = piece_cache_set(&encoder->cache, piece->key);
        __builtin_prefetch(piece->set, 1);
    }
    return count;
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

static void add_bytes(struct encoder *encoder, const char *text, size_t length,
                      struct token_buffer *out)
{
    struct found_piece pieces[BATCH_PIECES];
    const size_t valid = utf8_valid_bytes(text, length);
    const int64_t first = out->count;
    int64_t last = first;

    text_splitter_begin_utf8(encoder->splitter, text, valid);
    for (int count; (count = find_pieces(encoder, text + length, pieces)) > 0;)
        for (int i = 0; i < count; i++) {
            last = out->count;
            add_piece(encoder, &pieces[i], out);
        }
    if (valid < length)
        add_invalid(encoder, text, valid, length, first, last, out);
}

/* To SentencePiece's kind the text is one piece, or where it splits, each blank begins one: what a
 * whole piece may be a token of. Merging goes by smaller ones. */
static void add_marked(struct encoder *encoder, const char *text, size_t length,
                       struct token_buffer *out)
{
    const struct tokenizer *tokenizer = encoder->tokenizer;
    const bool by_blanks = tokenizer->whole_pieces && tokenizer->marking.splits;
    struct found_piece pieces[BATCH_PIECES];
    strbuf_reset(&encoder->marked);
    blank_marking_mark(&tokenizer->marking, text, length, &encoder->marked);
    const char *end = encoder->marked.bytes + encoder->marked.length, *next;
    for (const char *at = encoder->marked.bytes; at < end; at = next) {
        next = by_blanks ? memchr(at + 1, ' ', (size_t)(end - at - 1)) : end;
        next = next ? next : end;
        if (add_whole(encoder, at, (size_t)(next - at), out))
            continue;
        encoder->at = at;
        encoder->end = next;
        for (int count; (count = find_pieces(encoder, end, pieces)) > 0;)
            for (int i = 0; i < count; i++)
                add_piece(encoder, &pieces[i], out);
    }
}

void encoder_add(struct encoder *encoder, const char *text, size_t length, struct token_buffer *out)
{
    if (encoder->splitter)
        add_bytes(encoder, text, length, out);
    else
        add_marked(encoder, text, length, out);
}
