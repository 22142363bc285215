/* merge_learner: how often each pair of adjacent tokens occurs in a set of
 * counted words, kept up to date while pairs are merged.
 *
 *   words   | t h e | t h i s | ...      tokens; a merge shortens a word in place
 *   pairs   (t,h): count, occurrences -> word 1 -> word 0
 *
 * A merge visits the words of its pair alone. An occurrence list may name words
 * from which the pair has gone; it names every word that has it. The queue may
 * hold counts that have shrunk since; such an entry is put back with the true
 * count when it comes first, so the first true one is the most frequent.
 */
#ifndef SHARDS_MERGE_LEARNER_H
#define SHARDS_MERGE_LEARNER_H

#include "shards/byte_map.h"

struct merge_learner;

/* Word i is words' string i, which occurs counts[i] times; byte b is token byte_token[b]. */
struct merge_learner *merge_learner_create(const struct byte_map *words, const int64_t *counts,
                                           const int32_t byte_token[256]);
void merge_learner_free(struct merge_learner *learner);

/* Takes the most frequent pair that occurs twice or more; false if there is none. It is not
 * offered again. */
bool merge_learner_take(struct merge_learner *learner, int32_t *left, int32_t *right);
/* Replaces the pair by `result`, a token that no word has yet. */
void merge_learner_merge(struct merge_learner *learner, int32_t left, int32_t right,
                         int32_t result);

#endif
