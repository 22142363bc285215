/* keyed_permutation: of [0, length), a pure function of a key; no state, no table. */
#ifndef SHARDS_KEYED_PERMUTATION_H
#define SHARDS_KEYED_PERMUTATION_H

#include "base/philox.h"

/* Where `value` goes; 0 <= value < length <= 2^62. */
int64_t keyed_permutation(struct philox_key key, int64_t length, int64_t value);

/* A key of its own for each purpose and place. */
struct philox_key keyed_permutation_key(uint64_t seed, enum random_purpose purpose, int64_t a,
                                        int64_t b);

#endif
