/* merge_learner: which pair of adjacent tokens occurs most often in a set of
 * counted words, kept up to date while pairs are merged.
 *
 * A merge visits the words of its pair alone (shards/pair_index). All that it
 * changes besides are pairs with a neighbour of what is merged:
 *
 *     p L R q   ->   p N q        (p, L) and (R, q) lose what (p, N) and (N, q) win
 *
 * so while words are visited it is enough to add up by p and by q.
 */
#ifndef SHARDS_MERGE_LEARNER_H
#define SHARDS_MERGE_LEARNER_H

#include "shards/tokenizer/word_store.h"

struct merge_learner;

/* Takes the words over; `words` is empty then. All tokens to come are below `vocab_size`. */
struct merge_learner *merge_learner_create(struct word_store *words, int64_t vocab_size);
void merge_learner_free(struct merge_learner *learner);

/* Takes the most frequent pair that occurs twice or more, of several the one with the lower left
 * id, then the lower right id; false if there is none. It is not offered again. */
bool merge_learner_take(struct merge_learner *learner, int32_t *left, int32_t *right);
/* Replaces the pair that was taken last by `result`, a token that no word has yet. */
void merge_learner_merge(struct merge_learner *learner, int32_t result);

/* About what it takes of memory, with words of so many cells: an upper estimate for text. */
size_t merge_learner_bytes(size_t cells, bool wide);

/* Tokens that the words come to, as often as they occur. */
int64_t merge_learner_tokens(struct merge_learner *learner);

#endif
