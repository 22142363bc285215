/* corpus: a folder of shards with corpus.json, opened for reading.
 *
 * corpus.json lists every shard with its split, tokens, documents, bytes and
 * sha256, and the tokenizer's digest; the folder holds tokenizer.json too. What
 * training sees of a split is a sequence of samples of seq_len + 1 tokens
 * (inputs and the targets beside them), numbered from 0; a sample lies in one
 * shard, consecutive samples share one token:
 *
 *   shard    t0 t1 t2 t3 t4 t5 t6 t7 t8 t9     seq_len 4
 *   sample 0 |------------|
 *   sample 1             |------------|        t9 is left over
 *
 * Memory: the list of shards, the chunk cache, and what HDF5 needs for the shards that are open.
 */
#ifndef SHARDS_CORPUS_H
#define SHARDS_CORPUS_H

#include <stdint.h>

#include "base/status.h"
#include "shards/format/corpus_manifest.h"
#include "shards/format/corpus_split.h"

struct corpus; /* its facts are immutable: one thread may read samples beside others' queries */

/* Checks corpus.json. The shards of the split are checked against it (size, identity, layout) when
 * they are first read, or now if they are at most CORPUS_CHECKED_AT_ONCE. A split may be shorter
 * than a sample: whether that will do is the caller's to say. */
enum { CORPUS_CHECKED_AT_ONCE = 256 };
enum status corpus_open(const char *folder, enum corpus_split split, int64_t seq_len,
                        struct corpus **out);
/* Another split of the same folder, by its corpus.json as it was read; closed before `corpus`. */
enum status corpus_open_beside(const struct corpus *corpus, enum corpus_split split,
                               struct corpus **out);
void corpus_close(struct corpus *corpus); /* NULL is allowed */
/* How many threads inflate chunks, the one that reads samples among them; at first 1. */
void corpus_set_threads(struct corpus *corpus, int threads);

struct shard_set;
struct shard_set *corpus_shards(struct corpus *corpus); /* whose readers are those of its samples */
int64_t corpus_seq_len(const struct corpus *corpus);
const struct corpus_manifest *corpus_list(const struct corpus *corpus); /* what corpus.json says */
int64_t corpus_sample_count(const struct corpus *corpus);               /* may be 0 */
int64_t corpus_token_count(const struct corpus *corpus);                /* of the split */
int64_t corpus_byte_count(const struct corpus *corpus); /* of the split's text: for bits per byte */
int64_t corpus_vocab_size(const struct corpus *corpus);
const char *corpus_tokenizer_digest(const struct corpus *corpus);
const char *corpus_digest(
    const struct corpus *corpus); /* sha256 over all shards' sha256: names the data */

/* seq_len + 1 tokens of one sample. `document_starts` [seq_len], or NULL: where in the sample each
 * token's document begins, 0 if it began before; the <|endoftext|> that opens a document is its
 * first token. A token beyond the vocabulary, a failing checksum or a truncated shard is bad input
 * that names shard and place. One thread at a time. */
enum status corpus_read_sample(struct corpus *corpus, int64_t sample, int32_t *tokens,
                               int32_t *document_starts);

#endif
