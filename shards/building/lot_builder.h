/* lot_builder: a build's first stage: all lots of all inputs, and the inputs' digests. */
#ifndef SHARDS_LOT_BUILDER_H
#define SHARDS_LOT_BUILDER_H

#include "base/thread_pool.h"
#include "shards/building/build_input.h"
#include "shards/building/corpus_builder.h"
#include "shards/tokenizer/tokenizer.h"

struct lot_builder_plan {
    const struct corpus_plan *corpus;
    const struct tokenizer *tokenizer;
    const struct build_input *inputs; /* input_count of them, shared out */
    const char *folder;               /* in which lots lie; it has a folder for each input */
    struct thread_pool *pool;
    int rank, ranks;
};

/* Local. Makes what falls to this rank and is not there yet. */
enum status lots_build(const struct lot_builder_plan *plan);

/* FOLDER/IDENTITY/00000012.rejected: what --keep-rejected keeps of a lot */
void lot_rejected_path(const char *folder, const struct build_input *input, int64_t lot,
                       struct strbuf *out);

/* Local. The sha256 of an input as it was given, which a rank left beside its lots. */
enum status input_digest_read(const char *folder, const struct build_input *input,
                              char hex[SHA256_HEX]);

#endif
