/* shard_verifier: everything that corpus.json says of a shard, recomputed. */
#ifndef SHARDS_SHARD_VERIFIER_H
#define SHARDS_SHARD_VERIFIER_H

#include <stdint.h>

#include "base/status.h"
#include "shards/format/corpus_manifest.h"
#include "shards/tokenizer/tokenizer.h"

/* The corpus' own tokenizer, FOLDER/tokenizer.json, which must be the one that corpus.json
 * names. The caller frees it. */
enum status corpus_tokenizer_read(const char *folder, const struct corpus_manifest *manifest,
                                  struct tokenizer **out);

/* Size and sha256 of the file; each chunk's checksum; each token within the vocabulary; a
 * document exactly where an <|endoftext|> is, from the first token to the last; the number
 * of documents; an input for each of them; the bytes of their text. */
enum status shard_verify(const char *folder, const struct corpus_manifest *manifest,
                         const struct tokenizer *tokenizer, int64_t shard);

#endif
