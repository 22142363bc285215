/* tokenizer_parts: what a tokenizer is made of, for those who make one (readers
 * of files, the trainer) and those who walk it (encoder, printer).
 *
 * Making one:  tokenizer_new, tokens in the order of their ids, merges in the
 * order of their ranks, tokenizer_seal. After that it never changes.
 */
#ifndef SHARDS_TOKENIZER_PARTS_H
#define SHARDS_TOKENIZER_PARTS_H

#include "shards/tokenizer/byte_map.h"
#include "shards/tokenizer/pair_map.h"
#include "shards/tokenizer/tokenizer.h"

#define TOKENIZER_END_OF_TEXT "<|endoftext|>" /* of those that are trained here */
#define TOKENIZER_MAX_VOCAB   ((int64_t)1 << 24)
#define TOKENIZER_MAX_FILE    ((size_t)256 << 20)

struct merge {
    int32_t left, right, result;
};

struct tokenizer {
    enum tokenizer_kind kind; /* byte-level unless it is set before the first token */
    struct byte_map tokens;   /* by id; special tokens are hidden: no merge makes them */
    int32_t byte_token[256];  /* of a text of one byte */
    int32_t fallback[256];    /* SentencePiece's tokens "<0x00>" to "<0xFF>", hidden too; or -1 */
    int32_t unknown;          /* the special token that is called unk_token, or -1 */
    struct merge *merges;     /* by rank: the lower goes first */
    int64_t merge_count, merge_capacity;
    struct pair_map merge_rank; /* (left, right) -> rank */
    int32_t *specials;          /* ids, ascending */
    int64_t special_count;
    int32_t end_of_text;
    enum splitting_rule splitting; /* gpt2 unless it is set before tokenizer_seal */
    struct blank_marking marking;  /* of SentencePiece's kind; likewise */
    bool whole_pieces; /* a piece that is a token is taken without merging; false likewise */
    int32_t byte_pair_rank[256][256]; /* of merging two bytes' tokens, or -1: most look-ups */
    uint64_t joins[256][4];           /* bit b of joins[a]: in some token byte b follows byte a */
    char digest[SHA256_HEX];
};

static inline bool tokenizer_joins(const struct tokenizer *tokenizer, unsigned char a,
                                   unsigned char b)
{
    return tokenizer->joins[a][b / 64] >> b % 64 & 1;
}

/* Bytes of the text's first part, within which all merges stay: no token spans its end and what
 * follows. `length` is at least 1. */
static inline size_t tokenizer_part_length(const struct tokenizer *tokenizer, const char *text,
                                           size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t end = 1;
    while (end < length && tokenizer_joins(tokenizer, bytes[end - 1], bytes[end]))
        end++;
    return end;
}

struct tokenizer *tokenizer_new(void);

/* Adds the token with the next id. `source` names the file in messages. Bad input: empty, or the
 * same bytes as another token. */
enum status tokenizer_add_token(struct tokenizer *tokenizer, const char *bytes, size_t length,
                                const char *source);
void tokenizer_add_special(struct tokenizer *tokenizer, const char *bytes, size_t length);
/* Adds SentencePiece's token of a byte, which has none yet. */
void tokenizer_add_byte(struct tokenizer *tokenizer, unsigned char byte);
/* The id of the special token of this name, or -1. */
int32_t tokenizer_find_special(const struct tokenizer *tokenizer, const char *name);

/* Adds the next merge: of two tokens to the one that is both joined. Bad input: the pair has a
 * merge, or the vocabulary has no such token. */
enum status tokenizer_add_merge(struct tokenizer *tokenizer, int32_t left, int32_t right,
                                const char *source);

/* Every byte must have a token, SentencePiece's blank as well, and one that ends a text must be
 * special. */
enum status tokenizer_seal(struct tokenizer *tokenizer, const char *source);

#endif
