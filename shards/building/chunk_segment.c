#include "shards/building/chunk_segment.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/format/shard_format.h"

static int64_t chunk_tokens(size_t token_bytes)
{
    return (int64_t)(SHARD_CHUNK_BYTES / token_bytes);
}

int64_t segment_count(const struct layout_shard *shard, size_t token_bytes)
{
    const int64_t tokens = SEGMENT_CHUNKS * chunk_tokens(token_bytes);
    return (shard->tokens + tokens - 1) / tokens;
}

/* Tokens [begin, end) of the shard. */
struct token_range {
    int64_t begin, end;
};

static struct token_range range_of(const struct layout_shard *shard, int64_t segment,
                                   size_t token_bytes)
{
    const int64_t tokens = SEGMENT_CHUNKS * chunk_tokens(token_bytes);
    struct token_range range = { segment * tokens, (segment + 1) * tokens };
    if (range.end > shard->tokens)
        range.end = shard->tokens;
    return range;
}

/* ---- gathering ---- */

/* The last lot that begins at or before the split's token. */
static int64_t lot_of_token(const struct shard_layout *layout, enum corpus_split split,
                            int64_t token)
{
    int64_t low = 0, high = layout->lots->count - 1;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        if (layout->lot_tokens[middle][split] <= token)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Copies what the lot has of the split's tokens [begin, end) to its place in `out`. */
static void copy_from_lot(const struct shard_layout *layout, int64_t number, const struct lot *lot,
                          enum corpus_split split, struct token_range wanted, size_t token_bytes,
                          unsigned char *out)
{
    const int64_t first_ordinal = layout->lots->lots[number].first_ordinal;
    int64_t token = layout->lot_tokens[number][split]; /* of the split */
    int64_t place = 0;                                 /* in the lot's tokens, of both splits */
    for (int64_t i = 0; i < lot->header.documents && token < wanted.end; i++) {
        const int64_t length = lot->records[i].tokens;
        if (lot->records[i].split == split && layout_keeps(layout, first_ordinal + i)) {
            int64_t begin = token < wanted.begin ? wanted.begin : token;
            int64_t end = token + length < wanted.end ? token + length : wanted.end;
            if (begin < end)
                memcpy(out + (size_t)(begin - wanted.begin) * token_bytes,
                       lot->tokens + (size_t)(place + begin - token) * token_bytes,
                       (size_t)(end - begin) * token_bytes);
            token += length;
        }
        place += length;
    }
}

static enum status gather(const struct shard_layout *layout, enum corpus_split split,
                          struct token_range wanted, size_t token_bytes, struct lot *lot,
                          unsigned char *out)
{
    for (int64_t i = lot_of_token(layout, split, wanted.begin);
         i < layout->lots->count && layout->lot_tokens[i][split] < wanted.end; i++) {
        if (layout->lot_tokens[i + 1][split] <= wanted.begin)
            continue;
        TRY(lot_list_open(layout->lots, i, LOT_RECORDS | LOT_TOKENS, 0, lot));
        copy_from_lot(layout, i, lot, split, wanted, token_bytes, out);
    }
    return STATUS_OK;
}

/* ---- the file ---- */

struct chunk_head {
    uint32_t bytes, first_token;
};

static uint32_t token_at(const unsigned char *tokens, size_t token_bytes)
{
    uint32_t token = 0;
    for (size_t k = 0; k < token_bytes; k++)
        token |= (uint32_t)tokens[k] << (8 * k);
    return token;
}

static void encode(const unsigned char *tokens, int64_t bytes, size_t token_bytes,
                   struct chunk_encoder *encoder, struct strbuf *out)
{
    strbuf_reset(out);
    for (int64_t at = 0; at < bytes; at += (int64_t)SHARD_CHUNK_BYTES) {
        size_t stored_bytes;
        const unsigned char *stored =
            chunk_encode(encoder, tokens + at, token_bytes, &stored_bytes);
        const struct chunk_head head = { (uint32_t)stored_bytes,
                                         token_at(tokens + at, token_bytes) };
        strbuf_add(out, &head, sizeof head);
        strbuf_add(out, stored, stored_bytes);
    }
}

struct segment_encoder {
    struct chunk_encoder *chunks;
    struct lot lot;
    struct strbuf tokens;
};

struct segment_encoder *segment_encoder_create(void)
{
    struct segment_encoder *encoder = memory_alloc_zeroed(1, sizeof *encoder);
    encoder->chunks = chunk_encoder_create();
    strbuf_init(&encoder->tokens);
    return encoder;
}

void segment_encoder_free(struct segment_encoder *encoder)
{
    if (!encoder)
        return;
    chunk_encoder_free(encoder->chunks);
    lot_release(&encoder->lot);
    strbuf_release(&encoder->tokens);
    memory_free(encoder);
}

enum status segment_encode(const struct shard_layout *layout, const struct layout_shard *shard,
                           int64_t segment, size_t token_bytes, struct segment_encoder *encoder,
                           struct strbuf *out)
{
    const struct token_range in_shard = range_of(shard, segment, token_bytes);
    const struct token_range wanted = { shard->first_token + in_shard.begin,
                                        shard->first_token + in_shard.end };
    const int64_t bytes = (wanted.end - wanted.begin) * (int64_t)token_bytes;
    strbuf_reset(&encoder->tokens);
    strbuf_reserve(&encoder->tokens, (size_t)bytes + SHARD_CHUNK_BYTES);
    unsigned char *tokens = (unsigned char *)encoder->tokens.bytes;
    memset(tokens + bytes, 0, SHARD_CHUNK_BYTES); /* fills up the last chunk */
    TRY(gather(layout, shard->split, wanted, token_bytes, &encoder->lot, tokens));
    encode(tokens, bytes, token_bytes, encoder->chunks, out);
    return STATUS_OK;
}

static enum status write_segment(const void *context, int file, const char *path)
{
    const struct strbuf *segment = context;
    return file_write_all(file, segment->bytes, segment->length, path);
}

enum status segment_write(const struct strbuf *segment, const char *path)
{
    return file_put(path, write_segment, segment);
}

enum status segment_read(const char *path, struct strbuf *out)
{
    strbuf_reset(out);
    return file_read(path, (size_t)SEGMENT_CHUNKS * 2 * SHARD_CHUNK_BYTES, out);
}

/* The chunk that begins at *at; *at then lies behind it. */
static enum status next_chunk(const struct strbuf *content, size_t *at, const char *source,
                              struct chunk_head *head)
{
    const size_t left = content->length - *at;
    if (left >= sizeof *head)
        memcpy(head, content->bytes + *at, sizeof *head);
    if (left < sizeof *head || left - sizeof *head < head->bytes)
        return failed("cannot use '%s': it is not what was written", source);
    *at += sizeof *head + head->bytes;
    return STATUS_OK;
}

enum status segment_add(const struct strbuf *content, const struct layout_shard *shard,
                        int64_t segment, size_t token_bytes, struct shard_writer *writer,
                        const char *source)
{
    const struct token_range range = range_of(shard, segment, token_bytes);
    const int64_t each = chunk_tokens(token_bytes);
    size_t at = 0;
    for (int64_t token = range.begin; token < range.end; token += each) {
        const int64_t left = range.end - token;
        struct chunk_head head = { 0 };
        TRY(next_chunk(content, &at, source, &head));
        TRY(shard_writer_add_chunk(writer, content->bytes + at - head.bytes, head.bytes,
                                   (size_t)(left < each ? left : each), (int32_t)head.first_token));
    }
    return STATUS_OK;
}
