/* tokenizer_walk: what must hold of every tokenizer that was read. */
#ifndef TESTS_TOKENIZER_WALK_H
#define TESTS_TOKENIZER_WALK_H

#include "shards/tokenizer/tokenizer.h"

/* It prints to a file that reads back as the same, and loses nothing of a text. */
void tokenizer_walk_check(const struct tokenizer *tokenizer);

/* decode(encode(text)) is `text`, or what SentencePiece's kind keeps of it, and every id is below
 * the vocabulary's size. */
void tokenizer_walk_round_trip(const struct tokenizer *tokenizer, const void *text, size_t length);

#endif
