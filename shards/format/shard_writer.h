/* shard_writer: documents' tokens into a new HDF5 shard.
 *
 * The file is complete, on the disk and under checksums once shard_writer_close
 * has returned; before that it is of no use. Callers write it in a temporary
 * folder that is renamed at the end (corpus_builder). The same documents give
 * the same bytes. Memory: a chunk for each column, and HDF5's index.
 */
#ifndef SHARDS_SHARD_WRITER_H
#define SHARDS_SHARD_WRITER_H

#include <stdint.h>

#include "base/status.h"
#include "shards/format/shard_format.h"

struct shard_writer;

/* Where a document came from. */
struct document_origin {
    uint32_t source; /* index of its input */
    int64_t number;  /* within it */
    const char *name;
    size_t name_length; /* 0: it has none */
};

/* The file must not exist. Without `has_names` names are not written. */
enum status shard_writer_open(const char *path, const struct shard_identity *identity,
                              bool has_names, struct shard_writer **out);

/* Appends one document of `count` > 0 ids below the vocabulary's size. */
enum status shard_writer_add(struct shard_writer *writer, const int32_t *ids, int64_t count,
                             const struct document_origin *origin);

/* The same in two parts: chunks of tokens that chunk_encode made, all but the last full, and the
 * documents that they hold. */
enum status shard_writer_add_chunk(struct shard_writer *writer, const void *stored,
                                   size_t stored_bytes, size_t tokens, int32_t first_token);
enum status shard_writer_add_document(struct shard_writer *writer, int64_t tokens,
                                      const struct document_origin *origin);

int64_t shard_writer_tokens(const struct shard_writer *writer);
int64_t shard_writer_documents(const struct shard_writer *writer);

/* Finishes and syncs the file, and frees the writer in any case. */
enum status shard_writer_close(struct shard_writer *writer);

/* Frees the writer and leaves a file of no use. NULL is allowed. */
void shard_writer_discard(struct shard_writer *writer);

#endif
