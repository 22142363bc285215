/* philox: counter-based random numbers, Philox4x32-10.
 * Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11.
 *
 * A value is a pure function of (key, counter): what it is for, never who asks.
 * The key comes from the run's seed and a purpose; the counter holds the place
 * (step, sample, layer, element). No state, so any rank or thread gets the same.
 */
#ifndef BASE_PHILOX_H
#define BASE_PHILOX_H

#include <stdint.h>

enum random_purpose {
    RANDOM_INITIAL_WEIGHTS = 1,
    RANDOM_SHUFFLE_BLOCKS = 2,
    RANDOM_SHUFFLE_WINDOW = 3,
    RANDOM_SAMPLE_TOKEN = 4,
    RANDOM_HOLDOUT = 5,
    RANDOM_MIXTURE = 6,
    RANDOM_TEST = 99,
};

struct philox_key {
    uint32_t word[2];
};

struct philox_key philox_key(uint64_t seed, enum random_purpose purpose);
void philox_block(struct philox_key key, const uint32_t counter[4], uint32_t out[4]);

/* 64 random bits for place (a, b). */
uint64_t philox_u64(struct philox_key key, uint64_t a, uint64_t b);
/* Uniform in [0, 1), 53 bits. */
double philox_uniform(struct philox_key key, uint64_t a, uint64_t b);
/* Standard normal by Box and Muller, the same bits on every CPU (portable_math). */
double philox_normal(struct philox_key key, uint64_t a, uint64_t b);

#endif
