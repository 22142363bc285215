/* minhash: keys by which near duplicates find each other.
 *
 * A document is the set of its 5-grams of words (lower-cased, without
 * punctuation, white space made one). For each of 14 · 8 hash functions the
 * least value over the set is kept; the 8 of a band together make its key, and
 * two documents that share a band's key are near duplicates. With Jaccard
 * similarity s that is so with probability 1 - (1 - s^8)^14 (Broder, "On the
 * resemblance and containment of documents", 1997; FineWeb, arXiv 2406.17557,
 * takes 14 bands of 8).
 */
#ifndef SHARDS_MINHASH_H
#define SHARDS_MINHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MINHASH_NGRAM = 5, MINHASH_BANDS = 14, MINHASH_ROWS = 8 };

struct minhash; /* scratch, for one thread */
struct minhash *minhash_create(void);
void minhash_free(struct minhash *minhash); /* NULL is allowed */

/* False, and no keys, where the text has fewer than MINHASH_NGRAM words. Keys of different bands
 * differ even where their minima are equal. The same on every machine. */
bool minhash_keys(struct minhash *minhash, const char *text, size_t length,
                  uint64_t keys[MINHASH_BANDS]);

#endif
