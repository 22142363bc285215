#include "shards/reading/keyed_permutation.h"

enum { FEISTEL_ROUNDS = 8 };

/* A permutation of [0, 4^half_bits) by a balanced Feistel network whose round function is
 * Philox. Luby, Rackoff: "How to construct pseudorandom permutations from pseudorandom
 * functions", SIAM J. Comput. 17 (1988): four rounds suffice; small domains deserve more. */
static uint64_t feistel(struct philox_key key, int half_bits, uint64_t value)
{
    const uint32_t mask = (uint32_t)(((uint64_t)1 << half_bits) - 1);
    uint32_t left = (uint32_t)(value >> half_bits), right = (uint32_t)value & mask;

    for (uint32_t round = 0; round < FEISTEL_ROUNDS; round++) {
        const uint32_t counter[4] = { right, round, 0, 0 };
        uint32_t mixed[4];
        philox_block(key, counter, mixed);
        uint32_t next = left ^ (mixed[0] & mask);
        left = right;
        right = next;
    }
    return (uint64_t)left << half_bits | right;
}

/* The network on the next power of four, walked until it comes back inside. Black, Rogaway:
 * "Ciphers with arbitrary finite domains", CT-RSA 2002. Takes at most four rounds of the walk on
 * average. */
int64_t keyed_permutation(struct philox_key key, int64_t length, int64_t value)
{
    if (length == 1)
        return 0;
    int half_bits = 1;
    while (((uint64_t)length - 1) >> (2 * half_bits) != 0)
        half_bits++;

    uint64_t at = (uint64_t)value;
    do
        at = feistel(key, half_bits, at);
    while (at >= (uint64_t)length);
    return (int64_t)at;
}

struct philox_key keyed_permutation_key(uint64_t seed, enum random_purpose purpose, int64_t a,
                                        int64_t b)
{
    uint64_t bits = philox_u64(philox_key(seed, purpose), (uint64_t)a, (uint64_t)b);
    return (struct philox_key){ { (uint32_t)bits, (uint32_t)(bits >> 32) } };
}
