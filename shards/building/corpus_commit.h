/* corpus_commit: a build's last step: from its work folder to a corpus. */
#ifndef SHARDS_CORPUS_COMMIT_H
#define SHARDS_CORPUS_COMMIT_H

#include "shards/building/build_input.h"
#include "shards/building/corpus_builder.h"
#include "shards/building/shard_filler.h"
#include "shards/building/staging_folder.h"
#include "shards/tokenizer/tokenizer.h"

/* Local. What corpus.json is to say. `manifest` is to be released in any case. */
enum status corpus_manifest_fill(struct corpus_manifest *manifest, const struct corpus_plan *plan,
                                 const struct build_input *inputs,
                                 const struct shard_assembly *assembly);

/* Local, rank 0's. Moves the shards out of `fill_folder`, adds tokenizer.json and corpus.json,
 * removes the folder `work`, and puts the corpus in its place. */
enum status corpus_commit(const struct corpus_manifest *manifest, const struct tokenizer *tokenizer,
                          const char *fill_folder, struct staging_folder *staging,
                          const char *work);

#endif
