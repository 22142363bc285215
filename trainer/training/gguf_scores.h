/* gguf_scores: the order of a SentencePiece tokenizer's merges, as llama.cpp has it.
 *
 * Both join neighbours until none can be joined, the leftmost of equals first. eon joins a pair
 * that has a merge, the lowest rank first; llama.cpp any pair whose characters are a token's
 * name, the highest score of that token first. They do the same in every text if
 *
 *   1. no token's name, not even that of a special token, is merged by eon to two parts and no
 *      further: else llama.cpp makes a token of the two;
 *   2. scores descend with the rank of the one merge that ever makes a token (name_merging.h).
 *
 * For as long as both have done the same, two neighbours that form a name are two parts that the
 * name alone comes to. By 1 these have a merge, and so that of 2: what can be joined and what is
 * joined next are the same to both. And where 1 fails, the shortest such name is a text that
 * they merge differently.
 */
#ifndef TRAINER_TRAINING_GGUF_SCORES_H
#define TRAINER_TRAINING_GGUF_SCORES_H

#include "shards/tokenizer/tokenizer.h"

/* Sets scores[id] of each token: 0, -1, -2, ... in the order of their merges; 0 where no merge
 * makes the token. Bad input, by the token's name, where scores cannot do what the merges do, or
 * what ignore_merges does. */
enum status gguf_scores_of(const struct tokenizer *tokenizer, float *scores);

#endif
