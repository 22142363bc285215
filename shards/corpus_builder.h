/* corpus_builder: text files in, a corpus folder out.
 *
 * Each document becomes <|endoftext|> and its tokens. Which split it belongs to
 * is decided by its content alone, so that neither the order of the inputs nor
 * their cutting moves a document, and copies of it stay on one side. The same
 * inputs and rules give the same bytes. The folder appears whole or not at all.
 */
#ifndef SHARDS_CORPUS_BUILDER_H
#define SHARDS_CORPUS_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "shards/corpus_manifest.h"
#include "shards/text_reader.h"

struct corpus_plan {
    const char *tokenizer; /* as tokenizer_open takes it */
    const char *out;
    const char *const *inputs;
    int64_t input_count;
    struct text_rules text;
    double holdout;       /* fraction of the documents, in [0, 1) */
    int64_t shard_tokens; /* a shard is closed once it has as many */
    bool overwrite;       /* an existing corpus; anything else is refused */
};

/* `out` is what corpus.json says; the caller releases it. Empty after an error. */
enum status corpus_build(const struct corpus_plan *plan, struct corpus_manifest *out);

/* The split of a document: held out where the first 64 bits of its sha256, as a fraction of
 * 2^64, are below `holdout`. */
enum corpus_split document_split(const char *text, size_t length, double holdout);

#endif
