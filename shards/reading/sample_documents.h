/* sample_documents: which documents a sample of a corpus is made of. */
#ifndef SHARDS_SAMPLE_DOCUMENTS_H
#define SHARDS_SAMPLE_DOCUMENTS_H

#include "shards/reading/corpus.h"
#include "shards/format/shard_reader.h"

struct sample_document {
    int64_t document;                   /* its number in the shard */
    int64_t first_token, end_token;     /* of it, in the shard */
    const struct manifest_input *input; /* the file that it came from */
    struct document_label label;
};

struct sample_documents {
    const struct manifest_shard *shard;
    int64_t first_token, end_token; /* of the sample in the shard, the last target included */
    struct sample_document *items;
    int64_t count;
};

/* All that the sample has a token of. What it points to belongs to the corpus. */
enum status sample_documents_read(struct corpus *corpus, int64_t sample,
                                  struct sample_documents *out);
void sample_documents_release(struct sample_documents *documents);

#endif
