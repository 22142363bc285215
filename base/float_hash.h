/* float_hash: 64 bits that stand for an array of floats, taken at about the speed of memory.
 *
 * It finds errors of memory and processors; it is no defence against an adversary. A change
 * within one word always changes the hash, since every step maps words one to one; any other
 * change goes unseen about once in 2^64. Bits count: 0 and -0 differ.
 *
 *   floats     f0 f1 | f2 f3 | ... | f14 f15 | f16 f17 | ...    a word: the bits of a float, and
 *   lanes        0       1     ...      7    |    0      ...    above them those of the next
 *
 *   step       lane = rotate_left(lane ^ word, 29) * 0x9e3779b97f4a7c15, modulo 2^64
 *
 * A block is up to FLOAT_HASH_BLOCK floats, the last word filled up with a zero. Lane j starts at
 * (j + 1) * 0x9e3779b97f4a7c15; the block's hash starts at its number of floats and takes the eight
 * lanes by the same step; the array's starts at its number of floats and takes the blocks. So it
 * is the same on every machine and for every number of threads.
 */
#ifndef BASE_FLOAT_HASH_H
#define BASE_FLOAT_HASH_H

#include "base/thread_pool.h"

#define FLOAT_HASH_BLOCK ((int64_t)32768)

struct float_part {
    int64_t begin, end; /* elements of a vector */
};

/* hashes[i] of the elements in parts[i], for i in [0, count): one run of the pool for all. */
void float_hash_parts(struct thread_pool *pool, const float *vector, const struct float_part *parts,
                      int64_t count, uint64_t *hashes);

/* One for many: starts at `count` and takes the hashes by the same step. */
uint64_t float_hash_join(const uint64_t *hashes, int64_t count);

#endif
