/* corpus_sample: a small corpus for tests, whose every token is known. */
#ifndef TESTS_CORPUS_SAMPLE_H
#define TESTS_CORPUS_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "shards/format/corpus_manifest.h"

enum { CORPUS_SAMPLE_VOCAB = 50000 };

/* Token `place` of shard `shard` (counted over the whole corpus). */
int32_t corpus_sample_token(int64_t shard, int64_t place);

/* Whether a document begins there: they have one to some two hundred tokens. */
bool corpus_sample_begins(int64_t shard, int64_t place);

/* Writes FOLDER (which exists) with one training shard for each of `tokens`, ended by 0, and
 * a held-out shard of 100 tokens after them; returns its manifest, which the caller releases. */
struct corpus_manifest corpus_sample_write(const char *folder, const int64_t *tokens);
struct corpus_manifest corpus_sample_write_as(const char *folder, const int64_t *tokens,
                                              const char *tokenizer_digest);

#endif
