/* blank_stages: the stages of a tokenizer.json that mark blanks and put them back, as Llama 2's,
 * TinyLlama's and Mistral's files have them.
 *
 *   normalizer      Prepend "▁", Replace " " by "▁"   or none, and
 *   pre_tokenizer   none                              Metaspace
 *   decoder         Replace "▁" by " ", ByteFallback, Fuse, and mostly Strip; or Metaspace
 */
#ifndef SHARDS_BLANK_STAGES_H
#define SHARDS_BLANK_STAGES_H

#include "base/json.h"
#include "shards/tokenizer/blank_marking.h"

/* Reads them of `root`, a file without null: whatever else is there is refused by its name. */
enum status blank_stages_read(const struct json *root, const char *source,
                              struct blank_marking *marking);
/* Puts them into `root`. */
void blank_stages_put(struct json *root, const struct blank_marking *marking);

#endif
