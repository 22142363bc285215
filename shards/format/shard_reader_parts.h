/* shard_reader_parts: what the files of the shard reader share. Not for others. */
#ifndef SHARDS_SHARD_READER_PARTS_H
#define SHARDS_SHARD_READER_PARTS_H

#include "shards/format/column_reader.h"
#include "shards/format/shard_reader.h"

struct shard_reader {
    char *path;
    struct shard_claim claim;
    struct hdf5_file at;
    uint64_t version; /* 0: not read yet */
    hid_t file, documents;
    struct column_reader tokens, offsets, sources;
    bool labels_are_open, first_tokens_are_open;
    struct column_reader first_tokens; /* of chunks, where there are any, once asked for */
    struct column_reader numbers, name_offsets, names; /* where there are any, once asked for */
};

/* Puts the shard's name before the message of a status that is not OK. */
enum status shard_reader_about(const struct shard_reader *reader, enum status status);

/* Both under hdf5_lock. */
enum status shard_reader_read_version(struct shard_reader *reader);
enum status shard_reader_open_documents(struct shard_reader *reader);

#endif
