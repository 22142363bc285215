/* tokenizer_parts: what a tokenizer is made of, for those who make one (readers
 * of files, the trainer) and those who walk it (encoder, printer).
 *
 * Making one:  tokenizer_new, tokens in the order of their ids, merges in the
 * order of their ranks, tokenizer_seal. After that it never changes.
 */
#ifndef SHARDS_TOKENIZER_PARTS_H
#define SHARDS_TOKENIZER_PARTS_H

#include "shards/byte_map.h"
#include "shards/pair_map.h"
#include "shards/tokenizer.h"

#define TOKENIZER_END_OF_TEXT "<|endoftext|>"
#define TOKENIZER_MAX_VOCAB   ((int64_t)1 << 24)
#define TOKENIZER_MAX_FILE    ((size_t)256 << 20)

struct merge {
    int32_t left, right, result;
};

struct tokenizer {
    struct byte_map tokens; /* by id; special tokens are hidden: no merge makes them */
    int32_t byte_token[256];
    struct merge *merges; /* by rank: the lower goes first */
    int64_t merge_count, merge_capacity;
    struct pair_map merge_rank; /* (left, right) -> rank */
    int32_t *specials;          /* ids, ascending */
    int64_t special_count;
    int32_t end_of_text;
    char digest[SHA256_HEX];
};

struct tokenizer *tokenizer_new(void);

/* Adds the token with the next id. `source` names the file in messages. Bad input: empty, or the
 * same bytes as another token. */
enum status tokenizer_add_token(struct tokenizer *tokenizer, const char *bytes, size_t length,
                                const char *source);
void tokenizer_add_special(struct tokenizer *tokenizer, const char *bytes, size_t length);

/* Adds the next merge: of two tokens to the one that is both joined. Bad input: the pair has a
 * merge, or the vocabulary has no such token. */
enum status tokenizer_add_merge(struct tokenizer *tokenizer, int32_t left, int32_t right,
                                const char *source);

/* Every byte must have a token, and <|endoftext|> must be a special one. */
enum status tokenizer_seal(struct tokenizer *tokenizer, const char *source);

#endif
