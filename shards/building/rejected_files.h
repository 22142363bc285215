/* rejected_files: what a build left out, a file for each input: OUT/rejected/00012-NAME.jsonl.gz.
 *
 * Lots keep what reader and rules of quality reject; duplicates are known only
 * later, and their text comes back from their tokens.
 */
#ifndef SHARDS_REJECTED_FILES_H
#define SHARDS_REJECTED_FILES_H

#include "shards/building/build_team.h"
#include "shards/building/shard_layout.h"
#include "shards/tokenizer/tokenizer.h"

#define REJECTED_FOLDER "rejected"

/* Collective. Writes FOLDER/rejected; inputs of which nothing was rejected have no file. */
enum status rejected_files_write(const struct shard_layout *layout, const char *const *inputs,
                                 const struct tokenizer *tokenizer, const char *folder,
                                 const struct build_team *team);

#endif
