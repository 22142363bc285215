/* shard_writer: documents' tokens into a new HDF5 shard.
 *
 * The file is complete, on the disk and under checksums once shard_writer_close
 * has returned; before that it is of no use. Callers write it in a temporary
 * folder that is renamed at the end (corpus_builder). The same documents give
 * the same bytes. Memory: three chunks, and HDF5's index.
 */
#ifndef SHARDS_SHARD_WRITER_H
#define SHARDS_SHARD_WRITER_H

#include <stdint.h>

#include "base/status.h"
#include "shards/shard_format.h"

struct shard_writer;

/* The file must not exist. */
enum status shard_writer_open(const char *path, const struct shard_identity *identity,
                              struct shard_writer **out);

/* Appends one document of `count` > 0 ids below the vocabulary's size; `source` is the index
 * of the input it came from. */
enum status shard_writer_add(struct shard_writer *writer, const int32_t *ids, int64_t count,
                             uint32_t source);

int64_t shard_writer_tokens(const struct shard_writer *writer);
int64_t shard_writer_documents(const struct shard_writer *writer);

/* Finishes and syncs the file, and frees the writer in any case. */
enum status shard_writer_close(struct shard_writer *writer);

/* Frees the writer and leaves a file of no use. NULL is allowed. */
void shard_writer_discard(struct shard_writer *writer);

#endif
