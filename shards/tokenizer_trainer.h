/* tokenizer_trainer: learns byte-level BPE merges from text.
 *
 * Counts distinct pieces of the splitting rule, then merges the most frequent
 * pair until the vocabulary is full; ties go to the pair with the lower ids, so
 * the result depends on the counts of pieces alone: the order of the texts
 * changes nothing. Ids: 256 bytes (in the order of the byte-to-character table),
 * merges in order, specials last.
 *
 * A piece longer than TOKENIZER_TRAINER_PIECE bytes (a line of dashes, a base64
 * block) is counted in parts of that length: nothing is learned across them.
 * Two merges never make the same token: the later pair stays apart.
 */
#ifndef SHARDS_TOKENIZER_TRAINER_H
#define SHARDS_TOKENIZER_TRAINER_H

#include "shards/tokenizer.h"

#define TOKENIZER_TRAINER_PIECE     ((size_t)1024)
#define TOKENIZER_TRAINER_MIN_VOCAB 257
#define TOKENIZER_TRAINER_MAX_VOCAB ((int64_t)1 << 20)

struct tokenizer_trainer;
struct tokenizer_trainer *tokenizer_trainer_create(void);
void tokenizer_trainer_add(struct tokenizer_trainer *trainer, const char *text, size_t length);
/* vocab_size counts everything, from MIN_VOCAB (the bytes and <|endoftext|>) to MAX_VOCAB, or it
 * is bad input. Ends early, with a smaller vocabulary, where no pair occurs twice. */
enum status tokenizer_trainer_finish(struct tokenizer_trainer *trainer, int64_t vocab_size,
                                     struct tokenizer **out);
void tokenizer_trainer_free(struct tokenizer_trainer *trainer); /* NULL is allowed */

#endif
