/* tokenizer_sample: small tokenizers for tests, and GPT-2's. */
#ifndef TESTS_TOKENIZER_SAMPLE_H
#define TESTS_TOKENIZER_SAMPLE_H

#include "shards/tokenizer/tokenizer_parts.h"

/* Trained on a few words: it has merges of "th", "the", " the", "aa", "aaaa", ... */
struct tokenizer *tokenizer_sample_train(void);
/* GPT-2's, out of EON_TEST_DATA; where that is missing the test is skipped. */
struct tokenizer *tokenizer_sample_gpt2(void);

/* A small one of SentencePiece's kind, which tests/golden/compare_sentencepiece.py made; and the
 * path of a file there, which the caller frees. */
struct tokenizer *tokenizer_sample_sentencepiece(void);
char *tokenizer_sample_golden(const char *name);

/* One of SentencePiece's kind whose merges are drawn by the seed: in any order of ranks, across
 * blanks, of any of the letters, of which the last, a line feed, has no token. */
enum { TOKENIZER_SAMPLE_LETTERS = 6 };
extern const char *const tokenizer_sample_letters[TOKENIZER_SAMPLE_LETTERS];
struct tokenizer *tokenizer_sample_draw(uint64_t seed);

/* The same vocabulary with another marking of blanks, written to `path` and read. */
struct tokenizer *tokenizer_sample_in_layout(struct tokenizer *from, const char *path,
                                             const struct blank_marking *marking);

/* Where a test changes a tokenizer's file and reads it. */
struct tokenizer_desk {
    struct tokenizer *tokenizer;
    struct strbuf json; /* the tokenizer's file */
    char folder[64];    /* fresh */
    char *path;         /* of a tokenizer.json in it, which is not there yet */
};
void tokenizer_desk_open(struct tokenizer_desk *desk, struct tokenizer *tokenizer);
/* Fails the test where memory is held still. */
void tokenizer_desk_close(struct tokenizer_desk *desk);

/* The ids of a text by an encoder that has seen no other. */
void tokenizer_sample_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                             struct token_buffer *ids);

/* Writes `json` to `path`, each `from` replaced, which must be there, and reads it. */
enum status tokenizer_sample_read_changed(const struct strbuf *json, const char *path,
                                          const char *from, const char *to, struct tokenizer **out);

#endif
