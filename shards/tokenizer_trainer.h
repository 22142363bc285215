/* tokenizer_trainer: learns byte-level BPE merges from text.
 *
 * Counts distinct pieces of the splitting rule, then merges the most frequent
 * pair until the vocabulary is full; ties go to the pair with the lower ids, so
 * the result depends on the text alone. Ids: 256 bytes (in the order of the
 * byte-to-character table), merges in order, specials last.
 */
#ifndef SHARDS_TOKENIZER_TRAINER_H
#define SHARDS_TOKENIZER_TRAINER_H

#include "shards/tokenizer.h"

struct tokenizer_trainer;
struct tokenizer_trainer *tokenizer_trainer_create(void);
void tokenizer_trainer_add(struct tokenizer_trainer *trainer, const char *text, size_t length);
/* vocab_size counts everything (at least 257). Ends early, with a smaller vocabulary,
 * where no pair occurs twice. */
enum status tokenizer_trainer_finish(struct tokenizer_trainer *trainer, int64_t vocab_size,
                                     struct tokenizer **out);
void tokenizer_trainer_free(struct tokenizer_trainer *trainer);

#endif
