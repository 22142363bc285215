/* chunk_segment: a run of a shard's chunks, encoded ahead of the shard.
 *
 * Encoding is most of the work on a shard and can be done by any thread of any
 * rank; putting the chunks into HDF5's file is done by one. Between them a
 * segment is, in memory or as a file:
 *
 *   | head | chunk 0 | head | chunk 1 | ...    a head: the chunk's bytes and its first token
 */
#ifndef SHARDS_CHUNK_SEGMENT_H
#define SHARDS_CHUNK_SEGMENT_H

#include "shards/format/chunk_encoder.h"
#include "shards/building/shard_layout.h"
#include "shards/format/shard_writer.h"

enum { SEGMENT_CHUNKS = 256 };

int64_t segment_count(const struct layout_shard *shard, size_t token_bytes);

struct segment_encoder; /* scratch, for one thread */
struct segment_encoder *segment_encoder_create(void);
void segment_encoder_free(struct segment_encoder *encoder); /* NULL is allowed */

/* Gathers the segment's tokens from the lots and encodes them. It replaces `out`. */
enum status segment_encode(const struct shard_layout *layout, const struct layout_shard *shard,
                           int64_t segment, size_t token_bytes, struct segment_encoder *encoder,
                           struct strbuf *out);

enum status segment_write(const struct strbuf *segment, const char *path);
enum status segment_read(const char *path, struct strbuf *out); /* replaces it */

/* Appends the segment's chunks to the shard. `source` names it in messages. */
enum status segment_add(const struct strbuf *content, const struct layout_shard *shard,
                        int64_t segment, size_t token_bytes, struct shard_writer *writer,
                        const char *source);

#endif
