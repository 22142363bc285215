/* tokenizer_trainer: learns byte-level BPE merges from text.
 *
 * Counts distinct pieces of the splitting rule, then merges the most frequent
 * pair until the vocabulary is full; ties go to the pair with the lower ids, so
 * the result depends on the counts of pieces alone: the order of the texts and
 * the number of threads change nothing. Ids: 256 bytes (in the order of the
 * byte-to-character table), merges in order, specials last: <|endoftext|>, then
 * those that were added.
 *
 * A piece longer than TOKENIZER_TRAINER_PIECE bytes (a line of dashes, a base64
 * block) is counted in parts of that length: nothing is learned across them.
 * Two merges never make the same token: the later pair stays apart.
 */
#ifndef SHARDS_TOKENIZER_TRAINER_H
#define SHARDS_TOKENIZER_TRAINER_H

#include "shards/tokenizer/piece_feed.h"
#include "shards/tokenizer/tokenizer.h"

#define TOKENIZER_TRAINER_PIECE       ((size_t)1024)
#define TOKENIZER_TRAINER_MIN_VOCAB   257
#define TOKENIZER_TRAINER_MAX_VOCAB   ((int64_t)1 << 20)
#define TOKENIZER_TRAINER_MAX_THREADS 1024

struct tokenizer_training {
    int64_t documents, bytes;
    int64_t pieces;      /* distinct ones, after all texts were read */
    int64_t vocab_size;  /* tokens so far; 0 while texts are read */
    int64_t text_tokens; /* what the texts come to with the merges learned; known at the end */
};

struct tokenizer_trainer_settings {
    int threads;
    enum splitting_rule splitting;
    int64_t memory_bytes; /* what counting and learning may take; 0: no limit */
    /* Called now and then by the thread that called read or finish; or NULL. */
    void (*progress)(void *context, const struct tokenizer_training *so_far);
    void *progress_context;
};

struct tokenizer_trainer;
struct tokenizer_trainer *tokenizer_trainer_create(
    const struct tokenizer_trainer_settings *settings); /* NULL: 1 thread, as GPT-2 splits */
void tokenizer_trainer_free(struct tokenizer_trainer *trainer); /* NULL is allowed */

/* Counts one text in the calling thread. */
void tokenizer_trainer_add(struct tokenizer_trainer *trainer, const char *text, size_t length);

/* Counts all texts that are supplied, in all threads; reading goes on beside it. */
enum status tokenizer_trainer_read(struct tokenizer_trainer *trainer, text_supply *supply,
                                   void *context);

/* One more special token. Bad input: empty, or given before. */
enum status tokenizer_trainer_add_special(struct tokenizer_trainer *trainer, const char *name);

/* vocab_size counts everything, at least the bytes and the special tokens, at most MAX_VOCAB, or it
 * is bad input. Ends early, with a smaller vocabulary, where no pair occurs twice. Counts are used
 * up: to be called once, after all texts. */
enum status tokenizer_trainer_finish(struct tokenizer_trainer *trainer, int64_t vocab_size,
                                     struct tokenizer **out);
const struct tokenizer_training *tokenizer_trainer_summary(const struct tokenizer_trainer *trainer);

#endif
