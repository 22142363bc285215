#include "base/philox.h"

#include <math.h>

#include "base/portable_math.h"

/* The multipliers and the Weyl constants (golden ratio, sqrt(3) - 1) of the
 * paper's section 3.2 and table 2. */
void philox_block(struct philox_key key, const uint32_t counter[4], uint32_t out[4])
{
    enum { ROUNDS = 10 };
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key.word[0], k1 = key.word[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53 * c0;
        uint64_t product1 = (uint64_t)0xCD9E8D57 * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)product0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* The purpose is enciphered under the seed: keys of neighbouring seeds and
 * purposes share no pattern. */
struct philox_key philox_key(uint64_t seed, enum random_purpose purpose)
{
    struct philox_key seed_key = { { (uint32_t)seed, (uint32_t)(seed >> 32) } };
    uint32_t counter[4] = { (uint32_t)purpose, 0, 0, 0 }, out[4];
    philox_block(seed_key, counter, out);
    return (struct philox_key){ { out[0], out[1] } };
}

static void block_at(struct philox_key key, uint64_t a, uint64_t b, uint64_t out[2])
{
    uint32_t counter[4] = { (uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32) };
    uint32_t word[4];
    philox_block(key, counter, word);
    out[0] = word[0] | (uint64_t)word[1] << 32;
    out[1] = word[2] | (uint64_t)word[3] << 32;
}

uint64_t philox_u64(struct philox_key key, uint64_t a, uint64_t b)
{
    uint64_t bits[2];
    block_at(key, a, b, bits);
    return bits[0];
}

double philox_uniform(struct philox_key key, uint64_t a, uint64_t b)
{
    return (double)(philox_u64(key, a, b) >> 11) * 0x1p-53;
}

/* Box and Muller, Annals of Mathematical Statistics 29 (1958): the radius from
 * a uniform number in (0, 1], whose logarithm is finite. */
double philox_normal(struct philox_key key, uint64_t a, uint64_t b)
{
    static const double two_pi = 6.283185307179586;
    uint64_t bits[2];
    block_at(key, a, b, bits);
    double u = (double)((bits[0] >> 11) + 1) * 0x1p-53;
    double v = (double)(bits[1] >> 11) * 0x1p-53;
    return sqrt(-2.0 * portable_log(u)) * portable_cos(two_pi * v);
}
