/* shard_reader: one HDF5 shard from outside, read within bounds.
 *
 * Opening compares the file with what corpus.json claims of it, before any data
 * is read: size, identity, layout, extents (see column_reader). Reading checks
 * each chunk's checksum, and each token against the vocabulary. Errors are bad
 * input, one line: cannot read shard 'x.h5': chunk 212 of 'tokens' fails its checksum.
 * The file's sha256 is the business of `eon shards verify`.
 */
#ifndef SHARDS_SHARD_READER_H
#define SHARDS_SHARD_READER_H

#include <stdint.h>

#include "base/strbuf.h"
#include "shards/format/chunk_codec.h"
#include "shards/format/shard_format.h"

struct shard_claim {
    struct shard_identity identity;
    int64_t tokens, documents, file_bytes; /* each > 0 and within shard_format's bounds */
};

struct shard_reader; /* one thread at a time, but for shard_reader_load_chunk */

enum status shard_reader_open(const char *path, const struct shard_claim *claim,
                              struct shard_reader **out);
/* The same of a shard that was opened before: of what was checked then, only what tokens are read
 * by is checked again, which takes half the time. */
enum status shard_reader_reopen(const char *path, const struct shard_claim *claim,
                                struct shard_reader **out);
void shard_reader_close(struct shard_reader *reader); /* NULL is allowed */

/* Tokens in each chunk but the last; chunks hold at most SHARD_CHUNK_MAX_BYTES. */
int64_t shard_reader_chunk_tokens(const struct shard_reader *reader);
int64_t shard_reader_chunk_count(const struct shard_reader *reader);

int64_t shard_reader_chunk_length(const struct shard_reader *reader, int64_t chunk);
size_t shard_reader_token_bytes(const struct shard_reader *reader); /* 2 or 4 */

/* A chunk in two steps: where it lies, by HDF5; and its tokens as uint16_t or uint32_t, with room
 * for shard_reader_chunk_tokens, without HDF5: several threads may, each with its scratch. */
enum status shard_reader_find_chunk(const struct shard_reader *reader, int64_t chunk,
                                    struct chunk_place *out);
enum status shard_reader_load_chunk(const struct shard_reader *reader, int64_t chunk,
                                    const struct chunk_place *place, struct chunk_scratch *scratch,
                                    void *tokens);

/* The same in one, widened: *count tokens; room for shard_reader_chunk_tokens. */
enum status shard_reader_read_chunk(struct shard_reader *reader, int64_t chunk,
                                    struct chunk_scratch *scratch, int32_t *tokens, int64_t *count);

/* The first token of a chunk, without the chunk; -1 where the shard does not list it, or has no
 * such chunk. So the last target of a sample that ends with a chunk costs no other chunk. */
enum status shard_reader_first_token(struct shard_reader *reader, int64_t chunk,
                                     struct chunk_scratch *scratch, int32_t *token);

/* Tokens of 2 or 4 bytes, below 2^31. */
void shard_tokens_widen(const void *tokens, size_t token_bytes, int64_t count, int32_t *out);

/* Offsets [first, first + count) of the documents + 1: document d is the tokens
 * [offset d, offset d + 1). As they are in the file: unchecked. */
enum status shard_reader_read_offsets(struct shard_reader *reader, int64_t first, int64_t count,
                                      struct chunk_scratch *scratch, uint64_t *offsets);
/* The first document that begins at token `place` or after it, or else their number. */
enum status shard_reader_find_document(struct shard_reader *reader, int64_t place,
                                       struct chunk_scratch *scratch, int64_t *document);
/* Bit i of `begins` (document_bits_bytes(count)): whether a document begins at token first + i, for
 * i < count. Offsets that do not ascend are bad input. */
enum status shard_reader_mark_documents(struct shard_reader *reader, int64_t first, int64_t count,
                                        struct chunk_scratch *scratch, uint64_t *begins);

static inline size_t document_bits_bytes(int64_t count)
{
    return (size_t)(count + 63) / 64 * sizeof(uint64_t);
}

static inline void document_bits_set(uint64_t *bits, int64_t i)
{
    bits[i / 64] |= UINT64_C(1) << i % 64;
}

static inline bool document_bits_get(const uint64_t *bits, int64_t i)
{
    return bits[i / 64] >> i % 64 & 1;
}

/* Indices of the inputs that documents [first, first + count) came from. Unchecked. */
enum status shard_reader_read_sources(struct shard_reader *reader, int64_t first, int64_t count,
                                      struct chunk_scratch *scratch, uint64_t *sources);

/* What the input called a document, where the shard has it. */
struct document_label {
    bool has_number, has_name;
    uint64_t number;    /* in its input */
    struct strbuf name; /* from STRBUF_INIT on: an address or an id; any bytes */
};
enum status shard_reader_read_label(struct shard_reader *reader, int64_t document,
                                    struct chunk_scratch *scratch, struct document_label *label);
/* All of them: that names lie one after the other, from the first byte to the last. */
enum status shard_reader_verify_labels(struct shard_reader *reader, struct chunk_scratch *scratch);

#endif
