/* corpus_document: one document of a corpus, to look at. */
#ifndef SHARDS_CORPUS_DOCUMENT_H
#define SHARDS_CORPUS_DOCUMENT_H

#include <stdint.h>

#include "base/status.h"
#include "shards/format/corpus_manifest.h"
#include "shards/format/shard_reader.h"

struct corpus_document {
    const struct manifest_shard *shard;
    const struct manifest_input *input; /* the file that it came from */
    int64_t index_in_shard;
    int64_t first_token; /* its place in the shard */
    int32_t *tokens;     /* <|endoftext|> first */
    int64_t token_count;
    struct document_label label;
};

/* Document `index` of a split, counted over its shards in order. What it points to belongs to
 * the manifest. */
enum status corpus_document_read(const char *folder, const struct corpus_manifest *manifest,
                                 enum corpus_split split, int64_t index,
                                 struct corpus_document *out);
void corpus_document_release(struct corpus_document *document);

#endif
