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

#include "base/status.h"
#include "shards/chunk_codec.h"
#include "shards/shard_format.h"

struct shard_claim {
    struct shard_identity identity;
    int64_t tokens, documents, file_bytes; /* each > 0 and within shard_format's bounds */
};

struct shard_reader; /* one thread at a time */

enum status shard_reader_open(const char *path, const struct shard_claim *claim,
                              struct shard_reader **out);
void shard_reader_close(struct shard_reader *reader); /* NULL is allowed */

/* Tokens in each chunk but the last; chunks hold at most SHARD_CHUNK_MAX_BYTES. */
int64_t shard_reader_chunk_tokens(const struct shard_reader *reader);
int64_t shard_reader_chunk_count(const struct shard_reader *reader);

/* The tokens of one chunk, *count of them; room for shard_reader_chunk_tokens. */
enum status shard_reader_read_chunk(const struct shard_reader *reader, int64_t chunk,
                                    struct chunk_scratch *scratch, int32_t *tokens, int64_t *count);

/* Offsets [first, first + count) of the documents + 1: document d is the tokens
 * [offset d, offset d + 1). As they are in the file: unchecked. */
enum status shard_reader_read_offsets(const struct shard_reader *reader, int64_t first,
                                      int64_t count, struct chunk_scratch *scratch,
                                      uint64_t *offsets);
/* begins[i]: whether a document begins at token first + i, for i < count. Offsets that do not
 * ascend are bad input. */
enum status shard_reader_mark_documents(const struct shard_reader *reader, int64_t first,
                                        int64_t count, struct chunk_scratch *scratch, bool *begins);
/* Indices of the inputs that documents [first, first + count) came from. Unchecked. */
enum status shard_reader_read_sources(const struct shard_reader *reader, int64_t first,
                                      int64_t count, struct chunk_scratch *scratch,
                                      uint64_t *sources);

#endif
