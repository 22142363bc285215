/* corpus_manifest: corpus.json, the list of what a corpus is made of.
 *
 * Its content is trusted only after validation: names stay inside the folder,
 * counts are positive and their sums fit, digests are digests. The format is
 * specified in docs/shard-format.md.
 */
#ifndef SHARDS_CORPUS_MANIFEST_H
#define SHARDS_CORPUS_MANIFEST_H

#include <stdint.h>

#include "base/json.h"
#include "base/sha256.h"
#include "base/status.h"
#include "shards/format/corpus_report.h"
#include "shards/format/corpus_split.h"
#include "shards/format/shard_reader.h"

#define CORPUS_MANIFEST_NAME  "corpus.json"
#define CORPUS_TOKENIZER_NAME "tokenizer.json"

struct manifest_shard {
    char *file; /* a plain name: the shard lies in the corpus folder itself */
    enum corpus_split split;
    int64_t tokens, documents, text_bytes, file_bytes;
    char sha256[SHA256_HEX];
};

/* What a file of text that went into the corpus was. */
struct manifest_input {
    char *name; /* of the file, without its folder */
    int64_t file_bytes;
    char sha256[SHA256_HEX];
};

struct corpus_rules {
    char *document_start; /* a pattern; "": none */
    int64_t document_bytes, shard_tokens;
    double holdout;
    int64_t empty_documents; /* that were left out */
};

struct corpus_manifest {
    char tokenizer_digest[SHA256_HEX];
    int64_t vocab_size;
    struct manifest_shard *shards; /* by split, then by name */
    int64_t shard_count;
    struct manifest_input *inputs; /* in order: documents refer to them by index */
    int64_t input_count;
    struct corpus_rules rules;
    struct corpus_report report; /* empty where an older eon built the corpus */
    struct json *options;        /* all that decided the content, as given; or NULL */
};

/* Starts an empty one; texts are copied. */
void corpus_manifest_init(struct corpus_manifest *manifest, const char *tokenizer_digest,
                          int64_t vocab_size);
void corpus_manifest_release(struct corpus_manifest *manifest);
void corpus_manifest_add_shard(struct corpus_manifest *manifest,
                               const struct manifest_shard *shard);
void corpus_manifest_sort_shards(struct corpus_manifest *manifest);
void corpus_manifest_add_input(struct corpus_manifest *manifest,
                               const struct manifest_input *input);
void corpus_manifest_set_rules(struct corpus_manifest *manifest, const struct corpus_rules *rules);

/* FOLDER/corpus.json. Reading initialises `out`, which is empty after an error. */
enum status corpus_manifest_read(const char *folder, struct corpus_manifest *out);
enum status corpus_manifest_write(const struct corpus_manifest *manifest, const char *folder);

/* As JSON, for --json; the caller frees it. */
struct json *corpus_manifest_to_json(const struct corpus_manifest *manifest);

/* Totals over the shards of one split; all zero where it has none. */
struct corpus_totals {
    int64_t shards, tokens, documents, text_bytes, file_bytes;
};
struct corpus_totals corpus_manifest_totals(const struct corpus_manifest *manifest,
                                            enum corpus_split split);

/* sha256 over the shards' sha256, in order: names the data. */
void corpus_manifest_digest(const struct corpus_manifest *manifest, char hex[SHA256_HEX]);

/* What the shard reader has to find in a shard. */
struct shard_claim corpus_manifest_claim(const struct corpus_manifest *manifest, int64_t shard);

#endif
