/* shard_format: what the writer and the reader of a shard agree on.
 * The specification is docs/shard-format.md.
 */
#ifndef SHARDS_SHARD_FORMAT_H
#define SHARDS_SHARD_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "shards/format/corpus_split.h"

#define SHARD_FORMAT_VERSION  1
#define SHARD_FORMAT_LABELLED 2 /* chunks may have first tokens, documents numbers and names */
#define CORPUS_FORMAT_VERSION 1

/* The writer's chunk, before compression: small enough that a sample costs little more than
 * itself to read, large enough that deflate finds something. */
#define SHARD_CHUNK_BYTES ((size_t)32 << 10)
/* A reader takes larger chunks, up to this: its memory depends on it. */
#define SHARD_CHUNK_MAX_BYTES ((size_t)1 << 20)
/* Deflate makes at most 1032 bytes of one (zlib, "Maximum Expansion Factor"). */
#define SHARD_DEFLATE_MAX_RATIO 1032

/* Bounds on what a shard may claim: sums over all shards of a corpus stay below 2^63. */
#define SHARD_MAX_TOKENS     ((int64_t)1 << 40)
#define SHARD_MAX_TEXT_BYTES ((int64_t)1 << 42)
#define SHARD_MAX_FILE_BYTES ((int64_t)1 << 42)
#define CORPUS_MAX_SHARDS    ((int64_t)100000)   /* of a split: five digits in the name */
#define SHARD_MAX_NAME_BYTES ((uint64_t)1 << 16) /* of one document */
#define CORPUS_MAX_INPUTS    ((int64_t)1 << 20)
#define CORPUS_MAX_VOCAB     INT32_MAX

#define SHARD_TOKENS           "tokens"
#define SHARD_FIRST_TOKENS     "first_tokens" /* of each chunk; from version 2 on, and not always */
#define SHARD_DOCUMENTS        "documents"
#define SHARD_DOCUMENT_OFFSETS "offset"
#define SHARD_DOCUMENT_SOURCES "source"
#define SHARD_DOCUMENT_NUMBERS "number" /* from version 2 on, and not always */
#define SHARD_DOCUMENT_NAMES   "name"   /* both of the two, or none */
#define SHARD_NAME_OFFSETS     "name_offset"

#define SHARD_ATTRIBUTE_VERSION   "format_version"
#define SHARD_ATTRIBUTE_TOKENIZER "tokenizer_digest"
#define SHARD_ATTRIBUTE_VOCAB     "vocabulary_size"
#define SHARD_ATTRIBUTE_SPLIT     "split"

/* What every shard says of itself in its attributes. */
struct shard_identity {
    char tokenizer_digest[SHA256_HEX];
    int64_t vocab_size;
    enum corpus_split split;
};

/* Bytes of one token in the file: the smallest of uint16 and uint32 that holds all ids. */
static inline size_t shard_token_bytes(int64_t vocab_size)
{
    return vocab_size <= 65536 ? 2 : 4;
}

#endif
