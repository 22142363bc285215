/* encoder: the half of shards/tokenizer.h that belongs to one thread. */
#include <string.h>

#include "base/memory.h"
#include "shards/piece_merger.h"
#include "shards/text_splitter.h"

struct encoder {
    struct text_splitter *splitter;
    struct piece_merger *merger;
};

void token_buffer_add(struct token_buffer *buffer, int32_t id)
{
    if (buffer->count == buffer->capacity) {
        buffer->capacity += buffer->capacity / 2 + 1024;
        buffer->ids = memory_realloc(buffer->ids, (size_t)buffer->capacity * sizeof *buffer->ids);
    }
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
    encoder->splitter = text_splitter_create();
    encoder->merger = piece_merger_create(tokenizer);
    return encoder;
}

void encoder_free(struct encoder *encoder)
{
    if (!encoder)
        return;
    text_splitter_free(encoder->splitter);
    piece_merger_free(encoder->merger);
    memory_free(encoder);
}

void encoder_add(struct encoder *encoder, const char *text, size_t length, struct token_buffer *out)
{
    const char *piece;
    size_t left;
    text_splitter_begin(encoder->splitter, text, length);
    while (text_splitter_next(encoder->splitter, &piece, &left)) {
        while (left > 0) {
            size_t step = left < PIECE_MERGER_MAX_BYTES ? left : PIECE_MERGER_MAX_BYTES;
            piece_merger_add(encoder->merger, piece, step, out);
            piece += step;
            left -= step;
        }
    }
}
